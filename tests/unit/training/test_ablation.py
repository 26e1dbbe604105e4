"""The ablation: every variant once, resumable, judged on dev posts alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

torch = pytest.importorskip("torch")

from model.errors import BadConfig  # noqa: E402 - only importable with torch
from training import ablation  # noqa: E402 - the same
from training.ablation import ablate, load_plan, print_results, read_results  # noqa: E402 - the same

pytestmark = pytest.mark.training


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Path]:
    def write(variants: dict[str, Any], seeds: tuple[int, ...] = (1,)) -> Path:
        path = tmp_path / "plan.yaml"
        content = {"version": 1, "posts": 120, "seeds": list(seeds), "variants": variants}
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def test_variants_are_trained_once_and_measured_on_dev(
    tiny_recipe: Callable[..., Path], tiny_pack: Path, plan: Callable[..., Path], tmp_path: Path
) -> None:
    recipe, out = tiny_recipe(epochs=3), tmp_path / "out"

    ablate(recipe, plan({"everything": {}}), data=tiny_pack, out=out)
    first = read_results(out / "ablation.jsonl")
    ablate(recipe, plan({"everything": {}, "no noise": {"noise_share": 0.0}}), data=tiny_pack, out=out)
    rows = read_results(out / "ablation.jsonl")

    assert [row["variant"] for row in rows] == ["everything", "no noise"]
    assert rows[0] == first[0]
    assert 0.5 < rows[0]["figures"]["auc antisemitic"] <= 1.0
    assert not any("hatecheck" in name for row in rows for name in row["figures"])


def test_processes_share_a_folder_with_a_seed_each(
    tiny_recipe: Callable[..., Path], tiny_pack: Path, plan: Callable[..., Path], tmp_path: Path
) -> None:
    recipe, out, two = tiny_recipe(epochs=1), tmp_path / "out", plan({"everything": {}}, seeds=(1, 2))

    ablate(recipe, two, data=tiny_pack, out=out, only_seeds=[2])
    assert [row["seed"] for row in read_results(out / "ablation.jsonl")] == [2]
    ablate(recipe, two, data=tiny_pack, out=out, only_seeds=[1])

    assert sorted(row["seed"] for row in read_results(out / "ablation.jsonl")) == [1, 2]


def test_seed_that_the_plan_lacks_is_refused(
    tiny_recipe: Callable[..., Path], tiny_pack: Path, plan: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(BadConfig, match="seed"):
        ablate(tiny_recipe(), plan({"everything": {}}), data=tiny_pack, out=tmp_path / "out", only_seeds=[7])


def test_variant_that_changes_the_posts_gets_a_mixture_of_its_own(
    tiny_recipe: Callable[..., Path],
    tiny_pack: Path,
    plan: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mixed: list[int] = []
    honest = ablation.build_mixture

    def counted(recipe: Any, data: Path) -> Any:
        mixture = honest(recipe, data)
        mixed.append(len(mixture.train))
        return mixture

    monkeypatch.setattr(ablation, "build_mixture", counted)
    variants = {"everything": {}, "no noise": {"noise_share": 0.0}, "no background": {"background": []}}

    ablate(tiny_recipe(epochs=1), plan(variants), data=tiny_pack, out=tmp_path / "out")

    assert len(mixed) == 2
    assert mixed[1] < mixed[0]


def test_unknown_member_in_a_variant_is_refused(
    tiny_recipe: Callable[..., Path], tiny_pack: Path, plan: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(BadConfig, match="typo"):
        ablate(tiny_recipe(), plan({"typo": {"nois_share": 0.0}}), data=tiny_pack, out=tmp_path / "out")


def test_plan_without_variants_is_refused(plan: Callable[..., Path]) -> None:
    with pytest.raises(BadConfig, match="variants"):
        load_plan(plan({}))


def test_table_gives_the_mean_and_the_spread_over_seeds(tmp_path: Path) -> None:
    rows = [
        {"variant": "everything", "seed": seed, "figures": {"auc": value, "marked": None}}
        for seed, value in ((1, 0.8), (2, 0.9))
    ]
    path = tmp_path / "ablation.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    screen = io.StringIO()

    print_results(read_results(path), Console(file=screen, width=120))

    assert "0.850 ±0.050" in screen.getvalue()
    assert " - " in screen.getvalue()
