"""The texts of the hub that may be labelled, from one source, with what the sampler knows of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from labelling.batches import AUDIT
from labelling.glossary import MeasuredTerm, live_terms_in
from labelling.sampling.pool import Candidate
from labelling.sampling.strategies import Anchors
from labelling.sampling.vectors import hashed_ngrams
from model.classifier import Classifier
from model.normalise import normalise_text
from model.taxonomy import HEAD_ORDER, STRAND_ORDER
from serve.scoring.each import TextScores, score_each
from serve.storage.tables import Case, CasePost, LabelRow, Post, PostScores, ShadowScores, Task

CASES: Final = "cases"
BACKGROUND: Final = "background"
OF_A_BATCH: Final = "batch:"
"""Before the name of a batch whose texts came from a file."""

MOST_TEXTS: Final = 5_000
"""The newest so many texts of a source are looked at."""

MOST_ANCHORS: Final = 500
AT_ONCE: Final = 500
UNITS: Final = (0.0, 1.0, 2.0, 4.0, 8.0)
"""What reading a text of S0 to S4 weighs. Source: DOMAIN.md section 6, the units of the exposure budget."""

UNJUDGED: Final = 2
"""The severity that a text nobody has judged is expected to have if it is hateful, as in configs/labelling
/simulation.yaml."""

Chances = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class HubText:
    """A text that may become a task. `seen_at` (UTC): since when it belongs to its source.

    `severity` is what a decision gave it, None before one. `scores` are by HEAD_ORDER, of the newest bundle;
    `other_scores` of the one before or of a shadow.
    """

    id: str
    text: str
    text_sha256: str
    seen_at: datetime
    severity_expected: int
    cluster: str | None = None
    severity: int | None = None
    scores: Chances | None = None
    other_scores: Chances | None = None


def texts_of(session: Session, source: str) -> list[HubText]:
    """The newest texts of a source, newest first, each text once: `cases`, `background` or `batch:NAME`."""
    if source.startswith(OF_A_BATCH):
        name = source.removeprefix(OF_A_BATCH)
        tasks = session.scalars(select(Task).where(Task.batch == name).limit(MOST_TEXTS))
        found = [
            HubText(task.task_id, task.text, task.text_sha256, task.created_at, task.severity_expected)
            for task in tasks
        ]
    else:
        found = [_of_post(row, source) for row in session.execute(_posts(source))]
    once = {one.text_sha256: one for one in reversed(found)}
    return _with_scores(session, sorted(once.values(), key=lambda one: (one.seen_at, one.id), reverse=True))


def _posts(source: str) -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = (
        select(Post, Case.case_id, Case.decided_at, Case.severity_expected)
        .join(CasePost, CasePost.post_id == Post.post_id)
        .join(Case, Case.case_id == CasePost.case_id)
        .limit(MOST_TEXTS)
    )
    if source == CASES:
        return query.where(Case.decided_at.is_not(None)).order_by(Case.decided_at.desc(), Post.post_id)
    waiting = query.where(Case.decided_at.is_(None), Post.scored_at.is_not(None))
    return waiting.order_by(Post.post_id.desc())


def _of_post(row: Any, source: str) -> HubText:
    post, case_id, decided_at, severity = row
    is_decided = source == CASES
    return HubText(
        id=post.post_id,
        text=post.text,
        text_sha256=post.text_sha256,
        seen_at=decided_at if is_decided else post.received_at,
        severity_expected=severity,
        cluster=case_id,
        severity=severity if is_decided else None,
    )


def _with_scores(session: Session, texts: Sequence[HubText]) -> list[HubText]:
    newest: dict[str, list[tuple[str, Chances]]] = defaultdict(list)
    by_text = {one.text_sha256: one for one in texts}
    for chunk in _chunks(list(by_text)):
        scored = (
            select(Post.text_sha256, PostScores)
            .join(PostScores, PostScores.post_id == Post.post_id)
            .where(Post.text_sha256.in_(chunk), PostScores.hate.is_not(None))
            .order_by(PostScores.scores_id.desc())
        )
        shadowed = (
            select(Post.text_sha256, ShadowScores)
            .join(ShadowScores, ShadowScores.post_id == Post.post_id)
            .where(Post.text_sha256.in_(chunk), ShadowScores.hate.is_not(None))
            .order_by(ShadowScores.scored_at.desc())
        )
        for query in (scored, shadowed):
            for digest, row in session.execute(query):
                newest[digest].append((row.bundle, tuple(getattr(row, head) for head in HEAD_ORDER)))
    return [_scored(one, newest[one.text_sha256]) for one in texts]


def _scored(one: HubText, known: Sequence[tuple[str, Chances]]) -> HubText:
    if not known:
        return one
    bundle, chances = known[0]
    other = next((chances for name, chances in known if name != bundle), None)
    return replace(one, scores=chances, other_scores=other)


def score_missing(classifier: Classifier, texts: Sequence[HubText]) -> list[HubText]:
    """The texts with scores for those that the hub has never scored; what cannot be scored stays without."""
    missing = [one for one in texts if one.scores is None]
    found: dict[str, Chances] = {}
    for chunk in _chunks(missing):
        results = score_each(classifier, [one.text for one in chunk], contain=True)
        for one, result in zip(chunk, results, strict=True):
            if isinstance(result, TextScores):
                found[one.id] = tuple(result.by_head[head] for head in HEAD_ORDER)
    return [replace(one, scores=found[one.id]) if one.id in found else one for one in texts]


def candidate(one: HubText, threshold: float, measured: Sequence[MeasuredTerm]) -> Candidate:
    """A scored text as the sampler takes it: `threshold` says when the machine calls it hate.

    `measured` are the terms of the glossary; those of them that live and stand in the text come with it.
    """
    assert one.scores is not None  # noqa: S101 - the caller keeps the scored ones alone
    says_hate = one.scores[0] >= threshold
    units = UNITS[UNJUDGED] * max(one.scores) if one.severity is None else UNITS[one.severity]
    return Candidate(
        id=one.id,
        text_sha256=one.text_sha256,
        scores=one.scores,
        severity_units=units,
        other_scores=one.other_scores,
        overturned=one.severity is not None and (one.severity > 0) != says_hate,
        vector=hashed_ngrams(normalise_text(one.text)),
        cluster=one.cluster,
        terms=live_terms_in(one.text, measured),
    )


def anchors_of(session: Session) -> Anchors | None:
    """The newest texts that people called hate and that may train, as vectors; None without one."""
    rows = session.execute(
        select(Task.text, LabelRow.strands)
        .join(LabelRow, LabelRow.task_id == Task.task_id)
        .where(LabelRow.undone_at.is_(None), LabelRow.hate.is_(True), Task.sample_reason != AUDIT)
        .order_by(LabelRow.label_id.desc())
        .limit(MOST_ANCHORS)
    ).all()
    vectors, heads = [], []
    for text, strands in rows:
        vector = hashed_ngrams(normalise_text(text))
        for head in strands or [HEAD_ORDER[0]]:
            vectors.append(vector)
            heads.append(HEAD_ORDER.index(head) if head in STRAND_ORDER else 0)
    return Anchors(np.stack(vectors), np.asarray(heads, dtype=np.intp)) if vectors else None


def known_texts(session: Session, source: str, texts: Collection[HubText]) -> set[str]:
    """The hashes of those texts that are tasks already; of a file's batch, tasks of another batch."""
    known: set[str] = set()
    own = source.removeprefix(OF_A_BATCH) if source.startswith(OF_A_BATCH) else None
    for chunk in _chunks([one.text_sha256 for one in texts]):
        query = select(Task.text_sha256).where(Task.text_sha256.in_(chunk))
        known.update(session.scalars(query.where(Task.batch != own) if own else query))
    return known


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
