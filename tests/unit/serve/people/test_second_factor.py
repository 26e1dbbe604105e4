from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from model.errors import Conflict, Fault, NotSignedIn, SecretUnreadable, TooMany, WrongCode
from serve.audit.events import Event
from serve.people import recovery_codes, second_factor, totp
from serve.people.attempts import ATTEMPT_WINDOW
from serve.people.second_factor import MAX_TRIES, check_code, check_recovery_code
from serve.people.secret_box import SecretBox
from serve.people.sessions import OpenedSession, find_session, open_session, sign_in
from serve.people.sign_in_steps import STEP_LASTS, Owes, StepDue, who_owes
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Officer, RecoveryCode, SignInStep
from serve.storage.tables import Session as SessionRow

PASSWORD = "a made-up password"
MakeOfficer = Callable[..., Officer]
Enrol = Callable[..., Any]


def _events(database: Database, event: Event) -> int:
    with database.read() as session:
        return len(session.scalars(select(AuditEvent).where(AuditEvent.event == event.value)).all())


def _reread(database: Database, person: Officer) -> Officer:
    with database.read() as session:
        return session.get_one(Officer, person.officer_id)


# --- enrolling ------------------------------------------------------------------------------------------


def test_offered_secret_stays_the_same_until_it_is_confirmed_and_is_stored_sealed(
    database: Database, box: SecretBox, officer: MakeOfficer
) -> None:
    ada, now = officer(), utc_now()
    with database.write() as session:
        secrets = [second_factor.offered_secret(session, box, ada.officer_id) for _ in range(2)]

    assert secrets[0] == secrets[1]
    assert len(secrets[0]) == 32  # base32: 160 bits
    stored = _reread(database, ada)
    assert stored.totp_offered is not None
    assert secrets[0].encode() not in stored.totp_offered
    with pytest.raises(WrongCode):
        second_factor.confirm(database, box, officer_id=ada.officer_id, code="000000", at=now)
    assert _reread(database, ada).totp_enrolled_at is None

    codes = second_factor.confirm(
        database, box, officer_id=ada.officer_id, code=pyotp.TOTP(secrets[0]).at(now), at=now
    )

    enrolled = _reread(database, ada)
    assert (enrolled.totp_enrolled_at, enrolled.totp_offered) == (now, None)
    assert len(set(codes)) == recovery_codes.CODES == 10
    assert _events(database, Event.TOTP_ENROLLED) == 1
    with pytest.raises(Conflict):
        second_factor.confirm(database, box, officer_id=ada.officer_id, code="000000", at=now)


def test_present_app_keeps_working_until_the_new_one_is_confirmed(
    database: Database, box: SecretBox, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, now = officer(), utc_now()
    old = enrol(ada, now)
    with database.write() as session:
        secret = second_factor.offered_secret(session, box, ada.officer_id)

    check_code(database, box, officer_id=ada.officer_id, code=old.code(now), at=now)
    later = now + timedelta(minutes=2)
    second_factor.confirm(
        database, box, officer_id=ada.officer_id, code=pyotp.TOTP(secret).at(later), at=later
    )

    later += timedelta(minutes=2)
    with pytest.raises(WrongCode):
        check_code(database, box, officer_id=ada.officer_id, code=old.code(later), at=later)
    check_code(database, box, officer_id=ada.officer_id, code=pyotp.TOTP(secret).at(later), at=later)
    with pytest.raises(WrongCode):  # the recovery codes of the old one went with it
        check_recovery_code(database, officer_id=ada.officer_id, code=old.codes[0], at=later)


def test_secret_of_one_person_does_not_open_for_another(
    database: Database, box: SecretBox, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, grace, now = officer(), officer(), utc_now()
    app = enrol(ada, now)
    with database.write() as session:
        stolen = session.get_one(Officer, grace.officer_id)
        stolen.totp_secret = session.get_one(Officer, ada.officer_id).totp_secret
        stolen.totp_enrolled_at = now

    with pytest.raises(SecretUnreadable):
        check_code(database, box, officer_id=grace.officer_id, code=app.code(now), at=now)


# --- a code ---------------------------------------------------------------------------------------------


def test_code_counts_once_and_no_older_one_counts_after_it(
    database: Database, box: SecretBox, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, now = officer(), utc_now()
    app = enrol(ada, now)
    typed = f" {app.code(now)[:3]} {app.code(now)[3:]} "
    check_code(database, box, officer_id=ada.officer_id, code=typed, at=now)

    for used in (app.code(now), app.code(now - timedelta(seconds=30))):
        with pytest.raises(WrongCode):
            check_code(database, box, officer_id=ada.officer_id, code=used, at=now)
    check_code(database, box, officer_id=ada.officer_id, code=app.code(now + timedelta(seconds=30)), at=now)


@pytest.mark.parametrize(
    ("seconds", "right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_code_of_the_neighbouring_half_minute_counts_and_no_other(seconds: int, right: bool) -> None:
    secret, noon = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", datetime(2026, 11, 22, 12, tzinfo=UTC)
    code = pyotp.TOTP(secret).at(noon + timedelta(seconds=seconds))

    counter = int(noon.timestamp()) // 30 + seconds // 30
    assert totp.counter_of(secret, code, noon) == (counter if right else None)


@given(st.text())
def test_any_other_text_is_a_wrong_code_and_no_error(text: str) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    now = utc_now()
    right = {pyotp.TOTP(secret).at(now + timedelta(seconds=s)) for s in (-30, 0, 30)}

    assert (totp.counter_of(secret, text, now) is not None) == ("".join(text.split()) in right)


def test_two_browsers_with_one_code_at_once_are_one_sign_in(
    database: Database, box: SecretBox, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, now = officer(), utc_now()
    code = enrol(ada, now).code(now)

    def attempt(_number: int) -> bool:
        try:
            check_code(database, box, officer_id=ada.officer_id, code=code, at=now)
        except WrongCode:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


def test_sixth_try_in_five_minutes_is_refused_even_when_it_is_right(
    database: Database, box: SecretBox, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, grace, now = officer(), officer(), utc_now()
    app, other = enrol(ada, now), enrol(grace, now)
    for _ in range(MAX_TRIES - 1):
        with pytest.raises(WrongCode):
            check_code(database, box, officer_id=ada.officer_id, code="no code", at=now)
    with pytest.raises(WrongCode):  # both kinds of code count together
        check_recovery_code(database, officer_id=ada.officer_id, code="no code", at=now)

    with pytest.raises(TooMany):
        check_code(database, box, officer_id=ada.officer_id, code=app.code(now), at=now)
    with pytest.raises(TooMany):
        check_recovery_code(database, officer_id=ada.officer_id, code=app.codes[0], at=now)

    check_code(database, box, officer_id=grace.officer_id, code=other.code(now), at=now)
    later = now + ATTEMPT_WINDOW
    check_code(database, box, officer_id=ada.officer_id, code=app.code(later), at=later)
    assert _events(database, Event.SECOND_STEP_REFUSED) == 1


def test_many_tries_at_once_are_no_more_than_five(
    database: Database, box: SecretBox, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, now = officer(), utc_now()
    enrol(ada, now)

    def attempt(_number: int) -> str:
        try:
            check_code(database, box, officer_id=ada.officer_id, code="no code", at=now)
        except Fault as fault:
            return fault.code
        return "in"

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(attempt, range(18)))

    assert (answers.count("wrong_code"), answers.count("too_many")) == (MAX_TRIES, 18 - MAX_TRIES)


# --- recovery codes ---------------------------------------------------------------------------------------


def test_recovery_code_counts_once_and_for_its_owner_alone(
    database: Database, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, grace, now = officer(), officer(), utc_now()
    codes, others = enrol(ada, now).codes, enrol(grace, now).codes
    with pytest.raises(WrongCode):
        check_recovery_code(database, officer_id=ada.officer_id, code=others[0], at=now)

    check_recovery_code(database, officer_id=ada.officer_id, code=codes[0], at=now)

    with pytest.raises(WrongCode):
        check_recovery_code(database, officer_id=ada.officer_id, code=codes[0], at=now)
    with database.read() as session:
        assert recovery_codes.codes_left(session, ada.officer_id) == 9
        assert recovery_codes.codes_left(session, grace.officer_id) == 10
    assert _events(database, Event.RECOVERY_CODE_USED) == 1


def test_recovery_code_may_be_typed_as_it_was_read(
    database: Database, officer: MakeOfficer, enrol: Enrol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery_codes, "ALPHABET", "01")
    ada, now = officer(), utc_now()
    code = enrol(ada, now).codes[0]

    typed = code.replace("0", "o").replace("1", "l").replace("-", " ")
    check_recovery_code(database, officer_id=ada.officer_id, code=f" {typed} ", at=now)


def test_recovery_codes_are_long_and_stored_as_hashes_alone(
    database: Database, officer: MakeOfficer, enrol: Enrol
) -> None:
    codes = enrol(officer()).codes

    assert all(len(code.replace("-", "")) * 5 >= 112 for code in codes)
    with database.read() as session:
        stored = str([vars(row) for row in session.scalars(select(RecoveryCode))])
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


def test_new_recovery_codes_take_the_place_of_all_old_ones(
    database: Database, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, now = officer(), utc_now()
    old = enrol(ada, now).codes
    with database.write() as session:
        new = second_factor.new_recovery_codes(session, officer_id=ada.officer_id, at=now)

    with pytest.raises(WrongCode):
        check_recovery_code(database, officer_id=ada.officer_id, code=old[0], at=now)
    check_recovery_code(database, officer_id=ada.officer_id, code=new[0], at=now)


# --- signing in with two steps ------------------------------------------------------------------------------


def _enter(database: Database, settings: Settings, person: Officer) -> OpenedSession | StepDue:
    return sign_in(database, settings, name=person.name, password=PASSWORD, at=utc_now())


def test_right_password_alone_opens_no_session_for_somebody_with_an_authenticator(
    database: Database, settings: Settings, box: SecretBox, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada = officer()
    app = enrol(ada)

    due = _enter(database, settings, ada)

    now = utc_now()
    assert isinstance(due, StepDue)
    assert due.owes is Owes.CODE
    assert find_session(database, settings, due.token, now) is None
    with database.read() as session:
        assert session.scalars(select(SessionRow)).all() == []
        assert due.token not in str(vars(session.scalars(select(SignInStep)).one()))
    assert _reread(database, ada).last_signed_in_at is None

    check_code(database, box, officer_id=ada.officer_id, code=app.code(now), at=now)
    opened = second_factor.finish_sign_in(database, settings, token=due.token, at=now)

    live = find_session(database, settings, opened.token, now)
    assert live is not None
    assert live.officer_id == ada.officer_id
    assert opened.token != due.token
    assert _reread(database, ada).last_signed_in_at == now
    with pytest.raises(NotSignedIn):  # it is good for one session
        second_factor.finish_sign_in(database, settings, token=due.token, at=now)


def test_second_step_is_over_after_ten_minutes_and_for_a_disabled_person(
    database: Database, settings: Settings, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada, grace = officer(), officer()
    steps = []
    for person in (ada, grace):
        enrol(person)
        steps.append(_enter(database, settings, person))
    with database.write() as session:  # not by `disable_officer`, which drops the step too
        session.get_one(Officer, grace.officer_id).disabled_at = utc_now()
    late = utc_now() + STEP_LASTS
    with database.read() as session:
        assert who_owes(session, steps[0].token, utc_now()) is not None
        assert who_owes(session, steps[0].token, late) is None
        assert who_owes(session, steps[1].token, utc_now()) is None
        assert who_owes(session, "never given", utc_now()) is None
    with pytest.raises(NotSignedIn):
        second_factor.finish_sign_in(database, settings, token=steps[0].token, at=late)


@pytest.mark.parametrize(
    ("required", "roles", "owes"),
    [(False, ("officer",), None), (True, ("admin",), None), (True, ("admin", "officer"), Owes.ENROLMENT)],
)
def test_who_must_have_an_authenticator_sets_it_up_before_anything_else(
    database: Database,
    settings: Settings,
    officer: MakeOfficer,
    required: bool,
    roles: tuple[str, ...],
    owes: Owes | None,
) -> None:
    changed = settings.model_copy(update={"require_totp": required, "totp_roles": roles})

    entered = _enter(database, changed, officer("officer"))

    assert (entered.owes if isinstance(entered, StepDue) else None) is owes


# --- losing it ----------------------------------------------------------------------------------------------


def test_reset_takes_the_authenticator_and_ends_every_session(
    database: Database, settings: Settings, officer: MakeOfficer, enrol: Enrol
) -> None:
    ada = officer()
    enrol(ada)
    with database.write() as session:
        opened = open_session(session, settings, officer_id=ada.officer_id, at=utc_now())
    due = _enter(database, settings, ada)
    assert isinstance(due, StepDue)

    with database.write() as session:
        second_factor.reset(session, officer_id=ada.officer_id, actor="officer:1", at=utc_now())

    assert find_session(database, settings, opened.token, utc_now()) is None
    with database.read() as session:
        assert who_owes(session, due.token, utc_now()) is None
        assert recovery_codes.codes_left(session, ada.officer_id) == 0
    gone = _reread(database, ada)
    assert (gone.totp_secret, gone.totp_enrolled_at, gone.totp_last_counter) == (None, None, None)
    assert isinstance(_enter(database, settings, ada), OpenedSession)
    assert _events(database, Event.TOTP_RESET) == 1
    with pytest.raises(Conflict), database.write() as session:
        second_factor.reset(session, officer_id=ada.officer_id, actor="officer:1", at=utc_now())
