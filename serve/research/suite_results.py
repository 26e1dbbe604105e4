"""What a bundle got on a suite: shares with intervals, and the cases that it got wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from model.suite import Suite, SuiteCase
from serve.research.intervals import Share, share

HEAD: Final = "hate"
"""The head that answers a suite's gold; strand heads answer `strand_label`."""

MOST_WRONG: Final = 50


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """A case with the head's score, in [0, 1], and whether that is the gold's side of the threshold."""

    case: SuiteCase
    score: float | None
    flagged: bool

    @property
    def is_right(self) -> bool:
        """Whether it was answered and rightly so."""
        return self.score is not None and self.flagged == self.case.hateful


@dataclass(frozen=True, slots=True)
class FunctionalityFigures:
    """One functionality. `hateful` None: its cases differ. Shares are of the cases that were answered."""

    name: str
    title: str
    hateful: bool | None
    cases: int
    accuracy: Share | None
    strand_accuracy: Share | None


@dataclass(frozen=True, slots=True)
class SuiteFigures:
    """Everything about one suite and one bundle. `wrong` are the worst, at most `MOST_WRONG` of `n_wrong`."""

    threshold: float
    cases: int
    not_answered: int
    accuracy: Share | None
    hateful: Share | None
    non_hateful: Share | None
    functionalities: tuple[FunctionalityFigures, ...]
    wrong: tuple[JudgedCase, ...]
    n_wrong: int


def measure(
    suite: Suite,
    thresholds: Mapping[str, float],
    scores: Mapping[str, Sequence[float | None]],
    *,
    functionality: str | None = None,
) -> SuiteFigures:
    """The figures of stored scores, which are by head in the suite's order.

    `wrong` is of one functionality if it is named.
    """
    threshold = thresholds[HEAD]
    judged = [
        JudgedCase(case, score, score is not None and score >= threshold)
        for case, score in zip(suite.cases, scores[HEAD], strict=True)
    ]
    by_functionality: dict[str, list[JudgedCase]] = {name: [] for name in suite.functionalities}
    for one in judged:
        by_functionality[one.case.functionality].append(one)
    strands = _strand_answers(suite, thresholds, scores)
    wrong = [
        one
        for one in judged
        if one.score is not None and not one.is_right and functionality in (None, one.case.functionality)
    ]
    wrong.sort(key=lambda one: -abs((one.score or 0.0) - threshold))
    return SuiteFigures(
        threshold=threshold,
        cases=len(judged),
        not_answered=sum(one.score is None for one in judged),
        accuracy=_accuracy(judged),
        hateful=_accuracy(one for one in judged if one.case.hateful),
        non_hateful=_accuracy(one for one in judged if not one.case.hateful),
        functionalities=tuple(
            FunctionalityFigures(
                name=name,
                title=words.title,
                hateful=words.hateful,
                cases=len(by_functionality[name]),
                accuracy=_accuracy(by_functionality[name]),
                strand_accuracy=_share(strands.get(name, [])),
            )
            for name, words in suite.functionalities.items()
        ),
        wrong=tuple(wrong[:MOST_WRONG]),
        n_wrong=len(wrong),
    )


def _accuracy(judged: Iterable[JudgedCase]) -> Share | None:
    return _share([one.is_right for one in judged if one.score is not None])


def _strand_answers(
    suite: Suite, thresholds: Mapping[str, float], scores: Mapping[str, Sequence[float | None]]
) -> dict[str, list[bool]]:
    """By functionality, whether the head of a case's strand said what the file says it should."""
    answers: dict[str, list[bool]] = {}
    for place, case in enumerate(suite.cases):
        if case.strand is None or case.strand_label is None:
            continue
        score = scores[case.strand][place]
        if score is not None:
            is_right = (score >= thresholds[case.strand]) == bool(case.strand_label)
            answers.setdefault(case.functionality, []).append(is_right)
    return answers


def _share(answers: Sequence[bool]) -> Share | None:
    return share(sum(answers), len(answers))
