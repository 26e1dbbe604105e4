"""Which bundle scores, which one shadows, which one scored before; and how that changes.

A promotion is asked for by one person and agreed to by another, on a verdict of the gate against the very
bundle that it replaces. The way back takes one person and one click. Every change stands in
`alias_changes`. Whoever scores looks at the aliases on the primary and changes over by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, select, text, update
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict, NotAllowed, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.registry.bundles import newest_verdict
from serve.storage.identifiers import new_id
from serve.storage.tables import AliasChange, BundleAlias, BundleRow, Promotion

CURRENT, SHADOW, PREVIOUS = "current", "shadow", "previous"
MAY_BE_OLD: Final = timedelta(days=30)
"""How old a verdict may be that a promotion stands on: what is measured ages with the traffic."""
MOST_REASON_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Aliases:
    """What each name means; None where it means nothing."""

    current: str
    shadow: str | None
    previous: str | None


def aliases(session: Session) -> Aliases | None:
    """What the names mean now; None on a hub that has never been started."""
    rows = {row.alias: row.bundle_id for row in session.scalars(select(BundleAlias))}
    if CURRENT not in rows:
        return None
    return Aliases(rows[CURRENT], rows.get(SHADOW), rows.get(PREVIOUS))


def begin(session: Session, *, bundle_id: str, actor: str, now: datetime) -> Aliases:
    """The aliases; on a hub without any, `bundle_id` becomes the current one."""
    _take_turn(session)
    found = aliases(session)
    if found is None:
        _set(session, CURRENT, bundle_id, why="first_start", reason="", actor=actor, now=now)
        found = Aliases(bundle_id, None, None)
    return found


def ask_promotion(session: Session, *, bundle_id: str, actor: str, now: datetime, reason: str) -> Promotion:
    """A request that somebody else has to agree to.

    Raises: NotFound; BadInput (reason); Conflict unless the gate has said `promote` of this bundle against
    the current one, lately, or if a request waits already.
    """
    _take_turn(session)
    now_named = _named(session)
    if session.get(BundleRow, bundle_id) is None:
        raise NotFound("bundle: it is not registered", field="bundle")
    _check_reason(reason)
    if bundle_id == now_named.current:
        raise Conflict("this bundle is the current one")
    verdict = newest_verdict(session, bundle_id, now_named.current)
    if verdict is None:
        raise Conflict("the gate has not compared this bundle with the current one (watchhouse gate)")
    if verdict.verdict != "promote":
        needed = {"labels_needed": verdict.labels_needed}
        raise Conflict(f"the gate's verdict is {verdict.verdict}", members=needed)
    if now - verdict.decided_at > MAY_BE_OLD:
        raise Conflict(f"the gate's verdict is older than {MAY_BE_OLD.days} days; ask it again")
    if session.scalar(_waiting(bundle_id)) is not None:
        raise Conflict("a request for this bundle waits for an answer already")
    asked = Promotion(
        promotion_id=new_id(),
        bundle_id=bundle_id,
        replaces=now_named.current,
        verdict_id=verdict.verdict_id,
        reason=reason.strip(),
        asked_by=actor,
        asked_at=now,
    )
    session.add(asked)
    details: dict[str, Detail] = {"promotion_id": asked.promotion_id, "replaces": asked.replaces}
    record(session, actor=actor, event=Event.PROMOTION_ASKED, subject=bundle_id, details=details, at=now)
    session.flush()
    return asked


def answer_promotion(
    session: Session, *, promotion_id: str, actor: str, now: datetime, approve: bool
) -> Aliases:
    """Agrees or declines; an agreement makes the bundle the current one, and the present one the previous.

    Raises: NotFound; NotAllowed (one's own request: it can only be withdrawn, by declining it);
    Conflict if it was answered, or if another bundle has become the current one since.
    """
    _take_turn(session)
    asked = session.get(Promotion, promotion_id, with_for_update=True)
    if asked is None:
        raise NotFound("promotion: there is no such request", field="promotion")
    if asked.answer is not None:
        raise Conflict("this request has been answered already")
    now_named = _named(session)
    if approve and actor == asked.asked_by:
        raise NotAllowed("a promotion takes two people, so somebody else has to agree")
    if approve and asked.replaces != now_named.current:
        raise Conflict("another bundle has become the current one since; ask the gate anew")
    declined = "withdrawn" if actor == asked.asked_by else "declined"
    asked.answer = "approved" if approve else declined
    asked.answered_by, asked.answered_at = actor, now
    details: dict[str, Detail] = {"promotion_id": promotion_id, "answer": asked.answer}
    record(
        session, actor=actor, event=Event.PROMOTION_ANSWERED, subject=asked.bundle_id, details=details, at=now
    )
    if approve:
        _set(session, PREVIOUS, now_named.current, why="promoted", reason=asked.reason, actor=actor, now=now)
        _set(session, CURRENT, asked.bundle_id, why="promoted", reason=asked.reason, actor=actor, now=now)
        if now_named.shadow == asked.bundle_id:
            _set(session, SHADOW, None, why="shadow_ended", reason="promoted", actor=actor, now=now)
    session.flush()
    return _named(session)


def roll_back(session: Session, *, actor: str, now: datetime, reason: str) -> Aliases:
    """The previous bundle scores again, at once; the one that did becomes the previous.

    Raises: BadInput (reason), Conflict if there is none to go back to.
    """
    _take_turn(session)
    _check_reason(reason)
    now_named = _named(session)
    if now_named.previous is None:
        raise Conflict("there is no previous bundle to go back to")
    _set(session, CURRENT, now_named.previous, why="rolled_back", reason=reason, actor=actor, now=now)
    _set(session, PREVIOUS, now_named.current, why="rolled_back", reason=reason, actor=actor, now=now)
    # What was asked of the bundle that is gone does not hold any more.
    session.execute(
        update(Promotion)
        .where(Promotion.answer.is_(None))
        .values(answer="withdrawn", answered_by=actor, answered_at=now)
    )
    session.flush()
    return _named(session)


def set_shadow(session: Session, *, bundle_id: str | None, actor: str, now: datetime) -> Aliases:
    """Lets a registered bundle score live posts beside the current one, unseen; None ends it.

    Raises: NotFound, Conflict (the current one cannot shadow itself).
    """
    _take_turn(session)
    now_named = _named(session)
    if bundle_id is not None and session.get(BundleRow, bundle_id) is None:
        raise NotFound("bundle: it is not registered", field="bundle")
    if bundle_id == now_named.current:
        raise Conflict("this bundle is the current one and cannot shadow itself")
    why = "shadow_ended" if bundle_id is None else "shadow_begun"
    _set(session, SHADOW, bundle_id, why=why, reason="", actor=actor, now=now)
    session.flush()
    return _named(session)


def waiting_promotions(session: Session) -> list[Promotion]:
    """Requests that wait for an answer, oldest first."""
    return list(
        session.scalars(select(Promotion).where(Promotion.answer.is_(None)).order_by(Promotion.asked_at))
    )


def changes(session: Session, limit: int = 50) -> list[AliasChange]:
    """What the names were given to, newest first."""
    return list(session.scalars(select(AliasChange).order_by(AliasChange.change_id.desc()).limit(limit)))


def _named(session: Session) -> Aliases:
    found = aliases(session)
    if found is None:
        raise Conflict("the hub has no current bundle yet; start it once")
    return found


def _set(
    session: Session, alias: str, bundle_id: str | None, *, why: str, reason: str, actor: str, now: datetime
) -> None:
    row = session.get(BundleAlias, alias)
    before = None if row is None else row.bundle_id
    if bundle_id is None:
        if row is not None:
            session.delete(row)
    elif row is None:
        session.add(BundleAlias(alias=alias, bundle_id=bundle_id, set_at=now, set_by=actor))
    else:
        row.bundle_id, row.set_at, row.set_by = bundle_id, now, actor
    session.add(
        AliasChange(
            alias=alias,
            before=before,
            after=bundle_id,
            why=why,
            reason=reason,
            changed_at=now,
            changed_by=actor,
        )
    )
    details: dict[str, Detail] = {"alias": alias, "before": before, "after": bundle_id, "why": why}
    record(session, actor=actor, event=Event.ALIAS_SET, subject=alias, details=details, at=now)
    session.flush()


def _waiting(bundle_id: str) -> Select[Any]:
    return select(Promotion.promotion_id).where(Promotion.bundle_id == bundle_id, Promotion.answer.is_(None))


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > MOST_REASON_CHARACTERS:
        raise BadInput(f"reason: 1 to {MOST_REASON_CHARACTERS:,} characters", field="reason")


def _take_turn(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":  # SQLite's write() is alone already
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('bundle aliases', 0))"))
