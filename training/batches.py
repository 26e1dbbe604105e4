"""Length-bucketed batches whose order is a function of seed and epoch alone, so a run can resume exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from training.corpora.mixture import MixturePost

POOL_BATCHES = 50
"""Posts are sorted by length only within a pool of this many batches: less padding, still shuffled."""


@dataclass(frozen=True, slots=True)
class EncodedPosts:
    """Token ids of every post, end to end, and their labels (n, h) int8."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    labels: NDArray[np.int8]
    pad_token_id: int

    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each post: (n,) int64."""
        return np.diff(self.starts)

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Ids (b, s) int64, mask (b, s) int64 and labels (b, h) int8 of the given posts, padded right."""
        pieces = [self.ids[self.starts[row] : self.starts[row + 1]] for row in rows]
        width = max(len(piece) for piece in pieces)
        ids = np.full((len(pieces), width), self.pad_token_id, dtype=np.int64)
        mask = np.zeros((len(pieces), width), dtype=np.int64)
        for number, piece in enumerate(pieces):
            ids[number, : len(piece)] = piece
            mask[number, : len(piece)] = 1
        return torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(self.labels[list(rows)])


def load_tokenizer(path: str, max_tokens: int) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`, cutting at `max_tokens` and never padding."""
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def encode(posts: Sequence[MixturePost], tokenizer: Tokenizer, pad_token_id: int) -> EncodedPosts:
    """The posts as token ids; their texts are normalised already."""
    pieces: list[NDArray[np.int32]] = []
    for start in range(0, len(posts), 2000):
        encodings = tokenizer.encode_batch_fast([post.text for post in posts[start : start + 2000]])
        pieces.extend(np.asarray(encoding.ids, dtype=np.int32) for encoding in encodings)
    starts = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=starts[1:])
    labels = np.asarray([post.labels for post in posts], dtype=np.int8).reshape(len(posts), -1)
    ids = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int32)
    return EncodedPosts(ids, starts, labels, pad_token_id)


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
