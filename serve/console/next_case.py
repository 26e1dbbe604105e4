"""The way to the next case: back to the one in hand, else a stop that stands before it, else a claim.

Every page that hands somebody a case comes here. A case is never taken by its name.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from serve.cases import leases
from serve.cases.claiming import Claimant, anything_for, claim
from serve.console.reading_pause import where_to_go, where_when_nothing_fits
from serve.console.stages import stages_of
from serve.console.turns import take_turn
from serve.hub import Hub
from serve.people.access import SignedIn
from serve.people.exposure.shift import ANY_SEVERITY, Standing
from serve.people.exposure.standings import standing
from serve.people.roles import Action, may
from serve.storage.identifiers import utc_now


def claim_next(hub: Hub, person: SignedIn, *, done: str = "") -> str:
    """The address of the case that this person now holds, or of the page that stands before it.

    That is a stop or a break of their exposure budget, or that nothing which waits may come to them now, or
    that nothing waits. `done`: the case that was worked on last, for the line at the top of the next page.
    """
    with hub.database.write() as session:
        take_turn(session, person.actor)
        now = utc_now()
        held = _held(session, hub, person, now)
        if held is not None:
            return _with(held, done)
        stands = standing(session, hub.exposure, person.actor, now)
        stop = where_to_go(stands)
        if stop is not None:
            return _with(stop, done)
        everything = claimant_of(person)
        claimed = claim(
            session, _within(everything, stands), now=now, lease_seconds=hub.settings.lease_seconds
        )
        if claimed is not None:
            return _with(f"/cases/{claimed.case_id}", done)
        stop = where_when_nothing_fits(stands)
        if stop is not None and anything_for(session, everything):
            return _with(stop, done)
    return _with("/cases/none", done)


def claim_emergency(hub: Hub, person: SignedIn) -> str:
    """The address of an emergency that this person now holds because they chose to, past any stop or break.

    Of the case in hand, if there is one; of the queue, if no emergency waits any more.
    """
    with hub.database.write() as session:
        take_turn(session, person.actor)
        now = utc_now()
        held = _held(session, hub, person, now)
        if held is not None:
            return held
        claimed = claim(session, _emergencies(person), now=now, lease_seconds=hub.settings.lease_seconds)
    return "/?no_emergency=yes" if claimed is None else f"/cases/{claimed.case_id}"


def claimant_of(person: SignedIn) -> Claimant:
    """What could come to this person, before their exposure budget and their wishes are asked."""
    return Claimant(person.actor, stages=stages_of(person.role))


def emergency_waits(session: Session, person: SignedIn) -> bool:
    """Whether an emergency waits that this person could take."""
    return may(person.role, Action.CLAIM_CASES) and anything_for(session, _emergencies(person))


def _held(session: Session, hub: Hub, person: SignedIn, now: datetime) -> str | None:
    """The address of the case in hand, its lease renewed: its page was left, which has cut it short."""
    held = leases.held_by(session, person.actor, now)
    if held is None:
        return None
    leases.heartbeat(
        session,
        case_id=held.case_id,
        lease_number=held.lease_number,
        actor=person.actor,
        now=now,
        lease_seconds=hub.settings.lease_seconds,
    )
    return f"/cases/{held.case_id}"


def _within(claimant: Claimant, stands: Standing) -> Claimant:
    """The same claimant, with what their exposure budget and their own wishes leave out."""
    ceiling = stands.may_read.severity_ceiling
    return replace(
        claimant,
        severity_at_most=None if ceiling >= ANY_SEVERITY else ceiling,
        strands_left_out=stands.may_read.strands_excluded,
        shift_began_at=stands.began_at,
    )


def _emergencies(person: SignedIn) -> Claimant:
    return replace(claimant_of(person), emergencies_only=True)


def _with(address: str, done: str) -> str:
    """The address with what was done last, where anything was."""
    if not done:
        return address
    return f"{address}{'&' if '?' in address else '?'}done={done}"
