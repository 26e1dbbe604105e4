"""Performance by year: whether a classifier is worse on posts of other years than those it learnt most from.

Dev posts only, and of those only the half that calibration has not seen. Years may differ in how their posts
were found as well as in what people wrote, so a difference between years is a reason to look, no finding.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import LeakFound
from model.taxonomy import HEAD_ORDER
from training.corpora.mixture import MixturePost
from training.corpora.overlap import in_calibration_half
from training.corpora.pack import NOT_ANNOTATED, read_corpus, read_manifest
from training.evaluation.bootstrap import Measured, bootstrap
from training.evaluation.metrics import auc_statistic, f1_statistic

LEAST_POSTS = 30
"""Fewer posts say too little of a year by itself. Source: issue 4, point 4."""

_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class DatedPost:
    """A dev post and the year it was written in."""

    post: MixturePost
    year: int


def year_in(meta: Mapping[str, Any] | None) -> int | None:
    """The year in a post's `meta`, member `year`; None where there is none that could be one."""
    found = _YEAR.fullmatch(str((meta or {}).get("year", "")).strip())
    return int(found[0]) if found else None


def dated_posts(dev: Sequence[MixturePost], data: Path) -> list[DatedPost]:
    """The dev posts whose year their corpus tells, in order, without those that calibration has seen.

    A text that several corpora hold is dated by the first one, whose post it is.
    Raises: LeakFound for a post that is not dev; BadConfig.
    """
    if not all(post.in_dev for post in dev):
        raise LeakFound("drift: measured on dev posts only, and one of these is a training post")
    manifest = read_manifest(data)
    years = {
        (name, post.id): year
        for name in sorted({post.corpus for post in dev} & manifest.keys())
        for post in read_corpus(manifest[name])
        if (year := year_in(post.meta)) is not None
    }
    return [
        DatedPost(post, years[post.corpus, post.id])
        for post in dev
        if (post.corpus, post.id) in years and not in_calibration_half(post.text)
    ]


def drift_rows(
    posts_with_year: Sequence[DatedPost],
    scores: NDArray[np.float32],
    labels: NDArray[np.int8],
    head: str,
    threshold: float,
) -> list[dict[str, Any]]:
    """Rows of `drift` for one head: per corpus and year ROC-AUC and F1 at `threshold`, with intervals.

    `scores` (n, 4) float32, NaN left out; `labels` (n, 4) int8, NOT_ANNOTATED left out. A year with fewer
    than LEAST_POSTS posts, or with posts of one kind only, goes together with the next one, the last with
    the one before: `year` is then "2019-2020", and `note` says why.
    """
    column = HEAD_ORDER.index(head)
    known = (labels[:, column] != NOT_ANNOTATED) & np.isfinite(scores[:, column])
    places: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place in np.flatnonzero(known).tolist():
        dated = posts_with_year[place]
        places[dated.post.corpus][dated.year].append(place)
    positive = labels[:, column] == 1
    rows = []
    for corpus in sorted(places):
        for years, members in _periods(places[corpus], positive):
            of_years = positive[members]
            row = {"corpus": corpus, "head": head, "year": _name(years), "posts": len(members)}
            figures = _figures(scores[members, column], of_years, threshold)
            note = _note(years, len(members), _enough(of_years))
            rows.append({**row, "positives": int(of_years.sum()), **figures, "note": note})
    return rows


def _periods(
    by_year: Mapping[int, list[int]], positive: NDArray[np.bool_]
) -> Iterator[tuple[list[int], list[int]]]:
    """Years in order with the places of their posts, joined until there is enough of each."""
    periods: list[tuple[list[int], list[int]]] = []
    years: list[int] = []
    members: list[int] = []
    for year in sorted(by_year):
        years, members = [*years, year], members + by_year[year]
        if _enough(positive[members]):
            periods.append((years, members))
            years, members = [], []
    if years and periods:
        before = periods.pop()
        years, members = before[0] + years, before[1] + members
    yield from periods
    if years:
        yield years, members


def _enough(positive: NDArray[np.bool_]) -> bool:
    return len(positive) >= LEAST_POSTS and bool(positive.any()) and not positive.all()


def _figures(
    scores: NDArray[np.float32], positive: NDArray[np.bool_], threshold: float
) -> dict[str, dict[str, Any] | None]:
    """Both figures, or None for both where there is not enough to measure."""
    if not _enough(positive):
        return {"roc_auc": None, "f1": None}
    auc = bootstrap(auc_statistic(scores, positive), len(positive))
    f1 = bootstrap(f1_statistic(positive, scores >= threshold), len(positive))
    return {"roc_auc": _json(auc), "f1": _json(f1)}


def _json(measured: Measured | None) -> dict[str, Any] | None:
    return None if measured is None else measured.as_json()


def _name(years: Sequence[int]) -> str:
    return str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"


def _note(years: Sequence[int], posts: int, enough: bool) -> str | None:
    if not enough:
        return (
            f"not measured: fewer than {LEAST_POSTS} posts"
            if posts < LEAST_POSTS
            else "not measured: one kind of post"
        )
    if len(years) == 1:
        return None
    return f"{' and '.join(map(str, years))} together: one of them has too few posts, or posts of one kind"
