"""Report folders that came from somewhere else: links, sizes, dates and numbers that a page cannot bear."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from model.errors import BadFile, NotFound
from serve.research import reports
from serve.storage.tables import Officer

PutReport = Callable[..., Path]
PAGE = {"accept": "text/html"}


@pytest.fixture
def researcher(
    client: TestClient, officer: Callable[..., Officer], sign_in: Callable[..., str]
) -> TestClient:
    sign_in(client, officer("researcher"))
    return client


@pytest.mark.parametrize("made_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-12:00", 1e300])
def test_date_at_the_end_of_the_calendar_stops_no_page(
    researcher: TestClient, put_report: PutReport, report_content: dict[str, Any], made_at: object
) -> None:
    put_report("good", report_content)
    put_report("hostile", {**report_content, "made_at": made_at})

    listed = researcher.get("/research", headers=PAGE)

    assert listed.status_code == 200
    assert "cannot be read" in listed.text
    assert researcher.get("/research/reports/hostile", headers=PAGE).status_code == 200


@pytest.mark.parametrize("file", ["report.html", "report.json"])
def test_link_out_of_the_folder_of_reports_is_never_sent(
    researcher: TestClient,
    hub_home: Path,
    put_report: PutReport,
    report_content: dict[str, Any],
    file: str,
) -> None:
    secret = hub_home / "secret.key"
    secret.write_text("SECRET")
    folder = put_report("november", report_content, html="<p>")
    (folder / file).unlink()
    (folder / file).symlink_to(secret)

    answer = researcher.get(f"/research/reports/november/{file}")

    assert answer.status_code == 404
    assert "SECRET" not in answer.text


def test_folder_that_is_a_link_out_is_no_report_and_one_that_stays_is(
    hub_home: Path, tmp_path: Path, put_report: PutReport, report_content: dict[str, Any]
) -> None:
    folder = put_report("november", report_content)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "report.json").write_text(json.dumps(report_content))
    (folder.parent / "outside").symlink_to(tmp_path / "outside")
    (folder.parent / "latest").symlink_to(folder)
    (folder.parent / "circle").symlink_to(folder.parent / "circle")

    assert {entry.name for entry in reports.list_reports(hub_home)} == {"november", "latest"}
    with pytest.raises(NotFound):
        reports.find_report(hub_home, "outside")


def test_file_too_large_is_neither_read_nor_sent(
    hub_home: Path,
    put_report: PutReport,
    report_content: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reports, "MAX_REPORT_BYTES", 20_000)
    put_report("november", report_content, html="x" * 20_001)
    put_report("huge", {**report_content, "padding": "x" * 20_000})

    by_name = {entry.name: entry for entry in reports.list_reports(hub_home)}

    assert by_name["november"].files == ("report.json",)
    assert (by_name["huge"].report, by_name["huge"].files) == (None, ())
    with pytest.raises(NotFound):
        reports.report_file(hub_home, "november", "report.html")


def _with(content: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(content))
    *folders, last = path.split(".")
    place: Any = copy
    for name in folders:
        place = place[int(name) if isinstance(place, list) else name]
    place[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("results.minilm.suites.hatecheck.cases", 10**4000),
        ("results.minilm.headline.0.must", 1e308),
        ("results.minilm.suites.hatecheck.accuracy.posts", 10**30),
        ("comparisons", [{"a": "a", "b": "b", "what": "w", "cases": 1, "verdict": "v"}] * 2_001),
        ("results.minilm.suites", {f"s{number}": {"head": "hate", "cases": 1} for number in range(101)}),
        ("results.minilm.suites", {"x" * 2_001: {"head": "hate", "cases": 1}}),
        ("targets.0.thresholds", {f"h{number}": 0.5 for number in range(101)}),
    ],
)
def test_numbers_and_tables_that_no_page_can_bear_are_refused(
    put_report: PutReport, report_content: dict[str, Any], path: str, value: object
) -> None:
    folder = put_report("one", _with(report_content, path, value))

    with pytest.raises(BadFile, match=r"^report\.json: "):
        reports.read_report(folder / "report.json")


def test_every_listed_file_is_read_once_and_bad_ones_too(
    hub_home: Path, put_report: PutReport, report_content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(70):
        put_report(f"good-{number:03}", report_content)
    put_report("bad", "{}")
    reports.list_reports(hub_home)
    read: list[Path] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path), read_bytes(path))[1])

    reports.list_reports(hub_home)

    assert read == []
