"""Labels: saved under a lease, derived by one rule, undone one after the other, never overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from labelling import labels, tasks
from labelling.codebook import Codebook
from model.errors import BadInput, LeaseLost, NotFound
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, LabelRow, TaskSlot

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]


def _events(database: Database, *names: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    with database.read() as session:
        rows = session.scalars(
            select(AuditEvent).where(AuditEvent.event.in_(names)).order_by(AuditEvent.event_id)
        )
        return [(row.event, row.actor, row.subject, row.details) for row in rows]


def test_saved_label_carries_codebook_person_and_derived_hate(
    database: Database, add: Add, annotator: People, codebook: Codebook
) -> None:
    add("Send them all away, says nobody here.")
    ada = annotator("ada")
    task = ada.claim()

    label_id = ada.save(
        task,
        strands=["islamophobic", "antisemitic"],
        severity=3,
        speech_act="endorses",
        rationale=[(5, 14), (0, 4)],
    )

    with database.read() as session:
        row = session.get_one(LabelRow, label_id)
        assert (row.annotator, row.codebook, row.codebook_sha256) == (
            "officer:ada",
            codebook.version,
            codebook.sha256,
        )
        assert row.hate is True
        assert row.strands == ["antisemitic", "islamophobic"]
        assert row.rationale == [[0, 4], [5, 14]]
        assert row.undone_at is None
        closed = session.get_one(TaskSlot, (task.task_id, 1))
        assert (closed.state, closed.annotator, closed.lease_expires_at) == ("labelled", "officer:ada", None)
    (event,) = _events(database, "labelling:label:saved")
    assert event[1:3] == ("officer:ada", label_id)
    assert "nobody here" not in json.dumps(event[3])


def test_default_answers_say_not_hate(database: Database, add: Add, annotator: People) -> None:
    add("The bus is late.")
    ada = annotator("ada")

    label_id = ada.save(ada.claim())

    with database.read() as session:
        row = session.get_one(LabelRow, label_id)
        assert (row.hate, row.strands, row.severity, row.speech_act) == (False, [], 0, "neutral")


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"severity": 5}, "severity"),
        ({"severity": -1}, "severity"),
        ({"speech_act": "shouts"}, "speech_act"),
        ({"severity": 2}, "speech_act"),
        ({"strands": ["sexist"]}, "strands"),
        ({"rationale": [(0, 17)]}, "rationale"),
        ({"rationale": [(3, 3)]}, "rationale"),
        ({"rationale": [(0, 5), (4, 8)]}, "rationale"),
        ({"rationale": [(-1, 2)]}, "rationale"),
        ({"note": "x" * 1_001}, "note"),
        ({"note": "a\0b"}, "note"),
    ],
)
def test_answer_outside_the_codebook_is_refused_and_the_task_stays_held(
    database: Database, add: Add, annotator: People, answers: dict[str, Any], field: str
) -> None:
    add("The bus is late.")
    ada = annotator("ada")
    task = ada.claim()

    with pytest.raises(BadInput) as refused:
        ada.save(task, **answers)

    assert refused.value.field == field
    assert ada.claim().lease_number == task.lease_number
    with database.read() as session:
        assert session.scalars(select(LabelRow)).all() == []
    assert _events(database, "labelling:label:saved") == []


def test_span_with_emoji_counts_code_points(database: Database, add: Add, annotator: People) -> None:
    text = "\U0001f468\u200d\U0001f469\u200d\U0001f467 ok \U0001f40d\U0001f40d go"
    add(text)
    ada = annotator("ada")
    start = text.index("\U0001f40d")

    label_id = ada.save(ada.claim(), rationale=[(start, start + 2)])

    with database.read() as session:
        ((first, last),) = session.get_one(LabelRow, label_id).rationale
    assert text[first:last] == "\U0001f40d\U0001f40d"


def test_second_save_under_the_same_lease_is_refused(database: Database, add: Add, annotator: People) -> None:
    add("One.")
    ada = annotator("ada")
    task = ada.claim()
    ada.save(task)

    with pytest.raises(LeaseLost):
        ada.save(task)
    with database.read() as session:
        assert len(session.scalars(select(LabelRow)).all()) == 1


def test_save_under_another_persons_lease_is_refused(add: Add, annotator: People) -> None:
    add("One.")
    task = annotator("ada").claim()

    with pytest.raises(LeaseLost):
        annotator("bo").save(task)


def test_undo_gives_the_task_back_and_keeps_the_row(database: Database, add: Add, annotator: People) -> None:
    add("One.", "Two.")
    ada = annotator("ada")
    first = ada.claim()
    label_id = ada.save(first, severity=1, speech_act="endorses")
    ada.claim()

    back = ada.undo()

    assert back.task_id == first.task_id
    assert ada.claim().task_id == first.task_id
    with database.read() as session:
        row = session.get_one(LabelRow, label_id)
        assert row.undone_at is not None
        assert row.hate is True
        before = labels.latest(session, task_id=first.task_id, actor="officer:ada")
        assert before is not None
        assert before.label_id == label_id
    second_id = ada.save(back)
    with database.read() as session:
        standing = session.scalars(select(LabelRow).where(LabelRow.undone_at.is_(None))).all()
        assert [row.label_id for row in standing] == [second_id]
    (event,) = _events(database, "labelling:label:undone")
    assert event[1:3] == ("officer:ada", label_id)


def test_undo_goes_back_twenty_tasks_in_reverse_and_no_further(
    database: Database, add: Add, annotator: People
) -> None:
    add(*[f"Neutral text number {number}." for number in range(25)])
    ada = annotator("ada")
    done = [ada.label_next().task_id for _ in range(23)]

    undone = [ada.undo().task_id for _ in range(20)]

    assert undone == done[:2:-1]
    with pytest.raises(NotFound):
        ada.undo()
    again = [ada.label_next().task_id for _ in range(20)]
    assert again == done[3:]
    with database.read() as session:
        standing = session.scalars(select(LabelRow).where(LabelRow.undone_at.is_(None))).all()
        assert len(standing) == 23
        assert len(session.scalars(select(LabelRow)).all()) == 43


def test_undoing_one_label_over_and_over_does_not_use_up_the_limit(add: Add, annotator: People) -> None:
    add("One.", "Two.")
    ada = annotator("ada")
    first = ada.label_next()
    ada.label_next()

    for _ in range(25):
        ada.save(ada.undo())

    assert ada.undo().text == "Two."
    assert ada.undo().task_id == first.task_id


def test_undo_takes_back_only_ones_own_label(add: Add, annotator: People) -> None:
    add("One.")
    annotator("ada").label_next()

    with pytest.raises(NotFound):
        annotator("bo").undo()


def test_undone_task_left_alone_goes_to_somebody_else_who_gets_a_label_of_their_own(
    database: Database, add: Add, annotator: People, tick: Callable[..., datetime]
) -> None:
    add("One.")
    ada, bo = annotator("ada"), annotator("bo")
    ada.label_next()
    ada.undo()
    tick(700)

    bo.label_next(severity=1, speech_act="counters")

    with database.read() as session:
        standing = session.scalars(select(LabelRow).where(LabelRow.undone_at.is_(None))).all()
        assert [row.annotator for row in standing] == ["officer:bo"]


def test_skip_puts_the_task_aside_and_undo_brings_it_back(
    database: Database, add: Add, annotator: People
) -> None:
    add("One.")
    ada = annotator("ada")
    task = ada.claim()

    label_id = ada.skip(task, "insufficient_context")

    assert ada.claim() is None
    with database.read() as session:
        row = session.get_one(LabelRow, label_id)
        assert (row.skipped_because, row.hate, row.severity) == ("insufficient_context", None, None)
        assert session.get_one(TaskSlot, (task.task_id, 1)).state == "skipped"
    assert ada.undo().task_id == task.task_id
    with database.read() as session:
        assert labels.latest(session, task_id=task.task_id, actor="officer:ada") is None


def test_skip_for_an_unknown_reason_is_refused(add: Add, annotator: People) -> None:
    add("One.")
    ada = annotator("ada")
    task = ada.claim()

    with pytest.raises(BadInput, match="reason"):
        ada.skip(task, "bored")
    assert ada.save(task)


def test_too_much_leaves_no_trace_of_the_person_in_any_table(
    database: Database, add: Add, annotator: People
) -> None:
    add("One.")
    ada = annotator("ada")
    ada.skip(ada.claim(), "too_much")

    with database.read() as session:
        events = [(row.actor, row.subject, row.details) for row in session.scalars(select(AuditEvent))]
        rows = [(row.annotator, row.note) for row in session.scalars(select(LabelRow))]
        held = [(row.annotator, row.state) for row in session.scalars(select(TaskSlot))]
    assert "ada" not in json.dumps([events, rows, held])
    assert held == [(None, "skipped")]
    with pytest.raises(NotFound):
        ada.undo()


def test_my_counts_leave_out_skips_and_undone_labels(database: Database, add: Add, annotator: People) -> None:
    add("One.", "Two.", "Three.", "Four.")
    ada = annotator("ada")
    ada.label_next()
    ada.label_next()
    ada.skip(ada.claim(), "other")
    ada.label_next()
    ada.undo()

    with database.read() as session:
        assert labels.my_counts(session, "officer:ada") == {"pilot": 2}
        assert labels.my_counts(session, "officer:bo") == {}
