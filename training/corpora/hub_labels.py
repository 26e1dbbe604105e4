"""The hub's own labels as posts: several annotators of one text become one post."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from model.normalise import normalise_text
from model.records import LabelledPost, read_jsonl
from model.taxonomy import HEAD_ORDER
from training.corpora.overlap import text_key
from training.corpora.pack import NOT_ANNOTATED, CorpusPost

HUB = "hub"


def voted_posts(paths: Sequence[Path]) -> list[CorpusPost]:
    """The hub's labels, one post a text: per head the majority of annotators; a tie is no label."""
    by_key: dict[str, list[LabelledPost]] = {}
    for path in paths:
        for record in read_jsonl(path):
            by_key.setdefault(text_key(normalise_text(record.text)) or record.id, []).append(record)
    return [_hub_post(records) for records in by_key.values()]


def _admitted(record: LabelledPost, labels: list[int]) -> CorpusPost:
    """A row in which the firewall put people's answers together: their shares, act and marks come along."""
    shares = record.soft or {}
    return CorpusPost(
        corpus=HUB,
        id=record.id,
        text=record.text,
        split=record.split,
        labels=labels,
        rationale=record.rationale,
        speech_act=record.speech_act,
        soft=tuple(shares.get(head) for head in HEAD_ORDER),
    )


def _hub_post(records: list[LabelledPost]) -> CorpusPost:
    labels = []
    for head in HEAD_ORDER:
        votes = Counter(value for record in records if (value := getattr(record, head)) is not None)
        labels.append(NOT_ANNOTATED if votes[0] == votes[1] else int(votes[1] > votes[0]))
    if len(records) == 1 and records[0].soft is not None:
        return _admitted(records[0], labels)
    splits = {record.split for record in records}
    split = next((name for name in ("test", "dev", "train") if name in splits), None)
    return CorpusPost(corpus=HUB, id=records[0].id, text=records[0].text, split=split, labels=labels)
