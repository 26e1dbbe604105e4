"""The report as one page: no network, no script, every text from outside escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from training.report import formatting, pictures
from training.report.card import card_html
from training.report.shape import AgainstLine, FunctionalityResult, Report, Result, RiskCoverage, WorstCase
from training.report.suite_tables import SuiteTables, suite_tables

HERE: Final = Path(__file__).resolve().parent

AXES: Final = {
    "community": "communities that a post is about (as its corpus says)",
    "identity": "identities that a post names",
    "dialect": "the English that a post is written in",
}
VERDICTS: Final = {
    "aim": "reaches the aim",
    "holds": "holds the must",
    "missed": "misses the must",
    "-": "not measured",
}
ORDER_OF_VERDICTS: Final = ("worse", "better", "not distinguishable", "not comparable")


@dataclass(frozen=True, slots=True)
class WorstGroup:
    """The worst cases of one functionality, and why its cases are hateful or not."""

    suite: str
    functionality: str
    title: str
    why: str | None
    cases: tuple[WorstCase, ...]


def report_page(report: Report) -> str:
    """The whole page as HTML. The same report gives the same bytes."""
    suites = suite_tables(report)
    style = (HERE / "report.css").read_text(encoding="utf-8").replace("\r\n", "\n")
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            report=report,
            made_at=f"{report.made_at.astimezone(UTC):%d %B %Y at %H:%M} UTC",
            # Ours, from the folder beside this file: nothing of the report is in it.
            style=Markup(style),  # noqa: S704 - see the line above
            policy=content_policy(style),
            targets=[(target, report.results[target.name]) for target in report.targets],
            suites=suites,
            sources=_sources(report, suites),
            verdicts=VERDICTS,
            axes=AXES,
            order=ORDER_OF_VERDICTS,
            pictures=pictures,
            card_html=card_html,
            by_axis=_by_axis,
            worst_groups=_worst_groups(report),
            other_measures=_other_measures(report),
            against_lines=_sorted_lines(report),
            measure_words=_measure_words(report),
        )
    )


def content_policy(style: str) -> str:
    """The page's own policy: nothing but this very style and pictures inside the page.

    Source: W3C Content Security Policy Level 3, section 6.1 (hashes of inline styles).
    """
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def judged(hateful: bool | None) -> str:
    """A label in words."""
    return "not judged" if hateful is None else "hateful" if hateful else "not hateful"


def risk_at(found: RiskCoverage, part: float) -> float | None:
    """The share of wrong answers where `part` of the posts are answered, between the two nearest points."""
    points = sorted(zip(found.coverage, found.risk, strict=True))
    if not points or not points[0][0] <= part <= points[-1][0]:
        return None
    return float(np.interp(part, [cover for cover, _ in points], [risk for _, risk in points]))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=formatting.percent,
        percents=formatting.percents,
        decimal=formatting.decimal,
        decimals=formatting.decimals,
        signed=formatting.signed,
        p_value=formatting.p_value,
        whole=formatting.whole,
        named=formatting.named,
        visible=formatting.visible,
    )
    environment.globals.update(pieces=formatting.pieces, judged=judged, risk_at=risk_at)
    return environment


def _sources(report: Report, suites: list[SuiteTables]) -> dict[tuple[str, str], None]:
    """The published systems that the page shows, each with its source, in order."""
    shown = {name for suite in suites for name in (*suite.functionality_peers, *suite.group_peers)}
    shown.update(row.name for suite in suites for row in suite.totals if row.source is not None)
    return dict.fromkeys((peer.system, peer.source) for peer in report.peers if peer.system in shown)


def _by_axis(result: Result) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for group in result.groups:
        found.setdefault(group.axis, []).append(group)
    return found


def _words_of_functionalities(report: Report) -> dict[tuple[str, str], FunctionalityResult]:
    return {
        (suite, row.name): row
        for result in report.results.values()
        for suite, found in result.suites.items()
        for row in found.functionalities
    }


def _worst_groups(report: Report) -> dict[str, list[WorstGroup]]:
    words = _words_of_functionalities(report)
    found: dict[str, list[WorstGroup]] = {}
    for target, result in report.results.items():
        groups: dict[tuple[str, str], list[WorstCase]] = {}
        for case in result.worst:
            groups.setdefault((case.suite, case.functionality), []).append(case)
        found[target] = [
            WorstGroup(
                suite,
                functionality,
                words[suite, functionality].title if (suite, functionality) in words else functionality,
                words[suite, functionality].why if (suite, functionality) in words else None,
                tuple(cases),
            )
            for (suite, functionality), cases in groups.items()
        ]
    return found


def _other_measures(report: Report) -> list[str]:
    """Measures that no headline names, in order."""
    in_headline = {line.measure for result in report.results.values() for line in result.headline}
    names = {name for result in report.results.values() for name in result.measures}
    return sorted(names - in_headline)


def _sorted_lines(report: Report) -> list[AgainstLine]:
    """What got worse first, then what got better, then the rest."""
    lines: Iterable[AgainstLine] = report.against.lines if report.against else ()
    return sorted(lines, key=lambda line: ORDER_OF_VERDICTS.index(line.verdict))


def _measure_words(report: Report) -> dict[str, str]:
    """Words for the measures that the headline or a suite has words for."""
    found = {line.measure: line.words for result in report.results.values() for line in result.headline}
    for (suite, name), row in _words_of_functionalities(report).items():
        found[f"suite:{suite}:{name}"] = f"{suite}: {row.title}"
    for facts in report.suites:
        for measure, words in (
            ("accuracy", "all cases"),
            ("hateful", "hateful cases"),
            ("non_hateful", "cases that are not hateful"),
            ("macro", "mean over functionalities"),
        ):
            found[f"suite:{facts.name}:{measure}"] = f"{facts.name}: {words}"
    return found
