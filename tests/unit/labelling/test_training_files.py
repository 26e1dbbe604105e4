"""The files that may train and that may judge, as the commands write them: whole, with a slip, and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from labelling import tasks
from labelling.command_training import export_for_gate, export_for_training
from model.admission import read_slip, slip_path
from model.errors import BadRecord
from model.records import LabelledPost, read_jsonl
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, LabelRow

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]


@pytest.fixture
def home(database: Database, hub_home: Path) -> Path:
    """A hub folder whose settings lead to `database`."""
    if not database.is_sqlite:
        url = database.engine.url.render_as_string(hide_password=False)
        (hub_home / "hub.yaml").write_text(f'database_url: "{url}"\n', encoding="utf-8")
    return hub_home


def label_all(people: list[Any]) -> None:
    for person in people:
        while (task := person.claim()) is not None:
            person.save(task)


def test_file_for_training_has_a_slip_and_says_what_was_held_back(
    database: Database,
    home: Path,
    tmp_path: Path,
    add: Add,
    annotator: People,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add("One.", redundancy=2)
    label_all([annotator("ada"), annotator("bo")])
    add("Two.", batch="other")
    label_all([annotator("ada")])
    with database.write() as session:  # the command reads the real clock
        session.execute(update(LabelRow).values(labelled_at=utc_now() - timedelta(days=30)))
    out = tmp_path / "labels.jsonl"

    slip = export_for_training(home, out, other_posts=1000)

    told = " ".join(capsys.readouterr().out.split())
    assert read_slip(out) == slip
    assert (slip.texts, slip.labels, slip.held_back) == (1, 2, {"too_few_people": 1})
    assert [post.text for post in read_jsonl(out)] == ["One."]
    assert "2 labels of 1 texts may train" in told
    assert "fewer than two people answered" in told
    with database.read() as session:
        event = session.scalars(
            select(AuditEvent).where(AuditEvent.event == "labelling:labels:exported")
        ).one()
        assert event.details["file_sha256"] == slip.file_sha256


def test_changed_file_and_file_without_a_slip_are_refused(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    export_for_training(home, out)

    out.write_bytes(out.read_bytes() + b"\n")
    with pytest.raises(BadRecord, match="was changed"):
        read_slip(out)
    slip_path(out).write_text(json.dumps({"schema_version": 1}), encoding="utf-8")
    with pytest.raises(BadRecord, match="no slip"):
        read_slip(out)
    slip_path(out).unlink()
    with pytest.raises(BadRecord, match="has not passed the firewall"):
        read_slip(out)


def test_file_for_the_gate_is_marked_test_and_takes_an_old_slip_away(
    home: Path, tmp_path: Path, add: Add, annotator: People
) -> None:
    add("One.", batch="audit 1", purpose="audit", redundancy=2)
    label_all([annotator("ada"), annotator("bo")])
    out = tmp_path / "gold.jsonl"
    export_for_training(home, out)

    assert export_for_gate(home, out) == 1

    assert [post.split for post in read_jsonl(out)] == ["test"]
    assert not slip_path(out).exists()


def test_soft_label_of_no_head_is_refused() -> None:
    with pytest.raises(ValueError, match="soft"):
        LabelledPost(id="1", text="One.", source="hub", soft={"nothing": 0.5})
