"""Checkpoints: everything a run needs to go on exactly where it stopped."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from model.errors import BadConfig

KEPT = 2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `step` optimiser steps done in all, `batch` batches of `epoch` done."""

    step: int
    epoch: int
    batch: int
    fingerprint: str
    """Of recipe, data and labels: a checkpoint is used only for the very same run."""


def save_checkpoint(
    folder: Path,
    network: nn.Module,
    optimiser: Optimizer,
    progress: Progress,
    average: nn.Module | None = None,
) -> None:
    """Writes a checkpoint and keeps the newest two; a crash leaves none half-written."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"step-{progress.step:08d}"
    staging = folder / f".{target.name}.tmp"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    if average is not None:
        state["average"] = average.state_dict()
    with (staging / "state.pt").open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    (staging / "progress.json").write_text(json.dumps(asdict(progress), indent=2), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
    for old in _checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old)


def load_newest(
    folder: Path,
    network: nn.Module,
    optimiser: Optimizer,
    fingerprint: str,
    average: nn.Module | None = None,
) -> Progress | None:
    """Restores the newest checkpoint of this very run into network, optimiser and average.

    None when there is none. Raises: BadConfig if the folder holds another run's checkpoints.
    """
    found = _checkpoints(folder)
    if not found:
        return None
    progress = Progress(**json.loads((found[-1] / "progress.json").read_text(encoding="utf-8")))
    if progress.fingerprint != fingerprint:
        raise BadConfig(
            f"{folder}: holds checkpoints of another recipe, data or labels; choose another --out"
        )
    # weights_only: tensors and plain values, no code is run from the file.
    state = torch.load(found[-1] / "state.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    if average is not None:
        average.load_state_dict(state["average"])
    return progress


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*")) if folder.is_dir() else []
