"""Argilla's records as ours: submitted responses, discarded ones as skips; drafts are quarantined."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.answers import Answers, SpanParts, mark_each
from labelling.interchange.argilla.records import (
    DISCARDED,
    DRAFT,
    QUESTIONS,
    ArgillaRecord,
    Response,
    Suggestion,
)
from labelling.interchange.argilla.writing import agent_of
from labelling.interchange.entries import Entry, Place
from labelling.interchange.mapping import Mapping
from labelling.interchange.offsets import OffsetUnit
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.remainder import (
    KEY,
    Remainder,
    annotation_from,
    item_from,
    label_id_for,
    prediction_from,
    remainder_of,
)
from labelling.interchange.shapes import moment_of, without
from model.errors import BadInput
from model.taxonomy import HEAD_ORDER

TOOL: Final = "argilla"


class RecordReader:
    """The entries of one record after another."""

    def __init__(self, mapping: Mapping, people: Pseudonyms) -> None:
        self._mapping, self._people = mapping, people

    def entries(self, place: Place, record: ArgillaRecord) -> Iterator[Entry]:
        """One for each response, prediction and label that stands in the block alone; else the bare item."""
        agents = sorted({one.agent or TOOL for one in record.suggestions})
        parts = [f"responses[{number}]" for number in range(len(record.responses))]
        try:
            block = remainder_of(record.metadata.get(KEY))
            metadata = without(record.metadata, (KEY,)) | (block.metadata if block else {})
            item = item_from(block.item_id if block else record.record_id, record.text, metadata)
        except BadInput as fault:
            yield from place.refuse_all(
                fault, [*parts, *(f"suggestions[{number}]" for number in range(len(agents)))]
            )
            return
        anything = False
        for number, response in enumerate(record.responses):
            anything = True
            yield place.label(item, parts[number], partial(self._annotation, item, block, response, number))
        for label_id in _only_in_block(block):
            anything = True
            rest = block.annotations[label_id] if block else {}
            yield place.label(item, f"{KEY}.annotations", partial(annotation_from, item, label_id, {}, rest))
        for entry in self._predictions(place, item, block, record.suggestions):
            anything = True
            yield entry
        if not anything:
            yield place.bare(item)

    def _annotation(self, item: Item, block: Remainder | None, response: Response, number: int) -> Annotation:
        if response.status == DRAFT:
            raise refused(Reason.DRAFT, "a draft is no label yet")
        label_id = block.links.get(response.user_id or "") if block else None
        rest = dict(block.annotations.get(label_id, {})) if block and label_id else {}
        answers = Answers(self._mapping, ours=block is not None)
        unit: OffsetUnit = "code_point" if label_id else self._mapping.offset_unit
        for question, value in response.values.items():
            _take(answers, question, value, item.text, unit, self._mapping)
        if response.status == DISCARDED:
            answers.skip(str(rest["skipped_because"]) if "skipped_because" in rest else None)
        found = answers.fields()
        if label_id is None:
            user = response.user_id
            moment = moment_of(response.answered_at)
            found |= {"annotator": self._people.of(user), "labelled_at": moment}
            if moment is None and response.answered_at is not None:
                found["extra"] = {TOOL: {"answered_at": response.answered_at}}
            label_id = label_id_for(TOOL, item.item_id, user, "" if user else number)
        return annotation_from(item, label_id, found, rest)

    def _predictions(
        self, place: Place, item: Item, block: Remainder | None, suggestions: list[Suggestion]
    ) -> Iterator[Entry]:
        ours = block.predictions if block else ()
        for number, fields in enumerate(ours):
            part = f"{KEY}.predictions[{number}]"
            yield place.prediction(item, part, partial(prediction_from, item, fields))
        known = {agent_of(str(fields.get("bundle_id"))) for fields in ours}
        by_agent: dict[str, list[Suggestion]] = {}
        for one in suggestions:
            if one.agent not in known:
                by_agent.setdefault(one.agent or TOOL, []).append(one)
        for number, (agent, of_agent) in enumerate(by_agent.items()):
            yield place.prediction(
                item, f"suggestions[{number}]", partial(self._prediction, item, agent, of_agent)
            )

    def _prediction(self, item: Item, agent: str, suggestions: list[Suggestion]) -> Prediction:
        scores: dict[str, Any] = {}
        for one in suggestions:
            names = one.value if isinstance(one.value, list) else [one.value]
            each = one.score if isinstance(one.score, list) else [one.score]
            for name, score in zip(names, each, strict=False) if len(names) == len(each) else ():
                if isinstance(name, str) and score is not None:
                    scores |= dict.fromkeys(self._heads(one.question, name), score)
        told = {one.question: {"value": one.value, "score": one.score} for one in suggestions}
        return prediction_from(item, {"bundle_id": agent, "scores": scores, "extra": {TOOL: told}})

    def _heads(self, question: str, name: str) -> list[str]:
        answers = Answers(self._mapping, ours=question in QUESTIONS)
        answers.choose(question, name)
        fields = answers.fields()
        return [
            head
            for head in HEAD_ORDER
            if head in fields["strands"] or (head == "hate" and fields.get("hate"))
        ]


def _only_in_block(block: Remainder | None) -> list[str]:
    """Labels that have no response in the record: nothing of them could be held there."""
    return (
        [label_id for label_id in block.annotations if label_id not in block.links.values()] if block else []
    )


def _take(
    answers: Answers, question: str, value: object, text: str, unit: OffsetUnit, mapping: Mapping
) -> None:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        mark_each(answers, value, text, unit, _span)
    elif isinstance(value, str) and (question == "note" or question in mapping.columns.note):
        answers.write(value)
    elif isinstance(value, int) and question == "severity":
        answers.set_number(question, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        answers.choose(question, str(value))
    elif value is not None:
        answers.choose(question, value)


def _span(value: dict[str, Any]) -> SpanParts:
    return value["label"], value["start"], value["end"], value.get("text")
