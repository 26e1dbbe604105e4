"""What one request may take of the classifier, and posts of which nothing can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from model.bundle import Bundle
from model.classifier import Scores, load_classifier
from model.onnx_classifier import OnnxClassifier
from model.windows import MOST_WINDOWS
from serve.hub import Hub
from serve.scoring.budget import count_within_budget
from serve.scoring.endpoint import score_request
from serve.scoring.schemas import Refused, Scored
from serve.scoring.scorer import NotScored, score_posts

LONG = "!?" * 4_000
GERMAN = "Die neue Bibliothek in der Innenstadt öffnet morgen früh um neun Uhr. " * 100


def test_posts_past_the_windows_of_a_request_are_refused_and_those_before_are_scored(hub: Hub) -> None:
    most = 2 * MOST_WINDOWS + 2
    object.__setattr__(hub.settings, "windows_per_request", most)
    texts = [LONG, "hateword", LONG, "a walk", LONG, "tea"]
    answer = score_request(hub, [{"id": str(place), "text": text} for place, text in enumerate(texts)])
    assert [row.id for row in answer.results] == ["0", "1", "2", "3", "4", "5"]
    assert all(isinstance(row, Scored) for row in answer.results[:4])
    refused = [row for row in answer.results[4:] if isinstance(row, Refused)]
    assert [row.error for row in refused] == ["too_many", "too_many"]
    assert refused[0].message.startswith(f"posts: those before this one take all {most} windows")


def test_bad_posts_take_no_windows(hub: Hub) -> None:
    object.__setattr__(hub.settings, "windows_per_request", MOST_WINDOWS)
    answer = score_request(hub, [{"text": " "}, {"text": LONG}, 7, {"text": "tea"}])
    errors = [row.error if isinstance(row, Refused) else None for row in answer.results]
    assert errors == ["text_empty", None, "bad_input", "too_many"]


def test_nothing_past_the_windows_reaches_the_classifier(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    score = OnnxClassifier.score

    def noted(self: OnnxClassifier, texts: Sequence[str]) -> Scores:
        seen.append(len(texts))
        return score(self, texts)

    monkeypatch.setattr(OnnxClassifier, "score", noted)
    object.__setattr__(hub.settings, "windows_per_request", 3 * MOST_WINDOWS)
    score_request(hub, [{"text": LONG}] * 40)
    assert seen == [3]


def test_posts_in_a_language_that_is_not_read_take_no_windows(english_bundle: Path) -> None:
    classifier = OnnxClassifier(Bundle.load(english_bundle), threads=1)
    texts = [GERMAN, GERMAN, "tea " * 2_000, GERMAN, "tea", "tea"]
    assert count_within_budget(classifier, texts, MOST_WINDOWS + 1) == 5
    assert count_within_budget(classifier, texts, MOST_WINDOWS + 2) == 6


def test_request_that_cannot_be_too_much_is_not_counted(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = load_classifier(tiny_bundle, threads=1)
    monkeypatch.delattr(OnnxClassifier, "count_fitting")
    assert count_within_budget(classifier, ["tea"] * 10, 10 * MOST_WINDOWS) == 10


@pytest.mark.parametrize("text", ["\u200b", "\u2060\ufeff \ufe0f"])
def test_stored_post_of_which_nothing_can_be_read_is_an_unscored_case(hub: Hub, text: str) -> None:
    invisible, plain = score_posts(hub, [("p1", text), ("p2", "a walk")])
    assert (invisible.scores, invisible.routed.route) == (NotScored.FAULT, "unscored")
    assert "text_empty" in invisible.routed.reason
    assert plain.routed.route == "low_priority"
