"""The tables of `training.evaluation.operating`: policies, bands, operating points, what a score means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.evaluation.operating import BASE_RATES, at_base_rate

if TYPE_CHECKING:
    from training.evaluation.sections import Section


def operating_tables(figures: dict[str, Any]) -> list[Section]:
    """The tables that the figures of `operating_figures` fill."""
    tables = [_policy_table(figures)]
    if figures["points"]:
        tables.append(_point_table(figures["points"]))
    if figures["abstain"]:
        tables.append(_band_table(figures["abstain"]))
    return [*tables, _share_table(figures["dev_shares"])]


_EXPECTED = [f"precision where {rate:.1%} are hateful" for rate in BASE_RATES]


def _policy_table(figures: dict[str, Any]) -> Section:
    columns = ["policy", "head", "precision", "recall", "reviews per 10,000", *_EXPECTED]
    rows = [
        [name, head, *_measures(row)]
        for name, policy in figures["policies"].items()
        for head, row in policy["heads"].items()
    ]
    title = (
        "What each policy puts before people (dev posts not fitted on; reviews and the last three columns "
        f"on {figures['background_posts']:,} background tweets; 95 % intervals)"
    )
    if (unread := figures.get("unread_per_10000")) is not None:
        title += (
            f". The rows 'any head' hold the {unread['value']:.0f} of 10,000 tweets that are not scored for "
            "their language and so go before people too"
        )
    return title, columns, rows


def _point_table(points: dict[str, Any]) -> Section:
    columns = ["point", "head", "score", "chosen by", "precision", "recall", "reviews per 10,000", *_EXPECTED]
    rows = [
        [name, head, f"{row['threshold']:.4f}", row["chosen_by"] or "-", *_measures(row)]
        for name, heads in points.items()
        for head, row in heads.items()
    ]
    return "Operating points, each head by itself, on posts they were not chosen on", columns, rows


def _measures(row: dict[str, Any]) -> list[str]:
    reviews = row["reviews_per_10000"]
    return [
        _interval(row["precision"]),
        _interval(row["recall"]),
        "-" if reviews is None else f"{reviews['value']:.0f} ({reviews['low']:.0f} to {reviews['high']:.0f})",
        *(_interval(expected) for expected in row["expected_precision"].values()),
    ]


def _band_table(abstain: dict[str, Any]) -> Section:
    columns = [
        *("head", "not certain", "dev posts decided", "wrong among decided"),
        *("wrong, called not hateful", "hateful posts so missed", "wrong, called hateful"),
        "wrong inside by the threshold",
        "uncertain per 10,000 tweets",
    ]
    rows = []
    for head, row in abstain["heads"].items():
        if row["band"] is None:
            rows.append([head, _no_band(row["fitted"]), *["-"] * (len(columns) - 2)])
            continue
        low, high = row["band"]
        uncertain = row["background_per_10000"]
        rows.append(
            [
                head,
                f"{low:.3f} to {high:.3f}",
                *(_interval(row[name]) for name in ("coverage", "error_outside", "error_below")),
                *(_interval(row[name]) for name in ("missed", "error_above", "error_inside")),
                "-" if uncertain is None else f"{uncertain['value']:.0f}",
            ]
        )
    title = (
        f"Where the bundle is not certain: outside, at most {abstain['error_at_most']:.0%} of the decisions "
        "on each side are wrong, and as many of the hateful posts missed, for posts drawn as dev was"
    )
    return title, columns, rows


def _no_band(fitted: dict[str, Any]) -> str:
    sides = {"not_hateful_side_keeps_it": "not hateful", "hateful_side_keeps_it": "hateful"}
    failed = [words for name, words in sides.items() if not fitted.get(name)]
    return f"no band keeps the bound (side: {', '.join(failed)})"


def _share_table(shares: dict[str, Any]) -> Section:
    columns = ["head", "hateful among dev posts"]
    columns += [f"0.50 means, where {rate:.1%} are hateful" for rate in BASE_RATES]
    rows = []
    for head, found in shares.items():
        pool = None if found is None else found["value"]
        meanings = ["-"] * len(BASE_RATES)
        if pool is not None and 0 < pool < 1:
            meanings = [f"{at_base_rate(0.5, pool, rate):.4f}" for rate in BASE_RATES]
        rows.append([head, "-" if pool is None else f"{pool:.1%}", *meanings])
    return "What the scores are calibrated to: dev's share of hateful posts, not a platform's", columns, rows


def _interval(found: dict[str, Any] | None) -> str:
    return "-" if found is None else f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
