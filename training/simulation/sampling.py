"""What the sampler is worth: its labels beside random ones, on streams of corpora that were left out.

For each corpus in turn a fast baseline learns from all the others. The corpus, thinned and mixed with
background traffic to a natural rate of hate, is the stream: a part of it is tested on, the rest is the
pool. Labels come in batches; after each the baseline is fitted again. Everything a label answers (`hate`
and the strands that the corpus was annotated for) is answered at once, as at the desk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from model.configuration import sha256_of
from model.errors import BadConfig
from training.simulation.baseline import warm_start
from training.simulation.desk import OpenDesk
from training.simulation.labelling_run import run_stream
from training.simulation.plan import load_simulation_plan
from training.simulation.results import SCHEMA_VERSION, write_results
from training.simulation.sampling_output import draw_curves, print_sampling
from training.simulation.streams import StreamKind, make_stream, read_posts, warm_start_posts
from training.simulation.vectors import Embedder, encoder_vectors

KINDS: tuple[StreamKind, ...] = get_args(StreamKind)


def simulate_sampling(
    data: Path,
    open_desk: OpenDesk,
    *,
    plan_path: Path | None = None,
    out: Path | None = None,
    picture: Path | None = None,
    seeds: Sequence[int] = (),
    embed: Embedder | None = None,
) -> list[dict[str, Any]]:
    """The rows of the simulation, which are printed, and written to `out` and drawn to `picture` if given.

    `open_desk` is the sampler. With `seeds` only these of the plan; `embed` None: the plan's encoder. The
    first row says what was run; every other is a stream, a head and a seed. Raises: BadConfig.
    """
    plan, plan_sha256 = load_simulation_plan(plan_path)
    if not set(seeds) <= set(plan.seeds):
        raise BadConfig("seeds: not all in the plan")
    progress = Console(stderr=True)
    posts = read_posts(plan, data, embed or encoder_vectors(plan.representation), _teller(progress))
    rows = []
    for corpus in plan.held_out:
        progress.print(f"{corpus} left out", highlight=False)
        known = warm_start_posts(plan, posts, corpus)
        start = warm_start(known.vectors, known.labels, plan.warm_start.inverse_penalty)
        for kind in KINDS:
            for seed in seeds or plan.seeds:
                stream = make_stream(plan, posts, corpus, kind, seed)
                rows += [] if stream is None else run_stream(plan, stream, start, open_desk, seed)
    first = {
        "schema_version": SCHEMA_VERSION,
        "simulation": "sampling",
        "plan": {"version": plan.version, "sha256": plan_sha256},
        "manifest_sha256": sha256_of((data / "MANIFEST.csv").read_bytes()),
        "sampled_labels": plan.sampled_labels,
        "random_labels": plan.random_labels,
        "bootstrap_draws": plan.bootstrap_draws,
    }
    found = [first, *rows]
    if out is not None:
        write_results(found, out)
    if picture is not None:
        draw_curves(found, picture)
    print_sampling(found, Console())
    return found


def _teller(progress: Console) -> Callable[[str], None]:
    return lambda what: progress.print(what, highlight=False)
