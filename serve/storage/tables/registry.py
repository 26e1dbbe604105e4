"""Tables of bundles that a hub knows: where each came from, which one scores, and who agreed to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row, RowNumber


class BundleRow(Row):
    """A bundle in the hub's own folder, with what made it and what the gate said of it. Append-only."""

    __tablename__ = "bundles"

    bundle_id: Mapped[str] = mapped_column(primary_key=True)
    folder: Mapped[str] = mapped_column(comment="inside the hub's folder; `shipped`: the product's own")
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    lineage: Mapped[dict[str, Any]] = mapped_column(comment="hashes of data, codebook, recipe, code")
    registered_at: Mapped[datetime]
    registered_by: Mapped[str] = mapped_column(comment="actor")


class GateVerdict(Row):
    """What `watchhouse gate` said of a bundle against another. Append-only."""

    __tablename__ = "gate_verdicts"

    verdict_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    bundle_id: Mapped[str] = mapped_column(ForeignKey("bundles.bundle_id"), index=True)
    against: Mapped[str] = mapped_column(comment="the bundle it was compared with")
    verdict: Mapped[str] = mapped_column(comment="promote, refuse, needs labels")
    labels_needed: Mapped[int]
    decision: Mapped[dict[str, Any]] = mapped_column(comment="the gate's file as it was")
    decided_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(comment="actor")


class BundleAlias(Row):
    """Which bundle a name means now: current, shadow, previous."""

    __tablename__ = "bundle_aliases"

    alias: Mapped[str] = mapped_column(String(16), primary_key=True)
    bundle_id: Mapped[str] = mapped_column(ForeignKey("bundles.bundle_id"))
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(comment="actor")

    __table_args__ = (CheckConstraint("alias IN ('current', 'shadow', 'previous')", name="alias"),)


class Promotion(Row):
    """A bundle is to become the current one: asked by one person, agreed to by another."""

    __tablename__ = "promotions"

    promotion_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    bundle_id: Mapped[str] = mapped_column(ForeignKey("bundles.bundle_id"))
    replaces: Mapped[str]
    verdict_id: Mapped[str] = mapped_column(ForeignKey("gate_verdicts.verdict_id"))
    reason: Mapped[str]
    asked_by: Mapped[str] = mapped_column(comment="actor")
    asked_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(comment="approved, declined, withdrawn; null: waits")
    answered_by: Mapped[str | None] = mapped_column(comment="actor")
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        # Two people stand behind a model that scores real posts, whatever the code around this does.
        CheckConstraint("answer <> 'approved' OR answered_by <> asked_by", name="two_people"),
        CheckConstraint("answer IN ('approved', 'declined', 'withdrawn')", name="answer"),
        CheckConstraint("(answer IS NULL) = (answered_by IS NULL)", name="answered"),
        Index(
            "uq_promotions_waiting",
            "bundle_id",
            unique=True,
            sqlite_where=sql("answer IS NULL"),
            postgresql_where=sql("answer IS NULL"),
        ),
    )


class AliasChange(Row):
    """A name was given to another bundle, and why. Append-only."""

    __tablename__ = "alias_changes"

    change_id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    alias: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str | None]
    why: Mapped[str] = mapped_column(comment="first_start, promoted, rolled_back, shadow_begun, shadow_ended")
    reason: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(index=True)
    changed_by: Mapped[str] = mapped_column(comment="actor")


class ShadowScores(Row):
    """What the shadow bundle says of a post that the current one has scored: nobody acts on it."""

    __tablename__ = "shadow_scores"

    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), primary_key=True)
    bundle: Mapped[str] = mapped_column(primary_key=True)
    hate: Mapped[float | None] = mapped_column(Float, comment="null: could not be scored")
    antisemitic: Mapped[float | None] = mapped_column(Float)
    islamophobic: Mapped[float | None] = mapped_column(Float)
    far_right: Mapped[float | None] = mapped_column(Float)
    route: Mapped[str]
    against_bundle: Mapped[str] = mapped_column(comment="whose scores it is compared with")
    against_route: Mapped[str]
    differs: Mapped[bool] = mapped_column(index=True, comment="another route, or a strand more or less")
    scored_at: Mapped[datetime]
