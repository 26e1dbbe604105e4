"""A researcher's day: read a report, upload a suite and run it, take an extract; wide, narrow, by name."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import Case, CasePost, Decision, Post, PostScores

pytestmark = pytest.mark.browser

NARROWEST = 320

UNNAMED = """() => [...document.querySelectorAll("a[href], button, input, select, summary")]
  .filter((element) => element.type !== "hidden" && !element.labels?.length)
  .filter((element) => !(element.getAttribute("aria-label") || element.innerText.trim()))
  .map((element) => element.outerHTML.slice(0, 160))"""
UNHEADED = """() => [...document.querySelectorAll("table")]
  .filter((table) => !table.caption || [...table.querySelectorAll("th")].some((cell) => !cell.scope))
  .map((table) => table.outerHTML.slice(0, 160))"""
STRUCTURE = """() => ({
  headings: [...document.querySelectorAll("main :is(h1, h2, h3)")].map((found) => Number(found.tagName[1])),
  ids: [...document.querySelectorAll("[id]")].map((element) => element.id),
})"""


def figure(value: float, half: float, posts: int) -> dict[str, float | int]:
    return {"value": value, "low": max(0.0, value - half), "high": min(1.0, value + half), "posts": posts}


def put_report(home: Path) -> None:
    titles = [
        "Strong negative emotions",
        "Threatening language",
        "Neutral statements with identities",
        "Denouncements of hate that quote it",
        "Abuse of a profession",
        "Reclaimed slurs",
    ]
    functionalities = [
        {
            "name": f"f{n}",
            "title": title,
            "why": "",
            "kind": None,
            "hateful": n < 2,
            "cases": 140,
            "accuracy": figure(0.95 - n * 0.11, 0.04, 140),
            "strand_accuracy": None,
        }
        for n, title in enumerate(titles)
    ]
    headline = [
        {
            "measure": "a",
            "words": "HateCheck, all cases",
            "direction": "at_least",
            "must": 0.8,
            "aim": 0.9,
            "got": figure(0.853, 0.012, 3728),
            "verdict": "holds",
        },
        {
            "measure": "b",
            "words": "Neutral sentences about an identity that are flagged",
            "direction": "at_most",
            "must": 0.05,
            "aim": 0.02,
            "got": figure(0.061, 0.01, 2000),
            "verdict": "missed",
        },
        {
            "measure": "c",
            "words": "Area under the curve, far-right",
            "direction": "at_least",
            "must": 0.9,
            "aim": None,
            "got": None,
            "verdict": "-",
        },
    ]
    groups = [
        {
            "group": name,
            "axis": "community",
            "posts": 321,
            "prevalence": 0.2,
            "false_positive_rate": figure(0.11, 0.03, 321),
            "false_negative_rate": figure(0.21, 0.06, 80),
            "subgroup": figure(0.91, 0.02, 321),
            "bpsn": figure(0.88, 0.02, 900),
            "bnsp": None,
        }
        for name in ("jewish", "muslim")
    ]
    suite = {
        "head": "hate",
        "threshold": 0.412,
        "cases": 3728,
        "not_answered": 3,
        "accuracy": figure(0.853, 0.01, 3725),
        "hateful": figure(0.91, 0.01, 2563),
        "non_hateful": figure(0.72, 0.02, 1162),
        "macro": figure(0.82, 0.01, 3725),
        "functionalities": functionalities,
        "targets": [],
    }
    target = {
        "name": "minilm",
        "identity": "minilm-0123456789ab",
        "kind": "bundle",
        "heads": ["hate"],
        "thresholds": {"hate": 0.412, "antisemitic": 0.3},
    }
    comparison = {
        "a": "minilm",
        "b": "baseline",
        "what": "suite:hatecheck",
        "cases": 3728,
        "difference": figure(0.08, 0.02, 3728),
        "holm_p": 0.0002,
        "verdict": "better",
    }
    report = {
        "schema_version": 1,
        "made_at": "2026-11-22T03:00:00Z",
        "code": {"commit": "518c414aa", "version": "0.2.0"},
        "targets": [target],
        "comparisons": [comparison],
        "results": {"minilm": {"headline": headline, "suites": {"hatecheck": suite}, "groups": groups}},
    }
    for name, content in (("minilm-2026-11-22", json.dumps(report)), ("half-written", "{")):
        folder = home / "reports" / name
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(content, "utf-8")
        (folder / "report.html").write_text(
            "<!doctype html><title>r</title><script>alert(1)</script>", "utf-8"
        )


def write_suite(folder: Path) -> Path:
    path = folder / "bakery suite.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["functionality", "test_case", "label_gold"])
        for n in range(30):
            rows.writerow(["plain_hate", f"They say hateword on day {n}", "hateful"])
            rows.writerow(["news", f"The paper reports on day {n}" + " of hateword" * (n < 4), "non-hateful"])
    return path


def store_decided(home: Path, count: int) -> None:
    database = Database(f"sqlite:///{home / 'hub.sqlite'}")
    at = utc_now() - timedelta(days=14)
    with database.write() as session:
        for n in range(count):
            post_id, case_id = new_id(), new_id()
            session.add(
                Post(
                    post_id=post_id,
                    text="A post that stays in the hub.",
                    text_sha256="0" * 64,
                    received_at=at,
                    received_from="system:tests",
                    scored_at=at,
                )
            )
            session.add(
                Case(
                    case_id=case_id,
                    state="decided",
                    route="review",
                    strands=[],
                    priority=1.0,
                    created_at=at,
                    lease_number=1,
                    decided_at=at,
                )
            )
            session.flush()
            session.add(CasePost(post_id=post_id, case_id=case_id))
            session.add(
                PostScores(
                    post_id=post_id,
                    bundle="tiny-1",
                    policy="officer 1",
                    policy_sha256="1" * 64,
                    hate=0.7,
                    antisemitic=0.2,
                    islamophobic=0.1,
                    far_right=0.0,
                    route="review",
                    reason="r",
                    scored_at=at,
                )
            )
            session.add(
                Decision(
                    decision_id=new_id(),
                    case_id=case_id,
                    lease_number=1,
                    decided_by="officer:1",
                    decided_at=at,
                    outcome="no_offence" if n % 3 else "crime_record",
                    strands=["antisemitic"] if n % 2 else [],
                    severity=n % 4,
                    reason="A reason that stays.",
                    bundles=["tiny-1"],
                    policy_sha256="1" * 64,
                    outcomes_sha256="2" * 64,
                    codebook_sha256="3" * 64,
                )
            )
    database.close()


def look(page: Page, name: str, screenshot) -> None:
    """Every control has a name, every table its headings, no id stands twice, nothing scrolls sideways."""
    page.wait_for_load_state()
    assert page.evaluate(UNNAMED) == [], name
    assert page.evaluate(UNHEADED) == [], name
    structure = page.evaluate(STRUCTURE)
    headings = structure["headings"]
    assert headings.count(1) == 1, name
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings)), name
    assert len(set(structure["ids"])) == len(structure["ids"]), name
    screenshot(page, f"wide-research-{name}")
    page.set_viewport_size({"width": 360, "height": 740})
    screenshot(page, f"narrow-research-{name}")
    page.set_viewport_size({"width": NARROWEST, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST, name
    page.set_viewport_size({"width": 1280, "height": 900})


def test_researcher_reads_a_report_runs_a_suite_and_takes_an_extract(
    hub, new_page, sign_in, tmp_path, screenshot
) -> None:
    put_report(hub.home)
    store_decided(hub.home, 24)
    page = new_page(accept_downloads=True)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page, "researcher")

    page.get_by_role("link", name="Evaluations").first.click()
    expect(page.get_by_role("row", name="half-written")).to_contain_text("cannot be read")
    expect(page.get_by_role("row", name="minilm-2026-11-22")).to_contain_text("1 of 3 missed")
    look(page, "reports", screenshot)
    page.get_by_role("link", name="minilm-2026-11-22").click()
    expect(page.get_by_role("row", name="HateCheck, all cases")).to_contain_text("0.841 to 0.865")
    look(page, "report", screenshot)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download report.html").click()
    assert download.value.suggested_filename == "minilm-2026-11-22-report.html"

    page.get_by_role("link", name="Suites").first.click()
    page.get_by_label("Upload a suite").set_input_files(
        {
            "name": "bad.csv",
            "mimeType": "text/csv",
            "buffer": b"functionality,test_case,label_gold\nf,text,perhaps\n",
        }
    )
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_focused()
    expect(page.get_by_role("row", name="label_gold")).to_contain_text("must be hateful or non-hateful")
    look(page, "suite-refused", screenshot)
    complaints.clear()  # Chromium tells the console of the 422 that this page was sent with
    page.get_by_label("Upload a suite").set_input_files(write_suite(tmp_path))
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Suite bakery-suite")
    text = page.get_by_text("They say hateword on day", exact=False).first
    expect(text).to_be_hidden()
    look(page, "suite", screenshot)
    page.get_by_role("button", name="Run with").click()
    for _ in range(120):
        if page.get_by_role("link", name="Results of").count():
            break
        page.wait_for_timeout(250)
        page.reload()
    page.get_by_role("link", name="Results of").click()
    expect(page.get_by_role("row", name="Not hateful: left alone")).to_contain_text("26 of 30")
    wrong = page.get_by_text("The paper reports on day 0 of hateword")
    expect(wrong).to_be_hidden()
    page.get_by_text("Show case").first.click()
    expect(wrong).to_be_visible()
    look(page, "result", screenshot)

    page.get_by_role("link", name="Extracts").first.click()
    page.get_by_label("What it is for").select_option(label="Measuring the model's bias between groups")
    page.get_by_label("Reference of the project").fill("REC/2026/114")
    page.get_by_role("button", name="Make the extract").click()
    expect(page.get_by_role("heading", name="24 cases")).to_be_focused()
    look(page, "extract", screenshot)
    page.get_by_label("As", exact=True).select_option(label="CSV, for a spreadsheet or R")
    with page.expect_download() as download:
        page.get_by_role("button", name="Make the extract").click()
    with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert {row["hate"] for row in rows} == {"0.7"}
    assert "stays" not in json.dumps(rows)

    assert complaints == []


def test_officer_finds_no_way_into_the_research_pages(hub, new_page, sign_in) -> None:
    page = new_page()
    sign_in(page, "officer")

    assert page.get_by_role("link", name="Extracts").count() == 0
    for address in ("/research", "/research/suites", "/research/extract"):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 403
