from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadConfig
from serve.settings import Settings, load_settings
from serve.storage.engine import Database, wal_is_safe


def test_empty_home_gives_the_embedded_database(hub_home: Path) -> None:
    settings = load_settings(hub_home)

    assert settings.sqlalchemy_url == f"sqlite:///{hub_home.resolve() / 'hub.sqlite'}"


def test_unknown_name_in_the_environment_is_refused(hub_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHHOUSE_LEASE_SECOND", "60")

    with pytest.raises(BadConfig, match="WATCHHOUSE_LEASE_SECOND"):
        load_settings(hub_home)


def test_unknown_key_in_the_file_is_refused(hub_home: Path) -> None:
    (hub_home / "hub.yaml").write_text("lease_second: 60\n")

    with pytest.raises(BadConfig, match="lease_second"):
        load_settings(hub_home)


@pytest.mark.parametrize("content", ["just words", "- a\n- b\n", "a: [", "\x00"])
def test_file_that_is_no_yaml_mapping_is_refused(hub_home: Path, content: str) -> None:
    (hub_home / "hub.yaml").write_text(content)

    with pytest.raises(BadConfig, match=r"hub\.yaml"):
        load_settings(hub_home)


@pytest.mark.parametrize(
    "line",
    ["database_url: postgres://hub:made-up-secret@host/hub: x", "database_url: 'made-up-secret",
     "made-up-secret: [", "database_url: !!python/name:made-up-secret x", "\tdatabase_url: made-up-secret"],
)  # fmt: skip
def test_broken_file_is_told_by_its_line_number_and_not_its_words(hub_home: Path, line: str) -> None:
    file = hub_home / "hub.yaml"
    file.write_text(f"lease_seconds: 60\n{line}\n")

    with pytest.raises(BadConfig) as refusal:
        load_settings(hub_home)
    with pytest.raises(BadConfig) as refusal_of_a_config:
        load_yaml(file, FrozenConfig)

    for message in (refusal.value.message, refusal_of_a_config.value.message):
        assert message.startswith(f"{file}: not YAML (line ")
        assert "secret" not in message


def test_impossible_date_in_the_file_is_refused(hub_home: Path) -> None:
    (hub_home / "hub.yaml").write_text("bundle: 2026-13-45\n")

    with pytest.raises(BadConfig, match=r"hub\.yaml: not YAML"):
        load_settings(hub_home)


def test_every_fault_is_told_at_once(hub_home: Path) -> None:
    (hub_home / "hub.yaml").write_text("lease_seconds: -1\nmax_json_depth: 1\n")

    with pytest.raises(BadConfig) as refusal:
        load_settings(hub_home)

    assert "lease_seconds" in refusal.value.message
    assert "max_json_depth" in refusal.value.message


def test_environment_wins_over_the_file(hub_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (hub_home / "hub.yaml").write_text("lease_seconds: 60\n")
    assert load_settings(hub_home).lease_seconds == 60

    monkeypatch.setenv("WATCHHOUSE_LEASE_SECONDS", "90")

    assert load_settings(hub_home).lease_seconds == 90


def test_home_in_the_file_is_refused(hub_home: Path) -> None:
    (hub_home / "hub.yaml").write_text("home: /somewhere/else\n")

    with pytest.raises(BadConfig, match="home"):
        load_settings(hub_home)


def test_database_password_is_never_shown(hub_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHHOUSE_DATABASE_URL", "postgres://hub:made-up-secret@127.0.0.1/hub")

    settings = load_settings(hub_home)

    assert settings.sqlalchemy_url == "postgresql+psycopg://hub:made-up-secret@127.0.0.1/hub"
    assert "made-up-secret" not in repr(settings)


def test_settings_cannot_be_changed(hub_home: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings(home=hub_home).lease_seconds = 1  # type: ignore[misc]  # the refusal is the point


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 7, 0), False),
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 9), False),
        ((3, 50, 4), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_wal_is_for_libraries_with_the_fix_alone(version: tuple[int, int, int], safe: bool) -> None:
    assert wal_is_safe(version) is safe


@pytest.mark.parametrize(("safe", "journal"), [(False, "truncate"), (True, "wal")])
def test_sqlite_is_opened_with_the_journal_its_version_can_bear(
    hub_home: Path, monkeypatch: pytest.MonkeyPatch, safe: bool, journal: str
) -> None:
    monkeypatch.setattr("serve.storage.engine.wal_is_safe", lambda _version: safe)
    database = Database(f"sqlite:///{hub_home / 'hub.sqlite'}")
    with database.read() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "mmap_size", "recursive_triggers")
        }
    database.close()

    assert found == {
        "journal_mode": journal,
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "mmap_size": 0,
        "recursive_triggers": 1,
    }
