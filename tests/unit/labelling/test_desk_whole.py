"""The rest of the desk: clauses, circumstances, scores after the answer, leaving, the dose of reading."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from desk_in_a_browser import Desk, fields_of
from hub_traffic import add_traffic
from sqlalchemy import select
from starlette.testclient import TestClient

from labelling import tasks
from labelling.dose import Allowance
from labelling.sampling_words import NOBODY_CHOSE
from serve.people.access import SignedIn
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, LabelRow, Officer, TaskSlot

Add = Callable[..., tasks.AddedTasks]

ALL = {
    "strands": ["antisemitic"],
    "codes": ["IH2", "IH3"],
    "severity": "2",
    "speech_act": "endorses",
    "context_flags": ["news", "sarcasm_unclear"],
    "confidence": "low",
    "disagrees": "yes",
    "disagreement": "Too wide for this.",
    "note": "See Q3",
    "seconds": "12.3",
}


def _label(database: Database) -> LabelRow:
    with database.read() as session:
        return session.scalars(select(LabelRow).where(LabelRow.undone_at.is_(None))).one()


def test_everything_that_the_codebook_asks_is_saved_and_comes_back_on_undo(
    desk: Desk, add: Add, database: Database
) -> None:
    add("They are vermin.")
    path, page = desk.next()

    desk.post(f"{path}/label", **(fields_of(page.text) | ALL))

    row = _label(database)
    assert (row.codes, row.context_flags) == (["IH2", "IH3"], ["news", "sarcasm_unclear"])
    assert (row.confidence, row.disagrees, row.disagreement) == ("low", True, "Too wide for this.")
    assert (row.seconds_spent, row.note, row.assisted, row.saw_scores) == (12.3, "See Q3", "none", False)
    back = fields_of(desk.follow(desk.post("/undo")).text)
    for name in set(ALL) - {"seconds"}:
        wanted = ALL[name] if isinstance(ALL[name], list) else [ALL[name]]
        assert back[name] == wanted, name


@pytest.mark.parametrize("typed", ["", "-1", "nan", "1e9", "soon"])
def test_seconds_that_cannot_be_are_not_known(desk: Desk, add: Add, database: Database, typed: str) -> None:
    add("One.")
    path, page = desk.next()

    desk.post(f"{path}/label", **(fields_of(page.text) | {"seconds": typed}))

    assert _label(database).seconds_spent is None


@pytest.mark.parametrize(
    ("wrong", "target"),
    [
        ({"codes": "IH2"}, "codes"),
        ({"context_flags": "loud"}, "flags"),
        ({"confidence": "total"}, "confidence"),
        ({"disagrees": "yes", "disagreement": "a" * 1_001}, "disagreement"),
    ],
)
def test_answer_that_cannot_be_leads_to_its_field_and_keeps_the_others(
    desk: Desk, add: Add, wrong: dict[str, Any], target: str
) -> None:
    add("They are late.")
    path, page = desk.next()

    answer = desk.post(f"{path}/label", **(fields_of(page.text) | {"note": "kept"} | wrong))

    assert answer.status_code == 422
    assert f'<a href="#{target}">' in answer.text
    assert f' id="{target}"' in answer.text
    assert fields_of(answer.text)["note"] == ["kept"]


def test_disagreement_counts_only_while_its_box_is_ticked(desk: Desk, add: Add, database: Database) -> None:
    add("One.")
    path, page = desk.next()

    desk.post(f"{path}/label", **(fields_of(page.text) | {"disagreement": "left behind"}))

    assert (_label(database).disagrees, _label(database).disagreement) == (False, None)


def test_page_asks_in_the_order_of_the_codebook_and_says_why_the_text_is_there(desk: Desk, add: Add) -> None:
    add("One.")
    _, page = desk.next()

    asked = re.findall(r'<span class="quiet">(Q\d)</span>', page.text)
    assert sorted(set(asked)) == ["Q0", "Q1", "Q2", "Q3", "Q4", "Q5"]
    assert [code for code in asked if code != "Q3"] == ["Q0", "Q1", "Q2", "Q4", "Q5"]
    assert NOBODY_CHOSE in page.text


def test_assisted_batch_shows_scores_after_the_answer_and_every_label_says_so(
    desk: Desk, add: Add, database: Database
) -> None:
    text = "The market opens at nine."
    add_traffic(database, [text], at=datetime(2026, 11, 20, tzinfo=UTC), hate=[0.87])
    add(text, "A text that nobody ever scored.", batch="helped", assisted=True)
    path, page = desk.next("helped")
    assert "0.87" not in page.text
    assert desk.get(f"{path}/compare").text.count("0.87") == 0

    compare = desk.follow(desk.post(f"{path}/label", **fields_of(page.text)))

    assert "0.87" in compare.text
    assert "tiny-1" in compare.text
    first = _label(database)
    assert (first.assisted, first.saw_scores, first.hate) == ("shown_after", False, False)
    changed = desk.follow(desk.post("/undo"))
    desk.post(f"{path}/label", **(fields_of(changed.text) | {"severity": "1", "speech_act": "endorses"}))
    second = _label(database)
    assert (second.assisted, second.saw_scores, second.hate) == ("shown_after", True, True)
    path, page = desk.next("helped")
    unscored = desk.post(f"{path}/label", **fields_of(page.text))
    assert unscored.headers["location"].startswith("/labelling?after=")


def test_scores_of_a_text_are_shown_to_nobody_who_has_not_answered(
    desk: Desk, add: Add, database: Database, annotator: Any
) -> None:
    text = "The market opens at nine."
    add_traffic(database, [text], at=datetime(2026, 11, 20, tzinfo=UTC), hate=[0.87])
    add(text, batch="helped", assisted=True, redundancy=2)
    task = annotator("bo").label_next()

    assert "0.87" not in desk.get(f"/tasks/{task.task_id}/compare").text
    assert desk.get("/tasks/none/compare").status_code == 200
    add(text, batch="blind")
    path, page = desk.next("blind")
    after = desk.post(f"{path}/label", **fields_of(page.text))
    assert "compare" not in after.headers["location"]
    assert "0.87" not in desk.get(f"{path}/compare").text


def test_text_that_was_left_waits_a_moment_for_its_reader_and_then_for_anybody(
    desk: Desk, add: Add, database: Database, annotator: Any
) -> None:
    add("One.")
    path, page = desk.next()
    lease = fields_of(page.text)["lease"][0]

    assert desk.post(f"{path}/leaving", lease=lease).status_code == 204

    with database.read() as session:
        slot = session.scalars(select(TaskSlot)).one()
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.event == "labelling:lease:released")
        ).all()
    assert slot.lease_expires_at is not None
    assert 0 < (slot.lease_expires_at - utc_now()).total_seconds() <= tasks.LEAVING_SECONDS
    assert [event.actor for event in events] == ["system:labelling"]
    assert desk.post(f"{path}/heartbeat", lease=lease).status_code == 200  # the page was only loaded anew
    assert desk.post(f"{path}/leaving", lease=int(lease) + 1).status_code == 204
    with database.read() as session:
        slot = session.scalars(select(TaskSlot)).one()
        assert slot.lease_expires_at is not None
        assert (slot.lease_expires_at - utc_now()).total_seconds() > 500


def test_undone_text_that_was_left_comes_back_to_its_annotator(
    database: Database, add: Add, annotator: Any, tick: Callable[..., datetime]
) -> None:
    add("One.")
    ada = annotator("ada")
    task = ada.label_next()
    again = ada.undo()
    with database.write() as session:
        tasks.leave(
            session, task_id=task.task_id, lease_number=again.lease_number, actor=ada.actor, now=tick()
        )
    tick(60)

    back = ada.claim()

    assert back is not None
    assert back.task_id == task.task_id


class Counting:
    """Notes what the desk tells, and lets nobody read on once it is told to."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.allowance = Allowance()

    def may_read(self, session: Any, *, person: SignedIn, now: datetime) -> Allowance:
        self.told.append(("may_read",))
        return self.allowance

    def was_read(self, session: Any, **about: Any) -> None:
        self.told.append(("read", about["text"], about["severity_expected"]))

    def was_judged(self, session: Any, **about: Any) -> None:
        self.told.append(("judged", about["text"], about["severity"]))

    def was_too_much(self, session: Any, **about: Any) -> None:
        self.told.append(("too_much", about["text"]))


def test_dose_hears_of_every_text_and_may_stop_or_lighten_what_comes(
    client: TestClient, desk: Desk, add: Add
) -> None:
    dose = Counting()
    client.app.state.dose = dose  # type: ignore[attr-defined] # the application under the client
    add("One.", "Two.", "Three.")
    path, page = desk.next()
    answer = desk.post(
        f"{path}/label", **(fields_of(page.text) | {"severity": "1", "speech_act": "counters"})
    )
    path = answer.headers["location"].split("?")[0].removeprefix("/labelling")
    page = desk.follow(answer)
    desk.post(f"{path}/skip", lease=fields_of(page.text)["lease"][0], reason="too_much")

    assert dose.told == [
        ("may_read",),
        ("read", "One.", 1),
        ("judged", "One.", 1),
        ("may_read",),
        ("read", "Two.", 1),
        ("too_much", "Two."),
        ("may_read",),
        ("read", "Three.", 1),
    ]
    dose.allowance = Allowance(go_to="/pause")
    assert desk.post("/next", batch="pilot").headers["location"] == "/pause"
    assert desk.post("/practice/next", course="far_right").headers["location"] == "/pause"
    dose.allowance = Allowance(severity_at_most=0)
    assert "/labelling/practice/text" in desk.post("/practice/next", course="far_right").headers["location"]


def test_practice_goes_from_a_course_to_the_agreed_answer_and_what_is_mixed_up(
    desk: Desk, database: Database, client: TestClient, sign_in: Any, officer: Callable[..., Officer]
) -> None:
    assert "Not begun" in desk.get("/practice").text
    page = desk.follow(desk.post("/practice/next", course="antisemitic")).text
    fields = fields_of(page, '<form id="practice"')
    assert "Hanukkah" in page
    assert "Naming a group" not in page
    refused = desk.post("/practice/answer", **(fields | {"severity": "2"}))
    assert refused.status_code == 422
    assert "There is a problem" in refused.text

    answered = desk.post("/practice/answer", **(fields | {"strands": "antisemitic"}))

    result = desk.follow(answered).text
    assert "Not the agreed answer" in result
    assert "Naming a group is never hate by itself" in result
    assert "0 of 1 right" in result
    start = desk.get("/practice").text
    assert "What you mix up" in start
    assert re.search(r"Nothing</th>\s*<td data-head=\"You said\">Antisemitic", start)
    with database.read() as session:
        assert session.scalars(select(LabelRow)).all() == []
    address = answered.headers["location"]
    sign_in(client, officer("annotator"))
    assert client.get(address).status_code == 404
    for odd in ("result?answer=0", "result?answer=99999999999999999999", "text?course=far_right&item=none"):
        assert desk.get(f"/practice/{odd}").status_code == 404, odd
    assert desk.get("/practice/text?course=none").status_code == 422
