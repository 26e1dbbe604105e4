"""The bundle: a folder that holds one trained classifier, known by its hash and refused when altered.

Training writes it, serving reads it; nothing else passes between the two. `manifest.json` names every
other file with its SHA-256 and size, carries the facts of the training run, and hashes itself.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.calibration import Calibration
from model.configuration import sha256_of
from model.errors import BundleRefused
from model.normalise import NORMALISER_VERSION
from model.taxonomy import HEAD_ORDER
from model.thresholds import Thresholds

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
REQUIRED_FILES = ("model.onnx", "tokenizer.json", "calibration.json", "thresholds.json", "MODEL_CARD.md")
BUNDLES_FOLDER = Path(__file__).resolve().parent / "bundles"

_SELF_HASH = "manifest_sha256"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LANGUAGE = re.compile(r"[a-z]{2,3}|\*")
_HASH = re.compile(r"[0-9a-f]{64}")
_MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024
# Not every system has every flag; without O_NONBLOCK a pipe in the folder would hang the start.
_READ_PLAINLY = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"):
    _READ_PLAINLY |= getattr(os, _flag, 0)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle, held in memory: what was hashed is what is used, no file is read twice."""

    folder: Path
    manifest: dict[str, Any]
    bundle_id: str
    model_bytes: bytes
    tokenizer_json: str
    calibration: Calibration
    thresholds: Thresholds

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """The bundle in `folder`, every byte of every file checked.

        Raises: BundleRefused naming the first file that is altered, missing, extra, a link, or of
            another version than this code.
        """
        manifest = _read_manifest(folder)
        _check_listing(folder, manifest["files"])
        contents = {
            name: _read_verified(folder, name, manifest["files"][name]) for name in sorted(manifest["files"])
        }
        try:
            tokenizer_json = contents["tokenizer.json"].decode("utf-8")
        except UnicodeDecodeError:
            raise _refused("tokenizer.json", "not UTF-8") from None
        return cls(
            folder=folder,
            manifest=manifest,
            bundle_id=_bundle_id(manifest),
            model_bytes=contents["model.onnx"],
            tokenizer_json=tokenizer_json,
            calibration=Calibration.from_json(contents["calibration.json"]),
            thresholds=Thresholds.from_json(contents["thresholds.json"]),
        )

    @property
    def max_tokens(self) -> int:
        """Most tokens of one text that the network reads, special tokens included."""
        return int(self.manifest["max_tokens"])

    @property
    def pad_token_id(self) -> int:
        """The token id that fills short rows; masked out in the graph."""
        return int(self.manifest["pad_token_id"])

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639 codes of the languages it was trained to read; `*` means any. English if unsaid."""
        return tuple(self.manifest.get("languages", ("en",)))


def default_bundle_folder() -> Path:
    """The one folder under `model/bundles/`: the bundle that ships.

    Raises: BundleRefused if there is none, or more than one to choose from.
    """
    folders = sorted(path for path in BUNDLES_FOLDER.glob("*") if (path / MANIFEST).is_file())
    if len(folders) != 1:
        raise BundleRefused(f"{BUNDLES_FOLDER}: wants exactly one bundle folder, found {len(folders)}")
    return folders[0]


def write_manifest(folder: Path, facts: dict[str, Any]) -> str:
    """Hashes every file in `folder`, writes `manifest.json` beside them, and returns the bundle id.

    `facts` must hold `name`, `max_tokens` and `pad_token_id`; whatever else is in it (data hashes,
    recipe, licences, figures) is kept as it is. The result is verified before it is returned.

    Raises: BundleRefused if the folder would not load; ValueError if a fact is NaN or infinite.
    """
    files = {}
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            raise _refused(path.name, "not a regular file")
        if path.name != MANIFEST:
            data = path.read_bytes()
            files[path.name] = {"sha256": sha256_of(data), "bytes": len(data)}
    manifest: dict[str, Any] = {
        **facts,
        "schema_version": SCHEMA_VERSION,
        "heads": list(HEAD_ORDER),
        "normaliser_version": NORMALISER_VERSION,
        "files": files,
    }
    # Through JSON once, so that tuples and number keys are hashed as a reader will see them.
    manifest = json.loads(canonical_json(manifest))
    manifest[_SELF_HASH] = _self_hash(manifest)
    (folder / MANIFEST).write_bytes(canonical_json(manifest))
    return Bundle.load(folder).bundle_id


def canonical_json(value: Any) -> bytes:
    """The one spelling of `value` as JSON: sorted keys, two spaces, UTF-8, newline at the end.

    Raises: ValueError if `value` holds NaN or an infinity, which JSON cannot spell.

    >>> canonical_json({"b": 1, "a": [0.5]})
    b'{\\n  "a": [\\n    0.5\\n  ],\\n  "b": 1\\n}\\n'
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8")


def _self_hash(manifest: dict[str, Any]) -> str:
    return sha256_of(canonical_json({key: value for key, value in manifest.items() if key != _SELF_HASH}))


def _bundle_id(manifest: dict[str, Any]) -> str:
    return f"{manifest['name']}-{manifest[_SELF_HASH][:12]}"


def _refused(name: str, why: str) -> BundleRefused:
    return BundleRefused(f"{name}: {why}", field=name)


def _read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, spelled canonically, hashed by itself, and of versions that this code knows."""
    data = _read_once(folder, MANIFEST, _MANIFEST_LIMIT_BYTES)
    try:
        manifest: Any = json.loads(data)
        spelled = canonical_json(manifest)
    except (ValueError, RecursionError):
        raise _refused(MANIFEST, "not JSON") from None
    if not isinstance(manifest, dict) or spelled != data:
        raise _refused(MANIFEST, "not the canonical spelling of a JSON object")
    if manifest.get(_SELF_HASH) != _self_hash(manifest):
        raise _refused(MANIFEST, f"{_SELF_HASH} does not match the contents")
    _check_facts(manifest)
    return manifest


def _check_facts(manifest: dict[str, Any]) -> None:
    wanted = {
        "schema_version": SCHEMA_VERSION,
        "heads": list(HEAD_ORDER),
        "normaliser_version": NORMALISER_VERSION,
    }
    for key, value in wanted.items():
        if manifest.get(key) != value:
            raise _refused(MANIFEST, f"{key} must be {value}")
    name = manifest.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused(MANIFEST, "name must be lower-case letters, digits, dots, dashes")
    for key, least, most in (("max_tokens", 8, 512), ("pad_token_id", 0, 2**31 - 1)):
        value = manifest.get(key)
        if type(value) is not int or not least <= value <= most:
            raise _refused(MANIFEST, f"{key} must be an integer from {least} to {most}")
    languages = manifest.get("languages", ["en"])
    if not isinstance(languages, list) or not languages:
        raise _refused(MANIFEST, "languages must be a list that is not empty")
    if not all(isinstance(code, str) and _LANGUAGE.fullmatch(code) for code in languages):
        raise _refused(MANIFEST, "languages must hold ISO 639 codes, or * for any")
    _check_files(manifest.get("files"))


def _check_files(files: object) -> None:
    if not isinstance(files, dict):
        raise _refused(MANIFEST, "files must be an object")
    for file_name, entry in files.items():
        if not _FILE_NAME.fullmatch(file_name) or file_name == MANIFEST:
            raise _refused(MANIFEST, "files names something that is not a plain file name")
        if not isinstance(entry, dict) or set(entry) != {"sha256", "bytes"}:
            raise _refused(MANIFEST, f"files: {file_name}: wants sha256 and bytes")
        digest, size = entry["sha256"], entry["bytes"]
        if not isinstance(digest, str) or not _HASH.fullmatch(digest) or type(size) is not int or size < 0:
            raise _refused(MANIFEST, f"files: {file_name}: not a hash and a size")
    for file_name in REQUIRED_FILES:
        if file_name not in files:
            raise _refused(file_name, "not named in the manifest")


def _check_listing(folder: Path, files: dict[str, Any]) -> None:
    """Refuses a folder that holds more, or less, than the manifest says."""
    with os.scandir(folder) as entries:
        found = sorted(entry.name for entry in entries)
    for name in found:
        if name != MANIFEST and name not in files:
            raise _refused(name, "not named in the manifest")
    for name in sorted(files):
        if name not in found:
            raise _refused(name, f"missing from {folder}")


def _read_verified(folder: Path, name: str, entry: dict[str, Any]) -> bytes:
    data = _read_once(folder, name, entry["bytes"])
    if len(data) != entry["bytes"] or sha256_of(data) != entry["sha256"]:
        raise _refused(name, "altered: its bytes are not those that the manifest names")
    return data


def _read_once(folder: Path, name: str, limit_bytes: int) -> bytes:
    """The bytes of a regular file (never of a link, pipe or device), read through one descriptor."""
    try:
        descriptor = os.open(folder / name, _READ_PLAINLY)
    except FileNotFoundError:
        raise _refused(name, f"missing from {folder}") from None
    except OSError as error:
        raise _refused(name, f"cannot be read, or is a link ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refused(name, "not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise _refused(name, "altered: larger than it may be")
    return data
