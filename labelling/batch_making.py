"""A batch made to order: the sampler's choice from one source, with gold texts and rests mixed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from labelling import batches, tasks
from labelling.batches import GOLD, RELIEF
from labelling.codebook import Codebook
from labelling.glossary import load_glossary, measured_terms
from labelling.hub_pool import (
    BACKGROUND,
    CASES,
    OF_A_BATCH,
    HubText,
    anchors_of,
    candidate,
    known_texts,
    score_missing,
    texts_of,
)
from labelling.sampling.audit import AuditPost, plan_audit
from labelling.sampling.batch import choose_batch
from labelling.sampling.pool import Pool
from labelling.sampling.reading_order import interleaved
from labelling.sampling.rules import AUDIT, LoadedRules, Quota, Reason
from labelling.task_sources import TaskRow
from model.classifier import Classifier
from model.errors import BadInput, Conflict
from serve.storage.tables import BatchRow, GoldItem, Post, Task

MOST_ASKED: Final = 1_000
LABELS_A_TEXT: Final = (1, 2, 3)
RELIEF_BELOW: Final = 0.1
"""The score of `hate` under which a text may be a rest. Ours: far below any threshold that a bundle has."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks of a batch. Shares are of the texts asked for; gold and relief come on top."""

    batch: str
    source: str
    texts: int
    labels_a_text: int = 2
    audit_share: float = 0.2
    gold_share: float = 0.0
    relief_share: float = 0.0
    assisted: bool = False

    def check(self, sources: Sequence[str]) -> None:
        """Raises: BadInput for the first thing that cannot be."""
        batches.check_batch(self.batch)
        if self.source not in sources:
            raise BadInput("source: choose where the texts come from", field="source")
        if not 1 <= self.texts <= MOST_ASKED:
            raise BadInput(f"texts: 1 to {MOST_ASKED:,}", field="texts")
        if self.labels_a_text not in LABELS_A_TEXT:
            raise BadInput("labels_a_text: one, two or three people a text", field="labels_a_text")
        for name, share, most in (
            ("audit_share", self.audit_share, 1.0),
            ("gold_share", self.gold_share, 0.2),
            ("relief_share", self.relief_share, 1.0),
        ):
            if not 0 <= share <= most:
                raise BadInput(f"{name}: 0 to {most * 100:.0f} per cent", field=name)
        if self.assisted and self.audit_share > 0:
            raise BadInput(
                "audit_share: 0 in a batch that shows scores, for audits are blind", field="audit_share"
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """The texts of a batch in reading order, and what the batch keeps of how they were drawn."""

    wish: Wish
    rows: tuple[TaskRow, ...]
    drawn: Mapping[str, Any]


def sources_of(session: Session) -> list[str]:
    """Where a batch's texts may come from: decided cases, the background, and batches read from a file."""
    from_files = session.scalars(
        select(Task.batch)
        .where(Task.source.not_in((CASES, BACKGROUND)), Task.sample_reason == "all")
        .distinct()
        .order_by(Task.batch)
    )
    return [CASES, BACKGROUND, *(f"{OF_A_BATCH}{name}" for name in from_files)]


def plan_batch(
    session: Session, classifier: Classifier, loaded: LoadedRules, wish: Wish, *, seed: int, now: datetime
) -> Plan:
    """Chooses the batch's texts; the same for the same hub and seed. Reads alone.

    The audit is drawn from what has come to the source since the last batch from it, so that no text is in
    two frames; what an earlier batch had no room for comes first.

    Raises: BadInput; Conflict if the batch stands already, or nothing of the source is left.
    """
    wish.check(sources_of(session))
    if session.get(BatchRow, wish.batch) is not None:
        raise Conflict("batch: there is one of that name", field="batch")
    texts = texts_of(session, wish.source)
    known = known_texts(session, wish.source, texts)
    fresh = [one for one in texts if one.text_sha256 not in known]
    if wish.source.startswith(OF_A_BATCH):
        fresh = score_missing(classifier, fresh)
    scored = [one for one in fresh if one.scores is not None]
    rules = _with_audit(loaded, wish.audit_share)
    measured = measured_terms(session, load_glossary()[0], loaded.rules.coded_terms, now.date())
    pool = Pool.of([candidate(one, classifier.thresholds["hate"], measured) for one in scored])
    since, waiting = _before(session, wish.source)
    audit_places = rules.rules.places(wish.texts)["audit"]
    frame = pool.only(np.asarray([since is None or one.seen_at > since for one in scored], dtype=np.bool_))
    plan = plan_audit(frame, max(0, audit_places - len(waiting)), rules.rules.audit, seed=seed)
    audit = [*waiting, *plan.posts]
    chosen = choose_batch(
        pool,
        rules,
        seed=seed,
        posts=wish.texts,
        audit=audit,
        anchors=anchors_of(session),
    )
    if not chosen.posts:
        raise Conflict("source: nothing of it is left to label", field="source")
    random = np.random.default_rng([seed, 1])
    of_id = {one.id: one for one in (*texts, *_texts_of_waiting(session, waiting))}
    rows = [_row(of_id[post.id], post.sample_reason, post.inclusion_probability) for post in chosen.posts]
    heavy = [post.severity_units >= rules.rules.exposure.heavy_from_units for post in chosen.posts]
    taken = {post.text_sha256 for post in chosen.posts} | {post.text_sha256 for post in audit}
    beside = [
        *_gold(session, round(wish.gold_share * wish.texts), random),
        *_relief(session, round(wish.relief_share * wish.texts), taken, scored, random),
    ]
    ordered = interleaved([*rows, *beside], [*heavy, *(False for _ in beside)], random)
    drawn = {
        "asked": wish.texts,
        "source": wish.source,
        "seed": seed,
        "until": max((one.seen_at for one in texts), default=now).isoformat(),
        "pool": len(pool),
        "frame": len(frame),
        "stratum_posts": list(plan.stratum_posts),
        "strata": {post.id: post.stratum for post in chosen.posts if post.sample_reason == AUDIT},
        "audit_waiting": [asdict(post) for post in chosen.audit_waiting],
        "audit_share": wish.audit_share,
        "rules_sha256": loaded.sha256,
        "chosen": dict(sorted(Counter(row.sample_reason for row in ordered).items())),
        "severity_units": round(chosen.severity_units, 2),
    }
    placed = tuple(replace(row, place=number) for number, row in enumerate(ordered, start=1))
    return Plan(wish, placed, drawn)


def write_batch(session: Session, codebook: Codebook, plan: Plan, *, actor: str, now: datetime) -> None:
    """Makes the batch and its tasks in one transaction. Raises: as `make_batch` and `add_tasks`."""
    batches.make_batch(
        session,
        codebook,
        batch=plan.wish.batch,
        actor=actor,
        now=now,
        redundancy=plan.wish.labels_a_text,
        assisted=plan.wish.assisted,
        drawn=dict(plan.drawn),
    )
    tasks.add_tasks(
        session, batch=plan.wish.batch, rows=plan.rows, source=plan.wish.source, actor=actor, now=now
    )


def _with_audit(loaded: LoadedRules, share: float) -> LoadedRules:
    """The rules with another share for the audit; the other shares keep their proportions."""
    quotas = loaded.rules.quotas
    rest = 1 - quotas["audit"].share
    changed: dict[Reason, Quota] = {
        reason: quota.model_copy(
            update={"share": share if reason == AUDIT else quota.share * (1 - share) / rest}
        )
        for reason, quota in quotas.items()
    }
    return LoadedRules(loaded.rules.model_copy(update={"quotas": changed}), loaded.sha256)


def _before(session: Session, source: str) -> tuple[datetime | None, tuple[AuditPost, ...]]:
    """Up to when the last batch of the source had drawn its audit, and what of the audit still waits."""
    drawn = [
        row
        for row in session.scalars(select(BatchRow.drawn).order_by(BatchRow.made_at, BatchRow.batch))
        if row is not None and row["source"] == source
    ]
    if not drawn:
        return None, ()
    waiting = tuple(AuditPost(**post) for post in drawn[-1]["audit_waiting"])
    return datetime.fromisoformat(drawn[-1]["until"]), waiting


def _texts_of_waiting(session: Session, waiting: Sequence[AuditPost]) -> list[HubText]:
    ids = [post.id for post in waiting]
    posts = session.scalars(select(Post).where(Post.post_id.in_(ids)))
    earlier = session.scalars(select(Task).where(Task.task_id.in_(ids)))
    return [
        *(HubText(post.post_id, post.text, post.text_sha256, post.received_at, 1) for post in posts),
        *(HubText(task.task_id, task.text, task.text_sha256, task.created_at, 1) for task in earlier),
    ]


def _row(one: HubText, reason: str, inclusion_probability: float | None) -> TaskRow:
    return TaskRow(
        one.id,
        one.text,
        sample_reason=reason,
        inclusion_probability=inclusion_probability,
        severity_expected=one.severity_expected,
    )


def _gold(session: Session, wanted: int, random: np.random.Generator) -> list[TaskRow]:
    if wanted == 0:
        return []
    items = session.scalars(
        select(GoldItem)
        .where(GoldItem.use == "seed", GoldItem.retired_at.is_(None))
        .order_by(GoldItem.gold_id)
    ).all()
    places = random.permutation(len(items))[:wanted]
    return [TaskRow(items[place].gold_id, items[place].text, sample_reason=GOLD) for place in places]


def _relief(
    session: Session,
    wanted: int,
    taken: set[str],
    scored: Sequence[HubText],
    random: np.random.Generator,
) -> list[TaskRow]:
    if wanted == 0:
        return []
    # Of traffic whose audit has not been drawn nothing is taken away before: it would be missing there.
    until, _ = _before(session, BACKGROUND)
    background = [one for one in texts_of(session, BACKGROUND) if until and one.seen_at <= until]
    known = known_texts(session, BACKGROUND, background) | taken
    calm = [
        one
        for one in (*scored, *background)
        if one.scores and max(one.scores) < RELIEF_BELOW and not one.severity and one.text_sha256 not in known
    ]
    once = list({one.text_sha256: one for one in calm}.values())
    return [
        _row(replace(once[place], severity_expected=0), RELIEF, None)
        for place in random.permutation(len(once))[:wanted]
    ]
