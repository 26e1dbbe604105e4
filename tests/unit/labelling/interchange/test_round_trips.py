"""Whatever our records hold survives every format, there and back."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.card_facts import CardFacts
from labelling.interchange.command import convert_labels, export_labels, import_labels
from labelling.interchange.formats import Writing
from model.errors import BadInput
from model.normalise import check_text
from model.taxonomy import HEAD_ORDER, SEVERITIES, SPEECH_ACT_ORDER, STRAND_ORDER

FORMATS = (
    "watchhouse",
    "csv",
    "label-studio",
    "argilla",
    "argilla-flat",
    "argilla-server",
    "doccano",
    "doccano-zip",
    "huggingface",
    "lewidi",
    "lewidi-2025",
)
EARLIEST = datetime(1990, 1, 1)  # noqa: DTZ001 - Hypothesis wants bounds without a zone
LATEST = datetime(2100, 1, 1)  # noqa: DTZ001 - the same
FACTS = CardFacts(title="Test", paradigm="prescriptive")


def back_and_forth(
    folder: Path,
    format: str,
    items: list[Item],
    annotations: list[Annotation],
    predictions: list[Prediction],
    read_as: str,
) -> tuple[list[Item], list[Annotation], list[Prediction]]:
    """What comes back, in the order that it went in; nothing may be quarantined."""
    out = folder / "export"
    export_labels(items, annotations, predictions, format, out, writing=Writing(facts=FACTS))
    result = import_labels(out, read_as)
    assert result.quarantined == ()
    assert result.counts.read == result.counts.imported
    ids = [item.item_id for item in items]
    labels = [annotation.label_id for annotation in annotations]
    assert sorted(labels) == sorted(one.label_id for one in result.annotations)
    return (
        sorted(result.items, key=lambda one: ids.index(one.item_id)),
        sorted(result.annotations, key=lambda one: labels.index(one.label_id)),
        sorted(result.predictions, key=lambda one: ids.index(one.item_id)),
    )


def _readable(text: str) -> bool:
    try:
        check_text(text)
    except BadInput:
        return False
    return True


SPECIAL = st.sampled_from(
    list("ab \n\r\t\"'<&=,;#|\u2028\u202e\u05d0\u00e9\U0001f40d\U0001f468\u200d\U0001f469\u0301~")
)
ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
WORDS = st.text(st.one_of(SPECIAL, ANY), min_size=1, max_size=30)
TEXTS = WORDS.filter(_readable)
IDS = st.text(st.one_of(SPECIAL, ANY), min_size=1, max_size=12)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,5}", fullmatch=True)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.just(""),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(IDS, inner, max_size=3),
    max_leaves=6,
)
RESERVED = st.sampled_from(
    ["id", "text", "label", "data", "watchhouse", "split", "lang", "score", "fields", "cats"]
)
OBJECTS = st.dictionaries(st.one_of(NAMES, IDS, RESERVED), JSON, max_size=4)
SHARES = st.floats(0, 1)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def items(draw: st.DrawFn) -> Item:
    return Item.model_validate({"item_id": draw(IDS), "text": draw(TEXTS), "metadata": draw(OBJECTS)})


@st.composite
def annotations(draw: st.DrawFn, item: Item) -> Annotation:
    cuts = sorted(draw(st.sets(st.integers(0, len(item.text)), max_size=6)))
    skipped = draw(maybe(NAMES))
    asked = [] if skipped else draw(st.lists(st.sampled_from(STRAND_ORDER), unique=True))
    answers: dict[str, Any] = {}
    if not skipped:
        answers = {
            "hate": draw(maybe(st.booleans())),
            "strands": draw(st.lists(st.sampled_from(asked), unique=True)) if asked else [],
            "strands_asked": asked,
            "severity": draw(maybe(st.sampled_from(SEVERITIES))),
            "speech_act": draw(maybe(st.sampled_from(SPEECH_ACT_ORDER))),
        }
    return Annotation.model_validate(
        {
            **answers,
            "label_id": draw(IDS),
            "item_id": item.item_id,
            "annotator": draw(maybe(st.sampled_from(["annotator-0123456789ab", "a07", "all", "a, b"]) | IDS)),
            "cohort": draw(maybe(IDS)),
            "labelled_at": draw(maybe(st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC)))),
            "codes": draw(st.lists(NAMES, unique=True, max_size=3)),
            "context_flags": draw(st.lists(NAMES, unique=True, max_size=3)),
            "rationale": draw(maybe(st.just(list(zip(cuts[::2], cuts[1::2], strict=False))))),
            "confidence": draw(maybe(SHARES)),
            "personal_disagree": draw(maybe(st.booleans())),
            "personal_disagree_text": draw(maybe(WORDS)),
            "note": draw(maybe(WORDS)),
            "skipped_because": skipped,
            "assisted": draw(st.sampled_from(["none", "shown_after", "prefilled"])),
            "saw_model_score": draw(maybe(st.booleans())),
            "seconds_spent": draw(maybe(st.floats(0, 100_000))),
            "codebook": draw(maybe(IDS)),
            "codebook_sha256": draw(maybe(st.just("ab" * 32))),
            "definition_profiles": draw(st.lists(NAMES, unique=True, max_size=2)),
            "sample_reason": draw(maybe(IDS)),
            "inclusion_probability": draw(maybe(st.floats(0, 1, exclude_min=True))),
            "ground_truth": draw(st.booleans()),
            "extra": draw(OBJECTS),
        }
    )


@st.composite
def predictions(draw: st.DrawFn, item: Item) -> Prediction:
    scores = draw(st.dictionaries(st.sampled_from(HEAD_ORDER), SHARES))
    return Prediction(item_id=item.item_id, bundle_id=draw(IDS), scores=scores, extra=draw(OBJECTS))


@st.composite
def label_sets(draw: st.DrawFn) -> tuple[list[Item], list[Annotation], list[Prediction]]:
    chosen = draw(st.lists(items(), max_size=3, unique_by=lambda item: item.item_id))
    labels = [one for item in chosen for one in draw(st.lists(annotations(item), max_size=3))]
    unique = list({label.label_id: label for label in labels}.values())
    scored = [one for item in chosen for one in draw(st.lists(predictions(item), max_size=2))]
    return chosen, unique, scored


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(records=label_sets())
def test_any_records_survive_the_way_there_and_back_in_every_format(
    records: tuple[list[Item], list[Annotation], list[Prediction]],
) -> None:
    # All formats in one test: making the records takes longer than writing and reading them.
    for format in FORMATS:
        if format == "huggingface" and not records[0]:
            continue  # a folder without rows has no table to load
        with tempfile.TemporaryDirectory() as folder:
            found = back_and_forth(Path(folder), format, *records, format.removesuffix("-2025"))
        assert (format, *found) == (format, *records)


@pytest.mark.parametrize("format", FORMATS)
def test_every_field_survives_and_the_format_is_recognised(
    format: str,
    tmp_path: Path,
    item: Item,
    full_label: Annotation,
    skipped_label: Annotation,
    prediction: Prediction,
) -> None:
    assert set(full_label.model_dump(exclude_defaults=True)) == set(Annotation.model_fields) - {
        "schema_version",
        "skipped_because",
    }
    bare = Item.model_validate({"item_id": "x2", "text": "Nobody has read this yet."})

    found = back_and_forth(tmp_path, format, [item, bare], [full_label, skipped_label], [prediction], "auto")

    assert found == ([item, bare], [full_label, skipped_label], [prediction])


def test_conversion_without_memory_gives_the_same_records(
    tmp_path: Path, item: Item, full_label: Annotation, prediction: Prediction
) -> None:
    export_labels([item], [full_label], [prediction], "label-studio", tmp_path / "tasks.json")

    counts = convert_labels(tmp_path / "tasks.json", tmp_path / "ours.jsonl")
    result = import_labels(tmp_path / "ours.jsonl")

    assert (counts.read, counts.imported) == (2, 2)
    assert (result.items, result.annotations, result.predictions) == ((item,), (full_label,), (prediction,))
