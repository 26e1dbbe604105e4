"""Tables of distinct texts: what makes exact and near copies one campaign, and what must never be one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row


class DistinctText(Row):
    """A text that people post, known by the hash of its normalised letters; the first post that had it."""

    __tablename__ = "distinct_texts"

    text_key: Mapped[str] = mapped_column(String(64), primary_key=True, comment="SHA-256")
    first_post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"))
    first_seen_at: Mapped[datetime]


class PostText(Row):
    """Which distinct text a post has."""

    __tablename__ = "post_texts"

    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), primary_key=True)
    text_key: Mapped[str] = mapped_column(ForeignKey("distinct_texts.text_key"), index=True)


class TextBand(Row):
    """One band of a text's MinHash: texts that share one may be near copies."""

    __tablename__ = "text_bands"

    band: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(String(16), primary_key=True)
    text_key: Mapped[str] = mapped_column(ForeignKey("distinct_texts.text_key"), primary_key=True)


class TextSeparation(Row):
    """Two texts that a person has said are not the same. Permanent, whatever they look like. Append-only."""

    __tablename__ = "text_separations"

    text_key: Mapped[str] = mapped_column(ForeignKey("distinct_texts.text_key"), primary_key=True)
    other_key: Mapped[str] = mapped_column(ForeignKey("distinct_texts.text_key"), primary_key=True)
    separated_by: Mapped[str] = mapped_column(comment="actor")
    separated_at: Mapped[datetime]
    reason: Mapped[str]

    __table_args__ = (
        CheckConstraint("text_key < other_key", name="in_order"),
        Index("ix_text_separations_other_key", "other_key"),
    )


class CaseText(Row):
    """A wording within a case, and how many of its posts have it."""

    __tablename__ = "case_texts"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    text_key: Mapped[str] = mapped_column(ForeignKey("distinct_texts.text_key"), primary_key=True, index=True)
    posts: Mapped[int]
    first_post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"))
    first_seen_at: Mapped[datetime] = mapped_column(comment="when the first of them was received")
    last_seen_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("posts > 0", name="posts"),
        Index("ix_case_texts_first", "case_id", "first_post_id"),
    )
