"""Label Studio's JSON and JSON_MIN, in the shapes that INTERFACES.md section 2.1 gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.command import export_labels, import_labels
from labelling.interchange.formats import Writing
from labelling.interchange.mapping import Mapping, default_mapping

TASKS: list[dict[str, Any]] = [
    {
        "id": 1,
        "data": {"text": "example text", "post_id": "x1"},
        "annotations": [
            {
                "id": 1001,
                "completed_by": 10,
                "was_cancelled": False,
                "ground_truth": False,
                "lead_time": 4.288,
                "created_at": "2026-01-02T10:00:00Z",
                "updated_at": "2026-01-02T10:00:04Z",
                "result": [
                    {
                        "id": "a1",
                        "from_name": "target",
                        "to_name": "text",
                        "type": "choices",
                        "value": {"choices": ["antisemitic"]},
                    },
                    {
                        "id": "a2",
                        "from_name": "rationale",
                        "to_name": "text",
                        "type": "labels",
                        "value": {"start": 0, "end": 7, "text": "example", "labels": ["RATIONALE"]},
                    },
                ],
            }
        ],
        "predictions": [
            {
                "model_version": "m7",
                "score": 0.91,
                "result": [
                    {
                        "id": "p1",
                        "from_name": "target",
                        "to_name": "text",
                        "type": "choices",
                        "value": {"choices": ["antisemitic"]},
                    }
                ],
            }
        ],
    }
]


def changed(**annotation: Any) -> str:
    """The tasks with another annotation: keys that are None are left out."""
    tasks = json.loads(json.dumps(TASKS))
    made = tasks[0]["annotations"][0] | annotation
    tasks[0]["annotations"][0] = {name: value for name, value in made.items() if value is not None}
    return json.dumps(tasks)


def region(value: dict[str, Any], type: str = "labels", name: str = "rationale") -> dict[str, Any]:
    return {"id": "r1", "from_name": name, "to_name": "text", "type": type, "value": value}


def test_published_shape_is_read_whole(read: Any) -> None:
    result = read(json.dumps(TASKS))

    (item,), (label,), (prediction,) = result.items, result.annotations, result.predictions
    assert result.format == "label-studio"
    assert (item.item_id, item.text, item.metadata) == ("1", "example text", {"post_id": "x1"})
    assert (label.strands, label.strands_asked, label.hate) == (("antisemitic",), ("antisemitic",), None)
    assert label.rationale == ((0, 7),)
    assert label.seconds_spent == 4.288
    assert label.labelled_at is not None
    assert label.labelled_at.isoformat() == "2026-01-02T10:00:04+00:00"
    assert (label.ground_truth, label.assisted, label.skipped_because) == (False, "none", None)
    assert (prediction.bundle_id, prediction.scores) == ("m7", {"antisemitic": 0.91})
    assert result.counts.read == result.counts.imported == 2


def test_annotator_is_the_same_by_number_and_by_object_and_never_named(read: Any) -> None:
    by_number = read(changed())
    person = {"id": 10, "email": "ada@example.org", "first_name": "Ada", "last_name": "L"}
    by_object = read(changed(completed_by=person, created_username=" ada@example.org, 10"))

    assert by_number.annotations[0].annotator == by_object.annotations[0].annotator
    assert by_number.annotations[0].annotator.startswith("annotator-")
    assert "ada" not in by_object.annotations[0].model_dump_json().lower()


def test_cancelled_annotation_is_a_skip_and_no_answer(read: Any) -> None:
    (label,) = read(changed(was_cancelled=True)).annotations

    assert (label.skipped_because, label.strands, label.strands_asked) == ("other", (), ())


def test_ground_truth_and_parent_prediction_are_kept(read: Any) -> None:
    (label,) = read(changed(ground_truth=True, parent_prediction=5)).annotations

    assert (label.ground_truth, label.assisted) == (True, "prefilled")


def test_keys_without_a_place_are_kept_as_extra(read: Any) -> None:
    (label,) = read(changed(project=3, unique_id="u-1")).annotations

    assert label.extra == {"label-studio": {"project": 3, "unique_id": "u-1"}}


def test_task_of_an_old_version_and_its_own_metadata_are_kept(read: Any) -> None:
    task = {"id": 1, "data": TASKS[0]["data"], "completions": TASKS[0]["annotations"], "meta": {"batch": 3}}

    result = read(json.dumps([task]))

    assert len(result.annotations) == 1
    assert result.items[0].metadata == {"post_id": "x1", "label-studio": {"meta": {"batch": 3}}}


def test_drafts_are_quarantined_and_counted(read: Any) -> None:
    tasks = [TASKS[0] | {"drafts": [{"id": 1, "result": []}, {"id": 2, "result": []}]}]

    result = read(json.dumps(tasks))

    assert [(one.reason, one.part) for one in result.quarantined] == [
        ("draft", "drafts[0]"),
        ("draft", "drafts[1]"),
    ]
    assert (result.counts.read, result.counts.imported, result.counts.quarantined) == (4, 2, 2)


def test_one_bad_annotation_leaves_the_others_of_its_task(read: Any) -> None:
    bad = TASKS[0]["annotations"][0] | {
        "id": 1002,
        "result": [region({"choices": ["secret words"]}, "choices", "target")],
    }
    tasks = [TASKS[0] | {"annotations": [TASKS[0]["annotations"][0], bad]}]

    result = read(json.dumps(tasks))

    (refused,) = result.quarantined
    assert (refused.row, refused.part, refused.reason) == (1, "annotations[1]", "unknown_label")
    assert "secret" not in refused.as_json()
    assert len(result.annotations) == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"start": 0, "end": 7, "text": "another", "labels": ["RATIONALE"]}, "bad_offset"),
        ({"start": "0", "end": 7, "text": "example", "labels": ["RATIONALE"]}, "bad_offset"),
        ({"start": 3, "end": 3, "labels": ["RATIONALE"]}, "bad_offset"),
        ({"start": 0, "end": 700, "labels": ["RATIONALE"]}, "bad_offset"),
        ({"start": 0, "labels": ["RATIONALE"]}, "wrong_shape"),
        ({"start": 0, "end": 7, "text": "example", "labels": ["PERSON"]}, "unknown_label"),
    ],
)
def test_span_that_fits_nowhere_is_quarantined(read: Any, value: dict[str, Any], reason: str) -> None:
    result = read(changed(result=[region(value)]))

    assert [one.reason for one in result.quarantined] == [reason]
    assert result.annotations == ()


@pytest.mark.parametrize("kind", ["taxonomy", "relation", "brush"])
def test_kinds_of_region_that_we_do_not_know_are_quarantined(read: Any, kind: str) -> None:
    result = read(changed(result=[region({}, kind)]))

    assert [one.reason for one in result.quarantined] == ["unknown_control"]


def test_strands_that_were_asked_are_answered_only_if_the_mapping_says_so(read: Any) -> None:
    mapping = Mapping(schema_version=1, version="t", asked_strands=("antisemitic", "islamophobic"))

    (label,) = read(changed(), mapping=mapping.over(default_mapping())).annotations

    assert label.strand_answer("antisemitic") is True
    assert label.strand_answer("islamophobic") is False
    assert label.strand_answer("far_right") is None


def test_export_has_the_published_shape(
    tmp_path: Path, item: Item, full_label: Annotation, prediction: Prediction
) -> None:
    plain = Item.model_validate({"item_id": "x1", "text": "example text", "metadata": {"post_id": "x1"}})
    label = Annotation(
        label_id="L",
        item_id="x1",
        annotator="annotator-0123456789ab",
        strands=("antisemitic",),
        rationale=((0, 7),),
        seconds_spent=4.288,
        labelled_at="2026-01-02T10:00:04Z",  # type: ignore[arg-type] # Pydantic reads it
    )
    out = tmp_path / "tasks.json"

    export_labels(
        [plain],
        [label],
        [prediction],
        "label-studio",
        out,
        writing=Writing(people={"annotator-0123456789ab": 10}),
    )

    (task,) = json.loads(out.read_text(encoding="utf-8"))
    assert set(task) == {"id", "data", "annotations", "predictions", "drafts"}
    assert {name: task["data"][name] for name in ("text", "post_id")} == TASKS[0]["data"]
    (written,) = task["annotations"]
    wanted = TASKS[0]["annotations"][0]
    for name in ("completed_by", "was_cancelled", "ground_truth", "lead_time", "updated_at"):
        assert written[name] == wanted[name]
    shape = [{key: one[key] for key in ("from_name", "to_name", "type", "value")} for one in wanted["result"]]
    assert [{key: one[key] for key in shape[0]} for one in written["result"]] == shape
    assert task["predictions"][0]["score"] == 0.91
    assert task["predictions"][0]["result"][0]["value"] == {"choices": ["antisemitic"]}


def test_unknown_people_have_no_completed_by_because_label_studio_would_refuse_the_file(
    tmp_path: Path, item: Item, full_label: Annotation
) -> None:
    export_labels([item], [full_label], [], "label-studio", tmp_path / "tasks.json")

    (task,) = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert "completed_by" not in task["annotations"][0]


def through_label_studio(path: Path, **edits: Any) -> None:
    """What Label Studio does to a file: new ids, unknown keys of annotations gone, the rest kept."""
    kept = ("result", "was_cancelled", "ground_truth", "lead_time", "created_at", "updated_at")
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for task in tasks:
        task["id"] += 500
        for number, annotation in enumerate(task["annotations"]):
            said = {name: annotation[name] for name in kept if name in annotation}
            task["annotations"][number] = {"id": 70_000 + number, "completed_by": 1, **said, **edits}
    path.write_text(json.dumps(tasks), encoding="utf-8")


def test_labels_come_back_whole_through_label_studio_itself(
    tmp_path: Path, item: Item, full_label: Annotation, prediction: Prediction
) -> None:
    path = tmp_path / "tasks.json"
    export_labels([item], [full_label], [prediction], "label-studio", path)
    through_label_studio(path)

    result = import_labels(path)

    assert (result.items, result.annotations, result.predictions) == ((item,), (full_label,), (prediction,))


def test_what_was_changed_in_label_studio_is_what_counts(
    tmp_path: Path, item: Item, full_label: Annotation
) -> None:
    path = tmp_path / "tasks.json"
    export_labels([item], [full_label], [], "label-studio", path)
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for one in tasks[0]["annotations"][0]["result"]:
        if one["from_name"] == "target":
            one["value"]["choices"] = ["islamophobic"]
        if one["from_name"] == "severity":
            one["value"]["choices"] = ["S4"]
    path.write_text(json.dumps(tasks), encoding="utf-8")

    (label,) = import_labels(path).annotations

    assert (label.strands, label.severity) == (("islamophobic",), 4)
    assert label.strand_answer("islamophobic") is True
    assert (label.cohort, label.note) == (full_label.cohort, full_label.note)


def test_skip_that_was_answered_in_label_studio_is_an_answer(
    tmp_path: Path, item: Item, skipped_label: Annotation
) -> None:
    path = tmp_path / "tasks.json"
    export_labels([item], [skipped_label], [], "label-studio", path)
    tasks = json.loads(path.read_text(encoding="utf-8"))
    tasks[0]["annotations"][0] |= {
        "was_cancelled": False,
        "result": [region({"choices": ["not_hate"]}, "choices", "hate")],
    }
    path.write_text(json.dumps(tasks), encoding="utf-8")

    (label,) = import_labels(path).annotations

    assert (label.hate, label.skipped_because) == (False, None)
    assert label.strand_answer("antisemitic") is False


def test_somebody_else_labelling_our_task_makes_a_new_label(
    tmp_path: Path, item: Item, full_label: Annotation
) -> None:
    path = tmp_path / "tasks.json"
    export_labels([item], [full_label], [], "label-studio", path)
    tasks = json.loads(path.read_text(encoding="utf-8"))
    tasks[0]["annotations"].append(
        {"id": 9, "completed_by": 4, "result": [region({"choices": ["hate"]}, "choices", "hate")]}
    )
    path.write_text(json.dumps(tasks), encoding="utf-8")

    first, second = import_labels(path).annotations

    assert first == full_label
    assert (second.hate, second.cohort) == (True, None)
    assert second.label_id != first.label_id
    assert second.annotator not in (None, first.annotator)


def test_copy_of_our_annotation_is_a_label_of_whoever_copied_it(
    tmp_path: Path, item: Item, full_label: Annotation
) -> None:
    path = tmp_path / "tasks.json"
    export_labels([item], [full_label], [], "label-studio", path)
    tasks = json.loads(path.read_text(encoding="utf-8"))
    (original,) = tasks[0]["annotations"]
    tasks[0]["annotations"].append({"id": 9, "completed_by": 4, "result": original["result"]})
    path.write_text(json.dumps(tasks), encoding="utf-8")

    result = import_labels(path)

    first, second = result.annotations
    assert first == full_label
    assert second.strands == full_label.strands
    assert (second.cohort, second.codebook) == (None, None)
    assert result.quarantined == ()
