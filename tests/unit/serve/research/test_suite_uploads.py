"""Suites sent to the hub: kept to the byte, or refused by row and column."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from research_desk import PAGE, Desk, events
from sqlalchemy import select

from model.errors import BadFile, TooMany
from serve.audit.events import Event
from serve.research import suites
from serve.storage.engine import Database
from serve.storage.tables import SuiteRow

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_upload_stores_the_very_bytes_and_shows_the_suite(
    desk: Desk, suite_csv: bytes, database: Database
) -> None:
    suite_id = desk.upload(suite_csv, "My suite.csv")

    page = desk.client.get(f"/research/suites/{suite_id}", headers=PAGE).text
    with database.read() as session:
        row = session.get(SuiteRow, suite_id)
    assert row is not None
    assert (row.csv, row.name, row.cases) == (suite_csv, "My-suite", 6)
    assert row.uploaded_by.startswith("officer:")
    assert "plain_hate" in page
    assert "fewer than 25 cases" in page
    assert "Not run yet" in page
    (event,) = events(database, Event.SUITE_UPLOADED)
    assert (event.subject, event.details["cases"], event.actor) == (suite_id, 6, row.uploaded_by)


def test_same_file_again_is_the_same_suite(desk: Desk, suite_csv: bytes, database: Database) -> None:
    first, second = desk.upload(suite_csv), desk.upload(suite_csv, "other.csv")

    assert first == second
    assert len(events(database, Event.SUITE_UPLOADED)) == 1
    assert "was here already" in desk.client.get(f"/research/suites/{first}?known=yes", headers=PAGE).text


def test_bad_rows_are_refused_by_row_and_column_and_nothing_is_stored(
    desk: Desk, suite_csv: bytes, database: Database
) -> None:
    bad = suite_csv + b"\nb4,news,A text about Zanzibar,perhaps,,\nb5,,A text,hateful,martian,"

    answer = desk.post("", suite=("made.csv", bad))

    assert answer.status_code == 422
    cells = re.findall(r'data-head="(Row|Column)"[^>]*>([^<]*)<', answer.text)
    assert [value for _, value in cells] == ["8", "label_gold", "9", "functionality"]
    assert "Zanzibar" not in answer.text
    assert "martian" not in answer.text
    with database.read() as session:
        assert session.scalars(select(SuiteRow)).all() == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Choose a CSV file that is not empty"),
        (b"a,b\n1,2\n", "the header has no column"),
        (b"PK\x03\x04" + bytes(range(1, 256)), "header"),
        (b"functionality,test_case,label_gold\n", "has no cases"),
    ],
)
def test_file_that_is_no_suite_is_refused_in_words(desk: Desk, data: bytes, said: str) -> None:
    answer = desk.post("", suite=("made.csv", data))

    assert answer.status_code == 422
    assert said.lower() in answer.text.lower()


def test_form_without_a_file_is_refused_in_words(desk: Desk) -> None:
    answer = desk.post("")

    assert answer.status_code == 422
    assert "Choose a CSV file" in answer.text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"x" * (suites.MAX_SUITE_BYTES + 1), "at most 2 MiB"),
        (b"\n" * (2 * suites.MAX_LINES + 1), "lines"),
        (
            b"functionality,test_case,label_gold\n"
            + b"".join(b"f,text %d,1\n" % n for n in range(suites.MAX_CASES + 1)),
            "10,000 cases",
        ),
        (
            b"functionality,test_case,label_gold\n"
            + b"".join(b"f%d,text,1\n" % n for n in range(suites.MAX_FUNCTIONALITIES + 1)),
            "500 functionalities",
        ),
    ],
)
def test_file_beyond_a_bound_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        suites.read_upload(data, "made.csv")


@pytest.mark.parametrize(
    ("filename", "name"),
    [("../../etc/passwd", "passwd"), ("<b>.csv", "b"), ("", "suite"), ("x" * 300 + ".csv", "x" * 60)],
)
def test_name_of_the_file_becomes_a_plain_name(filename: str, name: str) -> None:
    assert suites.plain_name(filename) == name


def test_so_many_suites_a_day_from_one_person_and_no_more(
    database: Database, suite_csv: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "SUITES_A_DAY", 2)

    def upload(number: int, actor: str, at: datetime = NOW) -> None:
        data = suite_csv + f"\nd{number},news,Text {number},non-hateful,,".encode()
        with database.write() as session:
            suites.store_suite(session, suites.read_upload(data, ""), data, actor=actor, at=at)

    upload(1, "officer:1")
    upload(2, "officer:1")
    with pytest.raises(TooMany):
        upload(3, "officer:1")
    upload(2, "officer:1")  # one that is here already is no upload
    upload(3, "officer:2")
    upload(4, "officer:1", NOW + timedelta(days=1, seconds=1))
