from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from model.errors import BadConfig, SecretUnreadable
from serve.people.secret_box import KEY_FILE, SecretBox, open_secret_box
from serve.settings import Settings


@pytest.fixture
def home(hub_home: Path) -> Settings:
    """Settings of a hub on an empty folder."""
    return Settings(home=hub_home)


def test_first_start_makes_a_key_file_for_the_hubs_account_alone(home: Settings) -> None:
    box = open_secret_box(home)

    file = home.home / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in home.home.iterdir()] == [KEY_FILE]
    assert open_secret_box(home).unseal(box.seal("words", owner="1"), owner="1") == "words"


def test_two_processes_that_start_at_once_use_one_key(home: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        boxes = list(pool.map(lambda _: open_secret_box(home), range(16)))

    sealed = [box.seal("words", owner="1") for box in boxes]
    assert {boxes[0].unseal(one, owner="1") for one in sealed} == {"words"}
    assert [path.name for path in home.home.iterdir()] == [KEY_FILE]


def test_key_of_the_settings_is_used_and_never_shown(home: Settings) -> None:
    key = Fernet.generate_key().decode()
    settings = home.model_copy(update={"secret_key": SecretStr(key)})

    sealed = open_secret_box(settings).seal("words", owner="1")

    assert SecretBox(key).unseal(sealed, owner="1") == "words"
    assert not (home.home / KEY_FILE).exists()
    assert key not in repr(settings)


def test_what_was_altered_or_sealed_for_another_does_not_open(home: Settings) -> None:
    box = open_secret_box(home)
    sealed = box.seal("words", owner="1")

    for wrong, owner in (
        (sealed, "2"), (sealed, ""), (sealed[:-1], "1"), (b"", "1"), ("ü".encode(), "1"),
        (SecretBox(Fernet.generate_key().decode()).seal("words", owner="1"), "1"),
    ):  # fmt: skip
        with pytest.raises(SecretUnreadable):
            box.unseal(wrong, owner=owner)


def test_what_is_too_old_does_not_open(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    box = open_secret_box(home)
    sealed = box.seal("words", owner="1")
    assert box.unseal(sealed, owner="1", seconds=600) == "words"

    monkeypatch.setattr("cryptography.fernet.time.time", lambda: 4_000_000_000)
    with pytest.raises(SecretUnreadable):
        box.unseal(sealed, owner="1", seconds=600)


def test_unusable_key_is_refused_without_being_shown(home: Settings) -> None:
    with pytest.raises(BadConfig) as refusal:
        open_secret_box(home.model_copy(update={"secret_key": SecretStr("made-up-secret")}))

    assert refusal.value.field == "secret_key"
    assert "made-up" not in refusal.value.message


@pytest.mark.parametrize("content", [b"", b"not a key", b"\xff\xfe", b"\0" * 44])
def test_unusable_key_file_is_refused(home: Settings, content: bytes) -> None:
    file = home.home / KEY_FILE
    file.touch(mode=0o600)
    file.write_bytes(content)

    with pytest.raises(BadConfig):
        open_secret_box(home)


def test_key_file_that_others_can_read_is_refused(home: Settings) -> None:
    open_secret_box(home)
    (home.home / KEY_FILE).chmod(0o640)

    with pytest.raises(BadConfig, match="chmod 600"):
        open_secret_box(home)
