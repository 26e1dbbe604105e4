"""Migration 0009 on a hub where people have labelled: no label is lost, up, down and up again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from labelling.codebook import load_codebook
from labelling.export import export
from labelling.labels import Answers, save
from labelling.tasks import claim
from model.configuration import configs_folder
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.migrating import downgrade, migrate, newest_revision
from serve.storage.tables import BatchRow, LabelRow, Task, TaskSlot, TermReview

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
BEFORE = "0008"
KEPT = (
    "label_id, task_id, annotator, undone_at IS NULL, skipped_because, strands, hate, severity, speech_act, "
    "rationale, note, codebook, codebook_sha256"
)
STATES = {"T1": "open", "T2": "leased", "T3": "labelled", "T4": "skipped", "T5": "skipped"}


def padded(name: str) -> str:
    return name.rjust(26, "0")


@pytest.fixture
def worked(database: Database) -> Database:
    """A hub of the revision before: a task in every state, a label, an undone one, both kinds of skip."""
    downgrade(database, BEFORE)

    def instant(minutes: int) -> Any:
        at = AT + timedelta(minutes=minutes)
        return at.replace(tzinfo=None).isoformat(" ", "microseconds") if database.is_sqlite else at

    with database.write() as session:

        def put(table: str, **columns: Any) -> None:
            marks = ", ".join(f":{name}" for name in columns)
            session.execute(text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"), columns)

        for number, (name, state) in enumerate(STATES.items()):
            put(
                "tasks", task_id=padded(name), batch="pilot", external_id=None, text=f"Text {number}.",
                text_sha256=f"{number}" * 64, source="posts.csv", created_at=instant(number), state=state,
                lease_number=number, leased_by="officer:held" if state == "leased" else None,
                lease_expires_at=instant(10_000_000) if state == "leased" else None,
            )  # fmt: skip
        # (task, who, skipped because, undone)
        for number, (name, who, skipped, undone) in enumerate(
            [
                ("T3", "officer:ada", None, True),
                ("T3", "officer:ada", None, False),
                ("T4", "officer:ada", "other", False),
                ("T5", "system:labelling", "too_much", False),
            ]
        ):
            answered = skipped is None
            put(
                "labels", label_id=padded(f"L{number}"), task_id=padded(name), annotator=who,
                labelled_at=instant(60 + number), undone_at=instant(90) if undone else None,
                skipped_because=skipped, strands=json.dumps(["far_right"] if answered else []),
                hate=True if answered else None, severity=1 if answered else None,
                speech_act="endorses" if answered else None,
                rationale=json.dumps([[0, 4]] if answered else []),
                note="Twice. \u2019" if answered else None, codebook="2026-11.1", codebook_sha256="3" * 64,
            )  # fmt: skip
    return database


def labels(database: Database) -> list[str]:
    with database.read() as session:
        return [
            str(tuple(row)) for row in session.execute(text(f"SELECT {KEPT} FROM labels ORDER BY label_id"))
        ]


def test_every_label_survives_up_down_and_up_again(worked: Database) -> None:
    before = labels(worked)
    assert len(before) == 4
    for _ in range(2):
        assert migrate(worked) == newest_revision()
        assert labels(worked) == before
        downgrade(worked, BEFORE)
        assert labels(worked) == before
    with worked.read() as session:
        states = dict(map(tuple, session.execute(text("SELECT task_id, state FROM tasks"))))
    wanted = {padded(name): state for name, state in STATES.items()}
    assert states == wanted | {padded("T2"): "open"}, "a lease does not go back"


def test_tasks_become_slots_of_a_batch_and_work_goes_on(worked: Database) -> None:
    migrate(worked)
    codebook = load_codebook(configs_folder() / "codebook" / "codebook-v1.yaml")
    with worked.write() as session:
        batch = session.get_one(BatchRow, "pilot")
        assert (batch.purpose, batch.redundancy, batch.codebook) == ("train", 1, "2026-11.1")
        slots = {slot.task_id: slot for slot in session.scalars(select(TaskSlot))}
        found = {name: (slots[padded(name)].state, slots[padded(name)].annotator) for name in STATES}
        assert found == {
            "T1": ("open", None),
            "T2": ("leased", "officer:held"),
            "T3": ("labelled", "officer:ada"),
            "T4": ("skipped", "officer:ada"),
            "T5": ("skipped", None),
        }
        task = claim(session, actor="officer:bo", now=AT, lease_seconds=60)
        assert task is not None
        assert task.task_id == padded("T1")
        save(
            session,
            codebook,
            task_id=task.task_id,
            lease_number=task.lease_number,
            actor="officer:bo",
            now=AT,
            answers=Answers(),
        )
    with worked.read() as session:
        assert [post.hate for post in export(session)] == [0, 1]


def test_several_labels_of_one_text_come_down_as_one_task(database: Database) -> None:
    with database.write() as session:
        session.add(
            BatchRow(
                batch="two",
                purpose="train",
                redundancy=2,
                paradigm="prescriptive",
                codebook="c",
                codebook_sha256="3" * 64,
                made_at=AT,
                made_by="system:tests",
            )
        )
        session.flush()
        task = Task(
            task_id=new_id(), batch="two", text="One.", text_sha256="1" * 64, source="t", created_at=AT
        )
        session.add(task)
        session.flush()
        for slot, who in enumerate(("officer:ada", "officer:bo"), start=1):
            session.add(
                TaskSlot(task_id=task.task_id, slot=slot, batch="two", state="labelled", annotator=who)
            )
            session.add(
                LabelRow(
                    label_id=new_id(),
                    task_id=task.task_id,
                    slot=slot,
                    annotator=who,
                    labelled_at=AT,
                    strands=[],
                    rationale=[],
                    codebook="c",
                    codebook_sha256="3" * 64,
                )
            )

    downgrade(database, BEFORE)
    assert len(labels(database)) == 2
    migrate(database)

    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(LabelRow)) == 2
        assert session.scalars(select(TaskSlot.state)).all() == ["labelled"]


def test_review_of_a_term_never_changes(worked: Database) -> None:
    migrate(worked)
    with worked.write() as session:
        session.add(TermReview(term="t", task_id=padded("T3"), reviewed_at=AT, confirmed=True))
    for statement in ("UPDATE term_reviews SET confirmed = NOT confirmed", "DELETE FROM term_reviews"):
        with pytest.raises(DBAPIError), worked.write() as session:
            session.execute(text(statement))
