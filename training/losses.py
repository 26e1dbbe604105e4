"""The masked loss: what is not annotated teaches nothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.corpora.pack import NOT_ANNOTATED


def masked_bce_sums(logits: Tensor, labels: Tensor) -> Tensor:
    """Per head, the sum of binary cross-entropy over the annotated posts: (h,) float32.

    `logits` (b, h) float32; `labels` (b, h) int8 of 1, 0 or NOT_ANNOTATED. Sums, not means, so that
    several processes can divide by the counts of the whole batch and get what one process gets.
    """
    annotated = labels != NOT_ANNOTATED  # (b, h)
    target = labels.clamp(min=0).to(logits.dtype)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")  # (b, h)
    return torch.where(annotated, each, torch.zeros_like(each)).sum(dim=0)


def weighted_loss(sums: Tensor, counts: Tensor, weights: Tensor) -> Tensor:
    """One number: each head's mean over its annotated posts, times its weight. All three are (h,)."""
    return (weights * sums / counts.clamp(min=1)).sum()
