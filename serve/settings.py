"""How one hub is deployed: read once from `HOME/hub.yaml` and the environment, then passed down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.configuration import configs_folder, not_yaml
from model.errors import BadConfig
from model.windows import MOST_WINDOWS

PREFIX = "WATCHHOUSE_"
NOT_SETTINGS = {"WATCHHOUSE_CONFIG_DIR", "WATCHHOUSE_TARGET_KEY", "WATCHHOUSE_TEST_POSTGRES_URL"}
"""Names with our prefix that are read elsewhere: configuration.py, training/targets, tests/conftest.py."""


class Settings(BaseSettings):
    """A hub's settings. The environment (`WATCHHOUSE_...`) wins over `HOME/hub.yaml`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path
    database_url: SecretStr | None = Field(default=None, description="None: SQLite in the home folder")
    bundle: Path | None = Field(default=None, description="None: the bundle that ships")
    policy: Path = Field(default_factory=lambda: configs_folder() / "policy" / "officer.yaml")
    outcomes: Path = Field(default_factory=lambda: configs_folder() / "policy" / "outcomes.yaml")
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
    unknown = [
        name
        for name in os.environ
        if name.startswith(PREFIX)
        and name not in NOT_SETTINGS
        and name.removeprefix(PREFIX).lower() not in Settings.model_fields
    ]
    if unknown:
        raise BadConfig(f"unknown settings in the environment: {', '.join(sorted(unknown))}")
    file = home / "hub.yaml"
    values = _read(file) if file.exists() else {}
    in_environment = {name.removeprefix(PREFIX).lower() for name in os.environ if name.startswith(PREFIX)}
    values = {name: value for name, value in values.items() if name not in in_environment}
    try:
        return Settings(**{**values, "home": home})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise BadConfig(f"settings: {faults}") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(file.read_bytes())
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
