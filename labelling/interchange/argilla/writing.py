"""Our records as Argilla's.

Argilla takes one response per record and user: a second label of the same person, and one of nobody, gets a
user id of its own. The block of what Argilla cannot hold stands in the metadata, as text, because metadata is
plain there.
"""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import uuid5

from labelling.interchange.annotations import Annotation, Labelled
from labelling.interchange.answers import RATIONALE, ticked
from labelling.interchange.argilla.bulk import NAMESPACE
from labelling.interchange.argilla.records import (
    DISCARDED,
    QUESTIONS,
    SUBMITTED,
    ArgillaRecord,
    Response,
    Suggestion,
)
from labelling.interchange.remainder import KEY, Remainder, predictions_of, rest_of
from labelling.interchange.shapes import without
from model.taxonomy import STRAND_ORDER

SHOWN_FROM: Final = 0.5
"""Score from which a strand is suggested; the scores themselves stand in the block."""

_COVERED: Final = ("strands", "hate", "severity", "speech_act", "codes", "context_flags", "note")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_RESERVED: Final = frozenset({"id", "text", "fields", "vectors", "score", KEY, "_server_id", *QUESTIONS})
_AGENT: Final = re.compile(r"(?=.*[a-zA-Z0-9])[a-zA-Z0-9\-_:./ ]{1,200}")
"""What the server takes for an agent. Source: argilla-io/argilla, server schema `suggestions`."""


def record_of(labelled: Labelled, *, has_status: bool) -> ArgillaRecord:
    """One item with its labels and predictions; `has_status` says whether the shape can tell a skip."""
    item = labelled.item
    links: dict[str, str] = {}
    responses: list[Response] = []
    for annotation in labelled.annotations:
        skipped = annotation.skipped_because is not None
        user_id = _user_id(annotation, links)
        response = Response(user_id, DISCARDED if skipped else SUBMITTED, _values_of(annotation))
        if response.values or (skipped and has_status):
            links[user_id] = annotation.label_id
            responses.append(response)
    native = {name: value for name, value in item.metadata.items() if _is_plain(name, value)}
    block = Remainder(
        item_id=item.item_id,
        metadata=without(item.metadata, native),
        annotations={one.label_id: rest_of(one, _covered(one)) for one in labelled.annotations},
        links=links,
        predictions=predictions_of(labelled),
    )
    metadata = {**native, KEY: block.as_text()}
    return ArgillaRecord(item.item_id, item.text, metadata, responses, _suggestions_of(labelled))


def _user_id(annotation: Annotation, taken: dict[str, str]) -> str:
    person = str(uuid5(NAMESPACE, f"annotator:{annotation.annotator}"))
    if annotation.annotator is None or person in taken:
        return str(uuid5(NAMESPACE, f"label:{annotation.label_id}"))
    return person


def _covered(annotation: Annotation) -> tuple[str, ...]:
    return (*_COVERED, "rationale") if annotation.rationale else _COVERED


def _values_of(annotation: Annotation) -> dict[str, Any]:
    one = {name: chosen[0] for name, chosen in ticked(annotation).items() if chosen and name != "target"}
    values: dict[str, Any] = {
        "target": list(annotation.strands),
        **one,
        "severity": annotation.severity,
        "codes": list(annotation.codes),
        "context_flags": list(annotation.context_flags),
        "rationale": [
            {"label": RATIONALE, "start": start, "end": end} for start, end in annotation.rationale or ()
        ],
        "note": annotation.note,
    }
    return {question: value for question, value in values.items() if value not in (None, [])}


def _is_plain(name: str, value: object) -> bool:
    plain_value = isinstance(value, str | int | float) and not isinstance(value, bool)
    return plain_value and name not in _RESERVED and _PLAIN_NAME.fullmatch(name) is not None


def agent_of(bundle_id: str) -> str:
    """The name of a bundle as the server takes it for an agent."""
    return bundle_id if _AGENT.fullmatch(bundle_id) else KEY


def _suggestions_of(labelled: Labelled) -> list[Suggestion]:
    """At most one for a question: the first prediction's strands, if it has any to show."""
    for prediction in labelled.predictions[:1]:
        shown = [strand for strand in STRAND_ORDER if prediction.scores.get(strand, 0.0) >= SHOWN_FROM]
        if shown:
            scores = [prediction.scores[strand] for strand in shown]
            return [Suggestion("target", shown, scores, agent_of(prediction.bundle_id))]
    return []
