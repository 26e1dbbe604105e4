"""What a target makes of a functional suite: which cases it gets right, per functionality and per group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.suite import Suite, SuiteCase
from model.taxonomy import HEAD_ORDER
from training.evaluation.bootstrap import Measured
from training.evaluation.clusters import family, family_share, mean_of_shares
from training.evaluation.comparison import right_answers

HATE = HEAD_ORDER.index("hate")
WORST_CASES = 5
"""Cases shown of a functionality: those that the target is furthest from right on."""


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """One target on one suite: `hate` (n,) float32, NaN where not answered, and `right` (n,) bool."""

    suite: Suite
    threshold: float
    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    table: dict[str, Any]


def suite_result(suite: Suite, scores: NDArray[np.float32], thresholds: Mapping[str, float]) -> SuiteResult:
    """Accuracy of `hate` on every case of a suite, and of the strand's head where a case has a label for it.

    `scores` (n, 4) float32 by HEAD_ORDER, NaN where the target gives no answer. A case without an answer is
    wrong: whoever relies on the target does not get that case right either. Intervals draw whole templates,
    whose cases stand or fall together; the macro mean is the mean over functionalities.
    """
    threshold = float(thresholds["hate"])
    hate = scores[:, HATE]
    gold = np.asarray([case.hateful for case in suite.cases], dtype=np.bool_)
    right = right_answers(hate, gold, threshold)
    strand_right = _strand_right(suite.cases, scores, thresholds)
    functionality = np.asarray([case.functionality for case in suite.cases])
    families = np.asarray([family(case) for case in suite.cases])
    table = {
        "head": "hate",
        "threshold": threshold,
        "cases": len(gold),
        "not_answered": int((~np.isfinite(hate)).sum()),
        **_accuracies(right, gold, families),
        "macro": json_of(mean_of_shares(right, functionality, families)),
        "functionalities": [
            _functionality(suite, name, functionality == name, right, strand_right, families)
            for name in dict.fromkeys(functionality.tolist())
        ],
        "targets": _targets(suite.cases, right, gold, families),
    }
    return SuiteResult(suite, threshold, np.asarray(hate), right, table)


def worst_cases(
    result: SuiteResult, rationales: Mapping[str, Sequence[tuple[int, int]]] | None = None
) -> list[dict[str, Any]]:
    """The wrong cases that the score is furthest off on, at most `WORST_CASES` a functionality, worst first.

    `rationales`: text -> character spans, for targets that mark words.
    """
    error = np.where(
        np.isfinite(result.scores),
        np.abs(np.nan_to_num(result.scores) - [1.0 if case.hateful else 0.0 for case in result.suite.cases]),
        0.0,
    )
    taken: dict[str, int] = {}
    found = []
    for place in np.argsort(-error, kind="stable"):
        case = result.suite.cases[place]
        if result.right[place] or not np.isfinite(result.scores[place]):
            continue
        if taken.get(case.functionality, 0) == WORST_CASES:
            continue
        taken[case.functionality] = taken.get(case.functionality, 0) + 1
        spans = None if rationales is None else rationales.get(case.text)
        found.append(
            {
                "suite": result.suite.name,
                "functionality": case.functionality,
                "case_id": case.case_id,
                "text": case.text,
                "hateful": case.hateful,
                "score": round(float(result.scores[place]), 4),
                "rationale": None if spans is None else [list(span) for span in spans],
            }
        )
    return found


def json_of(found: Measured | None) -> dict[str, Any] | None:
    """The figure as reports hold it; None stays None."""
    return None if found is None else found.as_json()


def _strand_right(
    cases: Sequence[SuiteCase], scores: NDArray[np.float32], thresholds: Mapping[str, float]
) -> NDArray[np.float32]:
    """1 or 0 where a case has a label for its strand and the target offers that head, else NaN."""
    found = np.full(len(cases), np.nan, dtype=np.float32)
    for place, case in enumerate(cases):
        if case.strand is None or case.strand_label is None or case.strand not in thresholds:
            continue
        score = scores[place, HEAD_ORDER.index(case.strand)]
        yes = bool(np.isfinite(score)) and bool(score >= thresholds[case.strand])
        found[place] = np.isfinite(score) and yes == bool(case.strand_label)
    return found


def _functionality(
    suite: Suite,
    name: str,
    inside: NDArray[np.bool_],
    right: NDArray[np.bool_],
    strand_right: NDArray[np.float32],
    families: NDArray[np.str_],
) -> dict[str, Any]:
    words = suite.functionalities.get(name)
    asked = inside & np.isfinite(strand_right)
    return {
        "name": name,
        "title": name if words is None else words.title,
        "why": "" if words is None else words.why,
        "kind": None if words is None else words.kind,
        "hateful": None if words is None else words.hateful,
        "cases": int(inside.sum()),
        "accuracy": json_of(family_share(right[inside], families[inside])),
        "strand_accuracy": json_of(family_share(strand_right[asked] == 1, families[asked])),
    }


def _targets(
    cases: Sequence[SuiteCase],
    right: NDArray[np.bool_],
    gold: NDArray[np.bool_],
    families: NDArray[np.str_],
) -> list[dict[str, Any]]:
    groups = np.asarray([case.target or "" for case in cases])
    found = []
    for name in sorted(set(groups.tolist()) - {""}):
        inside = groups == name
        accuracies = _accuracies(right[inside], gold[inside], families[inside])
        found.append({"name": name, "cases": int(inside.sum()), **accuracies})
    return found


def _accuracies(
    right: NDArray[np.bool_], gold: NDArray[np.bool_], families: NDArray[np.str_]
) -> dict[str, Any]:
    return {
        "accuracy": json_of(family_share(right, families)),
        "hateful": json_of(family_share(right[gold], families[gold])),
        "non_hateful": json_of(family_share(right[~gold], families[~gold])),
    }
