"""The head that marks words, fitted anew on a finished encoder."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from training.batches import EncodedPosts, in_length_order
from training.corpora.pack import NOT_ANNOTATED
from training.network import HateNetwork

BATCH_POSTS = 64
STRENGTH = 1.0
"""Inverse strength of the penalty, scikit-learn's own default."""


def fit_rationale_head(network: HateNetwork, posts: EncodedPosts) -> None:
    """Puts into `network` the linear head that best tells marked tokens from the others, the rest untouched.

    Blending moves the encoder away from the head that was trained with it; a linear head on a frozen encoder
    is a convex fit and the same every time.
    """
    network = network.cpu().eval()
    states, labels = [], []
    marked = posts.with_rationale()
    with torch.inference_mode():
        for places in in_length_order(posts.lengths()[marked], BATCH_POSTS):
            batch = posts.batch([int(marked[place]) for place in places])
            found = network.encoder(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
            annotated = batch.token_labels != NOT_ANNOTATED
            states.append(found[annotated].numpy())
            labels.append(batch.token_labels[annotated].numpy())
    fit = LogisticRegression(C=STRENGTH, max_iter=2000).fit(np.concatenate(states), np.concatenate(labels))
    head = network.side_heads["rationale"]
    head.load_state_dict(
        {
            "weight": torch.from_numpy(fit.coef_.astype(np.float32)),
            "bias": torch.from_numpy(fit.intercept_.astype(np.float32)),
        }
    )
