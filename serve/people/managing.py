"""What an administrator does with people: find them, change what they may do, end and reopen accounts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict, LastAdministrator, NotFound
from model.taxonomy import STRAND_ORDER
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.attempts import take_turns
from serve.people.officers import disable_officer, end_sessions
from serve.people.roles import TWO_ADMINS, Role
from serve.storage.tables import Officer

MAX_QUEUES: Final = 50
QUEUE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class People:
    """People on a page, by name; `more` counts those who did not fit."""

    shown: list[Officer]
    more: int


def find_people(session: Session, *, name: str = "", role: Role | None = None) -> People:
    """Everybody whose name has these letters in it, large or small, and who has the role."""
    wanted = select(Officer)
    if name.strip() and name.isprintable():
        wanted = wanted.where(Officer.name.icontains(name.strip(), autoescape=True))
    if role is not None:
        wanted = wanted.where(Officer.role == role.value)
    count = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    shown = list(session.scalars(wanted.order_by(func.lower(Officer.name)).limit(LISTED)))
    return People(shown, count - len(shown))


def find_person(session: Session, officer_id: str) -> Officer:
    """The account of that id, disabled or not. Raises: NotFound."""
    found = session.get(Officer, officer_id)
    if found is None:
        raise NotFound("there is no such person")
    return found


def administrators(session: Session) -> list[str]:
    """The ids of those who can manage people."""
    able = select(Officer.officer_id).where(Officer.role == Role.ADMIN.value, Officer.disabled_at.is_(None))
    return list(session.scalars(able))


def keep_administrators(session: Session) -> list[str]:
    """The same, and nobody becomes or ceases to be one before this transaction ends."""
    take_turns(session, "administrators")
    return administrators(session)


def strands_of(person: Officer) -> list[str]:
    """The strands that a person works on, in the order of the taxonomy."""
    return [strand for strand in STRAND_ORDER if person.skills is None or strand in person.skills]


def change_role(session: Session, *, officer_id: str, role: Role, actor: str, at: datetime) -> None:
    """Gives a person another role and ends their sessions: what they may do has changed.

    The roles of `TWO_ADMINS` come through here from `role_grants` alone.

    Raises: NotFound, LastAdministrator.
    """
    person = find_person(session, officer_id)
    if role.value == person.role:
        return
    _keep_an_administrator(session, officer_id)
    details = {"before": person.role, "role": role.value}
    person.role = role.value
    end_sessions(session, officer_id)
    record(session, actor=actor, event=Event.ROLE_CHANGED, subject=officer_id, details=details, at=at)


def set_skills(
    session: Session,
    *,
    officer_id: str,
    strands: Sequence[str],
    queues: Sequence[str],
    actor: str,
    at: datetime,
) -> None:
    """Says which strands a person works on (all: every one there is or will be) and which closed queues they
    may see.

    Raises: NotFound, BadInput (strands, queues).
    """
    person = find_person(session, officer_id)
    chosen = [strand for strand in STRAND_ORDER if strand in strands]
    if not chosen or set(strands) - set(STRAND_ORDER):
        raise BadInput(f"strands: one or more of {', '.join(STRAND_ORDER)}", field="strands")
    names = sorted(set(queues))
    if len(names) > MAX_QUEUES or not all(QUEUE_NAME.fullmatch(name) for name in names):
        raise BadInput(
            f"queues: at most {MAX_QUEUES} names of small letters, digits, - and _", field="queues"
        )
    person.skills = None if len(chosen) == len(STRAND_ORDER) else chosen
    person.need_to_know = names or None
    details = {"strands": chosen, "queues": names}
    record(session, actor=actor, event=Event.SKILLS_SET, subject=officer_id, details=details, at=at)


def disable_person(session: Session, *, officer_id: str, actor: str, at: datetime) -> None:
    """Ends an account and every session of it, at once. Raises: NotFound, LastAdministrator."""
    find_person(session, officer_id)
    _keep_an_administrator(session, officer_id)
    disable_officer(session, officer_id=officer_id, actor=actor, at=at)


def enable_person(session: Session, *, officer_id: str, actor: str, at: datetime) -> None:
    """Lets somebody sign in again whose account was ended.

    Raises: NotFound; Conflict for a role that takes two administrators: one alone must not give it back.
    """
    person = find_person(session, officer_id)
    if person.disabled_at is None:
        return
    if person.role in TWO_ADMINS:
        raise Conflict("role: give them another role first, and ask for this one afterwards", field="role")
    person.disabled_at = None
    record(session, actor=actor, event=Event.OFFICER_ENABLED, subject=officer_id, details={}, at=at)


def _keep_an_administrator(session: Session, officer_id: str) -> None:
    if keep_administrators(session) == [officer_id]:
        raise LastAdministrator("This is the only administrator. Make another one first.")
