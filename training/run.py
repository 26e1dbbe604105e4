"""`watchhouse train`: from a recipe and a data folder to a verified bundle, resumable at any point."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from model.configuration import sha256_of
from model.normalise import NORMALISER_VERSION
from training.corpora.mixture import Mixture, MixturePost, build_mixture, label_counts
from training.recipe import LoadedRecipe, load_recipe


def train_bundle(
    recipe_path: Path,
    *,
    data: Path,
    out: Path,
    labels: Sequence[Path],
    stop_after_steps: int | None = None,
) -> Path | None:
    """The folder of the finished bundle. Run it again on the same `out` to go on where it stopped.

    None when `stop_after_steps` ended it early. Under `accelerate launch` every process trains and the
    first one exports. Raises: BadConfig, BadRecord, BundleRefused.
    """
    from transformers.utils import logging as transformers_logging

    from training.batches import encode, load_tokenizer
    from training.finetune import RunFolder, finetune
    from training.network import build_network, seeded
    from training.noise import with_noise

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    is_first = int(os.environ.get("RANK", "0")) == 0
    console = Console(stderr=True, quiet=not is_first)
    loaded = load_recipe(recipe_path)
    recipe = loaded.recipe
    encoder = recipe.encoder.locate()
    with console.status("preparing the mixture") as status:
        mixture = build_mixture(recipe, data, labels, tick=lambda what: status.update(what))
    print_mixture(mixture, console)
    run = RunFolder(out)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(str(encoder / "tokenizer.json"), recipe.max_tokens)
    pad_token_id = tokenizer.token_to_id("[PAD]") or 0
    shown = with_noise(mixture.train, recipe.noise_share, recipe.seed)
    fingerprint = run_fingerprint(loaded, mixture, shown)
    posts = encode(shown, tokenizer, pad_token_id)
    with seeded(recipe.seed):
        network = build_network(encoder, recipe.dropout)
    repeats = np.asarray([post.repeat for post in shown], dtype=np.int64)
    trained = finetune(network, posts, repeats, recipe, run, fingerprint, stop_after_steps=stop_after_steps)
    if trained is None or not is_first:
        return None
    from training.export import export_bundle

    bundle = export_bundle(trained, loaded, mixture, encoder, run, pad_token_id, data, console)
    console.print(f"bundle written to {bundle}")
    return bundle


AFTER_TRAINING = {"description", "thresholds", "full_precision", "checkpoint_steps"}
"""Members of a recipe that do not touch the trained weights."""


def run_fingerprint(loaded: LoadedRecipe, mixture: Mixture, shown: Sequence[MixturePost]) -> str:
    """The hash of all that decides the trained weights: a checkpoint of any other run is refused.

    What is used only after training (thresholds, description) or only for comfort may change.
    """
    decisive = loaded.recipe.model_dump_json(exclude=AFTER_TRAINING)
    parts = [
        decisive,
        mixture.lexicon_sha256,
        str(NORMALISER_VERSION),
        *(f"{name}={digest}" for name, digest in sorted(mixture.files.items())),
        # The very posts, noise and all: a change of the rules gives other posts in other batches.
        sha256_of(repr([(p.corpus, p.id, p.text, p.labels, p.repeat) for p in shown]).encode()),
        f"processes={os.environ.get('WORLD_SIZE', '1')}",
    ]
    return sha256_of("\n".join(parts).encode())


def print_mixture(mixture: Mixture, console: Console) -> None:
    """Prints what went into training and dev, and how many posts each rule left out."""
    table = Table(title="What the rules did (posts)")
    table.add_column("rule")
    table.add_column("posts", justify="right")
    for what, tally in mixture.counts.items():
        table.add_row(what, f"{sum(tally.values()):,}")
    console.print(table)
    table = Table(title="Labels (1 / 0)")
    for column in ("head", "train", "dev"):
        table.add_column(column, justify="left" if column == "head" else "right")
    train, dev = label_counts(mixture.train), label_counts(mixture.dev)
    for head in train:
        table.add_row(
            head,
            f"{train[head]['yes']:,} / {train[head]['no']:,}",
            f"{dev[head]['yes']:,} / {dev[head]['no']:,}",
        )
    console.print(table)
