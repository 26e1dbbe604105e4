"""Error rates and bias AUCs per group of posts: who is named in them, or whose way of writing it is.

A group is a mask over the posts; groups may overlap. Posts without an answer (NaN) are left out of every
figure and counted beside them, so a target that stays silent about a group does not look fair to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate
from numpy.typing import NDArray

from training.evaluation.bias import KINDS, Mask, chosen_posts
from training.evaluation.bootstrap import (
    DRAWS,
    SEED,
    Measured,
    Statistic,
    Values,
    Weights,
    bootstrap,
)
from training.evaluation.clusters import post_share
from training.evaluation.metrics import auc_statistic, expected_calibration_error

Axis = Literal["community", "identity", "dialect"]

RATES = {"false_positive_rate": false_positive_rate, "false_negative_rate": false_negative_rate}


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group: posts with an answer, the share of them that is positive, error rates, AUCs and ECE.

    `subgroup`, `bpsn` and `bnsp` are the AUCs of `training.evaluation.bias`; None: not measurable.
    """

    group: str
    axis: Axis
    posts: int
    not_answered: int
    prevalence: float | None
    false_positive_rate: Measured | None
    false_negative_rate: Measured | None
    subgroup: Measured | None
    bpsn: Measured | None
    bnsp: Measured | None
    ece: float | None

    def as_json(self) -> dict[str, Any]:
        """One entry of `groups` in report.json."""
        measured = (*RATES, *KINDS)
        found = {name: getattr(self, name) for name in measured}
        return {
            **{name: value for name, value in asdict(self).items() if name not in measured},
            **{name: None if figure is None else figure.as_json() for name, figure in found.items()},
        }


def group_table(
    scores: NDArray[np.float32],
    positive: Mask,
    groups: Mapping[str, Mask],
    threshold: float,
    axis: Axis,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[GroupFigures]:
    """A row for each group that holds a post; `scores` (n,) in [0, 1] with NaN, masks (n,) over all posts.

    The background of a group are the posts outside of it, so the posts given decide what BPSN and BNSP
    compare with: HateXplain's authors give those that name at least one community.
    """
    answered = np.isfinite(scores)
    silent = {name: int((inside & ~answered).sum()) for name, inside in groups.items()}
    held = {name: inside[answered] for name, inside in groups.items() if inside.any()}
    scores, positive = scores[answered], positive[answered]
    flagged = scores >= threshold
    rates = _error_rates(flagged, positive, held)
    rows = []
    for name, inside in held.items():
        aucs = {kind: _auc(kind, scores, positive, inside, draws, seed) for kind in KINDS}
        posts = int(inside.sum())
        rows.append(
            GroupFigures(
                group=name,
                axis=axis,
                posts=posts,
                not_answered=silent[name],
                prevalence=round(float(positive[inside].mean()), 5) if posts else None,
                **rates[name],
                **aucs,
                ece=_calibration_error(scores[inside], positive[inside]),
            )
        )
    return rows


def equality_differences(
    scores: NDArray[np.float32],
    positive: Mask,
    groups: Mapping[str, Mask],
    threshold: float,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> dict[str, Measured | None]:
    """`fped` and `fned`: the sums over groups of |rate of the group - rate of all posts|, 0 at best.

    Groups without a post that the rate is about are left out, and so are draws in which a group lost its
    last. A resample adds chance to every gap, so the interval lies higher than the figure: it serves to
    compare targets. Source: Dixon et al. 2018, section 4 (equality differences).
    """
    answered = np.isfinite(scores)
    scores, positive = scores[answered], positive[answered]
    flagged = scores >= threshold
    held = [inside[answered] for inside in groups.values()]
    about = {"fped": (~positive, flagged), "fned": (positive, ~flagged)}
    return {
        name: bootstrap(equality_statistic(wrong, asked, held), len(scores), draws=draws, seed=seed)
        for name, (asked, wrong) in about.items()
    }


def equality_statistic(wrong: Mask, asked: Mask, groups: Sequence[Mask]) -> Statistic:
    """The sum over groups of |share of `wrong` among its `asked` posts - that of all posts|."""
    inside = [mask & asked for mask in groups if (mask & asked).any()]
    if not inside:
        return lambda weights: np.full(len(weights), np.nan)
    columns = np.stack([asked, *inside], axis=1).astype(np.float32)
    errors = columns * wrong[:, np.newaxis]

    def total(weights: Weights) -> Values:
        counts = (weights @ columns).astype(np.float64)
        rates = np.divide(weights @ errors, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
        found: Values = np.abs(rates[:, 1:] - rates[:, :1]).sum(axis=1)
        return found

    return total


def _error_rates(
    flagged: Mask, positive: Mask, groups: Mapping[str, Mask]
) -> dict[str, dict[str, Measured | None]]:
    """Per group both error rates by fairlearn, with our intervals; None where the group has no such post."""
    # MetricFrame wants each row in one group: a post of two groups stands there twice.
    rows = [np.flatnonzero(inside) for inside in groups.values()]
    places = np.concatenate([*rows, np.zeros(0, dtype=np.intp)])
    names = np.repeat(np.asarray(list(groups), dtype=object), [len(found) for found in rows])
    if not len(places):
        return {name: dict.fromkeys(RATES) for name in groups}
    frame = MetricFrame(
        metrics=RATES,
        y_true=positive[places].astype(np.int8),
        y_pred=flagged[places].astype(np.int8),
        sensitive_features=names,
    )
    rates: dict[str, dict[str, Measured | None]] = {}
    for name, inside in groups.items():
        drawn = {
            "false_positive_rate": post_share(flagged[inside & ~positive]),
            "false_negative_rate": post_share(~flagged[inside & positive]),
        }
        rates[name] = {
            rate: None if found is None else replace(found, value=float(frame.by_group.loc[name, rate]))
            for rate, found in drawn.items()
        }
    return rates


def _auc(
    kind: str, scores: NDArray[np.float32], positive: Mask, inside: Mask, draws: int, seed: int
) -> Measured | None:
    """The bias AUC with its interval; `posts` are those that it compares."""
    chosen = chosen_posts(kind, inside, positive)
    if not chosen.any():
        return None
    return bootstrap(
        auc_statistic(scores[chosen], positive[chosen]), int(chosen.sum()), draws=draws, seed=seed
    )


def _calibration_error(scores: NDArray[np.float32], positive: Mask) -> float | None:
    if not len(scores):
        return None
    return round(expected_calibration_error(scores, positive.astype(np.int8)), 5)
