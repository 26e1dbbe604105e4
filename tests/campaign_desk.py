"""A signed-in person at the console and the posts of a campaign, for tests of the pages about them."""

from __future__ import annotations

import html
import re
from typing import Any

from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from serve.audit.events import Event
from serve.hub import Hub
from serve.intake.reading import read_posts
from serve.intake.storing import ids_in_order, store_posts
from serve.scoring.scorer import Scorer
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import AuditEvent, Case, CasePost, Decision, DecisionPost, Judgement

PAGE = {"accept": "text/html"}


class Desk:
    """A signed-in person, and the posts of a hub."""

    def __init__(self, hub: Hub, client: TestClient, csrf: str, actor: str) -> None:
        self.hub, self.client, self.csrf, self.actor = hub, client, csrf, actor

    def send(self, *texts: str, **facts: Any) -> list[str]:
        now = utc_now()
        post_ids = ids_in_order(len(texts))
        with self.hub.database.write() as session:
            posts, refused = read_posts([{"text": text, **facts} for text in texts], now=now)
            assert not refused
            store_posts(session, posts, post_ids, actor="key:1", now=now)
        while Scorer(self.hub).score_batch():
            pass
        return post_ids

    def case_of(self, post_id: str) -> str:
        with self.hub.database.read() as session:
            return session.scalars(select(CasePost.case_id).where(CasePost.post_id == post_id)).one()

    def take(self) -> str:
        return str(self.post("/cases/next").headers["location"].removeprefix("/cases/"))

    def settle(self, case_id: str, outcome: str = "no_action", severity: int = 1) -> None:
        now = utc_now()
        with self.hub.database.write() as session:
            session.execute(
                update(Case)
                .where(Case.case_id == case_id)
                .values(
                    state="no_action", waiting=False, decided_at=now, leased_by=None, lease_expires_at=None
                )
            )
            session.add(
                Decision(
                    decision_id=new_id(), case_id=case_id, cycle=0, lease_number=1,
                    decided_by="officer:other", decided_at=now, outcome=outcome, strands=[],
                    severity=severity, bundles=[],
                    reason="About a \u202eroom.", policy_sha256="0" * 64, outcomes_sha256="0" * 64,
                    codebook_sha256="0" * 64,
                )
            )  # fmt: skip
            session.flush()
            about = select(CasePost.post_id).where(CasePost.case_id == case_id)
            decision_id = session.scalars(
                select(Decision.decision_id).where(Decision.case_id == case_id)
            ).one()
            for post_id in session.scalars(about):
                session.add(DecisionPost(decision_id=decision_id, post_id=post_id))
            session.add(
                Judgement(
                    judgement_id=new_id(), case_id=case_id, actor="officer:other", cycle=0, round=1,
                    lease_number=1, judged_at=now, outcome=outcome, outcome_detail=None, strands=[], codes=[],
                    severity=severity, speech_act=None, context_flags=[], confidence="high", standard=None,
                    law=[], proportionality="", reason="About a room.", saw_scores=False,
                    second_review_causes=[], bundles=[], policy_sha256="0" * 64, outcomes_sha256="0" * 64,
                    codebook_sha256="0" * 64, law_sha256=None,
                )
            )  # fmt: skip

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=PAGE)

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(path, data={"csrf_token": self.csrf, **fields}, headers=PAGE)

    def count(self, event: Event) -> int:
        with self.hub.database.read() as session:
            counted = select(func.count()).select_from(AuditEvent).where(AuditEvent.event == event.value)
            return session.scalar(counted) or 0


def words(page: Any) -> str:
    """The page without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())
