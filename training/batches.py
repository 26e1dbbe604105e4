"""Length-bucketed batches whose order is a function of seed and epoch alone, so a run can resume exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from training.corpora.mixture import MixturePost
from training.corpora.pack import NOT_ANNOTATED, Spans

POOL_BATCHES = 50
"""Posts are sorted by length only within a pool of this many batches: less padding, still shuffled."""

NO_COPY = -1


@dataclass(frozen=True, slots=True)
class Batch:
    """Posts padded right, swapped copies after them, and all that is annotated of them."""

    ids: Tensor
    """(b, s) int64"""
    mask: Tensor
    """(b, s) int64"""
    labels: Tensor
    """(b, h) int8: 1, 0 or NOT_ANNOTATED"""
    aims: Tensor
    """(b, h) float32: what the heads are to say; the label, or the share of people who said 1"""
    speech_acts: Tensor
    """(b,) int64: a place in SPEECH_ACT_ORDER or NOT_ANNOTATED"""
    offensive: Tensor
    """(b,) int8"""
    token_labels: Tensor
    """(b, s) int8: 1 where a person marked the word"""
    presumed: Tensor
    """(b,) bool: negatives that nobody has judged"""
    corpora: Tensor
    """(b,) int64: whose bias, 0 for none"""
    pairs: Tensor
    """(p, 2) int64: places in the batch of a post and of its identity-swapped copy"""

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class EncodedPosts:
    """Token ids and annotations of every post, end to end; arrays over posts (n,) or tokens."""

    ids: NDArray[np.int32]
    token_labels: NDArray[np.int8]
    starts: NDArray[np.int64]
    labels: NDArray[np.int8]
    aims: NDArray[np.float32]
    """(n, h): the label, or the share of people who said 1."""
    speech_acts: NDArray[np.int64]
    offensive: NDArray[np.int8]
    presumed: NDArray[np.bool_]
    corpora: NDArray[np.int64]
    names: NDArray[np.str_]
    """The corpus of each post."""
    copies: NDArray[np.int64]
    """The row of a post's identity-swapped copy, or NO_COPY."""
    pad_token_id: int

    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each post: (n,) int64."""
        return np.diff(self.starts)

    def with_copies(self, rows: Sequence[int]) -> list[int]:
        """The rows, and after them those of their identity-swapped copies."""
        return [*rows, *(int(self.copies[row]) for row in rows if self.copies[row] != NO_COPY)]

    def counts(self, rows: Sequence[int]) -> NDArray[np.int64]:
        """How many of `rows` and their copies each term of the loss is annotated for: (t,)."""
        every = self.with_copies(rows)
        return np.asarray(
            [
                *(self.labels[every] != NOT_ANNOTATED).sum(axis=0),
                (self.speech_acts[every] != NOT_ANNOTATED).sum(),
                (self.offensive[every] != NOT_ANNOTATED).sum(),
                sum(self._has_rationale(row) for row in every),
                len(every) - len(rows),
            ],
            dtype=np.int64,
        )

    def _has_rationale(self, row: int) -> bool:
        return bool((self.token_labels[self.starts[row] : self.starts[row + 1]] != NOT_ANNOTATED).any())

    def with_rationale(self) -> NDArray[np.int64]:
        """The rows in which a person marked words: (r,) int64."""
        return np.asarray(
            [row for row in range(len(self.labels)) if self._has_rationale(row)], dtype=np.int64
        )

    def batch(self, rows: Sequence[int]) -> Batch:
        """The given posts and their copies, padded right."""
        every = self.with_copies(rows)
        width = max(int(self.starts[row + 1] - self.starts[row]) for row in every)
        ids = np.full((len(every), width), self.pad_token_id, dtype=np.int64)
        mask = np.zeros((len(every), width), dtype=np.int64)
        token_labels = np.full((len(every), width), NOT_ANNOTATED, dtype=np.int8)
        for place, row in enumerate(every):
            start, end = self.starts[row], self.starts[row + 1]
            ids[place, : end - start] = self.ids[start:end]
            mask[place, : end - start] = 1
            token_labels[place, : end - start] = self.token_labels[start:end]
        place_of = {row: place for place, row in enumerate(every) if place >= len(rows)}
        pairs = [
            (place, place_of[int(self.copies[row])])
            for place, row in enumerate(rows)
            if self.copies[row] != NO_COPY
        ]
        return Batch(
            torch.from_numpy(ids),
            torch.from_numpy(mask),
            torch.from_numpy(self.labels[every]),
            torch.from_numpy(self.aims[every]),
            torch.from_numpy(self.speech_acts[every]),
            torch.from_numpy(self.offensive[every]),
            torch.from_numpy(token_labels),
            torch.from_numpy(self.presumed[every]),
            torch.from_numpy(self.corpora[every]),
            torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2),
        )


def load_tokenizer(path: str | Path, max_tokens: int) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`, cutting at `max_tokens` and never padding."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def encode(
    posts: Sequence[MixturePost],
    tokenizer: Tokenizer,
    pad_token_id: int,
    *,
    own_biases: Mapping[str, int] | None = None,
    copies: Mapping[int, int] | None = None,
) -> EncodedPosts:
    """The posts as token ids; their texts are normalised already.

    `own_biases`: corpus -> number of its bias. `copies`: place of a post -> place of its swapped copy.
    """
    pieces: list[NDArray[np.int32]] = []
    marks: list[NDArray[np.int8]] = []
    for start in range(0, len(posts), 2000):
        chunk = posts[start : start + 2000]
        for post, encoding in zip(chunk, tokenizer.encode_batch([p.text for p in chunk]), strict=True):
            pieces.append(np.asarray(encoding.ids, dtype=np.int32))
            marks.append(_token_labels(encoding, post.text, post.rationale))
    starts = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=starts[1:])
    all_copies = np.full(len(posts), NO_COPY, dtype=np.int64)
    for post_place, copy_place in (copies or {}).items():
        all_copies[post_place] = copy_place
    labels = np.asarray([labels_shown(post) for post in posts], dtype=np.int8).reshape(len(posts), -1)
    return EncodedPosts(
        ids=np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int32),
        token_labels=np.concatenate(marks) if marks else np.zeros(0, dtype=np.int8),
        starts=starts,
        labels=labels,
        aims=_aims(posts, labels),
        speech_acts=np.asarray([post.speech_act for post in posts], dtype=np.int64),
        offensive=np.asarray([post.offensive for post in posts], dtype=np.int8),
        presumed=np.asarray([post.presumed for post in posts], dtype=np.bool_),
        corpora=np.asarray([(own_biases or {}).get(post.corpus, 0) for post in posts], dtype=np.int64),
        names=np.asarray([post.corpus for post in posts], dtype=np.str_),
        copies=all_copies,
        pad_token_id=pad_token_id,
    )


def labels_shown(post: MixturePost) -> list[int]:
    """The labels of a post by HEAD_ORDER; where people are of two minds, what most of them say.

    Dev posts are measured on, so there a label that nobody can tell stays none.
    """
    if post.soft is None or post.in_dev:
        return post.labels
    return [
        round(share) if label == NOT_ANNOTATED and share is not None else label
        for label, share in zip(post.labels, post.soft, strict=True)
    ]


def _aims(posts: Sequence[MixturePost], labels: NDArray[np.int8]) -> NDArray[np.float32]:
    """What each head is to say of each post: (n, h)."""
    aims = labels.clip(min=0).astype(np.float32)
    for row, post in enumerate(posts):
        for head, share in enumerate(post.soft or ()):
            if share is not None and labels[row, head] != NOT_ANNOTATED:
                aims[row, head] = share
    return aims


def _token_labels(encoding: Encoding, text: str, rationale: Spans | None) -> NDArray[np.int8]:
    """1 for each token that overlaps a marked span, 0 for the others.

    NOT_ANNOTATED for special tokens and for a blank by itself, of which SentencePiece makes tokens; a blank
    at the head of a token is no part of the word either, and a reader of rationales leaves both out.
    """
    labels = np.full(len(encoding.ids), NOT_ANNOTATED, dtype=np.int8)
    if rationale is None:
        return labels
    for place, ((a, b), is_special) in enumerate(
        zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
    ):
        start = b - len(text[a:b].lstrip())
        if start < b and not is_special:
            labels[place] = any(start < stop and begin < b for begin, stop in rationale)
    return labels


def plan_epoch(
    lengths: NDArray[np.int64], repeats: NDArray[np.int64], *, batch_posts: int, seed: int, epoch: int
) -> list[list[int]]:
    """The batches of one epoch: every post `repeats` times, near-equal lengths together.

    The same seed and epoch give the same plan on every machine.
    """
    draw = np.random.default_rng([seed, epoch])
    rows = np.repeat(np.arange(len(lengths)), repeats)
    draw.shuffle(rows)
    batches: list[list[int]] = []
    for start in range(0, len(rows), batch_posts * POOL_BATCHES):
        pool = rows[start : start + batch_posts * POOL_BATCHES]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches.extend(pool[i : i + batch_posts].tolist() for i in range(0, len(pool), batch_posts))
    order = draw.permutation(len(batches))
    return [batches[number] for number in order]


def in_length_order(lengths: NDArray[np.int64], batch_posts: int) -> list[list[int]]:
    """Batches for scoring: every post once, sorted by length."""
    rows = np.argsort(lengths, kind="stable")
    return [rows[i : i + batch_posts].tolist() for i in range(0, len(rows), batch_posts)]
