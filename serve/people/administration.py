"""What `watchhouse admin` does to the hub in a folder: keys, people, the schema."""

from __future__ import annotations

from pathlib import Path

from model.errors import BadConfig
from serve.people import keys, officers
from serve.settings import Settings, load_settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.migrating import migrate

ACTOR = "system:admin-command"


def open_home(home: Path) -> tuple[Settings, Database]:
    """The settings and the migrated database of the hub in `home`; a missing folder is made, for us alone.

    Raises: BadConfig.
    """
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


def migrate_home(home: Path) -> str:
    """The revision that the hub's database now has: the newest.

    Raises: BadConfig.
    """
    _, database = open_home(home)
    revision = migrate(database)
    database.close()
    return revision
