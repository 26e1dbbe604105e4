from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadConfig
from serve.people.roles import Role
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


OIDC = """
oidc:
  issuer: https://id.example
  client_id: the-hub
  redirect_address: https://hub.example/sign-in/callback
"""


def test_block_of_settings_is_read_with_its_secret_from_the_environment(
    hub_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hub_home / "hub.yaml").write_text(f"{OIDC}  client_secret: from-the-file\n  label: the force\n")
    monkeypatch.setenv("WATCHHOUSE_OIDC__CLIENT_SECRET", "made-up-secret")
    monkeypatch.setenv("WATCHHOUSE_OIDC__ROLE_CLAIM", "groups")
    monkeypatch.setenv("WATCHHOUSE_OIDC__ROLES", '{"hub-officers": "officer"}')

    oidc = load_settings(hub_home).oidc

    assert oidc is not None
    assert (oidc.issuer, oidc.label, oidc.role_claim) == ("https://id.example", "the force", "groups")
    assert oidc.roles == {"hub-officers": Role.OFFICER}
    assert oidc.client_secret.get_secret_value() == "made-up-secret"
    assert "made-up-secret" not in repr(load_settings(hub_home))


@pytest.mark.parametrize(
    ("name", "value"),
    [("WATCHHOUSE_OIDC__CLIENT_SECRETS", "x"), ("WATCHHOUSE_BUNDLE__X", "x"), ("WATCHHOUSE_OIDC__", "x"),
     ("WATCHHOUSE___", "x"), ("WATCHHOUSE_TOTP_ROLES__0", "x")],
)  # fmt: skip
def test_unknown_name_inside_a_block_is_refused(
    hub_home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(BadConfig, match=name):
        load_settings(hub_home)


@pytest.mark.parametrize("name", ["WATCHHOUSE_OIDC", "WATCHHOUSE_TOTP_ROLES"])
def test_setting_of_several_parts_that_is_no_json_is_refused_without_being_shown(
    hub_home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "{made-up-secret")

    with pytest.raises(BadConfig) as refusal:
        load_settings(hub_home)

    assert name.removeprefix("WATCHHOUSE_").lower() in refusal.value.message
    assert "made-up" not in refusal.value.message


@pytest.mark.parametrize(
    ("more", "why"),
    [("  issuer: http://id.example", "https"), ("  redirect_address: https://hub.example/", "callback"),
     ("  scopes: [profile]", "openid"), ("  role_claim: groups", "both or neither"),
     ("  roles: {a: officer}", "both or neither"), ("  unknown: 1", "unknown"),
     ("  client_id: ''", "client_id"),
     ("  role_claim: groups\n  roles: {a: king}", "roles"),
     ("  role_claim: groups\n  roles: {a: admin}", "admin is given by two administrators"),
     ("  role_claim: groups\n  roles: {a: hub_lead}", "hub_lead is given by two administrators")],
)  # fmt: skip
def test_unusable_provider_is_refused_without_showing_its_secret(hub_home: Path, more: str, why: str) -> None:
    named = {line.split(":")[0] for line in more.splitlines()}
    kept = [line for line in OIDC.splitlines() if line.split(":")[0] not in named]
    (hub_home / "hub.yaml").write_text("\n".join([*kept, "  client_secret: made-up-secret", more, ""]))

    with pytest.raises(BadConfig, match=why) as refusal:
        load_settings(hub_home)

    assert "made-up-secret" not in refusal.value.message


def test_every_role_must_have_an_authenticator_once_any_must_unless_said_otherwise(
    hub_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(hub_home).require_totp is False
    assert load_settings(hub_home).totp_roles == tuple(Role)

    monkeypatch.setenv("WATCHHOUSE_TOTP_ROLES", '["admin", "hub_lead"]')

    assert load_settings(hub_home).totp_roles == (Role.ADMIN, Role.HUB_LEAD)


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
