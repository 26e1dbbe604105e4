"""Posts written to break the page: nothing runs, nothing is fetched, everything is shown as text.

Two controls prove that the probe can fail: the same texts on an unsafe page do run, and our policy on
that page stops them and is seen to stop them.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest
from hostile import HOSTILE, IN_ONE_POST, Probe
from playwright.sync_api import Page, expect

from serve.console.security_headers import CONTENT_SECURITY_POLICY
from serve.console.visible_text import visible

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def own_host(hub) -> str:
    return urlsplit(hub.url).netloc


def test_hostile_posts_are_shown_as_text_and_nothing_runs(
    hub, own_host, new_page, sign_in, screenshot
) -> None:
    groups = [HOSTILE[start : start + IN_ONE_POST] for start in range(0, len(HOSTILE), IN_ONE_POST)]
    texts = ["\n".join(group) for group in groups]
    for text in texts:
        # One line of each post stands in every other field too.
        name = next(line for line in text.split("\n") if "\x01" not in line)[:200]
        hub.post(text, platform=name, author=name)
    page = new_page()
    probe = Probe(page, own_host)
    sign_in(page)
    probe.assert_clean()
    page.keyboard.press("n")
    seen = []
    for number in range(len(texts)):
        expect(page.locator(".cover")).to_be_visible()
        probe.assert_clean()
        page.wait_for_load_state()  # keys work once the script has run
        page.keyboard.press("r")
        box = page.get_by_role("group", name="Text of the post")
        expect(box).to_be_visible()
        seen.append(box.evaluate("box => box.textContent"))
        assert page.locator(".post-text a, .post-text img, .facts a").count() == 0
        for element in box.locator("*").all():
            assert element.evaluate("e => e.tagName + '.' + e.className") == "SPAN.token"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        screenshot(page, f"hostile-{number}")
        # Sent back with an error, so that the server renders the same text too.
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
        assert box.evaluate("box => box.textContent") == seen[-1]
        probe.assert_clean()
        page.wait_for_load_state()  # keys work once the script has run
        for key in ("w", "0", "e"):
            page.keyboard.press(key)
        page.keyboard.type("</textarea><script>window.PWNED=1</script>")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("status")).to_contain_text("Decision recorded")
    assert sorted(seen) == sorted(visible(text) for text in texts)
    probe.assert_clean()


def test_hostile_words_of_reporters_and_readers_stay_words_on_every_page(
    hub, own_host, new_page, sign_in
) -> None:
    """Reports, notes, reasons, grounds, drafts and names: each holds markup, and each is read by somebody."""
    words = "\n".join(line for line in HOSTILE[:40] if "\x01" not in line)[:4_500]
    shown_words = visible(words)
    report = {"why": words, "reference": HOSTILE[1], "consents": ["police", "platform"]}
    hub.post("They say antiword.", platform=HOSTILE[0], author=HOSTILE[5], report=report)
    probes = []

    def browse(name: str) -> Page:
        page = new_page()
        probes.append(Probe(page, own_host))
        sign_in(page, name)
        return page

    def look(page: Page, *, at: str, has_words: bool = True) -> None:
        main = page.get_by_role("main")
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        if has_words:
            assert shown_words[:200] in main.evaluate("main => main.textContent"), at
        made = main.locator("img, iframe, object, embed, base, link, meta, style, script, video, audio, math")
        assert made.count() == 0, at
        for probe in probes:
            probe.assert_clean()

    def judge(page: Page, outcome: str, severity: str) -> None:
        page.wait_for_load_state()
        page.get_by_role("button", name="Show the post").click()
        expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
        page.get_by_role("radio", name=outcome).check()
        page.get_by_role("radio", name=severity).check()
        page.get_by_label("Why did you decide this?").fill(words)
        with page.expect_navigation():
            page.get_by_role("button", name="Record the decision").click()

    first, second, senior = browse("officer"), browse("second"), browse("supervisor")
    first.get_by_role("button", name="Take the next case").click()
    expect(first.get_by_role("heading", level=1)).to_contain_text("Triage")
    look(first, at="triage")
    first.get_by_label("Write a note").fill(words)
    first.get_by_role("button", name="Add the note").click()
    expect(first.locator(".note")).to_have_count(1)
    look(first, at="a note")
    first.get_by_role("link", name="Out of scope").click()
    first.get_by_label("Why?").fill(words)
    first.get_by_role("checkbox", name="The record keeps").check()
    first.get_by_role("button", name="Out of scope").click()
    expect(first.get_by_role("alert", name="There is a problem")).to_be_visible()
    assert first.get_by_label("Why?").input_value() == words
    look(first, at="a step", has_words=False)
    first.get_by_role("link", name="Back to the case").click()
    first.get_by_role("button", name="Seal the evidence").click()
    expect(first.locator("#decide")).to_be_visible()
    look(first, at="review")
    case_url = first.url.split("?")[0]
    judge(first, "Offer victim support", "S3")
    second.get_by_role("button", name="Take the next case").click()
    expect(second.locator("#decide")).to_be_visible()
    second.get_by_label("Why did you decide this?").fill(words)
    second.get_by_role("button", name="Park").click()
    expect(second.get_by_role("heading", level=1)).to_have_text("Park the case")
    second.goto(f"{case_url}/draft")
    look(second, at="a draft")
    second.get_by_role("link", name="Use it").click()
    expect(second.get_by_label("Why did you decide this?")).to_have_value(words)
    judge(second, "Offer victim support", "S0")
    senior.get_by_role("button", name="Take the next case").click()
    expect(senior.get_by_role("heading", name="What the two readers said")).to_be_visible()
    look(senior, at="adjudication")
    judge(senior, "Offer victim support", "S3")
    senior.goto(f"{case_url}/do/appeal")
    senior.get_by_role("radio", name="The author").check()
    senior.get_by_label("On what grounds?").fill(words)
    senior.get_by_role("button", name="Record an appeal").click()
    expect(senior.get_by_role("status")).to_contain_text("was reopened")
    look(senior, at="how it stands")
    for address in ("/", "/board"):
        senior.goto(address)
        look(senior, at=address, has_words=False)
    asked = urlencode({"back": HOSTILE[0], "because": HOSTILE[5], "done": HOSTILE[1]})
    for address in ("/exposure", f"/exposure/pause?{asked}"):
        first.goto(address)
        look(first, at=address, has_words=False)
    first.goto("/reports/new")
    first.get_by_label("What does the post say?").fill(words)
    first.get_by_label("Where is it?").fill(HOSTILE[6])
    first.get_by_role("button", name="Store the report").click()
    expect(first.get_by_role("alert", name="There is a problem")).to_be_visible()
    assert first.get_by_label("What does the post say?").input_value() == words
    look(first, at="a report", has_words=False)


def test_hostile_wordings_reasons_and_filters_stay_words_on_the_pages_of_a_campaign(
    hub, own_host, new_page, sign_in
) -> None:
    """Each wording carries markup at its end; so do reasons, the search and the name it is kept under."""
    room = "The council has voted to close the reading room on Mill Lane, and nobody was asked about it. "
    base = room + room.replace("reading room", "swimming pool") + room.replace("Mill Lane", "Station Road")
    tails = HOSTILE[:6]
    facts = {"author": HOSTILE[6], "platform": HOSTILE[0], "url": HOSTILE[5]}
    first, *_ = hub.post(base, *(f"{base} {tail}" for tail in tails), **facts)
    case_id = hub.rows("SELECT case_id FROM case_posts WHERE post_id = ?", first)[0]["case_id"]
    officer, senior = new_page(), new_page()
    probes = [Probe(officer, own_host), Probe(senior, own_host)]

    def look(page: Page, *said: str) -> None:
        main = page.get_by_role("main")
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        for words in said:
            assert visible(words) in main.evaluate("main => main.textContent"), words
        made = main.locator("img, iframe, object, embed, base, link, meta, style, script, video, audio, math")
        assert made.count() == 0
        for probe in probes:
            probe.assert_clean()

    sign_in(officer)
    sign_in(senior, "supervisor")
    officer.get_by_role("button", name="Take the next case").click()
    expect(officer.get_by_text(f"Campaign: {len(tails) + 1} posts")).to_be_visible()
    officer.get_by_role("link", name="Compare the wordings").click()
    for number in range(1, len(tails) + 2):
        officer.get_by_role("button", name="Show wording").first.click()
        expect(officer.get_by_role("group", name="Text of wording")).to_have_count(number)
    look(officer, *tails)
    officer.get_by_label("Why is wording 2 not the same?").fill(HOSTILE[1])
    officer.get_by_role("button", name="Take wording 2 out of this case").click()
    expect(officer.get_by_role("status")).to_contain_text("1 post moved to case")
    look(officer)
    officer.goto(f"/cases/{case_id}/posts")
    expect(officer.get_by_role("link", name="Find the account").first).to_be_visible()
    look(officer, facts["author"], facts["url"])
    officer.get_by_role("link", name="Find the account").first.click()
    expect(officer.locator("caption")).to_contain_text("found")
    look(officer)
    officer.get_by_label("Keep this search under a name").fill(HOSTILE[5])
    officer.get_by_role("button", name="Save the filter").click()
    expect(officer.get_by_role("status")).to_contain_text("The filter is saved.")
    look(officer, HOSTILE[5])
    officer.goto(f"/cases/{case_id}")
    covered = officer.get_by_role("button", name="Show the post")
    for number in range(1, covered.count() + 1):
        covered.first.click()
        expect(officer.get_by_role("group", name="Text of the post")).to_have_count(number)
    look(officer, *tails[1:])
    officer.get_by_role("radio", name="Offer victim support").check()
    officer.get_by_role("radio", name="S0").check()
    officer.get_by_label("Why did you decide this?").fill(HOSTILE[1])
    officer.get_by_role("button", name="Record the decision").click()
    expect(officer.get_by_role("status")).to_contain_text("Decision recorded")

    senior.goto(f"/cases/{case_id}/posts/{first}/reverse")
    senior.get_by_label("Why does it not hold for this post?").fill(HOSTILE[1])
    look(senior)
    senior.get_by_role("button", name="Reverse it for this post").click()
    expect(senior.get_by_role("status")).to_contain_text("is reversed for this post")
    look(senior, HOSTILE[1])
    hub.post(f"{base} {tails[-1]}", **facts)
    senior.goto("/linked")
    expect(senior.get_by_role("heading", level=1)).to_contain_text("has the text of a campaign")
    look(senior, HOSTILE[1])


def test_control_the_same_posts_on_an_unsafe_page_do_run(own_host, hub, new_page) -> None:
    page = new_page()
    probe = Probe(page, own_host)
    unsafe = "<!doctype html><body>" + "\n".join(HOSTILE[:30])
    page.route("**/unsafe", lambda route: route.fulfill(body=unsafe, content_type="text/html"))
    page.goto("/unsafe")
    page.wait_for_function("window.PWNED > 3")
    assert any("evil.example" in url for url in probe.foreign)


def test_control_our_policy_stops_an_unsafe_page_and_the_probe_sees_it(own_host, hub, new_page) -> None:
    page = new_page()
    probe = Probe(page, own_host)
    unsafe = "<!doctype html><body>" + "\n".join(HOSTILE[:30])
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    page.route(
        "**/unsafe", lambda route: route.fulfill(body=unsafe, content_type="text/html", headers=headers)
    )
    page.goto("/unsafe")
    page.wait_for_function("seenViolations.length > 3")
    assert probe.ran() == 0
