"""The ONNX classifier: foretold scores, in order, the same in any company and from any thread."""

from __future__ import annotations

import dataclasses
import json
import random
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, external_data_helper, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

from model.bundle import Bundle
from model.classifier import Classifier, load_classifier
from model.errors import BundleRefused, NotText, TextEmpty, TextTooLong, Unavailable
from model.onnx_classifier import OnnxClassifier
from model.onnx_session import open_session
from model.taxonomy import SPEECH_ACT_ORDER

HIGH, LOW = 1 / (1 + np.exp(-4.0)), 1 / (1 + np.exp(4.0))
WORDS = ["hateword", "antiword", "islamword", "farword", "maybeword", "tea", "garden", "bus"]


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return Bundle.load(tiny_bundle)


@pytest.fixture(scope="module")
def classifier(bundle: Bundle) -> Classifier:
    return OnnxClassifier(bundle, threads=2)


def with_network(bundle: Bundle, change: Callable[[onnx.ModelProto], object]) -> Bundle:
    model = onnx.load_from_string(bundle.model_bytes)
    change(model)
    return dataclasses.replace(bundle, model_bytes=model.SerializeToString())


def test_keywords_give_foretold_scores_in_order(classifier: Classifier, bundle: Bundle) -> None:
    scores = classifier.score(["tea", "farword, tea", "a maybeword", "islamword antiword", "hateword"])
    expected = [
        [LOW, LOW, LOW, LOW],
        [HIGH, LOW, LOW, HIGH],
        [0.5, LOW, LOW, LOW],
        [HIGH, HIGH, HIGH, LOW],
        [HIGH, LOW, LOW, LOW],
    ]
    assert scores.values.dtype == np.float32
    assert np.allclose(scores.values, expected, atol=1e-6)
    assert scores.bundle_id == classifier.bundle_id == bundle.bundle_id
    assert classifier.thresholds == bundle.thresholds


def test_loading_by_folder_gives_the_same_scores(tiny_bundle: Path, classifier: Classifier) -> None:
    texts = ["hateword and tea", "tea"]
    loaded = load_classifier(tiny_bundle, threads=1)
    assert np.array_equal(loaded.score(texts).values, classifier.score(texts).values)


def test_no_texts_give_no_scores(classifier: Classifier) -> None:
    assert classifier.score([]).values.shape == (0, 4)


def test_text_is_normalised_before_it_is_read(classifier: Classifier) -> None:
    plain, wide = classifier.score(["hateword", "ｈａｔｅ\u200bｗｏｒｄ"]).values
    assert np.array_equal(plain, wide)


def test_keyword_beyond_max_tokens_is_found_and_its_window_named(classifier: Classifier) -> None:
    # 64 tokens with [CLS] and [SEP]: a text of 62 words is read in one piece.
    texts = ["tea " * 61 + "hateword", "tea " * 70 + "hateword" + " tea" * 90, "tea " * 200]
    scores = classifier.score(texts)
    assert np.allclose(scores.values[:, 0], [HIGH, HIGH, LOW], atol=1e-6)
    assert scores.window(0) is None
    at = texts[1].index("hateword")
    found = scores.window(1)
    assert found is not None
    assert found[0] <= at < at + len("hateword") <= found[1]
    assert len(texts[1][slice(*found)].split()) == 62
    assert scores.window(2) == (0, 62 * 4 - 1)
    assert scores.cut == frozenset()


def test_window_is_named_in_the_raw_text(classifier: Classifier) -> None:
    raw = "tea  " * 100 + "ｈａｔｅ\u200bｗｏｒｄ" + " tea" * 10
    (window,) = classifier.score([raw]).windows
    assert window is not None
    assert "ｈａｔｅ\u200bｗｏｒｄ" in raw[slice(*window)]


def test_short_texts_have_no_windows(classifier: Classifier) -> None:
    scores = classifier.score(["tea", "hateword"])
    assert scores.windows == ()
    assert scores.window(1) is None


def test_each_head_takes_its_own_largest_window(classifier: Classifier) -> None:
    values = classifier.score(["antiword" + " tea" * 120 + " islamword"]).values
    assert np.allclose(values, [[HIGH, HIGH, HIGH, LOW]], atol=1e-6)


def test_first_window_alone_is_what_training_reads(bundle: Bundle) -> None:
    texts = ["tea " * 62 + "hateword", "hateword " + "tea " * 80, "tea"]
    classifier = OnnxClassifier(bundle)
    assert classifier.logits(texts, first_window_only=True)[:, 0].tolist() == [-4.0, 4.0, -4.0]
    assert classifier.logits(texts)[:, 0].tolist() == [4.0, 4.0, -4.0]


def test_annotation_gives_words_their_raw_place_and_probability(bundle: Bundle) -> None:
    raw = "Tea,\n ｈａｔｅｗｏｒｄ maybeword"
    (found,) = OnnxClassifier(bundle).annotate([raw])
    assert found.logits.tolist() == [4.0, -4.0, -4.0, -4.0]
    assert found.window is None
    assert found.token_rationales is not None
    words = [(raw[start:end], round(value, 3)) for start, end, value in found.token_rationales]
    assert words == [("Tea", 0.018), (",", 0.018), ("ｈａｔｅｗｏｒｄ", 0.982), ("maybeword", 0.5)]
    assert found.speech_act is not None
    assert found.speech_act.sum() == pytest.approx(1.0)


def test_annotation_tells_endorsing_from_neutral(bundle: Bundle) -> None:
    found = OnnxClassifier(bundle).annotate(["hateword", "tea", "maybeword"])
    acts = [SPEECH_ACT_ORDER[int(one.speech_act.argmax())] for one in found if one.speech_act is not None]
    assert acts == ["endorses", "neutral", "endorses"]


def test_annotation_of_a_long_text_holds_every_word_once_in_order(bundle: Bundle) -> None:
    raw = "tea " * 100 + "antiword " + "bus " * 50
    (found,) = OnnxClassifier(bundle).annotate([raw])
    assert found.token_rationales is not None
    assert [raw[start:end] for start, end, _ in found.token_rationales] == raw.split()
    high = [place for place, (_, _, value) in enumerate(found.token_rationales) if value > 0.5]
    assert high == [100]
    assert found.window == OnnxClassifier(bundle).score([raw]).window(0)
    assert found.speech_act is not None
    assert SPEECH_ACT_ORDER[int(found.speech_act.argmax())] == "endorses"


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=150).map(" ".join), max_size=8))
def test_annotating_and_scoring_agree_whatever_the_company(bundle: Bundle, texts: list[str]) -> None:
    classifier = OnnxClassifier(bundle, threads=1)
    scores = classifier.score(texts)
    for place, found in enumerate(classifier.annotate(texts)):
        assert np.allclose(bundle.calibration.apply(found.logits[None])[0], scores.values[place], atol=1e-6)
        assert found.window == scores.window(place)
        assert found.token_rationales is not None
        assert [texts[place][start:end] for start, end, _ in found.token_rationales] == texts[place].split()


def test_annotation_uses_the_bundles_calibration(bundle: Bundle) -> None:
    calibration = dataclasses.replace(
        bundle.calibration, speech_act_temperature=5.0, rationale_slope=0.5, rationale_intercept=1.0
    )
    (found,) = OnnxClassifier(dataclasses.replace(bundle, calibration=calibration)).annotate(["hateword"])
    weights = np.exp([1.0, 0.0, 0.0, 0.0, -1.0])
    assert found.speech_act is not None
    assert np.allclose(found.speech_act, weights / weights.sum(), atol=1e-6)
    assert found.token_rationales is not None
    assert found.token_rationales[0][2] == pytest.approx(1 / (1 + np.exp(-3.0)), abs=1e-6)


def test_bundle_without_the_further_outputs_scores_the_same_and_annotates_none(
    plain_bundle: Path, classifier: Classifier
) -> None:
    plain = OnnxClassifier(Bundle.load(plain_bundle))
    texts = ["hateword and tea", "tea " * 90 + "farword"]
    assert np.array_equal(plain.score(texts).values, classifier.score(texts).values)
    assert plain.rationale_threshold is None
    for found in plain.annotate(texts):
        assert found.speech_act is None
        assert found.token_rationales is None


@given(
    texts=st.lists(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=90).map(" ".join), min_size=1, max_size=40
    ),
    seed=st.integers(0, 1000),
)
def test_scores_do_not_depend_on_company_or_order(
    classifier: Classifier, texts: list[str], seed: int
) -> None:
    together = classifier.score(texts).values
    order = list(range(len(texts)))
    random.Random(seed).shuffle(order)
    shuffled = classifier.score([texts[index] for index in order]).values
    alone = np.concatenate([classifier.score([text]).values for text in texts])
    assert np.abs(together[order] - shuffled).max() <= 1e-5
    assert np.abs(together - alone).max() <= 1e-5


def test_many_threads_get_their_own_scores(classifier: Classifier) -> None:
    def one(number: int) -> bool:
        texts = [WORDS[(number + step) % len(WORDS)] for step in range(30)]
        first = classifier.score(texts).values[0, 0]
        expected = {"maybeword": 0.5}.get(texts[0], HIGH if texts[0].endswith("word") else LOW)
        return abs(float(first) - float(expected)) < 1e-5

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(200)))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", TextEmpty),
        (" \n", TextEmpty),
        ("\u200b", TextEmpty),
        (" \u2060\ufe0f", TextEmpty),
        ("a\0", NotText),
        ("\ud800", NotText),
        ("a" * 10_001, TextTooLong),
    ],
)
def test_bad_text_is_refused(classifier: Classifier, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        classifier.score(["tea", text])


@pytest.fixture(scope="module")
def int8_bundle(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny network in dynamic int8: its scales are taken from all that is in a run."""
    folder = tmp_path_factory.mktemp("int8")
    (folder / "fp32.onnx").write_bytes(bundle.model_bytes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnxruntime's advice to preprocess
        quantize_dynamic(folder / "fp32.onnx", folder / "int8.onnx", op_types_to_quantize=["MatMul"])
    return dataclasses.replace(bundle, model_bytes=(folder / "int8.onnx").read_bytes())


def test_int8_scores_of_two_texts_in_one_run_depend_on_each_other(int8_bundle: Bundle) -> None:
    """The control: with this network the next test would fail if texts shared a run."""
    session = open_session(int8_bundle.model_bytes)
    maybe, hate = WORDS.index("maybeword"), WORDS.index("hateword")
    ids = np.asarray([[4 + maybe], [4 + hate]], dtype=np.int64)
    together = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
    alone = session.run(["logits"], {"input_ids": ids[:1], "attention_mask": np.ones_like(ids[:1])})[0]
    assert np.abs(together[0] - alone[0]).max() > 1e-3


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40))
@settings(deadline=None)
def test_text_has_the_same_int8_scores_in_any_company(int8_bundle: Bundle, texts: list[str]) -> None:
    classifier = OnnxClassifier(int8_bundle, threads=2)

    in_company = classifier.score(texts).values

    for place, text in enumerate(texts):
        assert (classifier.score([text]).values[0] == in_company[place]).all()


def embedding_outside(bundle: Bundle, folder: Path) -> bytes:
    """The network with its embedding in `folder/weights.bin`."""
    model = onnx.load_from_string(bundle.model_bytes)
    (embedding,) = [entry for entry in model.graph.initializer if entry.name == "embedding"]
    external_data_helper.set_external_data(embedding, location="weights.bin")
    onnx.save(model, folder / "model.onnx")
    assert (folder / "weights.bin").exists()
    return (folder / "model.onnx").read_bytes()


def test_network_with_external_data_is_refused(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = embedding_outside(bundle, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleRefused, match=r"model\.onnx: external data"):
        OnnxClassifier(dataclasses.replace(bundle, model_bytes=data))


def test_onnx_runtime_alone_would_open_the_outside_file(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without our own look, a model from bytes reads weights from the working directory."""
    data = embedding_outside(bundle, tmp_path)
    monkeypatch.chdir(tmp_path)
    session = onnxruntime.InferenceSession(data)
    assert session.get_outputs()[0].name == "logits"


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model.graph.input[0], "name", "ids"),
        lambda model: setattr(model.graph.input[1].type.tensor_type, "elem_type", TensorProto.INT32),
        lambda model: model.graph.output[0].type.tensor_type.shape.dim[1].__setattr__("dim_value", 3),
        lambda model: model.graph.output.append(model.graph.output[0]),
        lambda model: model.graph.output[1].type.tensor_type.shape.dim[1].__setattr__("dim_value", 4),
        lambda model: model.graph.output[2].type.tensor_type.shape.dim[1].__setattr__("dim_value", 64),
        lambda model: model.graph.output[2].type.tensor_type.__setattr__("elem_type", TensorProto.DOUBLE),
        lambda model: model.graph.output.__delitem__(0),
        lambda model: model.graph.output.append(
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["b", 4])
        ),
        lambda model: model.graph.node[0].__setattr__("op_type", "NoSuchOperation"),
        lambda model: model.graph.node[0].__setattr__("domain", "com.example.custom"),
        lambda model: model.graph.ClearField("node"),
    ],
)
def test_network_of_another_shape_is_refused(bundle: Bundle, change: Callable[[Any], object]) -> None:
    with pytest.raises(BundleRefused, match=r"model\.onnx"):
        OnnxClassifier(with_network(bundle, change))


@pytest.mark.parametrize("data", [b"", b"not a model", b"ORTM" + b"\0" * 100])
def test_bytes_that_are_no_network_are_refused(bundle: Bundle, data: bytes) -> None:
    with pytest.raises(BundleRefused, match=r"model\.onnx"):
        OnnxClassifier(dataclasses.replace(bundle, model_bytes=data))


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"version": "1.0", "model": {"type": "None"}})])
def test_tokenizer_out_of_shape_is_refused(bundle: Bundle, text: str) -> None:
    with pytest.raises(BundleRefused, match=r"tokenizer\.json"):
        OnnxClassifier(dataclasses.replace(bundle, tokenizer_json=text))


def test_tokenizer_that_leaves_no_room_for_a_text_is_refused(bundle: Bundle) -> None:
    raw = json.loads(bundle.tokenizer_json)
    (first, *rest) = raw["post_processor"]["single"]
    raw["post_processor"]["single"] = [first] * 70 + rest
    with pytest.raises(BundleRefused, match="no room"):
        OnnxClassifier(dataclasses.replace(bundle, tokenizer_json=json.dumps(raw)))


def test_network_that_gives_no_numbers_is_unavailable(bundle: Bundle) -> None:
    def spoil(model: onnx.ModelProto) -> None:
        (heads,) = [entry for entry in model.graph.initializer if entry.name == "heads"]
        heads.CopyFrom(numpy_helper.from_array(np.full((4, 4), np.nan, dtype=np.float32), "heads"))

    with pytest.raises(Unavailable):
        OnnxClassifier(with_network(bundle, spoil)).score(["tea"])
