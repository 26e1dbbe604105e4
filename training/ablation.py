"""`watchhouse ablate`: what each step of a recipe is worth, measured by leaving it out.

Every variant trains on a seeded sample of its own mixture, the same one where the mixture is the same, and is
measured on the same dev posts. HateCheck and the other evaluation suites are not looked at here: recipes
are chosen by this table.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationError
from rich.console import Console
from rich.table import Table

from model.configuration import FrozenConfig, configs_folder, load_yaml, sha256_of
from model.errors import BadConfig
from training.corpora.mixture import Mixture, build_mixture
from training.recipe import LoadedRecipe, Recipe, load_recipe

MIXTURE_MEMBERS = {
    "corpora",
    "background",
    "contrast",
    "weak_labels",
    "swaps",
    "evaluation_only",
    "far_right_lexicon",
    "dev_percent",
    "near_duplicate_jaccard",
    "seed",
}
"""Members of a recipe that decide its posts; variants that share them share one mixture."""


class AblationPlan(FrozenConfig):
    """Which variants are trained. `variants`: name -> members of the recipe that it replaces."""

    version: int = Field(ge=1)
    posts: int = Field(ge=100, description="training posts that each variant sees once")
    seeds: tuple[int, ...] = Field(min_length=1)
    variants: dict[str, dict[str, Any]] = Field(min_length=1)


def load_plan(path: Path) -> tuple[AblationPlan, str]:
    """The plan of a YAML file and the SHA-256 of its bytes. Raises: BadConfig."""
    return load_yaml(path, AblationPlan)


def ablate(
    recipe_path: Path, plan_path: Path, *, data: Path, out: Path, only_seeds: Sequence[int] = ()
) -> Path:
    """The file of results, one JSON line a trained variant and seed.

    What the file holds already is not trained again. With `only_seeds` no other seeds of the plan are
    trained, so that several processes can share `out`, each with a seed of its own.
    Raises: BadConfig, also for a seed that the plan does not have.
    """
    loaded = load_recipe(recipe_path)
    plan, plan_sha256 = load_plan(plan_path)
    if not set(only_seeds) <= set(plan.seeds):
        raise BadConfig(f"seed: {plan_path} has {', '.join(map(str, plan.seeds))}")
    out.mkdir(parents=True, exist_ok=True)
    results = out / "ablation.jsonl"
    console = Console(stderr=True)
    mixtures: dict[str, Mixture] = {}
    made_from = _made_from(data)
    identities: list[str] = []
    # Seeds outermost: a run that is stopped early has every variant once before any twice.
    for seed in plan.seeds:
        for name, changes in plan.variants.items():
            recipe = _changed(loaded.recipe, name, changes)
            identity = sha256_of(f"{recipe.model_dump_json()}:{plan.posts}:{seed}:{made_from}".encode())
            identities.append(identity)
            if only_seeds and seed not in only_seeds:
                continue
            if any(row["identity"] == identity for row in read_results(results)):
                continue
            console.print(f"{name}, seed {seed}")
            mixture = _mixture_of(recipe, data, mixtures)
            figures = _train_and_measure(recipe, loaded, mixture, plan.posts, seed, data, out / identity[:12])
            row = {
                "variant": name,
                "seed": seed,
                "posts": plan.posts,
                "identity": identity,
                "plan_sha256": plan_sha256,
                "figures": figures,
            }
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, sort_keys=True) + "\n")
    print_results([row for row in read_results(results) if row["identity"] in identities], Console())
    return results


def _made_from(data: Path) -> str:
    """One hash over what decides the posts besides the recipe: the data's manifest, and the dated files."""
    dated = sorted((configs_folder() / "train").rglob("*.yaml"))
    parts = [
        (data / "MANIFEST.csv").read_bytes(),
        *(path.read_bytes() for path in dated if "ablation" not in path.name),
    ]
    return sha256_of(b"\0".join(parts))


def _changed(recipe: Recipe, name: str, changes: dict[str, Any]) -> Recipe:
    try:
        return Recipe.model_validate({**recipe.model_dump(), **changes})
    except ValidationError as error:
        where = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise BadConfig(
            f"variants: {name}: {where}: not a member of a recipe, or not a value of it"
        ) from None


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of results; none if there is no file."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def print_results(rows: list[dict[str, Any]], console: Console) -> None:
    """Prints mean and spread over seeds of every variant, in the order they were trained."""
    measures = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    table = Table(title="Dev posts that calibration has not seen; mean over seeds, ± half the range")
    table.add_column("variant")
    table.add_column("seeds", justify="right")
    for measure in measures:
        table.add_column(measure, justify="right")
    for variant in dict.fromkeys(row["variant"] for row in rows):
        found = [row["figures"] for row in rows if row["variant"] == variant]
        cells = [_cell([figures.get(measure) for figures in found]) for measure in measures]
        table.add_row(variant, str(len(found)), *cells)
    console.print(table)


def _cell(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = f"{float(np.mean(known)):.3f}"
    return mean if len(known) == 1 else f"{mean} ±{(max(known) - min(known)) / 2:.3f}"


def _mixture_of(recipe: Recipe, data: Path, known: dict[str, Mixture]) -> Mixture:
    key = recipe.model_dump_json(include=MIXTURE_MEMBERS)
    if key not in known:
        known[key] = build_mixture(recipe, data)
    return known[key]


def _train_and_measure(
    recipe: Recipe, loaded: LoadedRecipe, mixture: Mixture, posts: int, seed: int, data: Path, folder: Path
) -> dict[str, float | None]:
    from training.ablation_measures import dev_measures
    from training.batches import load_tokenizer
    from training.encoders import pad_token_id, prepare_encoder
    from training.finetune import RunFolder, finetune
    from training.network import build_network, seeded
    from training.run import encoded_run, own_biases, run_fingerprint

    recipe = recipe.model_copy(update={"seed": seed})
    draw = random.Random(seed)  # noqa: S311 - a reproducible draw, not a secret
    sample = replace(mixture, train=draw.sample(mixture.train, min(posts, len(mixture.train))))
    encoder = prepare_encoder(recipe, [post.text for post in sample.train], folder)
    tokenizer = load_tokenizer(encoder / "tokenizer.json", recipe.max_tokens)
    padding = pad_token_id(encoder)
    shown, encoded, repeats = encoded_run(sample, recipe, tokenizer, padding)
    with seeded(seed):
        network = build_network(encoder, recipe.dropout, len(own_biases(recipe)))
    folder.mkdir(parents=True, exist_ok=True)
    fingerprint = run_fingerprint(replace(loaded, recipe=recipe), sample, shown, encoder)
    trained = finetune(network, encoded, repeats, recipe, RunFolder(folder), fingerprint)
    if trained is None:
        raise AssertionError("a run without a step limit ends trained")
    return dev_measures(trained, mixture, recipe, tokenizer, padding, data)
