"""Fine-tuning: the loop from a mixture to a trained network, on CPU, CUDA or several processes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.batches import EncodedPosts, plan_epoch
from training.checkpoints import Progress, load_newest, save_checkpoint
from training.losses import TERM_ORDER, term_sums, weighted_loss
from training.network import HateNetwork
from training.rationale_head import fit_rationale_head
from training.recipe import Finishing, Recipe, code_sha256

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
    def before_last(self) -> Path:
        """The weights that the last stage began with."""
        return self.path / "before-last.pt"

    @property
    def log(self) -> Path:
        """One JSON line each `LOG_EVERY_STEPS` steps."""
        return self.path / "log.jsonl"

    @property
    def bundle(self) -> Path:
        """The finished bundle."""
        return self.path / "bundle"


def trained_with_code(run: RunFolder) -> str:
    """The SHA-256 of the sources that began the run, kept in its folder: later ones may export it."""
    kept = run.path / "trained-with-code"
    if not kept.is_file():
        kept.write_text(code_sha256("model", "training"), encoding="utf-8")
    return kept.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Stage:
    """The batches of one epoch, the weight of each term of the loss, and the rate they are learnt at."""

    batches: list[list[int]]
    weights: dict[str, float]
    part: str
    """"first" (marked words), "main" or "last": each has its own ramp of the learning rate."""


def plan_stages(posts: EncodedPosts, repeats: NDArray[np.int64], recipe: Recipe) -> list[Stage]:
    """The whole run: epochs on marked words alone, if the recipe has any, then epochs on everything."""
    lengths = posts.lengths()
    stages: list[Stage] = []
    if recipe.rationale_pretraining is not None:
        marked = posts.with_rationale()
        repeats_of_marked = np.ones(len(marked), dtype=np.int64)
        for epoch in range(recipe.rationale_pretraining.epochs):
            # Epochs count from below: the order of the main epochs must not depend on this stage.
            plan = plan_epoch(
                lengths[marked],
                repeats_of_marked,
                batch_posts=recipe.batch_posts,
                seed=recipe.seed,
                epoch=1000 + epoch,
            )
            batches = [[int(marked[place]) for place in batch] for batch in plan]
            stages.append(Stage(batches, {**dict.fromkeys(TERM_ORDER, 0.0), "rationale": 1.0}, "first"))
    weights = dict.fromkeys(TERM_ORDER, 0.0) | recipe.head_weights | recipe.side_weights.model_dump()
    weights["pairing"] = recipe.swaps.weight if recipe.swaps else 0.0
    for epoch in range(recipe.epochs):
        plan = plan_epoch(lengths, repeats, batch_posts=recipe.batch_posts, seed=recipe.seed, epoch=epoch)
        stages.append(Stage(plan, weights, "main"))
    if recipe.finishing is not None:
        shown = finishing_repeats(posts, repeats, recipe.finishing, recipe.seed)
        plan = plan_epoch(lengths, shown, batch_posts=recipe.batch_posts, seed=recipe.seed, epoch=2000)
        stages.append(Stage(plan, {**weights, "rationale": recipe.finishing.rationale}, "last"))
    return stages


def finishing_repeats(
    posts: EncodedPosts, repeats: NDArray[np.int64], finishing: Finishing, seed: int
) -> NDArray[np.int64]:
    """1 for each post that the last stage shows again, else 0. Copies: 0.

    Every post with marked words, of which there are few, and a seeded share of each corpus.
    """
    draw = np.random.default_rng([seed, 2000])
    shares = np.asarray([finishing.shares.get(name, 0.0) for name in posts.names])
    if finishing.rationale > 0:
        shares[posts.with_rationale()] = 1.0
    return ((draw.random(len(shares)) < shares) & (repeats > 0)).astype(np.int64)


def optimiser_for(network: HateNetwork, recipe: Recipe) -> AdamW:
    """AdamW with the heads on their own learning rate, and no decay on vectors (biases, normalisation)."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        is_head = not name.startswith("encoder.")
        groups.setdefault((is_head, parameter.ndim > 1), []).append(parameter)
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


def step_factor(step: int, stages: Sequence[Stage], recipe: Recipe) -> float:
    """The learning rate at `step` of the whole run as a share of its peak; each part has its own ramp."""
    start, peak = 0, {"first": 1.0, "main": 1.0, "last": 1.0}
    if recipe.rationale_pretraining is not None:
        peak["first"] = recipe.rationale_pretraining.rate_share
    if recipe.finishing is not None:
        peak["last"] = recipe.finishing.rate_share
    for part, share in peak.items():
        steps = sum(len(stage.batches) for stage in stages if stage.part == part)
        if step < start + steps:
            return share * rate_factor(step - start, steps, recipe.warmup_share)
        start += steps
    return 0.0


def step_seed(seed: int, step: int, process: int) -> int:
    """The seed of dropout at one step in one process, so that a resumed run draws what it would have."""
    digest = hashlib.sha256(f"{seed}:{step}:{process}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def finetune(
    network: HateNetwork,
    posts: EncodedPosts,
    repeats: NDArray[np.int64],
    recipe: Recipe,
    run: RunFolder,
    fingerprint: str,
    *,
    stop_after_steps: int | None = None,
) -> HateNetwork | None:
    """The trained network, or None if `stop_after_steps` ended the run early (a later call goes on).

    Exact resume: batch order is a function of seed and epoch, the learning rate of the step, dropout
    of seed, step and process; the checkpoint holds weights, their average and the optimiser.
    """
    accelerator = Accelerator(mixed_precision=recipe.precision, cpu=not torch.cuda.is_available())
    trained_with_code(run)
    stages = plan_stages(posts, repeats, recipe)
    steps = sum(len(stage.batches) for stage in stages)
    optimiser = optimiser_for(network, recipe)
    average = _average_of(network, recipe)
    done = load_newest(run.checkpoints, network, optimiser, fingerprint, average)
    wrapped, optimiser = accelerator.prepare(network, optimiser)
    if average is not None:
        average.to(accelerator.device)
    progress = done or Progress(step=0, epoch=0, batch=0, fingerprint=fingerprint)
    wrapped.train()
    meter = _Meter(run.log)
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )

    def save() -> None:
        if accelerator.is_main_process:
            inner = getattr(optimiser, "optimizer", optimiser)  # accelerate wraps the optimiser
            save_checkpoint(run.checkpoints, accelerator.unwrap_model(wrapped), inner, progress, average)

    with Bar(*columns, disable=not accelerator.is_main_process) as bar:
        shown = bar.add_task("training", total=steps, completed=progress.step, note="")
        while progress.epoch < len(stages):
            stage = stages[progress.epoch]
            if stage.part == "last" and progress.batch == 0:
                _begin_last_stage(accelerator, wrapped, average, run)
            weights = torch.tensor([stage.weights[term] for term in TERM_ORDER], device=accelerator.device)
            for number in range(progress.batch, len(stage.batches)):
                torch.manual_seed(step_seed(recipe.seed, progress.step, accelerator.process_index))
                factor = step_factor(progress.step, stages, recipe)
                rows = stage.batches[number]
                loss = _step(accelerator, wrapped, optimiser, posts, rows, weights, factor, recipe)
                progress = Progress(progress.step + 1, progress.epoch, number + 1, fingerprint)
                if average is not None and _is_averaged(progress.step, steps, recipe):
                    average.update_parameters(accelerator.unwrap_model(wrapped))
                if accelerator.is_main_process:
                    bar.update(shown, completed=progress.step, note=meter.note(progress, loss, len(rows)))
                if progress.step % recipe.checkpoint_steps == 0:
                    save()
                if stop_after_steps is not None and progress.step >= stop_after_steps:
                    return None
            progress = Progress(progress.step, progress.epoch + 1, 0, fingerprint)
    save()
    accelerator.wait_for_everyone()
    return _what_ships(accelerator, wrapped, average, posts, recipe, run)


def _what_ships(
    accelerator: Accelerator,
    wrapped: nn.Module,
    average: AveragedModel | None,
    posts: EncodedPosts,
    recipe: Recipe,
    run: RunFolder,
) -> HateNetwork:
    """The average if there is one; after a last stage, blended with what that stage began with."""
    # Without the wrapper: it would keep autocast on, and "full precision" below would be bf16.
    trained: HateNetwork = accelerator.unwrap_model(wrapped, keep_fp32_wrapper=False)
    if average is not None and int(average.n_averaged) > 0:
        trained = cast(HateNetwork, average.module)
    trained = trained.cpu().eval()
    if recipe.finishing is not None:
        before = torch.load(run.before_last, map_location="cpu", weights_only=True)
        blend(trained, before, recipe.finishing.blend)
        if accelerator.is_main_process and len(posts.with_rationale()) and recipe.finishing.rationale > 0:
            fit_rationale_head(trained, posts)
    return trained


def _begin_last_stage(
    accelerator: Accelerator, wrapped: nn.Module, average: AveragedModel | None, run: RunFolder
) -> None:
    """The last stage goes on from the average, if there is one, and keeps what it began with."""
    network = accelerator.unwrap_model(wrapped)
    if average is not None and int(average.n_averaged) > 0:
        network.load_state_dict(average.module.state_dict())
    if accelerator.is_main_process:
        torch.save(network.state_dict(), run.before_last)


def blend(network: HateNetwork, before: dict[str, Tensor], share: float) -> None:
    """Moves the weights back towards `before`: `share` of theirs stays, in place."""
    state = network.state_dict()
    for name, value in state.items():
        if value.is_floating_point():
            state[name] = torch.lerp(before[name], value, share)
    network.load_state_dict(state)


def _average_of(network: HateNetwork, recipe: Recipe) -> AveragedModel | None:
    if recipe.averaging is None:
        return None
    blend = get_ema_multi_avg_fn(recipe.averaging.decay)  # type: ignore[no-untyped-call]  # torch has no types for it
    return AveragedModel(network, multi_avg_fn=blend)


def _is_averaged(step: int, steps: int, recipe: Recipe) -> bool:
    rule = recipe.averaging
    return rule is not None and step >= rule.from_share * steps and step % rule.every_steps == 0


def _step(
    accelerator: Accelerator,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    posts: EncodedPosts,
    rows: list[int],
    weights: Tensor,
    factor: float,
    recipe: Recipe,
) -> float:
    """One optimiser step on this process's share of the batch. Returns the share's loss."""
    world, rank = accelerator.num_processes, accelerator.process_index
    counts = torch.from_numpy(posts.counts(rows)).to(accelerator.device)  # (t,), whole batch
    share = rows[rank::world] or rows[:1]
    batch = posts.batch(share).to(accelerator.device)
    with accelerator.autocast():
        outputs = network(batch.ids, batch.mask, batch.corpora)
    sums = term_sums(outputs, batch, recipe.presumed_q)
    if not rows[rank::world]:
        sums = sums * 0.0  # more processes than posts: take part in the exchange, add nothing
    # Gradients are averaged over processes, so each share counts `world` times.
    loss = weighted_loss(sums, counts, weights) * world
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(network.parameters(), recipe.clip_norm)
    for group in optimiser.param_groups:
        group["lr"] = group["initial_lr"] * factor
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


class _Meter:
    """Writes the log and gives the progress bar its note."""

    def __init__(self, log: Path) -> None:
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
