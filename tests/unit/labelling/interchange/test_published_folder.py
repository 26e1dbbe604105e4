"""The folder for Hugging Face: its Parquet columns, and that the real library loads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyarrow import parquet

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.card_facts import CardFacts
from labelling.interchange.command import export_labels, import_labels
from labelling.interchange.formats import Writing
from model.errors import BadFile, BadInput

WRITING = Writing(facts=CardFacts(title="A test", paradigm="descriptive"))

LONG = {
    "item_id": "x1",
    "text": "example text",
    "annotator_id": "a07",
    "cohort": "community",
    "labels": ["antisemitic"],
    "abstain": False,
    "spans": [{"start": 0, "end": 7, "label": "RATIONALE"}],
    "assisted": False,
    "guideline_version": "2026-02.3",
    "lead_time_ms": 4288,
    "sample_reason": "audit_random",
    "inclusion_prob": 0.012,
    "created_at": "2026-01-02T10:00:04Z",
}
"""INTERFACES.md section 2.5, word for word."""


@pytest.fixture
def folder(
    tmp_path: Path, item: Item, full_label: Annotation, skipped_label: Annotation, prediction: Prediction
) -> Path:
    other = Annotation(label_id="03", item_id="x1", annotator="a07", strands=("antisemitic",), hate=False)
    bare = Item.model_validate({"item_id": "x2", "text": "Nobody has read this yet."})
    out = tmp_path / "published"
    export_labels(
        [item, bare], [full_label, other, skipped_label], [prediction], "huggingface", out, writing=WRITING
    )
    return out


def table(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows


def test_long_table_has_the_published_columns_first(folder: Path, full_label: Annotation) -> None:
    file = folder / "long" / "part-00000.parquet"
    names = parquet.read_schema(file).names

    first, second, third = table(file)

    assert names[: len(LONG)] == list(LONG)
    assert first["labels"] == [0, 2], "numbers of the class label"
    assert (first["lead_time_ms"], first["assisted"], first["abstain"]) == (4288, True, False)
    assert first["spans"][0] == {"start": 0, "end": 7, "label": "RATIONALE"}
    assert (first["guideline_version"], first["inclusion_prob"]) == ("2026-11.1", 0.012)
    assert second["spans"] is None, "nobody marked words: not the same as no words"
    assert (third["abstain"], third["labels"]) == (True, [])


def test_wide_table_has_the_published_columns_and_shares(folder: Path) -> None:
    first, second = table(folder / "wide" / "part-00000.parquet")

    assert list(first)[:8] == [
        *("item_id", "text", "labels", "label_probs", "n_annotators", "alpha_item", "resolution", "split")
    ]
    # full_label is a gold answer, so it decides; of the shares both labels count.
    assert (first["labels"], first["resolution"], first["split"]) == ([0, 2], "adjudicated", "dev")
    assert first["label_probs"] == [1.0, 0.0, 0.5]
    assert (first["n_annotators"], first["alpha_item"]) == (2, None)
    assert (second["n_annotators"], second["resolution"], second["label_probs"]) == (
        0,
        "unresolved",
        [None] * 3,
    )


@pytest.mark.parametrize(
    ("answers", "strands", "resolution"),
    [
        ([("antisemitic",), ("antisemitic",)], [0], "unanimous"),
        ([("antisemitic",), ("antisemitic",), ()], [0], "majority"),
        ([("antisemitic",), ()], [], "unresolved"),
        ([()], [], "unanimous"),
    ],
)
def test_what_several_labels_come_to(
    tmp_path: Path, answers: list[tuple[str, ...]], strands: list[int], resolution: str
) -> None:
    item = Item.model_validate({"item_id": "x1", "text": "A text."})
    labels = [
        Annotation(label_id=str(number), item_id="x1", annotator=f"a{number}", strands=ticked)
        for number, ticked in enumerate(answers)
    ]

    export_labels(
        [item],
        labels,
        [],
        "huggingface",
        tmp_path / "out",
        writing=Writing(facts=WRITING.facts, item_alphas={"x1": 0.25}),
    )

    (row,) = table(tmp_path / "out" / "wide" / "part-00000.parquet")
    assert (row["labels"], row["resolution"], row["alpha_item"]) == (strands, resolution, 0.25)


def test_file_with_the_published_columns_alone_is_read(tmp_path: Path) -> None:
    import pyarrow

    path = tmp_path / "long.parquet"
    parquet.write_table(
        pyarrow.Table.from_pylist([LONG, LONG | {"annotator_id": "a08", "abstain": True}]), path
    )

    result = import_labels(path)

    first, second = result.annotations
    assert result.format == "huggingface"
    assert (first.annotator, first.cohort, first.strands) == ("a07", "community", ("antisemitic",))
    assert (first.rationale, first.seconds_spent, first.codebook) == (((0, 7),), 4.288, "2026-02.3")
    assert (first.sample_reason, first.inclusion_probability) == ("audit_random", 0.012)
    assert first.strands_asked == ("antisemitic",), "the file does not say what else was asked"
    assert (second.skipped_because, second.strands) == ("other", ())


def test_wide_table_alone_gives_labels_of_nobody_in_particular(folder: Path) -> None:
    result = import_labels(folder / "wide" / "part-00000.parquet")

    (label,) = result.annotations
    assert (label.annotator, label.strands) == (None, ("antisemitic", "far_right"))
    assert label.extra["huggingface"]["resolution"] == "adjudicated"
    assert len(result.items) == 2


def test_any_table_in_parquet_is_read_by_its_columns(tmp_path: Path) -> None:
    import pyarrow

    rows = [
        {"id": 5, "tweet": "example text", "label": "hate"},
        {"id": 6, "tweet": "another", "label": "secret"},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")

    result = import_labels(tmp_path / "t.parquet")

    assert result.format == "table"
    assert [(one.hate, one.item_id) for one in result.annotations] == [(True, "5")]
    assert [(one.row, one.reason) for one in result.quarantined] == [(2, "unknown_label")]


def test_bytes_that_are_no_text_spoil_one_row(tmp_path: Path) -> None:
    import pyarrow

    raw = pyarrow.array([b"example text", b"\xff\xfe", b"third"], pyarrow.binary())
    texts = pyarrow.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    parquet.write_table(pyarrow.table({"text": texts, "label": ["hate"] * 3}), tmp_path / "t.parquet")

    result = import_labels(tmp_path / "t.parquet")

    assert [(one.row, one.reason) for one in result.quarantined] == [(2, "not_text")]
    assert [item.text for item in result.items] == ["example text", "third"]


def test_folder_that_is_not_empty_is_left_as_it_is(folder: Path, item: Item) -> None:
    before = sorted(path.name for path in folder.rglob("*"))

    with pytest.raises(BadFile, match="not empty"):
        export_labels([item], [], [], "huggingface", folder, writing=WRITING)
    with pytest.raises(BadInput, match="facts"):
        export_labels([item], [], [], "huggingface", folder.with_name("other"))

    assert sorted(path.name for path in folder.rglob("*")) == before
    assert [path.name for path in folder.parent.iterdir() if path.name.endswith(".part")] == []


def test_links_in_a_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.parquet"
    (folder / "long" / "part-00000.parquet").rename(outside)
    (folder / "long" / "part-00000.parquet").symlink_to(outside)

    assert {label.label_id for label in import_labels(folder).annotations}.isdisjoint({"01LABEL", "01SKIP"})


def test_types_in_the_file_are_the_ones_that_were_agreed(folder: Path) -> None:
    metadata = parquet.read_schema(folder / "long" / "part-00000.parquet").metadata
    features = json.loads(metadata[b"huggingface"])["info"]["features"]

    names = ["antisemitic", "islamophobic", "far_right"]
    assert features["labels"] == {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
    assert features["spans"] == [
        {
            name: {"dtype": kind, "_type": "Value"}
            for name, kind in (("start", "int32"), ("end", "int32"), ("label", "string"))
        }
    ]
    assert features["lead_time_ms"] == {"dtype": "int32", "_type": "Value"}


@pytest.mark.training
def test_load_dataset_opens_the_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    cache = str(tmp_path / "cache")

    long = datasets.load_dataset(str(folder), cache_dir=cache)["train"]
    wide = datasets.load_dataset(str(folder), "wide", cache_dir=cache)["train"]
    predictions = datasets.load_dataset(str(folder), "predictions", cache_dir=cache)["train"]

    assert datasets.get_dataset_config_names(str(folder)) == ["long", "wide", "predictions"]
    assert (long.num_rows, wide.num_rows, predictions.num_rows) == (3, 2, 1)
    assert long.features["labels"].feature.names == ["antisemitic", "islamophobic", "far_right"]
    assert long.features["inclusion_prob"] == datasets.Value("float64")
    assert long[0]["spans"][0] == {"start": 0, "end": 7, "label": "RATIONALE"}
    assert wide[0]["resolution"] == "adjudicated"
    assert predictions[0]["hate"] == 0.91


@pytest.mark.training
def test_front_matter_is_one_that_the_hub_reads(folder: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")

    card = hub.DatasetCard.load(folder / "README.md")

    assert card.data.pretty_name == "A test"
    assert card.data.license == "unknown"
    matter = yaml.safe_load(str(card.data))
    assert [config["config_name"] for config in matter["configs"]] == ["long", "wide", "predictions"]
    assert [config.get("default") for config in matter["configs"]] == [True, None, None]
