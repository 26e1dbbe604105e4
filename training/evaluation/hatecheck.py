"""HateCheck: accuracy of `hate` on 29 functionalities, by kind, by target, and for mentions of Muslims.

Source: Röttger et al. 2021. The multilingual suites are not read: an English model has no say there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from model.taxonomy import HEAD_ORDER
from training.corpora.pack import CorpusPost
from training.evaluation.bootstrap import Measured, bootstrap, share
from training.evaluation.metrics import f1_statistic, head_figures

HATE = HEAD_ORDER.index("hate")
MUSLIMS = "Muslims"

MENTIONS = ("ident_neutral_nh", "ident_pos_nh", "counter_quote_nh", "counter_ref_nh")
"""Functionalities that name a group and mean it no harm: neutral, positive, and counter-speech."""

SPELLING = (
    "spell_char_swap_h",
    "spell_char_del_h",
    "spell_space_del_h",
    "spell_space_add_h",
    "spell_leet_h",
)
"""F25 to F29."""

Found = dict[str, Measured | None]


def suite_figures(
    posts: list[CorpusPost],
    hate: NDArray[np.float32],
    threshold: float,
    refused: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """Accuracy of `hate >= threshold` over a suite: all, hateful, non-hateful, functionalities, targets.

    The cases `refused` (n,), which `watchhouse score` does not score for their language, count as wrong;
    `all_scored` has the accuracies if they were scored like the rest.
    """
    gold, right = _gold_and_right(posts, hate, threshold, refused)
    scored = (hate >= threshold) == gold
    answered = np.ones(len(posts), dtype=np.bool_) if refused is None else ~refused
    functionalities = np.asarray([post.functionality or "" for post in posts])
    targets = np.asarray([post.target or "" for post in posts])
    return {
        "cases": len(posts),
        "threshold": threshold,
        "refused": int((~answered).sum()),
        "accuracy": _mean(right),
        "hateful_accuracy": _mean(right[gold]),
        "non_hateful_accuracy": _mean(right[~gold]),
        "all_scored": {
            "accuracy": _mean(scored),
            "hateful_accuracy": _mean(scored[gold]),
            "non_hateful_accuracy": _mean(scored[~gold]),
            "f1": round(float(f1_score(gold, hate >= threshold, zero_division=0.0)), 4),
        },
        "accuracy_at_half": _mean(((hate >= 0.5) == gold) & answered),
        "non_hateful_accuracy_at_half": _mean(((hate < 0.5) & answered)[~gold]),
        "f1": round(float(f1_score(gold, right == gold, zero_division=0.0)), 4),
        "roc_auc": head_figures(hate, gold.astype(np.int8), threshold)["roc_auc"],
        "functionalities": {
            name: {
                "cases": int((functionalities == name).sum()),
                "accuracy": _mean(right[functionalities == name]),
            }
            for name in sorted(set(functionalities))
        },
        "targets": {
            name: {
                "cases": int((targets == name).sum()),
                "accuracy": _mean(right[targets == name]),
                "hateful_accuracy": _mean(right[(targets == name) & gold]),
                "non_hateful_accuracy": _mean(right[(targets == name) & ~gold]),
            }
            for name in sorted(set(targets) - {""})
        },
    }


def suite_measures(
    posts: list[CorpusPost],
    hate: NDArray[np.float32],
    threshold: float,
    refused: NDArray[np.bool_] | None = None,
) -> tuple[Found, str]:
    """The measures with their intervals, and the name of the worst functionality.

    `refused` as in `suite_figures`: wrong in every measure, as they are for whoever calls
    `watchhouse score`. The worst functionality is chosen after looking, and its interval is that of the
    chosen one: it does not allow for the choice.
    """
    gold, right = _gold_and_right(posts, hate, threshold, refused)
    functionalities = np.asarray([post.functionality or "" for post in posts])
    muslims = np.asarray([post.target == MUSLIMS for post in posts])
    names = sorted(set(functionalities))
    worst = min(names, key=lambda name: float(right[functionalities == name].mean()), default="")
    found: Found = {
        "hatecheck_accuracy": share(right),
        "hatecheck_f1": bootstrap(f1_statistic(gold, right == gold), len(posts)),
        "hatecheck_hateful": share(right[gold]),
        "hatecheck_non_hateful": share(right[~gold]),
        "hatecheck_worst": share(right[functionalities == worst]),
        "hatecheck_muslims": share(right[muslims & np.isin(functionalities, MENTIONS)]),
        "hatecheck_muslims_non_hateful": share(right[muslims & ~gold & _templated(posts)]),
    }
    found |= {f"hatecheck_{name}": share(right[functionalities == name]) for name in SPELLING}
    return found, worst


def _gold_and_right(
    posts: list[CorpusPost], hate: NDArray[np.float32], threshold: float, refused: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cases are hateful, and which were answered and answered rightly."""
    gold = np.asarray([post.labels[HATE] for post in posts]) == 1
    right = (hate >= threshold) == gold
    return gold, right if refused is None else right & ~refused


def _templated(posts: list[CorpusPost]) -> NDArray[np.bool_]:
    """Cases made from a template with a slot for the group, which anchors per target are counted on."""
    return np.asarray(
        ["[IDENTITY" in str((post.meta or {}).get("templ") or "") for post in posts], dtype=bool
    )


def _mean(values: NDArray[np.bool_]) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None
