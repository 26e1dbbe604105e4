"""Posts with scores and cases, as the scorer leaves them, for tests of what is drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from model.configuration import sha256_of
from serve.intake.storing import ids_in_order
from serve.storage.engine import Database
from serve.storage.tables import Case, CasePost, Post, PostScores


def add_traffic(
    database: Database,
    texts: Sequence[str],
    *,
    at: datetime,
    hate: Sequence[float] | None = None,
    decided: int | None = None,
) -> list[str]:
    """Puts one post for each text, a second apart from `at` on, each with scores and a case of its own.

    `hate` are the scores of that head; the strands have a tenth of it. `decided`: every case is decided at
    that severity. Returns the post ids.
    """
    chances = hate or [0.5] * len(texts)
    post_ids, case_ids = ids_in_order(len(texts)), ids_in_order(len(texts))
    with database.write() as session:
        for number, (text, post_id, case_id) in enumerate(zip(texts, post_ids, case_ids, strict=True)):
            when = at + timedelta(seconds=number)
            session.add(
                Post(
                    post_id=post_id, text=text, text_sha256=sha256_of(text.encode()), received_at=when,
                    received_from="system:tests", scored_at=when,
                )
            )  # fmt: skip
            session.add(
                Case(
                    case_id=case_id, state="captured" if decided is None else "decided", route="review",
                    waiting=decided is None, strands=[], priority=1.0, created_at=when,
                    severity_expected=2 if decided is None else decided,
                    decided_at=None if decided is None else when,
                )
            )  # fmt: skip
        session.flush()
        for chance, post_id, case_id in zip(chances, post_ids, case_ids, strict=True):
            session.add(CasePost(case_id=case_id, post_id=post_id))
            session.add(
                PostScores(
                    post_id=post_id, bundle="tiny-1", policy="officer 1", policy_sha256="a" * 64, hate=chance,
                    antisemitic=chance / 10, islamophobic=chance / 10, far_right=chance / 10, route="review",
                    reason="a test", scored_at=at,
                )
            )  # fmt: skip
    return post_ids
