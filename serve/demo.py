"""`watchhouse demo`: a hub with the sample feed and one sign-in per role, ready to try."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from model.configuration import configs_folder
from model.errors import BadConfig
from serve.app import Room
from serve.intake.sample_feed import store_sample_feed
from serve.people.administration import PRIVATE_UMASK, open_home
from serve.people.keys import SCOPES, create_key
from serve.people.officers import create_officer
from serve.people.passwords import readable_password
from serve.people.roles import Role
from serve.server import run_server
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer

HOST: Final = "127.0.0.1"
"""The demo listens on this machine alone: its passwords stand on a screen."""

ACTOR: Final = "system:demo"
LOG_NAME: Final = "demo.log"


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person of the demo. The password is shown once and stored as a hash only."""

    role: str
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that lets somebody into a new hub: one sign-in per role and one API key."""

    people: tuple[SignIn, ...]
    key: str


def run_demo(home: Path, *, port: int, rooms: Sequence[Room]) -> None:
    """Fills the hub in `home` where it is empty, says how to sign in, and serves it until it is stopped.

    Started again on the same home it adds nobody and stores no post twice.

    Raises: BadConfig (the port is taken, a setting is wrong), BundleRefused.
    """
    os.umask(PRIVATE_UMASK)
    refuse_taken_port(port)
    _, database = open_home(home)
    try:
        with database.write() as session:
            access = create_access(session)
        stored = store_sample_feed(database, configs_folder() / "hub" / "sample-feed.jsonl")
    finally:
        database.close()
    typer.echo(welcome(home, url=f"http://{HOST}:{port}", access=access, stored=stored))
    # The log goes to a file: a few clicks would push the sign-ins off the screen. The hub's own scorer
    # finds the posts waiting, and run_server says when it listens.
    with (home / LOG_NAME).open("a", encoding="utf-8", buffering=1) as log, redirect_stderr(log):
        run_server(home, host=HOST, port=port, rooms=rooms)


def refuse_taken_port(port: int) -> None:
    """Passes if nobody listens on the port: another program's answers would pass for ours.

    Raises: BadConfig.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            message = f"port {port} on {HOST} is taken; choose another: make run PORT={port + 1}"
            raise BadConfig(message, field="port") from None


def create_access(session: Session) -> Access | None:
    """One new person per role and one API key with every scope; None on a hub that has people already."""
    if session.scalar(select(func.count()).select_from(Officer)):
        return None
    now = utc_now()
    people = tuple(SignIn(role=role.value, name=role.value, password=readable_password()) for role in Role)
    for person in people:
        create_officer(
            session, name=person.name, role=person.role, password=person.password, actor=ACTOR, at=now
        )
    made = create_key(session, scopes=SCOPES, label="demo", actor=ACTOR, at=now)
    return Access(people=people, key=made.key)


def welcome(home: Path, *, url: str, access: Access | None, stored: int) -> str:
    """What the screen says before the hub starts: the one place where a password or key is ever shown."""
    lines = ["", f"Watchhouse: a hub in {home.resolve()}, soon at {url}", ""]
    ending = ["", f"The log is {home / LOG_NAME}. Ctrl+C stops the hub."]
    if stored:
        lines += [f"{stored} sample posts are stored. Each becomes a case as soon as it is scored.", ""]
    if access is None:
        lines += [
            "The sign-ins were printed when this hub was first started. To make another:",
            f"  {command()} admin create-officer NAME --role officer --home {home}",
            f"  {command()} admin create-key --scopes {','.join(SCOPES)} --home {home}",
        ]
        return "\n".join([*lines, *ending, ""])
    lines += ["Sign in with one of these. They are shown this once:", f"  {'role':<17}{'name':<17}password"]
    lines += [f"  {person.role:<17}{person.name:<17}{person.password}" for person in access.people]
    lines += [
        "",
        "An API key with every scope, shown this once:",
        f"  {access.key}",
        "Try it:",
        f"  curl -s {url}/v1/score -H 'Authorization: Bearer {access.key}' \\",
        "    -H 'Content-Type: application/json' \\",
        """    -d '{"posts": [{"id": "1", "text": "The library opens at nine."}]}'""",
    ]
    return "\n".join([*lines, *ending, ""])


def command() -> str:
    """How this program was called, so that what is printed can be typed: `make run` calls it in .venv/bin."""
    return sys.argv[0] if Path(sys.argv[0]).name == "watchhouse" else "watchhouse"
