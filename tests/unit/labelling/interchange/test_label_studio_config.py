"""The labeling config that goes with our tasks, and JSON_MIN as INTERFACES.md section 2.1 gives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from labelling.codebook import Codebook
from labelling.interchange.annotations import Annotation, Item
from labelling.interchange.command import export_labels
from labelling.interchange.formats import Writing
from labelling.interchange.label_studio.config import labeling_config


def controls(xml: str) -> dict[str, tuple[str, list[str | None]]]:
    view = ElementTree.fromstring(xml)  # noqa: S314 - written by ourselves
    assert [(text.get("name"), text.get("value")) for text in view.iter("Text")] == [("text", "$text")]
    return {
        str(one.get("name")): (one.tag, [value.get("value") for value in one])
        for one in view
        if one.get("toName") == "text"
    }


def test_config_has_the_published_controls() -> None:
    found = controls(labeling_config())

    assert found["target"] == ("Choices", ["antisemitic", "islamophobic", "far_right"])
    assert found["rationale"] == ("Labels", ["RATIONALE"])


def test_every_region_that_we_write_has_its_control_and_choice(
    tmp_path: Path, item: Item, full_label: Annotation, codebook: Codebook
) -> None:
    out = tmp_path / "tasks.json"

    export_labels([item], [full_label], [], "label-studio", out, writing=Writing(codebook=codebook))

    found = controls((tmp_path / "tasks.json.config.xml").read_text(encoding="utf-8"))
    (task,) = json.loads(out.read_text(encoding="utf-8"))
    written = task["annotations"][0]["result"]
    assert {one["from_name"] for one in written} == set(found)
    for one in written:
        values = one["value"].get("choices") or one["value"].get("labels") or []
        assert set(values) <= set(found[one["from_name"]][1])


FLAT = {
    "text": "example text",
    "post_id": "x1",
    "id": 1,
    "target": "antisemitic",
    "rationale": [{"start": 0, "end": 7, "text": "example", "labels": ["RATIONALE"]}],
    "annotator": 10,
    "annotation_id": 1001,
    "created_at": "2026-01-02T10:00:00Z",
    "updated_at": "2026-01-02T10:00:04Z",
    "lead_time": 4.288,
    "agreement": 0.5,
}


def test_flat_shape_is_read_whole(read: Any) -> None:
    result = read(json.dumps([FLAT]))

    (label,) = result.annotations
    assert result.format == "label-studio-min"
    assert (result.items[0].item_id, result.items[0].metadata) == ("1", {"post_id": "x1"})
    assert (label.strands, label.strands_asked, label.rationale) == (
        ("antisemitic",),
        ("antisemitic",),
        ((0, 7),),
    )
    assert label.seconds_spent == 4.288
    assert label.labelled_at.isoformat() == "2026-01-02T10:00:04+00:00"
    assert label.annotator.startswith("annotator-")
    assert label.extra == {"label-studio": {"agreement": 0.5}}


@pytest.mark.parametrize("target", [{"choices": ["antisemitic", "far right"]}, ["antisemitic", "far right"]])
def test_flat_row_with_several_choices_is_read(read: Any, target: Any) -> None:
    (label,) = read(json.dumps([FLAT | {"target": target}])).annotations

    assert label.strands == ("antisemitic", "far_right")


def test_flat_row_with_an_unknown_label_is_quarantined(read: Any) -> None:
    result = read(json.dumps([FLAT, FLAT | {"target": "secret", "annotation_id": 2}]))

    assert [(one.row, one.reason) for one in result.quarantined] == [(2, "unknown_label")]
    assert (result.counts.read, result.counts.imported) == (2, 1)
