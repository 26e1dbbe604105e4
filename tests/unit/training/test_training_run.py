"""Training end to end on a tiny network: resume exactly, export, score, and turn the labelling loop once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from model.bundle import Bundle  # noqa: E402 - only importable with torch
from model.classifier import load_classifier  # noqa: E402 - the same
from model.errors import BadConfig, ExportRefused  # noqa: E402 - the same
from model.records import LabelledPost, write_jsonl  # noqa: E402 - the same
from model.taxonomy import HEAD_ORDER  # noqa: E402 - the same
from training import export  # noqa: E402 - the same
from training.evaluation.figures import evaluate_bundle  # noqa: E402 - the same
from training.run import train_bundle  # noqa: E402 - the same

pytestmark = pytest.mark.training

Recipes = Callable[..., Path]


def final_weights(out: Path) -> dict[str, Any]:
    newest = sorted((out / "checkpoints").glob("step-*"))[-1]
    return torch.load(newest / "state.pt", weights_only=True)["network"]  # type: ignore[no-any-return] # torch.load is untyped


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # raised inside onnxruntime's quantiser
def test_training_gives_a_bundle_that_scores_what_it_learnt(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    bundle = train_bundle(tiny_recipe(), data=tiny_pack, out=tmp_path / "run", labels=[])

    assert bundle is not None
    values = (
        load_classifier(bundle).score(["jews secretly control every bank", "we had tea with friends"]).values
    )
    antisemitic = HEAD_ORDER.index("antisemitic")
    assert values[0, antisemitic] > 0.5 > values[1, antisemitic]
    assert Bundle.load(bundle).manifest["parity"]["fp32_largest_logit_gap"] < 1e-3
    card = (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Far-right negatives are built" in card
    figures = evaluate_bundle(bundle, data=tiny_pack, out=tmp_path / "figures.json")
    assert figures["dev"]["heads"]["hate"]["roc_auc"] > 0.9
    assert f"{figures['dev']['heads']['hate']['roc_auc']:.3f}" in card


def test_interrupted_run_ends_with_the_very_same_weights(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipe(epochs=2)
    train_bundle(recipe, data=tiny_pack, out=tmp_path / "whole", labels=[])
    # Killed twice, once between two checkpoints (every 5 steps), once in the second epoch.
    for stop_after_steps in (7, 25):
        stopped = train_bundle(
            recipe, data=tiny_pack, out=tmp_path / "broken", labels=[], stop_after_steps=stop_after_steps
        )
        assert stopped is None
    train_bundle(recipe, data=tiny_pack, out=tmp_path / "broken", labels=[])

    whole, broken = final_weights(tmp_path / "whole"), final_weights(tmp_path / "broken")
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_checkpoint_of_another_recipe_is_refused(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    train_bundle(tiny_recipe(), data=tiny_pack, out=tmp_path / "run", labels=[], stop_after_steps=6)

    with pytest.raises(BadConfig, match="another recipe"):
        train_bundle(tiny_recipe(seed=4), data=tiny_pack, out=tmp_path / "run", labels=[])


def test_int8_that_loses_precision_is_refused(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scrambled(fp32: Path, int8: Path, _full_precision: Sequence[str]) -> None:
        network = onnx.load(fp32)
        for weights in network.graph.initializer:
            if weights.name == "heads.weight":
                values = onnx.numpy_helper.to_array(weights)
                weights.CopyFrom(onnx.numpy_helper.from_array(-values, weights.name))
        onnx.save(network, int8)

    monkeypatch.setattr(export, "quantise", scrambled)

    with pytest.raises(ExportRefused, match="average precision"):
        train_bundle(tiny_recipe(), data=tiny_pack, out=tmp_path / "run", labels=[])
    assert not (tmp_path / "run" / "bundle").exists()


def test_products_kept_in_full_precision_are_not_quantised(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    part = "layer.0/output/dense/MatMul"
    bundle = train_bundle(
        tiny_recipe(epochs=2, full_precision=[part]), data=tiny_pack, out=tmp_path / "run", labels=[]
    )

    assert bundle is not None
    nodes = onnx.load(bundle / "model.onnx").graph.node
    assert [node.op_type for node in nodes if node.name.endswith(part)] == ["MatMul"]
    assert any(node.op_type == "MatMulInteger" for node in nodes)
    with pytest.raises(ExportRefused, match="full_precision"):
        train_bundle(
            tiny_recipe(epochs=2, full_precision=["no.such"]), data=tiny_pack, out=tmp_path / "run", labels=[]
        )


def test_loss_of_precision_has_the_right_sign() -> None:
    labels = np.asarray([0] * 20 + [1] * 20, dtype=np.int8)
    good, bad = labels.astype(np.float32), 1 - labels.astype(np.float32)

    lost = export.average_precision_loss(good, bad, labels)

    assert lost is not None
    assert lost > 0.4
    assert export.average_precision_loss(bad, good, labels) == -lost
    assert export.average_precision_loss(good, bad, np.full(40, -1, dtype=np.int8)) is None


def test_training_in_bf16_exports_a_full_precision_graph(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    bundle = train_bundle(tiny_recipe(precision="bf16"), data=tiny_pack, out=tmp_path / "run", labels=[])

    assert bundle is not None
    graph = onnx.load(tmp_path / "run" / "fp32.onnx").graph
    bf16 = onnx.TensorProto.BFLOAT16
    casts = [a.i for node in graph.node if node.op_type == "Cast" for a in node.attribute]
    assert bf16 not in casts
    assert Bundle.load(bundle).manifest["parity"]["fp32_largest_logit_gap"] < 1e-4


def test_export_that_strays_from_torch_is_refused(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = export.torch_logits
    monkeypatch.setattr(export, "torch_logits", lambda *given: honest(*given) + np.float32(0.01))

    with pytest.raises(ExportRefused, match="fp32 ONNX strays"):
        train_bundle(tiny_recipe(epochs=1), data=tiny_pack, out=tmp_path / "run", labels=[])


def test_hub_labels_change_what_the_next_bundle_says(
    tiny_recipe: Recipes, tiny_pack: Path, tmp_path: Path
) -> None:
    phrase = "the walked rain likes park"
    records = [
        LabelledPost(
            id=f"h{n}",
            text=f"{phrase} {n}",
            source="hub",
            split="train",
            hate=1,
            antisemitic=0,
            islamophobic=1,
        )
        for n in range(40)
    ]
    path = tmp_path / "labels.jsonl"
    write_jsonl(records, path)

    before = train_bundle(tiny_recipe(), data=tiny_pack, out=tmp_path / "before", labels=[])
    after = train_bundle(tiny_recipe(labels_repeat=2), data=tiny_pack, out=tmp_path / "after", labels=[path])

    assert before is not None
    assert after is not None
    column = HEAD_ORDER.index("islamophobic")
    said_before = load_classifier(before).score([phrase]).values[0, column]
    said_after = load_classifier(after).score([phrase]).values[0, column]
    assert said_before < 0.5 < said_after
