"""Pictures of the report as `data:` addresses of SVG: no pixel font, no script, the same bytes every time.

Every picture has a text beside it that says what it shows, and the page has its numbers in a table. Lines
differ by mark and dash as well as by colour.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from training.report.formatting import decimal, named, percent, visible
from training.report.shape import Calibration, Drift, Figure, GroupResult, Perturbed, RiskCoverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

WIDTH = 5.6
"""Inches: about the width of the text at 96 pixels an inch, so that letters keep their size."""

LONGEST_LABEL = 26

STYLES: Final[tuple[dict[str, Any], ...]] = (
    {"color": "#1d70b8", "marker": "o", "linestyle": "-"},
    {"color": "#b02a14", "marker": "s", "linestyle": "--"},
    {"color": "#00703c", "marker": "^", "linestyle": "-."},
    {"color": "#4c2c92", "marker": "D", "linestyle": ":"},
)
"""At least 4.5:1 against white. Source: GOV.UK Design System, colour palette (red one shade darker)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An address that holds the picture, and what it shows in words."""

    address: str
    alt: str


def reliability_picture(heads: Mapping[str, Calibration]) -> Picture | None:
    """Per head the share of posts that is positive against the score they got; None without any bins."""
    shown = {head: found for head, found in heads.items() if found.bins}
    if not shown:
        return None

    def draw(panel: Axes, head: str) -> None:
        bins = shown[head].bins
        panel.plot([0, 1], [0, 1], linestyle="--", color="#505a5f", linewidth=0.8)
        shares = [found.positive for found in bins]
        below = [_gap(found.positive, found.low) for found in bins]
        above = [_gap(found.high, found.positive) for found in bins]
        panel.errorbar(
            [found.mean_score for found in bins], shares, yerr=[below, above], markersize=3.5, **STYLES[0]
        )
        panel.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score", ylabel="share that is positive")

    words = "; ".join(
        f"{named(head)}: expected calibration error {decimal(found.ece)}" for head, found in shown.items()
    )
    return _in_panels(list(shown), draw, f"Reliability of the scores, one panel for each head. {words}.")


def risk_coverage_picture(heads: Mapping[str, RiskCoverage]) -> Picture | None:
    """Per head the share of wrong answers among the surest posts; None without any curve."""
    shown = {head: found for head, found in heads.items() if found.coverage}
    if not shown:
        return None

    def draw(panel: Axes, head: str) -> None:
        found = shown[head]
        panel.plot(found.coverage, found.risk, color=STYLES[0]["color"])
        top = max(0.01, 1.15 * max(found.risk))
        panel.set(xlim=(0, 1), ylim=(0, top), xlabel="share of posts answered", ylabel="share wrong")

    words = "; ".join(f"{named(head)}: area {decimal(found.aurc)}" for head, found in shown.items())
    return _in_panels(
        list(shown), draw, f"Share of wrong answers by share of posts answered, surest first. {words}."
    )


def group_picture(groups: Sequence[GroupResult]) -> Picture | None:
    """Two bars a group, wrong alarms and missed posts, with intervals; None where neither was measured."""
    shown = [found for found in groups if found.false_positive_rate or found.false_negative_rate]
    if not shown:
        return None
    with _canvas(0.9 + 0.42 * len(shown)) as (canvas, save):
        panel = canvas.subplots()
        for offset, label, rate, style in (
            (-0.19, "wrong alarms (false positives)", "false_positive_rate", STYLES[0]),
            (0.19, "missed (false negatives)", "false_negative_rate", STYLES[1]),
        ):
            rows = [(at, getattr(found, rate)) for at, found in enumerate(shown) if getattr(found, rate)]
            if rows:
                panel.barh(
                    [at + offset for at, _ in rows],
                    [figure.value for _, figure in rows],
                    height=0.36,
                    xerr=_errors([figure for _, figure in rows]),
                    color=style["color"],
                    hatch="" if style is STYLES[0] else "///",
                    edgecolor="white",
                    linewidth=0,
                    ecolor="#0b0c0c",
                    capsize=2,
                    label=label,
                )
        panel.set_yticks(range(len(shown)), [_label(found.group) for found in shown])
        panel.invert_yaxis()
        panel.set(xlabel="share of posts", xlim=(0, None))
        canvas.legend(loc="outside upper center", ncols=2, frameon=False)
        words = "; ".join(
            f"{visible(found.group)}: wrong alarms {_share(found.false_positive_rate)}, "
            f"missed {_share(found.false_negative_rate)}"
            for found in shown
        )
        return save(f"Bars with 95 % intervals. {words}.")


def robustness_picture(perturbations: Mapping[str, Sequence[Perturbed]]) -> Picture | None:
    """Per disguise what is still caught, and what harmless is flagged, by its strength."""
    # A paraphrase has no strength: it stands in the table alone.
    shown = {name: found for name, found in perturbations.items() if len(found) > 1}
    if not shown:
        return None

    def draw(panel: Axes, name: str) -> None:
        for label, member, style in (
            ("hateful, caught", "caught", STYLES[0]),
            ("harmless, flagged", "harmless_flagged", STYLES[1]),
        ):
            rows = [
                (found.strength, getattr(found, member)) for found in shown[name] if getattr(found, member)
            ]
            if rows:
                figures = [figure for _, figure in rows]
                panel.errorbar(
                    [strength for strength, _ in rows],
                    [figure.value for figure in figures],
                    yerr=_errors(figures),
                    label=label,
                    markersize=4,
                    capsize=2,
                    **style,
                )
        furthest = max(1.0, *(found.strength for found in shown[name]))
        panel.set(
            xlim=(-0.05, 1.05 * furthest), ylim=(-0.02, 1.02), xlabel="strength", ylabel="share of posts"
        )

    words = "; ".join(f"{named(name)}: caught {_first_and_last(found)}" for name, found in shown.items())
    return _in_panels(
        list(shown), draw, f"Share caught and share flagged by strength of a disguise. {words}.", legend=True
    )


def drift_picture(years: Sequence[Drift]) -> Picture | None:
    """Per corpus and head the ROC-AUC by year; None where no year was measured."""
    corpora: dict[str, list[tuple[str, Figure]]] = {}
    for found in years:
        if found.roc_auc is not None:
            corpora.setdefault(f"{found.corpus}, {found.head}", []).append((found.year, found.roc_auc))
    if not corpora:
        return None

    def draw(panel: Axes, corpus: str) -> None:
        rows = sorted(corpora[corpus], key=_year)
        figures = [figure for _, figure in rows]
        panel.errorbar(
            range(len(rows)),
            [figure.value for figure in figures],
            yerr=_errors(figures),
            markersize=4,
            capsize=2,
            **STYLES[0],
        )
        panel.set_xticks(range(len(rows)), [year for year, _ in rows])
        panel.tick_params("x", rotation=45)
        panel.set(
            xlabel="year of the posts", ylabel="ROC-AUC", ylim=(min(0.5, *(f.low for f in figures)), 1.01)
        )

    words = "; ".join(
        f"{named(corpus)}: "
        + ", ".join(f"{year} {decimal(figure.value)}" for year, figure in sorted(rows, key=_year))
        for corpus, rows in corpora.items()
    )
    return _in_panels(
        list(corpora), draw, f"ROC-AUC by year of the posts, one panel for each corpus. {words}."
    )


def _year(row: tuple[str, Figure]) -> str:
    return row[0]


def _first_and_last(rows: Sequence[Perturbed]) -> str:
    first, last = rows[0], rows[-1]
    ends = (f"{_share(found.caught)} at strength {found.strength:g}" for found in (first, last))
    return " and ".join(ends)


def _share(figure: Figure | None) -> str:
    return percent(None if figure is None else figure.value)


def _gap(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else max(0.0, high - low)


def _errors(figures: Sequence[Figure]) -> list[list[float]]:
    return [
        [_gap(figure.value, figure.low) for figure in figures],
        [_gap(figure.high, figure.value) for figure in figures],
    ]


def _in_panels(
    names: list[str], draw: Callable[[Axes, str], None], alt: str, *, legend: bool = False
) -> Picture:
    """Panels of two a row, one for each name."""
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    with _canvas(2.6 * rows + (0.3 if legend else 0)) as (canvas, save):
        panels = canvas.subplots(rows, columns, squeeze=False).ravel()
        for panel, name in zip(panels, names, strict=False):
            draw(panel, name)
            panel.set_title(_label(name.replace("_", " ")), loc="left", fontsize="medium", fontweight="bold")
        for panel in panels[len(names) :]:
            panel.set_axis_off()
        if legend:
            handles, labels = panels[0].get_legend_handles_labels()
            canvas.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
        return save(alt)


@contextmanager
def _canvas(height: float) -> Iterator[tuple[Canvas, Callable[[str], Picture]]]:
    """A figure of `height` inches, and what makes a picture of it."""
    # Here, not at the top: matplotlib takes a second that checking a report need not pay.
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    with rc_context(
        {
            # Without a salt the ids inside the file, and so its hash, would differ from run to run.
            "svg.hashsalt": "watchhouse",
            # Names come from outside: a dollar sign is a dollar sign and starts no formula.
            "text.parse_math": False,
            "font.family": "DejaVu Sans",
            "font.size": 9.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")

        def save(alt: str) -> Picture:
            held = io.BytesIO()
            # No metadata: it would name the maker's address and the day.
            unnamed = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            canvas.savefig(held, format="svg", metadata=unnamed)
            return Picture("data:image/svg+xml;base64," + base64.b64encode(held.getvalue()).decode(), alt)

        yield canvas, save


def _label(name: str) -> str:
    """A name from outside as the font can draw it: short, in letters that it has."""
    short = visible(name)
    short = short if len(short) <= LONGEST_LABEL else short[: LONGEST_LABEL - 1] + "…"
    return "".join(character if ord(character) in _drawn() else "\ufffd" for character in short)


@cache
def _drawn() -> frozenset[int]:
    """The code points that the font of the pictures has."""
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())
