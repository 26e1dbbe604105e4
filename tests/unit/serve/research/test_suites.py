from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from research_desk import PAGE, Desk, events
from sqlalchemy import select
from starlette.testclient import TestClient

from model.classifier import Classifier
from model.errors import Conflict, NotFound
from serve.audit.events import Event
from serve.hub import Hub
from serve.registry.live import LiveModels
from serve.research import suite_pages, suites
from serve.research.suite_runner import RUNNER, SuiteRunner
from serve.storage.engine import Database
from serve.storage.tables import Officer, SuiteResult, SuiteRow, SuiteRun

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def runner(client: TestClient) -> SuiteRunner:
    return SuiteRunner(client.app.state.hub)


def test_texts_stand_behind_covers_and_are_on_record_when_sent(
    desk: Desk, suite_csv: bytes, database: Database
) -> None:
    suite_id = desk.upload(suite_csv)

    page = desk.client.get(f"/research/suites/{suite_id}", headers=PAGE).text

    assert "The paper reports on the match" in page
    assert "hateword" not in re.sub(r'<details class="cover-line">.*?</details>', "", page, flags=re.DOTALL)
    assert [event.details["texts"] for event in events(database, Event.SUITE_TEXTS_SHOWN)] == [5]


def test_run_gives_one_result_with_the_bundles_thresholds(
    desk: Desk, suite_csv: bytes, runner: SuiteRunner, database: Database
) -> None:
    suite_id = desk.upload(suite_csv)
    assert desk.post(f"/{suite_id}/runs").status_code == 303
    assert desk.post(f"/{suite_id}/runs").status_code == 303  # a second press changes nothing

    while runner.score_chunk():
        pass

    bundle = desk.client.app.state.hub.classifier.bundle_id
    with database.read() as session:
        result = session.scalars(select(SuiteResult)).one()
    assert (result.suite_id, result.bundle, result.thresholds["hate"]) == (suite_id, bundle, 0.5)
    assert [round(score, 2) for score in result.scores["hate"]] == [0.98, 0.98, 0.02, 0.02, 0.98, 0.02]
    assert len(events(database, Event.SUITE_RUN_REQUESTED)) == 1
    assert [event.actor for event in events(database, Event.SUITE_RUN_FINISHED)] == [RUNNER]

    page = desk.client.get(f"/research/suites/{suite_id}/results/{bundle}", headers=PAGE).text
    assert bundle in page
    assert "0.500" in page
    assert "4 of 6" in page
    assert "0.300 to 0.903" in page  # Wilson's interval of 4 of 6
    assert page.count('<details class="cover-line">') == 2


def test_result_page_of_one_functionality_shows_its_wrong_cases_alone(
    desk: Desk, suite_csv: bytes, runner: SuiteRunner
) -> None:
    suite_id = desk.upload(suite_csv)
    desk.post(f"/{suite_id}/runs")
    while runner.score_chunk():
        pass
    bundle = desk.client.app.state.hub.classifier.bundle_id

    page = desk.client.get(
        f"/research/suites/{suite_id}/results/{bundle}?functionality=news", headers=PAGE
    ).text

    assert re.findall(r"Show case <code>(\w+)</code>", page) == ["b2"]


def test_run_goes_on_a_chunk_at_a_time_and_stores_nothing_before_its_end(
    desk: Desk, suite_csv: bytes, database: Database
) -> None:
    hub: Hub = desk.client.app.state.hub
    small = Hub(
        **{
            **{name: getattr(hub, name) for name in hub.__dataclass_fields__},
            "settings": hub.settings.model_copy(update={"scoring_batch": 4}),
        }
    )
    suite_id = desk.upload(suite_csv)
    desk.post(f"/{suite_id}/runs")
    runner = SuiteRunner(small)

    assert runner.score_chunk()
    with database.read() as session:
        assert session.scalars(select(SuiteResult)).all() == []
    assert runner.score_chunk()
    assert not runner.score_chunk()
    with database.read() as session:
        assert len(session.scalars(select(SuiteResult)).one().scores["hate"]) == 6


def test_two_replicas_that_run_the_same_suite_leave_one_result(
    desk: Desk, suite_csv: bytes, database: Database
) -> None:
    suite_id = desk.upload(suite_csv)
    desk.post(f"/{suite_id}/runs")
    runners = [SuiteRunner(desk.client.app.state.hub) for _ in range(2)]
    for one in runners:
        one._run = one._next()  # both have begun before either ends

    for one in runners:
        assert one.score_chunk()

    with database.read() as session:
        assert len(session.scalars(select(SuiteResult)).all()) == 1
    assert len(events(database, Event.SUITE_RUN_FINISHED)) == 1


def test_stored_suite_that_cannot_be_read_any_more_holds_nobody_up(
    desk: Desk, suite_csv: bytes, runner: SuiteRunner, database: Database
) -> None:
    bundle = desk.client.app.state.hub.classifier.bundle_id
    with database.write() as session:
        session.add(
            SuiteRow(
                suite_id="0" * 26, name="old", sha256="0" * 64, cases=1, uploaded_at=NOW,
                uploaded_by="officer:1", csv=b"not a suite",
            )
        )  # fmt: skip
        session.flush()
        session.add(SuiteRun(suite_id="0" * 26, bundle=bundle, requested_at=NOW, requested_by="officer:1"))
    suite_id = desk.upload(suite_csv)
    desk.post(f"/{suite_id}/runs")

    while runner.score_chunk():
        pass

    with database.read() as session:
        assert session.scalars(select(SuiteResult.suite_id)).all() == [suite_id]
    assert desk.client.get(f"/research/suites/{'0' * 26}", headers=PAGE).status_code == 422


def test_texts_in_a_language_not_read_get_no_score_and_are_counted(
    desk: Desk, english_bundle, suite_csv: bytes, database: Database
) -> None:
    from model.classifier import load_classifier

    classifier: Classifier = load_classifier(english_bundle)
    hub: Hub = desk.client.app.state.hub
    reading = replace(hub, models=LiveModels(classifier))
    french = "La boulangerie du village ouvre ses portes tous les matins vers neuf heures."
    suite_id = desk.upload(suite_csv + f"\nc1,news,{french},non-hateful,,".encode())
    with database.write() as session:
        suites.request_run(session, suite_id=suite_id, bundle=classifier.bundle_id, actor="officer:1", at=NOW)
    runner = SuiteRunner(reading)
    while runner.score_chunk():
        pass

    page = desk.client.get(f"/research/suites/{suite_id}/results/{classifier.bundle_id}", headers=PAGE).text

    assert "1 case got no score" in page
    assert "4 of 6" in page


def test_suite_never_run_can_be_deleted_by_its_uploader_alone(
    desk: Desk,
    suite_csv: bytes,
    database: Database,
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> None:
    suite_id = desk.upload(suite_csv)
    own_csrf, own_cookies = desk.csrf, dict(desk.client.cookies)
    desk.csrf = sign_in(desk.client, officer("researcher"))
    assert desk.post(f"/{suite_id}/discard").status_code == 404
    assert "Delete this suite" not in desk.client.get(f"/research/suites/{suite_id}", headers=PAGE).text

    desk.client.cookies.update(own_cookies)
    desk.csrf = own_csrf
    assert desk.post(f"/{suite_id}/discard").status_code == 303

    with database.read() as session:
        assert session.get(SuiteRow, suite_id) is None
    (event,) = events(database, Event.SUITE_DISCARDED)
    assert event.subject == suite_id


def test_suite_that_was_run_stays(database: Database, suite_csv: bytes) -> None:
    suite = suites.read_upload(suite_csv, "made.csv")
    with database.write() as session:
        suite_id, _ = suites.store_suite(session, suite, suite_csv, actor="officer:1", at=NOW)
        suites.request_run(session, suite_id=suite_id, bundle="b", actor="officer:1", at=NOW)

    with pytest.raises(Conflict), database.write() as session:
        suites.discard_suite(session, suite_id=suite_id, actor="officer:1", at=NOW)


@pytest.mark.parametrize("path", ["0" * 26, "not-an-id", f"{'0' * 26}/results/none"])
def test_unknown_suite_or_result_is_not_found(desk: Desk, path: str) -> None:
    assert desk.client.get(f"/research/suites/{path}", headers=PAGE).status_code == 404


def test_run_of_an_unknown_suite_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound), database.write() as session:
        suites.request_run(session, suite_id="0" * 26, bundle="b", actor="officer:1", at=NOW)


def test_hostile_text_and_names_are_text(desk: Desk) -> None:
    header = "functionality,test_case,label_gold,case_id"
    rows = f"{header}\n<script>f</script>,<img src=x onerror=1>\u202e,hateful,<b>id</b>"
    suite_id = desk.upload(rows.encode(), "<script>.csv")

    page = desk.client.get(f"/research/suites/{suite_id}", headers=PAGE).text

    assert "<script>f" not in page
    assert "<img src=x" not in page
    assert "<b>id" not in page
    assert "&lt;img src=x onerror=1&gt;" in page
    assert "⟦U+202E⟧" in page


def test_language_that_a_file_claims_is_shown_with_its_hidden_characters(desk: Desk, english_bundle) -> None:
    from model.classifier import load_classifier
    from serve.research.suite_lint import lint_suite

    rows = "functionality,test_case,label_gold,language\nf,A text,1,x\u202ecod"
    suite_id = desk.upload(rows.encode())
    hub: Hub = desk.client.app.state.hub
    reading = replace(hub, models=LiveModels(load_classifier(english_bundle)))
    desk.client.app.state.hub = reading

    page = desk.client.get(f"/research/suites/{suite_id}", headers=PAGE).text

    assert any("\u202e" in one.message for one in lint_suite(suites.read_upload(rows.encode(), ""), ("en",)))
    assert "which the bundle does not read" in page
    assert "\u202e" not in page


def test_suite_asked_for_while_its_uploader_deletes_it_is_refused_in_words(
    desk: Desk, suite_csv: bytes, database: Database
) -> None:
    suite_id = desk.upload(suite_csv)
    answers = []
    deleting = threading.Thread(target=lambda: answers.append(desk.post(f"/{suite_id}/discard")))
    with database.write() as session:
        suites.request_run(session, suite_id=suite_id, bundle="b", actor="officer:2", at=NOW)
        session.flush()
        deleting.start()
        deleting.join(0.5)  # PostgreSQL looked and found no run by now; SQLite waits for its turn
    deleting.join(30)

    assert [answer.status_code for answer in answers] == [409]
    with database.read() as session:
        assert session.get(SuiteRow, suite_id) is not None


@pytest.mark.parametrize("page", ["", "/results/{bundle}"])
def test_page_of_a_large_suite_keeps_nobody_from_writing_while_it_is_parsed(
    desk: Desk,
    suite_csv: bytes,
    runner: SuiteRunner,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    page: str,
) -> None:
    suite_id = desk.upload(suite_csv)
    desk.post(f"/{suite_id}/runs")
    while runner.score_chunk():
        pass
    read_suite, written, seen = suite_pages.suite_from_csv, [], []

    def write() -> None:
        with database.write() as session:
            suites.request_run(session, suite_id=suite_id, bundle="other", actor="officer:2", at=NOW)
        written.append(True)

    def parse_while_another_writes(data: bytes, name: str) -> object:
        writing = threading.Thread(target=write)
        writing.start()
        writing.join(5)
        seen.append(list(written))
        return read_suite(data, name)

    monkeypatch.setattr(suite_pages, "suite_from_csv", parse_while_another_writes)
    bundle = desk.client.app.state.hub.classifier.bundle_id

    answer = desk.client.get(f"/research/suites/{suite_id}{page.format(bundle=bundle)}", headers=PAGE)

    assert answer.status_code == 200
    assert seen == [[True]]


def test_score_that_is_no_number_is_no_score_and_holds_no_run_up(
    desk: Desk, suite_csv: bytes, runner: SuiteRunner, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serve.research import suite_runner
    from serve.scoring.each import TextScores

    suite_id = desk.upload(suite_csv)
    desk.post(f"/{suite_id}/runs")
    nan = {"hate": float("nan"), "antisemitic": 0.5, "islamophobic": float("inf"), "far_right": 0.5}
    monkeypatch.setattr(
        suite_runner, "score_each", lambda _classifier, texts, **_: [TextScores(nan, None, ()) for _ in texts]
    )

    while runner.score_chunk():
        pass

    with database.read() as session:
        result = session.scalars(select(SuiteResult)).one()
    assert result.scores["hate"] == result.scores["islamophobic"] == [None] * 6
    assert result.scores["far_right"] == [0.5] * 6
    bundle = desk.client.app.state.hub.classifier.bundle_id
    page = desk.client.get(f"/research/suites/{suite_id}/results/{bundle}", headers=PAGE)
    assert "6 cases got no score" in page.text
