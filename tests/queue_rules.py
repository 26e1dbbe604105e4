"""The rules of the queue with chance taken out, for tests that would else go another way one time in ten."""

from __future__ import annotations

from pathlib import Path

from model.configuration import configs_folder

SHARE = "second_reading_share: 0.1\n"


def rules_without_chance(folder: Path) -> Path:
    """A file in the folder: the shipped rules, but no case is drawn for a second reading."""
    whole = (configs_folder() / "policy" / "queue.yaml").read_text(encoding="utf-8")
    assert SHARE in whole
    file = folder / "queue-without-chance.yaml"
    file.write_text(whole.replace(SHARE, "second_reading_share: 0.0\n"), encoding="utf-8")
    return file
