"""How one hub is deployed: read once from `HOME/hub.yaml` and the environment, then passed down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from model.configuration import configs_folder, not_yaml, read_yaml
from model.errors import BadConfig
from model.windows import MOST_WINDOWS
from serve.oidc_settings import OidcSettings
from serve.people.roles import Role

PREFIX = "WATCHHOUSE_"
NESTED = "__"
"""WATCHHOUSE_OIDC__CLIENT_SECRET is the setting `client_secret` of the block `oidc`."""

BLOCKS: Final = {"oidc": OidcSettings}
NOT_SETTINGS = {"WATCHHOUSE_CONFIG_DIR", "WATCHHOUSE_TARGET_KEY", "WATCHHOUSE_TEST_POSTGRES_URL"}
"""Names with our prefix that are read elsewhere: configuration.py, training/targets, tests/conftest.py."""


class Settings(BaseSettings):
    """A hub's settings. The environment (`WATCHHOUSE_...`) wins over `HOME/hub.yaml`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=NESTED, frozen=True, extra="forbid"
    )

    home: Path
    database_url: SecretStr | None = Field(default=None, description="None: SQLite in the home folder")
    bundle: Path | None = Field(default=None, description="None: the bundle that ships")
    policy: Path = Field(default_factory=lambda: configs_folder() / "policy" / "officer.yaml")
    outcomes: Path = Field(default_factory=lambda: configs_folder() / "policy" / "outcomes.yaml")
    workflow: Path = Field(default_factory=lambda: configs_folder() / "policy" / "workflow.yaml")
    queue_rules: Path = Field(default_factory=lambda: configs_folder() / "policy" / "queue.yaml")
    law: Path = Field(default_factory=lambda: configs_folder() / "law" / "england-and-wales.yaml")
    codebook: Path = Field(default_factory=lambda: configs_folder() / "codebook" / "codebook-v1.yaml")
    exposure: Path = Field(default_factory=lambda: configs_folder() / "policy" / "exposure.yaml")
    lease_seconds: float = Field(default=600.0, gt=0, le=86_400)
    session_hours: float = Field(default=12.0, gt=0, le=24)
    session_idle_minutes: float = Field(default=60.0, gt=0)
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    max_json_depth: int = Field(default=32, ge=4)
    windows_per_request: int = Field(default=2_000, ge=MOST_WINDOWS, le=1_000_000)
    scoring_batch: int = Field(default=64, ge=1, le=1000)
    classifier_threads: int = Field(default=2, ge=1)
    idempotency_days: float = Field(default=7.0, ge=1)
    secret_key: SecretStr | None = Field(default=None, description="None: secret.key in the home folder")
    require_totp: bool = Field(default=False, description="True in production: codes are no choice")
    totp_roles: tuple[Role, ...] = Field(default=tuple(Role), description="whom require_totp is about")
    oidc: OidcSettings | None = None
    secure_cookies: bool = Field(default=False, description="True behind TLS: cookies get __Host- and Secure")

    @property
    def sqlalchemy_url(self) -> str:
        """The database to open, as SQLAlchemy spells it."""
        if self.database_url is None:
            return f"sqlite:///{(self.home / 'hub.sqlite').resolve()}"
        url = self.database_url.get_secret_value()
        if url.startswith(("postgres://", "postgresql://")):
            return "postgresql+psycopg://" + url.split("://", 1)[1]
        return url


def load_settings(home: Path) -> Settings:
    """The settings of the hub in `home`, every fault reported at once.

    Raises: BadConfig.
    """
    named = [name for name in os.environ if name.startswith(PREFIX) and name not in NOT_SETTINGS]
    unknown = [name for name in named if not _is_setting(name)]
    if unknown:
        raise BadConfig(f"unknown settings in the environment: {', '.join(sorted(unknown))}")
    file = home / "hub.yaml"
    values = _read(file) if file.exists() else {}
    for name in named:
        _leave_to_environment(values, name)
    try:
        return Settings(**{**values, "home": home})
    except SettingsError as error:
        raise BadConfig(f"settings: {error}") from None  # it names the setting and never its value
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise BadConfig(f"settings: {faults}") from None


def _path(name: str) -> tuple[str, str | None]:
    """The setting that a variable names, and the one inside its block, if it is a block's.

    >>> _path("WATCHHOUSE_OIDC__CLIENT_SECRET"), _path("WATCHHOUSE_BUNDLE")
    (('oidc', 'client_secret'), ('bundle', None))
    """
    outer, nested, inner = name.removeprefix(PREFIX).lower().partition(NESTED)
    return outer, inner if nested else None


def _is_setting(name: str) -> bool:
    outer, inner = _path(name)
    if inner is None:
        return outer in Settings.model_fields
    return outer in BLOCKS and inner in BLOCKS[outer].model_fields


def _leave_to_environment(values: dict[str, Any], name: str) -> None:
    outer, inner = _path(name)
    if inner is None:
        values.pop(outer, None)
    elif isinstance(values.get(outer), dict):
        values[outer].pop(inner, None)


def _read(file: Path) -> dict[str, Any]:
    try:
        raw = read_yaml(file.read_bytes())
    except (yaml.YAMLError, ValueError) as error:
        raise BadConfig(not_yaml(file, error)) from None
    except OSError as error:
        raise BadConfig(f"{file}: cannot be read ({error.strerror})") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(isinstance(name, str) for name in raw):
        raise BadConfig(f"{file}: one setting a line, NAME: VALUE")
    if "home" in raw:
        raise BadConfig(f"{file}: home: is the folder that this file is in")
    return raw
