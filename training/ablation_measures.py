"""What a variant of a recipe is judged by: measures on dev posts and dev traffic, never on a test suite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score
from tokenizers import Tokenizer

from model.bundle import canonical_json
from model.calibration import Calibration
from model.normalise import normalise_text
from model.taxonomy import HEAD_ORDER
from training.batches import EncodedPosts, encode, in_length_order
from training.calibrate import choose_thresholds, fit_calibration
from training.corpora.mixture import CONTRAST, Mixture, MixturePost
from training.corpora.overlap import held_out, in_calibration_half, text_key
from training.corpora.pack import NOT_ANNOTATED, read_corpus, read_manifest
from training.network import HateNetwork
from training.recipe import Recipe

HATE = HEAD_ORDER.index("hate")
DEV_TRAFFIC = ("background_tweeteval", "dev")
TRAFFIC_POSTS = 3000
DEV_POSTS = 7000
ADVERSARIAL = ("dghsd", "hatemoji_build")
Measures = dict[str, float | None]


def dev_measures(
    network: HateNetwork,
    mixture: Mixture,
    recipe: Recipe,
    tokenizer: Tokenizer,
    pad_token_id: int,
    data: Path,
) -> Measures:
    """Measures by short name: ROC-AUC (`auc`), accuracy (`acc`) in [0, 1], shares of traffic in [0, 1]."""
    natural = sum(post.corpus != CONTRAST for post in mixture.dev)
    percent = max(1, round(100 * DEV_POSTS / max(1, natural)))
    # By hash: posts that a variant adds to dev must not change which others are measured.
    dev = [post for post in mixture.dev if held_out("ablation", text_key(post.text), percent)]
    encoded = encode(dev, tokenizer, pad_token_id)
    fitted_on = np.asarray([in_calibration_half(post.text) for post in dev])
    logits, marked_precision = _scored(network, encoded, ~fitted_on)
    labels = encoded.labels
    calibration = Calibration.from_json(canonical_json(fit_calibration(logits[fitted_on], labels[fitted_on])))
    scores = calibration.apply(logits)
    corpora = np.asarray([post.corpus for post in dev])
    thresholds = choose_thresholds(
        scores[fitted_on], labels[fitted_on], corpora[fitted_on].tolist(), recipe.thresholds
    )["heads"]
    measured = ~fitted_on
    adversarial = measured & np.isin(corpora, ADVERSARIAL)
    found: Measures = {"auc adversarial": _auc(scores[adversarial, HATE], labels[adversarial, HATE])}
    found["acc adversarial"] = _balanced(
        scores[adversarial, HATE], labels[adversarial, HATE], thresholds["hate"]
    )
    contrast = measured & (corpora == CONTRAST)
    if contrast.any():
        found["acc contrast"] = _balanced(scores[contrast, HATE], labels[contrast, HATE], thresholds["hate"])
    explained = measured & (corpora == "hatexplain")
    found["auc hatexplain"] = _auc(scores[explained, HATE], labels[explained, HATE])
    found["auc offensive"] = _auc(scores[explained, HATE], encoded.offensive[explained])
    for number, head in enumerate(HEAD_ORDER[1:], start=1):
        found[f"auc {head}"] = _auc(scores[measured, number], labels[measured, number])
    found["marked words AP"] = marked_precision
    traffic = _dev_traffic(data)
    if traffic:
        encoded = encode(traffic, tokenizer, pad_token_id)
        of_traffic, _ = _scored(network, encoded, np.zeros(len(traffic), dtype=np.bool_))
        found["traffic >= 0.5"] = round(float((calibration.apply(of_traffic)[:, HATE] >= 0.5).mean()), 4)
    return found


def _scored(
    network: HateNetwork, posts: EncodedPosts, marked_in: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], float | None]:
    """Logits (n, h) float32, and the mean average precision of tokens in the marked posts of `marked_in`."""
    network = network.eval()
    device = next(network.parameters()).device
    found = np.empty(posts.labels.shape, dtype=np.float32)
    precisions = []
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16):
        for rows in in_length_order(posts.lengths(), 64):
            batch = posts.batch(rows).to(device)
            outputs = network(batch.ids, batch.mask)
            found[rows] = outputs.logits.cpu().numpy()
            marks = zip(rows, batch.token_labels.cpu().numpy(), outputs.rationale.cpu().numpy(), strict=True)
            for row, said, tokens in marks:
                annotated = said != NOT_ANNOTATED
                if marked_in[row] and 0 < (said == 1).sum() < annotated.sum():
                    precisions.append(average_precision_score(said[annotated], tokens[annotated]))
    return found, round(float(np.mean(precisions)), 4) if precisions else None


def _auc(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> float | None:
    annotated = labels != NOT_ANNOTATED
    if len(set(labels[annotated].tolist())) < 2:
        return None
    return round(float(roc_auc_score(labels[annotated], scores[annotated])), 4)


def _balanced(scores: NDArray[np.float32], labels: NDArray[np.int8], threshold: float) -> float | None:
    yes, no = scores[labels == 1], scores[labels == 0]
    if not len(yes) or not len(no):
        return None
    return round(float(((yes >= threshold).mean() + (no < threshold).mean()) / 2), 4)


def _dev_traffic(data: Path) -> list[MixturePost]:
    name, split = DEV_TRAFFIC
    manifest = read_manifest(data)
    if name not in manifest:
        return []
    posts = [post for post in read_corpus(manifest[name]) if post.split == split]
    posts = posts[:: max(1, len(posts) // TRAFFIC_POSTS)][:TRAFFIC_POSTS]
    return [MixturePost(post.corpus, post.id, normalise_text(post.text), post.labels) for post in posts]
