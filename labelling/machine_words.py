"""What the machine says of a text that somebody has labelled, for batches that show it afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.taxonomy import HEAD_ORDER
from serve.storage.tables import Post, PostScores


@dataclass(frozen=True, slots=True)
class MachineScores:
    """The newest scores that the hub has of a text: chances in [0, 1] by HEAD_ORDER, and whose they are."""

    bundle: str
    chances: tuple[tuple[str, float], ...]


def newest_scores(session: Session, text_sha256: str) -> MachineScores | None:
    """The newest scores of a post with this text; None where the hub has none."""
    row = session.scalars(
        select(PostScores)
        .join(Post, Post.post_id == PostScores.post_id)
        .where(Post.text_sha256 == text_sha256, PostScores.hate.is_not(None))
        .order_by(PostScores.scores_id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return MachineScores(row.bundle, tuple((head, getattr(row, head)) for head in HEAD_ORDER))
