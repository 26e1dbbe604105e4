"""`watchhouse admin` as its user sees it, and what it leaves on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

import watchhouse
from model.errors import Conflict, NotFound
from serve import demo, server
from serve.audit.events import Event
from serve.people import administration, second_factor
from serve.people.keys import find_key
from serve.people.secret_box import open_secret_box
from serve.people.sessions import find_session, open_session
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Officer

PASSWORD = "a made-up password"


@pytest.fixture(autouse=True)
def umask_as_found() -> Iterator[None]:
    """The commands narrow the umask of their process, and this process is the test run's."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def _told(*arguments: str, given: str | None = None) -> list[str]:
    result = CliRunner().invoke(watchhouse.app, ["admin", *arguments], input=given, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output.splitlines()


def _events(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.event_id)))


def test_key_is_printed_alone_then_listed_without_itself_and_revoked(hub_home: Path) -> None:
    home = ("--home", str(hub_home))
    (key,) = _told("create-key", "--scopes", "score,posts", "--label", "a\x1b[2Jfeed", *home)
    (other,) = _told("create-key", "--scopes", "review", *home)
    assert re.fullmatch(r"wh_[\w-]{43}", key)

    first, second = _told("list-keys", *home)
    assert re.fullmatch(
        r"[0-9A-Z]{26}  live +posts,score +\d{4}-\d\d-\d\d  a\N{REPLACEMENT CHARACTER}\[2Jfeed", first
    )
    assert key not in first + second

    assert _told("revoke-key", first.split()[0], *home) == ["The key is revoked."]
    assert [line.split()[1] for line in _told("list-keys", *home)] == ["revoked", "live"]
    _, database = administration.open_home(hub_home)
    with database.read() as session:
        assert find_key(session, key) is None
        assert find_key(session, other) is not None
    assert _events(database) == [Event.KEY_CREATED, Event.KEY_CREATED, Event.KEY_REVOKED]
    database.close()


@pytest.mark.parametrize("key_id", ["nothing", "01KAJZ2M5T8Q3W7X9Y1Z4B6C8D", "a\0", "\udcff"])
def test_unknown_key_cannot_be_revoked(hub_home: Path, key_id: str) -> None:
    with pytest.raises(NotFound):
        administration.revoke_key(hub_home, key_id=key_id)


def test_disabled_officer_is_out_and_named_by_id(hub_home: Path) -> None:
    home = ("--home", str(hub_home))
    create = ("create-officer", "ada", "--role", "officer", "--password-stdin", *home)
    (officer_id,) = _told(*create, given=f"{PASSWORD}\n")
    settings, database = administration.open_home(hub_home)
    with database.write() as session:
        opened = open_session(session, settings, officer_id=officer_id, at=utc_now())

    assert _told("disable-officer", "ada", *home) == [officer_id]

    assert find_session(database, settings, opened.token, utc_now()) is None
    assert _events(database)[-1] == Event.OFFICER_DISABLED
    database.close()
    for name in ("ada", "grace", "a\0", "\udcff"):
        with pytest.raises(NotFound):
            administration.disable_officer(hub_home, name=name)


def test_lost_authenticator_is_taken_away_by_name(hub_home: Path) -> None:
    home = ("--home", str(hub_home))
    create = ("create-officer", "ada", "--role", "admin", "--password-stdin", *home)
    (officer_id,) = _told(*create, given=f"{PASSWORD}\n")
    settings, database = administration.open_home(hub_home)
    box, now = open_secret_box(settings), utc_now()
    with pytest.raises(Conflict):
        administration.reset_totp(hub_home, name="ada")
    with database.write() as session:
        secret = second_factor.offered_secret(session, box, officer_id)
    second_factor.confirm(database, box, officer_id=officer_id, code=pyotp.TOTP(secret).at(now), at=now)

    assert _told("reset-totp", " ada ", *home) == [officer_id]

    with database.read() as session:
        assert session.get_one(Officer, officer_id).totp_enrolled_at is None
    assert _events(database)[-1] == Event.TOTP_RESET
    database.close()
    for name in ("grace", "a\0", "\udcff"):
        with pytest.raises(NotFound):
            administration.reset_totp(hub_home, name=name)


def test_files_of_a_hub_are_for_its_own_account_alone(tmp_path: Path) -> None:
    home = tmp_path / "hub"
    home.mkdir(mode=0o755)
    _, database = administration.open_home(home)
    database.close()

    assert (home / "hub.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("command", ["run", "demo"])
def test_server_and_demo_narrow_the_umask_before_they_make_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def stop(*_arguments: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(server, "_bound", stop)
    monkeypatch.setattr(demo, "refuse_taken_port", stop)
    start = {
        "run": partial(server.run_server, host="127.0.0.1", port=0, rooms=[]),
        "demo": partial(demo.run_demo, port=0, rooms=[]),
    }
    with pytest.raises(InterruptedError):
        start[command](tmp_path)

    made = tmp_path / "made"
    made.touch()
    assert made.stat().st_mode & 0o077 == 0
