"""`watchhouse score`: posts from files, scores and routes out, one row for one row, in order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from model.bundle import Bundle, default_bundle_folder
from model.classifier import Classifier
from model.configuration import configs_folder
from model.onnx_classifier import OnnxClassifier
from model.policy import Policy, load_policy, route
from model.post_files import PostRow, read_posts
from model.score_output import OutputRow, open_output

ROWS_PER_CHUNK = 1024
"""Rows in memory at a time: enough to group texts by length, whatever the size of the input."""


def score_files(files: Sequence[str], *, bundle: Path | None, out: Path | None, policy: Path | None) -> int:
    """The exit status: 0 if every row was scored, 1 if any was not (each then says why in its place).

    Raises: BadFile, BadConfig, BundleRefused when there is nothing to start with.
    """
    chosen_policy = load_policy(policy or configs_folder() / "policy" / "officer.yaml")
    classifier = OnnxClassifier(Bundle.load(bundle or default_bundle_folder()))
    try:
        done, bad = _score_all(read_posts(files), classifier, chosen_policy, out)
    except BrokenPipeError:
        # The reader of our pipe (head, less) has enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if bad:
        sys.stderr.write(f"watchhouse: {bad} of {done} rows could not be scored\n")
    return 1 if bad else 0


def _score_all(
    posts: Iterator[PostRow], classifier: Classifier, policy: Policy, out: Path | None
) -> tuple[int, int]:
    done = bad = 0
    with open_output(out) as output, _progress(out) as advance:
        while chunk := list(islice(posts, ROWS_PER_CHUNK)):
            output.write(score_chunk(chunk, classifier, policy))
            done += len(chunk)
            bad += sum(row.fault is not None for row in chunk)
            advance(len(chunk))
    return done, bad


def score_chunk(chunk: Sequence[PostRow], classifier: Classifier, policy: Policy) -> list[OutputRow]:
    """One output row for each post row, in order."""
    scores = classifier.score([row.text for row in chunk if row.fault is None])
    thresholds = classifier.thresholds
    rows: list[OutputRow] = []
    scored = 0
    for row in chunk:
        if (fault := row.fault) is not None:
            rows.append(
                {"id": row.id, "error": fault.code, "message": fault.message, "bundle": scores.bundle_id}
            )
            continue
        by_head = scores.row(scored)
        scored += 1
        routed = route(by_head, policy, thresholds)
        rows.append(
            {
                "id": row.id,
                "scores": by_head,
                "route": routed.route,
                "reason": routed.reason,
                "bundle": scores.bundle_id,
            }
        )
    return rows


@contextmanager
def _progress(out: Path | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error if a person is watching and the rows go elsewhere; else nothing."""
    if not sys.stderr.isatty() or (out is None and sys.stdout.isatty()):
        yield lambda _rows: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} posts"), TextColumn("{task.fields[pace]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("score", total=None, pace="")

        def advance(rows: int) -> None:
            bar.update(task, advance=rows)
            speed = bar.tasks[task].speed
            bar.update(task, pace=f"{speed:,.0f} posts/s" if speed else "")

        yield advance
