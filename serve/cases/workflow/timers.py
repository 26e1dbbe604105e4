"""When something is due: dated data from `configs/policy/workflow.yaml`, working time, UTC out. Pure.

Working hours are wall-clock hours of the file's time zone; an instant goes in and comes out in UTC, so a
change of the clocks neither lengthens nor shortens what is due. A day that the file does not list as a
holiday is none: where the list has ended, things fall due early, never late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.errors import BadConfig, BadInput
from serve.cases.workflow.states import CaseAction

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
ONE_DAY: Final = timedelta(days=1)


class Timer(StrEnum):
    """Something that has a due time."""

    EMERGENCY = "emergency"
    TRIAGE = "triage"
    ACKNOWLEDGEMENT = "acknowledgement"
    INFORMATION = "information"
    PLATFORM_REPLY = "platform_reply"
    VICTIM_UPDATE = "victim_update"


class Unit(StrEnum):
    """How a length of time is counted."""

    MINUTES = "minutes"
    HOURS = "hours"
    WORKING_HOURS = "working_hours"
    WORKING_DAYS = "working_days"


class Length(FrozenConfig):
    """How long something may take, from what, and who says so."""

    amount: int = Field(ge=1, le=10_000)
    unit: Unit
    starts: Words
    source: Words


class WorkingTime(FrozenConfig):
    """The hours in which people are at their desks; days count from 1, Monday."""

    time_zone: str
    days: frozenset[Annotated[int, Field(ge=1, le=7)]] = Field(min_length=1)
    opens: time
    closes: time
    holidays: frozenset[date] = frozenset()
    source: Words

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            raise ValueError("no such time zone on this machine") from None
        return name

    @model_validator(mode="after")
    def _sound(self) -> WorkingTime:
        if self.opens.tzinfo is not None or self.closes.tzinfo is not None:
            raise ValueError("opens, closes: wall-clock times, without a zone")
        if self.opens >= self.closes:
            raise ValueError("closes: must be after opens")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the desk."""
        return ZoneInfo(self.time_zone)

    def is_working_day(self, day: date) -> bool:
        """Whether people work on a day of the desk's calendar."""
        return day.isoweekday() in self.days and day not in self.holidays

    def days_from(self, day: date) -> Iterator[date]:
        """The working days from `day` on, itself included if it is one."""
        while True:
            if self.is_working_day(day):
                yield day
            day += ONE_DAY

    def hours_of(self, day: date) -> tuple[datetime, datetime]:
        """When a day's work begins and ends, in UTC."""
        opens = datetime.combine(day, self.opens, tzinfo=self.zone)
        closes = datetime.combine(day, self.closes, tzinfo=self.zone)
        return opens.astimezone(UTC), closes.astimezone(UTC)


class TimerProfile(FrozenConfig):
    """The due times of one period, and which step follows which outcome. Both days belong to it (UTC)."""

    name: Code
    valid_from: date
    valid_to: date | None = None
    working_time: WorkingTime
    timers: Mapping[Timer, Length]
    after_decision: Mapping[Code, CaseAction]

    @model_validator(mode="after")
    def _sound(self) -> TimerProfile:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to: before valid_from")
        if missing := [timer.value for timer in Timer if timer not in self.timers]:
            raise ValueError(f"timers: missing {', '.join(missing)}")
        return self

    def due_at(self, timer: Timer, start: datetime) -> datetime:
        """When it is due (UTC) if it starts at `start`.

        Minutes and hours are real time. Working hours run while the desk is open. Working days end at closing
        time of the n-th working day after the day on which it starts.

        Raises: BadInput if `start` has no time zone.
        """
        length = self.timers[timer]
        return self.after(start, length.amount, length.unit)

    def after(self, start: datetime, amount: int, unit: Unit) -> datetime:
        """The instant (UTC) so long after `start`, counted as `due_at` counts.

        Raises: BadInput if `start` has no time zone.
        """
        if start.tzinfo is None:
            raise BadInput("start: without a time zone", field="start")
        begins = start.astimezone(UTC)
        if unit is Unit.MINUTES:
            return begins + timedelta(minutes=amount)
        if unit is Unit.HOURS:
            return begins + timedelta(hours=amount)
        if unit is Unit.WORKING_HOURS:
            return self._after_working_hours(begins, timedelta(hours=amount))
        return self._after_working_days(begins, amount)

    def _after_working_hours(self, start: datetime, left: timedelta) -> datetime:
        for day in self.working_time.days_from(start.astimezone(self.working_time.zone).date()):
            opens, closes = self.working_time.hours_of(day)
            begins = max(start, opens)
            if closes - begins >= left:
                return begins + left
            left -= max(closes - begins, timedelta(0))
        raise AssertionError("a calendar without end has ended")

    def _after_working_days(self, start: datetime, count: int) -> datetime:
        today = start.astimezone(self.working_time.zone).date()
        days = self.working_time.days_from(today + ONE_DAY)
        for _ in range(count - 1):
            next(days)
        return self.working_time.hours_of(next(days))[1]


class WorkflowFile(FrozenConfig):
    """The shape of the file: profiles in order of time, no two on one day."""

    name: Code
    version: int = Field(ge=1)
    profiles: tuple[TimerProfile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_overlap(self) -> WorkflowFile:
        for earlier, later in pairwise(self.profiles):
            if earlier.valid_to is None or later.valid_from <= earlier.valid_to:
                raise ValueError(f"profiles: {later.name} must start after {earlier.name} has ended")
        return self


@dataclass(frozen=True, slots=True)
class WorkflowRules:
    """The due times of every period, known by the SHA-256 of their file."""

    profiles: tuple[TimerProfile, ...]
    sha256: str

    def in_force(self, on: date) -> TimerProfile:
        """The profile of a day (UTC).

        Raises: BadConfig if none covers it.
        """
        for profile in self.profiles:
            if profile.valid_from <= on and (profile.valid_to is None or on <= profile.valid_to):
                return profile
        raise BadConfig(f"workflow: no profile is in force on {on.isoformat()}")


def load_workflow(path: Path | None = None) -> WorkflowRules:
    """The due times of a file; without a path, of the one that ships.

    Raises: BadConfig, listing every fault of the file at once.
    """
    file, sha256 = load_yaml(path or configs_folder() / "policy" / "workflow.yaml", WorkflowFile)
    return WorkflowRules(file.profiles, sha256)
