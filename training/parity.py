"""Whether ONNX, and int8, keep what torch gives: an export that does not is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from model.bundle import Bundle
from model.errors import ExportRefused
from model.onnx_classifier import OnnxClassifier
from model.taxonomy import HEAD_ORDER
from training.batches import Batch, EncodedPosts, encode, in_length_order, load_tokenizer
from training.calibrate import LEAST_EXAMPLES
from training.corpora.mixture import CONTRAST, MixturePost
from training.corpora.pack import NOT_ANNOTATED
from training.network import HateNetwork

FP32_TOLERANCE = 1e-3
"""Largest difference of a logit between torch and the fp32 graph; more means that the export is wrong."""

INT8_AP_LOSS = 0.005
"""Most average precision a head may lose to int8. Source: issue of step 2, point 7 (0.5 points)."""

PARITY_POSTS = 4000
MARKED_POSTS = 600
PROBE_POSTS = 64


def check_parity(
    network: HateNetwork,
    fp32: Path,
    staging: Path,
    dev: list[MixturePost],
    max_tokens: int,
    pad_token_id: int,
    trained_heads: set[str],
) -> dict[str, Any]:
    """How far fp32 ONNX and int8 stray from torch on dev posts.

    Raises: ExportRefused if any output of the fp32 graph strays by more than `FP32_TOLERANCE`, or a head,
    or the marking of words, loses more than `INT8_AP_LOSS` of average precision to int8.
    """
    tokenizer = load_tokenizer(staging / "tokenizer.json", max_tokens)
    # Posts made from templates are too easy to lose anything on.
    sample = parity_sample([post for post in dev if post.corpus != CONTRAST])
    posts = encode(sample, tokenizer, pad_token_id)
    gap = _fp32_gap(network, fp32, posts)
    if not gap <= FP32_TOLERANCE:
        raise ExportRefused(f"fp32 ONNX strays from torch by {gap:.2g}; at most {FP32_TOLERANCE} is allowed")
    reference = torch_logits(network, posts)
    classifier = OnnxClassifier(Bundle.load(staging))
    # The first window alone is what torch was given of a long post.
    quantised = classifier.logits([post.text for post in sample], first_window_only=True)
    losses: dict[str, float | None] = {}
    for number, head in enumerate(HEAD_ORDER):
        loss = average_precision_loss(reference[:, number], quantised[:, number], posts.labels[:, number])
        if loss is None and head in trained_heads:
            raise ExportRefused(f"{head}: too few dev posts of either kind to tell what int8 costs it")
        losses[head] = loss
    marked = encode([post for post in dev if post.rationale][:MARKED_POSTS], tokenizer, pad_token_id)
    losses["rationale"] = marking_loss(network, staging / "model.onnx", marked)
    for head, loss in losses.items():
        if loss is not None and loss > INT8_AP_LOSS:
            raise ExportRefused(
                f"int8 costs {head} {loss:.4f} of average precision; at most {INT8_AP_LOSS} is allowed"
            )
    return {
        "posts": len(sample),
        "fp32_largest_logit_gap": round(gap, 7),
        "int8_mean_logit_gap": round(float(np.abs(quantised - reference).mean()), 5),
        "int8_average_precision_loss": {
            head: None if loss is None else round(loss, 5) for head, loss in losses.items()
        },
    }


def parity_sample(dev: list[MixturePost]) -> list[MixturePost]:
    """At most `PARITY_POSTS` dev posts from everywhere, and every post that says 1 for a strand.

    The strands' positives are few: without all of them their loss would be noise.
    """
    evenly = {id(post) for post in dev[:: max(1, -(-len(dev) // PARITY_POSTS))]}
    return [post for post in dev if id(post) in evenly or 1 in post.labels[1:]]


def _fp32_gap(network: HateNetwork, fp32: Path, posts: EncodedPosts) -> float:
    """The largest gap of any output between torch and the graph, over batches of every length."""
    network = network.cpu().eval()
    session = onnxruntime.InferenceSession(str(fp32), providers=["CPUExecutionProvider"])
    gap = 0.0
    batches = in_length_order(posts.lengths(), PROBE_POSTS)
    for rows in batches[:: max(1, len(posts.labels) // PROBE_POSTS // 8)]:
        batch = posts.batch(rows)
        with torch.inference_mode():
            expected = network(batch.ids, batch.mask)
        for name, found in _run(session, batch).items():
            gaps = np.abs(found - getattr(expected, name).numpy())
            if name == "rationale":
                gaps = gaps[batch.mask.numpy() == 1]  # nobody reads what stands over the padding
            gap = max(gap, float(gaps.max()))
    return gap


def _run(session: Any, batch: Batch) -> dict[str, NDArray[np.float32]]:
    """Every output of the graph by name."""
    names = [output.name for output in session.get_outputs()]
    given = {"input_ids": batch.ids.numpy(), "attention_mask": batch.mask.numpy()}
    return dict(zip(names, session.run(names, given), strict=True))


def torch_logits(network: HateNetwork, posts: EncodedPosts, batch_posts: int = 64) -> NDArray[np.float32]:
    """Logits (n, h) float32 of the torch network in full precision, in the order of `posts`."""
    network = network.cpu().eval()
    found = np.empty(posts.labels.shape, dtype=np.float32)
    with torch.inference_mode():
        for rows in in_length_order(posts.lengths(), batch_posts):
            batch = posts.batch(rows)
            found[rows] = network(batch.ids, batch.mask).logits.numpy()
    return found


def average_precision_loss(
    reference: NDArray[np.float32], quantised: NDArray[np.float32], labels: NDArray[np.int8]
) -> float | None:
    """How much average precision `quantised` (n,) lacks against `reference`; None with too few labels."""
    annotated = labels != NOT_ANNOTATED
    positive = labels[annotated] == 1
    if min(positive.sum(), (~positive).sum()) < LEAST_EXAMPLES:
        return None
    before = average_precision_score(positive, reference[annotated])
    return float(before - average_precision_score(positive, quantised[annotated]))


def marking_loss(network: HateNetwork, int8: Path, marked: EncodedPosts) -> float | None:
    """How much average precision the marking of tokens loses to int8; None with too few, or no head."""
    network = network.cpu().eval()
    session = onnxruntime.InferenceSession(str(int8), providers=["CPUExecutionProvider"])
    if "rationale" not in {output.name for output in session.get_outputs()}:
        return None
    said, reference, quantised = [], [], []
    for rows in in_length_order(marked.lengths(), PROBE_POSTS):
        batch = marked.batch(rows)
        labels = batch.token_labels.numpy()
        annotated = labels != NOT_ANNOTATED
        with torch.inference_mode():
            reference.append(network(batch.ids, batch.mask).rationale.numpy()[annotated])
        quantised.append(_run(session, batch)["rationale"][annotated])
        said.append(labels[annotated])
    if not said:
        return None
    return average_precision_loss(np.concatenate(reference), np.concatenate(quantised), np.concatenate(said))
