from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from model.errors import BadInput, Conflict, LastAdministrator, NotFound
from model.taxonomy import STRAND_ORDER
from serve.audit.events import Event
from serve.people import managing, role_grants
from serve.people.officers import officer_actor
from serve.people.roles import TWO_ADMINS, Role
from serve.people.sessions import find_session, open_session
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import AuditEvent, Officer, RoleGrant

MakeOfficer = Callable[..., Officer]


def _role(database: Database, person: Officer) -> str:
    with database.read() as session:
        return session.get_one(Officer, person.officer_id).role


def _events(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.event_id)))


def _ask(database: Database, person: Officer, role: Role, by: Officer) -> bool:
    with database.write() as session:
        return role_grants.ask_for_role(
            session,
            officer_id=person.officer_id,
            role=role,
            actor=officer_actor(by.officer_id),
            at=utc_now(),
        )


def _give(database: Database, grant_id: str, by: Officer) -> None:
    with database.write() as session:
        grant = role_grants.find_waiting(session, grant_id)
        role_grants.give_role(session, grant=grant, actor=officer_actor(by.officer_id), at=utc_now())


def _waiting(database: Database) -> list[RoleGrant]:
    with database.read() as session:
        return role_grants.every_waiting(session)


# --- finding ----------------------------------------------------------------------------------------------


def test_people_are_found_by_letters_of_the_name_and_by_role(
    database: Database, officer: MakeOfficer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, role in (("Ada", "officer"), ("adam", "auditor"), ("Grace", "officer"), ("100%_", "admin")):
        officer(role, name=name)

    def found(**wanted: object) -> list[str]:
        with database.read() as session:
            return [one.name for one in managing.find_people(session, **wanted).shown]  # type: ignore[arg-type] # the test names them

    assert found() == ["100%_", "Ada", "adam", "Grace"]
    assert found(name=" ADA ") == ["Ada", "adam"]
    assert found(name="ada", role=Role.AUDITOR) == ["adam"]
    assert found(name="%") == found(name="_") == ["100%_"]
    assert found(name="\0") == found(name="\ud800") == found()
    monkeypatch.setattr(managing, "LISTED", 3)
    with database.read() as session:
        few = managing.find_people(session)
    assert ([one.name for one in few.shown], few.more) == (["100%_", "Ada", "adam"], 1)


# --- roles ------------------------------------------------------------------------------------------------


def test_another_role_ends_every_session(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    admin, ada = officer("admin"), officer("officer")
    with database.write() as session:
        opened = open_session(session, settings, officer_id=ada.officer_id, at=utc_now())

    assert _ask(database, ada, Role.AUDITOR, admin)

    assert _role(database, ada) == "auditor"
    assert find_session(database, settings, opened.token, utc_now()) is None
    assert _events(database)[-1] == Event.ROLE_CHANGED
    with pytest.raises(Conflict):
        _ask(database, ada, Role.AUDITOR, admin)


@pytest.mark.parametrize("role", sorted(TWO_ADMINS))
def test_role_with_power_over_others_waits_for_a_second_administrator(
    database: Database, officer: MakeOfficer, role: Role
) -> None:
    first, second, ada = officer("admin"), officer("admin"), officer("officer")

    assert _ask(database, ada, role, first) is False

    assert _role(database, ada) == "officer"
    [grant] = _waiting(database)
    with pytest.raises(Conflict, match="waits already"):
        _ask(database, ada, role, second)
    with pytest.raises(IntegrityError):  # the pages ask first; the database refuses all the same
        _give(database, grant.grant_id, first)
    assert _role(database, ada) == "officer"

    _give(database, grant.grant_id, second)

    assert _role(database, ada) == role
    assert _waiting(database) == []
    assert _events(database)[-2:] == [Event.ROLE_REQUESTED, Event.ROLE_CHANGED]
    with pytest.raises(NotFound):
        _give(database, grant.grant_id, second)


def test_request_can_be_refused_and_taken_back(database: Database, officer: MakeOfficer) -> None:
    first, second, ada = officer("admin"), officer("admin"), officer("officer")
    for by in (first, second):
        _ask(database, ada, Role.ADMIN, first)
        [grant] = _waiting(database)
        with database.write() as session:
            role_grants.refuse_role(
                session,
                grant=role_grants.find_waiting(session, grant.grant_id),
                actor=officer_actor(by.officer_id),
                at=utc_now(),
            )

    assert (_role(database, ada), _waiting(database)) == ("officer", [])
    assert _events(database).count(Event.ROLE_REFUSED) == 2


def test_only_administrator_gives_any_role_alone_and_that_stands_in_the_grant(
    database: Database, officer: MakeOfficer
) -> None:
    admin, ada = officer("admin"), officer("officer")
    gone = officer("admin")
    with database.write() as session:
        managing.disable_person(
            session, officer_id=gone.officer_id, actor="system:tests", at=utc_now()
        )  # does not count

    assert _ask(database, ada, Role.ADMIN, admin)

    assert _role(database, ada) == "admin"
    with database.read() as session:
        grant = session.scalars(select(RoleGrant)).one()
    assert (grant.outcome, grant.by_only_admin, grant.decided_by) == ("given", True, grant.requested_by)
    assert _ask(database, officer("officer"), Role.ADMIN, admin) is False  # now there are two


def test_account_with_a_guarded_role_is_made_by_the_only_administrator_alone(
    database: Database, officer: MakeOfficer
) -> None:
    admin = officer("admin")

    def make(name: str, role: Role) -> str:
        with database.write() as session:
            return role_grants.make_person(
                session,
                name=name,
                role=role,
                password=None,
                actor=officer_actor(admin.officer_id),
                at=utc_now(),
            ).role

    assert make("ada", Role.ADMIN) == "admin"
    with database.read() as session:
        assert session.scalars(select(RoleGrant.by_only_admin)).all() == [True]
    with pytest.raises(BadInput, match="another role"):
        make("grace", Role.HUB_LEAD)
    assert make("grace", Role.OFFICER) == "officer"


def test_role_of_an_ended_account_is_neither_asked_for_nor_given(
    database: Database, officer: MakeOfficer
) -> None:
    first, second, ada = officer("admin"), officer("admin"), officer("officer")
    _ask(database, ada, Role.ADMIN, first)
    [grant] = _waiting(database)
    with database.write() as session:
        managing.disable_person(session, officer_id=ada.officer_id, actor="system:tests", at=utc_now())

    with pytest.raises(Conflict, match="ended"):
        _give(database, grant.grant_id, second)
    with pytest.raises(Conflict, match="ended"):
        _ask(database, ada, Role.HUB_LEAD, first)


def test_last_administrator_stays(database: Database, officer: MakeOfficer) -> None:
    admin = officer("admin")
    with pytest.raises(LastAdministrator):
        _ask(database, admin, Role.AUDITOR, admin)
    with pytest.raises(LastAdministrator), database.write() as session:
        managing.disable_person(session, officer_id=admin.officer_id, actor="system:tests", at=utc_now())

    officer("admin")
    assert _ask(database, admin, Role.AUDITOR, admin)


# --- ending and opening accounts --------------------------------------------------------------------------


def test_ended_account_opens_again_unless_its_role_takes_two(
    database: Database, officer: MakeOfficer
) -> None:
    officer("admin")
    people = [officer("officer"), officer("admin")]
    for person in people:
        with database.write() as session:
            managing.disable_person(session, officer_id=person.officer_id, actor="system:tests", at=utc_now())

    def enable(person: Officer) -> None:
        with database.write() as session:
            managing.enable_person(session, officer_id=person.officer_id, actor="system:tests", at=utc_now())

    enable(people[0])
    enable(people[0])  # once is enough
    with pytest.raises(Conflict):
        enable(people[1])

    with database.read() as session:
        ended = [session.get_one(Officer, one.officer_id).disabled_at is not None for one in people]
    assert ended == [False, True]
    assert _events(database).count(Event.OFFICER_ENABLED) == 1


def test_nobody_is_changed_who_does_not_exist(database: Database) -> None:
    for change in (managing.disable_person, managing.enable_person):
        with pytest.raises(NotFound), database.write() as session:
            change(session, officer_id=new_id(), actor="system:tests", at=utc_now())


# --- skills -----------------------------------------------------------------------------------------------


def _set(database: Database, person: Officer, strands: list[str], queues: list[str]) -> Officer:
    with database.write() as session:
        managing.set_skills(
            session,
            officer_id=person.officer_id,
            strands=strands,
            queues=queues,
            actor="system:tests",
            at=utc_now(),
        )
    with database.read() as session:
        return session.get_one(Officer, person.officer_id)


def test_skills_are_strands_and_all_of_them_is_no_restriction(
    database: Database, officer: MakeOfficer
) -> None:
    ada = officer()

    some = _set(database, ada, ["far_right", "antisemitic"], ["vip", "vip", "leaks_2"])
    assert (some.skills, some.need_to_know) == (["antisemitic", "far_right"], ["leaks_2", "vip"])

    everything = _set(database, ada, list(STRAND_ORDER), [])
    assert (everything.skills, everything.need_to_know) == (None, None)
    assert _events(database).count(Event.SKILLS_SET) == 2


@pytest.mark.parametrize(
    ("strands", "queues", "field"),
    [([], [], "strands"), (["hate"], [], "strands"), (["far_right", "x"], [], "strands"),
     (["far_right"], ["A Queue"], "queues"), (["far_right"], ["x" * 61], "queues"),
     (["far_right"], [f"queue-{n}" for n in range(51)], "queues")],
)  # fmt: skip
def test_unknown_strand_or_unusable_queue_is_refused(
    database: Database, officer: MakeOfficer, strands: list[str], queues: list[str], field: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        _set(database, officer(), strands, queues)

    assert refusal.value.field == field
