"""What supervisors may know of their people's reading: figures of a whole week, of five people or more."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serve.people.exposure.people import is_person, role_of
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.readings import texts_read
from serve.people.exposure.shift import BreakKind
from serve.storage.tables import Break, Reading

LEAST_PEOPLE: Final = 5
"""Fewer than this, besides the one who asks, and there are no figures; also the least count that is told."""

SHARE_STEP: Final = 0.1
"""Shares are rounded to this: the middle one of five is somebody's own."""


@dataclass(frozen=True, slots=True)
class TeamAggregate:
    """Figures of one whole week, Monday to Sunday in UTC. None: withheld, too few to say.

    `shifts` of `people` people; `median_share` of a shift's dose in its budget, rounded;
    `shifts_past_budget` reached the soft stop; `forced_breaks` were begun.
    """

    first_day: date
    last_day: date
    people: int
    shifts: int
    texts: int
    median_share: float
    shifts_past_budget: int | None
    forced_breaks: int | None


def team_aggregate(
    session: Session, policy: ExposurePolicy, *, asked_by: str, now: datetime
) -> TeamAggregate | None:
    """The figures of the last week that has ended, without the one who asks; None below five others.

    A running week would give one person's reading away: asked twice, the difference is theirs. Whoever asks
    knows their own share, so it is left out rather than counted among the five.

    Raises: BadConfig if no profile of the policy is in force.
    """
    monday = _monday(now) - timedelta(days=7)
    begins, ends = _midnight(monday), _midnight(monday + timedelta(days=7))
    rows = session.scalars(
        select(Reading).where(
            Reading.shift_began_at >= begins, Reading.shift_began_at < ends, Reading.actor != asked_by
        )
    )
    shifts: defaultdict[tuple[str, datetime], list[Reading]] = defaultdict(list)
    for row in rows:
        shifts[row.actor, row.shift_began_at].append(row)
    people = {actor for actor, _ in shifts if is_person(actor)}
    if len(people) < LEAST_PEOPLE:
        return None
    rules = policy.in_force(now)
    budgets = {actor: rules.budget.of(role_of(session, actor)) for actor in people}
    texts = {key: texts_read(read) for key, read in shifts.items()}
    shares = [sum(text.units for text in read) / budgets[actor] for (actor, _), read in texts.items()]
    past = sum(share >= rules.stops.soft for share in shares)
    forced = session.scalar(
        select(func.count())
        .select_from(Break)
        .where(
            Break.kind == BreakKind.FORCED.value,
            Break.began_at >= begins,
            Break.began_at < ends,
            Break.actor != asked_by,
        )
    )
    return TeamAggregate(
        first_day=monday,
        last_day=monday + timedelta(days=6),
        people=len(people),
        shifts=len(shares),
        texts=sum(map(len, texts.values())),
        median_share=round(round(median(shares) / SHARE_STEP) * SHARE_STEP, 2),
        shifts_past_budget=_told(past, of=len(shares)),
        forced_breaks=_told(forced or 0, of=len(shares)),
    )


def _told(count: int, *, of: int) -> int | None:
    """The count, unless it is small, or so near to all of them that it tells of each."""
    return count if count == 0 or LEAST_PEOPLE <= count <= of - LEAST_PEOPLE else None


def _monday(now: datetime) -> date:
    today = now.astimezone(UTC).date()
    return today - timedelta(days=today.weekday())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
