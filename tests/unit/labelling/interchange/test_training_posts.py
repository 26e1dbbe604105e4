"""Imported labels as posts to train on: what nobody said stays null."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labelling.interchange.annotations import Annotation, Item
from labelling.interchange.command import export_labels
from model.records import LabelledPost, read_jsonl


def posts(folder: Path, item: Item, *labels: Annotation) -> list[LabelledPost]:
    out = folder / "posts.jsonl"
    export_labels([item], labels, [], "labelled-posts", out)
    return list(read_jsonl(out))


@pytest.mark.parametrize(
    ("answers", "flags"),
    [
        ({"hate": True, "strands": ["antisemitic"]}, (1, 1, 0, 0)),
        ({"hate": False, "strands": ["antisemitic"]}, (0, 0, 0, 0)),
        # Far-right content that is not hate is no far-right negative.
        ({"hate": False, "strands": ["far_right"]}, (0, 0, 0, None)),
        # Ticked, but nobody said whether it is hate: it may be a report.
        ({"strands": ["antisemitic"]}, (None, None, 0, 0)),
        ({"hate": True, "strands_asked": []}, (1, None, None, None)),
        ({"strands": ["antisemitic"], "strands_asked": ["antisemitic"], "hate": True}, (1, 1, None, None)),
    ],
)
def test_labels_are_what_was_said_and_null_elsewhere(
    tmp_path: Path, item: Item, answers: dict[str, Any], flags: tuple[int | None, ...]
) -> None:
    label = Annotation.model_validate({"label_id": "L", "item_id": "x1", **answers})

    (post,) = posts(tmp_path, item, label)

    assert (post.hate, post.antisemitic, post.islamophobic, post.far_right) == flags


def test_everything_else_goes_along_and_skips_do_not(
    tmp_path: Path, item: Item, full_label: Annotation, skipped_label: Annotation
) -> None:
    (post,) = posts(tmp_path, item, full_label, skipped_label)

    assert (post.id, post.text, post.severity, post.speech_act) == ("01LABEL", item.text, 2, "endorses")
    assert post.rationale == full_label.rationale
    assert (post.annotator, post.codebook, post.note) == (
        full_label.annotator,
        full_label.codebook,
        full_label.note,
    )
    assert post.labelled_at == "2026-01-02T10:00:04.000005+00:00"
