from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from model.errors import BadInput, Conflict, NotAllowed, NotFound
from serve.audit.events import Event
from serve.cases.campaigns.known_texts import are_apart
from serve.cases.campaigns.linking import campaign_of_linked, follow_campaign, linked_cases, unlink
from serve.cases.campaigns.matching import How, Place
from serve.cases.campaigns.moving import not_the_same, reverse_post
from serve.cases.campaigns.reading import unread_texts
from serve.cases.claiming import Claimant, claim
from serve.cases.deciding import standing_decision
from serve.cases.judging import judge
from serve.cases.said import Said
from serve.cases.stepping import take_step
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.steps import Step
from serve.hub import Hub
from serve.storage.tables import (
    AuditEvent,
    Case,
    CasePost,
    CaseStep,
    CaseText,
    Decision,
    DecisionPost,
    Judgement,
    PostReversal,
    TextSeparation,
)

Gather = Callable[..., list[Place]]
ADA, BEN, EVE = "officer:ada", "officer:ben", "officer:eve"
OFFICER, SENIOR = CaseRole.REVIEW_OFFICER, CaseRole.SENIOR_REVIEWER


@pytest.fixture
def campaign(gather_posts: Gather, original: str) -> list[Place]:
    """One case: three posts of one text, one of another that is near it, one of a third."""
    return gather_posts(
        original,
        original.upper(),
        original,
        original.replace("closes", "opens") + " Now.",
        original + " Please!",
    )


@pytest.fixture
def decide_next(hub: Hub, now: Any) -> Callable[..., Decision]:
    """Claims the next case for ADA and decides it."""

    def decide(outcome: str = "no_action", severity: int = 1, actor: str = ADA) -> Decision:
        with hub.database.write() as session:
            session.execute(update(Case).values(sampled=False))
            claimed = claim(session, Claimant(actor), now=now, lease_seconds=600)
            assert claimed is not None
            said = Said(
                outcome=outcome, outcome_detail=None, strands=[], severity=severity,
                reason="About the library.", confidence="high",
            )  # fmt: skip
            judged = judge(
                session, hub, case_id=claimed.case_id, lease_number=claimed.lease_number, actor=actor,
                role=OFFICER, now=now, said=said,
            )  # fmt: skip
            assert judged.decision is not None
            return judged.decision

    return decide


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


def follow(
    hub: Hub, case_id: str, now: Any, actor: str = BEN, role: CaseRole = OFFICER, reason: str = ""
) -> Decision:
    with hub.database.write() as session:
        return follow_campaign(session, hub, case_id=case_id, actor=actor, role=role, now=now, reason=reason)


def test_linked_case_follows_its_campaign_word_for_word(
    hub: Hub, campaign: list[Place], decide_next: Any, gather_posts: Gather, original: str, now: Any
) -> None:
    decision = decide_next(severity=2)
    places = gather_posts(original, original, minutes=1)
    with hub.database.read() as session:
        assert [case.case_id for case in linked_cases(session, ("general",), limit=9)] == [places[0].case_id]
        assert linked_cases(session, ("far_right",), limit=9) == []
    followed = follow(hub, places[0].case_id, now)

    with hub.database.read() as session:
        case = session.get_one(Case, places[0].case_id)
        judgement = session.scalars(select(Judgement).where(Judgement.case_id == case.case_id)).one()
        actions = session.scalars(select(CaseStep.action).where(CaseStep.case_id == case.case_id)).all()
        rows = session.scalars(
            select(DecisionPost.post_id).where(DecisionPost.decision_id == followed.decision_id)
        ).all()
        assert linked_cases(session, ("general",), limit=9) == []
    assert (case.state, case.decided_at, case.linked_to) == (
        "no_action", now + timedelta(minutes=1), campaign[0].case_id
    )  # fmt: skip
    same = ("outcome", "outcome_detail", "strands", "codes", "severity", "standard", "law", "proportionality")
    assert [getattr(followed, one) for one in same] == [getattr(decision, one) for one in same]
    assert followed.judgement_ids == [judgement.judgement_id]
    assert campaign[0].case_id in followed.reason
    assert list(actions) == ["score", "link_duplicate", "follow_campaign", "close_no_action"]
    assert sorted(rows) == [place.copy.post_id for place in places]
    # The next copy is linked to the campaign itself, not to the case that followed it.
    (later,) = gather_posts(original, minutes=2)
    assert (later.how, later.linked_to) == (How.LINKED, campaign[0].case_id)


def test_text_that_differs_from_the_campaigns_must_be_read_before_it_follows(
    hub: Hub, campaign: list[Place], decide_next: Any, gather_posts: Gather, original: str, now: Any
) -> None:
    decide_next()
    (linked, _) = gather_posts(original + " Thank you.", original, minutes=1)
    with pytest.raises(Conflict, match="covered"):
        follow(hub, linked.case_id, now)
    with hub.database.write() as session:
        assert unread_texts(session, linked.case_id, BEN) == {linked.copy.key}
        session.add(
            AuditEvent(happened_at=now, actor=BEN, event=Event.POST_REVEALED.value,
                       subject=linked.copy.post_id, details={})
        )  # fmt: skip

    follow(hub, linked.case_id, now, reason="Only thanks are added.")
    with hub.database.read() as session:
        decision = standing_decision(session, linked.case_id)
    assert decision is not None
    assert decision.reason == "Only thanks are added."


def test_case_is_not_followed_before_its_campaign_is_decided_nor_after_it_was_reopened(
    hub: Hub, campaign: list[Place], decide_next: Any, gather_posts: Gather, original: str, now: Any
) -> None:
    decide_next()
    (linked,) = gather_posts(original, minutes=1)
    with hub.database.write() as session:
        step = Step(action=CaseAction.REOPEN, actor=EVE, role=SENIOR, at=now, reason="Read it anew.")
        take_step(session, hub, campaign[0].case_id, step)
    with pytest.raises(Conflict, match="decided first"):
        follow(hub, linked.case_id, now)
    with pytest.raises(Conflict, match="not linked"):
        follow(hub, campaign[0].case_id, now)
    decide_next(severity=0, actor=BEN)
    assert follow(hub, linked.case_id, now).severity == 0


def test_only_reviewers_follow(
    hub: Hub, campaign: list[Place], decide_next: Any, gather_posts: Gather, original: str, now: Any
) -> None:
    decide_next()
    (linked,) = gather_posts(original, minutes=1)
    with pytest.raises(NotAllowed):
        follow(hub, linked.case_id, now, role=CaseRole.TRIAGE_OFFICER)


def test_outcome_that_is_no_longer_in_force_is_not_followed(
    hub: Hub, campaign: list[Place], decide_next: Any, gather_posts: Gather, original: str, now: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    decide_next()
    (linked,) = gather_posts(original, minutes=1)
    monkeypatch.setattr(type(hub.outcomes), "in_force", lambda _self, _on: ())
    with pytest.raises(Conflict, match="no longer in force"):
        follow(hub, linked.case_id, now)


def test_unlinked_case_is_triaged_and_gathers_its_own_copies(
    hub: Hub, campaign: list[Place], decide_next: Any, gather_posts: Gather, original: str, now: Any
) -> None:
    decide_next()
    (linked,) = gather_posts(original + " Thank you.", minutes=1)
    with hub.database.write() as session:
        state = unlink(session, hub, case_id=linked.case_id, actor=BEN, role=CaseRole.TRIAGE_OFFICER,
                       reason="It thanks.", now=now, never_again=True)  # fmt: skip
        case = session.get_one(Case, linked.case_id)
        session.refresh(case)
        assert campaign_of_linked(session, case) is None
    assert (state, case.state, case.waiting) == (State.TRIAGE, "triage", True)
    same, near = gather_posts(original + " Thank you!", original, minutes=2)
    assert (same.how, same.case_id) == (How.JOINED, linked.case_id)
    assert (near.how, near.linked_to) == (How.LINKED, campaign[0].case_id)


def test_very_same_text_can_be_unlinked_but_not_kept_apart(
    hub: Hub, campaign: list[Place], decide_next: Any, gather_posts: Gather, original: str, now: Any
) -> None:
    decide_next()
    (linked,) = gather_posts(original, minutes=1)

    def part_from_campaign(*, never_again: bool) -> None:
        with hub.database.write() as session:
            unlink(session, hub, case_id=linked.case_id, actor=BEN, role=CaseRole.TRIAGE_OFFICER,
                   reason="Another target.", now=now, never_again=never_again)  # fmt: skip

    with pytest.raises(Conflict, match="word for word"):
        part_from_campaign(never_again=True)
    part_from_campaign(never_again=False)
    with pytest.raises(Conflict, match="not linked"):
        part_from_campaign(never_again=False)
