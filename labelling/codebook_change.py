"""What a new version of the codebook changes, and which labels it touches: exactly those are labelled anew.

Which labels a change touches follows from what the label says, by the rules below. A wider strand may catch
texts that did not tick it, so it touches whatever reads hostile; a new title of a flag touches who gave it.
Source: LABELLING.md section 7, item 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from labelling.codebook import Code, Codebook, StrandEntry
from model.errors import BadInput
from serve.storage.tables import LabelRow, Task

Touches = Callable[[LabelRow], bool]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the new version says otherwise, and which labels it touches."""

    what: str
    touches: Touches


@dataclass(frozen=True, slots=True)
class TouchedLabel:
    """A standing label of the old version that some change touches, with its task."""

    label: LabelRow
    task: Task
    changes: tuple[str, ...]


def changes_between(old: Codebook, new: Codebook) -> list[Change]:
    """Every change of meaning, in the codebook's order; keys, sources and `verify` marks have none."""
    return [
        *_of_everything(old, new),
        *_of_the_rule(old, new),
        *(
            change
            for before, after in zip(old.strands, new.strands, strict=True)
            for change in _of_a_strand(before, after)
        ),
        *_of_scales(old, new),
        *_of_flags(old, new),
    ]


def _of_everything(old: Codebook, new: Codebook) -> Iterator[Change]:
    if old.principle != new.principle:
        yield Change("the principle", lambda _label: True)
    before = {question.code: (question.text, question.help) for question in old.questions}
    after = {question.code: (question.text, question.help) for question in new.questions}
    for code in dict.fromkeys([*before, *after]):
        if before.get(code) != after.get(code):
            yield Change(f"question {code}", lambda _label: True)


def _of_the_rule(old: Codebook, new: Codebook) -> Iterator[Change]:
    if old.hate_rule != new.hate_rule:
        yield Change("the hate rule", lambda label: _rule_says_otherwise(label, new))


def _rule_says_otherwise(label: LabelRow, new: Codebook) -> bool:
    if label.severity is None or label.speech_act is None:
        return False
    try:
        return new.hate_rule.derive(severity=label.severity, speech_act=label.speech_act) != label.hate
    except BadInput:
        return True


def _of_a_strand(before: StrandEntry, after: StrandEntry) -> Iterator[Change]:
    strand = before.value
    said, says = set(before.include), set(after.include)
    left, leaves = set(before.exclude), set(after.exclude)
    restated = (before.title, before.definition, before.profile, before.notes) != (
        *(after.title, after.definition, after.profile, after.notes),
    )
    if restated or said - says or leaves - left:
        yield Change(f"{strand}: narrower or restated", lambda label: strand in label.strands)
    if restated or says - said or left - leaves:
        yield Change(
            f"{strand}: wider or restated",
            lambda label: strand not in label.strands and _reads_hostile(label),
        )
    codes_before = {code.code: _meaning(code) for code in before.codes}
    codes_after = {code.code: _meaning(code) for code in after.codes}
    for code in dict.fromkeys([*codes_before, *codes_after]):
        if code not in codes_before:
            yield Change(f"code {code}: new", lambda label: strand in label.strands)
        elif codes_before[code] != codes_after.get(code):
            yield Change(f"code {code}: {_how(code in codes_after)}", _gave_code(strand, code))


def _meaning(code: Code) -> tuple[str, str, bool, bool]:
    return code.title, code.meaning, code.sensitive, code.hate_alone


def _gave_code(strand: str, code: str) -> Touches:
    # Two strands may have a code of one name, such as `other`.
    return lambda label: code in label.codes and strand in label.strands


def _reads_hostile(label: LabelRow) -> bool:
    return bool(label.severity) or bool(label.strands)


def _of_scales(old: Codebook, new: Codebook) -> Iterator[Change]:
    for step, entry in zip(old.severities, new.severities, strict=True):
        if (step.title, step.meaning) != (entry.title, entry.meaning):
            yield Change(f"severity {step.code}", _has_severity(step.value))
    for act, said in zip(old.speech_acts, new.speech_acts, strict=True):
        if (act.title, act.meaning) != (said.title, said.meaning):
            yield Change(f"speech act {act.value}", _has_speech_act(act.value))


def _has_severity(value: int) -> Touches:
    return lambda label: label.severity == value


def _has_speech_act(value: str) -> Touches:
    return lambda label: label.speech_act == value


def _of_flags(old: Codebook, new: Codebook) -> Iterator[Change]:
    before = {flag.value: flag.title for flag in old.context_flags}
    after = {flag.value: flag.title for flag in new.context_flags}
    for flag in dict.fromkeys([*before, *after]):
        if flag not in before:
            # What nobody could say before, nobody has said otherwise.
            yield Change(f"flag {flag}: new", lambda _label: False)
        elif before[flag] != after.get(flag):
            yield Change(f"flag {flag}: {_how(flag in after)}", _gave_flag(flag))


def _gave_flag(flag: str) -> Touches:
    return lambda label: flag in label.context_flags


def _how(still_there: bool) -> str:
    return "restated" if still_there else "gone"


def touched_labels(session: Session, old: Codebook, changes: Sequence[Change]) -> list[TouchedLabel]:
    """The standing labels made with the old version that some change touches, oldest first."""
    query = (
        select(LabelRow, Task)
        .join(Task, Task.task_id == LabelRow.task_id)
        .where(
            LabelRow.codebook_sha256 == old.sha256,
            LabelRow.undone_at.is_(None),
            LabelRow.skipped_because.is_(None),
        )
        .order_by(LabelRow.labelled_at, LabelRow.label_id)
    )
    found = []
    for label, task in session.execute(query).all():
        by = tuple(change.what for change in changes if change.touches(label))
        if by:
            found.append(TouchedLabel(label, task, by))
    return found
