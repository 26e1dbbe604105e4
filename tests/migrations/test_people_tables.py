from __future__ import annotations

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.migrating import downgrade, migrate, newest_revision
from serve.storage.tables import AuditEvent, Officer, RecoveryCode, RoleGrant, SignInStep, UsedState
from serve.storage.tables import Session as SessionRow

NEW_TABLES = {"recovery_codes", "role_grants", "sign_in_steps", "used_states"}
NEW_COLUMNS = {
    "password_changed_at", "last_signed_in_at", "totp_secret", "totp_offered", "totp_enrolled_at",
    "totp_last_counter", "skills", "need_to_know", "oidc_issuer", "oidc_subject",
}  # fmt: skip
ADA, GRACE = "1" * 26, "2" * 26


def _officer(officer_id: str, name: str, **facts: object) -> Officer:
    return Officer(
        officer_id=officer_id, name=name, role="officer", password_hash="x", created_at=utc_now(), **facts
    )


@pytest.fixture
def filled(database: Database) -> Database:
    """Two people, a session, a row in each new table, and one audit event."""
    now = utc_now()
    with database.write() as session:
        session.add(_officer(ADA, "ada", totp_secret=b"sealed", totp_enrolled_at=now, skills=["far_right"]))
        session.add(_officer(GRACE, "grace"))
        session.flush()
        session.add(
            SessionRow(
                token_sha256="0" * 64, officer_id=ADA, csrf_token="t", created_at=now, last_seen_at=now,
                expires_at=now,
            )
        )  # fmt: skip
        session.add(RecoveryCode(code_sha256="1" * 64, officer_id=ADA, created_at=now))
        session.add(SignInStep(token_sha256="2" * 64, officer_id=ADA, created_at=now, expires_at=now))
        session.add(UsedState(state_sha256="3" * 64, used_at=now))
        session.add(_grant(GRACE))
        record(session, actor="system:tests", event=Event.OFFICER_CREATED, subject=ADA, details={}, at=now)
    return database


def _grant(officer_id: str, **facts: object) -> RoleGrant:
    asked: dict[str, object] = {"requested_by": "officer:1", "by_only_admin": False}
    return RoleGrant(
        grant_id=new_id(), officer_id=officer_id, role="admin", requested_at=utc_now(), **{**asked, **facts}
    )


def _given(by: str, **facts: object) -> dict[str, object]:
    return {"outcome": "given", "decided_by": by, "decided_at": utc_now(), **facts}


def test_one_revision_down_takes_the_new_away_and_keeps_every_row_that_was_there(filled: Database) -> None:
    assert downgrade(filled, "0002") == "0002"

    there = inspect(filled.engine)
    assert set(there.get_table_names()) & NEW_TABLES == set()
    assert {column["name"] for column in there.get_columns("officers")} & NEW_COLUMNS == set()
    with filled.read() as session:
        names = session.scalars(text("SELECT name FROM officers ORDER BY name")).all()
        assert (names, session.scalar(text("SELECT count(*) FROM sessions"))) == (["ada", "grace"], 1)


def test_up_with_people_in_it_keeps_them_and_their_sessions(filled: Database) -> None:
    downgrade(filled, "0002")
    assert migrate(filled) == newest_revision()

    with filled.read() as session:
        ada = session.get_one(Officer, ADA)
        assert (ada.name, ada.role, ada.password_hash) == ("ada", "officer", "x")
        assert (ada.totp_secret, ada.totp_enrolled_at, ada.skills, ada.oidc_subject) == (None,) * 4
        assert session.scalars(select(SessionRow.officer_id)).all() == [ADA]
        assert session.scalars(select(AuditEvent.event)).all() == [Event.OFFICER_CREATED]
        assert session.scalars(select(RecoveryCode)).all() == []


def test_no_skills_and_no_queues_are_null_and_not_a_json_null(filled: Database) -> None:
    with filled.read() as session:
        found = session.scalars(
            select(Officer.name).where(Officer.skills.is_(None), Officer.need_to_know.is_(None))
        ).all()

    assert found == ["grace"]


def test_one_subject_of_one_issuer_is_one_person(database: Database) -> None:
    subject = {"oidc_issuer": "https://id.example", "oidc_subject": "s"}
    with database.write() as session:
        session.add(_officer(ADA, "ada", **subject))
        session.add(_officer("3" * 26, "third", oidc_issuer="https://other.example", oidc_subject="s"))
        session.add(_officer("4" * 26, "fourth"))
        session.add(_officer("5" * 26, "fifth"))
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(_officer(GRACE, "grace", **subject))


def test_who_asked_for_a_role_cannot_give_it_whatever_the_code_does(filled: Database) -> None:
    with pytest.raises(IntegrityError, match="two_people"), filled.write() as session:
        session.add(_grant(ADA, **_given("officer:1")))
    with filled.write() as session:
        session.add(_grant(ADA, **_given("officer:2")))
        session.add(_grant(ADA, **_given("officer:1", by_only_admin=True)))
        session.add(_grant(ADA, **{**_given("officer:1"), "outcome": "refused"}))


@pytest.mark.parametrize(
    "facts",
    [{"outcome": "given"}, {"decided_by": "officer:2"}, {"outcome": "lost", "decided_by": "officer:2"}],
)
def test_half_a_decision_on_a_role_is_refused(filled: Database, facts: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), filled.write() as session:
        session.add(_grant(ADA, **facts))


def test_only_one_request_waits_for_each_person(filled: Database) -> None:
    with pytest.raises(IntegrityError), filled.write() as session:
        session.add(_grant(GRACE))
