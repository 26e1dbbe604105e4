"""New posts are gathered into the cases of their campaigns, or get cases of their own, in one turn.

What the database knows of their texts is read first, `Matcher` says where each belongs, and the answer is
written: cases opened, posts joined, wordings counted, places in the queue weighed anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from model.policy import Route
from model.taxonomy import STRAND_ORDER
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.campaigns.case_texts import add_to_case
from serve.cases.campaigns.known_texts import TextOfPost, learn, near_texts, separated_from, take_turn
from serve.cases.campaigns.matching import NOT_DECIDED, Copy, How, KnownCase, Matcher, Place
from serve.cases.campaigns.wording import Wording
from serve.cases.opening import NewCase, open_cases
from serve.cases.ordering import queue_of
from serve.cases.placing import weigh_again
from serve.hub import Hub
from serve.storage.tables import Case, CasePost, CaseText, Report

ROUTES: Final = tuple(route.value for route in Route)
"""The most pressing first."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A scored post: what a case of its own would be opened with, and its wording."""

    new: NewCase
    wording: Wording


def gather(
    session: Session, hub: Hub, arrivals: Sequence[Arrival], *, actor: str, now: datetime
) -> list[Place]:
    """Where each post is now, in order; each is in exactly one case.

    Records CAMPAIGN_JOINED and CASE_LINKED; the caller records that cases were opened.
    """
    if not arrivals:
        return []
    take_turn(session)
    texts = {one.new.post_id: _text_of(one, now) for one in arrivals}
    learn(session, list(texts.values()))
    reports = _reports(session, list(texts))
    matcher = _matcher(session, {one.wording.key: one.wording for one in arrivals})
    places = [matcher.place(_copy(one, reports.get(one.new.post_id, ()))) for one in arrivals]
    new = {one.new.post_id: one.new for one in arrivals}
    _open(session, hub, places, new, actor, now)
    _join(session, hub, places, new, reports)
    by_case: dict[str, list[TextOfPost]] = {}
    for place in places:
        by_case.setdefault(place.case_id, []).append(texts[place.copy.post_id])
    for case_id, posts in by_case.items():
        add_to_case(session, case_id, posts)
    for place in places:
        _record(session, place, actor, now)
    return places


def _text_of(arrival: Arrival, now: datetime) -> TextOfPost:
    return TextOfPost(arrival.new.post_id, arrival.wording, arrival.new.received_at or now)


def _copy(arrival: Arrival, dangers: Sequence[bool]) -> Copy:
    return Copy(arrival.new.post_id, arrival.new.case_id, arrival.wording.key, in_danger=any(dangers))


def _matcher(session: Session, wordings: Mapping[str, Wording]) -> Matcher:
    """What is known of these texts: near ones are looked for only where no exact copy can be joined."""
    cases = _cases_of(session, wordings)
    apart = separated_from(session, wordings)
    near = {
        key: near_texts(session, wording)
        for key, wording in wordings.items()
        if key in apart or not any(case.state in NOT_DECIDED for case in cases.get(key, ()))
    }
    cases |= _cases_of(session, {key for found in near.values() for key in found} - set(wordings))
    return Matcher(cases, near, apart, _texts_kept_apart(session, cases, apart))


def _cases_of(session: Session, keys: Iterable[str]) -> dict[str, list[KnownCase]]:
    """The cases that have these texts, locked to the end of the transaction, by text."""
    wanted = set(keys)
    if not wanted:
        return {}
    rows = session.execute(
        select(CaseText.text_key, Case.case_id, Case.state, Case.linked_to, Case.waiting, Case.cycle)
        .join(Case, Case.case_id == CaseText.case_id)
        .where(CaseText.text_key.in_(wanted), Case.retention != "disposed")
        .order_by(Case.case_id)
        .with_for_update(of=Case)
    )
    found: dict[str, list[KnownCase]] = {}
    for row in rows:
        case = KnownCase(row.case_id, row.state, row.linked_to, row.waiting, row.cycle)
        found.setdefault(row.text_key, []).append(case)
    return found


def _texts_kept_apart(
    session: Session, cases: Mapping[str, Sequence[KnownCase]], apart: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Of each case in sight, and of the campaigns they follow, the texts that some new text is kept from."""
    kept = frozenset().union(*apart.values())
    if not kept:
        return {}
    case_ids = {name for known in cases.values() for case in known for name in (case.case_id, case.campaign)}
    found: dict[str, set[str]] = {}
    rows = session.execute(
        select(CaseText.case_id, CaseText.text_key).where(
            CaseText.case_id.in_(case_ids), CaseText.text_key.in_(kept)
        )
    )
    for case_id, key in rows:
        found.setdefault(case_id, set()).add(key)
    return {case_id: frozenset(keys) for case_id, keys in found.items()}


def _open(
    session: Session,
    hub: Hub,
    places: Sequence[Place],
    new: Mapping[str, NewCase],
    actor: str,
    now: datetime,
) -> None:
    opened = [
        replace(new[place.copy.post_id], linked_to=place.linked_to)
        for place in places
        if place.how is not How.JOINED
    ]
    open_cases(session, hub, opened, actor=actor, now=now)
    session.flush()


def _join(
    session: Session,
    hub: Hub,
    places: Sequence[Place],
    new: Mapping[str, NewCase],
    reports: Mapping[str, Sequence[bool]],
) -> None:
    joined = [place for place in places if place.how is How.JOINED]
    if not joined:
        return
    rows = [{"post_id": place.copy.post_id, "case_id": place.case_id} for place in joined]
    session.execute(insert(CasePost), rows)
    by_case: dict[str, list[str]] = {}
    for place in joined:
        by_case.setdefault(place.case_id, []).append(place.copy.post_id)
    # Locked already (`_cases_of`); what is read now is what stands.
    stands = select(Case).where(Case.case_id.in_(by_case)).order_by(Case.case_id)
    for case in session.scalars(stands.execution_options(populate_existing=True)).all():
        came = by_case[case.case_id]
        raised = [raise_to(hub, case, new[post_id]) for post_id in came]
        if any(raised) or any(post_id in reports for post_id in came):
            session.flush()  # `weigh_again` reads the case anew
            weigh_again(session, hub, case)


def raise_to(hub: Hub, case: Case, new: NewCase) -> bool:
    """Takes up into the case what a further post adds; whether the case may have become more pressing."""
    routed = new.routed
    before = (case.severity_expected, case.probability, case.route)
    expected = hub.queue_rules.severity_expected[routed.route]  # type: ignore[index]  # a StrEnum's value is its key
    case.severity_expected = max(case.severity_expected, expected)
    if new.probability is not None:
        case.probability = max(case.probability or 0.0, new.probability)
    if ROUTES.index(routed.route) < ROUTES.index(case.route):
        case.route = str(routed.route)
    case.priority = max(case.priority, routed.priority)
    if not set(routed.strands) <= set(case.strands):
        case.strands = [strand for strand in STRAND_ORDER if strand in {*case.strands, *routed.strands}]
        case.queue = queue_of(case.strands)
    return before != (case.severity_expected, case.probability, case.route)


def _reports(session: Session, post_ids: Sequence[str]) -> dict[str, list[bool]]:
    """For each post that somebody told us of: whether danger was immediate, one for each report."""
    found: dict[str, list[bool]] = {}
    rows = session.execute(
        select(Report.post_id, Report.immediate_danger).where(Report.post_id.in_(post_ids))
    )
    for post_id, danger in rows:
        found.setdefault(post_id, []).append(danger)
    return found


def _record(session: Session, place: Place, actor: str, now: datetime) -> None:
    if place.how is How.OPENED:
        return
    details: dict[str, Detail] = {
        "post_id": place.copy.post_id,
        "text_key": place.copy.key,
        "near": None if place.near is None else round(place.near, 3),
    }
    event = Event.CAMPAIGN_JOINED
    if place.how is How.LINKED:
        event, details["linked_to"] = Event.CASE_LINKED, place.linked_to
    record(session, actor=actor, event=event, subject=place.case_id, details=details, at=now)
