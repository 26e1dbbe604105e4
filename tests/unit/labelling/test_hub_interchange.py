"""Labels from another tool become labels of the hub, leave it again as they came, and nothing is dropped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from labelling import tasks
from labelling.command_agreement import agreement
from labelling.command_interchange import ImportRules, check_one, convert_file, export_file, import_file
from labelling.hub_records import records
from labelling.interchange.annotations import Annotation, Item, grouped
from labelling.interchange.canonical_files import line_of
from labelling.interchange.command import import_labels
from labelling.label_rows import entries_of, entries_of_file
from model.errors import BadInput, Conflict
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, LabelRow, Task, TaskSlot

Add = Callable[..., tasks.AddedTasks]
People = Callable[[str], Any]

LABEL_STUDIO: list[dict[str, Any]] = [
    {
        "id": 1,
        "data": {"text": "A seven-word text about tea and rain.", "topic": "weather"},
        "annotations": [
            {
                "id": 11,
                "completed_by": 3,
                "was_cancelled": False,
                "lead_time": 4.25,
                "created_at": "2026-01-02T10:00:00Z",
                "result": [
                    {
                        "id": "a1",
                        "from_name": "target",
                        "to_name": "text",
                        "type": "choices",
                        "value": {"choices": ["antisemitic"]},
                    }
                ],
            },
            {"id": 12, "completed_by": 4, "was_cancelled": True, "result": []},
        ],
    },
    {"id": 2, "data": {"text": "Another text."}, "annotations": []},
]


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def counted(database: Database, table: type[Any]) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_label_studio_file_becomes_tasks_labels_and_skips_once(
    database: Database, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "export.json", LABEL_STUDIO)

    first = import_file(home, file, batch="theirs", rules=ImportRules(redundancy=2))
    told = capsys.readouterr().out
    again = import_file(home, file, batch="theirs", rules=ImportRules(redundancy=2))

    assert (first, again) == (0, 0)
    assert "2 tasks and 1 labels added, 1 skips; 0 texts and 0 labels were there already" in told
    assert "0 tasks and 0 labels added, 0 skips; 2 texts and 2 labels were" in capsys.readouterr().out
    with database.read() as session:
        row = session.scalars(select(LabelRow).where(LabelRow.skipped_because.is_(None))).one()
        assert (row.strands, row.strands_asked, row.hate) == (["antisemitic"], ["antisemitic"], None)
        assert (row.seconds_spent, row.codebook.split()[0]) == (4.25, "mapping")
        assert row.annotator.startswith("imported:annotator-")
        assert row.imported_from.startswith("label-studio label-studio-")
        states = session.execute(select(TaskSlot.state, func.count()).group_by(TaskSlot.state)).all()
        assert dict(map(tuple, states)) == {"labelled": 1, "skipped": 1, "open": 2}
        event = session.scalars(
            select(AuditEvent)
            .where(AuditEvent.event == "labelling:labels:imported")
            .order_by(AuditEvent.event_id)
        ).first()
        assert event is not None
        assert event.details["labels"] == 1


def test_bad_entries_stand_in_the_quarantine_with_a_reason_and_set_the_exit_status(
    database: Database, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(
        '{"text":"One.","label":["antisemitic"]}\n{"text":"Two.","label":["no such name"]}\nsecret words\n',
        encoding="utf-8",
    )

    status = import_file(home, file, batch="theirs", rules=ImportRules(format="doccano"))

    told = capsys.readouterr()
    quarantine = tmp_path / "rows.jsonl.quarantine.jsonl"
    assert status == 1
    assert "2 quarantined" in told.out
    assert "unknown_label" in told.err
    assert "not_json" in told.err
    assert "secret" not in told.out + told.err + quarantine.read_text(encoding="utf-8")
    assert [json.loads(line)["row"] for line in quarantine.read_text().splitlines()] == [2, 3]
    assert counted(database, LabelRow) == 1

    file.write_text('{"text":"One.","label":["antisemitic"]}\n', encoding="utf-8")
    assert import_file(home, file, batch="theirs", rules=ImportRules(format="doccano")) == 0
    assert not quarantine.exists()


def test_labels_of_the_unnamed_are_all_kept_and_found_again(
    database: Database, home: Path, tmp_path: Path
) -> None:
    item = Item.model_validate({"item_id": "x1", "text": "Seven people read."})
    given = [
        Annotation.model_validate({"label_id": f"l{n}", "item_id": "x1", "hate": bool(n)}) for n in range(3)
    ]
    file = tmp_path / "theirs.jsonl"
    file.write_bytes(b"".join(line_of(record) for record in (item, *given)))

    for _ in range(2):
        assert import_file(home, file, batch="theirs", rules=ImportRules()) == 0

    with database.read() as session:
        rows = session.execute(select(LabelRow.annotator, LabelRow.imported_from)).all()
    assert sorted(map(tuple, rows)) == [
        ("imported:unknown", "watchhouse l0"),
        ("imported:unknown-2", "watchhouse l1"),
        ("imported:unknown-3", "watchhouse l2"),
    ]


def test_batch_that_stands_with_other_rules_takes_nothing(
    database: Database, home: Path, tmp_path: Path, add: Add
) -> None:
    add("One.", batch="ours")
    file = written(tmp_path / "export.json", LABEL_STUDIO)

    with pytest.raises(Conflict, match="batch"):
        import_file(home, file, batch="ours", rules=ImportRules(redundancy=3))

    assert counted(database, Task) == 1


@pytest.mark.parametrize(
    "format",
    [
        *("watchhouse", "csv", "label-studio", "argilla", "argilla-flat", "argilla-server", "doccano"),
        *("doccano-zip", "huggingface", "lewidi"),
    ],
)
def test_label_of_the_hub_survives_the_other_tool_and_the_way_back(
    database: Database, home: Path, tmp_path: Path, add: Add, annotator: People, format: str
) -> None:
    add("\U0001f40d They are vermin, he wrote.", "A second text.", redundancy=2)
    ada, bo = annotator("ada"), annotator("bo")
    ada.save(
        ada.claim(),
        strands=["antisemitic"],
        codes=["IH2"],
        severity=2,
        speech_act="endorses",
        context_flags=[ada.codebook.context_flags[0].value],
        rationale=[(11, 17)],
        confidence="medium",
        disagreement="The clause is too wide.",
        note="Code IH2.",
    )
    bo.label_next()
    ada.skip(ada.claim(), "other")
    out = tmp_path / "theirs"

    export_file(home, out, format=format, batch="pilot")
    assert import_file(home, out, batch="back", rules=ImportRules(redundancy=2)) == 0

    with database.read() as session:
        ours = [one.annotations for one in records(session, "pilot")]
        theirs = [one.annotations for one in records(session, "back")]
        rows = session.scalars(select(LabelRow).where(LabelRow.imported_from.is_not(None))).all()
    passing = {"label_id", "item_id"}
    # Argilla's nested records have no status: what was skipped comes back by our own block.
    assert [[one.model_dump(exclude=passing) for one in of] for of in theirs] == [
        [one.model_dump(exclude=passing) for one in of] for of in ours
    ]
    full = next(row for row in rows if row.codes)
    assert (full.confidence, full.disagrees, full.profiles) == ("medium", True, {"antisemitic": "ihra_full"})


def test_card_of_a_published_folder_has_the_agreement_worked_out(
    home: Path, tmp_path: Path, add: Add, annotator: People
) -> None:
    add("One.", "Two.", redundancy=2)
    ada, bo = annotator("ada"), annotator("bo")
    for person in (ada, bo):
        person.label_next(severity=1, speech_act="endorses")
        person.label_next()
    out = tmp_path / "published"

    export_file(home, out, format="huggingface", batch="pilot")

    card = (out / "README.md").read_text(encoding="utf-8")
    assert "Labels of a Watchhouse hub: pilot" in card
    assert "alpha" in card
    assert "hate" in card


def test_export_in_no_format_is_refused_and_leaves_no_event(database: Database, home: Path) -> None:
    with pytest.raises(BadInput, match="format"):
        export_file(home, home / "out", format="prodigy")

    with database.read() as session:
        assert session.scalars(select(AuditEvent)).all() == []


def test_agreement_is_printed_for_hub_and_file_alike(
    home: Path, tmp_path: Path, add: Add, annotator: People, capsys: pytest.CaptureFixture[str]
) -> None:
    add("One.", "Two.", "Three.", redundancy=2)
    ada, bo = annotator("ada"), annotator("bo")
    for hateful in (True, False, False):
        answers = {"severity": 1, "speech_act": "endorses"} if hateful else {}
        ada.label_next(strands=["antisemitic"] if hateful else [], **answers)
        bo.label_next(strands=["antisemitic"] if hateful else [], **answers)
    out = tmp_path / "figures.json"

    of_hub = agreement(home, batch="pilot", out=out, draws=50)
    export_file(home, tmp_path / "labels.csv", format="csv")
    of_file = agreement(home, file=tmp_path / "labels.csv", draws=50)

    told = capsys.readouterr().out
    assert of_hub.questions["hate"].alpha.value == 1.0
    assert of_hub.questions == of_file.questions
    assert "strand:antisemitic" in told
    assert "not a measure of anybody's performance" in " ".join(told.split())
    assert json.loads(out.read_text())["questions"]["hate"]["alpha"]["value"] == 1.0


def test_statistics_take_an_imported_label_as_they_take_it_from_its_file(
    database: Database, home: Path, tmp_path: Path
) -> None:
    item = Item.model_validate({"item_id": "x1", "text": "Seven people read."})
    others: list[dict[str, Any]] = [
        {"annotator": "annotator-0123456789ab", "strands": ["far_right"], "strands_asked": ["far_right"]},
        {"annotator": "annotator-1123456789ab", "hate": True, "rationale": [], "seconds_spent": 2.5},
        {"annotator": "annotator-2123456789ab", "codes": ["IH2"], "labelled_at": "2026-01-02T10:00:00Z"},
        {
            "annotator": "annotator-3123456789ab",
            "rationale": [(0, 5)],
            "assisted": "prefilled",
            "cohort": "a",
        },
        {"annotator": "annotator-4123456789ab", "skipped_because": "unclear"},
        {"annotator": None, "hate": True},
        {"annotator": None, "hate": False},
    ]
    given = [
        Annotation.model_validate({"item_id": "x1", "label_id": f"l{number}", **fields})
        for number, fields in enumerate(others)
    ]
    file = tmp_path / "theirs.jsonl"
    file.write_bytes(b"".join(line_of(record) for record in (item, *given)))
    found = import_labels(file)

    import_file(home, file, batch="theirs", rules=ImportRules())
    with database.read() as session:
        of_hub = entries_of(session)

    of_file = list(entries_of_file(grouped(found.items, found.annotations)))
    assert len(of_file) == 4
    # The hub says under which mapping a label without a codebook was read; the file does not know.
    bare = [replace(one, codebook="", codebook_sha256="") for one in of_hub]
    assert sorted(bare, key=lambda one: one.annotator) == sorted(
        (replace(one, codebook="", codebook_sha256="") for one in of_file), key=lambda one: one.annotator
    )


def test_strand_that_nobody_asked_about_is_no_disagreement(home: Path, tmp_path: Path) -> None:
    rows = [
        {"text": "One.", "label": "ANTISEMITIC", "_input_hash": 1, "answer": answer, "_session_id": who}
        for who, answer in (("a", "accept"), ("b", "accept"))
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    report = agreement(home, file=file, draws=50)

    assert set(report.questions) == {"strand:antisemitic"}


def test_file_is_converted_without_a_hub(tmp_path: Path) -> None:
    file = written(tmp_path / "export.json", LABEL_STUDIO)
    out = tmp_path / "ours.jsonl"

    assert convert_file(file, out, rules=ImportRules()) == 0

    assert len(import_labels(out).annotations) == 2
    with pytest.raises(BadInput, match="batch"):
        check_one("theirs", out)
    with pytest.raises(BadInput, match="batch"):
        check_one(None, None)


def test_what_no_column_holds_comes_back_with_a_foreign_label(
    database: Database, home: Path, tmp_path: Path
) -> None:
    item = Item.model_validate(
        {"item_id": "x1", "text": "Seven people read.", "metadata": {"topic": "tea", "n": [1, None]}}
    )
    said: dict[str, Any] = {
        "item_id": "x1",
        "strands": ["far_right"],
        "strands_asked": ["far_right"],
        "confidence": 0.75,
        "ground_truth": True,
        "definition_profiles": ["their_own"],
        "sample_reason": "their reason",
        "extra": {"their": {"field": 1}},
        "assisted": "prefilled",
    }
    given = [
        Annotation.model_validate({**said, "label_id": "l1", "annotator": "annotator-0123456789ab"}),
        Annotation.model_validate({**said, "label_id": "l2", "annotator": None}),
    ]
    file = tmp_path / "theirs.jsonl"
    file.write_bytes(b"".join(line_of(record) for record in (item, *given)))

    assert import_file(home, file, batch="theirs", rules=ImportRules(redundancy=2)) == 0

    with database.read() as session:
        (labelled,) = records(session, "theirs")
        assert session.scalars(select(LabelRow.assisted)).all() == ["prefilled"] * 2
    passing = {"label_id", "item_id"}
    assert labelled.item.metadata == item.metadata
    assert sorted(str(one.model_dump(exclude=passing)) for one in labelled.annotations) == sorted(
        str(one.model_dump(exclude=passing)) for one in given
    )
