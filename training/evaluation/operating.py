"""What each shipped policy finds and what it costs: precision, recall and reviews per 10,000 posts.

A post is *taken* if the policy puts it before a person ahead of the rest: its route is `urgent_review`,
`review` or, for a post in a language that the bundle does not read, `unscored`. For a head alone, a post is
taken if it would be with the score of that head and 0 elsewhere, so the very code that routes decides.
Precision and recall are of the dev half that nothing was fitted on; reviews are counted on background
tweets of a split that nothing was chosen on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.configuration import configs_folder
from model.policy import Policy, Route, load_policy, route
from model.taxonomy import HEAD_ORDER
from model.thresholds import POINTS, Band, Thresholds
from training.abstention import SCORE_STEPS, score_steps, upper_bound
from training.corpora.pack import NOT_ANNOTATED
from training.evaluation.bootstrap import COVERAGE, DRAWS, SEED, Measured
from training.evaluation.bootstrap import share as bootstrapped_share

BASE_RATES = (0.001, 0.01, 0.05)
"""Shares of hateful posts that the expected precision is stated for. Chosen by us: from a whole platform's
traffic to a stream that was already searched for a subject."""

PER = 10_000
PROFILES = ("officer", "platform", "researcher")
WORK = {Route.URGENT_REVIEW.value, Route.REVIEW.value, Route.UNSCORED.value}
ANY = "any head"
"""The row of a whole policy; `any_labels` says what it is judged by."""

Scores = NDArray[np.float32]
Taken = NDArray[np.bool_]
Takes = Callable[[Scores], Taken]


def shipped_policies() -> list[Policy]:
    """The three profiles of `configs/policy/`. Raises: BadConfig."""
    return [load_policy(configs_folder() / "policy" / f"{name}.yaml") for name in PROFILES]


def operating_figures(
    policies: Sequence[Policy],
    dev_scores: Scores,
    dev_labels: NDArray[np.int8],
    background_scores: Scores,
    thresholds: Thresholds,
    *,
    dev_unread: Taken | None = None,
    background_unread: Taken | None = None,
) -> dict[str, Any]:
    """Figures with 95 % intervals, as `operating_tables` prints them: policies, points, abstain and more.

    `dev_scores` (n, h) float32 and `dev_labels` (n, h) int8 of the measured dev half, `background_scores`
    (m, h) float32, m may be 0: then there are no review loads and no expected precision. `dev_unread` (n,)
    and `background_unread` (m,) mark the posts that get no scores for their language: a whole policy
    routes them without any, while the figures of single heads count them by the scores they would have.
    """
    either = any_labels(dev_labels)
    not_scored = None if background_unread is None else share(background_unread)
    by_policy = {}
    for policy in policies:
        takes = whole(policy, thresholds)
        taken = _with_unread(takes(dev_scores), dev_unread, policy, thresholds)
        reviewed = _with_unread(takes(background_scores), background_unread, policy, thresholds)
        rows = {ANY: _row(taken, either, reviewed)}
        for number, head in enumerate(HEAD_ORDER):
            takes = alone(policy, thresholds, number)
            rows[head] = _row(takes(dev_scores), dev_labels[:, number], takes(background_scores))
        by_policy[policy.name] = {"version": policy.version, "sha256": policy.sha256, "heads": rows}
    points: dict[str, dict[str, Any]] = {}
    for name in POINTS if thresholds.points else ():
        points[name] = {}
        for number, head in enumerate(HEAD_ORDER):
            at = thresholds.points[name][head]
            takes = from_score(at, number)
            found = _row(takes(dev_scores), dev_labels[:, number], takes(background_scores))
            how = thresholds.fit.get("operating_points", {}).get(name, {}).get(head, {})
            points[name][head] = {"threshold": at, "chosen_by": how.get("chosen_by"), **found}
    return {
        "policies": by_policy,
        "points": points,
        "abstain": abstention_figures(dev_scores, dev_labels, background_scores, thresholds),
        "dev_shares": {
            head: _json(share(dev_labels[dev_labels[:, number] != NOT_ANNOTATED, number] == 1))
            for number, head in enumerate(HEAD_ORDER)
        },
        "background_posts": len(background_scores),
        "unread_per_10000": _json(_times(not_scored, PER)),
    }


def any_labels(dev_labels: NDArray[np.int8]) -> NDArray[np.int8]:
    """What a whole policy is judged by, (n,) of 1, 0 and NOT_ANNOTATED: is the post its business?

    1 where any head is 1: far-right ideology may be no hate, and some corpora label a strand and not
    `hate`. 0 where `hate` is 0 and no strand is 1. Where `hate` is not known and no strand is 1, nobody
    said: the post is left out.
    """
    some = (dev_labels == 1).any(axis=1)
    known = some | (dev_labels[:, HEAD_ORDER.index("hate")] == 0)
    return np.where(known, some, NOT_ANNOTATED).astype(np.int8)


def _with_unread(taken: Taken, unread: Taken | None, policy: Policy, thresholds: Thresholds) -> Taken:
    """The posts taken if those marked `unread` are routed without scores."""
    if unread is None:
        return taken
    return np.where(unread, route(None, policy, thresholds).route in WORK, taken)


def whole(policy: Policy, thresholds: Thresholds) -> Takes:
    """What the policy takes by all scores of a post."""

    def takes(scores: Scores) -> Taken:
        rows, places = np.unique(score_steps(scores), axis=0, return_inverse=True)
        routed = [_is_work(dict(zip(HEAD_ORDER, row, strict=True)), policy, thresholds) for row in rows]
        return np.asarray(routed, dtype=np.bool_)[places.reshape(-1)]

    return takes


def alone(policy: Policy, thresholds: Thresholds, number: int) -> Takes:
    """What the policy takes by the score of one head, the others being 0."""

    def takes(scores: Scores) -> Taken:
        steps, places = np.unique(score_steps(scores[:, number]), return_inverse=True)
        nothing = dict.fromkeys(HEAD_ORDER, 0)
        routed = [_is_work({**nothing, HEAD_ORDER[number]: step}, policy, thresholds) for step in steps]
        return np.asarray(routed, dtype=np.bool_)[places]

    return takes


def from_score(at: float, number: int) -> Takes:
    """What a plain threshold takes by the score of one head."""
    return lambda scores: score_steps(scores[:, number]) >= round(at * SCORE_STEPS)


def _is_work(steps: Mapping[str, int], policy: Policy, thresholds: Thresholds) -> bool:
    scores = {head: int(step) / SCORE_STEPS for head, step in steps.items()}
    return route(scores, policy, thresholds).route in WORK


def _row(on_dev: Taken, labels: NDArray[np.int8], on_background: Taken) -> dict[str, Any]:
    """Precision, recall, reviews per 10,000 and expected precision of one way to take posts.

    `on_dev` (n,) says which dev posts it takes, `labels` (n,) what they are, `on_background` (m,) which
    background posts it takes.
    """
    annotated = labels != NOT_ANNOTATED
    taken, positive = on_dev[annotated], labels[annotated] == 1
    recall = share(taken[positive])
    reviewed = share(on_background)
    expected = {
        f"{rate:.1%}": _json(expected_precision(recall, reviewed, rate)) if recall and reviewed else None
        for rate in BASE_RATES
    }
    return {
        "precision": _json(precision_of(taken, positive)),
        "recall": _json(recall),
        "reviews_per_10000": _json(_times(reviewed, PER)),
        "expected_precision": expected,
    }


def precision_of(taken: Taken, positive: NDArray[np.bool_]) -> Measured | None:
    """The share of the taken posts that is hateful, with its interval; None where none is taken.

    Drawing posts with replacement and counting the taken ones of either kind is a multinomial draw, so
    this is the bootstrap itself, without the arrays.
    """
    right, wrong = int((taken & positive).sum()), int((taken & ~positive).sum())
    if not right + wrong:
        return None
    posts = len(taken)
    if not right or not wrong:
        known = share(positive[taken])
        return None if known is None else Measured(known.value, known.low, known.high, posts)
    shares = np.asarray([right, wrong, posts - right - wrong]) / posts
    drawn = np.random.default_rng(SEED).multinomial(posts, shares, DRAWS)
    both = drawn[:, 0] + drawn[:, 1]
    return _measured(right / (right + wrong), drawn[both > 0, 0] / both[both > 0], posts)


def expected_precision(recall: Measured, reviewed: Measured, rate: float) -> Measured | None:
    """The share of the taken posts that would be hateful where `rate` of all posts are.

    `recall * rate / (recall * rate + taken * (1 - rate))`, with the share of the background that is taken
    for the chance that a post that is not hateful is. Some of the background is hateful, so the truth lies
    somewhat higher. Source: Bayes' rule; Axelsson 2000, "The base-rate fallacy".
    """

    def precision(found: Any, taken: Any) -> Any:
        return found * rate / (found * rate + taken * (1 - rate))

    if not recall.value and not reviewed.value:
        return None
    chance = np.random.default_rng(SEED)
    found = chance.binomial(recall.posts, recall.value, DRAWS) / recall.posts
    taken = chance.binomial(reviewed.posts, reviewed.value, DRAWS) / reviewed.posts
    some = (found > 0) | (taken > 0)
    measured = _measured(
        precision(recall.value, reviewed.value), precision(found[some], taken[some]), recall.posts
    )
    if reviewed.value and recall.value:
        return measured
    # Every draw has 0 where the figure has it: the far ends of the two shares say how little that proves.
    ends = [precision(recall.low, reviewed.high), precision(recall.high, reviewed.low)]
    return Measured(measured.value, min(ends[0], measured.value), max(ends[1], measured.value), recall.posts)


def at_base_rate(score: float, pool: float, rate: float) -> float:
    """What a score calibrated where `pool` of the posts were hateful means where `rate` of them are.

    It holds if hateful posts look alike in both, and so do the others.
    Source: Elkan 2001, theorem 2; Saerens et al. 2002, equation 4.

    >>> round(at_base_rate(0.5, 0.5, 0.01), 4), at_base_rate(0.3, 0.2, 0.2)
    (0.01, 0.3)
    """
    yes = score * rate / pool
    no = (1 - score) * (1 - rate) / (1 - pool)
    return round(yes / (yes + no), 12)


def abstention_figures(
    dev_scores: Scores, dev_labels: NDArray[np.int8], background: Scores, thresholds: Thresholds
) -> dict[str, Any]:
    """Per head: what the band keeps undecided, and how often the rest is decided wrongly, on unseen posts.

    A head for which no band keeps the bound has `band` None and the sides that failed.
    """
    if thresholds.error_at_most is None:
        return {}
    heads: dict[str, Any] = {}
    for number, head in enumerate(HEAD_ORDER):
        annotated = dev_labels[:, number] != NOT_ANNOTATED
        positive = dev_labels[annotated, number] == 1
        fitted = thresholds.fit.get("abstain", {}).get(head, {})
        band = thresholds.bands.get(head)
        if band is None:
            heads[head] = {"band": None, "fitted": fitted}
            continue
        plain = thresholds[head]
        heads[head] = {
            "band": [band.low, band.high],
            "fitted": fitted,
            **_band_figures(dev_scores[annotated, number], positive, band, plain),
            "background_per_10000": _json(_times(share(_inside(background[:, number], band)), PER)),
        }
    return {"error_at_most": thresholds.error_at_most, "heads": heads}


def _band_figures(scores: Scores, positive: NDArray[np.bool_], band: Band, plain: float) -> dict[str, Any]:
    """Coverage and errors; inside of the band, errors are those of the plain threshold."""
    inside = _inside(scores, band)
    above = score_steps(scores) >= round(band.high * SCORE_STEPS)
    below = ~inside & ~above
    guess = score_steps(scores) >= round(plain * SCORE_STEPS)
    wrong = np.where(above, ~positive, positive)
    return {
        "posts": len(scores),
        "coverage": _json(share(~inside)),
        "error_below": _json(share(wrong[below])),
        "missed": _json(share(below[positive])),
        "error_above": _json(share(wrong[above])),
        "error_outside": _json(share(wrong[~inside])),
        "error_inside": _json(share((guess != positive)[inside])),
    }


def share(hits: Taken) -> Measured | None:
    """The share of `hits` (n,) with its bootstrap interval, and none of zero width.

    Where no post hits, or all do, every draw is the same, as if the figure were beyond doubt; there the far
    end is that of Clopper and Pearson 1934 (about 3.7 posts of n).
    """
    found = bootstrapped_share(hits)
    if found is None or 0 < found.value < 1:
        return found
    far = upper_bound(0, found.posts, (1 + COVERAGE) / 2)
    return Measured(found.value, *((0.0, far) if not found.value else (1 - far, 1.0)), found.posts)


def _inside(scores: Scores, band: Band) -> Taken:
    steps = score_steps(scores)
    return (steps >= round(band.low * SCORE_STEPS)) & (steps < round(band.high * SCORE_STEPS))


def _measured(value: float, drawn: NDArray[np.float64], posts: int) -> Measured:
    low, high = np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]) if len(drawn) else (value, value)
    return Measured(float(value), float(low), float(high), posts)


def _times(measured: Measured | None, factor: float) -> Measured | None:
    if measured is None:
        return None
    return Measured(measured.value * factor, measured.low * factor, measured.high * factor, measured.posts)


def _json(measured: Measured | None) -> dict[str, Any] | None:
    return None if measured is None else measured.as_json()
