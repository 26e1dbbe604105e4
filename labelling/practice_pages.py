"""Practice: courses, one text at a time, and after each answer the agreed one with its clause and reason.

A person sees their own answers alone, and nobody else sees them. Nothing here becomes a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from labelling.codebook import Codebook
from labelling.desk import words_of
from labelling.desk_form import DeskForm, codebook_of, desk_form
from labelling.dose import dose_of
from labelling.labels import Answers
from labelling.practice.answering import (
    NOTHING,
    answer,
    answers_of_person,
    confusions,
    next_item,
    one_of,
    score,
)
from labelling.practice.courses import Courses
from labelling.practice.material import Item, item_of, items_of
from model.errors import BadInput, NotFound
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.visible_text import word_count
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.roles import Action
from serve.problems import status_of
from serve.storage.identifiers import utc_now

router = APIRouter(prefix="/labelling/practice", include_in_schema=False)
Learner = Annotated[SignedIn, Depends(allowed(Action.PRACTISE))]
CheckCsrf = Depends(check_csrf)
Given = Annotated[DeskForm, Depends(desk_form)]


@router.get("")
def courses_page(request: Request, person: Learner) -> Response:
    """The courses, how this person stands in each, and what they mix up."""
    courses, codebook = _courses(request), codebook_of(request)
    with hub_of(request).database.read() as session:
        given = answers_of_person(session, person.actor)
        rows = [
            (
                course,
                score(
                    items_of(session, courses, course.value), [a for a in given if a.course == course.value]
                ),
            )
            for course in courses.file.courses
        ]
        words = _words(codebook)
        mixed = [
            (words.get(agreed, agreed), words.get(said, said), count)
            for agreed, said, count in confusions(given)
        ]
    return frame_of(request).render(
        request, "labelling_practice.html", person=person, courses=rows, mixed=mixed, file=courses.file
    )


@router.post("/next", dependencies=[CheckCsrf])
def next_text(request: Request, person: Learner, course: Annotated[str, Form()] = "") -> Response:
    """Goes to the text of the course that this person has practised least. Raises: BadInput."""
    dose, now = dose_of(request), utc_now()
    with hub_of(request).database.write() as session:
        allowance = dose.may_read(session, person=person, now=now)
        if allowance.go_to:
            return RedirectResponse(allowance.go_to, status_code=HTTPStatus.SEE_OTHER)
        items = items_of(session, _courses(request), course)
        light = [
            item
            for item in items
            if allowance.severity_at_most is None or item.severity <= allowance.severity_at_most
        ]
        if not light:
            return RedirectResponse("/labelling/practice", status_code=HTTPStatus.SEE_OTHER)
        given = [one for one in answers_of_person(session, person.actor) if one.course == course]
        item = next_item(light, given)
        dose.was_read(
            session,
            person=person,
            now=now,
            task_id=item.key,
            text=item.text,
            severity_expected=item.severity,
        )
    query = urlencode({"course": course, "item": item.key})
    return RedirectResponse(f"/labelling/practice/text?{query}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/text")
def text_page(request: Request, person: Learner, course: str = "", item: str = "") -> Response:
    """The text, covered, with the codebook's questions. Raises: BadInput, NotFound."""
    with hub_of(request).database.read() as session:
        found = item_of(session, _courses(request), course, item)
        return _question(request, session, person, found, Answers())


@router.post("/answer", dependencies=[CheckCsrf])
def give_answer(
    request: Request,
    person: Learner,
    form: Given,
    course: Annotated[str, Form()] = "",
    item: Annotated[str, Form()] = "",
) -> Response:
    """Keeps the answer and shows the agreed one; or the form with what is wrong. Raises: NotFound."""
    hub = hub_of(request)
    with hub.database.read() as session:
        found = item_of(session, _courses(request), course, item)
    try:
        with hub.database.write() as session:
            row = answer(
                session, codebook_of(request), found, form.answers, person=person.actor, now=utc_now()
            )
            address = f"/labelling/practice/result?answer={row.answer_id}"
    except BadInput as fault:
        with hub.database.read() as session:
            return _question(request, session, person, found, form.answers, fault)
    return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)


@router.get("/result")
def result_page(request: Request, person: Learner, answer: int = 0) -> Response:
    """The agreed answer beside one's own, the clause and why. Raises: NotFound for anybody else's answer."""
    courses, codebook = _courses(request), codebook_of(request)
    with hub_of(request).database.read() as session:
        row = one_of(session, person.actor, answer) if 0 < answer < 2**63 else None
        if row is None:
            raise NotFound("answer: there is no such answer of yours", field="answer")
        items = items_of(session, courses, row.course)
        item = item_of(session, courses, row.course, row.gold_id or row.starter_item or "")
        given = [one for one in answers_of_person(session, person.actor) if one.course == row.course]
        return frame_of(request).render(
            request,
            "labelling_practice_result.html",
            person=person,
            course=courses.course(row.course),
            item=item,
            row=row,
            words=words_of(item.text),
            compared=_compared(codebook, item, row.strands, row.codes, row.severity, row.speech_act),
            clauses=[code for strand in codebook.strands for code in strand.codes if code.code in item.codes],
            is_hate=codebook.hate_rule.derive(severity=item.severity, speech_act=item.speech_act),
            score=score(items, given),
        )


def _courses(request: Request) -> Courses:
    courses: Courses = request.app.state.courses
    return courses


def _question(
    request: Request,
    session: Session,
    person: SignedIn,
    item: Item,
    answers: Answers,
    error: BadInput | None = None,
) -> Response:
    courses = _courses(request)
    given = [one for one in answers_of_person(session, person.actor) if one.course == item.course]
    return frame_of(request).render(
        request,
        "labelling_practice_text.html",
        person=person,
        status=status_of(BadInput) if error else HTTPStatus.OK,
        course=courses.course(item.course),
        item=item,
        words=words_of(item.text),
        length=word_count(item.text),
        codebook=codebook_of(request),
        answers=answers,
        score=score(items_of(session, courses, item.course), given),
        errors=[FormError(sentence(error.message), error.field)] if error else [],
    )


def _words(codebook: Codebook) -> Mapping[str, str]:
    """Every answer by its value, in the words of the codebook."""
    words = {NOTHING: "Nothing"}
    for strand in codebook.strands:
        words[strand.value] = strand.title
        words.update({code.code: f"{code.code.replace('_', ' ')} {code.title}" for code in strand.codes})
    words.update({act.value: act.title for act in codebook.speech_acts})
    words.update({f"S{step.value}": f"{step.code} {step.title}" for step in codebook.severities})
    return words


def _compared(
    codebook: Codebook,
    item: Item,
    strands: list[str],
    codes: list[str],
    severity: int,
    speech_act: str,
) -> list[tuple[str, str, str, bool]]:
    """Question by question: what was said, what is agreed, and whether they are the same."""
    words = _words(codebook)

    def named(values: list[str] | tuple[str, ...]) -> str:
        return ", ".join(words.get(value, value) for value in values) or words[NOTHING]

    return [
        ("The author", words[speech_act], words[item.speech_act], speech_act == item.speech_act),
        ("Strands", named(strands), named(item.strands), set(strands) == set(item.strands)),
        ("Clauses", named(codes), named(item.codes), set(codes) == set(item.codes)),
        ("Severity", words[f"S{severity}"], words[f"S{item.severity}"], severity == item.severity),
    ]
