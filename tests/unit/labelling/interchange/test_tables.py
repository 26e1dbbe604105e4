"""CSV: our own, safe in a spreadsheet, and any table with a text column."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labelling.interchange import long_csv
from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.command import export_labels, import_labels
from labelling.interchange.csv_rows import FORMULA_STARTS, plain_cell, safe_cell
from labelling.interchange.mapping import Mapping, Meaning, default_mapping


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_no_cell_of_ours_is_a_formula(tmp_path: Path, full_label: Annotation, start: str) -> None:
    words = f"{start}cmd|' /C calc'!A0"
    item = Item.model_validate({"item_id": words, "text": words})
    names = dict.fromkeys(("item_id", "annotator", "cohort", "note"), words)
    label = full_label.model_copy(update={**names, "rationale": None})
    out = tmp_path / "labels.csv"

    export_labels([item], [label], [], "csv", out)

    with out.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(FORMULA_STARTS)]
    result = import_labels(out)
    assert (result.items, result.annotations) == ((item,), (label,))


def test_cell_that_looks_escaped_already_is_not_unescaped_twice() -> None:
    for words in ("'", "''=1", "'=1", "=1", "x'", ""):
        assert plain_cell(safe_cell(words)) == words


def test_csv_of_ours_is_a_row_for_each_label_with_all_columns(
    tmp_path: Path, item: Item, full_label: Annotation, prediction: Prediction
) -> None:
    export_labels([item], [full_label], [prediction], "csv", tmp_path / "labels.csv")

    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as file:
        label, scores = list(csv.DictReader(file))
    assert tuple(label) == long_csv.COLUMNS
    assert (label["kind"], label["severity"], label["hate"], label["labelled_at"]) == (
        "label",
        "2",
        "true",
        "2026-01-02T10:00:04.000005Z",
    )
    assert json.loads(label["rationale"]) == [[0, 7], [26, 35]]
    assert (scores["kind"], scores["bundle_id"]) == ("prediction", "minilm-v3")


def test_altered_text_of_our_own_row_is_noticed(tmp_path: Path, item: Item, full_label: Annotation) -> None:
    out = tmp_path / "labels.csv"
    export_labels([item], [full_label], [], "csv", out)
    out.write_text(out.read_text(encoding="utf-8").replace("newspaper", "book"), encoding="utf-8")

    assert [one.reason for one in import_labels(out).quarantined] == ["text_differs"]


@pytest.fixture
def field_limit() -> Iterator[int]:
    """A limit that no code of ours would set."""
    before = csv.field_size_limit(123_456)
    yield 123_456
    csv.field_size_limit(before)


def test_field_size_limit_of_the_process_is_restored_even_half_way(read: Any, field_limit: int) -> None:
    long = "x" * 2_000_000

    result = read(f'text,label\nexample text,hate\n"{long}",hate\nthird,hate\n', name="t.csv")

    assert csv.field_size_limit() == field_limit
    assert [(one.row, one.reason) for one in result.quarantined] == [(3, "not_csv")]
    assert len(result.annotations) == 1


def test_plain_table_is_read_by_the_names_of_its_columns(read: Any) -> None:
    table = (
        "tweet_id,tweet,coder,class,severity,notes,labelled_at,likes\n"
        "5,example text,ada,Hate Speech,2,Sure.,2026-01-02T10:00:00Z,7\n"
        "6,another,,,,,,\n"
    )

    result = read(table, name="t.csv")

    first, second = result.items
    (label,) = result.annotations
    assert result.format == "table"
    assert (first.item_id, first.text, second.text) == ("5", "example text", "another")
    assert (label.hate, label.severity, label.note) == (True, 2, "Sure.")
    assert (label.strands, label.strands_asked) == ((), ())
    assert label.labelled_at.isoformat() == "2026-01-02T10:00:00+00:00"
    assert label.extra == {"table": {"likes": "7"}}
    assert label.annotator.startswith("annotator-")
    assert "ada" not in label.model_dump_json()


def test_time_without_a_zone_goes_along_and_is_not_guessed(read: Any) -> None:
    (label,) = read("text,label,labelled_at\nexample text,hate,2026-01-02 10:00\n", name="t.csv").annotations

    assert (label.labelled_at, label.extra) == (None, {"table": {"labelled_at": "2026-01-02 10:00"}})


def test_columns_called_as_our_heads_hold_yes_no_and_not_asked(read: Any) -> None:
    (label,) = read("text,hate,antisemitic,far_right\nexample text,1,0,\n", name="t.csv").annotations

    assert (label.hate, label.strand_answer("antisemitic"), label.strand_answer("far_right")) == (
        True,
        False,
        None,
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,example text,secret", "unknown_label"),
        ("1,,hate", "text_empty"),
        ("1,example text,hate#nothate", "labels_contradict"),
        ("1,example text", "wrong_shape"),
        ("1,example text,hate,more", "wrong_shape"),
        (f"{'1' * 300},example text,hate", "wrong_shape"),
    ],
)
def test_bad_row_is_quarantined_and_the_next_is_read(read: Any, row: str, reason: str) -> None:
    result = read(f"id,text,label\n{row}\n2,another,hate\n", name="t.csv")

    assert [(one.row, one.reason) for one in result.quarantined] == [(2, reason)]
    assert len(result.annotations) == 1


def test_bare_numbers_mean_nothing_until_a_mapping_says_what(read: Any) -> None:
    table = "text,label\nexample text,1\n"
    mapping = Mapping(
        schema_version=1,
        version="t",
        labels=(Meaning(names=("label:1",), hate=True, strands=("antisemitic",)),),
    )

    assert [one.reason for one in read(table, name="t.csv").quarantined] == ["unknown_label"]
    (label,) = read(table, name="t.csv", mapping=mapping.over(default_mapping())).annotations
    assert (label.hate, label.strands) == (True, ("antisemitic",))


def test_tab_separated_table_with_spans_is_read(read: Any) -> None:
    table = 'text\tlabel\tspans\nexample text\thate\t"[{""start"": 0, ""end"": 7}]"\n'

    (label,) = read(table, name="t.tsv").annotations

    assert (label.hate, label.rationale) == (True, ((0, 7),))
