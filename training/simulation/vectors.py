"""Posts as vectors of an encoder that has not been fine-tuned: no bundle, so nothing has seen the labels.

The shipped bundle has learnt from all of these corpora and would know the one that is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from model.configuration import configs_folder
from training.batches import load_tokenizer
from training.encoders import pad_token_id
from training.network import build_network
from training.recipe import Dropout, load_recipe
from training.simulation.plan import RepresentationPlan

Vectors = NDArray[np.float32]
ROWS = 64

TEXTS_A_FILE = 2000
"""Ten seconds of one core: what a stop can cost."""

WAY = "mean over tokens, bfloat16, length 1"
"""How an encoder's states become a vector. Change it with the arithmetic: kept vectors are kept under it."""


class Embedder(Protocol):
    """Whatever turns texts into vectors (n, d) float32 of length 1."""

    def __call__(self, texts: Sequence[str], /) -> Vectors:
        """The texts' vectors, in their order."""
        ...


def kept_vectors(plan: RepresentationPlan, folder: Path) -> Embedder:
    """`encoder_vectors`, kept as files in `folder`, so that a run that was stopped asks once.

    A file is named by the hash of the encoder's pinned files, the longest text in tokens, and the texts. The
    encoder is loaded only for texts that no file is there for. Raises: BadConfig.
    """
    encoder = load_recipe(configs_folder() / "train" / plan.encoder).recipe.encoder
    name = repr((WAY, encoder.model_dump(mode="json"), plan.max_tokens))
    return kept_on_disk(lambda: encoder_vectors(plan), name, folder)


def kept_on_disk(load: Callable[[], Embedder], name: str, folder: Path) -> Embedder:
    """The vectors of the embedder that `load` gives, from `folder` where they are there already.

    `name` has to say everything that makes this embedder's vectors what they are.
    """
    loaded: list[Embedder] = []

    def kept(texts: Sequence[str]) -> Vectors:
        digest = hashlib.sha256(name.encode())
        for text in texts:
            # The length before each text: no two lists of texts are one string of bytes.
            raw = text.encode()
            digest.update(len(raw).to_bytes(8, "big") + raw)
        path = folder / f"{digest.hexdigest()}.npy"
        if path.is_file():
            found: Vectors = np.load(path, allow_pickle=False)
            return found
        if not loaded:
            loaded.append(load())
        vectors = loaded[0](texts)
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: a stop in the middle leaves a file that nobody reads.
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, vectors)
        unfinished.replace(path)
        return vectors

    def embed(texts: Sequence[str], /) -> Vectors:
        starts = range(0, max(len(texts), 1), TEXTS_A_FILE)
        return np.concatenate([kept(texts[start : start + TEXTS_A_FILE]) for start in starts])

    return embed


def encoder_vectors(plan: RepresentationPlan) -> Embedder:
    """The mean of the encoder's states over a text's tokens, at length 1, in bfloat16 arithmetic.

    Raises: BadConfig if the recipe or its encoder cannot be used.
    """
    recipe = load_recipe(configs_folder() / "train" / plan.encoder).recipe
    folder = recipe.encoder.locate()
    tokenizer, padding = load_tokenizer(folder / "tokenizer.json", plan.max_tokens), pad_token_id(folder)
    still = Dropout(hidden=0.0, attention=0.0, heads=0.0)
    network = build_network(folder, still).encoder.to(torch.bfloat16).eval()

    def embed(texts: Sequence[str], /) -> Vectors:
        rows = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        # Rows of like length together: what is padded is not computed.
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        found: list[Vectors] = []
        with torch.inference_mode():
            for start in range(0, len(order), ROWS):
                places = order[start : start + ROWS]
                longest = max(len(rows[place]) for place in places)
                ids = torch.full((len(places), longest), padding, dtype=torch.long)
                mask = torch.zeros((len(places), longest), dtype=torch.long)
                for row, place in enumerate(places):
                    ids[row, : len(rows[place])] = torch.tensor(rows[place])
                    mask[row, : len(rows[place])] = 1
                states = network(input_ids=ids, attention_mask=mask).last_hidden_state.float()
                weight = mask.unsqueeze(-1).float()
                pooled = (states * weight).sum(dim=1) / weight.sum(dim=1)
                found.append(torch.nn.functional.normalize(pooled, dim=1).numpy())
        back = np.argsort(np.asarray(order, dtype=np.intp))
        return np.concatenate(found)[back]

    return embed
