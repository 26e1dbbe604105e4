from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from model.errors import BadInput, Conflict, NotAllowed, NotFound
from serve.audit.events import Event
from serve.cases.campaigns.known_texts import are_apart
from serve.cases.campaigns.matching import How, Place
from serve.cases.campaigns.moving import not_the_same, reverse_post
from serve.cases.claiming import Claimant, claim
from serve.cases.deciding import standing_decision
from serve.cases.stepping import take_step
from serve.cases.workflow.states import CaseAction, CaseRole
from serve.cases.workflow.steps import Step
from serve.hub import Hub
from serve.storage.tables import (
    AuditEvent,
    Case,
    CasePost,
    CaseStep,
    CaseText,
    DecisionPost,
    PostReversal,
    TextSeparation,
)

Gather = Callable[..., list[Place]]
ADA, BEN, EVE = "officer:ada", "officer:ben", "officer:eve"
OFFICER, SENIOR = CaseRole.REVIEW_OFFICER, CaseRole.SENIOR_REVIEWER


def texts(hub: Hub, case_id: str) -> dict[str, int]:
    with hub.database.read() as session:
        rows = session.execute(select(CaseText.text_key, CaseText.posts).where(CaseText.case_id == case_id))
        return {row.text_key: row.posts for row in rows}


def posts(hub: Hub, case_id: str) -> list[str]:
    with hub.database.read() as session:
        found = select(CasePost.post_id).where(CasePost.case_id == case_id).order_by(CasePost.post_id)
        return list(session.scalars(found))


def part(hub: Hub, place: Place, now: Any, actor: str = ADA) -> str:
    with hub.database.write() as session:
        return not_the_same(
            session, hub, case_id=place.case_id, post_id=place.copy.post_id, actor=actor,
            reason="It says the opposite.", now=now,
        )  # fmt: skip


def test_text_that_is_not_the_same_leaves_with_all_its_posts(
    hub: Hub, campaign: list[Place], now: Any
) -> None:
    first, other = campaign[0], campaign[4]
    new_case_id = part(hub, first, now)

    assert posts(hub, new_case_id) == [place.copy.post_id for place in campaign[:3]]
    assert posts(hub, other.case_id) == [place.copy.post_id for place in campaign[3:]]
    assert texts(hub, new_case_id) == {first.copy.key: 3}
    assert texts(hub, other.case_id) == {campaign[3].copy.key: 1, other.copy.key: 1}
    with hub.database.read() as session:
        case = session.get_one(Case, new_case_id)
        steps = session.execute(
            select(CaseStep.action, CaseStep.actor).where(CaseStep.case_id == new_case_id)
        ).all()
        pairs = session.scalars(select(TextSeparation)).all()
        events = {
            (event.event, event.subject): event
            for event in session.scalars(select(AuditEvent).where(AuditEvent.actor == ADA))
        }
    assert (case.state, case.waiting, case.waits_since) == ("captured", True, now)
    assert [tuple(step) for step in steps] == [
        ("score", "system:campaigns"),
        ("admit_to_review", "system:campaigns"),
    ]
    assert {(one.text_key, one.other_key) for one in pairs} == {
        (min(first.copy.key, key), max(first.copy.key, key)) for key in (campaign[3].copy.key, other.copy.key)
    }
    assert {one.separated_by for one in pairs} == {ADA}
    separated = events[Event.POST_SEPARATED.value, first.case_id].details
    assert (separated["new_case_id"], separated["posts"], separated["texts_kept_apart"]) == (
        new_case_id,
        3,
        2,
    )
    assert (Event.CASE_OPENED.value, new_case_id) in events


def test_texts_that_were_parted_never_meet_again(
    hub: Hub, campaign: list[Place], gather_posts: Gather, original: str, now: Any, decide_next: Any
) -> None:
    new_case_id = part(hub, campaign[4], now)
    again = gather_posts(original + " Please!", original, original + " please?", minutes=1)

    # The very text goes where it went; the old one stays; a new one, near both, goes to either but to one.
    assert again[0].case_id == new_case_id
    assert again[1].case_id == campaign[0].case_id
    assert again[2].case_id in (new_case_id, campaign[0].case_id)
    for _ in range(2):
        decide_next()
    linked = gather_posts(original + " Please!", original, minutes=2)
    assert [place.linked_to for place in linked] == [new_case_id, campaign[0].case_id]
    with hub.database.read() as session:
        assert are_apart(session, new_case_id, campaign[0].case_id)
        assert are_apart(session, campaign[0].case_id, new_case_id)


def test_parted_texts_are_not_linked_by_hand_either(
    hub: Hub, gather_posts: Gather, original: str, now: Any
) -> None:
    (one, other) = gather_posts(original, original + " Please!", reported=True)
    new_case_id = part(hub, other, now)
    with hub.database.write() as session:
        claimed = claim(session, Claimant(ADA, stages=("triage",)), now=now, lease_seconds=600)
    assert claimed is not None
    step = Step(
        action=CaseAction.LINK_DUPLICATE, actor=ADA, role=CaseRole.TRIAGE_OFFICER, at=now, reason="The same."
    )
    to = ({one.case_id, new_case_id} - {claimed.case_id}).pop()
    with hub.database.write() as session, pytest.raises(Conflict, match="not the same"):
        take_step(session, hub, claimed.case_id, step, lease_number=claimed.lease_number, linked_to=to)


def test_reported_posts_that_leave_are_triaged_and_their_reports_go_along(
    hub: Hub, gather_posts: Gather, original: str, now: Any
) -> None:
    (first,) = gather_posts(original)
    gather_posts(original + " Please!")
    gather_posts(original + " Please!", reported=True)
    with hub.database.read() as session:
        leaves = session.scalars(select(CaseText).where(CaseText.text_key != first.copy.key)).one()
    with hub.database.write() as session:
        new_case_id = not_the_same(
            session,
            hub,
            case_id=first.case_id,
            post_id=leaves.first_post_id,
            actor=ADA,
            reason="No.",
            now=now,
        )
        case, old = session.get_one(Case, new_case_id), session.get_one(Case, first.case_id)

    assert (case.state, case.report_count, case.due_class) == ("triage", 1, "reported")
    assert (old.report_count, old.due_class) == (0, "review")


def test_parting_wants_another_text_a_reason_and_a_case_that_nobody_else_holds(
    hub: Hub, gather_posts: Gather, campaign: list[Place], now: Any, original: str, decide_next: Any
) -> None:
    (lone,) = gather_posts("A quite different text about the swimming pool on Park Street, which is closed.")
    with pytest.raises(Conflict, match="nothing to part"):
        part(hub, lone, now)
    with hub.database.write() as session, pytest.raises(BadInput) as refused:
        not_the_same(session, hub, case_id=campaign[0].case_id, post_id=campaign[0].copy.post_id, actor=ADA,
                     reason="  ", now=now)  # fmt: skip
    assert refused.value.field == "reason"
    with hub.database.write() as session, pytest.raises(NotFound):
        not_the_same(session, hub, case_id=campaign[0].case_id, post_id=lone.copy.post_id, actor=ADA,
                     reason="No.", now=now)  # fmt: skip
    with hub.database.write() as session:
        claimed = claim(session, Claimant(BEN), now=now, lease_seconds=600)
        assert claimed is not None
        assert claimed.case_id == campaign[0].case_id
    with pytest.raises(Conflict, match="somebody else"):
        part(hub, campaign[0], now, actor=ADA)
    part(hub, campaign[0], now, actor=BEN)


def test_separations_are_permanent(hub: Hub, campaign: list[Place], now: Any) -> None:
    part(hub, campaign[4], now)
    for change in (
        "UPDATE text_separations SET reason = 'other'",
        "DELETE FROM text_separations",
    ):
        with pytest.raises(DBAPIError, match="never change"), hub.database.write() as session:
            session.connection().exec_driver_sql(change)


def test_decision_of_a_campaign_has_a_row_for_each_post(
    hub: Hub, campaign: list[Place], decide_next: Any
) -> None:
    decision = decide_next()

    with hub.database.read() as session:
        rows = session.scalars(
            select(DecisionPost.post_id).where(DecisionPost.decision_id == decision.decision_id)
        ).all()
    assert sorted(rows) == [place.copy.post_id for place in campaign]


def test_decision_is_reversed_for_one_post_and_stands_for_the_rest(
    hub: Hub, campaign: list[Place], decide_next: Any, now: Any, gather_posts: Gather, original: str
) -> None:
    decision, post_id = decide_next(), campaign[1].copy.post_id
    with hub.database.write() as session:
        reversal = reverse_post(
            session, hub, decision_id=decision.decision_id, post_id=post_id, actor=EVE, role=SENIOR,
            reason="This one quotes it.", now=now,
        )  # fmt: skip

    new_case_id = reversal.new_case_id
    assert posts(hub, new_case_id) == [post_id]
    assert texts(hub, new_case_id) == {campaign[1].copy.key: 1}
    assert texts(hub, campaign[0].case_id)[campaign[0].copy.key] == 2
    with hub.database.read() as session:
        old, new = session.get_one(Case, campaign[0].case_id), session.get_one(Case, new_case_id)
        standing = standing_decision(session, campaign[0].case_id)
        rows = session.scalar(select(func.count()).select_from(DecisionPost))
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == Event.POST_REVERSED.value)).one()
    assert (old.state, new.state, new.waiting) == ("no_action", "captured", True)
    assert standing is not None
    assert standing.decision_id == decision.decision_id
    assert rows == 5
    assert (event.actor, event.subject, event.details["new_case_id"]) == (EVE, old.case_id, new_case_id)
    # A further copy is read with the one that is read anew.
    (copy,) = gather_posts(original, minutes=3)
    assert (copy.how, copy.case_id) == (How.JOINED, new_case_id)


def test_reversal_wants_a_senior_a_decision_that_stands_and_more_than_one_post(
    hub: Hub, campaign: list[Place], decide_next: Any, now: Any
) -> None:
    decision = decide_next()

    def reverse(post_id: str, *, role: CaseRole = SENIOR, reason: str = "It quotes.") -> None:
        with hub.database.write() as session:
            reverse_post(session, hub, decision_id=decision.decision_id, post_id=post_id, actor=EVE,
                         role=role, reason=reason, now=now)  # fmt: skip

    first = campaign[0].copy.post_id
    with pytest.raises(NotAllowed):
        reverse(first, role=OFFICER)
    with pytest.raises(BadInput):
        reverse(first, reason=" ")
    with pytest.raises(NotFound):
        reverse("0" * 26)
    reverse(first)
    with pytest.raises(Conflict, match="before"):
        reverse(first)
    for place in campaign[1:4]:
        reverse(place.copy.post_id)
    with pytest.raises(Conflict, match="reopen the case"):
        reverse(campaign[4].copy.post_id)
    with hub.database.read() as session:
        assert session.scalar(select(func.count()).select_from(PostReversal)) == 4
    with hub.database.write() as session:
        step = Step(action=CaseAction.REOPEN, actor=EVE, role=SENIOR, at=now, reason="Read it anew.")
        take_step(session, hub, campaign[4].case_id, step)
    with pytest.raises(Conflict, match="stand any more"):
        reverse(campaign[4].copy.post_id)
