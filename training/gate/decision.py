"""From evidence to a verdict: promote, refuse, or how many labels are missing. No input or output here.

Promotion asks every line to be non-inferior, each at the full level: a bundle that is truly worse than the
margin on any one line is then promoted with at most that chance, however many lines there are. Source:
Berger 1982, Technometrics 24:295 (intersection-union tests). Refusal is the other way round: one line is
enough, so each line's upper bound is drawn at the level divided by the number of lines, and a bundle that is
within every margin is refused with at most the level's chance. Source: Bonferroni; Holm 1979, Scandinavian
Journal of Statistics 6:65.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from training.gate.noninferiority import Evidence, labels_needed

NON_INFERIOR: Final = "non-inferior"
INFERIOR: Final = "inferior"
UNDECIDED: Final = "undecided"
PROMOTE: Final = "promote"
REFUSE: Final = "refuse"
NEEDS_LABELS: Final = "needs labels"

LineVerdict = Literal["non-inferior", "inferior", "undecided"]
Verdict = Literal["promote", "refuse", "needs labels"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of both bundles, before judgement.

    `margin` is by how much the new bundle may be worse. `least` is the fewest positives (or cases, where the
    measure has no positives) that may speak for promotion. `unit` says what would have to be labelled;
    empty where no label would help. `evidence` is None where nothing could be measured.
    """

    name: str
    family: str
    group: str | None
    margin: float
    evidence: Evidence | None
    least: int = 1
    unit: str = "labelled posts"


@dataclass(frozen=True, slots=True)
class Line:
    """A judged comparison. `low` is the one-sided 95 % bound, `high` the one over all lines together.

    `more` is how many labels would settle an undecided line, 0 elsewhere.
    """

    name: str
    family: str
    group: str | None
    verdict: LineVerdict
    margin: float
    value: float | None
    low: float | None
    high: float | None
    old: float | None
    new: float | None
    posts: int
    more: int
    unit: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The line with its numbers to five decimals."""
        return {
            name: round(value, 5) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict over all lines, how many labels are missing, and the lines that made it so, in words."""

    verdict: Verdict
    labels: int
    reasons: tuple[str, ...]
    lines: tuple[Line, ...]


def judge(comparisons: Sequence[Comparison], *, alpha: float, power: float) -> Decision:
    """The decision on all comparisons together. Raises: ValueError if there are none: nothing promotes."""
    if not comparisons:
        raise ValueError("no line to judge by")
    strict = alpha / len(comparisons)
    return decide([_line(entry, alpha=alpha, strict=strict, power=power) for entry in comparisons])


def decide(lines: Sequence[Line]) -> Decision:
    """Refuse if any line is inferior, else say what is missing if any is undecided, else promote."""
    inferior = [line for line in lines if line.verdict == INFERIOR]
    undecided = [line for line in lines if line.verdict == UNDECIDED]
    labels = max((line.more for line in undecided), default=0)
    if inferior:
        return Decision(REFUSE, labels, tuple(line.reason for line in inferior), tuple(lines))
    if undecided:
        by_need = sorted(undecided, key=lambda line: -line.more)
        return Decision(NEEDS_LABELS, labels, tuple(line.reason for line in by_need), tuple(lines))
    return Decision(PROMOTE, 0, (), tuple(lines))


def _line(entry: Comparison, *, alpha: float, strict: float, power: float) -> Line:
    found = entry.evidence
    if found is None:
        verdict: LineVerdict = UNDECIDED if entry.unit else INFERIOR
        reason = f"{entry.name}: not measured" + ("" if entry.unit else ", and no label makes up for that")
        more = entry.least if entry.unit else 0
        return _made(entry, verdict, reason, more=more)
    low, high = found.bounds(alpha)[0], found.bounds(strict)[1]
    counted = found.posts if found.positives is None else found.positives
    missing = max(0, entry.least - counted)
    if high < -entry.margin:
        reason = f"{entry.name}: worse by {-found.value:.3f}, and by more than {-high:.3f} for sure; "
        return _made(entry, INFERIOR, f"{reason}at most {entry.margin:.3f} is allowed", low=low, high=high)
    if low >= -entry.margin and not missing:
        return _made(entry, NON_INFERIOR, "", low=low, high=high)
    if not entry.unit:
        # A fact has no interval and is either way; what is left can only be a line without enough of it.
        return _made(entry, INFERIOR, f"{entry.name}: too little was measured", low=low, high=high)
    more = 0
    if low < -entry.margin:
        more = labels_needed(found, entry.margin, alpha=alpha, strict=strict, power=power)
    if missing:
        # Posts come as they come: so many of them that enough are positive.
        more = max(more, math.ceil(missing * found.posts / counted) if counted else missing)
        reason = f"{entry.name}: {counted} of the {entry.least} wanted; about {more} more {entry.unit}"
    else:
        reason = f"{entry.name}: may be worse by up to {-low:.3f}, {entry.margin:.3f} is allowed; "
        reason += f"about {more} more {entry.unit}"
    return _made(entry, UNDECIDED, reason, low=low, high=high, more=more)


def _made(
    entry: Comparison,
    verdict: LineVerdict,
    reason: str,
    *,
    low: float | None = None,
    high: float | None = None,
    more: int = 0,
) -> Line:
    found = entry.evidence
    return Line(
        name=entry.name,
        family=entry.family,
        group=entry.group,
        verdict=verdict,
        margin=entry.margin,
        value=None if found is None else found.value,
        low=low,
        high=high,
        old=None if found is None else found.old,
        new=None if found is None else found.new,
        posts=0 if found is None else found.posts,
        more=more,
        unit=entry.unit,
        reason=reason,
    )
