from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from serve.people.exposure.outside_cases import text_was_labelled, text_was_shown, text_was_too_much
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.shift import Standing
from serve.storage.engine import Database
from serve.storage.tables import Reading

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
TASK, TEXT = "1" * 26, "A text of a task."


@pytest.fixture
def annotator(person: Callable[..., str]) -> str:
    return person("annotator")


def show(database: Database, policy: ExposurePolicy, actor: str, score: float | None = None) -> None:
    with database.write() as session:
        text_was_shown(session, policy, actor=actor, at=NINE, task_id=TASK, text=TEXT, score=score)


def label(database: Database, policy: ExposurePolicy, actor: str, severity: int | None) -> None:
    with database.write() as session:
        text_was_labelled(session, policy, actor=actor, at=NINE, task_id=TASK, text=TEXT, severity=severity)


@pytest.mark.parametrize(("score", "units"), [(None, 2), (0.1, 0), (0.9, 2)])
def test_text_of_a_task_counts_once_and_by_its_score(
    database: Database, policy: ExposurePolicy, annotator: str, stands: Callable[..., Standing],
    score: float | None, units: int,
) -> None:  # fmt: skip
    for _ in range(2):
        show(database, policy, annotator, score)
    assert (stands(annotator).texts, stands(annotator).dose_units) == (1, units)


def test_label_replaces_what_was_expected_and_one_without_severity_does_not(
    database: Database, policy: ExposurePolicy, annotator: str, stands: Callable[..., Standing]
) -> None:
    show(database, policy, annotator)
    label(database, policy, annotator, None)
    assert stands(annotator).dose_units == 2
    label(database, policy, annotator, 4)
    assert stands(annotator).dose_units == 8


def test_text_that_was_too_much_counts_and_is_not_named(
    database: Database, policy: ExposurePolicy, annotator: str, stands: Callable[..., Standing]
) -> None:
    show(database, policy, annotator)
    with database.write() as session:
        text_was_too_much(session, actor=annotator, text=TEXT)
    assert stands(annotator).dose_units == 2
    with database.read() as session:
        row = session.scalars(select(Reading)).one()
    assert (row.subject_id, row.text_sha256) == (None, None)
