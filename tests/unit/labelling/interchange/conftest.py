"""What the tests of the interchange share: a neutral label with every field, and files to write it into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.collection import ImportResult
from labelling.interchange.command import import_labels

TEXT = "Seven 🐍 people read a newspaper 👨‍👩‍👧 in the park.\nThen it rained."


@pytest.fixture
def item() -> Item:
    """A neutral text with emoji, a line break and metadata of every kind."""
    metadata: dict[str, Any] = {
        "source": "test",
        "id": 7,
        "text": "another text",
        "watchhouse": None,
        "nested": {"list": [1, 2.5, None, True]},
        "split": "dev",
    }
    return Item(item_id="x1", text=TEXT, metadata=metadata)  # type: ignore[call-arg] # the hash is worked out


@pytest.fixture
def full_label() -> Annotation:
    """A label in which every field says something."""
    return Annotation.model_validate(
        {
            "label_id": "01LABEL",
            "item_id": "x1",
            "annotator": "annotator-0123456789ab",
            "cohort": "community",
            "labelled_at": "2026-01-02T10:00:04.000005+00:00",
            "hate": True,
            "strands": ["antisemitic", "far_right"],
            "strands_asked": ["antisemitic", "far_right"],
            "codes": ["IH2", "other"],
            "severity": 2,
            "speech_act": "endorses",
            "context_flags": ["news", "sarcasm_unclear"],
            "rationale": [(0, 7), (26, 35)],
            "confidence": 0.75,
            "personal_disagree": True,
            "personal_disagree_text": "=I would\nsay otherwise",
            "note": "'quoted', 😀\r\nand more",
            "assisted": "shown_after",
            "saw_model_score": False,
            "seconds_spent": 4.288,
            "codebook": "2026-11.1",
            "codebook_sha256": "0" * 64,
            "definition_profiles": ["ihra_full", "uk_2026"],
            "sample_reason": "audit_random",
            "inclusion_probability": 0.012,
            "ground_truth": True,
            "extra": {"other": {"tool": [1, "two"]}},
        }
    )


@pytest.fixture
def skipped_label() -> Annotation:
    """A label that says that the text was put aside."""
    return Annotation(
        label_id="01SKIP", item_id="x1", annotator="annotator-ba9876543210", skipped_because="not_english"
    )


@pytest.fixture
def prediction() -> Prediction:
    """The scores of a bundle."""
    scores = {"hate": 0.91, "antisemitic": 0.5, "islamophobic": 0.25, "far_right": 0.0078125}
    return Prediction(item_id="x1", bundle_id="minilm-v3", scores=scores)


Read = Callable[..., ImportResult]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Imports what a test writes: `read("[...]", "label-studio")`; `name` matters to tables alone."""

    def imported(
        content: str | bytes, format: str = "auto", name: str = "file", **options: Any
    ) -> ImportResult:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_labels(path, format, **options)

    return imported
