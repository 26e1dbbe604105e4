"""The bundle: whatever is altered, missing, extra or foreign is refused by its name."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model import bundle as bundle_module
from model.bundle import (
    MANIFEST,
    REQUIRED_FILES,
    Bundle,
    canonical_json,
    default_bundle_folder,
    write_manifest,
)
from model.errors import BundleRefused
from model.taxonomy import HEAD_ORDER

FACTS = {"name": "tiny", "max_tokens": 64, "pad_token_id": 0, "languages": ["*"]}


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def refusal(folder: Path) -> BundleRefused:
    with pytest.raises(BundleRefused) as caught:
        Bundle.load(folder)
    return caught.value


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """A manifest that was changed by somebody who knows how to hash it again."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    manifest.pop("manifest_sha256")
    manifest["manifest_sha256"] = hashlib.sha256(canonical_json(manifest)).hexdigest()
    (folder / MANIFEST).write_bytes(canonical_json(manifest))


def test_whole_bundle_loads_with_its_facts(tiny_bundle: Path) -> None:
    bundle = Bundle.load(tiny_bundle)
    assert bundle.bundle_id == f"tiny-{bundle.manifest['manifest_sha256'][:12]}"
    assert bundle.model_bytes == (tiny_bundle / "model.onnx").read_bytes()
    assert bundle.thresholds == dict.fromkeys(HEAD_ORDER, 0.5)
    assert (bundle.max_tokens, bundle.pad_token_id) == (64, 0)


def test_same_files_and_facts_give_the_same_id(folder: Path, tiny_bundle: Path) -> None:
    assert write_manifest(folder, dict(reversed(FACTS.items()))) == Bundle.load(tiny_bundle).bundle_id


def test_facts_are_kept_and_change_the_id(folder: Path) -> None:
    first = Bundle.load(folder).bundle_id
    second = write_manifest(folder, {**FACTS, "figures": {"dev": (0.91, 0.5)}, "data": {10: "b", 9: "a"}})
    assert second != first
    assert Bundle.load(folder).manifest["figures"] == {"dev": [0.91, 0.5]}


@pytest.mark.parametrize("name", [*REQUIRED_FILES, MANIFEST])
def test_every_flipped_byte_is_refused_by_its_files_name(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    chosen = random.Random(7)
    places = range(len(whole)) if len(whole) <= 4096 else chosen.sample(range(len(whole)), 1000)
    for place in places:
        altered = bytearray(whole)
        altered[place] ^= chosen.randint(1, 255)
        (folder / name).write_bytes(altered)
        assert refusal(folder).field == name
    (folder / name).write_bytes(whole)
    assert Bundle.load(folder).bundle_id.startswith("tiny-")


@pytest.mark.parametrize("name", [*REQUIRED_FILES, MANIFEST])
@pytest.mark.parametrize("alter", [lambda data: data[:-1], lambda data: data + b"\n", lambda _data: b""])
def test_shorter_longer_or_empty_file_is_refused(
    folder: Path, name: str, alter: Callable[[bytes], bytes]
) -> None:
    (folder / name).write_bytes(alter((folder / name).read_bytes()))
    error = refusal(folder)
    assert error.field == name
    assert error.message.startswith(name)


@pytest.mark.parametrize("name", [*REQUIRED_FILES, MANIFEST])
def test_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder).field == name


@pytest.mark.parametrize("name", [*REQUIRED_FILES, MANIFEST])
def test_link_to_the_same_bytes_is_refused(folder: Path, name: str) -> None:
    moved = (folder / name).rename(folder.parent / name)
    (folder / name).symlink_to(moved)
    assert refusal(folder).field == name


@pytest.mark.parametrize("name", ["model.onnx", MANIFEST])
def test_pipe_in_place_of_a_file_is_refused_without_waiting(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert refusal(folder).field == name


def test_folder_in_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / "MODEL_CARD.md").unlink()
    (folder / "MODEL_CARD.md").mkdir()
    assert refusal(folder).field == "MODEL_CARD.md"


@pytest.mark.parametrize("name", ["model.onnx.data", ".hidden", "run.py"])
def test_file_that_the_manifest_does_not_name_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    assert refusal(folder).field == name


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").field == MANIFEST


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(schema_version=2),
        lambda m: m.update(normaliser_version=m["normaliser_version"] + 1),
        lambda m: m.update(heads=list(reversed(m["heads"]))),
        lambda m: m.update(heads=m["heads"][:3]),
        lambda m: m.update(name="../../etc"),
        lambda m: m.update(name=7),
        lambda m: m.update(max_tokens=0),
        lambda m: m.update(max_tokens=True),
        lambda m: m.update(max_tokens=64.0),
        lambda m: m.update(pad_token_id=-1),
        lambda m: m.pop("pad_token_id"),
        lambda m: m.update(files=[]),
        lambda m: m["files"].update({"../outside": {"sha256": "0" * 64, "bytes": 0}}),
        lambda m: m["files"].update({"model.onnx": {"sha256": "0" * 64}}),
        lambda m: m["files"].update({"model.onnx": {"sha256": "0" * 63, "bytes": 1}}),
        lambda m: m["files"].update({"model.onnx": {"sha256": "0" * 64, "bytes": -1}}),
        lambda m: m["files"].update({MANIFEST: {"sha256": "0" * 64, "bytes": 1}}),
    ],
)
def test_well_hashed_manifest_of_another_kind_is_refused(
    folder: Path, change: Callable[[Any], object]
) -> None:
    rewrite_manifest(folder, change)
    assert refusal(folder).field == MANIFEST


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_manifest_that_leaves_out_a_required_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    rewrite_manifest(folder, lambda manifest: manifest["files"].pop(name))
    assert refusal(folder).field == name


@pytest.mark.parametrize(
    "data", [b"[]", b"1", b"null", b"{}\n", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"]
)
def test_manifest_that_is_no_manifest_is_refused(folder: Path, data: bytes) -> None:
    (folder / MANIFEST).write_bytes(data)
    assert refusal(folder).field == MANIFEST


def test_other_spelling_of_the_same_manifest_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert "canonical" in refusal(folder).message


@pytest.mark.parametrize(
    "thresholds",
    [
        [],
        {"schema_version": 2, "heads": dict.fromkeys(HEAD_ORDER, 0.5)},
        {"schema_version": 1, "heads": dict.fromkeys(HEAD_ORDER[1:], 0.5)},
        {"schema_version": 1, "heads": dict.fromkeys(HEAD_ORDER, 0)},
        {"schema_version": 1, "heads": dict.fromkeys(HEAD_ORDER, 1)},
        {"schema_version": 1, "heads": dict.fromkeys(HEAD_ORDER, "0.5")},
        {"schema_version": 1, "heads": dict.fromkeys(HEAD_ORDER, float("nan"))},
    ],
)
def test_thresholds_out_of_shape_are_refused(folder: Path, thresholds: Any) -> None:
    (folder / "thresholds.json").write_text(json.dumps(thresholds), encoding="utf-8")
    with pytest.raises(BundleRefused) as caught:
        write_manifest(folder, FACTS)
    assert caught.value.field == "thresholds.json"


def test_file_that_changes_after_loading_changes_nothing(folder: Path) -> None:
    loaded = Bundle.load(folder)
    whole = loaded.model_bytes
    (folder / "model.onnx").write_bytes(b"other")
    assert loaded.model_bytes == whole


def test_each_file_is_opened_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    really_open = os.open

    def counted(path: Any, *args: Any, **kwargs: Any) -> int:
        opened.append(Path(path).name)
        return really_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", counted)
    Bundle.load(folder)
    assert sorted(opened) == sorted([*REQUIRED_FILES, MANIFEST])


@pytest.mark.parametrize("facts", [{}, {"name": "tiny"}, {**FACTS, "name": "Not A Name"}])
def test_writing_with_facts_missing_or_wrong_is_refused(folder: Path, facts: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused):
        write_manifest(folder, facts)


def test_writing_a_figure_that_is_not_a_number_raises(folder: Path) -> None:
    with pytest.raises(ValueError):
        write_manifest(folder, {**FACTS, "figures": {"auc": float("nan")}})


def test_writing_over_a_link_is_refused(folder: Path) -> None:
    (folder / "figures.json").symlink_to(folder / "thresholds.json")
    with pytest.raises(BundleRefused, match=r"figures\.json"):
        write_manifest(folder, FACTS)


def test_default_folder_is_the_only_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = tmp_path / "bundles"
    monkeypatch.setattr(bundle_module, "BUNDLES_FOLDER", bundles)
    with pytest.raises(BundleRefused, match="found 0"):
        default_bundle_folder()
    shutil.copytree(folder, bundles / "one")
    assert default_bundle_folder() == bundles / "one"
    shutil.copytree(folder, bundles / "two")
    with pytest.raises(BundleRefused, match="found 2"):
        default_bundle_folder()
