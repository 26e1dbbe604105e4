"""Two readers' judgements side by side, row by row, with what differs said in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from serve.console.decision_words import codes_words, law_words, outcome_words, standard_words
from serve.console.plain_words import strands_words
from serve.hub import Hub
from serve.storage.tables import Judgement

PSEUDONYMS: Final = ("A", "B")
"""What the page calls the two readers: who they are is nobody's business here."""


NOTHING: Final = "nothing said"


@dataclass(frozen=True, slots=True)
class Row:
    """One question with each reader's answer. `differs`: whether the answers do."""

    label: str
    answers: tuple[str, ...]
    differs: bool
    is_prose: bool = False


def compared(hub: Hub, judgements: Sequence[Judgement]) -> list[Row]:
    """Every question that one of the two readers answered, in the order of the form."""
    answers: list[tuple[str, Callable[[Judgement], str], bool]] = [
        ("Outcome", lambda one: _outcome(hub, one), False),
        ("Strands", lambda one: strands_words(one.strands), False),
        ("Severity", lambda one: f"S{one.severity}", False),
        ("Codes", lambda one: ", ".join(codes_words(hub, one.codes)), False),
        ("Law", lambda one: _law(hub, one), False),
        ("Standard of proof", lambda one: standard_words(hub, one.standard) or "", False),
        ("Speech act", lambda one: _plain(one.speech_act or ""), False),
        ("Context", lambda one: ", ".join(_plain(flag) for flag in one.context_flags), False),
        ("Confidence", lambda one: one.confidence.replace("_", " "), False),
        ("Proportionality", lambda one: one.proportionality, True),
        ("Reason", lambda one: one.reason, True),
    ]
    rows = []
    for label, answer, is_prose in answers:
        said = tuple(answer(one) or NOTHING for one in judgements)
        if set(said) == {NOTHING}:
            continue
        # No two people write the same sentence: only what was chosen can differ.
        rows.append(Row(label, said, not is_prose and len(set(said)) > 1, is_prose))
    return rows


def _outcome(hub: Hub, judgement: Judgement) -> str:
    title, detail = outcome_words(
        hub, judgement.outcome, judgement.outcome_detail, judgement.judged_at.date()
    )
    return f"{title}: {detail}" if detail else title


def _law(hub: Hub, judgement: Judgement) -> str:
    said = []
    for name, met, missing in law_words(hub, judgement.law):
        parts = [f"met: {', '.join(met)}"] if met else []
        parts += [f"missing: {', '.join(missing)}"] if missing else []
        said.append(f"{name} ({'; '.join(parts)})")
    return "\n".join(said)


def _plain(code: str) -> str:
    return code.replace("_", " ")
