"""Texts, notes and files of the labelling room that are written to break the page stay words."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hostile import HOSTILE, IN_ONE_POST, Probe
from label_seed import label_by_two, suspect_labels
from playwright.sync_api import expect

from labelling.labels import Answers
from serve.console.visible_text import visible

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def own_host(hub) -> str:
    return urlsplit(hub.url).netloc


def test_hostile_texts_are_words_at_the_desk_beside_the_machines_scores_and_in_its_notes(
    hub, own_host, new_page, sign_in, tmp_path
) -> None:
    groups = [HOSTILE[start : start + IN_ONE_POST] for start in range(0, len(HOSTILE), IN_ONE_POST)]
    texts = ["\n".join(group) for group in groups]
    hub.post(*texts)
    senior, page = new_page(), new_page()
    sign_in(senior, "supervisor")
    senior.goto("/labelling/batches/new")
    senior.get_by_label("What is it called?").fill("hostile")
    senior.get_by_label("Audit, per cent").fill("0")
    senior.get_by_role("checkbox", name="Show the machine's scores").check()
    senior.get_by_role("button", name="Make the batch").click()
    expect(senior.get_by_role("status")).to_contain_text("hostile was made")
    probe = Probe(page, own_host)
    sign_in(page, "annotator")
    page.goto("/labelling")
    page.get_by_role("button", name="Label hostile").click()
    seen = []
    while page.locator("#label").count():
        page.wait_for_load_state()
        page.keyboard.press("r")
        box = page.locator("#text")
        expect(box).to_be_visible()
        seen.append(box.evaluate("box => box.textContent"))
        page.locator("#text [data-start]").first.click()
        page.keyboard.press("m")
        page.locator("#note").fill(HOSTILE[1])
        page.get_by_role("radio", name="S2").check()
        page.get_by_role("radio", name="Neutral").check()
        page.get_by_role("button", name="Save and go on").click()
        expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
        assert box.evaluate("box => box.textContent") == seen[-1]
        assert page.locator("#note").input_value() == HOSTILE[1]
        probe.assert_clean()
        page.get_by_role("radio", name="Endorses").check()
        with page.expect_navigation():
            page.get_by_role("button", name="Save and go on").click()
        if page.get_by_role("heading", name="What you said").count():
            page.get_by_text("Show it again").click()
            assert page.locator("#text").evaluate("box => box.textContent") == seen[-1]
            made = page.get_by_role("main").locator(
                "img, iframe, object, embed, script, style, a[href^=http]"
            )
            assert made.count() == 0
            probe.assert_clean()
            page.get_by_role("button", name="Keep my answer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Labelling")
    assert seen
    assert set(seen) <= {visible(text) for text in texts}
    probe.assert_clean()


def test_hostile_words_of_annotators_and_of_files_stay_words(
    hub, own_host, new_page, sign_in, tmp_path
) -> None:
    """Texts, notes, cohorts, explanations, and a file of suspects: each holds markup, and each is read."""
    words = "\n".join(line for line in HOSTILE[:40] if "\x01" not in line)
    shown_words = visible(words)
    texts = [words, f"{words} again"]
    meant = Answers(
        ["antisemitic"], 2, "endorses", note=words[:900], rationale=[(0, 60)], disagreement=HOSTILE[3]
    )
    quoted = Answers(["antisemitic"], 2, "counters", note=HOSTILE[1])
    label_by_two(hub.home, "pilot", [(text, meant, quoted) for text in texts], cohort=HOSTILE[5])
    suspect_labels(hub.home, tmp_path, texts, words=words)
    page = new_page()
    probe = Probe(page, own_host)
    sign_in(page, "supervisor")

    def look(*expected: str) -> None:
        main = page.get_by_role("main")
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        text = main.evaluate("main => main.textContent")
        assert [one for one in expected if one not in text] == []
        made = main.locator("img, iframe, object, embed, base, link, meta, style, script, video, audio, math")
        assert made.count() == 0
        probe.assert_clean()

    page.goto("/labelling/agreement")
    look(visible(HOSTILE[5]))
    page.goto("/labelling/adjudication")
    look()
    page.get_by_role("link", name="Judge the first").click()
    look(shown_words[:300], visible(HOSTILE[1]), visible(HOSTILE[3]), visible(HOSTILE[5]))
    page.get_by_label("Why?").fill(words[:1_500])
    page.get_by_role("button", name="Record and go on").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
    assert page.get_by_label("Why?").input_value() == words[:1_500]
    look(shown_words[:300])
    page.get_by_role("radio", name="Ambiguous text").check()
    page.get_by_role("button", name="Record and go on").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded")
    page.goto("/labelling/adjudication")
    look(shown_words[:300])
    page.goto("/labelling/suspects")
    look()
    page.get_by_role("link", name="Judge the first").click()
    look(shown_words[:300], visible(HOSTILE[1]))
