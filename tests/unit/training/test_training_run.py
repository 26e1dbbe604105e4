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
from model.onnx_classifier import OnnxClassifier  # noqa: E402 - the same
from model.records import LabelledPost, write_jsonl  # noqa: E402 - the same
from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER, SpeechAct  # noqa: E402 - the same
from training import export, parity  # noqa: E402 - the same
from training.bench.command import evaluate_targets  # noqa: E402 - the same
from training.run import train_bundle  # noqa: E402 - the same

pytestmark = pytest.mark.training

Recipes = Callable[..., Path]


def final_weights(out: Path, part: str = "network") -> dict[str, Any]:
    newest = sorted((out / "checkpoints").glob("step-*"))[-1]
    return torch.load(newest / "state.pt", weights_only=True)[part]  # type: ignore[no-any-return] # torch.load is untyped


def no_gate(*_given: Any) -> dict[str, Any]:
    return {
        "posts": 0,
        "fp32_largest_logit_gap": 0.0,
        "int8_mean_logit_gap": 0.0,
        "int8_average_precision_loss": {},
    }


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
    report = evaluate_targets([str(bundle)], data=tiny_pack, out=tmp_path / "report")
    figures = next(iter(report["results"].values()))["figures"]
    assert (tmp_path / "report" / "report.html").is_file()
    assert figures["dev"]["heads"]["hate"]["roc_auc"] > 0.9
    assert f"{figures['dev']['heads']['hate']['roc_auc']:.3f}" in card


def test_bundle_of_every_step_marks_the_words_and_names_the_speech_act(
    tiny_recipe: Recipes,
    tiny_pack: Path,
    every_step: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With some twenty dev posts a head, one pair that changes places costs more than the gate allows.
    monkeypatch.setattr(parity, "INT8_AP_LOSS", 0.1)
    bundle = train_bundle(tiny_recipe(**every_step), data=tiny_pack, out=tmp_path / "run", labels=[])

    assert bundle is not None
    text = "the council opened a park muslims are invaders who must leave with friends"
    hateful, ordinary = OnnxClassifier(Bundle.load(bundle)).annotate([text, "we had tea with friends"])
    assert hateful.token_rationales is not None
    marked = {text[start:end]: probability for start, end, probability in hateful.token_rationales}
    assert marked["invaders"] > 0.5 > marked["council"]
    assert hateful.speech_act is not None
    assert ordinary.speech_act is not None
    endorses, neutral = (SPEECH_ACT_ORDER.index(act) for act in (SpeechAct.ENDORSES, SpeechAct.NEUTRAL))
    assert hateful.speech_act[endorses] > 0.5 > ordinary.speech_act[endorses]
    assert ordinary.speech_act[neutral] > hateful.speech_act[neutral]


def test_interrupted_run_ends_with_the_very_same_weights(
    tiny_recipe: Recipes,
    tiny_pack: Path,
    every_step: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "check_parity", no_gate)  # two epochs of a tiny network are too rough for it
    recipe = tiny_recipe(epochs=2, **every_step)
    train_bundle(recipe, data=tiny_pack, out=tmp_path / "whole", labels=[])
    # Killed three times: in the stage on marked words, between two checkpoints (every 5), in the last epoch.
    for stop_after_steps in (3, 17, 43):
        stopped = train_bundle(
            recipe, data=tiny_pack, out=tmp_path / "broken", labels=[], stop_after_steps=stop_after_steps
        )
        assert stopped is None
    train_bundle(recipe, data=tiny_pack, out=tmp_path / "broken", labels=[])

    for part in ("network", "average"):
        whole, broken = final_weights(tmp_path / "whole", part), final_weights(tmp_path / "broken", part)
        assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_average_blended_with_what_the_last_stage_began_with_ships(
    tiny_recipe: Recipes,
    tiny_pack: Path,
    every_step: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "check_parity", no_gate)
    train_bundle(tiny_recipe(epochs=1, **every_step), data=tiny_pack, out=tmp_path / "run", labels=[])

    graph = onnx.load(tmp_path / "run" / "fp32.onnx").graph
    shipped = {
        tuple(w.dims): onnx.numpy_helper.to_array(w) for w in graph.initializer if "heads.weight" in w.name
    }
    last, average = final_weights(tmp_path / "run"), final_weights(tmp_path / "run", "average")
    weights = next(value for dims, value in shipped.items() if len(HEAD_ORDER) in dims)
    before = torch.load(tmp_path / "run" / "before-last.pt", weights_only=True)
    expected = 0.4 * before["heads.weight"] + 0.6 * average["module.heads.weight"]
    assert np.allclose(weights, expected.numpy(), atol=1e-6)
    assert not np.allclose(weights, last["heads.weight"].numpy(), atol=1e-6)


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
            if weights.name.endswith("network.heads.weight"):
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
    # All epochs: after two of them a pair that changes places may cost more than the export's gate allows.
    bundle = train_bundle(tiny_recipe(full_precision=[part]), data=tiny_pack, out=tmp_path / "run", labels=[])

    assert bundle is not None
    nodes = onnx.load(bundle / "model.onnx").graph.node
    assert [node.op_type for node in nodes if node.name.endswith(part)] == ["MatMul"]
    assert any(node.op_type == "MatMulInteger" for node in nodes)
    with pytest.raises(ExportRefused, match="full_precision"):
        train_bundle(tiny_recipe(full_precision=["no.such"]), data=tiny_pack, out=tmp_path / "run", labels=[])


def test_loss_of_precision_has_the_right_sign() -> None:
    labels = np.asarray([0] * 20 + [1] * 20, dtype=np.int8)
    good, bad = labels.astype(np.float32), 1 - labels.astype(np.float32)

    lost = parity.average_precision_loss(good, bad, labels)

    assert lost is not None
    assert lost > 0.4
    assert parity.average_precision_loss(bad, good, labels) == -lost
    assert parity.average_precision_loss(good, bad, np.full(40, -1, dtype=np.int8)) is None


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
    honest = export.export_onnx

    def astray(network: Any, path: Path, outputs: Sequence[str]) -> None:
        honest(network, path, outputs)
        graph = onnx.load(path)
        for weights in graph.graph.initializer:
            if weights.name.endswith("network.heads.bias"):
                values = onnx.numpy_helper.to_array(weights)
                weights.CopyFrom(onnx.numpy_helper.from_array(values + np.float32(0.01), weights.name))
        onnx.save(graph, path)

    monkeypatch.setattr(export, "export_onnx", astray)

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
    after = train_bundle(
        tiny_recipe(labels_repeat=2),
        data=tiny_pack,
        out=tmp_path / "after",
        labels=[path],
        unchecked_labels=True,
    )

    assert before is not None
    assert after is not None
    column = HEAD_ORDER.index("islamophobic")
    said_before = load_classifier(before).score([phrase]).values[0, column]
    said_after = load_classifier(after).score([phrase]).values[0, column]
    assert said_before < 0.5 < said_after
