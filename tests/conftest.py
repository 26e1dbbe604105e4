"""Fixtures that several rooms share. Each part says whose it is."""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr
from queue_rules import rules_without_chance
from shared_routes import share_routes
from sqlalchemy import NullPool, create_engine, make_url
from tiny_bundle import build_tiny_bundle

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from serve.settings import Settings
    from serve.storage.engine import Database
    from serve.storage.tables import Officer

# No test is timed: on a busy machine a deadline fails what is right.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

# --- The tiny bundle (model/) ----------------------------------------------------------------------


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real bundle of a few kB whose scores a test can foretell; do not write into it, copy it.

    Any word but the keywords gives 0.018 everywhere. `hateword` gives hate 0.982; `antiword`,
    `islamword` and `farword` give hate 0.982 and their strand 0.982; `maybeword` gives hate 0.5.
    All thresholds are 0.5. Where a keyword stands the speech act is `endorses`, else `neutral`; the
    rationale of a token is its largest logit: 0.982 for a keyword (`maybeword` 0.5), 0.018 for the rest.
    """
    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    folder.mkdir()
    build_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def plain_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle as bundles were before step 2: its network gives `logits` alone."""
    folder = tmp_path_factory.mktemp("plain") / "tiny"
    folder.mkdir()
    build_tiny_bundle(folder, annotates=False)
    return folder


@pytest.fixture(scope="session")
def english_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle, reading English only: posts in other languages get no scores from it."""
    folder = tmp_path_factory.mktemp("english") / "tiny"
    folder.mkdir()
    build_tiny_bundle(folder, languages=("en",))
    return folder


# --- databases, the hub, its people and keys (serve/) ------------------------------------------
#
# SQLite in every run. PostgreSQL from WATCHHOUSE_TEST_POSTGRES_URL (a URL that may create databases),
# else from one temporary cluster a test run, shared by all xdist workers; where neither can be had the
# PostgreSQL half is skipped with the reason, and fails where CI=true.

CLUSTER_FOLDER = "TEST_POSTGRES_CLUSTER_FOLDER"
"""Set by the first process of a test run, inherited by its xdist workers."""


MEMORY = Path("/dev/shm")  # noqa: S108 - looked at by nobody but this test run, in a folder of its own
LEAST_MEMORY_BYTES = 2 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    share_routes()
    if not hasattr(config, "workerinput"):
        os.environ[CLUSTER_FOLDER] = tempfile.mkdtemp(prefix="wh-pg-", dir=_memory())


def _memory() -> str | None:
    """A folder in memory, if there is room: a database of a thousand files is made and dropped for each test,
    which on a disk takes up to twenty times as long. None: where temporary files are.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= LEAST_MEMORY_BYTES
    return str(MEMORY) if has_room else None


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ.pop(CLUSTER_FOLDER))
    if (folder / "data" / "postmaster.pid").exists():
        _as_postgres([_postgres_program("pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"])
    shutil.rmtree(folder, ignore_errors=True)


def _postgres_program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise LookupError(
            f"PostgreSQL's {name} is not installed, and WATCHHOUSE_TEST_POSTGRES_URL is not set"
        )
    return path


def _postgres_account() -> str | None:
    """The account to run PostgreSQL as when we are root, who may not; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name for account in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _as_postgres(command: list[str]) -> None:
    account = _postgres_account()
    group = pwd.getpwnam(account).pw_gid if account else None
    done = subprocess.run(
        command,
        user=account,
        group=group,
        extra_groups=[] if account else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LookupError(f"{Path(command[0]).name} failed: {done.stdout.strip()[-400:]}")


def _start_cluster(folder: Path) -> str:
    """The URL of a PostgreSQL that listens on a socket in `folder` and forgets everything in a crash."""
    account = _postgres_account()
    folder.chmod(0o711)
    data, socket_folder = folder / "data", folder / "socket"
    for made in (data, socket_folder):
        made.mkdir(mode=0o700)
        if account:
            shutil.chown(made, account)
    _as_postgres([_postgres_program("initdb"), "-D", str(data), "-U", "tests", "-A", "trust", "-E", "UTF8",
                  "--locale=C", "--no-sync"])  # fmt: skip
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_folder),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "300",
        "autovacuum": "off",
        # A session of another time zone shows any instant that was stored without its zone.
        "timezone": "Pacific/Auckland",
    }
    options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    log = str(data / "server.log")
    _as_postgres([_postgres_program("pg_ctl"), "-D", str(data), "-w", "-l", log, "-o", options, "start"])
    socket_folder.chmod(0o711)
    return f"postgresql+psycopg://tests@/postgres?host={socket_folder}"


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The SQLAlchemy URL of a PostgreSQL where this test run may create databases."""
    given = os.environ.get("WATCHHOUSE_TEST_POSTGRES_URL")
    if given:
        return "postgresql+psycopg://" + given.split("://", 1)[1]
    folder = Path(os.environ[CLUSTER_FOLDER])
    answer = folder / "answer"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first worker starts it, the others wait and read the answer
        if not answer.exists():
            try:
                answer.write_text(_start_cluster(folder))
            except LookupError as error:
                answer.write_text(f"none: {error}")
    url = answer.read_text()
    if url.startswith("none: "):
        reason = f"NO POSTGRESQL, half of the database tests are not run: {url.removeprefix('none: ')}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return url


def _on_server(server: str, *statements: str) -> None:
    """Runs statements that must stand outside a transaction."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _database_url(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@cache
def copy_of(server: str, template: str) -> str:
    """What CREATE DATABASE says to copy a database the fastest way that this server knows.

    From version 15 on a copy goes through the log unless it is told otherwise: six times the work for one
    as small and as short-lived as a test's.
    """
    engine = create_engine(server, poolclass=NullPool)
    with engine.connect() as connection:
        version = connection.dialect.server_version_info or (0,)
    return f"TEMPLATE {template} STRATEGY file_copy" if version >= (15,) else f"TEMPLATE {template}"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated, empty database to copy."""
    from serve.storage.engine import Database
    from serve.storage.migrating import migrate

    name = f"wh_template_{secrets.token_hex(6)}"
    _on_server(postgres_server, f"CREATE DATABASE {name}")
    made = Database(_database_url(postgres_server, name))
    migrate(made)
    made.close()
    yield name
    _on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file to copy."""
    from serve.storage.engine import Database
    from serve.storage.migrating import migrate

    file = tmp_path_factory.mktemp("template") / "hub.sqlite"
    made = Database(f"sqlite:///{file}")
    migrate(made)
    made.close()
    return file


@pytest.fixture
def hub_home(tmp_path: Path) -> Path:
    """An empty folder for one hub."""
    home = tmp_path / "hub"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def postgres_database_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The URL of a migrated, empty PostgreSQL database of this test's own."""
    name = f"wh_{secrets.token_hex(8)}"
    _on_server(postgres_server, f"CREATE DATABASE {name} {copy_of(postgres_server, postgres_template)}")
    yield _database_url(postgres_server, name)
    _on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, hub_home: Path) -> Iterator[Database]:
    """A migrated, empty database: every test that asks for it runs on SQLite and on PostgreSQL."""
    from serve.storage.engine import Database

    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), hub_home / "hub.sqlite")
        url = f"sqlite:///{hub_home / 'hub.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_database_url")
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def settings(hub_home: Path, database: Database, tiny_bundle: Path) -> Settings:
    """Settings of a hub on `database` with the tiny bundle; no case is drawn for a second reading."""
    from serve.settings import Settings

    url = None if database.is_sqlite else database.engine.url.render_as_string(hide_password=False)
    return Settings(
        home=hub_home,
        database_url=SecretStr(url) if url else None,
        bundle=tiny_bundle,
        queue_rules=rules_without_chance(hub_home.parent),
    )


@pytest.fixture
def hub_app(settings: Settings) -> Iterator[FastAPI]:
    """The whole application on `settings`; its scorer does not run (`Scorer(hub_app.state.hub)` would)."""
    from serve.app import create_app

    app = create_app(settings, run_scorer=False)
    yield app
    app.state.hub.database.close()


@pytest.fixture
def client(hub_app: FastAPI) -> Iterator[TestClient]:
    """A caller of `hub_app`, without a key and not signed in; redirects are not followed."""
    from starlette.testclient import TestClient

    with TestClient(hub_app, base_url="http://127.0.0.1", follow_redirects=False) as caller:
        yield caller


@pytest.fixture
def api_key(database: Database) -> Callable[..., dict[str, str]]:
    """Makes a key: `client.post(url, headers=api_key("review"))`."""
    from serve.people.keys import create_key
    from serve.storage.identifiers import utc_now

    def make(*scopes: str) -> dict[str, str]:
        with database.write() as session:
            created = create_key(session, scopes=scopes, label="a test", actor="system:tests", at=utc_now())
        return {"Authorization": f"Bearer {created.key}"}

    return make


OFFICER_PASSWORD = "a made-up password"


@pytest.fixture
def officer(database: Database) -> Callable[..., Officer]:
    """Makes a person: `officer("officer", name="ada")`; the password is `a made-up password`."""
    from serve.people import passwords
    from serve.people.officers import create_officer
    from serve.storage.identifiers import utc_now

    # The parameters stand in the hash, so signing in costs no more than this either.
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

    def make(role: str = "officer", *, name: str | None = None, password: str = OFFICER_PASSWORD) -> Officer:
        chosen = name or f"{role} {secrets.token_hex(3)}"
        with database.write() as session, pytest.MonkeyPatch.context() as patch:
            patch.setattr(passwords, "_HASHER", cheap)
            return create_officer(
                session, name=chosen, role=role, password=password, actor="system:tests", at=utc_now()
            )

    return make


@pytest.fixture
def sign_in(settings: Settings, database: Database) -> Callable[..., str]:
    """Signs a caller in as an officer row and gives the CSRF token: `csrf = sign_in(client, officer())`."""
    from serve.people.access import session_cookie_name
    from serve.people.sessions import open_session
    from serve.storage.identifiers import utc_now

    def enter(caller: TestClient, person: Officer) -> str:
        with database.write() as session:
            opened = open_session(session, settings, officer_id=person.officer_id, at=utc_now())
        caller.cookies.set(session_cookie_name(settings), opened.token)
        return opened.csrf_token

    return enter
