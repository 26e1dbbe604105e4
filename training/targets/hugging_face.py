"""A Hugging Face folder as a target: somebody else's text classifier, from files on this machine alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import torch
from pydantic import Field
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadConfig, BadFile
from model.taxonomy import HEAD_ORDER
from training.targets.remembering import Answer, RememberingTarget
from training.targets.specs import SpecOptions
from training.targets.target_settings import NamesByHead, SharesByHead, TargetSettings

CONFIG: Final = "config.json"
OWN_FILE: Final = "watchhouse-target.yaml"
INDEX: Final = "model.safetensors.index.json"
WEIGHTS: Final = "model.safetensors"
NOT_TEXT: Final = "not_text"
_APART = re.compile(r"[\s_\-]+")


class TargetFile(FrozenConfig):
    """`watchhouse-target.yaml` in the folder: which labels mean which head, for whoever evaluates it next."""

    valid_from: date
    labels: NamesByHead
    thresholds: SharesByHead = Field(default_factory=dict)
    max_tokens: Annotated[int, Field(ge=8)] | None = None


class HuggingFaceTarget(RememberingTarget):
    """Softmax or sigmoid of a sequence classifier, by the library's own rule; long texts are cut, as it does.

    Loaded from safetensors only, without code from the folder and without the network. A head with several
    labels takes their sum after a softmax, their largest after a sigmoid.

    Raises: BadConfig when the labels cannot be mapped; BadFile when the folder cannot be loaded whole.
    """

    def __init__(self, folder: Path, options: SpecOptions, settings: TargetSettings) -> None:
        own = load_yaml(folder / OWN_FILE, TargetFile)[0] if (folder / OWN_FILE).is_file() else None
        self._network, self._tokenizer = _loaded(folder)
        config = self._network.config
        self._is_softmax = _is_softmax(config, folder)
        labels = {int(place): str(label) for place, label in config.id2label.items()}
        names = options.names or (own.labels if own else {})
        self.labels = map_labels(labels, names, settings.hugging_face.heads)
        self._places = {
            head: [p for p in labels if labels[p] in found] for head, found in self.labels.items()
        }
        if self._is_softmax and any(len(places) == len(labels) for places in self._places.values()):
            raise BadConfig("labels: a head with all labels would always score 1", field="labels")
        self._max_tokens = _max_tokens(config, self._tokenizer, own, settings.hugging_face.most_tokens)
        self._posts_per_run = settings.hugging_face.posts_per_run
        said = {**(own.thresholds if own else {}), **options.thresholds}
        thresholds = {head: said.get(head, settings.threshold) for head in self.labels}
        identity = f"sha256:{weights_sha256(folder)}"
        super().__init__(folder.resolve().name, identity, tuple(self.labels), thresholds)

    def _ask(self, texts: Sequence[str]) -> Iterator[Answer]:
        # Texts of like length together; a thousand at a time, so that answers come while work goes on.
        for start in range(0, len(texts), 1024):
            chunk = texts[start : start + 1024]
            order = sorted(range(len(chunk)), key=lambda place: len(chunk[place]))
            answers: dict[int, Answer] = {}
            for first in range(0, len(order), self._posts_per_run):
                places = order[first : first + self._posts_per_run]
                answers.update(zip(places, self._run([chunk[place] for place in places]), strict=True))
            yield from (answers[place] for place in range(len(chunk)))

    def _run(self, texts: list[str]) -> list[Answer]:
        fit = [text for text in texts if not any("\ud800" <= character <= "\udfff" for character in text)]
        answers = iter(self._probabilities(fit) if fit else ())
        kept = set(fit)
        return [next(answers) if text in kept else NOT_TEXT for text in texts]

    def _probabilities(self, texts: list[str]) -> list[Answer]:
        encoded = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt"
        ).to(self._network.device)
        with torch.inference_mode():
            logits = self._network(**encoded).logits.float().cpu()
        if not torch.isfinite(logits).all():
            raise BadFile("target: the network gives scores that are no finite numbers", field="target")
        shares = torch.softmax(logits, dim=1) if self._is_softmax else torch.sigmoid(logits)
        rows: list[Answer] = []
        for row in shares.tolist():
            found = {head: [row[place] for place in places] for head, places in self._places.items()}
            rows.append(
                {h: min(1.0, sum(values)) if self._is_softmax else max(values) for h, values in found.items()}
            )
        return rows


def map_labels(
    labels: Mapping[int, str], said: Mapping[str, tuple[str, ...]], known: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """By head the network's own labels that mean it: as `said`, else those that are called like it.

    Raises: BadConfig naming the labels, if one that was said does not exist or none means any head.

    >>> map_labels({0: "not_hate", 1: "Hate_Speech"}, {}, {"hate": ("hate speech",)})
    {'hate': ('Hate_Speech',)}
    """
    offered = f"the network's labels are {', '.join(repr(label) for label in labels.values())}"
    if len(set(labels.values())) != len(labels):
        raise BadConfig(f"labels: two have one name; {offered}", field="labels")
    for head, names in said.items():
        if not names or any(name not in labels.values() for name in names):
            raise BadConfig(f"labels: {head}: no such label; {offered}", field="labels")
    if said:
        return {head: tuple(said[head]) for head in HEAD_ORDER if head in said}
    alike = {
        head: tuple(
            label for label in labels.values() if _plain(label) in {_plain(n) for n in known.get(head, ())}
        )
        for head in HEAD_ORDER
    }
    found = {head: names for head, names in alike.items() if names}
    if not found:
        raise BadConfig(
            f"labels: none is known to mean hate; {offered}. Say which: FOLDER?hate=LABEL, or `labels:` in "
            f"{OWN_FILE} in the folder",
            field="labels",
        )
    return found


def weights_sha256(folder: Path) -> str:
    """The SHA-256 of the weights file; of several, that of their names and hashes in order.

    Raises: BadFile if the folder has no safetensors.
    """
    files = sorted(folder.glob("*.safetensors")) if (folder / INDEX).is_file() else [folder / WEIGHTS]
    digests = []
    for path in files:
        if not path.is_file():
            raise BadFile(f"{folder}: has no {WEIGHTS}; other weights are not loaded", field="target")
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(digests) == 1:
        return digests[0]
    listed = "".join(f"{digest}  {path.name}\n" for digest, path in zip(digests, files, strict=True))
    return hashlib.sha256(listed.encode()).hexdigest()


def _loaded(folder: Path) -> tuple[Any, Any]:
    weights_sha256(folder)  # says what is missing in our words
    if (folder / "adapter_config.json").exists():
        raise BadFile(f"{folder}: holds an adapter; merge it into the weights first", field="target")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    careful: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(folder, **careful)
        network, report = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            **careful,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, **careful)
    except Exception as error:
        # The libraries have many unrelated classes for one thing: the folder does not load.
        why = type(error).__name__
        raise BadFile(
            f"{folder}: cannot be loaded as a sequence classifier without code of its own ({why})",
            field="target",
        ) from None
    if missing := sorted(report["missing_keys"]):
        # The library fills these with random numbers: an encoder without its classifier scores noise.
        raise BadFile(
            f"{folder}: the weights lack {len(missing)} of the network: {missing[0]}", field="target"
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return network.to(device).eval(), tokenizer


def _is_softmax(config: Any, folder: Path) -> bool:
    """Source: transformers, `TextClassificationPipeline.postprocess`: sigmoid for several labels or one."""
    if config.problem_type == "regression":
        raise BadConfig(f"{folder / CONFIG}: problem_type is regression: no probabilities", field="target")
    return bool(config.problem_type != "multi_label_classification" and config.num_labels > 1)


def _max_tokens(config: Any, tokenizer: Any, own: TargetFile | None, most: int) -> int:
    """Tokens of a text that are read: as said, else what tokenizer and positions allow, at most `most`."""
    positions = getattr(config, "max_position_embeddings", None) or most
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        positions -= config.pad_token_id + 1  # their positions count from behind the padding's
    allowed = min(int(tokenizer.model_max_length), positions)
    return min(own.max_tokens if own and own.max_tokens else most, allowed)


def _plain(label: str) -> str:
    return _APART.sub("", label).casefold()
