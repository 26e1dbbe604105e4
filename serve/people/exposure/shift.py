"""One person's shift as it is known, and their standing on it as the budget works it out. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final

from model.taxonomy import SEVERITIES

ANY_SEVERITY: Final = max(SEVERITIES)


class Stop(IntEnum):
    """Whether another text may be taken; a larger one stops more."""

    NONE = 0
    WARN = 1
    SOFT_STOP = 2
    BREAK = 3


class Because(StrEnum):
    """Why there is a stop, or why a person went on."""

    BUDGET = "budget"
    UNITS_IN_A_ROW = "units_in_a_row"
    MINUTES_IN_A_ROW = "minutes_in_a_row"
    HARD_LIMIT = "hard_limit"
    ON_BREAK = "on_break"
    END_OF_SHIFT = "end_of_shift"


class Lighter(StrEnum):
    """Why only lighter texts may come next."""

    AFTER_WORST = "after_worst"
    END_OF_SHIFT = "end_of_shift"


class BreakKind(StrEnum):
    """Who asked for a break: the person, a page that offered one, or the hard limit."""

    OWN = "own"
    OFFERED = "offered"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person wants to read and how; the defaults are those of somebody who never said."""

    strands_excluded: tuple[str, ...] = ()
    two_worst_in_a_row: bool = False
    covers: bool = True
    masks: bool = False


@dataclass(frozen=True, slots=True)
class TextRead:
    """One text of a shift: its severity as this person judged it, else as expected, and what that counts."""

    read_at: datetime
    severity: int
    units: int


@dataclass(frozen=True, slots=True)
class BreakTaken:
    """A break that was begun on the page; `ended_at` None: it runs."""

    kind: BreakKind
    began_at: datetime
    ended_at: datetime | None
    least_minutes: int


@dataclass(frozen=True, slots=True)
class WentOnPast:
    """That somebody went on past a stop, and what their dose was."""

    at: datetime
    because: Because
    dose_units: int


@dataclass(frozen=True, slots=True)
class Shift:
    """All that is known of one person's shift, texts in order; `began_at` None: it has not begun."""

    began_at: datetime | None = None
    texts: tuple[TextRead, ...] = ()
    breaks: tuple[BreakTaken, ...] = ()
    went_on: tuple[WentOnPast, ...] = ()

    @property
    def dose_units(self) -> int:
        """The units of all its texts."""
        return sum(text.units for text in self.texts)


@dataclass(frozen=True, slots=True)
class MayRead:
    """What may be read next. `break_until`: a forced break runs and cannot be ended before that instant."""

    severity_ceiling: int
    strands_excluded: tuple[str, ...]
    stop: Stop
    because: Because | None = None
    break_until: datetime | None = None
    lighter: Lighter | None = None

    def allows(self, severity: int, strands: Iterable[str] = ()) -> bool:
        """Whether a text expected at this severity, with these strands, may be the next one."""
        return (
            self.stop < Stop.SOFT_STOP
            and severity <= self.severity_ceiling
            and not set(strands) & set(self.strands_excluded)
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one person stands on their shift. For their eyes alone."""

    began_at: datetime | None
    budget_units: int
    dose_units: int
    texts_by_severity: tuple[int, ...]
    units_in_a_row: int
    minutes_in_a_row: int
    running_break: BreakTaken | None
    preferences: Preferences
    may_read: MayRead

    @property
    def share(self) -> float:
        """The dose as a share of the budget."""
        return self.dose_units / self.budget_units

    @property
    def texts(self) -> int:
        """How many texts were read on the shift."""
        return sum(self.texts_by_severity)
