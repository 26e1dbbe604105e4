from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from model.errors import Conflict, NotAllowed
from serve.audit.events import Event
from serve.cases.campaigns.linking import campaign_of_linked, follow_campaign, linked_cases, unlink
from serve.cases.campaigns.matching import How, Place
from serve.cases.campaigns.reading import unread_texts
from serve.cases.deciding import standing_decision
from serve.cases.stepping import take_step
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.steps import Step
from serve.hub import Hub
from serve.storage.tables import (
    AuditEvent,
    Case,
    CaseStep,
    Decision,
    DecisionPost,
    Judgement,
)

Gather = Callable[..., list[Place]]
ADA, BEN, EVE = "officer:ada", "officer:ben", "officer:eve"
OFFICER, SENIOR = CaseRole.REVIEW_OFFICER, CaseRole.SENIOR_REVIEWER


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
