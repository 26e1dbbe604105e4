"""This report against an earlier one: better, worse, not distinguishable or not comparable, line by line.

A report holds no answers case by case, so the two intervals are all there is. The interval of the
difference is made from them as if the two figures were independent; measured on the same posts they mostly
rise and fall together, so a real difference may go unseen here, and a difference that is seen may be
believed.

Each line is tested alone: of lines without any difference about one in twenty would be called one if the
intervals were exact. The page says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

from model.intervals import wilson
from training.evaluation.gates import load_anchors, load_gates
from training.report.shape import Against, AgainstLine, Figure, Report, Result

Verdict = Literal["better", "worse", "not distinguishable", "not comparable"]

SUITE_MEASURES: Final = ("accuracy", "hateful", "non_hateful", "macro")
RATES: Final = ("false_positive_rate", "false_negative_rate")
AUCS: Final = ("subgroup", "bpsn", "bnsp")
GAPS: Final = ("hatexplain_fped", "hatexplain_fned")
"""Measures without gate or anchor where less is better."""


def compare_reports(now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """The member `against` of `now`: one line for each figure that both reports name.

    Targets go by their names; where each report has one only, those two are compared whatever they are
    called. Lines are called as in `measures`, or `suite:SUITE:accuracy`, `suite:SUITE:FUNCTIONALITY`,
    `group:AXIS:GROUP:false_positive_rate`. A line is not comparable where one side lacks the figure or
    the cases or data are not the same. Raises: ValidationError (pydantic) for what is no report.
    """
    new, old = Report.model_validate(now), Report.model_validate(then)
    directions = _directions(new)
    other = _what_changed(new, old)
    lines = []
    for target, earlier in _pairs(new, old):
        figures, before = dict(_figures(new.results[target])), dict(_figures(old.results[earlier]))
        for measure in figures:
            if measure not in before or (figures[measure] is None and before[measure] is None):
                continue
            lines.append(
                _line(
                    target,
                    measure,
                    figures[measure],
                    before[measure],
                    same=not other(measure),
                    less_is_better=directions(measure),
                )
            )
    names = ", ".join(f"{target.name} ({target.identity})" for target in old.targets)
    made = old.made_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Against(identity=f"{names}, report of {made}", lines=tuple(lines)).model_dump(mode="json")


def difference(now: Figure, then: Figure) -> Figure:
    """`now` minus `then` with its 95 % interval, from two independent intervals.

    The distances from each figure to the ends of its interval are squared and added (square and add), so
    that lopsided intervals stay lopsided. An interval without width, which a bootstrap gives where every
    post agrees, is taken as Wilson's for a share of that many posts.
    Source: Zou and Donner 2008, "Construction of confidence limits about effect measures".

    >>> now, then = (Figure(value=v, low=v - h, high=v + h, posts=9) for v, h in ((0.8, 0.03), (0.7, 0.04)))
    >>> found = difference(now, then)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.1, 0.05, 0.15)
    """
    now_low, now_high = _ends(now)
    then_low, then_high = _ends(then)
    value = now.value - then.value
    below = math.hypot(now.value - now_low, then_high - then.value)
    above = math.hypot(now_high - now.value, then.value - then_low)
    return Figure(value=value, low=value - below, high=value + above, posts=min(now.posts, then.posts))


def _ends(figure: Figure) -> tuple[float, float]:
    if figure.low < figure.high or not figure.posts or not 0 <= figure.value <= 1:
        return figure.low, figure.high
    low, high = wilson(figure.value, figure.posts)
    # Rounding must not put an end on the wrong side of the figure.
    return min(low, figure.value), max(high, figure.value)


def verdict_of(found: Figure, *, less_is_better: bool) -> Verdict:
    """ "better" or "worse" where the interval of the difference leaves out 0."""
    if found.low <= 0 <= found.high:
        return "not distinguishable"
    return "better" if (found.value > 0) != less_is_better else "worse"


def _line(
    target: str,
    measure: str,
    now: Figure | None,
    then: Figure | None,
    *,
    same: bool,
    less_is_better: bool,
) -> AgainstLine:
    found: Figure | None = None
    verdict: Verdict = "not comparable"
    if same and now is not None and then is not None:
        found = _rounded(difference(now, then))
        verdict = verdict_of(found, less_is_better=less_is_better)
    return AgainstLine(target=target, measure=measure, now=now, then=then, difference=found, verdict=verdict)


def _rounded(figure: Figure) -> Figure:
    return Figure(
        value=round(figure.value, 5),
        low=round(figure.low, 5),
        high=round(figure.high, 5),
        posts=figure.posts,
    )


def _pairs(new: Report, old: Report) -> list[tuple[str, str]]:
    names = [target.name for target in new.targets]
    earlier = [target.name for target in old.targets]
    if len(names) == len(earlier) == 1:
        return [(names[0], earlier[0])]
    return [(name, name) for name in names if name in earlier]


def _figures(result: Result) -> Iterator[tuple[str, Figure | None]]:
    yield from sorted(result.measures.items())
    for name, suite in sorted(result.suites.items()):
        for measure in SUITE_MEASURES:
            yield f"suite:{name}:{measure}", getattr(suite, measure)
        for functionality in suite.functionalities:
            yield f"suite:{name}:{functionality.name}", functionality.accuracy
    for group in result.groups:
        for measure in (*RATES, *AUCS):
            yield f"group:{group.axis}:{group.group}:{measure}", getattr(group, measure)


def _directions(report: Report) -> Callable[[str], bool]:
    less = {gate.measure for gate in load_gates().gates if gate.direction == "at_most"}
    less.update(load_anchors().at_most, GAPS)
    for result in report.results.values():
        less.update(line.measure for line in result.headline if line.direction == "at_most")
    return lambda measure: measure in less or measure.rsplit(":", 1)[-1] in RATES


def _what_changed(new: Report, old: Report) -> Callable[[str], bool]:
    """Whether a line was measured on other cases or data than in the earlier report."""
    now_suites = {suite.name: suite.sha256 for suite in new.suites}
    then_suites = {suite.name: suite.sha256 for suite in old.suites}
    other_suites = {name for name, found in now_suites.items() if then_suites.get(name, found) != found}
    data = (new.data.manifest_sha256, old.data.manifest_sha256)
    other_data = None not in data and data[0] != data[1]

    def changed(measure: str) -> bool:
        if measure.startswith("suite:"):
            return measure.split(":")[1] in other_suites
        return other_data

    return changed
