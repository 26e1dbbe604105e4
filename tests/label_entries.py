"""Label entries for tests: neutral, dated, each field as a keyword."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from labelling.quality.entries import LabelEntry

START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def label_entry(annotator: str, text: str, *, minute: int = 0, **fields: Any) -> LabelEntry:
    """A label of S0 and neutral unless `fields` say otherwise, `minute` minutes after START."""
    said: dict[str, Any] = {
        "codebook": "2026-11.1",
        "codebook_sha256": "1" * 64,
        "strands": frozenset(),
        "severity": 0,
        "speech_act": "neutral",
        "hate": False,
    }
    return LabelEntry(annotator, text, START + timedelta(minutes=minute), **(said | fields))
