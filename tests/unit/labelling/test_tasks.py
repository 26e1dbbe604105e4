"""Tasks: made once per text, held by one annotator at a time, given back when the hold ends."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from labelling import batches, tasks
from labelling.task_sources import BadRow, TaskRow, rows_from_cases, rows_from_file
from model.errors import BadInput, LeaseLost
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import AuditEvent, Case, CasePost, Post, TaskSlot

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def test_same_text_in_one_batch_is_one_task_and_counted(add: Callable[..., tasks.AddedTasks]) -> None:
    first = add("The bus is late.", "Market day in Leeds.", "The bus is late.")
    again = add("Market day in Leeds.", "A new library opened.")
    elsewhere = add("The bus is late.", batch="second")

    assert (first.added, first.duplicates) == (2, 1)
    assert (again.added, again.duplicates) == (1, 1)
    assert (elsewhere.added, elsewhere.duplicates) == (1, 0)


def test_tasks_are_given_out_in_the_order_of_the_rows(
    add: Callable[..., tasks.AddedTasks], annotator: Callable[[str], Any]
) -> None:
    texts = [f"Row {number}." for number in range(30)]
    add(*texts)
    ada = annotator("ada")

    assert [ada.label_next().text for _ in texts] == texts


def test_adding_writes_one_audit_event_with_the_counts(
    database: Database, add: Callable[..., tasks.AddedTasks]
) -> None:
    add("The bus is late.", "The bus is late.")

    with database.read() as session:
        _made, event = session.scalars(select(AuditEvent).order_by(AuditEvent.event_id))
        assert (event.event, event.subject) == ("labelling:task:added", "pilot")
        assert event.details == {"added": 1, "duplicates": 1, "bad": 0, "source": "test.jsonl"}


@pytest.mark.parametrize("batch", ["", " pilot", "a/b", "x" * 81, "<b>"])
def test_batch_with_an_unusable_name_is_refused(add: Callable[..., tasks.AddedTasks], batch: str) -> None:
    with pytest.raises(BadInput, match="batch"):
        add("The bus is late.", batch=batch)


def test_jsonl_with_bad_rows_reports_line_and_reason_and_keeps_the_good(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    good = {"id": "a", "text": "The bus is late \U0001f68c", "platform": "any"}
    file.write_bytes(
        b"\n".join(
            [
                json.dumps(good).encode(),
                b"{not json",
                b'{"id": "c", "text": "   "}',
                b"",
                b'{"id": "d"}',
                b'["a", "list"]',
                b'{"text": "\\ud800"}',
                b'{"text": "caf\xff"}',
                b'{"id": 7, "text": "No id but a number."}',
                b'{"id": ["x"], "text": "Odd id."}',
                b'{"text": "' + b"x" * 10_001 + b'"}',
                b"[" * 100_000,
            ]
        )
    )

    rows = list(rows_from_file(file))

    assert [row for row in rows if isinstance(row, TaskRow)] == [
        TaskRow("a", "The bus is late \U0001f68c"),
        TaskRow("7", "No id but a number."),
    ]
    assert [(row.line, row.code) for row in rows if isinstance(row, BadRow)] == [
        (2, "bad_record"),
        (3, "text_empty"),
        (5, "not_text"),
        (6, "bad_record"),
        (7, "not_text"),
        (8, "not_text"),
        (10, "bad_record"),
        (11, "text_too_long"),
        (12, "bad_record"),
    ]


def test_csv_with_newlines_and_bad_rows_reports_where_each_row_starts(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    long = "x" * 200_000
    file.write_text(
        f'\ufeffid,text\n1,"two\nlines"\n\n2,\n3,{long}\n4,fine,extra\n5\n6,"kept, too"\n', encoding="utf-8"
    )

    rows = list(rows_from_file(file))

    assert [row for row in rows if isinstance(row, TaskRow)] == [
        TaskRow("1", "two\nlines"),
        TaskRow("6", "kept, too"),
    ]
    assert [(row.line, row.code) for row in rows if isinstance(row, BadRow)] == [
        (5, "text_empty"),
        (6, "text_too_long"),
        (7, "bad_record"),
        (8, "not_text"),
    ]


def test_csv_that_breaks_off_says_that_the_rest_was_not_read(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text('id,text\n1,fine\n2,"never closed\n3,lost\n', encoding="utf-8")

    rows = list(rows_from_file(file))

    assert rows[0] == TaskRow("1", "fine")
    assert rows[1] == BadRow(3, "bad_record", "not CSV from here on; the rest was not read")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "id,body\n1,x\n"), ("b.csv", ""), ("c.txt", "x\n"), ("absent.jsonl", None)],
)
def test_source_that_cannot_be_used_is_refused(tmp_path: Path, name: str, content: str | None) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")

    with pytest.raises(BadInput, match="source"):
        list(rows_from_file(tmp_path / name))


def _store_case(database: Database, text: str, state: str) -> str:
    case_id, post_id = new_id(), new_id()
    with database.write() as session:
        session.add(
            Post(post_id=post_id, text=text, text_sha256="0" * 64, received_at=NOW, received_from="key:1")
        )
        session.add(
            Case(
                case_id=case_id,
                state=state,
                waiting=state == "captured",
                route="review",
                strands=[],
                priority=0.5,
                created_at=NOW,
                decided_at=None if state == "captured" else NOW,
            )
        )
        session.flush()
        session.add(CasePost(post_id=post_id, case_id=case_id))
    return post_id


def test_only_decided_cases_become_tasks(database: Database) -> None:
    post_id = _store_case(database, "Decided: the bus is late.", "decided")
    closed_id = _store_case(database, "Closed: the bus came.", "no_action")
    _store_case(database, "Still waiting.", "captured")

    with database.read() as session:
        rows = list(rows_from_cases(session))

    assert rows == [
        TaskRow(post_id, "Decided: the bus is late."),
        TaskRow(closed_id, "Closed: the bus came."),
    ]


def test_annotator_who_holds_a_task_gets_it_again(
    add: Callable[..., tasks.AddedTasks], annotator: Callable[[str], Any]
) -> None:
    add("One.", "Two.")
    ada = annotator("ada")

    first, again = ada.claim(), ada.claim()

    assert (again.task_id, again.lease_number) == (first.task_id, first.lease_number)
    assert annotator("bo").claim().task_id != first.task_id


def test_claim_of_one_batch_leaves_the_others(
    add: Callable[..., tasks.AddedTasks], annotator: Callable[[str], Any]
) -> None:
    add("One.", batch="first")
    add("Two.", batch="second")

    assert annotator("ada").claim("second").text == "Two."
    assert annotator("bo").claim("second") is None


def test_expired_task_goes_to_the_next_annotator_and_the_old_lease_is_dead(
    database: Database,
    add: Callable[..., tasks.AddedTasks],
    annotator: Callable[[str], Any],
    tick: Callable[..., datetime],
) -> None:
    add("One.")
    ada, bo = annotator("ada"), annotator("bo")
    old = ada.claim(lease_seconds=30)
    assert bo.claim() is None

    tick(60)
    taken = bo.claim()

    assert taken.task_id == old.task_id
    assert taken.lease_number == old.lease_number + 1
    with pytest.raises(LeaseLost):
        ada.save(old)
    with database.read() as session:
        assert session.get_one(TaskSlot, (old.task_id, 1)).annotator == "officer:bo"


def test_late_save_is_refused_even_if_nobody_else_took_the_task(
    add: Callable[..., tasks.AddedTasks], annotator: Callable[[str], Any], tick: Callable[..., datetime]
) -> None:
    add("One.")
    ada = annotator("ada")
    task = ada.claim(lease_seconds=30)
    tick(60)

    with pytest.raises(LeaseLost):
        ada.save(task)


def test_heartbeat_prolongs_the_live_lease_alone(
    database: Database,
    add: Callable[..., tasks.AddedTasks],
    annotator: Callable[[str], Any],
    tick: Callable[..., datetime],
) -> None:
    add("One.")
    ada = annotator("ada")
    task = ada.claim(lease_seconds=30)

    def beat(actor: str, number: int) -> None:
        with database.write() as session:
            tasks.heartbeat(
                session, task_id=task.task_id, lease_number=number, actor=actor, now=tick(), lease_seconds=30
            )

    tick(20)
    beat("officer:ada", task.lease_number)
    tick(20)
    assert ada.save(task)
    for actor, number in (("officer:ada", task.lease_number), ("officer:bo", task.lease_number)):
        with pytest.raises(LeaseLost):
            beat(actor, number)


def test_claims_do_not_name_the_person_in_the_audit_log(
    database: Database, add: Callable[..., tasks.AddedTasks], annotator: Callable[[str], Any]
) -> None:
    add("One.")
    annotator("ada").claim()

    with database.read() as session:
        claimed = session.scalars(
            select(AuditEvent).where(AuditEvent.event == "labelling:task:claimed")
        ).one()
        assert claimed.actor == "system:labelling"
        assert "ada" not in json.dumps(claimed.details)


def test_two_annotators_racing_never_get_one_task(
    database: Database, add: Callable[..., tasks.AddedTasks], annotator: Callable[[str], Any]
) -> None:
    add(*[f"Neutral text number {number}." for number in range(40)])
    taken: list[tuple[str, str]] = []
    start = threading.Barrier(4)

    def work(name: str) -> None:
        start.wait()
        while True:
            with database.write() as session:
                task = tasks.claim(session, actor=f"officer:{name}", now=utc_now(), lease_seconds=600)
            if task is None:
                return
            taken.append((name, task.task_id))
            with database.write() as session:
                tasks.close_leased(
                    session,
                    task_id=task.task_id,
                    lease_number=task.lease_number,
                    actor=f"officer:{name}",
                    now=utc_now(),
                    state="labelled",
                )

    threads = [threading.Thread(target=work, args=(name,)) for name in ("ada", "bo", "cy", "di")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 40
    assert len({task_id for _, task_id in taken}) == 40


def test_progress_counts_every_slot_once_and_offers_a_skipped_one_anew(
    database: Database, add: Callable[..., tasks.AddedTasks], annotator: Callable[[str], Any]
) -> None:
    add("One.", "Two.", "Three.", "Four.")
    ada = annotator("ada")
    ada.label_next()
    ada.skip(ada.claim(), "not_english")
    ada.claim()

    with database.read() as session:
        (pilot,) = batches.progress(session)

    assert (pilot.batch, pilot.waiting, pilot.labelled, pilot.skipped, pilot.total) == ("pilot", 3, 1, 1, 5)


def test_reading_a_csv_leaves_the_limit_of_the_process_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("id,text\n1,The library opens at nine.\n", encoding="utf-8")
    before = csv.field_size_limit()

    assert len(list(rows_from_file(path))) == 1

    assert csv.field_size_limit() == before
