"""What an audit says of a bundle on the whole frame: prevalence, precision, recall and F1, with intervals.

Each stratum's labels stand for all its posts (Horvitz and Thompson 1952). All four are ratios of two
totals; the variance is that of their first-order parts, stratum by stratum, drawn without replacement.
Source: Särndal, Swensson and Wretman 1992, "Model Assisted Survey Sampling", results 2.8.1, 3.7.1 and
5.6.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from labelling.sampling.pool import Flags, Floats, Places
from model.errors import BadInput
from model.intervals import wilson

PADDING: Final = 0.5
"""Posts of either label added to each stratum and answer, for the spread alone: a stratum in which no
positive was drawn is not taken to have none. Source: Agresti and Min 2005, Statistics in Medicine 24:729
(as the gate)."""

Measure = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""From labels and answers (n,) of 1.0 and 0.0 to what each post adds above and below the line."""

MEASURES: Final[dict[str, Measure]] = {
    "prevalence": lambda label, _: (label, np.ones_like(label)),
    "precision": lambda label, said: (label * said, said),
    "recall": lambda label, said: (label * said, label),
    "f1": lambda label, said: (2 * label * said, label + said),
}


@dataclass(frozen=True, slots=True)
class AuditedPosts:
    """Labelled posts of an audit: what people said (n,), what the bundle says (n,), the stratum of each (n,).

    `stratum_posts` (h,) counts the frame's posts of each stratum. A post of the audit that was skipped is
    left out: the others of its stratum then stand for it, which is right if it was not skipped for its
    label.
    """

    positive: Flags
    said: Flags
    stratum: Places
    stratum_posts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure over the frame, the ends of its 95 % interval, and how many labelled posts it hangs on."""

    value: float
    low: float
    high: float
    posts: int


def estimate(audited: AuditedPosts) -> dict[str, Estimate | None]:
    """`prevalence`, `precision`, `recall` and `f1` of one head.

    None where there is nothing to divide by: no post that the bundle calls hate, or none that is.
    Raises: BadInput if a stratum has posts and no label: nothing can be said of the frame then.
    """
    labelled = np.bincount(audited.stratum, minlength=len(audited.stratum_posts))
    sizes = np.asarray(audited.stratum_posts, dtype=np.float64)
    if len(labelled) > len(sizes) or (labelled > sizes).any():
        raise BadInput("stratum: more labels than the frame has posts", field="stratum")
    if (labelled[sizes > 0] == 0).any():
        raise BadInput("stratum: one has posts and no label yet", field="stratum")
    return {name: _ratio(audited, sizes, measure) for name, measure in MEASURES.items()}


def _ratio(audited: AuditedPosts, sizes: Floats, measure: Measure) -> Estimate | None:
    stratum = audited.stratum
    label, said = audited.positive.astype(np.float64), audited.said.astype(np.float64)
    drawn = np.bincount(stratum, minlength=len(sizes)).astype(np.float64)
    above, below = measure(label, said)
    stands_for = (sizes / np.maximum(drawn, 1))[stratum]
    bottom = float((stands_for * below).sum())
    if bottom == 0:
        return None
    value = float((stands_for * above).sum()) / bottom
    posts = int((below > 0).sum())
    middle, variance = _spread(label, said, stratum, sizes, drawn, measure)
    if variance == 0:  # all of the frame is labelled
        return Estimate(value, value, value, posts)
    # The interval of a share of so many posts as would be known as well. Source: Korn and Graubard 1998,
    # Survey Methodology 24:193 (effective sample size); with Wilson's interval, as Dean and Pagano 2015,
    # Journal of Survey Statistics and Methodology 3:484, find best.
    low, high = wilson(min(value, 1.0), middle * (1 - middle) / variance)
    return Estimate(value, low, high, posts)


def _spread(
    label: Floats, said: Floats, stratum: Places, sizes: Floats, drawn: Floats, measure: Measure
) -> tuple[float, float]:
    """The ratio of padded strata, and the variance of the ratio."""
    cells = np.unique(np.stack([stratum.astype(np.float64), said]), axis=1)
    added = cells.shape[1]
    stratum = np.concatenate([stratum, np.repeat(cells[0], 2).astype(np.intp)])
    said = np.concatenate([said, np.repeat(cells[1], 2)])
    label = np.concatenate([label, np.tile([0.0, 1.0], added)])
    weight = np.concatenate([np.ones(len(label) - 2 * added), np.full(2 * added, PADDING)])
    total = np.bincount(stratum, weights=weight, minlength=len(sizes))
    above, below = measure(label, said)
    stands_for = weight * (sizes / np.maximum(total, 1))[stratum]
    bottom = float((stands_for * below).sum())
    middle = float((stands_for * above).sum()) / bottom
    part = (above - middle * below) / bottom
    mean = np.bincount(stratum, weights=weight * part, minlength=len(sizes)) / np.maximum(total, 1)
    squares = np.bincount(stratum, weights=weight * (part - mean[stratum]) ** 2, minlength=len(sizes))
    left_out = 1 - drawn / np.maximum(sizes, 1)
    variance = sizes**2 * left_out * squares / np.maximum(total - 1, 1) / np.maximum(drawn, 1)
    return middle, float(variance.sum())
