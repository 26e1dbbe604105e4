"""Texts and labels of another tool leave in that tool's formats under the ids that they had there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from labelling import tasks
from labelling.command_interchange import ImportRules, export_file, import_file
from labelling.interchange.annotations import Annotation, Item
from labelling.interchange.card_facts import CardFacts
from labelling.interchange.command import export_labels, import_labels
from labelling.interchange.formats import Writing
from serve.storage.engine import Database
from serve.storage.tables import Task

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "format",
    [
        *("watchhouse", "csv", "label-studio", "argilla", "argilla-flat", "argilla-server"),
        *("doccano", "doccano-zip", "lewidi", "lewidi-2025", "huggingface"),
    ],
)
def test_ids_of_another_tool_leave_again_in_its_own_formats(
    database: Database, home: Path, tmp_path: Path, add: Add, annotator: People, format: str
) -> None:
    # A text of the hub's own stands before those that come from elsewhere.
    add("One of ours.", batch="ours")
    annotator("ada").label_next()
    items = [
        Item.model_validate({"item_id": item_id, "text": text})
        for item_id, text in (("17", "Seven people read."), ("their-text", "A fair."))
    ]
    said = [
        Annotation.model_validate(
            {
                "item_id": item.item_id,
                "label_id": f"their-{item.item_id}-{number}",
                "annotator": f"annotator-{number}123456789ab",
                "hate": False,
                "labelled_at": f"2026-01-0{number + 1}T10:00:00Z",
            }
        )
        for item in items
        for number in range(2)
    ]
    first, again = tmp_path / "first", tmp_path / "again"
    writing = Writing(facts=CardFacts(title="Theirs", paradigm="prescriptive"))
    export_labels(items, said, (), format, first, writing=writing)

    assert import_file(home, first, batch="theirs", rules=ImportRules(redundancy=2)) == 0
    export_file(home, again, format=format)

    back = import_labels(again)
    theirs = {item.item_id for item in items}
    assert {item.item_id for item in back.items} - theirs == {hub_ids(database, Task.task_id, "ours")}
    assert theirs <= {item.item_id for item in back.items}
    assert {one.label_id for one in back.annotations if one.item_id in theirs} == {
        one.label_id for one in said
    }
    # In another tool's format they are the hub's.
    other = "csv" if format != "csv" else "doccano"
    export_file(home, tmp_path / "other", format=other)
    assert theirs & {item.item_id for item in import_labels(tmp_path / "other").items} == set()


def hub_ids(database: Database, column: Any, batch: str) -> str:
    with database.read() as session:
        return session.scalars(select(column).where(Task.batch == batch)).one()


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("label-studio", [{"id": 41, "data": {"text": "A fair."}, "annotations": [
            {"id": 7, "was_cancelled": True, "result": []}]}]),
        ("doccano", {"id": 41, "text": "A fair.", "label": ["antisemitic"]}),
        ("argilla", [{"id": "r-41", "fields": {"text": "A fair."}, "responses": {
            "target": [{"user_id": "u1", "value": ["antisemitic"], "status": "submitted"}]}}]),
    ],
)  # fmt: skip
def test_number_of_a_row_made_in_the_other_tool_stands_in_the_row_again(
    home: Path, tmp_path: Path, format: str, content: Any
) -> None:
    file = written(tmp_path / "theirs.json", content)
    assert import_file(home, file, batch="theirs", rules=ImportRules(format=format)) == 0

    export_file(home, tmp_path / "again.json", format=format)

    def row(value: Any) -> Any:
        return value[0] if isinstance(value, list) else value

    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert row(again)["id"] == row(content)["id"]


def test_two_files_with_the_same_ids_leave_without_two_of_one_id(
    database: Database, home: Path, tmp_path: Path
) -> None:
    for batch, text in (("one", "A fair."), ("two", "Another fair.")):
        file = written(tmp_path / f"{batch}.jsonl", {"id": 41, "text": text, "label": ["antisemitic"]})
        assert import_file(home, file, batch=batch, rules=ImportRules(format="doccano")) == 0

    export_file(home, tmp_path / "again.jsonl", format="doccano")

    back = import_labels(tmp_path / "again.jsonl")
    assert [item.item_id for item in back.items] == ["41", hub_ids(database, Task.task_id, "two")]
    assert len({one.label_id for one in back.annotations}) == 2
