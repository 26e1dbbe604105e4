"""Canonical records as the entries that the statistics of agreement take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from labelling.interchange.annotations import Annotation, Item, Labelled
from labelling.quality.entries import LabelEntry
from model.taxonomy import STRAND_ORDER

NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Of a label whose file does not say when it was made: older than every label that says."""

NO_CODEBOOK: Final = "no codebook"


def entries_of(labelled: Iterable[Labelled]) -> Iterator[LabelEntry]:
    """An entry for each label that is no skip and names who made it; one text is one, whatever its task."""
    for one in labelled:
        for annotation in one.annotations:
            if annotation.annotator is not None and annotation.skipped_because is None:
                yield _entry(annotation, annotation.annotator, one.item)


def _entry(one: Annotation, annotator: str, item: Item) -> LabelEntry:
    # Another tool's project has no codes of ours to give, so that it gave none is no answer.
    knows_codes = one.codebook is not None or bool(one.codes or one.context_flags)
    return LabelEntry(
        annotator=annotator,
        text=item.text_sha256,
        labelled_at=one.labelled_at or NO_TIME,
        codebook=one.codebook or NO_CODEBOOK,
        codebook_sha256=one.codebook_sha256 or "",
        strands=frozenset(one.strands),
        asked=None if one.strands_asked == STRAND_ORDER else frozenset(one.strands_asked),
        codes=frozenset(one.codes) if knows_codes else None,
        flags=frozenset(one.context_flags) if knows_codes else None,
        severity=one.severity,
        speech_act=one.speech_act,
        hate=one.hate,
        cohort=one.cohort,
        words=item.text,
        spans=one.rationale,
        seconds=one.seconds_spent,
        assisted=one.assisted != "none",
    )
