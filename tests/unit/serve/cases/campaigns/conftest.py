"""Posts gathered into cases without a model: what they say is all that counts here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from model.policy import Routed
from serve.cases.campaigns.gathering import Arrival, gather
from serve.cases.campaigns.matching import Place
from serve.cases.campaigns.wording import wording_of
from serve.cases.claiming import Claimant, claim
from serve.cases.judging import judge
from serve.cases.opening import NewCase
from serve.cases.said import Said
from serve.cases.workflow.states import CaseRole
from serve.hub import Hub
from serve.intake.storing import ids_in_order
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, CasePost, Decision, Post, PostScores, Report

ORIGINAL = (
    "The council has voted to close the reading room on Mill Lane at the end of the month, and nobody was "
    "asked. Come to the town hall on Thursday evening and bring your library card."
)


ADA = "officer:ada"


@pytest.fixture
def original() -> str:
    """A text long enough to have near copies."""
    return ORIGINAL


@pytest.fixture
def gather_posts(hub: Hub, now: Any) -> Callable[..., list[Place]]:
    """Stores posts of these texts, one batch, and says where each is; `reported`, `danger`: all of them."""

    def send(
        *texts: str,
        reported: bool = False,
        danger: bool = False,
        route: str = "review",
        strands: tuple[str, ...] = (),
        probability: float = 0.5,
        minutes: int = 0,
        author: str | None = None,
        target: Hub | None = None,
    ) -> list[Place]:
        to, at = target or hub, now + timedelta(minutes=minutes)
        post_ids = ids_in_order(len(texts))
        with to.database.write() as session:
            for post_id, text in zip(post_ids, texts, strict=True):
                session.add(
                    Post(post_id=post_id, text=text, text_sha256="0" * 64, received_at=at, scored_at=at,
                         received_from="key:1", author=author, platform="example" if author else None)
                )  # fmt: skip
            session.flush()
            for post_id in post_ids:
                session.add(
                    PostScores(post_id=post_id, bundle="tiny-1", policy="officer 1", policy_sha256="a" * 64,
                               hate=probability, antisemitic=0.1, islamophobic=0.1, far_right=0.1,
                               route=route, reason="a test", scored_at=at)
                )  # fmt: skip
                if reported or danger:
                    session.add(
                        Report(report_id=new_id(), post_id=post_id, received_at=at, received_from="key:2",
                               channel="partner", reporter_role="witness", consents=["police"],
                               immediate_danger=danger, under_18=False, why="", perceived_strands=[])
                    )  # fmt: skip
            session.flush()
            routed = Routed(route, "a test", strands, 1.0)
            arrivals = [
                Arrival(NewCase(case_id, post_id, routed, probability, at), wording_of(text))
                for case_id, post_id, text in zip(ids_in_order(len(texts)), post_ids, texts, strict=True)
            ]
            return gather(session, to, arrivals, actor="system:scorer", now=at)

    return send


@pytest.fixture
def case_of(hub: Hub) -> Callable[[str], Case]:
    """The case that a post is in now."""

    def find(post_id: str) -> Case:
        with hub.database.read() as session:
            return session.scalars(
                select(Case)
                .join(CasePost, CasePost.case_id == Case.case_id)
                .where(CasePost.post_id == post_id)
            ).one()

    return find


@pytest.fixture
def campaign(gather_posts: Callable[..., list[Place]], original: str) -> list[Place]:
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
                role=CaseRole.REVIEW_OFFICER, now=now, said=said,
            )  # fmt: skip
            assert judged.decision is not None
            return judged.decision

    return decide
