"""From a trained network to a bundle: int8 ONNX, parity with torch, calibration, figures, model card."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from rich.console import Console

from model.bundle import Bundle, canonical_json, write_manifest
from model.errors import ExportRefused
from model.onnx_classifier import OnnxClassifier
from model.taxonomy import HEAD_ORDER
from training.abstention import choose_bands
from training.calibrate import choose_thresholds, fit_calibration
from training.calibrate_sides import fit_side_calibration
from training.corpora.mixture import CONTRAST, Mixture, MixturePost, label_counts
from training.corpora.overlap import in_calibration_half
from training.corpora.pack import NOT_ANNOTATED, read_corpus, read_manifest
from training.evaluation.background import TWEETS, background_posts
from training.evaluation.figures import measure
from training.evaluation.scoring import score_posts
from training.finetune import RunFolder, trained_with_code
from training.model_card import model_card
from training.network import ExportedNetwork, HateNetwork, shipped_outputs
from training.operating_points import choose_operating_points
from training.parity import check_parity
from training.recipe import LoadedRecipe, Recipe, code_sha256

OPSET = 18


def export_bundle(
    network: HateNetwork,
    loaded: LoadedRecipe,
    mixture: Mixture,
    encoder: Path,
    run: RunFolder,
    pad_token_id: int,
    data: Path,
    console: Console,
) -> Path:
    """The folder of the finished bundle, replacing an earlier one of the same run.

    Raises: ExportRefused if ONNX, or int8, does not keep what torch gives; BundleRefused.
    """
    recipe = loaded.recipe
    staging = run.path / "staging"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    console.print("exporting to ONNX and int8")
    fp32 = run.path / "fp32.onnx"
    export_onnx(network, fp32, shipped_outputs(recipe.side_weights))
    shutil.copyfile(encoder / "tokenizer.json", staging / "tokenizer.json")
    shutil.copyfile(loaded.path, staging / "recipe.yaml")
    quantise(fp32, staging / "model.onnx", recipe.full_precision)
    facts: dict[str, Any] = {
        "name": f"{recipe.name}-v{recipe.version}",
        "languages": list(recipe.languages),
        "max_tokens": recipe.max_tokens,
        "pad_token_id": pad_token_id,
        "recipe_sha256": loaded.sha256,
        "code_sha256": code_sha256("model", "training"),
        "trained_with_code_sha256": trained_with_code(run),
        "data": dict(sorted(mixture.files.items())),
        "far_right_lexicon_sha256": mixture.lexicon_sha256,
        "label_counts": {"train": label_counts(mixture.train), "dev": label_counts(mixture.dev)},
    }
    _write_uncalibrated(staging, facts)
    trained = {head for head, count in label_counts(mixture.train).items() if count["yes"]}
    console.print("comparing torch, fp32 and int8")
    facts["parity"] = check_parity(
        network, fp32, staging, mixture.dev, recipe.max_tokens, pad_token_id, trained
    )
    fitted_on = [post for post in mixture.dev if in_calibration_half(post.text)]
    texts = [post.text for post in fitted_on]
    labels = np.asarray([post.labels for post in fitted_on], dtype=np.int8)
    uncalibrated = OnnxClassifier(Bundle.load(staging))
    natural = _not_made(fitted_on)
    calibration = fit_calibration(uncalibrated.logits(texts)[natural], labels[natural])
    beside = [post for post in fitted_on if post.speech_act != NOT_ANNOTATED or post.rationale]
    console.print("fitting calibration, thresholds, bands and operating points")
    annotations = uncalibrated.annotate([post.text for post in beside])
    calibration |= fit_side_calibration(annotations, beside)
    _write_json(staging / "calibration.json", calibration)
    write_manifest(staging, facts)
    _write_json(staging / "thresholds.json", _choose(staging, recipe, fitted_on, labels, data))
    write_manifest(staging, facts)
    figures = measure(Bundle.load(staging), mixture, data)
    del figures["bundle"]  # the id depends on this file
    _write_json(staging / "figures.json", figures)
    card = model_card(recipe, mixture, read_manifest(data), figures, facts)
    (staging / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    write_manifest(staging, facts)
    shutil.rmtree(run.bundle, ignore_errors=True)
    staging.rename(run.bundle)
    return run.bundle


def _choose(
    staging: Path, recipe: Recipe, posts: list[MixturePost], labels: NDArray[np.int8], data: Path
) -> dict[str, Any]:
    """The contents of `thresholds.json`: thresholds, bands, operating points, and how they were chosen."""
    classifier = OnnxClassifier(Bundle.load(staging))
    scores = score_posts(classifier, [post.text for post in posts], "calibration posts")
    chosen = choose_thresholds(scores, labels, [post.corpus for post in posts], recipe.thresholds)
    traffic = _traffic_to_choose_on(data)
    background = score_posts(classifier, traffic, "background to choose on")
    natural = _not_made(posts)
    bands, band_facts = choose_bands(scores[natural], labels[natural], recipe.abstain)
    points, point_facts = choose_operating_points(
        scores[natural], labels[natural], background, chosen["heads"], recipe.operating_points
    )
    facts = {"abstain": band_facts, "operating_points": point_facts, "background_posts": len(traffic)}
    return {**chosen, "abstain": bands, "operating_points": points, "fit": facts}


def _not_made(posts: list[MixturePost]) -> NDArray[np.bool_]:
    """Which posts stand in a corpus: those made from our templates are too easy to promise anything by."""
    return np.asarray([post.corpus != CONTRAST for post in posts], dtype=np.bool_)


def _traffic_to_choose_on(data: Path) -> list[str]:
    """The background's dev split: training takes its train split, figures are measured on its test split."""
    manifest = read_manifest(data)
    if TWEETS not in manifest:
        return []
    return [post.text for post in background_posts(read_corpus(manifest[TWEETS]), "dev")]


def export_onnx(network: HateNetwork, path: Path, outputs: Sequence[str]) -> None:
    """Writes the network as an fp32 ONNX graph with the named outputs.

    input_ids, attention_mask int64 (b, s) -> logits (b, h), speech_act (b, a), rationale (b, s) float32.
    """
    shipped = ExportedNetwork(network.cpu().eval(), outputs).eval()
    ids = torch.ones((2, 12), dtype=torch.int64)
    wide, narrow = {0: "b", 1: "s"}, {0: "b"}
    dynamic = {"input_ids": wide, "attention_mask": wide}
    dynamic |= {name: wide if name == "rationale" else narrow for name in outputs}
    with warnings.catch_warnings():
        # The graph of the newer exporter cannot be quantised by onnxruntime (a shape it infers differs from
        # the one written down); torch is pinned, so the older exporter stays. Its warnings are about itself.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            shipped,
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=list(outputs),
            dynamic_axes=dynamic,
            opset_version=OPSET,
            dynamo=False,
        )


def quantise(fp32: Path, int8: Path, full_precision: Sequence[str] = ()) -> None:
    """Writes the int8 form: dynamic, per channel (per tensor loses 1.5 points; CLASSIFIER.md section 3).

    Products whose name holds one of `full_precision` stay fp32. Raises: ExportRefused if none has it.
    """
    names = [node.name for node in onnx.load(fp32).graph.node if node.op_type in ("MatMul", "Gemm")]
    kept = [name for name in names if any(part in name for part in full_precision)]
    if any(all(part not in name for name in names) for part in full_precision):
        raise ExportRefused("full_precision: names a product that the network does not have")
    quantize_dynamic(
        str(fp32),
        str(int8),
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=kept,
        extra_options={"MatMulConstBOnly": True},
    )


def _write_uncalibrated(staging: Path, facts: dict[str, Any]) -> None:
    plain = {
        "schema_version": 1,
        "method": "platt",
        "heads": {h: {"slope": 1.0, "intercept": 0.0} for h in HEAD_ORDER},
    }
    _write_json(staging / "calibration.json", plain)
    _write_json(staging / "thresholds.json", {"schema_version": 1, "heads": dict.fromkeys(HEAD_ORDER, 0.5)})
    (staging / "MODEL_CARD.md").write_text("Being measured.\n", encoding="utf-8")
    write_manifest(staging, facts)


def _write_json(path: Path, value: Any) -> None:
    path.write_bytes(canonical_json(value))
