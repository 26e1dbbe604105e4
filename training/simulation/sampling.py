"""What the sampler is worth: its labels beside random ones, on streams of corpora that were left out.

For each corpus in turn a fast baseline learns from all the others. The corpus, thinned and mixed with
background traffic to a natural rate of hate, is the stream: a part of it is tested on, the rest is the
pool. Labels come in batches; after each the baseline is fitted again. Everything a label answers (`hate`
and the strands that the corpus was annotated for) is answered at once, as at the desk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from model.configuration import sha256_of
from model.errors import BadConfig
from training.simulation.baseline import Line, warm_start
from training.simulation.desk import OpenDesk
from training.simulation.labelling_run import run_stream
from training.simulation.plan import load_simulation_plan
from training.simulation.results import SCHEMA_VERSION, kept_rows, write_results
from training.simulation.sampling_output import draw_curves, print_sampling
from training.simulation.streams import StreamKind, make_stream, read_posts, warm_start_posts
from training.simulation.vectors import Embedder, kept_vectors

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
    work: Path | None = None,
    sampler: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The rows of the simulation, which are printed, and written to `out` and drawn to `picture` if given.

    `open_desk` is the sampler, and `sampler` the hashes of all that decides what it chooses. With `seeds`
    only these of the plan; `embed` None: the plan's encoder, its vectors kept in `work`. Each stream's rows
    are kept there too: a run that was stopped goes on after the last of them. The first row says what was
    run; every other is a stream, a head and a seed. Raises: BadConfig.
    """
    plan, plan_sha256 = load_simulation_plan(plan_path)
    if not set(seeds) <= {*plan.seeds, *plan.development_seeds}:
        raise BadConfig("seeds: not all in the plan")
    progress = Console(stderr=True)
    if embed is None:
        if work is None:
            raise BadConfig("work: a folder, for the encoder's vectors")
        embed = kept_vectors(plan.representation, work / "vectors")
    posts = read_posts(plan, data, embed, _teller(progress))
    manifest_sha256 = sha256_of((data / "MANIFEST.csv").read_bytes())
    of_sampler = dict(sampler or {})
    made_by = sha256_of(repr((plan_sha256, manifest_sha256, of_sampler, code_sha256())).encode())
    kept = None if work is None else work / f"rows-{made_by[:16]}"

    @cache
    def start(corpus: str) -> tuple[Line | None, ...]:
        known = warm_start_posts(plan, posts, corpus)
        return warm_start(known.vectors, known.labels, plan.warm_start.inverse_penalty)

    def of_stream(corpus: str, kind: StreamKind, seed: int) -> list[dict[str, Any]]:
        progress.print(f"{corpus} left out, {kind}, seed {seed}", highlight=False)
        stream = make_stream(plan, posts, corpus, kind, seed)
        return [] if stream is None else run_stream(plan, stream, start(corpus), open_desk, seed)

    rows = []
    # Seed by seed, so that what a stop leaves is every corpus at some seeds.
    for seed in seeds or plan.seeds:
        for corpus in plan.held_out:
            for kind in KINDS:
                name = f"{corpus}-{kind}-{seed}"
                rows += kept_rows(kept, name, partial(of_stream, corpus, kind, seed))
    first = {
        "schema_version": SCHEMA_VERSION,
        "simulation": "sampling",
        "plan": {"version": plan.version, "sha256": plan_sha256},
        "sampler": of_sampler,
        "manifest_sha256": manifest_sha256,
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


def code_sha256() -> str:
    """The hash of this simulation's own source: rows of another version are not taken up again."""
    return sha256_of(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))


def _teller(progress: Console) -> Callable[[str], None]:
    return lambda what: progress.print(what, highlight=False)
