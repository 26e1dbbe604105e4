"""Every page of the hub, one after the other, for browser tests that look at all of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from exposure_reader import Reader
from label_seed import hold_back, label_by_two, second_bundle, suspect_labels
from playwright.sync_api import Page, expect

from labelling import command
from labelling.labels import Answers


def every_page(hub, new_page, page: Page, sign_in, tmp_path) -> Iterator[tuple[str, Page]]:
    """Goes from page to page and names each one it has reached; the second browser is a senior's."""
    hub.post("They say antiword all day long. " * 8, "Another post with farword in it.")
    source = tmp_path / "pilot.jsonl"
    source.write_text(json.dumps({"id": "1", "text": "They are vermin, all of them. " * 8}), "utf-8")
    assert command.add_tasks(hub.home, batch="pilot", source=str(source)) == 0
    page.goto("/sign-in")
    yield "sign-in", page
    sign_in(page)
    yield "queue", page
    page.get_by_role("button", name="Take the next case").click()
    expect(page.locator("#decide")).to_be_visible()
    case_url = page.url
    yield "case-covered", page
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "case-with-errors", page
    page.get_by_role("button", name="Show the post").click()
    expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
    page.get_by_role("radio", name="Request a crime record").check()
    page.get_by_role("checkbox", name="Antisemitic").check()
    page.get_by_role("radio", name="S3").check()
    page.get_by_text("Threatening communication", exact=True).click()
    page.get_by_role("group", name="Conveys a threat").get_by_label("Met").check()
    page.get_by_text("More about the message").click()
    page.get_by_label("Why did you decide this?").fill("A reason.\nOn two lines.")
    page.locator("#notes summary").click()
    yield "case-open", page
    for name in ("Park", "Hand over", "Skip"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name.split()[0])
        yield f"aside-{name.split()[0].lower()}", page
        page.get_by_role("link", name="Back to the case").click()
    page.get_by_role("button", name="Raise an emergency").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Raise an emergency")
    yield "step-of-a-held-case", page
    page.goto(case_url)
    page.get_by_role("button", name="Show the post").click()
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("status")).to_contain_text("somebody else reads it before it is decided")
    yield "next-case-with-a-notice", page
    page.get_by_role("button", name="Put it back").click()

    senior = new_page(viewport=page.viewport_size)
    sign_in(senior, "third")
    while "second review" not in (senior.locator(".head").first.text_content() or "").lower():
        senior.goto("/")
        senior.keyboard.press("n")
        expect(senior.locator("#decide")).to_be_visible()
        if "second review" not in (senior.locator(".head").first.text_content() or "").lower():
            judge(senior, "Offer victim support", "S0")
    yield "second-reader", senior
    judge(senior, "Offer victim support", "S0")
    expect(senior.get_by_role("heading", level=1)).to_have_text("The two of you differ")
    yield "judged", senior
    senior.context.clear_cookies()
    sign_in(senior, "supervisor")
    senior.keyboard.press("n")
    expect(senior.get_by_role("heading", name="What the two readers said")).to_be_visible()
    yield "adjudication", senior
    judge(senior, "Request a crime record", "S3")
    senior.goto(case_url)
    expect(senior.get_by_role("heading", level=1)).to_contain_text("is decided")
    senior.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    yield "decided", senior
    senior.goto(f"{case_url}/do/allocate_force")
    yield "step-with-questions", senior
    senior.get_by_role("button", name="Allocate a force").click()
    expect(senior.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "step-with-errors", senior
    senior.goto(f"{case_url}/do/appeal")
    yield "appeal", senior
    senior.goto("/board")
    yield "board", senior

    report = {"why": "It is about our street.", "immediate_danger": True, "consents": ["police"]}
    hub.post("Somebody says islamword here.", report=report)
    page.goto("/")
    page.get_by_role("button", name="Take the next case").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Triage")
    yield "triage", page
    page.goto("/reports/new")
    yield "report", page
    page.get_by_role("button", name="Store the report").click()
    yield "report-with-errors", page
    page.goto("/")
    yield "queue-with-a-case-in-hand", page
    page.goto("/cases/none")
    yield "no-case", page
    page.goto("/nothing-here")
    yield "not-found", page
    yield from _labelling(page, senior)
    yield from _pages_of_a_campaign(hub, new_page, page, senior, sign_in)
    yield from quality_pages(hub, page, senior, tmp_path)
    yield from _exposure(hub, page, senior)


PAGES = 65


def _labelling(page: Page, senior: Page) -> Iterator[tuple[str, Page]]:
    """The pages of the labelling room: a senior makes a batch that shows scores, and somebody labels."""
    senior.goto("/labelling/batches/new")
    senior.get_by_role("button", name="Make the batch").click()
    expect(senior.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "batch-with-errors", senior
    senior.get_by_label("What is it called?").fill("helped")
    senior.get_by_label("Audit, per cent").fill("0")
    senior.get_by_role("checkbox", name="Show the machine's scores").check()
    yield "batch-form", senior
    senior.get_by_role("button", name="Make the batch").click()
    expect(senior.get_by_role("status")).to_contain_text("helped was made")
    yield "batch-list", senior
    page.goto("/labelling")
    yield "batches", page
    page.get_by_role("button", name="Label pilot").click()
    page.locator("#cover > summary").click()
    page.get_by_role("checkbox", name="Antisemitic").check()
    page.get_by_role("checkbox", name="IH2").check()
    page.get_by_text("Circumstances").click()
    page.get_by_role("checkbox", name="I apply the clause").check()
    yield "desk", page
    page.get_by_role("radio", name="S2").check()
    page.get_by_role("radio", name="Neutral").check()
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "desk-with-errors", page
    page.goto("/labelling")
    page.get_by_role("button", name="Label helped").click()
    page.locator("#cover > summary").click()
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("What you said, and what the machine says")
    yield "compare", page
    page.goto("/labelling/practice")
    page.get_by_role("button", name="Begin Antisemitism").click()
    page.locator("#cover > summary").click()
    page.get_by_role("checkbox", name="Antisemitic").check()
    yield "practice-text", page
    page.get_by_role("button", name="Answer, and see why").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not the agreed answer")
    yield "practice-result", page
    page.goto("/labelling/practice")
    yield "practice", page


def _exposure(hub, page: Page, senior: Page) -> Iterator[tuple[str, Page]]:
    """What somebody has read on this shift, the stop, the break, and the team's figures."""
    page.goto("/exposure")
    yield "own-reading", page
    reader = Reader(hub.home)
    reader.reads(*[3] * 25)
    reader.database.close()
    page.goto("/exposure/pause")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have read enough for now")
    yield "soft-stop", page
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "soft-stop-with-errors", page
    page.get_by_role("button", name="Take a break").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are on a break")
    yield "on-a-break", page
    senior.goto("/exposure/team")
    yield "team", senior


CAMPAIGN = (
    "The council has voted to close the reading room on Mill Lane at the end of the month, and nobody was "
    "asked about it. Come to the town hall on Thursday evening and bring your library card."
)


def _pages_of_a_campaign(hub, new_page, page: Page, senior: Page, sign_in) -> Iterator[tuple[str, Page]]:
    """A case of three posts in two wordings, its pages, a case that is linked to it, and the search."""
    near = f"{CAMPAIGN} Tell everybody!"
    first, *_ = hub.post(CAMPAIGN, CAMPAIGN, near, author="@ada", url="https://a.example/1")
    case_id = hub.rows("SELECT case_id FROM case_posts WHERE post_id = ?", first)[0]["case_id"]
    with sqlite3.connect(hub.home / "hub.sqlite", timeout=30) as connection:  # so that it comes first
        connection.execute("UPDATE cases SET rank = rank + 1e6 WHERE case_id = ?", (case_id,))
    reader = new_page(viewport=page.viewport_size)
    sign_in(reader, "second")
    reader.get_by_role("button", name="Take the next case").click()
    expect(reader.get_by_text("Campaign: 3 posts, 2 wordings")).to_be_visible()
    yield "case-of-a-campaign", reader
    reader.get_by_role("link", name="Compare the wordings").click()
    expect(reader.get_by_role("heading", level=1)).to_contain_text("Wordings of case")
    yield "wordings", reader
    for number in (1, 2):
        reader.get_by_role("button", name=f"Show wording {number}").click()
        expect(reader.get_by_role("group", name=f"Text of wording {number}")).to_be_visible()
    reader.locator("summary", has_text="Not the same").nth(1).click()
    reader.get_by_role("button", name="Take wording 2 out of this case").click()
    expect(reader.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "wordings-with-errors", reader
    reader.goto(f"/cases/{case_id}/posts")
    expect(reader.get_by_role("link", name="Find the account").first).to_be_visible()
    yield "posts", reader
    reader.goto(f"/cases/{case_id}")
    judge(reader, "Offer victim support", "S0")
    senior.goto(f"/cases/{case_id}/posts")
    yield "posts-of-a-decided-case", senior
    senior.get_by_role("link", name="Reverse").first.click()
    expect(senior.get_by_role("heading", level=1)).to_have_text("Reverse the decision for one post")
    yield "reverse", senior
    senior.get_by_role("button", name="Reverse it for this post").click()
    expect(senior.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "reverse-with-errors", senior
    hub.post(CAMPAIGN)
    reader.goto("/linked")
    expect(reader.get_by_role("heading", level=1)).to_contain_text("has the text of a campaign")
    yield "linked", reader
    reader.locator("summary", has_text="It does not belong").click()
    reader.get_by_role("button", name="Part the two cases").click()
    expect(reader.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "linked-with-errors", reader
    reader.goto("/search")
    yield "search", reader
    reader.goto("/search?q=reading+room&state=open")
    expect(reader.locator("caption")).to_contain_text("1 case found")
    reader.locator("summary").first.click()
    yield "search-found", reader
    reader.goto("/search?severity=9")
    expect(reader.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "search-with-errors", reader


def quality_pages(hub, page: Page, senior: Page, tmp_path) -> Iterator[tuple[str, Page]]:
    """The pages about labels and models, each with something on it."""
    quoted = Answers(["antisemitic"], 2, "reports_or_quotes", codes=["IH2"], note="They report it.")
    meant = Answers(["antisemitic"], 2, "endorses", codes=["IH2"], rationale=[(0, 8)])
    texts = [f"Somebody says a thing about neighbours, number {number}." for number in range(4)]
    label_by_two(hub.home, "read by two", [(text, meant, quoted) for text in texts])
    label_by_two(hub.home, "agreed", [(f"A fair, day {day}.", Answers(), Answers()) for day in range(4)])
    suspect_labels(hub.home, tmp_path, texts)
    bundle = second_bundle(hub.home, tmp_path)
    page.goto("/labelling/agreement/mine")
    yield "own-figures", page
    senior.goto("/labelling/agreement")
    senior.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    yield "agreement", senior
    senior.goto("/labelling/adjudication")
    yield "disagreements", senior
    senior.get_by_role("link", name="Judge the first").click()
    expect(senior.get_by_role("heading", name="What each reader said")).to_be_visible()
    senior.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    senior.get_by_role("checkbox", name="Antisemitic").check()
    yield "disagreement", senior
    senior.get_by_role("button", name="Record and go on").click()
    expect(senior.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "disagreement-with-errors", senior
    senior.get_by_role("radio", name="Ambiguous text").check()
    senior.get_by_label("Why?").fill("It can be read in two ways.")
    senior.get_by_role("button", name="Record and go on").click()
    expect(senior.get_by_role("status")).to_contain_text("Recorded")
    senior.goto("/labelling/adjudication")
    yield "disagreements-judged", senior
    senior.goto("/labelling/suspects")
    yield "label-errors", senior
    senior.get_by_role("link", name="Judge the first").click()
    expect(senior.get_by_role("heading", name="Is this label wrong?")).to_be_visible()
    senior.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    yield "label-error", senior
    senior.get_by_role("button", name="Wrong").click()
    expect(senior.get_by_role("status")).to_contain_text("Confirmed")
    assert hold_back(hub.home) > 0
    senior.goto("/labelling/held")
    yield "held-back", senior
    senior.locator("main table a").first.click()
    expect(senior.get_by_role("heading", level=1)).to_have_text("May this label train?")
    senior.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    yield "held-label", senior
    senior.get_by_role("button", name="Let it go").click()
    expect(senior.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "held-label-with-errors", senior
    senior.goto("/models")
    yield "models", senior
    senior.goto(f"/models/compare?bundle={bundle}")
    yield "models-compare", senior
    senior.goto("/models/shadow")
    yield "models-shadow", senior


def judge(page: Page, outcome: str, severity: str) -> None:
    """Judges the case in hand, whatever it is."""
    page.wait_for_load_state()
    covered = page.get_by_role("button", name="Show the post")
    for number in range(1, covered.count() + 1):
        covered.first.click()
        expect(page.get_by_role("group", name="Text of the post")).to_have_count(number)
    page.get_by_role("radio", name=outcome).check()
    page.get_by_role("radio", name=severity).check()
    if outcome == "Request a crime record":
        page.get_by_role("checkbox", name="Antisemitic").check()
        page.get_by_text("Threatening communication", exact=True).click()
        page.get_by_role("group", name="Conveys a threat").get_by_label("Met").check()
    page.get_by_label("Why did you decide this?").fill("A reason.")
    with page.expect_navigation():
        page.get_by_role("button", name="Record the decision").click()
