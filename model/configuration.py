"""YAML files under `configs/`: read safely, checked whole, and known by their hash."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from model.errors import BadConfig

ModelT = TypeVar("ModelT", bound=BaseModel)


class FrozenConfig(BaseModel):
    """A configuration shape: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def configs_folder() -> Path:
    """The folder of dated data and settings: `WATCHHOUSE_CONFIG_DIR`, else the one that ships."""
    chosen = os.environ.get("WATCHHOUSE_CONFIG_DIR")
    return Path(chosen) if chosen else Path(__file__).resolve().parent.parent / "configs"


def sha256_of(data: bytes) -> str:
    """The lower-case hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


# libyaml's parser reads a hub's files in a tenth of the time; which values come of them is the same code.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(data: bytes) -> Any:
    """The values of a YAML document: plain ones only, no Python objects.

    Raises: yaml.YAMLError; ValueError for an impossible date.
    """
    return yaml.load(data, Loader=_LOADER)  # noqa: S506 - both are safe loaders


def load_yaml(path: Path, shape: type[ModelT]) -> tuple[ModelT, str]:
    """The checked contents of a YAML file and the SHA-256 of its bytes.

    Raises: BadConfig, listing every fault of the file at once.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read ({error.strerror})") from None
    try:
        raw = _values_of(data)
    except (yaml.YAMLError, ValueError) as error:
        raise BadConfig(not_yaml(path, error)) from None
    try:
        return shape.model_validate(raw), sha256_of(data)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise BadConfig(f"{path}: {faults}") from None


@lru_cache(maxsize=64)
def _values_of(data: bytes) -> Any:
    """The values of a document that may have been read before; nobody but a shape's check sees them."""
    return read_yaml(data)


def not_yaml(path: Path, error: yaml.YAMLError | ValueError) -> str:
    """What to say of a file that PyYAML cannot read: its name and the line, never the line's words.

    PyYAML's own message quotes the line, and that may hold the database's password. A ValueError is
    what it raises for an impossible date.
    """
    mark = getattr(error, "problem_mark", None)
    return f"{path}: not YAML" if mark is None else f"{path}: not YAML (line {mark.line + 1})"
