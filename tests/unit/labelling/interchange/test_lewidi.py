"""LeWiDi JSON of both editions, in the shapes that INTERFACES.md section 2.5 and its authors give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labelling.interchange.annotations import Annotation, Item
from labelling.interchange.command import export_labels

ENTRY: dict[str, Any] = {
    "text": "example text",
    "annotation task": "hate speech detection",
    "number of annotations": 6,
    "annotations": "0,0,0,1,0,0",
    "annotators": "Ann1,Ann2,Ann3,Ann4,Ann5,Ann6",
    "lang": "en",
    "hard_label": "0",
    "soft_label": {"0": 0.83, "1": 0.17},
    "split": "dev",
    "other_info": {"annotators group": "group1,group1,group1,group2,group2,group2"},
}


def test_published_shape_is_read_with_everybody_and_their_group(read: Any) -> None:
    result = read(json.dumps({"1": ENTRY}))

    (item,) = result.items
    assert result.format == "lewidi"
    assert (item.item_id, item.text, item.metadata) == (
        "lewidi-1",
        "example text",
        {"split": "dev", "lang": "en"},
    )
    assert [(one.annotator, one.hate, one.cohort) for one in result.annotations][2:4] == [
        ("Ann3", False, "group1"),
        ("Ann4", True, "group2"),
    ]
    assert {one.strands_asked for one in result.annotations} == {()}
    assert (result.counts.read, result.counts.imported) == (6, 6)


def test_edition_of_2025_is_read(read: Any) -> None:
    entry = ENTRY | {
        "text": {"post": "A post.", "reply": "A reply."},
        "annotations": {"Ann1": "1", "Ann2": "0"},
        "annotators": "Ann1,Ann2",
        "other_info": {"source": "forum"},
    }

    result = read(json.dumps({"7": entry}, indent=1))

    (item,) = result.items
    assert item.text == "A post.\nA reply."
    assert item.metadata["text_parts"] == entry["text"]
    assert item.metadata["source"] == "forum"
    assert [(one.annotator, one.hate) for one in result.annotations] == [("Ann1", True), ("Ann2", False)]


def test_answers_to_another_task_are_quarantined_each(read: Any) -> None:
    result = read(json.dumps({"1": ENTRY | {"annotation task": "irony detection"}}))

    assert [one.reason for one in result.quarantined] == ["unknown_label"] * 6


def test_entry_with_more_answers_than_annotators_is_quarantined(read: Any) -> None:
    result = read(json.dumps({"1": ENTRY | {"annotators": "Ann1"}, "2": ENTRY}))

    assert [(one.row, one.reason) for one in result.quarantined] == [(1, "wrong_shape")]
    assert len(result.annotations) == 6


@pytest.mark.parametrize(
    ("edition", "answers"),
    [("lewidi", "1,0"), ("lewidi-2025", {"annotator-0123456789ab": "1", "a07": "0"})],
)
def test_export_has_the_published_shape(
    tmp_path: Path, item: Item, full_label: Annotation, edition: str, answers: Any
) -> None:
    second = Annotation(label_id="02", item_id="x1", annotator="a07", cohort="a, b", hate=False)

    export_labels([item], [full_label, second], [], edition, tmp_path / "l.json")

    (entry,) = json.loads((tmp_path / "l.json").read_text(encoding="utf-8")).values()
    assert set(entry) == set(ENTRY)
    assert entry["annotations"] == answers
    assert entry["annotators"] == "annotator-0123456789ab,a07"
    assert (entry["number of annotations"], entry["soft_label"]) == (2, {"0": 0.5, "1": 0.5})
    assert entry["hard_label"] is None, "a tie is no label"
    assert (entry["split"], entry["lang"]) == ("dev", "")
    assert entry["other_info"]["annotators group"] == "community,"
