"""What `watchhouse admin` does to the hub in a folder: keys, people, the schema.

Whoever may write to the folder is trusted here: a role that takes two administrators in the console takes one
command.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Final

from model.errors import BadConfig, NotFound
from serve.people import keys, officers, second_factor
from serve.settings import Settings, load_settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.migrating import migrate
from serve.storage.tables import ApiKey

ACTOR = "system:admin-command"

PRIVATE_UMASK: Final = 0o077
"""Whatever this process makes from here on is for its own account alone."""


def open_home(home: Path) -> tuple[Settings, Database]:
    """The settings and the migrated database of the hub in `home`; what is missing is made, for us alone.

    Raises: BadConfig.
    """
    os.umask(PRIVATE_UMASK)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(f"home: {home} cannot be made ({error.strerror})", field="home") from None
    settings = load_settings(home)
    database = Database(settings.sqlalchemy_url)
    migrate(database)
    return settings, database


def create_key(home: Path, *, scopes: str, label: str) -> str:
    """A new API key with these comma-separated scopes; it cannot be shown again.

    Raises: BadConfig, BadInput.
    """
    _, database = open_home(home)
    with database.write() as session:
        made = keys.create_key(session, scopes=scopes.split(","), label=label, actor=ACTOR, at=utc_now())
    database.close()
    return made.key


def create_officer(home: Path, *, name: str, role: str, password: str) -> str:
    """The officer id of a new person who can sign in.

    Raises: BadConfig, BadInput, DuplicateName.
    """
    _, database = open_home(home)
    with database.write() as session:
        made = officers.create_officer(
            session, name=name, role=role, password=password, actor=ACTOR, at=utc_now()
        )
    database.close()
    return made.officer_id


def list_keys(home: Path) -> list[str]:
    """A line for each key: its id, live or revoked, scopes, the day it was made, label. Never the key.

    Raises: BadConfig.
    """
    _, database = open_home(home)
    with closing(database), database.read() as session:
        return [_key_line(key) for key in keys.every_key(session)]


def revoke_key(home: Path, *, key_id: str) -> None:
    """Ends a key: the next request that comes with it is refused.

    Raises: BadConfig, NotFound.
    """
    _, database = open_home(home)
    with closing(database), database.write() as session:
        keys.revoke_key(session, key_id=key_id, actor=ACTOR, at=utc_now())


def disable_officer(home: Path, *, name: str) -> str:
    """The officer id of the person of that name, who can no longer sign in and whose sessions are over.

    Raises: BadConfig, NotFound.
    """
    _, database = open_home(home)
    with closing(database), database.write() as session:
        found = officers.officer_named(session, name.strip())
        if found is None or found.disabled_at is not None:
            raise NotFound("name: there is no such officer who can sign in", field="name")
        officers.disable_officer(session, officer_id=found.officer_id, actor=ACTOR, at=utc_now())
        return found.officer_id


def reset_totp(home: Path, *, name: str) -> str:
    """The officer id of the person of that name, whose authenticator is gone and whose sessions are over.

    For an administrator who has lost theirs where nobody else can reset it.

    Raises: BadConfig, NotFound, Conflict if there is none.
    """
    _, database = open_home(home)
    with closing(database), database.write() as session:
        found = officers.officer_named(session, name.strip())
        if found is None:
            raise NotFound("name: there is no such officer", field="name")
        second_factor.reset(session, officer_id=found.officer_id, actor=ACTOR, at=utc_now())
        return found.officer_id


def migrate_home(home: Path) -> str:
    """The revision that the hub's database now has: the newest.

    Raises: BadConfig.
    """
    _, database = open_home(home)
    revision = migrate(database)
    database.close()
    return revision


def _key_line(key: ApiKey) -> str:
    state = "live" if key.revoked_at is None else "revoked"
    # A label is anybody's text, and a terminal obeys control characters.
    label = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in key.label)
    return f"{key.key_id}  {state:<7}  {','.join(key.scopes):<18}  {key.created_at:%Y-%m-%d}  {label}"
