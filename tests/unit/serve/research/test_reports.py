from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_report import small_report
from starlette.testclient import TestClient

from model.errors import BadFile, NotFound
from serve.audit.events import Event
from serve.research import reports
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, Officer

PutReport = Callable[..., Path]
PAGE = {"accept": "text/html"}


@pytest.fixture
def researcher(
    client: TestClient, officer: Callable[..., Officer], sign_in: Callable[..., str]
) -> TestClient:
    sign_in(client, officer("researcher"))
    return client


def test_list_is_newest_first_with_the_unreadable_last(
    hub_home: Path, put_report: PutReport, report_content: dict[str, Any]
) -> None:
    put_report("older", {**report_content, "made_at": "2026-11-01T03:00:00Z"})
    put_report("newer", report_content)
    put_report("broken", "{")
    put_report(".hidden", report_content)
    (hub_home / "reports" / "empty").mkdir()

    found = reports.list_reports(hub_home)

    assert [entry.name for entry in found] == ["newer", "older", "broken"]
    assert found[2].report is None
    assert found[2].fault is not None


def test_hub_without_reports_has_an_empty_list(hub_home: Path) -> None:
    assert reports.list_reports(hub_home) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"targets": []}, "targets"),
        ({"made_at": "2026-11-22T03:00:00"}, "made_at"),
        ({"results": {"minilm": {"headline": [{"measure": "m"}]}}}, "results.minilm.headline.0.words"),
        ({"results": {"minilm": {"groups": [{"group": "g", "axis": "a", "posts": -1}]}}}, "posts"),
    ],
)
def test_report_of_another_shape_is_refused_with_the_place(
    put_report: PutReport, report_content: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    folder = put_report("one", {**report_content, **change})

    with pytest.raises(BadFile, match=said):
        reports.read_report(folder / "report.json")


@pytest.mark.parametrize("raw", ["", "[]", "\x00", '{"schema_version": 1', '{"a": NaN}', "[" * 5000])
def test_file_that_is_no_report_is_refused(put_report: PutReport, raw: str) -> None:
    with pytest.raises(BadFile, match=r"^report\.json: "):
        reports.read_report(put_report("one", raw) / "report.json")


def test_figure_that_is_not_finite_is_refused(put_report: PutReport, report_content: dict[str, Any]) -> None:
    report_content["results"]["minilm"]["headline"][0]["got"]["value"] = float("nan")

    with pytest.raises(BadFile, match="value"):
        reports.read_report(put_report("one", report_content) / "report.json")


def test_changed_file_is_read_again(put_report: PutReport, report_content: dict[str, Any]) -> None:
    path = put_report("one", report_content) / "report.json"
    first = reports.read_report(path)
    put_report("one", {**report_content, "code": {"commit": None, "version": "9.9.9"}})
    os.utime(path, ns=(1, 1))

    assert (first.code.version, reports.read_report(path).code.version) == ("0.2.0", "9.9.9")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../reports/one", ".hidden", "a" * 101, "one\n"])
def test_name_that_is_no_folder_of_ours_is_not_found(
    hub_home: Path, put_report: PutReport, report_content: dict[str, Any], name: str
) -> None:
    put_report("one", report_content)
    put_report(".hidden", report_content)

    with pytest.raises(NotFound):
        reports.find_report(hub_home, name)


def test_list_page_names_every_report_and_its_verdict(
    researcher: TestClient, put_report: PutReport, report_content: dict[str, Any]
) -> None:
    put_report("november", report_content)
    put_report("broken", "{}")

    page = researcher.get("/research", headers=PAGE).text

    assert "november" in page
    assert "all 1 hold" in page
    assert "cannot be read" in page


def test_report_page_shows_headline_functionality_group_and_comparison_with_intervals(
    researcher: TestClient, put_report: PutReport, report_content: dict[str, Any]
) -> None:
    put_report("november", report_content)

    answer = researcher.get("/research/reports/november", headers=PAGE)

    assert answer.status_code == 200
    for words in ("HateCheck, all cases", "0.853", "0.803 to 0.903", "Strong negative emotions", "0.912",
                  "muslim", "0.111", "minilm and other", "0.0203", "better", "from 0.410 on",
                  "2 cases not answered"):  # fmt: skip
        assert words in answer.text, words


def test_unreadable_report_has_a_page_that_says_why(researcher: TestClient, put_report: PutReport) -> None:
    put_report("broken", "{}")

    page = researcher.get("/research/reports/broken", headers=PAGE)

    assert page.status_code == 200
    assert "This report cannot be read: report.json: schema_version" in page.text


def test_hostile_names_in_a_report_are_text(
    researcher: TestClient, put_report: PutReport, report_content: dict[str, Any]
) -> None:
    report_content["targets"][0]["name"] = "<script>alert(1)</script>\u202e"
    put_report("november", report_content)

    page = researcher.get("/research/reports/november", headers=PAGE).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "⟦U+202E⟧" in page


def test_html_report_is_only_ever_a_sandboxed_download_and_is_on_record(
    researcher: TestClient, put_report: PutReport, report_content: dict[str, Any], database: Database
) -> None:
    put_report("november", report_content, html="<!doctype html><script>alert(1)</script>")

    page = researcher.get("/research/reports/november", headers=PAGE)
    answer = researcher.get("/research/reports/november/report.html", headers=PAGE)

    assert "<iframe" not in page.text
    assert answer.content == b"<!doctype html><script>alert(1)</script>"
    assert answer.headers["content-disposition"] == 'attachment; filename="november-report.html"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'"} <= set(policy)
    assert not any(part.startswith("script-src") for part in policy)
    with database.read() as session:
        event = session.query(AuditEvent).filter_by(event=Event.REPORT_DOWNLOADED).one()
    assert (event.subject, event.details["file"]) == ("november", "report.html")


def test_json_report_is_a_sandboxed_download_too(
    researcher: TestClient, put_report: PutReport, report_content: dict[str, Any]
) -> None:
    put_report("november", report_content)

    answer = researcher.get("/research/reports/november/report.json")

    assert answer.json()["schema_version"] == 1
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("file", ["report.html", "secret.txt", "..%2fhub.sqlite", "%2e%2e"])
def test_no_other_file_can_be_downloaded(
    researcher: TestClient, put_report: PutReport, report_content: dict[str, Any], file: str
) -> None:
    (put_report("november", report_content) / "secret.txt").write_text("secret")

    assert researcher.get(f"/research/reports/november/{file}").status_code == 404


def test_report_as_the_bench_makes_it_is_read_and_shown_whatever_its_texts_hold(
    researcher: TestClient, put_report: PutReport
) -> None:
    put_report("bench", small_report())

    answer = researcher.get("/research/reports/bench", headers=PAGE)

    assert answer.status_code == 200
    assert "cannot be read" not in answer.text
    assert "HateCheck accuracy" in answer.text
    for markup in ("<script>alert", "<img src=http", "<b onclick"):
        assert markup not in answer.text
