"""Roles with power over others are asked for by one administrator and given by another one.

Source: OWASP ASVS 5.0, V2.3.5 (two-person approval). The table has the rule as a constraint too.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict, NotFound
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.managing import change_role, find_person, keep_administrators
from serve.people.officers import create_officer
from serve.people.roles import TWO_ADMINS, Role
from serve.storage.identifiers import new_id
from serve.storage.tables import Officer, RoleGrant


def ask_for_role(session: Session, *, officer_id: str, role: Role, actor: str, at: datetime) -> bool:
    """Whether the person has the role now; False: it waits for another administrator.

    Given at once: a role that is not in `TWO_ADMINS`, and any role while the hub has a single administrator,
    which the grant then says.

    Raises: NotFound, Conflict (disabled, has the role already, a request waits), LastAdministrator.
    """
    person = find_person(session, officer_id)
    if person.role == role.value:
        raise Conflict("role: they have it already", field="role")
    able = keep_administrators(session)
    if role not in TWO_ADMINS:
        change_role(session, officer_id=officer_id, role=role, actor=actor, at=at)
        return True
    if person.disabled_at is not None:
        raise Conflict("role: this account is ended", field="role")
    if waiting_for(session, officer_id) is not None:
        raise Conflict("role: a request for this person waits already", field="role")
    alone = len(able) == 1
    _add_grant(session, officer_id=officer_id, role=role, alone=alone, actor=actor, at=at)
    if alone:
        change_role(session, officer_id=officer_id, role=role, actor=actor, at=at)
    return alone


def make_person(
    session: Session, *, name: str, role: Role, password: str | None, actor: str, at: datetime
) -> Officer:
    """A new account with this role, which for one of `TWO_ADMINS` only a single administrator can give alone.

    Raises: BadInput (name, role, password), DuplicateName.
    """
    alone = role in TWO_ADMINS and len(keep_administrators(session)) == 1
    if role in TWO_ADMINS and not alone:
        raise BadInput("role: make the account with another role, then ask for this one", field="role")
    made = create_officer(session, name=name, role=role.value, password=password, actor=actor, at=at)
    if alone:
        _add_grant(session, officer_id=made.officer_id, role=role, alone=True, actor=actor, at=at)
    return made


def give_role(session: Session, *, grant: RoleGrant, actor: str, at: datetime) -> None:
    """Gives what was asked for; by somebody else than who asked, or the database refuses.

    Raises: Conflict if the account was ended meanwhile, LastAdministrator.
    """
    if find_person(session, grant.officer_id).disabled_at is not None:
        raise Conflict("role: this account is ended", field="role")
    _decide(session, grant, "given", actor, at)
    change_role(session, officer_id=grant.officer_id, role=Role(grant.role), actor=actor, at=at)


def refuse_role(session: Session, *, grant: RoleGrant, actor: str, at: datetime) -> None:
    """Ends a request without giving the role; who asked may take it back this way."""
    _decide(session, grant, "refused", actor, at)
    details = {"grant_id": grant.grant_id, "role": grant.role}
    record(session, actor=actor, event=Event.ROLE_REFUSED, subject=grant.officer_id, details=details, at=at)


def find_waiting(session: Session, grant_id: str) -> RoleGrant:
    """The request of that id, if nobody has decided it. Raises: NotFound."""
    keep_administrators(session)  # two decisions at once take turns
    grant = session.get(RoleGrant, grant_id)
    if grant is None or grant.outcome is not None:
        raise NotFound("there is no such request")
    return grant


def waiting_for(session: Session, officer_id: str) -> RoleGrant | None:
    """The request that waits for this person, if there is one."""
    return session.scalar(_waiting().where(RoleGrant.officer_id == officer_id))


def every_waiting(session: Session) -> list[RoleGrant]:
    """Every request that nobody has decided, oldest first."""
    return list(session.scalars(_waiting().order_by(RoleGrant.grant_id)))


def _add_grant(
    session: Session, *, officer_id: str, role: Role, alone: bool, actor: str, at: datetime
) -> None:
    grant = RoleGrant(
        grant_id=new_id(),
        officer_id=officer_id,
        role=role.value,
        requested_by=actor,
        requested_at=at,
        outcome="given" if alone else None,
        decided_by=actor if alone else None,
        decided_at=at if alone else None,
        by_only_admin=alone,
    )
    session.add(grant)
    session.flush()
    details = {"grant_id": grant.grant_id, "role": role.value, "by_only_admin": alone}
    record(session, actor=actor, event=Event.ROLE_REQUESTED, subject=officer_id, details=details, at=at)


def _waiting() -> Select[RoleGrant]:
    return select(RoleGrant).where(RoleGrant.outcome.is_(None))


def _decide(session: Session, grant: RoleGrant, outcome: str, actor: str, at: datetime) -> None:
    grant.outcome, grant.decided_by, grant.decided_at = outcome, actor, at
    session.flush()
