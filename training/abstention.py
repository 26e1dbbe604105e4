"""Where a head is not certain: the narrowest band outside which it errs no more than a stated share.

Outside of the band [low, high) the bundle decides: below `low` "not hateful", from `high` on "hateful".
For each side the share of wrong decisions among posts drawn as the dev posts were is at most
`error_at_most`, with the given confidence over the draw of the dev posts. Where hateful posts are rare
that would let the bundle call every post not hateful, so the same bound holds for the hateful posts that
it so misses. It is a promise about dev's mix of corpora and its shares of hateful posts: in traffic where
hate is rarer, fewer of those called not hateful are wrong, and more of those called hateful.

Every candidate is a hypothesis "the error here is larger", rejected by an exact binomial test. Candidates
are walked from the sure end inwards and the walk ends at the first that is not rejected, so no price is
paid for their number; only for the number of starting places, which share the confidence out (Bonferroni).
The walk treats the scores as given, though the two numbers of the Platt line were fitted on the same posts;
the figures therefore measure the errors again on the other half of dev.
Source: Angelopoulos et al. 2021, "Learn then Test" (fixed-sequence testing with several starts); Geifman and
El-Yaniv 2017 (selective classification with a guaranteed risk); Clopper and Pearson 1934.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED
from training.recipe import AbstainRule

SCORE_STEPS = 10_000
"""Scores have four decimals wherever they are compared (`Scores.row`), so they are counted in these."""

GRID = range(1, 1000)
"""Bounds tried, in thousandths of score."""

LOW_STARTS = (5, 10, 20, 35, 50, 70, 100, 150)
HIGH_STARTS = (980, 960, 940, 920, 900, 870, 840, 800)
"""Thousandths where walks begin. Several, because few posts may lie beyond the outermost, and nearer to the
middle too many are wrong; eight, because each further one costs all of them some confidence."""

Steps = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Side:
    """What a head decides on one side of a score: how many posts, and how many of them wrongly.

    `least` is the smaller of the numbers of posts that the wrong ones are counted against: the decided
    ones and, below the band, all hateful ones.
    """

    decided: int
    wrong: int
    least: int

    def facts(self, confidence: float) -> dict[str, float]:
        """The counts, the share that is wrong, and the most that either share may be at the confidence."""
        return {
            "decided": self.decided,
            "wrong": self.wrong,
            "error": round(self.wrong / max(1, self.decided), 5),
            "error_at_most": round(upper_bound(self.wrong, self.least, confidence), 5),
        }


def choose_bands(
    scores: NDArray[np.float32], labels: NDArray[np.int8], rule: AbstainRule
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The member `abstain` of `thresholds.json`, and per head how its band came about.

    `scores` (n, h) float32 calibrated, `labels` (n, h). A head for which no band keeps the bound is left
    out of the first, and the second says which side failed.
    """
    heads, fit = {}, {}
    for number, head in enumerate(HEAD_ORDER):
        annotated = labels[:, number] != NOT_ANNOTATED
        band, fit[head] = choose_band(scores[annotated, number], labels[annotated, number] == 1, rule)
        if band is not None:
            heads[head] = {"low": band[0], "high": band[1]}
    return {**rule.model_dump(), "heads": heads}, fit


def choose_band(
    scores: NDArray[np.float32], positive: NDArray[np.bool_], rule: AbstainRule
) -> tuple[tuple[float, float] | None, dict[str, Any]]:
    """The narrowest band [low, high) that keeps the rule, or None, and the facts of the choice.

    `scores` (n,) float32 and `positive` (n,) bool of the annotated posts of one head. `low` equals `high`
    where every score can be decided.
    """
    steps = score_steps(scores)
    lows = _kept_bounds([decided_below(steps, positive, at) for at in GRID], LOW_STARTS, rule, inward=1)
    highs = _kept_bounds([decided_from(steps, positive, at) for at in GRID], HIGH_STARTS, rule, inward=-1)
    # Low bounds begin at 0.15 or less, high ones at 0.8 or more: where both exist, some low is the lesser.
    pairs = [(high - low, abs(high + low - 1000), low, high) for low in lows for high in highs if low <= high]
    if not pairs:
        kept = {"not_hateful_side_keeps_it": bool(lows), "hateful_side_keeps_it": bool(highs)}
        return None, {"posts": len(steps), **kept}
    _, _, low, high = min(pairs)
    below, above = decided_below(steps, positive, low), decided_from(steps, positive, high)
    return (low / 1000, high / 1000), {
        "posts": len(steps),
        "coverage": round((below.decided + above.decided) / len(steps), 5),
        "not_hateful_side": below.facts(rule.confidence),
        "hateful_side": above.facts(rule.confidence),
    }


def score_steps(scores: NDArray[np.float32]) -> Steps:
    """Scores in ten-thousandths, (n,) int64, as the four decimals of an answer say them."""
    return np.rint(scores.astype(np.float64) * SCORE_STEPS).astype(np.int64)


def decided_below(steps: Steps, positive: NDArray[np.bool_], thousandths: int) -> Side:
    """The posts below a score, called not hateful: the hateful ones among them are wrong, and missed."""
    below = steps < thousandths * (SCORE_STEPS // 1000)
    decided = int(below.sum())
    return Side(decided, int((below & positive).sum()), min(decided, int(positive.sum())))


def decided_from(steps: Steps, positive: NDArray[np.bool_], thousandths: int) -> Side:
    """The posts at or above a score, called hateful: those that are not are wrong."""
    above = steps >= thousandths * (SCORE_STEPS // 1000)
    decided = int(above.sum())
    return Side(decided, int((above & ~positive).sum()), decided)


def _kept_bounds(
    sides: Sequence[Side], starts: Sequence[int], rule: AbstainRule, *, inward: int
) -> list[int]:
    """The thousandths whose side keeps the bound; `sides` are those of `GRID`.

    Of two shares with the same number of wrong posts the one of fewer posts is the harder to bound, so
    testing that one tests both.
    """
    level = (1 - rule.confidence) / len(starts)
    kept: set[int] = set()
    for at in starts:
        while at in GRID and at not in kept:
            side = sides[at - 1]
            if binomial_tail(side.wrong, side.least, rule.error_at_most) > level:
                break
            kept.add(at)
            at += inward
    return sorted(kept)


def binomial_tail(wrong: int, decided: int, error: float) -> float:
    """The chance of `wrong` or fewer errors among `decided` posts if each errs with chance `error`.

    >>> binomial_tail(0, 2, 0.5), binomial_tail(1, 2, 0.5), binomial_tail(0, 0, 0.5)
    (0.25, 0.75, 1.0)
    """
    if wrong >= decided:
        return 1.0
    counts = np.arange(decided + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, decided + 1)))])
    few = counts[: wrong + 1]
    log_chance = (
        log_factorial[decided]
        - log_factorial[few]
        - log_factorial[decided - few]
        + few * math.log(error)
        + (decided - few) * math.log1p(-error)
    )
    return float(min(1.0, np.exp(log_chance).sum()))


def upper_bound(wrong: int, decided: int, confidence: float) -> float:
    """The largest error that `wrong` of `decided` leaves possible at the confidence, one-sided.

    Source: Clopper and Pearson 1934; found by halving, to 1e-9.
    """
    if wrong >= decided:
        return 1.0
    least, most = wrong / decided, 1.0
    while most - least > 1e-9:
        middle = (least + most) / 2
        if middle > 0 and binomial_tail(wrong, decided, middle) > 1 - confidence:
            least = middle
        else:
            most = middle
    return most
