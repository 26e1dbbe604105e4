"""The signs of a disagreement that can be seen in the labels themselves, each a yes or a no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from labelling.quality.adjudication_rules import SignName, SignRule
from labelling.quality.entries import LabelEntry

Answer = Hashable


@dataclass(frozen=True, slots=True)
class Dispute:
    """The labels of one text, two or more, one an annotator; and what else is known of it.

    `context_missed` counts those who skipped it for lack of context, `disputed_before` the earlier texts on
    which the same answers stood against each other. `sensitive_codes` are those the codebook marks so.
    """

    labels: Sequence[LabelEntry]
    sensitive_codes: Collection[str] = ()
    context_missed: int = 0
    disputed_before: int = 0


QUESTIONS: Final[dict[str, Callable[[LabelEntry], Answer | None]]] = {
    "hate": lambda label: label.hate,
    "strands": lambda label: label.strands,
    "speech_act": lambda label: label.speech_act,
    "codes": lambda label: label.codes,
    "severity": lambda label: label.severity,
}
"""What labels can differ in; the first that differs is what the votes are counted on."""


def differing(labels: Sequence[LabelEntry]) -> tuple[str, ...]:
    """The questions to which the labels give different answers, weightiest first; no answer is not one."""
    return tuple(name for name, answer in QUESTIONS.items() if len(_given(labels, answer)) > 1)


def _given(labels: Sequence[LabelEntry], answer: Callable[[LabelEntry], Answer | None]) -> set[Answer]:
    return {given for label in labels if (given := answer(label)) is not None}


def votes(labels: Sequence[LabelEntry]) -> Counter[Answer]:
    """How many gave each answer to the weightiest question that differs."""
    differs = differing(labels)
    if not differs:
        return Counter()
    answer = QUESTIONS[differs[0]]
    return Counter(given for label in labels if (given := answer(label)) is not None)


def shows(dispute: Dispute, rule: SignRule) -> bool:
    """Whether the dispute shows the rule's sign, at the rule's threshold."""
    return SIGNS[rule.sign](dispute, rule)


def _split_by(labels: Sequence[LabelEntry], group: Callable[[LabelEntry], str | None], least: int) -> bool:
    """Whether groups of `least` labels or more agree inside, and at least two of them differ.

    Groups that are smaller are not asked; one that disagrees inside is no group of one mind.
    """
    differs = differing(labels)
    if not differs:
        return False
    answer = QUESTIONS[differs[0]]
    found: dict[str, list[Answer]] = {}
    for label in labels:
        name, given = group(label), answer(label)
        if name is not None and given is not None:
            found.setdefault(name, []).append(given)
    asked = [answers for answers in found.values() if len(answers) >= least]
    return all(len(set(answers)) == 1 for answers in asked) and len({a[0] for a in asked}) > 1


def _codebooks_differ(dispute: Dispute, _rule: SignRule) -> bool:
    return _split_by(dispute.labels, lambda label: label.codebook_sha256, 1)


def _cohorts_differ(dispute: Dispute, rule: SignRule) -> bool:
    """`threshold`: labels that a cohort must have."""
    return _split_by(dispute.labels, lambda label: label.cohort, int(rule.threshold or 1))


def _disputed_before(dispute: Dispute, rule: SignRule) -> bool:
    """`threshold`: earlier texts."""
    return dispute.disputed_before >= (rule.threshold or 1)


def _severity_range(labels: Sequence[LabelEntry]) -> int:
    given = [label.severity for label in labels if label.severity is not None]
    return max(given) - min(given) if given else 0


def _only_severity_by_a_step(dispute: Dispute, rule: SignRule) -> bool:
    """`threshold`: steps. That one step makes hate of what is none still counts."""
    others = set(differing(dispute.labels)) - {"severity", "hate"}
    return not others and 0 < _severity_range(dispute.labels) <= (rule.threshold or 1)


def _same_hate_other_strands(dispute: Dispute, _rule: SignRule) -> bool:
    return _given(dispute.labels, QUESTIONS["hate"]) == {True} and "strands" in differing(dispute.labels)


def _same_strands_other_codes(dispute: Dispute, _rule: SignRule) -> bool:
    differs = differing(dispute.labels)
    return "codes" in differs and "strands" not in differs


def _sensitive_code(dispute: Dispute, _rule: SignRule) -> bool:
    return any(label.codes and label.codes & set(dispute.sensitive_codes) for label in dispute.labels)


def _unclear_flag(dispute: Dispute, rule: SignRule) -> bool:
    return any(label.flags and label.flags & set(rule.flags) for label in dispute.labels)


def _context_missed(dispute: Dispute, rule: SignRule) -> bool:
    """`threshold`: annotators who skipped it so."""
    return dispute.context_missed >= (rule.threshold or 1)


def _other_speech_acts(dispute: Dispute, _rule: SignRule) -> bool:
    return "speech_act" in differing(dispute.labels)


def _severities_apart(dispute: Dispute, rule: SignRule) -> bool:
    """`threshold`: steps."""
    return _severity_range(dispute.labels) >= (rule.threshold or 1)


def _even_votes(dispute: Dispute, rule: SignRule) -> bool:
    """`threshold`: the largest share of votes that still counts as even; one of three is alone, not even."""
    counted = votes(dispute.labels)
    total = counted.total()
    return (
        bool(total)
        and max(counted.values()) / total <= (rule.threshold or 1)
        and not _alone(dispute.labels, least=2)
    )


def _alone(labels: Sequence[LabelEntry], least: int) -> list[LabelEntry]:
    """The label whose answer stands alone against `least` or more that are the same, if there is one."""
    counted = votes(labels)
    if len(counted) != 2 or min(counted.values()) != 1 or max(counted.values()) < least:
        return []
    answer = QUESTIONS[differing(labels)[0]]
    return [label for label in labels if answer(label) is not None and counted[answer(label)] == 1]


def _lone_dissenter(dispute: Dispute, rule: SignRule) -> bool:
    """`threshold`: how many the others must be."""
    return bool(_alone(dispute.labels, least=int(rule.threshold or 1)))


def _fast_dissenter(dispute: Dispute, rule: SignRule) -> bool:
    """`threshold`: seconds."""
    alone = _alone(dispute.labels, least=2)
    return any(label.seconds is not None and label.seconds < (rule.threshold or 0) for label in alone)


SIGNS: Final[dict[SignName, Callable[[Dispute, SignRule], bool]]] = {
    "codebooks_differ": _codebooks_differ,
    "cohorts_differ": _cohorts_differ,
    "disputed_before": _disputed_before,
    "only_severity_by_a_step": _only_severity_by_a_step,
    "same_hate_other_strands": _same_hate_other_strands,
    "same_strands_other_codes": _same_strands_other_codes,
    "sensitive_code": _sensitive_code,
    "unclear_flag": _unclear_flag,
    "context_missed": _context_missed,
    "other_speech_acts": _other_speech_acts,
    "severities_apart": _severities_apart,
    "even_votes": _even_votes,
    "lone_dissenter": _lone_dissenter,
    "fast_dissenter": _fast_dissenter,
}
