"""The supervisor's board: what waits, what is late, how two readers agree; nothing of single people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serve.cases import board
from serve.cases.agreement import Agreement
from serve.console.action_words import DUE_WORDS, STAGE_WORDS
from serve.console.decision_words import outcome_words
from serve.console.frame import frame_of
from serve.console.plain_words import counted, start_of_uk_day
from serve.console.waiting import emergencies, lines_of
from serve.console.who import BoardViewer
from serve.hub import hub_of
from serve.storage.identifiers import utc_now

router = APIRouter(include_in_schema=False)

AGREEMENT_DAYS: Final = 90
"""Second readings are looked at so far back: they are few."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart: `share` is of the longest bar, from 0 to 1."""

    label: str
    value: int
    share: float
    words: str


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """One figure of agreement in words."""

    label: str
    share: str
    interval: str
    kappa: str
    n: int


@router.get("/board")
def board_page(request: Request, person: BoardViewer, freed: str = "") -> Response:
    """Every figure with what it is of, and as of when."""
    hub, now = hub_of(request), utc_now()
    midnight = start_of_uk_day(now)
    with hub.database.read() as session:
        long = board.held_long(session, now)
        stages = board.stage_figures(session, now)
        outcomes = board.decisions_since(session, midnight)
        readings = board.second_readings(session, now - timedelta(days=AGREEMENT_DAYS))
        return frame_of(request).render(
            request,
            "board.html",
            person=person,
            as_of=now,
            stages=[
                (one, STAGE_WORDS[one.stage], waited(one.oldest_at, now), waited(one.median_at, now))
                for one in stages
            ],
            waiting=_bars([(STAGE_WORDS[one.stage], one.waiting) for one in stages]),
            classes=[(one, DUE_WORDS[one.due_class]) for one in board.class_figures(session, now)],
            decided=sum(one.decisions for one in outcomes),
            outcomes=_bars(
                [(outcome_words(hub, one.outcome, None, now.date())[0], one.decisions) for one in outcomes]
            ),
            agreement=[
                _line("Outcome and severity", readings.both),
                _line("Outcome alone", readings.outcome),
                _line("Outcome and severity, cases drawn by lot alone", readings.drawn),
            ],
            agreement_days=AGREEMENT_DAYS,
            emergencies=emergencies(session, hub, now),
            held_long=[
                (line, waited(case.leased_at, now))
                for case, line in zip(long, lines_of(session, hub, long, now), strict=True)
            ],
            held_long_minutes=int(board.HELD_LONG.total_seconds() // 60),
            set_aside=lines_of(session, hub, board.set_aside(session), now),
            notice="Anybody may have the case now." if freed else None,
        )


def waited(since: datetime | None, now: datetime) -> str:
    """How long something has lasted: "3 h 20 min", "4 days"; a dash for nothing."""
    if since is None:
        return "–"
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes >= 2 * 24 * 60:
        return counted(minutes // (24 * 60), "day")
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _bars(values: list[tuple[str, int]]) -> list[Bar]:
    longest, total = max((value for _, value in values), default=0), sum(value for _, value in values)
    return [
        Bar(label, value, value / longest if longest else 0.0, f"{value:,} of {total:,}")
        for label, value in values
    ]


def _line(label: str, found: Agreement) -> AgreementLine:
    if found.share is None:
        return AgreementLine(label, "–", "–", "–", 0)
    return AgreementLine(
        label,
        f"{found.share:.0%} ({found.same} of {found.n})",
        f"{found.low:.0%} to {found.high:.0%}",
        "not defined" if found.kappa is None else f"{found.kappa:.2f}",
        found.n,
    )
