"""One head's reliability as a picture: what scores say, what was so, and where the bundle hesitates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.intervals import wilson
from model.thresholds import Thresholds
from training.evaluation.metrics import reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINT_STYLES = {"recall_first": ":", "threshold": "-", "precision_first": "--"}


def draw_reliability(
    panel: Axes,
    head: str,
    scores: NDArray[np.float32],
    labels: NDArray[np.int8],
    thresholds: Thresholds | None = None,
) -> None:
    """Draws into `panel`, for `scores` (n,) float32 and `labels` (n,) of 1 and 0 of one head.

    A point per bin with its 95 % interval, the diagonal of honest scores, in grey at the foot how the posts
    spread over the scores; with `thresholds` the band of doubt as a shade and the thresholds as lines.
    """
    spread, edges = np.histogram(scores, bins=30, range=(0, 1))
    panel.bar(edges[:-1], 0.25 * spread / max(1, spread.max()), width=1 / 30, align="edge", color="0.88")
    panel.plot([0, 1], [0, 1], "--", color="grey", linewidth=0.8)
    bins = reliability(scores, labels)
    shares = np.asarray([found["positive"] for found in bins])
    ends = np.asarray([wilson(found["positive"], int(found["posts"])) for found in bins])
    gaps = np.abs(ends - shares[:, np.newaxis]).T
    panel.errorbar([found["mean_score"] for found in bins], shares, yerr=gaps, fmt="o-", markersize=3)
    panel.set(xlabel="mean score of a bin", ylabel="share that is positive")
    if thresholds is None:
        return
    if head in thresholds.bands:
        band = thresholds.bands[head]
        panel.axvspan(band.low, band.high, color="tab:orange", alpha=0.15, label="not certain")
    lines = {name: points[head] for name, points in thresholds.points.items()}
    for name, at in {"threshold": thresholds[head], **lines}.items():
        panel.axvline(at, linestyle=POINT_STYLES[name], color="0.3", linewidth=0.8, label=name)
    panel.legend(fontsize="x-small", loc="upper left", frameon=False)
