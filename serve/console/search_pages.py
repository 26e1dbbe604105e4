"""Finding cases again: one box, filters behind it, and searches that somebody keeps under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from model.errors import BadInput, NotFound
from model.taxonomy import SEVERITIES
from serve.cases.campaigns.linking import linked_cases
from serve.cases.finding.criteria import DUE_CLASSES, Criteria, read_criteria
from serve.cases.finding.filters import delete_filter, filters_of, save_filter
from serve.cases.finding.searching import COUNTED, Found, search
from serve.cases.viewing import OPEN, SETTLED, STATES, WAITING
from serve.cases.workflow.states import State
from serve.console.case_on_page import cover
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.need_to_know import queues_of
from serve.console.plain_words import strand_words
from serve.console.who import CheckCsrf
from serve.field_text import is_identifier
from serve.hub import Hub, hub_of
from serve.people.access import SignedIn, allowed
from serve.people.roles import Action, may
from serve.problems import status_of
from serve.storage.identifiers import utc_now

router = APIRouter(prefix="/search", include_in_schema=False)

Searcher = Annotated[SignedIn, Depends(allowed(Action.SEARCH_CASES))]
Keeper = Annotated[SignedIn, Depends(allowed(Action.KEEP_FILTERS))]
"""Keeps searches under names: their own, for nobody else."""
NAMES: Final = tuple(Criteria.__dataclass_fields__)
QUEUE_WORDS: Final = {"general": "no strand in particular", "several": "several strands"}
STATE_WORDS: Final = {OPEN: "not decided", WAITING: "waiting for somebody", SETTLED: "decided"}
EXAMPLE: Final = 'bus "number nine" -tram neighb*'


async def typed_filter(request: Request) -> Mapping[str, str]:
    """The fields of a form, whatever of them was sent."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


Typed = Annotated[Mapping[str, str], Depends(typed_filter)]


@router.get("")
def search_page(request: Request, person: Searcher, after: str = "", done: str = "") -> Response:
    """The search box; with something to look for, the cases found, and the search in the log."""
    typed = {name: request.query_params.get(name, "") for name in NAMES}
    notice = {"saved": "The filter is saved.", "deleted": "The filter is deleted."}.get(done)
    return _answer(request, person, typed, after=after or None, notice=notice)


@router.post("/filters", dependencies=[CheckCsrf])
def save(request: Request, person: Keeper, form: Typed) -> Response:
    """Keeps the search under a name and goes back to it; or says what is wrong with the name."""
    hub = hub_of(request)
    typed = {name: form.get(name, "") for name in NAMES}
    try:
        criteria = read_criteria(typed, outcomes=_outcomes(hub))
        with hub.database.write() as session:
            save_filter(
                session, actor=person.actor, name=form.get("name", ""), criteria=criteria, now=utc_now()
            )
    except BadInput as fault:
        words = "Write a name" if "empty" in fault.message else sentence(fault.message)
        return _answer(request, person, typed, name=form.get("name", ""), errors=[_error(fault, words)])
    return RedirectResponse(_address(criteria, done="saved"), status_code=HTTPStatus.SEE_OTHER)


@router.post("/filters/{filter_id}/delete", dependencies=[CheckCsrf])
def delete(request: Request, filter_id: str, person: Keeper) -> Response:
    """Forgets one of this person's filters. Raises: NotFound."""
    if not is_identifier(filter_id):
        raise NotFound("there is no such filter")
    with hub_of(request).database.write() as session:
        delete_filter(session, actor=person.actor, filter_id=filter_id)
    return RedirectResponse("/search?done=deleted", status_code=HTTPStatus.SEE_OTHER)


def _answer(
    request: Request,
    person: SignedIn,
    typed: Mapping[str, str],
    *,
    after: str | None = None,
    name: str = "",
    notice: str | None = None,
    errors: Sequence[FormError] = (),
) -> Response:
    """The page: what was typed, what is wrong with it, and else what was found."""
    hub = hub_of(request)
    faults, criteria = list(errors), Criteria()
    if not faults:
        try:
            criteria = read_criteria(typed, outcomes=_outcomes(hub))
        except BadInput as fault:
            faults.append(_error(fault, sentence(fault.message)))
    # A search is a write: it is in the log in the same transaction, or it is not made.
    with hub.database.write() as session:
        found = None
        if not criteria.is_empty and not faults:
            try:
                found = search(
                    session,
                    criteria,
                    actor=person.actor,
                    queues=queues_of(person),
                    now=utc_now(),
                    after=after,
                )
            except BadInput as fault:
                faults.append(_error(fault, sentence(fault.message)))
        return _render(request, session, person, typed, criteria, found, faults, name, notice)


def _render(
    request: Request,
    session: Session,
    person: SignedIn,
    typed: Mapping[str, str],
    criteria: Criteria,
    found: Found | None,
    errors: Sequence[FormError],
    name: str,
    notice: str | None,
) -> Response:
    hub = hub_of(request)
    outcomes = _outcomes(hub)
    return frame_of(request).render(
        request,
        "search.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        typed=typed,
        example=EXAMPLE,
        has_filters=sum(1 for one in NAMES if one != "q" and typed[one].strip()),
        states=_states(),
        queues=[(queue, QUEUE_WORDS.get(queue) or strand_words(queue)) for queue in queues_of(person)],
        outcomes=list(outcomes.items()),
        severities=[(one, f"S{one}") for one in SEVERITIES],
        due_classes=[(one, one) for one in DUE_CLASSES],
        found=found,
        counted_to=COUNTED,
        rows=[] if found is None else [_row(one, outcomes) for one in found.cases],
        next_page=None if found is None or found.next is None else _address(criteria, after=found.next),
        filters=[
            (one.name, _address(read_criteria(one.query)), one.filter_id)
            for one in filters_of(session, person.actor)
        ],
        linked=may(person.role, Action.CLAIM_CASES)
        and bool(linked_cases(session, queues_of(person), limit=1)),
        given=criteria.as_typed(),
        name=name,
        errors=errors,
        notice=notice,
    )


def _row(one: Any, outcomes: Mapping[str, str]) -> dict[str, Any]:
    """A case as the list shows it: everything but what its posts say."""
    case, decision = one.case, one.decision
    return {
        "case_id": case.case_id,
        "state": STATE_WORDS.get(case.state, case.state.replace("_", " ")),
        "cover": cover(one.first_post, case) if one.first_post is not None else "no post",
        "posts": one.posts,
        "received_at": one.first_post.received_at if one.first_post is not None else case.created_at,
        "outcome": None if decision is None else outcomes.get(decision.outcome, decision.outcome),
        "severity": None if decision is None else decision.severity,
    }


def _states() -> list[tuple[str, str]]:
    groups = [(name, STATE_WORDS[name]) for name in (OPEN, WAITING, SETTLED)]
    return groups + [
        (state, f"{state.replace('_', ' ')}: {State(state).meaning}")
        for state in STATES
        if state not in (State.RECEIVED.value, State.SCORED.value)
    ]


def _outcomes(hub: Hub) -> dict[str, str]:
    """Every outcome that any profile has or had, by code, with its newest title."""
    return {one.code: one.title for profile in hub.outcomes.profiles for one in profile.outcomes}


def _error(fault: BadInput, words: str) -> FormError:
    return FormError(words, "filter-name" if fault.field == "name" else fault.field)


def _address(criteria: Criteria, **more: str) -> str:
    return f"/search?{urlencode(criteria.as_typed() | more)}"
