"""The encoder of a run, ready to load: one folder with `config.json`, weights and `tokenizer.json`."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from tokenizers import Tokenizer
from transformers import AutoConfig

from model.bundle import canonical_json
from model.errors import BadConfig
from training.recipe import WEIGHTS, EncoderSource, Recipe
from training.scratch_encoder import make_scratch_encoder
from training.vocabulary import tokenizer_from_sentencepiece

SENTENCEPIECE_NAMES = ("sentencepiece.bpe.model", "spm.model")
"""What XLM-RoBERTa and DeBERTa call their SentencePiece model."""

POSITIONS_AFTER_PADDING = {"bert": False, "deberta-v2": False, "roberta": True, "xlm-roberta": True}
"""The families of encoders that training knows, and whether their positions count from the id after the
padding token's, so that the table of positions holds fewer tokens than it has rows."""

LONGEST_WAIT = timedelta(hours=4)
"""How long processes wait for the first one, which may teach a new encoder meanwhile."""

_MADE_FROM = "made_from.json"


def prepare_encoder(recipe: Recipe, texts: Sequence[str], run_folder: Path) -> Path:
    """The folder of the recipe's encoder, verified; what has to be made is made once, under `encoder/` there.

    `texts` are the normalised training posts, from which an encoder from scratch has its vocabulary.
    Raises: BadConfig if the encoder is absent, altered, of an unknown family or too short for `max_tokens`,
    or if the run folder holds one made from something else.
    """
    source, own = recipe.encoder, run_folder / "encoder"
    if source.scratch is not None:
        facts = {
            "scratch": source.scratch.model_dump(),
            "max_tokens": recipe.max_tokens,
            "batch_posts": recipe.batch_posts,
            "seed": recipe.seed,
            "texts_sha256": _sha256_of_texts(texts),
        }
        folder = _made_once(own, facts, lambda at: make_scratch_encoder(at, recipe, texts))
    elif "tokenizer.json" in source.sha256:
        folder = source.locate()
    else:
        located = source.locate()
        facts = {"sha256": source.sha256, "config": json.loads((located / "config.json").read_bytes())}
        folder = _made_once(own, facts, lambda at: _with_tokenizer(at, located, source))
    _check(folder, recipe.max_tokens)
    return folder


def first_process_first() -> AbstractContextManager[None]:
    """A block that the first of several processes runs before the others; they find what it has made."""
    processes = PartialState(cpu=not torch.cuda.is_available(), timeout=LONGEST_WAIT)
    block: AbstractContextManager[None] = processes.main_process_first()
    return block


def pad_token_id(folder: Path) -> int:
    """The id that fills short rows: RoBERTa's is not 0. Raises: BadConfig if the encoder names none."""
    found = _config(folder).pad_token_id
    if not isinstance(found, int):
        raise BadConfig("encoder: config.json names no pad_token_id")
    return found


def encoder_sha256(folder: Path) -> str:
    """One SHA-256 over the files that a run loads: another encoder is another run."""
    digest = hashlib.sha256()
    for name in ("config.json", "tokenizer.json", *WEIGHTS):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                digest.update(name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _made_once(folder: Path, facts: dict[str, Any], make: Callable[[Path], None]) -> Path:
    """`folder`, made by `make` unless it holds already what was made from the same facts."""
    written = canonical_json(facts)
    if folder.exists():
        if not (folder / _MADE_FROM).is_file() or (folder / _MADE_FROM).read_bytes() != written:
            raise BadConfig(f"{folder}: made by another recipe or from other posts; choose another --out")
        return folder
    staging = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    make(staging)
    (staging / _MADE_FROM).write_bytes(written)
    staging.rename(folder)
    return folder


def _with_tokenizer(folder: Path, located: Path, source: EncoderSource) -> None:
    """Fills `folder` with links to the encoder's files and a `tokenizer.json` made from its SentencePiece."""
    family = _config(located).model_type
    model = next((name for name in SENTENCEPIECE_NAMES if name in source.sha256), None)
    if model is None:
        raise BadConfig(
            f"encoder: sha256 must pin tokenizer.json, or one of {', '.join(SENTENCEPIECE_NAMES)}"
        )
    tokenizer_from_sentencepiece(located / model, family).save(str(folder / "tokenizer.json"))
    for name in {"config.json", *source.sha256}:
        (folder / name).symlink_to((located / name).resolve())  # a copy may be gigabytes


def _check(folder: Path, max_tokens: int) -> None:
    config = _config(folder)
    if config.model_type not in POSITIONS_AFTER_PADDING:
        known = ", ".join(POSITIONS_AFTER_PADDING)
        raise BadConfig(f"encoder: its family is {config.model_type}; training knows {known}")
    padding = pad_token_id(folder)
    before = padding + 1 if POSITIONS_AFTER_PADDING[config.model_type] else 0
    if max_tokens > config.max_position_embeddings - before:
        most = config.max_position_embeddings - before
        raise BadConfig(f"max_tokens: {max_tokens}, but the encoder reads at most {most}")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if max(tokenizer.get_vocab().values()) >= config.vocab_size:
        raise BadConfig("encoder: tokenizer.json has ids beyond the encoder's vocabulary")
    if tokenizer.id_to_token(padding) is None:
        raise BadConfig(f"encoder: tokenizer.json has no token {padding}, which config.json pads with")


def _config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError):
        raise BadConfig(f"encoder: {folder / 'config.json'} cannot be used") from None


def _sha256_of_texts(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()
