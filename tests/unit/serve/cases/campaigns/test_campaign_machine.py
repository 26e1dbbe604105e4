"""Any order of copies, decisions, partings, reversals, links: no post lost or doubled, no parting undone."""

from __future__ import annotations

import random
import shutil
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from model.errors import Conflict
from serve.cases.campaigns.linking import follow_campaign, unlink
from serve.cases.campaigns.matching import NOT_DECIDED, Place
from serve.cases.campaigns.moving import not_the_same, reverse_post
from serve.cases.deciding import standing_decision
from serve.cases.leases import IS_DECIDED
from serve.cases.workflow.states import CaseRole
from serve.hub import Hub
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import (
    Case,
    CasePost,
    CaseText,
    Decision,
    DecisionPost,
    PostText,
    TextSeparation,
)

ADA = "officer:ada"
FEW = settings(
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
PICK = st.integers(0, 10**6)


class CampaignMachine(RuleBasedStateMachine):
    """Posts of one family of near texts, and what people do with the cases that they end up in."""

    open_hub: Callable[[], tuple[Hub, Callable[[], None]]]
    gather: Callable[..., list[Place]]
    now: Any

    def __init__(self) -> None:
        super().__init__()
        seeded = random.Random(1)
        self.hub, self.close = self.open_hub()
        words = ["".join(seeded.choices(string.ascii_lowercase, k=9)) for _ in range(14)]
        self.first = " ".join(words)
        self.sent: set[str] = set()
        self.apart: set[tuple[str, str]] = set()
        self.together: set[tuple[str, str, str]] = set()
        self.minutes = 0

    @rule(edits=st.lists(st.integers(0, 3), min_size=1, max_size=3), danger=st.booleans())
    def copies_come_in(self, edits: list[int], danger: bool) -> None:
        # Copy n always has the same edits, so that exact and near copies both come up.
        self.minutes += 1
        texts = [_edited(self.first, 3 * number) for number in edits]
        places = self.gather(*texts, danger=danger and len(edits) == 1, minutes=self.minutes, target=self.hub)
        self.sent |= {place.copy.post_id for place in places}

    @rule(pick=PICK)
    def case_is_decided(self, pick: int) -> None:
        with self.hub.database.write() as session:
            case = self._pick(session, pick, lambda one: one.state in NOT_DECIDED - {"duplicate_linked"})
            if case is not None:
                _decide(session, case, self.now)

    @rule(pick=PICK)
    def text_is_not_the_same(self, pick: int) -> None:
        with self.hub.database.write() as session:
            case = self._pick(session, pick, lambda one: one.state in NOT_DECIDED)
            if case is None:
                return
            posts = _posts(session, case.case_id)
            try:
                not_the_same(
                    session, self.hub, case_id=case.case_id, post_id=posts[pick % len(posts)], actor=ADA,
                    reason="No.", now=self.now,
                )  # fmt: skip
            except Conflict:
                session.rollback()

    @rule(pick=PICK)
    def decision_is_reversed_for_a_post(self, pick: int) -> None:
        with self.hub.database.write() as session:
            case = self._pick(session, pick, lambda one: one.state in IS_DECIDED)
            if case is None:
                return
            posts = _posts(session, case.case_id)
            decision = standing_decision(session, case.case_id)
            assert decision is not None
            try:
                reverse_post(
                    session, self.hub, decision_id=decision.decision_id, post_id=posts[pick % len(posts)],
                    actor=ADA, role=CaseRole.SENIOR_REVIEWER, reason="No.", now=self.now,
                )  # fmt: skip
            except Conflict:
                session.rollback()

    @rule(pick=PICK, follows=st.booleans(), never_again=st.booleans())
    def linked_case_follows_or_is_parted(self, pick: int, follows: bool, never_again: bool) -> None:
        with self.hub.database.write() as session:
            case = self._pick(session, pick, lambda one: one.state == "duplicate_linked")
            if case is None:
                return
            try:
                if follows:
                    follow_campaign(
                        session, self.hub, case_id=case.case_id, actor=ADA, role=CaseRole.REVIEW_OFFICER,
                        now=self.now,
                    )  # fmt: skip
                else:
                    unlink(
                        session, self.hub, case_id=case.case_id, actor=ADA, role=CaseRole.REVIEW_OFFICER,
                        reason="No.", now=self.now, never_again=never_again,
                    )  # fmt: skip
            except Conflict:
                session.rollback()

    @invariant()
    def every_post_is_in_one_case_and_counted_there(self) -> None:
        with self.hub.database.read() as session:
            placed = session.execute(
                select(CasePost.post_id, CasePost.case_id).where(CasePost.post_id.in_(self.sent))
            ).all()
            assert {row.post_id for row in placed} == self.sent
            assert len(placed) == len(self.sent)
            case_ids = {row.case_id for row in placed}
            truth = session.execute(
                select(CasePost.case_id, PostText.text_key, func.count(), func.min(CasePost.post_id))
                .join(PostText, PostText.post_id == CasePost.post_id)
                .where(CasePost.case_id.in_(case_ids))
                .group_by(CasePost.case_id, PostText.text_key)
            ).all()
            kept = session.execute(
                select(CaseText.case_id, CaseText.text_key, CaseText.posts, CaseText.first_post_id).where(
                    CaseText.case_id.in_(case_ids)
                )
            ).all()
            assert {tuple(row) for row in truth} == {tuple(row) for row in kept}

    @invariant()
    def texts_that_were_parted_meet_in_no_case_and_by_no_link_again(self) -> None:
        with self.hub.database.read() as session:
            pairs = {(row.text_key, row.other_key) for row in session.scalars(select(TextSeparation))}
            texts: dict[str, set[str]] = {}
            for row in session.scalars(select(CaseText)):
                texts.setdefault(row.case_id, set()).add(row.text_key)
            linked = session.execute(
                select(Case.case_id, Case.linked_to).where(Case.state == "duplicate_linked")
            ).all()
        beside = {row.case_id: texts.get(row.linked_to, set()) for row in linked}
        together = {
            (case_id, min(one, other), max(one, other))
            for case_id, keys in texts.items()
            for one in keys
            for other in keys | beside.get(case_id, set())
        }
        met = {(case_id, one, other) for case_id, one, other in together if (one, other) in self.apart}
        assert met <= self.together
        assert pairs >= self.apart
        self.apart, self.together = pairs, together

    def teardown(self) -> None:
        self.close()

    def _pick(self, session: Session, pick: int, fits: Callable[[Case], bool]) -> Case | None:
        mine = select(CasePost.case_id).where(CasePost.post_id.in_(self.sent))
        found = [
            case
            for case in session.scalars(select(Case).where(Case.case_id.in_(mine)).order_by(Case.case_id))
            if fits(case)
        ]
        return found[pick % len(found)] if found else None


def _posts(session: Session, case_id: str) -> list[str]:
    return list(
        session.scalars(
            select(CasePost.post_id).where(CasePost.case_id == case_id).order_by(CasePost.post_id)
        )
    )


def _decide(session: Session, case: Case, now: Any) -> None:
    """A decision as `decide` stores it, without its readers."""
    decision_id = new_id()
    session.add(
        Decision(
            decision_id=decision_id, case_id=case.case_id, cycle=case.cycle, lease_number=case.lease_number,
            decided_by="officer:ben", decided_at=now, outcome="no_action", strands=[], severity=0,
            reason="Tea.", bundles=[], policy_sha256="0" * 64, outcomes_sha256="0" * 64,
            codebook_sha256="0" * 64,
        )
    )  # fmt: skip
    session.flush()
    session.add_all(
        DecisionPost(decision_id=decision_id, post_id=post_id) for post_id in _posts(session, case.case_id)
    )
    case.state, case.waiting, case.decided_at = "no_action", False, now


def _edited(text: str, number: int) -> str:
    seeded = random.Random(number)
    letters = list(text)
    for _ in range(number):
        letters[seeded.randrange(len(letters))] = seeded.choice(string.ascii_lowercase)
    return "".join(letters)


@pytest.fixture
def run_machine(
    hub: Hub, gather_posts: Callable[..., list[Place]], now: Any, sqlite_template: Path, tmp_path: Path
) -> Callable[..., None]:
    """Runs the machine: on SQLite with an empty database for each example, on PostgreSQL one example."""

    def fresh_hub() -> tuple[Hub, Callable[[], None]]:
        if not hub.database.is_sqlite:
            return hub, lambda: None
        file = tmp_path / f"{new_id()}.sqlite"
        shutil.copy(sqlite_template, file)
        database = Database(f"sqlite:///{file}")
        # Nobody pulls the plug here, and the machine commits a thousand times.
        event.listen(database.engine, "connect", lambda one, _: one.execute("PRAGMA synchronous=OFF"))
        return replace(hub, database=database), database.close

    def run(examples: int) -> None:
        about = {"open_hub": staticmethod(fresh_hub), "gather": staticmethod(gather_posts), "now": now}
        machine = type("Machine", (CampaignMachine,), about)
        examples = examples if hub.database.is_sqlite else 1
        run_state_machine_as_test(machine, settings=settings(FEW, max_examples=examples))

    return run


def test_no_order_of_events_loses_a_post_or_undoes_a_parting(run_machine: Callable[..., None]) -> None:
    run_machine(20)
