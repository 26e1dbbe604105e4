from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from sqlalchemy import select

from model.classifier import Scores
from model.errors import BadConfig, TextEmpty, Unavailable
from model.language import Language, unread_language
from model.policy import Route
from serve.audit.events import Event
from serve.hub import Hub
from serve.intake.storing import take_posts
from serve.logs import configure_logging
from serve.scoring import each
from serve.scoring.each import score_each
from serve.scoring.endpoint import score_request
from serve.scoring.scorer import Scorer, open_cases, score_posts, waiting_posts
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Case, CasePost, Post, PostScores
from serve.worker import Worker


class Panic(BaseException):
    """As pyo3's PanicException, no Exception."""


class StubClassifier:
    """Gives 0.1 everywhere; refuses texts with `blank`, and breaks on `broken` and `panic`, or while down."""

    bundle_id = "stub-1"
    languages = ("en",)
    thresholds = dict.fromkeys(("hate", "antisemitic", "islamophobic", "far_right"), 0.5)

    def __init__(self) -> None:
        self.down: BaseException | None = None
        self.calls: list[list[str]] = []

    def score(self, texts: Sequence[str]) -> Scores:
        self.calls.append(list(texts))
        if self.down is not None:
            raise self.down
        if any("blank" in text for text in texts):
            raise TextEmpty("text: nothing is left of it", field="text")
        if any("broken" in text for text in texts):
            raise ZeroDivisionError("broken post: with its text")
        if any("panic" in text for text in texts):
            raise Panic("broken post: with its text")
        return Scores(np.full((len(texts), 4), 0.1, dtype=np.float32), self.bundle_id)


@pytest.fixture
def stub(hub: Hub) -> StubClassifier:
    classifier = StubClassifier()
    hub.models.replace(classifier, None)
    return classifier


def send(hub: Hub, *texts: str) -> list[str]:
    answer = take_posts(hub, [{"text": text} for text in texts], actor="key:1", repeatable=None)
    return [row["post_id"] for row in answer.body["accepted"]]


def queue_of(hub: Hub) -> list[tuple[str, str, str]]:
    """Post text, state and route of every case, in the order of the queue."""
    with hub.database.read() as session:
        rows = session.execute(
            select(Post.text, Case.state, Case.route)
            .join(CasePost, CasePost.post_id == Post.post_id)
            .join(Case, Case.case_id == CasePost.case_id)
            .order_by(Case.rank.desc(), Case.case_id)
        )
        return [(row.text, row.state, row.route) for row in rows]


def test_every_stored_post_becomes_a_queued_case_in_the_policys_order(hub: Hub) -> None:
    (plain, anti) = send(hub, "a walk in the park", "antiword")
    assert Scorer(hub).score_batch() is False
    assert [(text, state) for text, state, _ in queue_of(hub)] == [
        ("antiword", "captured"),
        ("a walk in the park", "captured"),
    ]
    with hub.database.read() as session:
        scores = session.scalars(select(PostScores).where(PostScores.post_id == anti)).one()
        case = session.scalars(
            select(Case).join(CasePost, CasePost.case_id == Case.case_id).where(CasePost.post_id == anti)
        ).one()
        waiting = session.scalars(select(Post.post_id).where(Post.scored_at.is_(None))).all()
        events = session.execute(
            select(AuditEvent.event, AuditEvent.actor).where(AuditEvent.subject.in_([plain, case.case_id]))
        ).all()
    assert scores.antisemitic == pytest.approx(0.982, abs=0.001)
    assert (scores.bundle, scores.policy_sha256) == (hub.classifier.bundle_id, hub.policy.sha256)
    assert case.strands == ["antisemitic"]
    assert waiting == []
    assert {(event, actor) for event, actor in events} == {
        (Event.POST_STORED, "key:1"),
        (Event.POST_SCORED, "system:scorer"),
        (Event.CASE_OPENED, "system:scorer"),
    }


def test_post_that_cannot_be_scored_becomes_a_case_all_the_same(hub: Hub, stub: StubClassifier) -> None:
    send(hub, "first", "blank", "third")
    Scorer(hub).score_batch()
    assert sorted(queue_of(hub)) == [
        ("blank", "captured", "unscored"),
        ("first", "captured", "low_priority"),
        ("third", "captured", "low_priority"),
    ]
    with hub.database.read() as session:
        scores = session.scalars(select(PostScores).where(PostScores.route == "unscored")).one()
    assert (scores.hate, scores.antisemitic, scores.bundle) == (None, None, "stub-1")
    assert "text_empty" in scores.reason


GERMAN = "Die neue Bibliothek in der Innenstadt öffnet morgen früh um neun Uhr."


def test_post_in_another_language_becomes_a_case_that_is_not_buried(hub: Hub, stub: StubClassifier) -> None:
    send(hub, "a walk in the park", GERMAN)
    Scorer(hub).score_batch()
    assert queue_of(hub) == [
        (GERMAN, "captured", "unscored"),
        ("a walk in the park", "captured", "low_priority"),
    ]
    with hub.database.read() as session:
        row = session.scalars(select(PostScores).where(PostScores.route == "unscored")).one()
        case = session.scalars(select(Case).where(Case.route == "unscored")).one()
    assert (row.hate, row.antisemitic, row.islamophobic, row.far_right) == (None,) * 4
    assert row.reason == "not scored: the text seems to be in German (de), which this model does not read"
    assert case.strands == []
    assert case.priority == hub.policy.base_priority[Route.UNSCORED]
    assert stub.calls == [["a walk in the park"]]


@pytest.mark.parametrize("error", [ZeroDivisionError, OSError, BadConfig])
def test_post_whose_language_cannot_be_told_is_scored(
    hub: Hub, stub: StubClassifier, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fails(text: str, languages: Sequence[str]) -> Language | None:
        if "broken" in text:
            raise error("identification of a post: with its text")
        return unread_language(text, languages)

    monkeypatch.setattr(each, "unread_language", fails)
    stub.score = lambda texts: Scores(np.full((len(texts), 4), 0.1, dtype=np.float32), "stub-1")  # type: ignore[method-assign]  # it would break on the same word
    send(hub, "broken", "a walk in the park", GERMAN)
    Scorer(hub).score_batch()
    assert sorted((text, route) for text, _, route in queue_of(hub)) == [
        (GERMAN, "unscored"),
        ("a walk in the park", "low_priority"),
        ("broken", "low_priority"),
    ]


def test_scorer_counts_what_it_queues_without_scores_by_why(hub: Hub, stub: StubClassifier) -> None:
    scorer = Scorer(hub)
    assert scorer.not_scored == {"language": 0, "fault": 0}
    send(hub, "a walk in the park", GERMAN, "blank", "broken", GERMAN.replace("neun", "zehn"))
    scorer.score_batch()
    assert scorer.not_scored == {"language": 2, "fault": 2}
    scorer.score_batch()
    assert scorer.not_scored == {"language": 2, "fault": 2}


def test_thin_post_has_its_note_in_the_reason(hub: Hub, stub: StubClassifier) -> None:
    send(hub, "hello https://example.org/a/b/c")
    Scorer(hub).score_batch()
    with hub.database.read() as session:
        (reason,) = session.scalars(select(PostScores.reason)).all()
    assert "the text is mostly links; the model reads words only" in reason


def test_posts_in_another_language_do_not_hide_that_the_classifier_is_down(
    hub: Hub, stub: StubClassifier
) -> None:
    stub.down = Unavailable("no finite score")
    with pytest.raises(Unavailable):
        score_each(stub, [GERMAN, "a walk in the park"], contain=True)
    with pytest.raises(Unavailable):
        score_request(hub, [{"text": GERMAN}, {"text": "a walk in the park"}])
    assert [type(result) for result in score_each(stub, [GERMAN], contain=True)] == [Language]


def test_batches_take_the_oldest_first_and_say_whether_more_waits(hub: Hub, stub: StubClassifier) -> None:
    batch = hub.settings.scoring_batch
    send(hub, *(f"post {number}" for number in range(batch + 3)))
    assert Scorer(hub).score_batch() is True
    assert Scorer(hub).score_batch() is False
    assert stub.calls[0] == [f"post {number}" for number in range(batch)]
    assert len(queue_of(hub)) == batch + 3


def test_two_replicas_that_score_the_same_posts_open_one_case_each(hub: Hub, stub: StubClassifier) -> None:
    send(hub, "one", "two")
    with hub.database.read() as session:
        waiting = waiting_posts(session, 10)
    scored = score_posts(hub, waiting)
    opened: list[int] = []

    def commit() -> None:
        with hub.database.write() as session:
            opened.append(len(open_cases(session, hub, scored, now=utc_now())))

    threads = [threading.Thread(target=commit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(opened) == 2
    assert len(queue_of(hub)) == 2


def test_classifier_is_called_outside_any_transaction(
    hub: Hub, stub: StubClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(hub, "first")
    real = stub.score

    def stores_meanwhile(texts: Sequence[str]) -> Scores:
        # On SQLite this would wait for ever if the scorer held its transaction open.
        if len(stub.calls) == 0:
            send(hub, "second")
        return real(texts)

    monkeypatch.setattr(stub, "score", stores_meanwhile)
    Scorer(hub).score_batch()
    Scorer(hub).score_batch()
    assert [text for text, _, _ in queue_of(hub)] == ["first", "second"]


def test_post_that_breaks_the_classifier_becomes_a_case_and_holds_nobody_up(
    hub: Hub, stub: StubClassifier, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    send(hub, "first", "broken", "third", "panic")
    Scorer(hub).score_batch()

    assert sorted(queue_of(hub)) == [
        ("broken", "captured", "unscored"),
        ("first", "captured", "low_priority"),
        ("panic", "captured", "unscored"),
        ("third", "captured", "low_priority"),
    ]
    with hub.database.read() as session:
        reasons = session.scalars(select(PostScores.reason).where(PostScores.route == "unscored")).all()
    assert all("internal_error" in reason for reason in reasons)
    log = capsys.readouterr().err
    assert "classifier failed on a text" in log
    assert "ZeroDivisionError" in log
    assert "Panic" in log
    assert "with its text" not in log


def test_single_post_that_breaks_the_classifier_becomes_a_case_too(hub: Hub, stub: StubClassifier) -> None:
    send(hub, "broken")
    Scorer(hub).score_batch()

    assert queue_of(hub) == [("broken", "captured", "unscored")]


@pytest.mark.parametrize("error", [ZeroDivisionError, Unavailable, Panic])
def test_thread_outlives_a_classifier_that_is_down_and_posts_stay_waiting(
    hub: Hub,
    stub: StubClassifier,
    capsys: pytest.CaptureFixture[str],
    wait_until: Callable[..., None],
    error: type[BaseException],
) -> None:
    stub.down = error("broken post: with its text")
    scorer = Scorer(hub)
    scorer.start()
    try:
        send(hub, "one", "two")
        wait_until(lambda: scorer.worker.failures > 0)
        assert scorer.is_alive
        assert queue_of(hub) == []
        stub.down = None
        wait_until(lambda: len(queue_of(hub)) == 2)
        wait_until(lambda: scorer.worker.failures == 0)
    finally:
        scorer.stop()
    assert not scorer.is_alive
    assert {route for _, _, route in queue_of(hub)} == {"low_priority"}
    assert "with its text" not in capsys.readouterr().err


def test_worker_outlives_what_is_no_exception_and_is_unwell_after_three_failures(
    wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve.worker.LONGEST_PAUSE_SECONDS", 0.01)
    works = threading.Event()

    def work() -> bool:
        if not works.is_set():
            raise Panic
        return False

    worker = Worker("test", work, poll_seconds=0.01)
    assert not worker.is_well
    worker.start()
    try:
        wait_until(lambda: worker.failures >= 3)
        assert worker.is_alive
        assert not worker.is_well
        works.set()
        wait_until(lambda: worker.is_well)
    finally:
        worker.stop()
    assert not worker.is_well


def test_caller_of_the_api_is_told_of_a_broken_classifier() -> None:
    with pytest.raises(ZeroDivisionError):
        score_each(StubClassifier(), ["fine", "broken"])
    with pytest.raises(RuntimeError):  # not the panic itself, which the request's edge would miss
        score_each(StubClassifier(), ["fine", "panic"])


def test_stored_post_wakes_the_thread(
    hub: Hub, stub: StubClassifier, wait_until: Callable[..., None]
) -> None:
    worker = Worker("test", Scorer(hub).score_batch, wake=hub.posts_waiting, poll_seconds=3_600)
    worker.start()
    try:
        send(hub, "one")
        wait_until(lambda: len(queue_of(hub)) == 1)
        send(hub, "two")
        wait_until(lambda: len(queue_of(hub)) == 2)
    finally:
        worker.stop()


def test_halving_finds_the_bad_texts_and_keeps_the_order() -> None:
    stub = StubClassifier()
    texts = [f"blank {number}" if number in (3, 60) else f"fine {number}" for number in range(64)]
    results = score_each(stub, texts)
    assert [index for index, result in enumerate(results) if isinstance(result, TextEmpty)] == [3, 60]
    assert len(results) == 64
    assert len(stub.calls) < 30


def test_classifier_that_is_down_leaves_a_fault_for_each_text() -> None:
    class Down(StubClassifier):
        def score(self, texts: Sequence[str]) -> Scores:
            raise Unavailable("no finite score")

    assert [result.code for result in score_each(Down(), ["a", "b"]) if isinstance(result, Unavailable)] == [
        "unavailable",
        "unavailable",
    ]
    assert score_each(Down(), []) == []
