"""Files of posts with every annotator's label, and of suspects: what is read, gathered and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.errors import BadRecord
from model.post_labels import NOBODY, AnnotatorLabel, PostLabels, read_post_labels, write_post_labels
from model.records import LabelledPost, write_jsonl
from model.suspects import (
    PostConsensus,
    Suspect,
    SuspectReason,
    read_consensus,
    read_suspects,
    write_rows,
)

POST = PostLabels(
    id="p1",
    text="the old market",
    source="hub",
    labels=(
        AnnotatorLabel(
            annotator="a", hate=0, codes=("IH2",), rationale=((4, 7),), seconds=3.5, assisted=True
        ),
        AnnotatorLabel(annotator="b", hate=1, cohort="target", severity=2, speech_act="endorses"),
    ),
    adjudicated=AnnotatorLabel(annotator="supervisor", hate=1),
)


def write_lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_posts_come_back_as_they_were_written(tmp_path: Path) -> None:
    other = POST.model_copy(update={"id": "p2", "text": "🙂 the harbour", "adjudicated": None})

    assert write_post_labels([POST, other], tmp_path / "posts.jsonl") == 2
    assert read_post_labels(tmp_path / "posts.jsonl") == [POST, other]


def test_rows_of_the_plain_export_become_one_post_a_text(tmp_path: Path) -> None:
    rows = [
        LabelledPost(id="1", text="one", source="hub", hate=1, annotator="a", labelled_at="2026-11-23T09:00"),
        LabelledPost(id="2", text="two", source="hub", hate=0, annotator="a"),
        LabelledPost(id="3", text="one", source="hub", hate=0, annotator="b", split="test"),
        LabelledPost(id="4", text="one", source="hub", hate=0, annotator="a", labelled_at="2026-11-23T10:00"),
        LabelledPost(id="5", text="two", source="hub", hate=1),
    ]
    write_jsonl(rows, tmp_path / "labels.jsonl")

    one, two = read_post_labels(tmp_path / "labels.jsonl")

    assert (one.id, one.text, one.split) == ("1", "one", "test")
    assert [(label.annotator, label.hate) for label in one.labels] == [("a", 0), ("b", 0)]
    assert [(label.annotator, label.hate) for label in two.labels] == [("a", 0), (NOBODY, 1)]


def test_both_shapes_may_stand_in_one_file_in_their_order(tmp_path: Path) -> None:
    plain = LabelledPost(id="1", text="one", source="hub", hate=1, annotator="a")
    path = write_lines(tmp_path / "both.jsonl", plain.model_dump(), POST.model_dump(), plain.model_dump())

    assert [post.id for post in read_post_labels(path)] == ["1", "p1"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"shape": "another"}, "shape"),
        ({"labels": []}, "labels"),
        ({"extra": 1}, "extra"),
        ({"labels": [{"annotator": "a", "hate": 2}]}, "hate"),
        ({"labels": [{"annotator": "a"}, {"annotator": "a"}]}, "labels"),
        ({"labels": [{"annotator": "a", "severity": 9}]}, "severity"),
        ({"labels": [{"annotator": "a", "speech_act": "sings"}]}, "speech_act"),
        ({"labels": [{"annotator": "a", "rationale": [[3, 99]]}]}, "rationale"),
        ({"adjudicated": {"annotator": "a", "rationale": [[5, 5]]}}, "rationale"),
    ],
)
def test_a_faulty_row_is_refused_by_line_and_field_without_its_text(
    change: dict[str, Any], field: str, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "posts.jsonl", POST.model_dump(), POST.model_dump() | change)

    with pytest.raises(BadRecord) as refused:
        read_post_labels(path)

    assert refused.value.message.startswith("line 2: ")
    assert field in refused.value.message
    assert "market" not in refused.value.message


def test_a_line_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text("\n{\n", encoding="utf-8")

    with pytest.raises(BadRecord, match="line 2: not JSON"):
        read_post_labels(tmp_path / "posts.jsonl")


def test_suspects_and_consensus_come_back_and_hold_no_text(tmp_path: Path) -> None:
    suspect = Suspect(
        rank=1,
        post_id=POST.id,
        text_sha256=POST.text_sha256,
        head="hate",
        given=1,
        suggested=0,
        suspicion=0.9,
        model_score=0.1,
        out_of_fold=True,
        adjudicated=False,
        votes={"a": 1},
        reasons=(SuspectReason(reason="model_disagrees", words="because", posts=("p2",)),),
    )
    row = PostConsensus(
        post_id=POST.id,
        text_sha256=POST.text_sha256,
        head="hate",
        consensus=1,
        quality=0.8,
        agreement=1,
        annotators=2,
    )

    write_rows([suspect], tmp_path / "suspects.jsonl")
    write_rows([row], tmp_path / "consensus.jsonl")

    assert list(read_suspects(tmp_path / "suspects.jsonl")) == [suspect]
    assert list(read_consensus(tmp_path / "consensus.jsonl")) == [row]
    assert "market" not in (tmp_path / "suspects.jsonl").read_text(encoding="utf-8")


def test_a_suspect_without_a_reason_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "suspects.jsonl", {"rank": 1, "reasons": []})

    with pytest.raises(BadRecord, match="line 1"):
        list(read_suspects(tmp_path / "suspects.jsonl"))
