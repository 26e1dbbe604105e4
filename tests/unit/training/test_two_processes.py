"""Training in two processes gives what one process gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from training.run import train_bundle  # noqa: E402 - only importable with torch

pytestmark = pytest.mark.training

ROOT = Path(__file__).resolve().parents[3]
STEPS = 10
SCRATCH = {"layers": 2, "hidden": 32, "attention_heads": 2, "feed_forward": 64, "vocabulary": 200}
SCRIPT = """
import sys
from pathlib import Path
from training.run import train_bundle

recipe, data, out, steps = sys.argv[1:]
train_bundle(Path(recipe), data=Path(data), out=Path(out), labels=[], stop_after_steps=int(steps))
"""

Recipes = Callable[..., Path]


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def train_in_two_processes(recipe: Path, data: Path, out: Path) -> None:
    """Two processes with the environment that torchrun gives them, on loopback alone."""
    arguments = [sys.executable, "-c", SCRIPT, str(recipe), str(data), str(out), str(STEPS)]
    both = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": "2",
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    errors = [out.with_suffix(f".{rank}.txt") for rank in range(2)]
    processes = []
    try:
        for rank, path in enumerate(errors):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            with path.open("wb") as file:
                processes.append(subprocess.Popen(arguments, env={**both, **own}, stderr=file))
        codes = [process.wait(timeout=800) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert codes == [0, 0], "\n".join(path.read_text(encoding="utf-8")[-2000:] for path in errors)


def weights_after(out: Path, step: int = STEPS) -> dict[str, Any]:
    state = torch.load(out / "checkpoints" / f"step-{step:08d}" / "state.pt", weights_only=True)
    return state["network"]  # type: ignore[no-any-return] # torch.load is untyped


@pytest.mark.timeout(900)  # two processes that import torch, where others may be busy with the cores
def test_two_processes_give_the_weights_of_one(
    tiny_recipe: Recipes, tiny_pack: Path, every_step: dict[str, Any], tmp_path: Path
) -> None:
    # A batch of 13 splits unevenly; without dropout nothing is drawn at random in a step.
    recipe = tiny_recipe(
        **every_step,
        encoder={"scratch": SCRATCH},
        batch_posts=13,
        dropout={"hidden": 0.0, "attention": 0.0, "heads": 0.0},
    )

    train_bundle(recipe, data=tiny_pack, out=tmp_path / "one", labels=[], stop_after_steps=STEPS)
    train_in_two_processes(recipe, tiny_pack, tmp_path / "two")

    one, two = weights_after(tmp_path / "one"), weights_after(tmp_path / "two")
    assert one.keys() == two.keys()
    earlier = weights_after(tmp_path / "one", STEPS // 2)
    assert float((one["heads.weight"] - earlier["heads.weight"]).abs().max()) > 1e-3  # it does learn
    gaps = {name: float((one[name] - two[name]).abs().max()) for name in one}
    assert max(gaps.values()) < 1e-5, sorted(gaps.items(), key=lambda item: -item[1])[:5]
