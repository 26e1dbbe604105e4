"""The labelling desk by keyboard alone: label, mark, skip, undo, export. Real hub, real Chromium."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labelling import command
from model.records import read_jsonl

pytestmark = pytest.mark.browser

TEXTS = [
    "The bus to Leeds is late again.",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f40d They are vermin, all of them, and should leave.",
    "She asked: who still says such things? Not us.",
    "Friday prayers start at one, the mosque says on https://example.org/times",
    "A choir of three faiths sang in the town hall.",
    "Le train est en retard.",
    "The library opens on Sunday from now on.",
]


@pytest.fixture
def pilot(hub: Any, tmp_path: Path) -> list[str]:
    """A batch of texts, added by the command."""
    source = tmp_path / "pilot.jsonl"
    rows = [json.dumps({"id": f"p{number}", "text": text}) for number, text in enumerate(TEXTS)]
    source.write_text("\n".join(rows), encoding="utf-8")
    assert command.add_tasks(hub.home, batch="pilot", source=str(source)) == 0
    return TEXTS


@pytest.fixture
def desk(new_page: Callable[..., Page], sign_in: Callable[..., None], pilot: list[str]) -> Page:
    """The list of batches, with an annotator signed in and every fault of the page collected."""
    page = new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.faults = faults  # type: ignore[attr-defined] # carried to the end of the test
    sign_in(page, "annotator")
    page.goto("/labelling")
    return page


def _press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def _opened(page: Page, text: str) -> None:
    """Waits for the page of this text, still covered, and uncovers it with one key."""
    shown = page.locator("#text")
    expect(shown).to_contain_text(text)
    expect(shown).to_be_hidden()
    page.keyboard.press("r")
    expect(shown).to_be_visible()


def test_six_texts_are_labelled_one_undone_and_exported_by_keyboard_alone(
    hub: Any, desk: Page, screenshot: Callable[[Page, str], Path], tmp_path: Path
) -> None:
    screenshot(desk, "labelling-batches")
    _press(desk, "n")
    expect(desk.locator("summary").first).to_contain_text("7 words from batch pilot")
    screenshot(desk, "labelling-covered")

    _opened(desk, "The bus to Leeds")
    _press(desk, "Enter")  # a neutral text: one key labels, saves and goes on
    expect(desk.locator("#said")).to_contain_text("Saved: not hate.")

    _opened(desk, "They are vermin")
    _press(desk, "a", "i", "2")
    expect(desk.locator("input[value=endorses]")).to_be_checked()  # follows the severity until it is chosen
    expect(desk.get_by_label("Definition: Islamophobic")).to_be_visible()
    _press(desk, "i")
    expect(desk.get_by_label("Definition: Islamophobic")).to_be_hidden()
    expect(desk.get_by_label("Definition: Antisemitic")).to_be_visible()
    _press(desk, *["ArrowRight"] * 3, *["Shift+ArrowRight"] * 2, "m")
    screenshot(desk, "labelling-desk")
    _press(desk, "Enter")
    expect(desk.locator("#said")).to_contain_text("Saved: hate, antisemitic, S2.")

    _opened(desk, "who still says such things")
    _press(desk, "3", "c", "Enter")
    expect(desk.locator("#said")).to_contain_text("Saved: not hate.")

    _press(desk, "Backspace")  # undo: the third text again, with the answers as they were
    _opened(desk, "who still says such things")
    expect(desk.locator("#said")).to_contain_text("You undid this label.")
    expect(desk.locator("input[value=counters]")).to_be_checked()
    _press(desk, "1", "Enter")
    expect(desk.locator("#said")).to_contain_text("Saved: not hate.")

    _opened(desk, "hxxps://example.org/times")
    _press(desk, "Enter")
    _opened(desk, "A choir of three faiths")
    _press(desk, "Enter")

    _opened(desk, "Le train")
    _press(desk, "s")
    expect(desk.locator("dialog#skip")).to_be_visible()
    screenshot(desk, "labelling-skip")
    _press(desk, "2")
    expect(desk.locator("#said")).to_contain_text("Put aside: Not English.")
    _opened(desk, "The library opens")
    _press(desk, "Enter")
    expect(desk.get_by_role("status")).to_contain_text("Saved: not hate.")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Labelling")

    out = tmp_path / "labels.jsonl"
    assert command.export_labels(hub.home, out=out, batch="pilot") == 6
    posts = {post.text: post for post in read_jsonl(out)}
    assert set(posts) == set(TEXTS) - {TEXTS[5]}
    hateful = posts[TEXTS[1]]
    assert (hateful.hate, hateful.antisemitic, hateful.islamophobic, hateful.severity) == (1, 1, 0, 2)
    assert hateful.rationale is not None
    assert [hateful.text[start:end] for start, end in hateful.rationale] == ["are vermin,"]
    counter = posts[TEXTS[2]]
    assert (counter.hate, counter.severity, counter.speech_act) == (0, 1, "counters")
    assert sum(post.hate == 0 for post in posts.values()) == 5
    assert len(hub.rows("SELECT * FROM labels WHERE undone_at IS NOT NULL")) == 1
    assert desk.faults == []  # type: ignore[attr-defined] # set by the fixture


def test_mouse_selection_marks_whole_words_after_an_emoji(hub: Any, desk: Page) -> None:
    _press(desk, "n")
    _opened(desk, "The bus")
    _press(desk, "Enter")
    _opened(desk, "They are vermin")
    first, last = desk.locator("#text span", has_text="vermin"), desk.locator("#text span", has_text="leave")
    start, end = first.bounding_box(), last.bounding_box()
    assert start is not None
    assert end is not None
    desk.mouse.move(start["x"] + 2, start["y"] + start["height"] / 2)
    desk.mouse.down()
    desk.mouse.move(end["x"] + end["width"] - 2, end["y"] + end["height"] / 2, steps=4)
    desk.mouse.up()

    value = desk.locator("#rationale").input_value()
    assert [TEXTS[1][slice(*map(int, span.split("-")))] for span in value.split()] == [
        "vermin, all of them, and should leave"
    ]
    _press(desk, "x")
    expect(desk.locator("#rationale")).to_have_value("")
    assert desk.faults == []  # type: ignore[attr-defined] # set by the fixture


def test_enter_shows_a_covered_text_before_it_saves(hub: Any, desk: Page) -> None:
    _press(desk, "n")
    expect(desk.locator("#text")).to_be_hidden()

    _press(desk, "Enter")

    expect(desk.locator("#text")).to_be_visible()
    assert hub.rows("SELECT * FROM labels") == []


def test_without_scripts_the_form_still_saves_and_skips(
    hub: Any, new_page: Callable[..., Page], sign_in: Callable[..., None], pilot: list[str]
) -> None:
    page = new_page(java_script_enabled=False)
    sign_in(page, "annotator")
    page.goto("/labelling")
    page.get_by_role("button", name="Label pilot").click()
    page.locator("summary").first.click()
    expect(page.locator("#text")).to_have_text("The bus to Leeds is late again.")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("status")).to_contain_text("Saved: not hate.")
    page.get_by_role("button", name="Not enough context to judge").click()
    expect(page.get_by_role("status")).to_contain_text("Put aside")
