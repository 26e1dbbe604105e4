"""doccano's JSONL, zip, CSV and fastText, in the shapes that INTERFACES.md section 2.3 gives."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from labelling.interchange.annotations import Annotation, Item
from labelling.interchange.command import export_labels, import_labels
from labelling.interchange.mapping import Mapping, default_mapping

SNAKE = "A 🐍 example text"
"""`example` is at [4, 11) in code points and graphemes, at [5, 12) in UTF-16 units."""


def zipped(**members: str) -> bytes:
    data = io.BytesIO()
    with ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.jsonl", content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("row", "strands", "rationale"),
    [
        ({"text": "example text", "label": ["antisemitic"]}, ("antisemitic",), None),
        ({"text": "example text", "label": [[0, 7, "RATIONALE"]]}, (), ((0, 7),)),
        (
            {
                "text": "example text",
                "entities": [{"id": 0, "start_offset": 0, "end_offset": 7, "label": "RATIONALE"}],
                "relations": [{"from_id": 0, "to_id": 1, "type": "about"}],
            },
            (),
            ((0, 7),),
        ),
        (
            {"text": "example text", "entities": [[0, 7, "RATIONALE"]], "cats": ["antisemitic"]},
            ("antisemitic",),
            ((0, 7),),
        ),
    ],
)
def test_published_shapes_are_read(
    read: Any, row: dict[str, Any], strands: tuple[str, ...], rationale: tuple[tuple[int, int], ...] | None
) -> None:
    result = read(json.dumps(row | {"id": 5, "source": "t", "Comments": ["Not sure."]}) + "\n")

    (item,), (label,) = result.items, result.annotations
    assert result.format == "doccano"
    assert (item.item_id, item.metadata) == ("5", {"source": "t"})
    assert (label.strands, label.rationale, label.note) == (strands, rationale, "Not sure.")
    assert label.annotator is None
    assert label.extra == ({"doccano": {"relations": row["relations"]}} if "relations" in row else {})


def test_annotator_of_a_zip_is_the_file_and_appears_under_a_pseudonym(read: Any) -> None:
    row = json.dumps({"id": 1, "text": "example text", "label": ["antisemitic"]}) + "\n"

    result = read(zipped(ada=row, bo=row, all=row))

    assert result.format == "doccano-zip"
    annotators = [label.annotator for label in result.annotations]
    assert len(set(annotators)) == 3
    assert annotators[2] is None, "all.jsonl is nobody's"
    assert len(result.items) == 1
    assert "ada" not in "".join(label.model_dump_json() for label in result.annotations)


def test_row_of_a_zip_is_quarantined_with_the_number_of_its_file(read: Any) -> None:
    good = json.dumps({"id": 1, "text": "example text", "label": ["antisemitic"]}) + "\n"

    result = read(zipped(ada=good, bo=good + "broken\n"))

    assert [(one.member, one.row, one.reason) for one in result.quarantined] == [(2, 2, "not_json")]


def test_empty_list_of_labels_is_no_answer_unless_the_mapping_says_so(read: Any) -> None:
    row = json.dumps({"id": 1, "text": "example text", "label": []}) + "\n"
    mapping = Mapping(schema_version=1, version="t", empty_means_none=True, asked_strands=("antisemitic",))

    silent = read(row)
    answered = read(row, mapping=mapping.over(default_mapping()))

    assert (silent.annotations, len(silent.items)) == ((), 1)
    (label,) = answered.annotations
    assert (label.hate, label.strand_answer("antisemitic"), label.strand_answer("far_right")) == (
        False,
        False,
        None,
    )


@pytest.mark.parametrize(
    ("unit", "place"), [("code_point", (4, 11)), ("utf16", (5, 12)), ("grapheme", (4, 11))]
)
def test_offsets_of_doccano_are_what_the_mapping_says(read: Any, unit: Any, place: tuple[int, int]) -> None:
    mapping = Mapping(schema_version=1, version="t", offset_unit=unit).over(default_mapping())
    row = json.dumps({"text": SNAKE, "label": [[*place, "RATIONALE"]]})

    (label,) = read(row, "doccano", mapping=mapping).annotations

    assert label.rationale is not None
    ((start, end),) = label.rationale
    assert SNAKE[start:end] == "example"


def test_offsets_that_could_be_either_are_quarantined_and_not_guessed(read: Any) -> None:
    result = read(json.dumps({"text": SNAKE, "label": [[4, 11, "RATIONALE"]]}), "doccano")

    assert [one.reason for one in result.quarantined] == ["ambiguous_offset"]


def test_offsets_after_the_end_in_code_points_can_only_be_utf16(read: Any) -> None:
    text = "Look: 🐍🐍🐍🐍 text"
    end = len(text.encode("utf-16-le")) // 2

    (label,) = read(json.dumps({"text": text, "label": [[end - 4, end, "RATIONALE"]]}), "doccano").annotations

    assert label.rationale == ((len(text) - 4, len(text)),)


def test_export_has_both_classes_and_spans_in_units_of_the_browser(
    tmp_path: Path, item: Item, full_label: Annotation
) -> None:
    export_labels([item], [full_label], [], "doccano", tmp_path / "rows.jsonl")

    (row,) = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert row["cats"] == ["antisemitic", "far_right", "hate", "S2"]
    in_units = item.text.encode("utf-16-le")
    marked = [in_units[2 * start : 2 * end].decode("utf-16-le") for start, end, _ in row["entities"]]
    assert marked == [item.text[start:end] for start, end in full_label.rationale or ()]
    assert row["source"] == "test", "metadata stands at the top"
    assert row["watchhouse"]["offset_unit"] == "utf16"


def test_skip_that_was_answered_in_doccano_is_an_answer(
    tmp_path: Path, item: Item, skipped_label: Annotation
) -> None:
    path = tmp_path / "rows.jsonl"
    export_labels([item], [skipped_label], [], "doccano", path)
    row = json.loads(path.read_text(encoding="utf-8")) | {"cats": ["antisemitic", "hate"]}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")

    (label,) = import_labels(path).annotations

    assert (label.skipped_because, label.hate, label.strands) == (None, True, ("antisemitic",))
    assert label.strand_answer("far_right") is False
    assert label.annotator == skipped_label.annotator


def test_zip_has_a_file_for_each_annotator_and_the_same_bytes_each_time(
    tmp_path: Path, item: Item, full_label: Annotation, skipped_label: Annotation
) -> None:
    for name in ("one.zip", "two.zip"):
        export_labels([item], [full_label, skipped_label], [], "doccano-zip", tmp_path / name)

    with ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["annotator-0123456789ab.jsonl", "annotator-ba9876543210.jsonl"]
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("name", ["../../etc/passwd", "all", "CON/x", "a, b", "\u202egpj", "."])
def test_annotator_whose_name_is_no_file_name_survives_the_zip(
    tmp_path: Path, item: Item, full_label: Annotation, name: str
) -> None:
    label = full_label.model_copy(update={"annotator": name})

    export_labels([item], [label], [], "doccano-zip", tmp_path / "labels.zip")

    with ZipFile(tmp_path / "labels.zip") as archive:
        assert all(member.startswith("annotator-") for member in archive.namelist())
    assert import_labels(tmp_path / "labels.zip").annotations == (label,)


def test_csv_joins_labels_with_a_hash(read: Any) -> None:
    result = read(
        "id,text,label,source\n1,example text,antisemitic#far-right,t\n2,another,secret,t\n", name="d.csv"
    )

    assert [label.strands for label in result.annotations] == [("antisemitic", "far_right")]
    assert [(one.row, one.reason) for one in result.quarantined] == [(3, "unknown_label")]


def test_fasttext_lines_are_read(read: Any) -> None:
    lines = (
        "__label__antisemitic __label__hate example text\n__label__nothate another text\n__label__x third\n"
    )

    result = read(lines)

    assert result.format == "fasttext"
    assert [(one.strands, one.hate) for one in result.annotations] == [(("antisemitic",), True), ((), False)]
    assert [item.text for item in result.items] == ["example text", "another text"]
    assert [(one.row, one.reason) for one in result.quarantined] == [(3, "unknown_label")]
