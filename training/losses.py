"""The masked losses: what is not annotated teaches nothing.

Every loss is a sum over the posts it is annotated for; a batch divides it by how many those are in the
whole batch, so that several processes get what one process gets. The order of the sums is `TERM_ORDER`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from model.taxonomy import HEAD_ORDER
from training.batches import Batch
from training.corpora.pack import NOT_ANNOTATED
from training.network import Outputs

TERM_ORDER = (*HEAD_ORDER, "speech_act", "offensive", "rationale", "pairing")
"""What a batch is penalised for; the order of the vectors of sums, counts and weights: (t,)."""

HATE = HEAD_ORDER.index("hate")


def term_sums(outputs: Outputs, batch: Batch, presumed_q: float) -> Tensor:
    """The sum of each term over the posts of the batch that it is annotated for: (t,) float32."""
    heads = masked_bce_sums(outputs.logits, batch.labels, batch.presumed, presumed_q, batch.aims)
    sides = [
        speech_act_sum(outputs.speech_act, batch.speech_acts),
        masked_bce_sums(outputs.offensive.unsqueeze(1), batch.offensive.unsqueeze(1))[0],
        rationale_sum(outputs.rationale, batch.token_labels),
        pairing_sum(outputs.logits[:, HATE], batch.pairs),
    ]
    return torch.cat([heads, torch.stack(sides)])


def masked_bce_sums(
    logits: Tensor,
    labels: Tensor,
    presumed: Tensor | None = None,
    q: float = 0.0,
    aims: Tensor | None = None,
) -> Tensor:
    """Per head, the sum of binary cross-entropy over the annotated posts: (h,) float32.

    `logits` (b, h) float32; `labels` (b, h) int8 of 1, 0 or NOT_ANNOTATED; `aims` (b, h) float32 in [0, 1]
    where the label is a share of people (soft labels, Peterson et al. 2019). For posts that are `presumed`
    negatives (b,) bool and q > 0 the bounded loss (1 - (1 - p)^q) / q takes its place: a hateful post among
    them is not forced down with all its weight. Source: Zhang and Sabuncu 2018, generalised cross-entropy.
    """
    annotated = labels != NOT_ANNOTATED  # (b, h)
    target = (labels.clamp(min=0) if aims is None else aims).to(logits.dtype)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")  # (b, h)
    if presumed is not None and q > 0:
        bounded = (1 - torch.exp(q * functional.logsigmoid(-logits))) / q
        each = torch.where(presumed.unsqueeze(1), bounded, each)
    return torch.where(annotated, each, torch.zeros_like(each)).sum(dim=0)


def speech_act_sum(logits: Tensor, acts: Tensor) -> Tensor:
    """The sum of cross-entropy over posts with a speech act: logits (b, a), acts (b,) int64."""
    return functional.cross_entropy(logits, acts, ignore_index=NOT_ANNOTATED, reduction="sum")


def rationale_sum(logits: Tensor, token_labels: Tensor) -> Tensor:
    """The sum over posts of the mean binary cross-entropy of their annotated tokens: both (b, s)."""
    annotated = token_labels != NOT_ANNOTATED
    target = token_labels.clamp(min=0).to(logits.dtype)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    each = torch.where(annotated, each, torch.zeros_like(each))
    return (each.sum(dim=1) / annotated.sum(dim=1).clamp(min=1)).sum()


def pairing_sum(hate: Tensor, pairs: Tensor) -> Tensor:
    """The sum of |logit of a post - logit of its identity-swapped copy|: hate (b,), pairs (p, 2) int64.

    Source: counterfactual logit pairing, Garg et al. 2019.
    """
    return (hate[pairs[:, 0]] - hate[pairs[:, 1]]).abs().sum()


def weighted_loss(sums: Tensor, counts: Tensor, weights: Tensor) -> Tensor:
    """One number: each term's mean over what it is annotated for, times its weight. All three are (t,)."""
    return (weights * sums / counts.clamp(min=1)).sum()
