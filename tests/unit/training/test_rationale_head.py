"""The head that marks words, fitted anew on a frozen encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from training.batches import encode, load_tokenizer  # noqa: E402 - only importable with torch
from training.corpora.mixture import MixturePost  # noqa: E402 - the same
from training.network import build_network, seeded  # noqa: E402 - the same
from training.rationale_head import fit_rationale_head  # noqa: E402 - the same
from training.recipe import Dropout  # noqa: E402 - the same

pytestmark = pytest.mark.training


def test_fitted_head_marks_the_words_and_leaves_the_encoder_alone(tiny_encoder: Path) -> None:
    places = ["the park", "a library", "our station", "town", "home", "the council", "friends", "work"]
    texts = [f"{place} invaders {other}" for place in places for other in places]
    posts = [
        MixturePost(
            "c", str(n), text, [1, -1, -1, -1], rationale=((text.index("inv"), text.index("inv") + 8),)
        )
        for n, text in enumerate(texts)
    ]
    with seeded(1):
        network = build_network(tiny_encoder, Dropout(hidden=0.0, attention=0.0, heads=0.0))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    encoded = encode(posts, load_tokenizer(tiny_encoder / "tokenizer.json", 32), 0)

    fit_rationale_head(network, encoded)

    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"side_heads.rationale.weight", "side_heads.rationale.bias"}
    batch = encoded.batch(list(range(len(posts))))
    with torch.inference_mode():
        marks = network(batch.ids, batch.mask).rationale
    assert marks[batch.token_labels == 1].min() > marks[batch.token_labels == 0].max()
