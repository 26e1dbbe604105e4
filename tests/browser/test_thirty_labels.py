"""Thirty texts labelled by keyboard alone, three of them undone: the database has exactly what was said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labelling import command

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PLAIN = [
    "The bus to Leeds is late again.", "The library opens on Sunday.", "A choir of three faiths sang.",
    "The council met on Tuesday.", "The market has new stalls.", "The river is high.",
]  # fmt: skip


@dataclass(frozen=True)
class Said:
    """The keys that label a text, and the row that they must give beyond a neutral post's."""

    keys: tuple[str, ...] = ()
    row: dict[str, Any] = field(default_factory=dict)


NEUTRAL = {
    "strands": [], "codes": [], "severity": 0, "speech_act": "neutral", "hate": 0, "context_flags": [],
    "confidence": None, "disagrees": 0, "disagreement": None, "rationale": [], "note": None,
    "assisted": "none", "saw_scores": 0,
}  # fmt: skip

SPECIAL: dict[int, tuple[str, Said]] = {
    3: (
        "\U0001f40d They are vermin, all of them.",
        Said(
            ("a", "2", "d", "b", *["ArrowRight"] * 3, "Shift+ArrowRight", "m", "9"),
            {
                "strands": ["antisemitic"], "codes": ["IH2"], "severity": 2, "speech_act": "endorses",
                "hate": 1, "rationale": "are vermin", "confidence": "high",
            },
        ),
    ),
    7: (
        "She asked: who still says such things? Not us.",
        Said(
            ("i", "1", "c", "g", "a", "g", "b", "7"),
            {
                "strands": ["islamophobic"], "severity": 1, "speech_act": "counters",
                "context_flags": ["counter_speech", "quotation_or_report"], "confidence": "low",
            },
        ),
    ),
    12: (
        "Some say that the culture is under threat.",
        Said(
            ("f", "d", "n", "j", "type:The tag is too wide", "Escape", "8"),
            {
                "strands": ["far_right"], "codes": ["CN"], "disagrees": 1, "confidence": "medium",
                "disagreement": "The tag is too wide",
            },
        ),
    ),
    16: (
        "The archive shows a pamphlet of 1936.",
        Said(
            ("q", "g", "d", "o", "type:A museum's page", "Escape"),
            {
                "speech_act": "reports_or_quotes", "context_flags": ["education_or_history"],
                "note": "A museum's page",
            },
        ),
    ),
    20: (
        "They should all go, they and theirs.",
        Said(
            ("i", "d", "m", "3"),
            {
                "strands": ["islamophobic"], "codes": ["limb_b"], "severity": 3, "speech_act": "endorses",
                "hate": 1,
            },
        ),
    ),
}  # fmt: skip
TEXTS = [
    SPECIAL[number][0] if number in SPECIAL else f"Post {number:02}. {PLAIN[number % len(PLAIN)]}"
    for number in range(30)
]
UNDONE_AFTER = {9: 1, 20: 2}
"""After which text so many labels are taken back, one after the other."""

CHANGED = {
    9: Said(("q",), {"speech_act": "reports_or_quotes"}),
    20: Said(("4",), {**SPECIAL[20][1].row, "severity": 4}),
}
"""What is said the second time, where it is not the same again."""


def press(page: Page, *keys: str) -> None:
    for key in keys:
        if key.startswith("type:"):
            page.keyboard.type(key.removeprefix("type:"))
        else:
            page.keyboard.press(key)


def opened(page: Page, text: str) -> None:
    """Waits for the covered page of this text and uncovers it with one key."""
    shown = page.locator("#text")
    expect(shown).to_have_text(text)
    expect(shown).to_be_hidden()
    page.wait_for_load_state()  # keys work once the script has run
    page.keyboard.press("r")
    expect(shown).to_be_visible()


def test_thirty_texts_are_labelled_by_keyboard_alone_and_three_undone(
    hub: Any, new_page: Callable[..., Page], sign_in: Callable[..., None], screenshot: Any, tmp_path: Path
) -> None:
    source = tmp_path / "pilot.jsonl"
    source.write_text("\n".join(json.dumps({"id": str(n), "text": t}) for n, t in enumerate(TEXTS)), "utf-8")
    assert command.add_tasks(hub.home, batch="pilot", source=str(source)) == 0
    page = new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    sign_in(page, "annotator")
    page.goto("/labelling")
    page.wait_for_load_state()
    press(page, "n")

    for number, text in enumerate(TEXTS):
        opened(page, text)
        said = SPECIAL.get(number, ("", Said()))[1]
        press(page, *said.keys)
        if number in SPECIAL:
            screenshot(page, f"desk-{number:02}", whole=True)
        press(page, "Enter")
        back = UNDONE_AFTER.get(number, 0)
        for taken in range(back):
            expect(page.locator("#text")).to_have_text(TEXTS[number - taken + 1])
            page.wait_for_load_state()
            press(page, "Backspace")
            expect(page.locator("#said")).to_contain_text("You undid this label.")
        for again in range(number - back + 1, number + 1):
            opened(page, TEXTS[again])
            press(page, *CHANGED.get(again, Said()).keys, "Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Labelling")
    assert faults == []
    stored = hub.rows("SELECT t.external_id, t.text, l.* FROM labels l JOIN tasks t ON t.task_id = l.task_id")
    standing = {int(row["external_id"]): row for row in stored if row["undone_at"] is None}
    assert sorted(standing) == list(range(30))
    for number, row in standing.items():
        wanted = {**NEUTRAL, **CHANGED.get(number, SPECIAL.get(number, ("", Said()))[1]).row}
        found = {
            name: json.loads(row[name]) if isinstance(NEUTRAL[name], list) else row[name] for name in wanted
        }
        if isinstance(passage := wanted["rationale"], str):
            start = row["text"].index(passage)
            wanted["rationale"] = [[start, start + len(passage)]]
        assert found == wanted, TEXTS[number]
        assert row["seconds_spent"] is None or 0 <= row["seconds_spent"] < 600
    assert any(row["seconds_spent"] for row in standing.values())
    assert sorted(int(row["external_id"]) for row in stored if row["undone_at"]) == [9, 19, 20]
    assert {row["state"] for row in hub.rows("SELECT state FROM task_slots")} == {"labelled"}
