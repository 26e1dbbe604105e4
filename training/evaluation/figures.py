"""`watchhouse evaluate`: the figures of a bundle on open data, through the classifier that serves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from model.bundle import Bundle, default_bundle_folder
from model.errors import BadConfig
from model.onnx_classifier import OnnxClassifier
from model.taxonomy import HEAD_ORDER
from training.corpora.mixture import Mixture, MixturePost, build_mixture
from training.corpora.overlap import in_calibration_half
from training.corpora.pack import NOT_ANNOTATED, CorpusPost, read_corpus, read_manifest
from training.evaluation.metrics import head_figures
from training.evaluation.tables import print_figures
from training.recipe import Recipe

HATE = HEAD_ORDER.index("hate")
BACKGROUND_POSTS = 10_000
CHUNK_POSTS = 500
FUNCTIONAL_SUITE = "hatecheck"
BACKGROUNDS = {"background_tweeteval": "test", "bold_religion_politics": None}


def evaluate_bundle(
    bundle: Path | None, *, data: Path, out: Path | None, labels: Sequence[Path] = ()
) -> dict[str, Any]:
    """Prints the figures of a bundle, writes them to `out` if given, and returns them.

    The dev posts are rebuilt from the recipe that the bundle carries, from the very data it was made
    from: `labels` must be those it was trained with. Raises: BadConfig, BundleRefused.
    """
    folder = bundle or default_bundle_folder()
    loaded = Bundle.load(folder)
    console = Console()
    recipe = _recipe_of(folder)
    with console.status("preparing the dev posts"):
        mixture = build_mixture(recipe, data, labels, drop_near_duplicates=False)
    _refuse_other_data(loaded, mixture)
    figures = measure(loaded, mixture, data)
    print_figures(figures, console)
    if out is not None:
        out.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return figures


def _refuse_other_data(bundle: Bundle, mixture: Mixture) -> None:
    made_from = bundle.manifest.get("data")
    lexicon = bundle.manifest.get("far_right_lexicon_sha256")
    if mixture.files != made_from or mixture.lexicon_sha256 != lexicon:
        raise BadConfig("data: not what the bundle was made from, so its dev posts cannot be told apart")


def _recipe_of(folder: Path) -> Recipe:
    path = folder / "recipe.yaml"
    if not path.is_file():
        raise BadConfig(f"{path}: the bundle does not carry its recipe, so its dev posts cannot be rebuilt")
    return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def measure(bundle: Bundle, mixture: Mixture, data: Path) -> dict[str, Any]:
    """All figures of a bundle: HateCheck, dev posts per head and corpus, background traffic."""
    classifier = OnnxClassifier(bundle)
    thresholds = bundle.thresholds
    manifest = read_manifest(data)
    dev = [post for post in mixture.dev if not in_calibration_half(post.text)]
    dev_scores = score_posts(classifier, [post.text for post in dev], "dev posts")
    figures: dict[str, Any] = {
        "bundle": bundle.bundle_id,
        "dev": dev_figures(dev, dev_scores, thresholds),
        "background": {},
    }
    if FUNCTIONAL_SUITE in manifest:
        posts = read_corpus(manifest[FUNCTIONAL_SUITE])
        scores = score_posts(classifier, [post.text for post in posts], FUNCTIONAL_SUITE)
        figures[FUNCTIONAL_SUITE] = suite_figures(posts, scores[:, HATE], thresholds["hate"])
    for name, split in BACKGROUNDS.items():
        if name in manifest:
            posts = [post for post in read_corpus(manifest[name]) if split in (None, post.split)]
            posts = posts[:: max(1, len(posts) // BACKGROUND_POSTS)][:BACKGROUND_POSTS]
            scores = score_posts(classifier, [post.text for post in posts], name)
            figures["background"][name] = background_figures(scores, thresholds)
    return figures


def score_posts(classifier: OnnxClassifier, texts: list[str], what: str) -> NDArray[np.float32]:
    """Calibrated scores (n, 4) float32.

    A text that the classifier refuses is a fault of the data and ends the measurement: counting it as
    "not hateful" would flatter. Raises: BadInput.
    """
    found = np.zeros((len(texts), len(HEAD_ORDER)), dtype=np.float32)
    starts = range(0, len(texts), CHUNK_POSTS)
    for start in track(starts, description=f"scoring {what}", console=Console(stderr=True), transient=True):
        chunk = texts[start : start + CHUNK_POSTS]
        found[start : start + len(chunk)] = classifier.score(chunk).values
    return found


def dev_figures(
    posts: list[MixturePost], scores: NDArray[np.float32], thresholds: dict[str, float]
) -> dict[str, Any]:
    """Figures per head over all dev posts, and ROC-AUC of `hate` within each corpus that has both kinds."""
    labels = np.asarray([post.labels for post in posts], dtype=np.int8)
    corpora = np.asarray([post.corpus for post in posts])
    heads = {}
    for number, head in enumerate(HEAD_ORDER):
        annotated = labels[:, number] != NOT_ANNOTATED
        heads[head] = head_figures(scores[annotated, number], labels[annotated, number], thresholds[head])
    within = {}
    for corpus in sorted(set(corpora)):
        inside = (corpora == corpus) & (labels[:, HATE] != NOT_ANNOTATED)
        figures = head_figures(scores[inside, HATE], labels[inside, HATE], thresholds["hate"])
        if figures["roc_auc"] is not None:
            within[corpus] = figures
    return {"heads": heads, "hate_by_corpus": within}


def suite_figures(posts: list[CorpusPost], hate: NDArray[np.float32], threshold: float) -> dict[str, Any]:
    """Accuracy of `hate >= threshold` over a suite: all, hateful, non-hateful, per functionality."""
    gold = np.asarray([post.labels[HATE] for post in posts])
    right = (hate >= threshold) == (gold == 1)
    functionalities = np.asarray([post.functionality or "" for post in posts])
    return {
        "cases": len(posts),
        "threshold": threshold,
        "accuracy": round(float(right.mean()), 4),
        "hateful_accuracy": round(float(right[gold == 1].mean()), 4),
        "non_hateful_accuracy": round(float(right[gold == 0].mean()), 4),
        "accuracy_at_half": round(float(((hate >= 0.5) == (gold == 1)).mean()), 4),
        "non_hateful_accuracy_at_half": round(float((hate < 0.5)[gold == 0].mean()), 4),
        "roc_auc": head_figures(hate, gold.astype(np.int8), threshold)["roc_auc"],
        "functionalities": {
            name: {
                "cases": int((functionalities == name).sum()),
                "accuracy": round(float(right[functionalities == name].mean()), 4),
            }
            for name in sorted(set(functionalities))
        },
    }


def background_figures(scores: NDArray[np.float32], thresholds: dict[str, float]) -> dict[str, Any]:
    """The share of unlabelled traffic at or above each head's threshold, and above 0.5 on `hate`."""
    shares = {
        head: round(float((scores[:, number] >= thresholds[head]).mean()), 5)
        for number, head in enumerate(HEAD_ORDER)
    }
    return {
        "posts": len(scores),
        "share_at_threshold": shares,
        "hate_share_at_half": round(float((scores[:, HATE] >= 0.5).mean()), 5),
    }
