"""The workflow as people read it: a Mermaid picture and a table for each track, made from the table. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from serve.cases.workflow.states import REOPENINGS, START, CaseRole, Kind, State, Track
from serve.cases.workflow.table import EDGES, OFFICERS, REVIEWERS, SENIORS, TRIAGERS, Edge
from serve.cases.workflow.timers import Length, TimerProfile, Unit

BEGINS = "<!-- From here on: watchhouse admin workflow-diagram -->"
ENDS = "<!-- End of what the command prints -->"
TITLES = {
    Track.CASE: "The case",
    Track.EMERGENCY: "Emergency, from any state of the case",
    Track.PLATFORM: "Platform notice",
    Track.SUPPORT: "Support",
    Track.RETENTION: "Retention",
}
GROUPS: Final[Mapping[str, frozenset[CaseRole]]] = MappingProxyType(
    {
        "any officer": OFFICERS,
        "reviewer or lead": REVIEWERS | SENIORS,
        "triager": TRIAGERS,
        "reviewer": REVIEWERS,
        "senior": SENIORS,
    }
)
"""Sets of roles that edges share, the widest first."""


def workflow_markdown(profile: TimerProfile) -> str:
    """The pictures, the tables and the due times, in Markdown; the same every time for the same table."""
    parts = [BEGINS]
    for track in Track:
        parts += [f"## {TITLES[track]}", _picture(track), _states(track), _edges(track)]
    parts += ["## Who is meant", _groups(), "## Due times", _due_times(profile), ENDS]
    return "\n\n".join(parts) + "\n"


def mermaid(track: Track) -> str:
    """A track as a Mermaid state diagram: one arrow from a state to another, with all that leads there.

    Reopening is left to the table: its arrows from every end would hide the rest.
    """
    direction = "TB" if track is Track.CASE else "LR"  # the case has too many states for the width of a page
    lines = ["stateDiagram-v2", f"    direction {direction}", f"    [*] --> {START[track].value}"]
    arrows: dict[tuple[State, State], list[str]] = {}
    for edge in (edge for edge in _moves(track) if edge.action not in REOPENINGS):
        arrows.setdefault((edge.before, edge.after), []).append(_words(edge.action))
    lines += [f"    {before} --> {after} : {', '.join(said)}" for (before, after), said in arrows.items()]
    lines += [
        f"    {state} --> [*]" for state in State if state.track is track and state.kind is Kind.TERMINAL
    ]
    return "\n".join(lines)


def edge_rows(track: Track) -> tuple[tuple[str, str, str, str, str], ...]:
    """From, action, who, to and what it needs, for each way of a track that leads somewhere.

    Edges that differ in nothing but the state they leave share a row.
    """
    shared: dict[tuple[str, str, str, str], list[str]] = {}
    for edge in _moves(track):
        key = (_words(edge.action), _who(edge), _words(edge.after), _needs(edge))
        shared.setdefault(key, []).append(_words(edge.before))
    return tuple((", ".join(before), *key) for key, before in shared.items())


def everywhere_rows() -> tuple[tuple[str, str, str], ...]:
    """Action, who and what it needs, for what may be done in every state of the case and moves nothing."""
    stays = [edge for edge in EDGES if edge.stays]
    return tuple(dict.fromkeys((_words(edge.action), _who(edge), _needs(edge)) for edge in stays))


def _picture(track: Track) -> str:
    return f"```mermaid\n{mermaid(track)}\n```"


def _states(track: Track) -> str:
    rows = [(_words(state), state.kind.value, state.meaning) for state in State if state.track is track]
    return _table(("state", "", "meaning"), rows)


def _edges(track: Track) -> str:
    shown = _table(("from", "action", "who", "to", "needs"), edge_rows(track))
    if track is not Track.CASE:
        return shown
    everywhere = _table(("action", "who", "needs"), everywhere_rows())
    return f"{shown}\n\nIn every state of the case, moving nothing:\n\n{everywhere}"


def _groups() -> str:
    rows = [
        (name, ", ".join(_words(role) for role in CaseRole if role in roles))
        for name, roles in GROUPS.items()
    ]
    return _table(("word", "roles"), rows)


def _due_times(profile: TimerProfile) -> str:
    desk = profile.working_time
    days = ", ".join(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day - 1] for day in sorted(desk.days))
    rows = [
        (_words(timer), _length(length), length.starts, length.source)
        for timer, length in profile.timers.items()
    ]
    hours = f"{days}, {desk.opens:%H:%M} to {desk.closes:%H:%M}, {desk.time_zone}, bank holidays off"
    shown = _table(("what", "within", "starts", "source"), rows)
    return f"{shown}\n\nWorking time: {hours}. Instants are stored in UTC."


def _length(length: Length) -> str:
    word = {Unit.WORKING_HOURS: "working hours", Unit.WORKING_DAYS: "working days"}.get(
        length.unit, length.unit.value
    )
    return f"{length.amount} {word}"


def _moves(track: Track) -> Iterator[Edge]:
    return (edge for edge in EDGES if edge.before.track is track and not edge.stays)


def _words(name: str) -> str:
    return str(name).replace("_", " ")


def _needs(edge: Edge) -> str:
    return "; ".join(guard.value for guard in edge.guards)


def _who(edge: Edge) -> str:
    """The roles of an edge, the usual sets of officers by the name that the page explains."""
    left, said = set(edge.roles), []
    for name, roles in GROUPS.items():
        if roles <= left:
            said.append(name)
            left -= roles
    return ", ".join([*said, *(_words(role) for role in CaseRole if role in left)])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)
