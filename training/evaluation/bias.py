"""Whether naming a community moves the score: Subgroup, BPSN and BNSP AUC, and their power mean.

Source: Borkan et al. 2019, "Nuanced metrics for measuring unintended bias with real data for text
classification", section 3; HateXplain's use of them: Mathew et al. 2021, section "Bias based metrics", and
the authors' notebook Bias_Calculation_NB.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Measured, Statistic, Values, Weights, bootstrap
from training.evaluation.metrics import auc_statistic

Mask = NDArray[np.bool_]

POWER = -5
"""Low AUCs weigh most. Source: Borkan et al. 2019 and the Jigsaw competition; Mathew et al. 2021."""

KINDS = ("subgroup", "bpsn", "bnsp")


def chosen_posts(kind: str, inside: Mask, positive: Mask) -> Mask:
    """The posts (n,) that an AUC of `kind` compares, for the community whose posts are `inside`.

    subgroup: the community's posts alone. bpsn: positive background, negative community (low where
    innocent mentions score high). bnsp: negative background, positive community (low where hate against
    the community scores low). Source: Borkan et al. 2019, section 3.
    """
    if kind == "subgroup":
        return inside
    return np.where(positive, ~inside, inside) if kind == "bpsn" else np.where(positive, inside, ~inside)


def bias_auc(kind: str, scores: NDArray[np.float32], positive: Mask, inside: Mask) -> Statistic:
    """The AUC of `kind` for one community; NaN where either side is empty."""
    chosen = chosen_posts(kind, inside, positive)
    if not chosen.any():
        return lambda weights: np.full(len(weights), np.nan)
    auc = auc_statistic(scores[chosen], positive[chosen])
    return lambda weights: auc(weights[:, chosen])


def generalised_mean(values: Values) -> Values:
    """The power mean with p = -5 over the communities (k, c) that have a value, per row.

    Source: Borkan et al. 2019; M_p(m) = (mean of m^p)^(1/p).
    """
    known = np.isfinite(values)
    powers = np.where(known, np.maximum(np.nan_to_num(values), 1e-6), 1.0) ** float(POWER)
    counts = known.sum(axis=1)
    means = np.divide(
        np.where(known, powers, 0.0).sum(axis=1), counts, out=np.full(len(values), np.nan), where=counts > 0
    )
    found: Values = means ** (1 / POWER)
    return found


def generalised_auc(
    kind: str, scores: NDArray[np.float32], positive: Mask, communities: Sequence[Mask]
) -> Statistic:
    """The power mean of one kind of AUC over the communities."""
    aucs = [bias_auc(kind, scores, positive, inside) for inside in communities]

    def generalised(weights: Weights) -> Values:
        return generalised_mean(np.stack([auc(weights) for auc in aucs], axis=1))

    return generalised


def bias_figures(
    scores: NDArray[np.float32], positive: Mask, communities: dict[str, Mask], threshold: float
) -> tuple[dict[str, Any], dict[str, Measured | None]]:
    """Per community the three AUCs, posts and error rates; and the three power means with intervals.

    All masks are (n,) bool over the same posts, each of which names at least one of the communities: the
    background of a community are the posts against others, as in the authors' notebook.
    FPED and FNED are the sums over communities of |rate of the community - rate of all|, at `threshold`.
    Source: Dixon et al. 2018 (equality differences).
    """
    flagged = scores >= threshold
    ones = np.ones((1, len(scores)), dtype=np.float32)
    overall = _rates(flagged, positive)
    table: dict[str, Any] = {}
    for name, inside in communities.items():
        aucs = {kind: _rounded(bias_auc(kind, scores, positive, inside)(ones)[0]) for kind in KINDS}
        false_positive, false_negative = _rates(flagged[inside], positive[inside])
        table[name] = {
            "toxic": int((inside & positive).sum()),
            "normal": int((inside & ~positive).sum()),
            **aucs,
            "false_positive_rate": _rounded(false_positive),
            "false_negative_rate": _rounded(false_negative),
        }
    means = {
        kind: bootstrap(generalised_auc(kind, scores, positive, list(communities.values())), len(scores))
        for kind in KINDS
    }
    figures = {
        "communities": table,
        "fped": _equality_difference(table, "false_positive_rate", overall[0]),
        "fned": _equality_difference(table, "false_negative_rate", overall[1]),
    }
    return figures, means


def _rates(flagged: Mask, positive: Mask) -> tuple[float, float]:
    """False positives among the negative, false negatives among the positive; NaN over none."""
    negatives, positives = int((~positive).sum()), int(positive.sum())
    return (
        float(flagged[~positive].mean()) if negatives else np.nan,
        float((~flagged)[positive].mean()) if positives else np.nan,
    )


def _equality_difference(table: dict[str, Any], rate: str, overall: float) -> float | None:
    rates = [row[rate] for row in table.values() if row[rate] is not None]
    return _rounded(sum(abs(value - overall) for value in rates)) if rates else None


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
