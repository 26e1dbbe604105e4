"""Tables of posts and of what the machine said of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row, RowNumber


class Post(Row):
    """What was published, as it was sent to us. Never changed after it is stored."""

    __tablename__ = "posts"

    post_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    external_id: Mapped[str | None] = mapped_column(index=True, comment="the sender's id")
    text: Mapped[str]
    text_sha256: Mapped[str] = mapped_column(String(64), index=True)
    platform: Mapped[str | None]
    url: Mapped[str | None]
    author: Mapped[str | None]
    posted_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    received_from: Mapped[str] = mapped_column(comment="actor: key:ID, officer:ID, system:NAME")
    scored_at: Mapped[datetime | None] = mapped_column(comment="null: waits for the scorer")

    __table_args__ = (
        Index(
            "ix_posts_unscored",
            "post_id",
            sqlite_where=sql("scored_at IS NULL"),
            postgresql_where=sql("scored_at IS NULL"),
        ),
        # What else an account posted, and what else was posted at an address. An address may be longer than
        # an entry of a B-tree; PostgreSQL hashes it.
        Index("ix_posts_account", "author", "platform", "post_id"),
        Index("ix_posts_url", "url", postgresql_using="hash"),
        Index("ix_posts_received_at", "received_at"),
    )


class PostScores(Row):
    """The machine's scores of a post. A later bundle adds a row; none is overwritten."""

    __tablename__ = "post_scores"

    scores_id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), index=True)
    bundle: Mapped[str]
    policy: Mapped[str] = mapped_column(comment="policy name and version")
    policy_sha256: Mapped[str] = mapped_column(String(64))
    hate: Mapped[float | None] = mapped_column(Float, comment="null: could not be scored")
    antisemitic: Mapped[float | None] = mapped_column(Float)
    islamophobic: Mapped[float | None] = mapped_column(Float)
    far_right: Mapped[float | None] = mapped_column(Float)
    route: Mapped[str]
    reason: Mapped[str]
    scored_at: Mapped[datetime]
