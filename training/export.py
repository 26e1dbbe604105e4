"""From a trained network to a bundle: int8 ONNX, parity with torch, calibration, figures, model card."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from rich.console import Console
from sklearn.metrics import average_precision_score

from model.bundle import Bundle, canonical_json, write_manifest
from model.errors import ExportRefused
from model.onnx_classifier import OnnxClassifier
from model.taxonomy import HEAD_ORDER
from training.batches import encode, in_length_order, load_tokenizer
from training.calibrate import LEAST_EXAMPLES, choose_thresholds, fit_calibration
from training.corpora.mixture import Mixture, MixturePost, label_counts
from training.corpora.overlap import in_calibration_half
from training.corpora.pack import NOT_ANNOTATED, read_manifest
from training.evaluation.figures import measure, score_posts
from training.finetune import RunFolder
from training.model_card import model_card
from training.network import HateNetwork
from training.recipe import LoadedRecipe, code_sha256

OPSET = 18
FP32_TOLERANCE = 1e-3
"""Largest difference of a logit between torch and the fp32 graph; more means that the export is wrong."""

INT8_AP_LOSS = 0.005
"""Most average precision a head may lose to int8. Source: issue of step 2, point 7 (0.5 points)."""

PARITY_POSTS = 4000
PROBE_POSTS = 64


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
    export_onnx(network, fp32)
    shutil.copyfile(encoder / "tokenizer.json", staging / "tokenizer.json")
    shutil.copyfile(loaded.path, staging / "recipe.yaml")
    quantise(fp32, staging / "model.onnx", recipe.full_precision)
    facts: dict[str, Any] = {
        "name": f"{recipe.name}-v{recipe.version}",
        "max_tokens": recipe.max_tokens,
        "pad_token_id": pad_token_id,
        "recipe_sha256": loaded.sha256,
        "code_sha256": code_sha256("model", "training"),
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
    logits = OnnxClassifier(Bundle.load(staging)).logits(texts)
    _write_json(staging / "calibration.json", fit_calibration(logits, labels))
    write_manifest(staging, facts)
    scores = score_posts(OnnxClassifier(Bundle.load(staging)), texts, "calibration posts")
    corpora = [post.corpus for post in fitted_on]
    _write_json(staging / "thresholds.json", choose_thresholds(scores, labels, corpora, recipe.thresholds))
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


def export_onnx(network: HateNetwork, path: Path) -> None:
    """Writes the network as an fp32 ONNX graph: input_ids, attention_mask int64 (b, s) -> logits (b, h)."""
    network = network.cpu().eval()
    ids = torch.ones((2, 12), dtype=torch.int64)
    dynamic = {"input_ids": {0: "b", 1: "s"}, "attention_mask": {0: "b", 1: "s"}, "logits": {0: "b"}}
    with warnings.catch_warnings():
        # The graph of the newer exporter cannot be quantised by onnxruntime (a shape it infers differs from
        # the one written down); torch is pinned, so the older exporter stays. Its warnings are about itself.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
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

    Raises: ExportRefused if a logit of the fp32 graph strays by more than `FP32_TOLERANCE`, or a head
    loses more than `INT8_AP_LOSS` of average precision to int8.
    """
    sample = _parity_sample(dev)
    posts = encode(sample, load_tokenizer(str(staging / "tokenizer.json"), max_tokens), pad_token_id)
    reference = torch_logits(network, posts)
    session = onnxruntime.InferenceSession(str(fp32), providers=["CPUExecutionProvider"])
    fp32_gap = 0.0
    for rows in in_length_order(posts.lengths(), PROBE_POSTS)[:: max(1, len(sample) // PROBE_POSTS // 8)]:
        ids, mask, _ = posts.batch(rows)
        plain = session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]
        fp32_gap = max(fp32_gap, float(np.abs(plain - reference[rows]).max()))
    if not fp32_gap <= FP32_TOLERANCE:
        raise ExportRefused(
            f"fp32 ONNX strays from torch by {fp32_gap:.2g}; at most {FP32_TOLERANCE} is allowed"
        )
    quantised = OnnxClassifier(Bundle.load(staging)).logits([post.text for post in sample])
    losses: dict[str, float | None] = {}
    for number, head in enumerate(HEAD_ORDER):
        loss = average_precision_loss(reference[:, number], quantised[:, number], posts.labels[:, number])
        losses[head] = None if loss is None else round(loss, 5)
        if loss is None:
            if head in trained_heads:
                raise ExportRefused(f"{head}: too few dev posts of either kind to tell what int8 costs it")
            continue
        if loss > INT8_AP_LOSS:
            raise ExportRefused(
                f"int8 costs {head} {loss:.4f} of average precision; at most {INT8_AP_LOSS} is allowed"
            )
    return {
        "posts": len(sample),
        "fp32_largest_logit_gap": round(fp32_gap, 7),
        "int8_mean_logit_gap": round(float(np.abs(quantised - reference).mean()), 5),
        "int8_average_precision_loss": losses,
    }


def torch_logits(network: HateNetwork, posts: Any, batch_posts: int = 64) -> NDArray[np.float32]:
    """Logits (n, h) float32 of the torch network in full precision, in the order of `posts`."""
    network = network.cpu().eval()
    found = np.empty(posts.labels.shape, dtype=np.float32)
    with torch.inference_mode():
        for rows in in_length_order(posts.lengths(), batch_posts):
            ids, mask, _ = posts.batch(rows)
            found[rows] = network(ids, mask).numpy()
    return found


def _parity_sample(dev: list[MixturePost]) -> list[MixturePost]:
    """At most `PARITY_POSTS` dev posts from everywhere, and every post that says 1 for a strand.

    The strands' positives are few: without all of them their loss would be noise.
    """
    evenly = {id(post) for post in dev[:: max(1, -(-len(dev) // PARITY_POSTS))]}
    return [post for post in dev if id(post) in evenly or 1 in post.labels[1:]]


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
