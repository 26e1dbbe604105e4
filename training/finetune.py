"""Fine-tuning: the loop from a mixture to a trained network, on CPU, CUDA or several processes."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor, nn
from torch.optim import AdamW

from model.taxonomy import HEAD_ORDER
from training.batches import EncodedPosts, plan_epoch
from training.checkpoints import Progress, load_newest, save_checkpoint
from training.corpora.pack import NOT_ANNOTATED
from training.losses import masked_bce_sums, weighted_loss
from training.network import HateNetwork
from training.recipe import Recipe

LOG_EVERY_STEPS = 50


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where one training run keeps its things."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """Checkpoints, newest two."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """One JSON line each `LOG_EVERY_STEPS` steps."""
        return self.path / "log.jsonl"

    @property
    def bundle(self) -> Path:
        """The finished bundle."""
        return self.path / "bundle"


def optimiser_for(network: HateNetwork, recipe: Recipe) -> AdamW:
    """AdamW with the heads on their own learning rate, and no decay on biases and normalisation."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        decays = parameter.ndim > 1
        groups.setdefault((name.startswith("heads."), decays), []).append(parameter)
    return AdamW(
        [
            {
                "params": parameters,
                "lr": recipe.heads_learning_rate if is_head else recipe.learning_rate,
                "initial_lr": recipe.heads_learning_rate if is_head else recipe.learning_rate,
                "weight_decay": recipe.weight_decay if decays else 0.0,
            }
            for (is_head, decays), parameters in groups.items()
        ],
        fused=True,
    )


def rate_factor(step: int, steps: int, warmup_share: float) -> float:
    """The learning rate at `step` as a share of its peak: linear up, then linear down to 0.

    A function of the step alone, so a resumed run needs no scheduler state.
    """
    warmup = max(1, int(steps * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))


def step_seed(seed: int, step: int, process: int) -> int:
    """The seed of dropout at one step in one process, so that a resumed run draws what it would have."""
    digest = hashlib.sha256(f"{seed}:{step}:{process}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def finetune(
    network: HateNetwork,
    posts: EncodedPosts,
    repeats: np.ndarray[tuple[int], np.dtype[np.int64]],
    recipe: Recipe,
    run: RunFolder,
    fingerprint: str,
    *,
    stop_after_steps: int | None = None,
) -> HateNetwork | None:
    """The trained network, or None if `stop_after_steps` ended the run early (a later call goes on).

    Exact resume: batch order is a function of seed and epoch, the learning rate of the step, dropout
    of seed, step and process; the checkpoint holds weights and optimiser.
    """
    accelerator = Accelerator(mixed_precision=recipe.precision, cpu=not torch.cuda.is_available())
    lengths = posts.lengths()
    plans = [
        plan_epoch(lengths, repeats, batch_posts=recipe.batch_posts, seed=recipe.seed, epoch=epoch)
        for epoch in range(recipe.epochs)
    ]
    steps = sum(len(plan) for plan in plans)
    optimiser = optimiser_for(network, recipe)
    done = load_newest(run.checkpoints, network, optimiser, fingerprint)
    wrapped, optimiser = accelerator.prepare(network, optimiser)
    weights = torch.tensor([recipe.head_weights[head] for head in HEAD_ORDER], device=accelerator.device)
    progress = done or Progress(step=0, epoch=0, batch=0, fingerprint=fingerprint)
    wrapped.train()
    meter = _Meter(run.log, started_at_step=progress.step)
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, disable=not accelerator.is_main_process) as bar:
        shown = bar.add_task("training", total=steps, completed=progress.step, note="")
        while progress.epoch < recipe.epochs:
            plan = plans[progress.epoch]
            for number in range(progress.batch, len(plan)):
                torch.manual_seed(step_seed(recipe.seed, progress.step, accelerator.process_index))
                factor = rate_factor(progress.step, steps, recipe.warmup_share)
                loss = _step(
                    accelerator, wrapped, optimiser, posts, plan[number], weights, factor, recipe.clip_norm
                )
                progress = Progress(progress.step + 1, progress.epoch, number + 1, fingerprint)
                if accelerator.is_main_process:
                    note = meter.note(progress, loss, len(plan[number]))
                    bar.update(shown, completed=progress.step, note=note)
                    if progress.step % recipe.checkpoint_steps == 0:
                        _save(accelerator, run, wrapped, optimiser, progress)
                if stop_after_steps is not None and progress.step >= stop_after_steps:
                    return None
            progress = Progress(progress.step, progress.epoch + 1, 0, fingerprint)
    if accelerator.is_main_process:
        _save(accelerator, run, wrapped, optimiser, progress)
    accelerator.wait_for_everyone()
    # Without the wrapper: it would keep autocast on, and "full precision" below would be bf16.
    trained: HateNetwork = accelerator.unwrap_model(wrapped, keep_fp32_wrapper=False)
    return trained.eval()


def _step(
    accelerator: Accelerator,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    posts: EncodedPosts,
    rows: list[int],
    weights: Tensor,
    factor: float,
    clip_norm: float,
) -> float:
    """One optimiser step on this process's share of the batch. Returns the share's loss."""
    world, rank = accelerator.num_processes, accelerator.process_index
    device = accelerator.device
    counts = torch.from_numpy((posts.labels[rows] != NOT_ANNOTATED).sum(axis=0)).to(
        device
    )  # (h,), whole batch
    share = rows[rank::world] or rows[:1]
    ids, mask, labels = (tensor.to(device) for tensor in posts.batch(share))
    with accelerator.autocast():
        logits = network(ids, mask)
    sums = masked_bce_sums(logits.float(), labels)
    if not rows[rank::world]:
        sums = sums * 0.0  # more processes than posts: take part in the exchange, add nothing
    # Gradients are averaged over processes, so each share counts `world` times.
    loss = weighted_loss(sums, counts, weights) * world
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(network.parameters(), clip_norm)
    for group in optimiser.param_groups:
        group["lr"] = group["initial_lr"] * factor
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


def _save(
    accelerator: Accelerator,
    run: RunFolder,
    wrapped: nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    inner = getattr(optimiser, "optimizer", optimiser)  # accelerate wraps the optimiser
    save_checkpoint(run.checkpoints, accelerator.unwrap_model(wrapped), inner, progress)


class _Meter:
    """Writes the log and gives the progress bar its note."""

    def __init__(self, log: Path, started_at_step: int) -> None:
        self.log = log
        self.began = time.monotonic()
        self.posts = 0
        self.losses: list[float] = []

    def note(self, progress: Progress, loss: float, posts: int) -> str:
        self.posts += posts
        self.losses.append(loss)
        mean = sum(self.losses[-LOG_EVERY_STEPS:]) / len(self.losses[-LOG_EVERY_STEPS:])
        per_second = self.posts / (time.monotonic() - self.began)
        if progress.step % LOG_EVERY_STEPS == 0:
            row = {
                "step": progress.step,
                "epoch": progress.epoch,
                "loss": round(mean, 5),
                "posts_per_second": round(per_second, 1),
            }
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return f"loss {mean:.4f}, {per_second:.0f} posts/s"
