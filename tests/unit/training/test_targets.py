"""Bundles and networks of others as targets: what they score, and where they do not; specs and settings."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from model.bundle import Bundle  # noqa: E402 - only importable with torch
from model.errors import BadConfig, BadFile, Fault  # noqa: E402 - the same
from model.onnx_classifier import OnnxClassifier  # noqa: E402 - the same
from model.taxonomy import HEAD_ORDER  # noqa: E402 - the same
from training.targets import open_target  # noqa: E402 - the same
from training.targets.specs import read_options  # noqa: E402 - the same
from training.targets.target_settings import load_target_settings  # noqa: E402 - the same

pytestmark = pytest.mark.training

GERMAN = "Die Bibliothek in unserer Stadt ist am Sonntag leider geschlossen, sagte der Bürgermeister."
ENGLISH = "The library in our town is closed on Sunday."
PAIR = {0: "not_hate", 1: "hate"}

Folder = Callable[..., Path]


# --- bundles ---------------------------------------------------------------------------------------


def test_bundle_scores_as_its_classifier_does(tiny_bundle: Path) -> None:
    texts = ["tea and hateword", "tea", "farword", "tea"]
    target = open_target(str(tiny_bundle))

    found = target.score(texts)

    bundle = Bundle.load(tiny_bundle)
    assert found.dtype == np.float32
    assert np.array_equal(found, OnnxClassifier(bundle).score(texts).values)
    assert (target.name, target.identity, target.heads) == ("tiny", bundle.bundle_id, HEAD_ORDER)
    assert dict(target.thresholds) == dict.fromkeys(HEAD_ORDER, 0.5)
    assert target.unanswered == {}


def test_language_that_the_bundle_does_not_read_has_no_scores(english_bundle: Path) -> None:
    target = open_target(str(english_bundle))

    found = target.score([GERMAN, ENGLISH, GERMAN])

    assert np.isnan(found[[0, 2]]).all()
    assert np.isfinite(found[1]).all()
    assert target.answered([GERMAN, ENGLISH]).tolist() == [False, True]
    assert target.unanswered == {"language": 1}


def test_text_that_the_bundle_refuses_is_counted_and_spoils_no_other(tiny_bundle: Path) -> None:
    target = open_target(str(tiny_bundle))

    found = target.score(["hateword", "x" * 10_001, "   ", "tea"])

    assert np.isnan(found).all(axis=1).tolist() == [False, True, True, False]
    assert found[0, 0] > 0.9 > found[3, 0]
    assert target.unanswered == {"text_too_long": 1, "text_empty": 1}


def test_no_texts_give_no_rows(tiny_bundle: Path) -> None:
    assert open_target(str(tiny_bundle)).score([]).shape == (0, 4)


def test_bundle_takes_no_options(tiny_bundle: Path) -> None:
    with pytest.raises(BadConfig, match="behind"):
        open_target(f"{tiny_bundle}?threshold.hate=0.9")


# --- networks of others ----------------------------------------------------------------------------


@pytest.fixture
def network_folder(tmp_path: Path, tiny_encoder: Path) -> Folder:
    """Writes a seeded two-layer sequence classifier: (id2label, **members of its config)."""

    def write(labels: dict[int, str], name: str = "other", **config: Any) -> Path:
        folder = tmp_path / name
        torch.manual_seed(11)
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(tiny_encoder / "tokenizer.json"), pad_token="[PAD]", unk_token="[UNK]"
        )
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        made = transformers.BertConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=64,
            id2label=labels,
            label2id={label: place for place, label in labels.items()},
            initializer_range=0.1,
            **sizes,
            **config,
        )
        transformers.BertForSequenceClassification(made).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return write


def own_logits(folder: Path, text: str) -> list[float]:
    """The network's logits for one text, by the library, without our batches and padding."""
    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=64)
        logits: list[float] = network(**ids).logits[0].tolist()
    return logits


TEXTS = ["the council opened a new library", "tea", "we walked home through the park because rain " * 9]


def test_softmax_network_gives_the_probability_of_its_hate_label(network_folder: Folder) -> None:
    folder = network_folder(PAIR)
    target = open_target(str(folder))

    found = target.score(TEXTS)

    for row, text in zip(found, TEXTS, strict=True):
        powers = [math.exp(value) for value in own_logits(folder, text)]
        assert row[0] == pytest.approx(powers[1] / sum(powers), abs=1e-5)
    assert np.isnan(found[:, 1:]).all()
    assert len(set(found[:, 0].tolist())) == len(TEXTS)
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert (target.name, target.identity, target.heads) == ("other", f"sha256:{weights}", ("hate",))
    assert target.thresholds == {"hate": 0.5}


def test_sigmoid_network_gives_each_label_by_itself(network_folder: Folder) -> None:
    labels = {0: "Antisemitism", 1: "hate_speech", 2: "insult"}
    folder = network_folder(labels, problem_type="multi_label_classification")
    target = open_target(str(folder))

    found = target.score(TEXTS)

    for row, text in zip(found, TEXTS, strict=True):
        logits = own_logits(folder, text)
        assert row[0] == pytest.approx(1 / (1 + math.exp(-logits[1])), abs=1e-5)
        assert row[1] == pytest.approx(1 / (1 + math.exp(-logits[0])), abs=1e-5)
    assert np.isnan(found[:, 2:]).all()
    assert target.heads == ("hate", "antisemitic")


def test_several_labels_of_a_softmax_are_summed(network_folder: Folder) -> None:
    folder = network_folder({0: "normal", 1: "offensive", 2: "slur"})

    both = open_target(f"{folder}?hate=offensive,slur&threshold.hate=0.7")
    one, other = open_target(f"{folder}?hate=offensive"), open_target(f"{folder}?hate=slur")

    parts = one.score(TEXTS)[:, 0] + other.score(TEXTS)[:, 0]
    assert both.score(TEXTS)[:, 0] == pytest.approx(parts, abs=1e-6)
    assert both.thresholds == {"hate": 0.7}


def test_labels_that_mean_nothing_are_refused_and_named(network_folder: Folder) -> None:
    folder = network_folder({0: "LABEL_0", 1: "LABEL_1"})

    with pytest.raises(BadConfig, match=r"'LABEL_0', 'LABEL_1'.*\?hate=LABEL"):
        open_target(str(folder))
    with pytest.raises(BadConfig, match="hate: no such label"):
        open_target(f"{folder}?hate=LABEL_2")
    with pytest.raises(BadConfig, match="always score 1"):
        open_target(f"{folder}?hate=LABEL_0,LABEL_1")
    assert np.isfinite(open_target(f"{folder}?hate=LABEL_1").score(TEXTS)[:, 0]).all()


def test_file_in_the_folder_says_what_labels_mean_and_the_spec_overrules_it(network_folder: Folder) -> None:
    folder = network_folder({0: "LABEL_0", 1: "LABEL_1"})
    said = {
        "valid_from": "2026-11-22",
        "labels": {"far_right": ["LABEL_1"]},
        "thresholds": {"far_right": 0.3},
    }
    (folder / "watchhouse-target.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")

    target = open_target(str(folder))

    assert (target.heads, target.thresholds) == (("far_right",), {"far_right": 0.3})
    assert open_target(f"{folder}?hate=LABEL_1").heads == ("hate",)
    (folder / "watchhouse-target.yaml").write_text("labels: {hatred: [LABEL_1]}\n", encoding="utf-8")
    with pytest.raises(BadConfig, match="hatred"):
        open_target(str(folder))


def test_encoder_without_its_classifier_is_refused(network_folder: Folder, tmp_path: Path) -> None:
    folder = network_folder(PAIR)
    bare = tmp_path / "bare"
    transformers.AutoModelForSequenceClassification.from_pretrained(folder).bert.save_pretrained(bare)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, bare / name)

    with pytest.raises(BadFile, match=r"weights lack 2 of the network: classifier\."):
        open_target(str(bare))


def test_weights_that_are_no_safetensors_are_refused(network_folder: Folder) -> None:
    folder = network_folder(PAIR)
    torch.save(
        transformers.AutoModelForSequenceClassification.from_pretrained(folder).state_dict(),
        folder / "pytorch_model.bin",
    )
    (folder / "model.safetensors").unlink()

    with pytest.raises(BadFile, match=r"has no model\.safetensors"):
        open_target(str(folder))


def test_code_in_the_folder_is_not_run(network_folder: Folder, tmp_path: Path) -> None:
    folder = network_folder(PAIR)
    trace = tmp_path / "was-run"
    (folder / "own.py").write_text(f"open({str(trace)!r}, 'w').close()\n", encoding="utf-8")
    config = json.loads((folder / "config.json").read_text())
    del config["architectures"]
    config["model_type"] = "nobody_knows"
    config["auto_map"] = {
        "AutoConfig": "own.OwnConfig",
        "AutoModelForSequenceClassification": "own.OwnNetwork",
    }
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(BadFile, match="without code of its own"):
        open_target(str(folder))
    assert not trace.exists()


# --- specs and settings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec", ["", "/no/such/folder", "https://ada:s3cret@host/v1", "other+https://s3cret@host", "ftp://s3cret"]
)
def test_spec_that_names_nothing_is_refused_without_what_may_be_a_password(spec: str) -> None:
    with pytest.raises(BadConfig, match=r"watchhouse\|perspective\|openai\|azure\+http") as refused:
        open_target(spec)
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize(
    "query",
    [
        "key=s3cret",
        "hate",
        "hate=a&hate=b",
        "threshold.hate=2",
        "threshold.hate=s3cret",
        "s3cret/=1",
        "hate=",
    ],
)
def test_parameter_that_is_not_known_is_refused_without_its_value(query: str) -> None:
    with pytest.raises(BadConfig, match="target") as refused:
        read_options(query)
    assert "s3cret" not in refused.value.message


def test_folder_whose_name_has_a_question_mark_is_found(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "which one?"
    shutil.copytree(tiny_bundle, folder)

    assert open_target(str(folder)).name == "tiny"


def test_settings_refuse_a_head_that_does_not_exist(tmp_path: Path) -> None:
    settings = load_target_settings().model_dump(mode="json")
    settings["openai"]["thresholds"] = {"hatred": 0.5}
    (tmp_path / "targets.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    with pytest.raises(Fault, match="hatred"):
        load_target_settings(tmp_path / "targets.yaml")
