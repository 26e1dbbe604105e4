"""`watchhouse train`: from a recipe and a data folder to a verified bundle, resumable at any point."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from model.admission import AdmissionSlip, read_slip
from model.configuration import configs_folder, sha256_of
from model.errors import BadConfig
from model.normalise import NORMALISER_VERSION
from training.corpora.mixture import Mixture, MixturePost, build_mixture, label_counts
from training.corpora.overlap import near_duplicates, text_key
from training.corpora.swaps import load_identity_terms, paired
from training.recipe import LoadedRecipe, Recipe, load_recipe

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from training.batches import EncodedPosts


def train_bundle(
    recipe_path: Path,
    *,
    data: Path,
    out: Path,
    labels: Sequence[Path],
    stop_after_steps: int | None = None,
    unchecked_labels: bool = False,
) -> Path | None:
    """The folder of the finished bundle. Run it again on the same `out` to go on where it stopped.

    None when `stop_after_steps` ended it early. Under `accelerate launch` every process trains and the
    first one exports. Labels must have passed the firewall, each file with its slip beside it, unless
    `unchecked_labels` says that they need not. Raises: BadConfig, BadRecord, BundleRefused.
    """
    from training.batches import load_tokenizer
    from training.encoders import first_process_first, pad_token_id, prepare_encoder
    from training.finetune import RunFolder, finetune
    from training.network import build_network, seeded

    is_first = int(os.environ.get("RANK", "0")) == 0
    console = Console(stderr=True, quiet=not is_first)
    loaded = load_recipe(recipe_path)
    recipe = loaded.recipe
    slips = [] if unchecked_labels else [read_slip(path) for path in labels]
    with console.status("preparing the mixture") as status:
        mixture = build_mixture(recipe, data, labels, tick=lambda what: status.update(what))
    check_sources(slips, len(mixture.train))
    print_mixture(mixture, console)
    run = RunFolder(out)
    out.mkdir(parents=True, exist_ok=True)
    with console.status("preparing the encoder"), first_process_first():
        encoder = prepare_encoder(recipe, [post.text for post in mixture.train], out)
    tokenizer = load_tokenizer(encoder / "tokenizer.json", recipe.max_tokens)
    padding = pad_token_id(encoder)
    shown, posts, repeats = encoded_run(mixture, recipe, tokenizer, padding)
    fingerprint = run_fingerprint(loaded, mixture, shown, encoder)
    with seeded(recipe.seed):
        network = build_network(encoder, recipe.dropout, len(own_biases(recipe)))
    trained = finetune(network, posts, repeats, recipe, run, fingerprint, stop_after_steps=stop_after_steps)
    if trained is None or not is_first:
        return None
    from training.export import export_bundle

    bundle = export_bundle(trained, loaded, mixture, encoder, run, padding, data, console)
    console.print(f"bundle written to {bundle}")
    return bundle


def check_sources(slips: Sequence[AdmissionSlip], posts: int) -> None:
    """Passes if no source of labels is more than its share of the training posts. Raises: BadConfig."""
    for slip in slips:
        if slip.largest_source > slip.source_at_most * posts:
            raise BadConfig(
                f"labels: one source has brought {slip.largest_source} of {posts} training posts, more than "
                f"{slip.source_at_most:.0%}; export them again with --data"
            )


def encoded_run(
    mixture: Mixture, recipe: Recipe, tokenizer: Tokenizer, pad_token_id: int
) -> tuple[list[MixturePost], EncodedPosts, NDArray[np.int64]]:
    """The posts as shown (noise, swapped copies), the same encoded, and how often each is drawn."""
    from training.batches import encode
    from training.noise import with_noise

    noisy = with_noise(mixture.train, recipe.noise_share, recipe.seed)
    shown, repeats, copies = with_swapped_copies(noisy, recipe, mixture)
    posts = encode(shown, tokenizer, pad_token_id, own_biases=own_biases(recipe), copies=copies)
    return shown, posts, repeats


def with_swapped_copies(
    posts: list[MixturePost], recipe: Recipe, mixture: Mixture
) -> tuple[list[MixturePost], NDArray[np.int64], dict[int, int]]:
    """The posts and behind them the identity-swapped copies; how often each is drawn (a copy: never by
    itself); and the place of each post's copy."""
    copies: list[MixturePost] = []
    places: dict[int, int] = {}
    if recipe.swaps is not None:
        terms = load_identity_terms(configs_folder() / "train" / recipe.swaps.terms)
        place_of = {id(post): place for place, post in enumerate(posts)}
        barred = mixture.barred | {text_key(post.text) for post in mixture.dev}
        pairs = paired(posts, recipe.swaps.share, recipe.seed, terms, barred)
        for (post, copy), is_near in zip(pairs, _near(pairs, mixture, recipe), strict=True):
            if not is_near:
                places[place_of[id(post)]] = len(posts) + len(copies)
                copies.append(copy)
    repeats = np.asarray([post.repeat for post in posts] + [0] * len(copies), dtype=np.int64)
    return [*posts, *copies], repeats, places


def _near(pairs: list[tuple[MixturePost, MixturePost]], mixture: Mixture, recipe: Recipe) -> list[bool]:
    """Which copies nearly repeat a dev post, or come near a suite: a swap can write what a rule left out."""
    texts = [copy.text for _, copy in pairs]
    near = near_duplicates([post.text for post in mixture.dev], texts, jaccard=recipe.near_duplicate_jaccard)
    if recipe.contrast is not None:
        suites = near_duplicates(mixture.suites, texts, jaccard=recipe.contrast.jaccard)
        near = [first or second for first, second in zip(near, suites, strict=True)]
    mixture.count("left out: swapped copy near dev or a suite", "swapped copies", sum(near))
    return near


def own_biases(recipe: Recipe) -> dict[str, int]:
    """The number, from 1, of each corpus that has a bias of its own."""
    names = [use.name for use in recipe.corpora if use.own_bias]
    return {name: number for number, name in enumerate(names, start=1)}


AFTER_TRAINING = {
    "languages",
    *("description", "thresholds", "abstain", "operating_points", "full_precision", "checkpoint_steps"),
}
"""Members of a recipe that do not touch the trained weights."""


def run_fingerprint(
    loaded: LoadedRecipe, mixture: Mixture, shown: Sequence[MixturePost], encoder: Path
) -> str:
    """The hash of all that decides the trained weights: a checkpoint of any other run is refused.

    What is used only after training (thresholds, description) or only for comfort may change.
    """
    from training.encoders import encoder_sha256

    decisive = loaded.recipe.model_dump_json(exclude=AFTER_TRAINING)
    parts = [
        decisive,
        mixture.lexicon_sha256,
        str(NORMALISER_VERSION),
        encoder_sha256(encoder),
        *(f"{name}={digest}" for name, digest in sorted(mixture.files.items())),
        # The very posts, noise and all: a change of the rules gives other posts in other batches.
        sha256_of(repr([_content(post) for post in shown]).encode()),
        f"processes={os.environ.get('WORLD_SIZE', '1')}",
    ]
    return sha256_of("\n".join(parts).encode())


def _content(post: MixturePost) -> tuple[object, ...]:
    return (
        *(post.corpus, post.id, post.text, post.labels, post.repeat),
        *(post.speech_act, post.offensive, post.rationale, post.presumed),
        *([] if post.soft is None else [post.soft]),
    )


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
