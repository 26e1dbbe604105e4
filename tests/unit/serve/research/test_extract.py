from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from model.errors import BadInput, TooMany
from serve.audit.events import Event
from serve.research import extract
from serve.research.extract import Asked, Extract, as_csv, as_jsonl, make_extract, summary
from serve.research.extract_form import ExtractForm, blank_form, check_form
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import AuditEvent, Decision, Officer

DecideCases = Callable[..., list[str]]
WEDNESDAY = datetime(2026, 11, 11, 15, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
WEEK = date(2026, 11, 9)
ASKED = Asked("bias_measurement", "REC/2026/114", WEEK, WEEK, None, "csv")
TODAY = date(2026, 11, 22)
GOOD = ExtractForm("bias_measurement", "REC/2026/114", "2026-11-11", "2026-11-12", "", "csv")


def take(database: Database, asked: Asked = ASKED, actor: str = "officer:1", at: datetime = NOW) -> Extract:
    with database.write() as session:
        return make_extract(session, asked, actor=actor, at=at)


def test_rows_hold_no_text_person_address_or_id_of_the_hub(
    database: Database, decide_cases: DecideCases
) -> None:
    case_ids = decide_cases(6, WEDNESDAY, strands=("antisemitic",))

    for written in (as_csv(take(database)), as_jsonl(take(database))):
        assert b"SECRET" not in written
        assert not any(case_id.encode() in written for case_id in case_ids)
        assert b"15:30" not in written
        assert b"2026-11-11" not in written


def test_row_has_weeks_rounded_scores_and_hashes(database: Database, decide_cases: DecideCases) -> None:
    decide_cases(1, WEDNESDAY, outcome="no_offence", severity=2, strands=("antisemitic", "far_right"))

    (row,) = take(database).rows

    assert {name: row[name] for name in row if name not in ("extract", "case")} == {
        "opened_week": "2026-11-02",
        "decided_week": "2026-11-09",
        "strands": "antisemitic far_right",
        "outcome": "no_offence",
        "severity": 2,
        "hate": 0.1,
        "antisemitic": 1.0,
        "islamophobic": None,
        "far_right": 0.0,
        "bundle": "minilm-v2",
        "policy_sha256": "1" * 64,
        "codebook_sha256": "3" * 64,
        "outcomes_sha256": "2" * 64,
    }
    assert tuple(row) == extract.COLUMNS


def test_case_that_was_decided_again_counts_once_as_what_stands(
    database: Database, decide_cases: DecideCases
) -> None:
    (case_id,) = decide_cases(1, WEDNESDAY, severity=2)
    with database.write() as session:
        first = session.scalars(select(Decision).where(Decision.case_id == case_id)).one()
        names = [column.name for column in Decision.__table__.columns]
        again = {name: getattr(first, name) for name in names}
        again |= {"decision_id": new_id(), "cycle": 1, "supersedes": first.decision_id, "severity": 0}
        session.add(Decision(**again))

    assert [row["severity"] for row in take(database).rows] == [0]


def test_ids_of_two_extracts_never_match_and_rows_stand_in_their_order(
    database: Database, decide_cases: DecideCases
) -> None:
    decide_cases(30, WEDNESDAY)

    first, second = take(database), take(database)
    ids = [[row["case"] for row in made.rows] for made in (first, second)]

    assert first.extract_id != second.extract_id
    assert set(ids[0]) & set(ids[1]) == set()
    assert [len(set(one)) for one in ids] == [30, 30]
    assert ids == [sorted(one) for one in ids]


def test_only_whole_weeks_of_the_period_and_the_strand_asked_for_are_in_it(
    database: Database, decide_cases: DecideCases
) -> None:
    monday = datetime(2026, 11, 9, tzinfo=UTC)
    decide_cases(2, monday, strands=("antisemitic",))
    decide_cases(3, monday + timedelta(days=6, hours=23, minutes=59), strands=("far_right",))
    decide_cases(4, monday - timedelta(seconds=1))
    decide_cases(5, monday + timedelta(days=7))

    assert len(take(database).rows) == 5
    strand = Asked("bias_measurement", "REC 1", WEEK, WEEK, "far_right", "csv")
    assert len(take(database, strand).rows) == 3


def test_scores_are_those_that_stood_when_the_case_was_decided(
    database: Database, decide_cases: DecideCases
) -> None:
    from serve.storage.tables import CasePost, PostScores

    decide_cases(1, WEDNESDAY)
    with database.write() as session:
        post_id = session.scalars(select(CasePost.post_id)).one()
        session.add(
            PostScores(
                post_id=post_id, bundle="later", policy="officer 1", policy_sha256="1" * 64, hate=0.99,
                antisemitic=0.99, islamophobic=0.99, far_right=0.99, route="review", reason="r",
                scored_at=WEDNESDAY + timedelta(hours=1),
            )
        )  # fmt: skip

    (row,) = take(database).rows

    assert (row["hate"], row["bundle"]) == (0.1, "minilm-v2")


def test_every_extract_is_on_record_with_what_was_asked_and_how_many_rows(
    database: Database, decide_cases: DecideCases
) -> None:
    decide_cases(7, WEDNESDAY)
    made = take(database)

    with database.read() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.event == Event.EXTRACT_MADE.value))
    assert (event.actor, event.subject) == ("officer:1", made.extract_id)
    assert event.details == {
        "purpose": "bias_measurement",
        "reference": "REC/2026/114",
        "first_week": "2026-11-09",
        "last_week": "2026-11-09",
        "strand": None,
        "given_as": "csv",
        "rows": 7,
    }


def asked_for(first: int, last: int, strand: str | None = None) -> Asked:
    """Weeks by their number from `WEEK` on."""
    weeks = [WEEK + timedelta(weeks=number) for number in (first, last)]
    return Asked("bias_measurement", "REC 1", weeks[0], weeks[1], strand, "csv")


@pytest.mark.parametrize(
    ("then", "now"), [((0, 3), (0, 4)), ((0, 3), (3, 5)), ((0, 3), (1, 2)), ((1, 2), (0, 3))]
)
def test_one_case_cannot_be_told_by_the_difference_of_two_periods(
    database: Database, decide_cases: DecideCases, then: tuple[int, int], now: tuple[int, int]
) -> None:
    for week in range(6):
        decide_cases(6, WEDNESDAY + timedelta(weeks=week))
    take(database, asked_for(*then))

    for strand in (None, "far_right"):
        with pytest.raises(BadInput, match="overlap"):
            take(database, asked_for(*now, strand))

    take(database, asked_for(*then))
    take(database, asked_for(*then, "far_right"))
    take(database, asked_for(*now), actor="officer:2")
    take(database, asked_for(*now), at=NOW + timedelta(days=extract.OVERLAP_DAYS, seconds=1))


def test_weeks_of_too_few_cases_may_be_asked_for_within_a_longer_period(
    database: Database, decide_cases: DecideCases
) -> None:
    decide_cases(4, WEDNESDAY)
    decide_cases(4, WEDNESDAY + timedelta(weeks=1))
    take(database, asked_for(0, 0))

    assert len(take(database, asked_for(0, 1)).rows) == 8
    take(database, asked_for(2, 3))  # beside it, not over it


def test_so_many_extracts_a_day_and_no_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "EXTRACTS_A_DAY", 2)
    take(database)
    take(database)

    with pytest.raises(TooMany):
        take(database)
    take(database, actor="officer:2")
    take(database, at=NOW + timedelta(days=1, seconds=1))


def test_more_rows_than_the_bound_are_refused_whole(
    database: Database, decide_cases: DecideCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "MAX_ROWS", 4)
    decide_cases(5, WEDNESDAY)

    with pytest.raises(BadInput, match="shorter period"):
        take(database)


def test_no_cell_is_a_formula_to_a_spreadsheet(database: Database, decide_cases: DecideCases) -> None:
    decide_cases(5, WEDNESDAY, outcome='=HYPERLINK("https://example.org")')

    row = next(csv.DictReader(io.StringIO(as_csv(take(database)).decode())))

    assert row["outcome"] == '\'=HYPERLINK("https://example.org")'
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())


def test_summary_withholds_small_cells(database: Database, decide_cases: DecideCases) -> None:
    decide_cases(20, WEDNESDAY, strands=("antisemitic",), severity=1)
    decide_cases(9, WEDNESDAY, strands=("far_right",), severity=2)
    decide_cases(2, WEDNESDAY, strands=(), severity=3, outcome="other_outcome")

    found = summary(take(database).rows)

    assert found.cases == 31
    assert found.by_strand == {"antisemitic": 20, "far_right": None, "none": None}
    assert found.by_severity == {"S1": 20, "S2": None, "S3": None}
    assert found.by_outcome == {"no_offence": None, "other_outcome": None}


@pytest.mark.parametrize("count", [1, 4])
def test_summary_of_too_few_cases_names_nothing_of_them(
    database: Database, decide_cases: DecideCases, count: int
) -> None:
    decide_cases(count, WEDNESDAY, strands=("far_right",), severity=4)

    assert summary(take(database).rows) == summary([]) == extract.Summary(None, {}, {}, {})


def test_file_leaves_out_what_too_few_cases_have_in_common(
    database: Database, decide_cases: DecideCases
) -> None:
    decide_cases(6, WEDNESDAY, strands=("antisemitic",))
    decide_cases(1, WEDNESDAY, strands=("far_right",), severity=4, outcome="rare_outcome")
    made = take(database)

    lines = [json.loads(line) for line in as_jsonl(made).splitlines()]
    cells = list(csv.DictReader(io.StringIO(as_csv(made).decode())))

    assert sum(line["decided_week"] == "2026-11-09" for line in lines) == 6
    (rare,) = [line for line in lines if line["strands"] is None]
    assert rare["far_right"] == 0.0  # its scores stay
    assert {rare[name] for name in ("opened_week", "decided_week", "severity", "outcome", "bundle")} == {None}
    assert b"rare_outcome" not in as_csv(made) + as_jsonl(made)
    assert [cell["strands"] for cell in cells].count("") == 1


def test_week_goes_before_the_strand_of_a_case_that_is_rare_in_its_week(
    database: Database, decide_cases: DecideCases
) -> None:
    decide_cases(6, WEDNESDAY, strands=("far_right",))
    for week in range(1, 6):
        decide_cases(1, WEDNESDAY + timedelta(weeks=week), strands=("islamophobic",))
    asked = Asked("bias_measurement", "REC 1", WEEK, WEEK + timedelta(weeks=6), None, "jsonl")

    lines = [json.loads(line) for line in as_jsonl(take(database, asked)).splitlines()]

    assert {line["decided_week"] for line in lines if line["strands"] == "islamophobic"} == {None}
    assert sum(line["strands"] == "islamophobic" for line in lines) == 5


def test_pseudonym_is_never_a_number_to_a_spreadsheet(database: Database, decide_cases: DecideCases) -> None:
    decide_cases(30, WEDNESDAY)

    assert all(str(row["case"]).startswith("c") for row in take(database).rows)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"purpose": ""}, "purpose"),
        ({"purpose": "curiosity"}, "purpose"),
        ({"reference": ""}, "reference"),
        ({"reference": "=cmd"}, "reference"),
        ({"reference": "x" * 61}, "reference"),
        ({"first": "yesterday"}, "first"),
        ({"first": "2026-13-01"}, "first"),
        ({"last": ""}, "last"),
        ({"first": "2026-11-15", "last": "2026-11-01"}, "last"),
        ({"last": "2026-11-16"}, "last"),  # its week ends on the day of the test
        ({"last": "9999-12-31"}, "last"),
        ({"first": "2020-01-01"}, "first"),
        ({"first": "0001-01-01"}, "first"),
        ({"strand": "martian"}, "strand"),
        ({"given_as": "xlsx"}, "given_as"),
    ],
)
def test_form_that_asks_for_what_cannot_be_given_is_refused_by_field(
    change: dict[str, str], field: str
) -> None:
    from dataclasses import replace

    asked, errors = check_form(replace(GOOD, **change), TODAY)

    assert asked is None
    assert [error.field for error in errors] == [field]


def test_form_is_widened_to_whole_weeks() -> None:
    asked, errors = check_form(GOOD, TODAY)

    assert errors == []
    assert asked == ASKED


@pytest.mark.parametrize("day", range(1, 15))
def test_form_as_it_opens_asks_for_four_weeks_that_have_ended(day: int) -> None:
    from dataclasses import replace

    today = date(2026, 11, day)
    asked, errors = check_form(replace(blank_form(today), purpose="publication", reference="REC 1"), today)

    assert errors == []
    assert asked is not None
    assert (asked.last_week - asked.first_week).days == 21


def test_page_gives_counts_or_a_file_and_keeps_what_was_typed(
    client: TestClient,
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
    decide_cases: DecideCases,
) -> None:
    page = {"accept": "text/html"}
    csrf = sign_in(client, officer("researcher"))
    decided_at = utc_now() - timedelta(days=10)
    decide_cases(12, decided_at, strands=("antisemitic",))
    day = decided_at.date().isoformat()
    form = {"csrf_token": csrf, "purpose": "publication", "reference": "REC 7", "first": day, "last": day}

    assert client.get("/research/extract", headers=page).status_code == 200
    counts = client.post("/research/extract", data=form, headers=page)
    file = client.post("/research/extract", data={**form, "given_as": "csv"}, headers=page)
    lines = client.post("/research/extract", data={**form, "given_as": "jsonl"}, headers=page)
    refused = client.post("/research/extract", data={**form, "purpose": ""}, headers=page)
    few = client.post(
        "/research/extract", data={**form, "given_as": "csv", "strand": "far_right"}, headers=page
    )
    decide_cases(1, decided_at, strands=("far_right",), severity=4)
    one = client.post("/research/extract", data={**form, "strand": "far_right"}, headers=page)

    assert "12 cases" in counts.text
    assert len(list(csv.DictReader(io.StringIO(file.text)))) == 12
    assert file.headers["content-disposition"].startswith('attachment; filename="watchhouse-extract-')
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert [json.loads(line)["strands"] for line in lines.text.splitlines()] == ["antisemitic"] * 12
    assert refused.status_code == 422
    assert 'value="REC 7"' in refused.text
    assert few.status_code == 422
    assert "Fewer than 5 cases" in few.text
    assert "Fewer than 5 cases</h2>" in one.text
    assert "By severity" not in one.text
    assert not re.search(r"\bS4\b", one.text)
