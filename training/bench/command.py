"""`watchhouse evaluate`: targets in, one report out."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from model.bundle import Bundle, default_bundle_folder
from model.configuration import sha256_of
from model.errors import BadConfig
from training.bench.printing import print_report
from training.bench.results import Measurement, Posts, Say, measure_target
from training.bench.suites_chosen import chosen_suites
from training.corpora.mixture import Mixture, build_mixture
from training.evaluation.clusters import family
from training.evaluation.comparison import Comparison, compare_targets, holm
from training.evaluation.figures import recipe_of, refuse_other_data
from training.evaluation.group_rules import load_groups
from training.report.against import compare_reports
from training.report.peers import peer_rows
from training.report.writing import read_report, write_report
from training.targets import open_target
from training.targets.bundle_target import BundleTarget
from training.targets.endpoints import EndpointTarget
from training.targets.predictions import PredictionsTarget
from training.targets.protocol import Target


def evaluate_targets(
    specs: Sequence[str],
    *,
    data: Path,
    suites: Sequence[Path] = (),
    groups: Path | None = None,
    out: Path | None = None,
    against: Path | None = None,
    labels: Sequence[Path] = (),
    plots: Path | None = None,
) -> dict[str, Any]:
    """The report on every target, on the same posts; printed, and written to `out` if given.

    `specs` as `open_target` takes them; none: the bundle that ships. `against` is an earlier report.json.
    The dev posts of a bundle are rebuilt from the recipe that it carries, from the very data it was made
    from: `labels` must be those it was trained with. Where they cannot be told apart it says so, and the
    bundle is measured as others' classifiers are.
    Raises: BadConfig, BadInput, BundleRefused, Unavailable.
    """
    started = time.monotonic()
    console, progress = Console(), Console(stderr=True)
    if out is not None and out.exists() and not out.is_dir():
        raise BadConfig(f"{out}: is a file; the report wants a folder", field="out")
    earlier = None if against is None else read_report(against)
    targets = named_targets([open_target(spec) for spec in specs or [str(default_bundle_folder())]])
    chosen = chosen_suites(suites, data)
    rules = load_groups(groups)

    def say(words: str) -> None:
        progress.print(Text(words, style="dim"))

    measured: dict[str, Measurement] = {}
    for name, target in targets.items():
        mixture = _dev_of(target, data, labels, say)
        pictures = plots / name if plots is not None and len(targets) > 1 else plots
        posts = Posts(data, chosen, rules, mixture, pictures)
        measured[name] = measure_target(target, posts, say)
    report: dict[str, Any] = {
        "schema_version": 1,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": {"commit": _commit(), "version": version("watchhouse")},
        "data": {"manifest_sha256": sha256_of((data / "MANIFEST.csv").read_bytes())},
        "targets": [{**_facts(target), "name": name} for name, target in targets.items()],
        "suites": [
            {
                "name": suite.name,
                "version": suite.version,
                "sha256": suite.sha256,
                "cases": len(suite.cases),
                "language": suite.language,
            }
            for suite in chosen
        ],
        "results": {
            name: {**measured[name].result, "card": _card(target)} for name, target in targets.items()
        },
        "comparisons": [found.as_json() for found in comparisons(measured)],
        "peers": [row.model_dump(mode="json") for row in peer_rows()],
    }
    report["seconds"] = round(time.monotonic() - started, 1)
    if earlier is not None:
        report["against"] = compare_reports(report, earlier)
    skipped = {name: found.skipped for name, found in measured.items()}
    unanswered = {name: target.unanswered for name, target in targets.items()}
    print_report(report, skipped, unanswered, console)
    if out is not None:
        for path in write_report(report, out):
            console.print(Text(f"written: {path}"))
    return report


def comparisons(measured: Mapping[str, Measurement]) -> list[Comparison]:
    """Every pair of targets on every suite, whole templates drawn; Holm's correction is over all of them."""
    found: list[Comparison] = []
    for name in next(iter(measured.values())).suites if measured else ():
        suite = next(iter(measured.values())).suites[name].suite
        templates = [family(case) for case in suite.cases]
        right = {target: measurement.suites[name].right for target, measurement in measured.items()}
        found += compare_targets(right, f"suite:{name}", templates=templates)
    return holm(found)


def named_targets(targets: Sequence[Target]) -> dict[str, Target]:
    """The targets by the names that they have in the report: of one name, each with its identity behind it.

    Raises: BadConfig for the same target twice, and for one that does not answer for `hate`.
    """
    called = Counter(target.name for target in targets)
    found: dict[str, Target] = {}
    for target in targets:
        if "hate" not in target.heads:
            raise BadConfig(
                f"target: {target.name} answers for {', '.join(target.heads)}, and suites are judged by hate"
            )
        name = target.name if called[target.name] == 1 else f"{target.name} ({target.identity})"
        if name in found:
            raise BadConfig(f"target: {name} is there twice")
        found[name] = target
    return found


def _dev_of(target: Target, data: Path, labels: Sequence[Path], say: Say) -> Mixture | None:
    """What a bundle was trained with and left out; None, and a word to the user, where that is gone."""
    if not isinstance(target, BundleTarget):
        return None
    say(f"{target.name}: rebuilding the dev posts")
    try:
        mixture = build_mixture(recipe_of(target.bundle.folder), data, labels, drop_near_duplicates=False)
        refuse_other_data(target.bundle, mixture)
    except BadConfig as fault:
        say(f"{target.name}: measured without its dev posts: {fault.message}")
        return None
    return mixture


def _facts(target: Target) -> dict[str, Any]:
    bundle: Bundle | None = target.bundle if isinstance(target, BundleTarget) else None
    kinds = ((BundleTarget, "bundle"), (EndpointTarget, "endpoint"), (PredictionsTarget, "predictions"))
    return {
        "name": target.name,
        "identity": target.identity,
        "kind": next((kind for one, kind in kinds if isinstance(target, one)), "hugging_face"),
        "heads": list(target.heads),
        "thresholds": {head: float(value) for head, value in target.thresholds.items()},
        "normaliser_version": None if bundle is None else bundle.manifest.get("normaliser_version"),
    }


def _card(target: Target) -> str | None:
    return (
        (target.bundle.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
        if isinstance(target, BundleTarget)
        else None
    )


def _commit() -> str | None:
    """The commit of the code, where it runs from a checkout of its own."""
    root = Path(__file__).resolve().parents[2]
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--show-toplevel", "HEAD"],  # noqa: S607 - whichever git this machine has
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    checkout, _, commit = found.stdout.strip().partition("\n")
    # Installed, the code may stand in the middle of somebody else's checkout.
    return commit if found.returncode == 0 and Path(checkout) == root else None
