"""Practice: agreed answers, what is mixed up, whose eyes only, and never a label."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from labelling.codebook import Codebook
from labelling.export import export
from labelling.labels import Answers
from labelling.practice.answering import answer, answers_of_person, confusions, next_item, one_of, score
from labelling.practice.courses import Courses, load_courses
from labelling.practice.material import items_of
from model.errors import BadConfig, BadInput
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import Adjudication, GoldItem, LabelRow, PracticeAnswer, Task

Add = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def courses(codebook: Codebook) -> Courses:
    return load_courses(codebook)


@pytest.fixture
def answered(
    database: Database, codebook: Codebook, courses: Courses, tick: Callable[..., datetime]
) -> Callable[..., None]:
    """Answers an item of a course as one person: `answered("far_right", "f02", severity=2)`."""

    def give(course: str, key: str, person: str = "officer:ada", **answers: Any) -> None:
        with database.write() as session:
            item = next(one for one in items_of(session, courses, course) if one.key == key)
            answer(session, codebook, item, Answers(**answers), person=person, now=tick())

    return give


def test_shipped_courses_are_three_and_mostly_not_hate(courses: Courses, codebook: Codebook) -> None:
    assert [course.value for course in courses.file.courses] == ["antisemitic", "islamophobic", "far_right"]
    assert len(courses.sha256) == 64
    for course in courses.file.courses:
        hateful = [
            item
            for item in course.items
            if codebook.hate_rule.derive(severity=item.severity, speech_act=item.speech_act)
        ]
        assert len(course.items) >= 10
        assert 2 <= len(hateful) < len(course.items) / 2
        assert {"counters", "reports_or_quotes"} <= {item.speech_act for item in course.items}


def test_course_with_an_answer_outside_the_codebook_is_refused(codebook: Codebook, tmp_path: Path) -> None:
    text = (ROOT / "configs/labelling/practice-v1.yaml").read_text("utf-8")
    wrong = tmp_path / "practice.yaml"
    for before, after in (
        ("codes: [IH2]", "codes: [limb_a]"),
        ("severity: 3", "severity: 9"),
        ("id: a02", "id: a01"),
    ):
        wrong.write_text(text.replace(before, after, 1), "utf-8")
        with pytest.raises(BadConfig):
            load_courses(codebook, wrong)


def test_answer_is_right_when_strands_act_and_severity_are(
    database: Database, courses: Courses, answered: Callable[..., None]
) -> None:
    answered("antisemitic", "a03", strands=["antisemitic"], severity=1, speech_act="endorses", codes=["IH2"])
    answered("antisemitic", "a08", strands=["antisemitic"], severity=1, speech_act="endorses", codes=["IH3"])
    answered("antisemitic", "a05", strands=["antisemitic"], severity=2, speech_act="endorses", codes=["IH2"])

    with database.read() as session:
        given = answers_of_person(session, "officer:ada")
        standing = score(items_of(session, courses, "antisemitic"), given)
    assert [row.is_right for row in given] == [True, True, False]
    assert (standing.answered, standing.right, standing.items) == (3, 2, 10)
    assert confusions(given) == [("IH11", "IH3", 1), ("S1", "S2", 1), ("counters", "endorses", 1)]
    assert {row.material_sha256 for row in given} == {courses.sha256}


def test_answer_outside_the_codebook_is_refused(answered: Callable[..., None]) -> None:
    with pytest.raises(BadInput):
        answered("antisemitic", "a03", severity=2, speech_act="neutral")
    with pytest.raises(BadInput):
        answered("antisemitic", "a03", codes=["IH2"])


def test_least_practised_text_comes_next_and_of_those_what_was_wrong(
    database: Database, courses: Courses, answered: Callable[..., None]
) -> None:
    with database.read() as session:
        items = items_of(session, courses, "far_right")
    keys = [item.key for item in items]

    def following() -> str:
        with database.read() as session:
            return next_item(items, answers_of_person(session, "officer:ada")).key

    assert following() == keys[0]
    for item in items:
        right = {"strands": item.strands, "severity": item.severity, "speech_act": item.speech_act}
        answered("far_right", item.key, **(right if item.key != keys[4] else {}))
    assert following() == keys[4]


def test_hubs_own_gold_texts_follow_and_unresolved_ones_do_not(
    database: Database, courses: Courses, codebook: Codebook, add: Add, tick: Callable[..., datetime]
) -> None:
    add("A leaflet of 1936.", "An unclear text.", "A hidden gold text.")
    with database.write() as session:
        for number, task in enumerate(session.scalars(select(Task).order_by(Task.task_id)).all()):
            unresolved, adjudication_id = number == 1, new_id()
            session.add(
                Adjudication(
                    adjudication_id=adjudication_id, task_id=task.task_id, adjudicator="officer:dot",
                    adjudicated_at=tick(), kind="ambiguity", label_ids=[], strands=["far_right"],
                    codes=["WS"],
                    hate=None if unresolved else False, severity=None if unresolved else 0,
                    speech_act="reports_or_quotes", context_flags=[], explanation="History.",
                    codebook=codebook.version, codebook_sha256=codebook.sha256,
                )
            )  # fmt: skip
            session.flush()
            session.add(
                GoldItem(
                    gold_id=new_id(), adjudication_id=adjudication_id, text=task.text,
                    text_sha256=task.text_sha256, course="far_right", made_at=tick(), made_by="officer:dot",
                    use="seed" if number == 2 else "practice",
                )
            )  # fmt: skip

    with database.read() as session:
        own = [item for item in items_of(session, courses, "far_right") if item.gold_id]
    assert [(item.text, item.why, item.codes) for item in own] == [
        ("A leaflet of 1936.", "History.", ("WS",))
    ]


def test_nothing_that_is_answered_in_practice_is_a_label_or_leaves_with_them(
    database: Database, courses: Courses, answered: Callable[..., None], add: Add, annotator: Any
) -> None:
    add("The bus is late.")
    annotator("ada").label_next()
    for course in courses.file.courses:
        for item in course.items:
            answered(
                course.value,
                item.id,
                strands=item.strands,
                severity=item.severity,
                speech_act=item.speech_act,
            )

    with database.read() as session:
        exported = list(export(session))
        assert [post.text for post in exported] == ["The bus is late."]
        assert len(session.scalars(select(LabelRow)).all()) == 1
        assert len(session.scalars(select(Task)).all()) == 1
        assert len(session.scalars(select(PracticeAnswer)).all()) == 30


def test_no_module_but_practice_reads_what_was_answered_in_it() -> None:
    naming = {
        str(file.relative_to(ROOT))
        for room in ("labelling", "serve", "training", "model")
        for file in (ROOT / room).rglob("*.py")
        if re.search(r"\b(PracticeAnswer|practice_answers)\b", file.read_text("utf-8"))
    }

    assert {name for name in naming if "storage/" not in name} == {"labelling/practice/answering.py"}


def test_answer_never_changes_and_is_its_persons_alone(
    database: Database, answered: Callable[..., None]
) -> None:
    answered("far_right", "f01")
    with database.read() as session:
        [row] = answers_of_person(session, "officer:ada")
        assert one_of(session, "officer:bo", row.answer_id) is None
        assert answers_of_person(session, "officer:bo") == []

    with pytest.raises(Exception, match="change"), database.write() as session:
        session.get_one(PracticeAnswer, row.answer_id).is_right = False
