"""`watchhouse label find-errors`: a file of labels in, a ranked list of suspects out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cleanlab

from model.configuration import sha256_of
from model.errors import BadInput
from model.normalise import normalise_text
from model.post_labels import PostLabels, read_post_labels
from model.suspects import PostConsensus, Suspect, write_rows
from model.taxonomy import HEAD_ORDER
from training.label_errors.ranking import HeadFindings, head_findings
from training.label_errors.repeats import repeats_among
from training.label_errors.unseen import Baseline, BundleScores, HeadScores
from training.label_errors.votes import NO_LABEL, Votes, votes_of

SCHEMA_VERSION = 1
SEED = 20261123
SUSPECTS, CONSENSUS, SUMMARY = "suspects.jsonl", "consensus.jsonl", "summary.json"

Tick = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """What was found: suspects ranked over all heads, consensus rows, and the summary as it is written."""

    suspects: list[Suspect]
    consensus: list[PostConsensus]
    summary: dict[str, Any]


def find_label_errors(
    labels: Path,
    out: Path,
    *,
    bundle: Path | None = None,
    most: int | None = None,
    seed: int = SEED,
    tick: Tick = lambda _what: None,
) -> LabelErrors:
    """Writes OUT/suspects.jsonl, OUT/consensus.jsonl and OUT/summary.json, and returns what they hold.

    `labels` is a file of `model/post_labels.py` or of `model/records.py`. A TF-IDF model scores each post
    out of fold; or `bundle` does, which must not have been trained with these labels. `most` keeps so many
    suspects.

    Raises: BadRecord for a line that cannot be read; BadInput for an `out` whose folder does not exist or a
    file without posts.
    """
    if not out.resolve().parent.is_dir():
        raise BadInput(f"out: {out}: its folder does not exist", field="out")
    posts = read_post_labels(labels)
    if not posts:
        raise BadInput(f"labels: {labels}: holds no post", field="labels")
    found = label_errors_of(posts, bundle=bundle, most=most, seed=seed, tick=tick)
    found.summary["labels"] = {"file": labels.name, "sha256": sha256_of(labels.read_bytes())}
    out.mkdir(exist_ok=True)
    write_rows(found.suspects, out / SUSPECTS)
    write_rows(found.consensus, out / CONSENSUS)
    summary = json.dumps(found.summary, indent=2, ensure_ascii=False) + "\n"
    (out / SUMMARY).write_text(summary, encoding="utf-8")
    return found


def label_errors_of(
    posts: Sequence[PostLabels],
    *,
    bundle: Path | None = None,
    most: int | None = None,
    seed: int = SEED,
    tick: Tick = lambda _what: None,
) -> LabelErrors:
    """The suspects among posts, without a file; see `find_label_errors`."""
    tick("looking for posts that repeat each other")
    normalised = [normalise_text(post.text) for post in posts]
    repeats = repeats_among(normalised)
    tick("scoring posts")
    scorer = (
        Baseline(normalised, repeats.families, seed=seed)
        if bundle is None
        else BundleScores([post.text for post in posts], bundle)
    )
    heads: dict[str, Any] = {}
    found: list[HeadFindings] = []
    for head in HEAD_ORDER:
        tick(f"looking at {head}")
        votes = votes_of(posts, head)
        scores = scorer.scores(votes)
        if scores is None:
            heads[head] = {
                "skipped": "fewer than 20 posts with a label of either kind, or of one kind in a fold"
            }
            continue
        findings = head_findings(posts, votes, scores, repeats, out_of_fold=scorer.out_of_fold)
        heads[head] = _head_summary(findings, scores, votes)
        found.append(findings)
    suspects = _ranked([suspect for findings in found for suspect in findings.suspects], most)
    summary = {
        "schema_version": SCHEMA_VERSION,
        "posts": len(posts),
        "suspects": len(suspects),
        "scored_by": scorer.name,
        "out_of_fold": scorer.out_of_fold,
        "cleanlab": cleanlab.__version__,
        "seed": seed,
        "heads": heads,
    }
    return LabelErrors(suspects, [row for findings in found for row in findings.consensus], summary)


def _ranked(suspects: list[Suspect], most: int | None) -> list[Suspect]:
    ordered = sorted(suspects, key=lambda suspect: (-suspect.suspicion, suspect.post_id, suspect.head))
    return [suspect.model_copy(update={"rank": rank}) for rank, suspect in enumerate(ordered[:most], start=1)]


def _head_summary(findings: HeadFindings, scores: HeadScores, votes: Votes) -> dict[str, Any]:
    reasons: dict[str, int] = {}
    for suspect in findings.suspects:
        for reason in suspect.reasons:
            reasons[reason.reason] = reasons.get(reason.reason, 0) + 1
    return {
        "labelled": int((votes.given != NO_LABEL).sum()),
        "positives": int((votes.given == 1).sum()),
        "auc": round(scores.auc, 4),
        "suspects": len(findings.suspects),
        "reasons": dict(sorted(reasons.items())),
        "crowd": findings.crowd,
        "blind_spots": len(findings.spots),
    }
