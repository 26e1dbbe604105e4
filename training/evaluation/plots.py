"""Pictures of the measured dev half: how honest the scores are, and what a threshold trades."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from model.taxonomy import HEAD_ORDER
from model.thresholds import Thresholds
from training.corpora.mixture import MixturePost
from training.evaluation.dev import annotated
from training.evaluation.reliability import draw_reliability


def draw_plots(
    posts: list[MixturePost],
    scores: NDArray[np.float32],
    folder: Path,
    thresholds: Thresholds | None = None,
) -> list[Path]:
    """Writes `reliability.svg` and `precision-recall.svg` into `folder` and returns their paths.

    One panel a head, with the bands and operating points of `thresholds`. A head whose posts are all of one
    kind says so in its panel.
    """
    # Here, not at the top: matplotlib takes a second that figures without pictures need not pay.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    # Without a salt the ids inside the file, and so its hash, would differ from run to run.
    with rc_context({"svg.hashsalt": "watchhouse"}):
        for name in ("reliability", "precision-recall"):
            figure = Figure(figsize=(3.2 * len(HEAD_ORDER), 3.4), layout="constrained")
            panels = figure.subplots(1, len(HEAD_ORDER), squeeze=False)[0]
            for panel, head in zip(panels, HEAD_ORDER, strict=True):
                head_scores, labels = annotated(posts, scores, head)
                panel.set(title=f"{head} ({len(labels):,} posts)", xlim=(0, 1), ylim=(0, 1))
                if len(set(labels.tolist())) < 2:
                    panel.text(0.5, 0.5, "posts of one kind only", ha="center")
                elif name == "reliability":
                    draw_reliability(panel, head, head_scores, labels, thresholds)
                else:
                    precision, recall, _ = precision_recall_curve(labels == 1, head_scores)
                    panel.step(recall, precision, where="post")
                    panel.set(xlabel="recall", ylabel="precision")
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            written.append(path)
    return written
