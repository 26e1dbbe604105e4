"""Long texts: both ends always read, work and memory bounded, and the threads shared out among callers."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model import onnx_classifier, text_reader
from model.bundle import Bundle
from model.classifier import Classifier
from model.normalise import check_text, normalise, normalise_text
from model.onnx_classifier import TEXTS_PER_GROUP, OnnxClassifier
from model.text_reader import MOST_CHARACTERS, TextReader
from model.windows import MOST_WINDOWS

HIGH, LOW = 1 / (1 + np.exp(-4.0)), 1 / (1 + np.exp(4.0))


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return Bundle.load(tiny_bundle)


@pytest.fixture(scope="module")
def classifier(bundle: Bundle) -> Classifier:
    return OnnxClassifier(bundle, threads=2)


@pytest.mark.parametrize("padding", ["\U0001fae2\U0001fae3" * 400, "!?" * 2_200, "tea," * 2_000])
def test_padding_never_hides_the_end_of_a_text(classifier: Classifier, padding: str) -> None:
    scores = classifier.score([padding + " hateword antiword"])
    assert np.allclose(scores.values, [[HIGH, HIGH, LOW, LOW]], atol=1e-6)
    window = scores.window(0)
    assert window is not None
    assert window[1] == len(padding) + len(" hateword antiword")
    assert scores.cut == {0}


def test_only_a_text_that_is_not_read_whole_is_cut(classifier: Classifier) -> None:
    scores = classifier.score(["tea," * 400 + "hateword", "tea", "tea," * 400 + "hateword" + ",tea" * 2_000])
    assert scores.cut == {2}
    assert np.allclose(scores.values[0, 0], HIGH, atol=1e-6)


def test_single_row_of_a_text_that_was_not_tokenised_whole_is_cut(classifier: Classifier) -> None:
    ligatures = "\u3316\u3347" * 4_000  # 11 characters a pair when normalised, all of them one word
    scores = classifier.score([ligatures])
    assert scores.window(0) is None
    assert scores.cut == {0}


def test_text_of_emoji_names_is_tokenised_at_its_ends_only(bundle: Bundle) -> None:
    raw = "antiword " + "\U0001fae2\U0001fae3" * 4_900 + " hateword"
    close = TextReader(bundle).read_closely(raw)
    assert len(normalise_text(raw)) > 10 * MOST_CHARACTERS
    assert len(close.tokens) <= MOST_CHARACTERS
    assert not close.rows.is_whole
    first, last = close.tokens[0], close.tokens[-1]
    assert first is not None
    assert last is not None
    assert (raw[slice(*first)], raw[slice(*last)]) == ("antiword", "hateword")


def test_reading_closely_gives_the_rows_of_reading(bundle: Bundle) -> None:
    reader = TextReader(bundle)
    texts = ["tea", "tea " * 62, "tea " * 63, "\u2764\ufe0f" * 90, "tea " * 900, "tea," * 2_000]
    for text, rows in zip(texts, reader.read(texts), strict=True):
        close = reader.read_closely(text).rows
        assert [list(row) for row in rows.rows] == [list(row) for row in close.rows]
        assert (rows.starts, rows.spans, rows.is_whole) == (close.starts, close.spans, close.is_whole)
        assert reader.count_windows(text) == len(rows.rows)


def test_long_text_is_normalised_and_tokenised_once(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(text_reader, "normalise", lambda text: seen.append(len(text)) or normalise(text))
    monkeypatch.setattr(
        text_reader, "normalise_text", lambda text: seen.append(len(text)) or normalise_text(text)
    )
    raw = "tea " * 300
    assert OnnxClassifier(bundle).score([raw]).window(0) is not None
    assert seen == [len(raw)]


def test_small_share_of_a_batch_is_tokenised_at_a_time(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    read = TextReader.read
    monkeypatch.setattr(TextReader, "read", lambda self, texts: sizes.append(len(texts)) or read(self, texts))
    OnnxClassifier(bundle, threads=1).score(["tea"] * 100)
    assert sum(sizes) == 100
    assert max(sizes) <= TEXTS_PER_GROUP


def test_annotation_of_a_text_with_gaps_holds_only_tokens_that_were_read(bundle: Bundle) -> None:
    (found,) = OnnxClassifier(bundle).annotate(["tea," * 2_000 + "hateword"])
    assert found.token_rationales is not None
    assert MOST_WINDOWS * 31 < len(found.token_rationales) <= MOST_WINDOWS * 62
    assert found.token_rationales[-1][2] == pytest.approx(HIGH, abs=1e-6)


def test_windows_are_counted_in_order_up_to_the_most(bundle: Bundle) -> None:
    classifier = OnnxClassifier(bundle)
    texts = ["tea", "tea " * 100, "tea", "!?" * 4_000, "tea"]  # 1, 3, 1, 32 and 1 windows
    fitting = [classifier.count_fitting(texts, most) for most in (1, 3, 4, 5, 36, 37, 38)]
    assert fitting == [1, 1, 2, 3, 3, 4, 5]


def test_callers_share_the_threads_run_by_run(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short batch that comes after a long one is done long before it."""
    classifier = OnnxClassifier(bundle, threads=1)
    long_runs, short_came = threading.Event(), threading.Event()
    runs: list[int] = []
    run = OnnxClassifier._run

    def noted_run(self: OnnxClassifier, row: Any, wanted: list[str]) -> Any:
        long_runs.set()
        assert short_came.wait(30)
        time.sleep(0.01)  # leaves the other caller the time to hand in its text
        runs.append(len(row))
        return run(self, row, wanted)

    def noted_check(text: object) -> str:
        if text == "tea":
            short_came.set()
        return check_text(text)

    monkeypatch.setattr(OnnxClassifier, "_run", noted_run)
    monkeypatch.setattr(onnx_classifier, "check_text", noted_check)
    with ThreadPoolExecutor(2) as callers:
        long = callers.submit(classifier.score, ["tea " * 1_500] * 10)
        assert long_runs.wait(30)
        callers.submit(classifier.score, ["tea"]).result()
        long.result()
    assert runs.index(min(runs)) < len(runs) // 2
