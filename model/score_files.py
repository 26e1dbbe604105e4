"""`watchhouse score`: posts from files, scores and routes out, one row for one row, in order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from model.bundle import Bundle, default_bundle_folder
from model.classifier import Classifier, Scores
from model.configuration import configs_folder
from model.errors import BadConfig, BadInput
from model.explaining import COLUMN, Explain, explainer, with_explanations
from model.language import ANY_LANGUAGE, Language, check_languages, unread_language
from model.onnx_classifier import OnnxClassifier
from model.policy import Policy, load_policy, route, route_unread_language
from model.post_files import PostRow, read_posts
from model.score_output import OutputRow, open_output
from model.text_notes import END_NOT_READ, notes_of

ROWS_PER_CHUNK = 1024
"""Rows in memory at a time: enough to group texts by length, whatever the size of the input."""

ROWS_PER_EXPLAINED_CHUNK = 64
"""Fewer where rows are explained: a thousand posts take occlusion minutes, and the first row should not."""


def score_files(
    files: Sequence[str],
    *,
    bundle: Path | None,
    out: Path | None,
    policy: Path | None,
    explain: str | None = None,
    language: str | None = None,
) -> int:
    """The exit status: 0 if all rows were good, 1 if any was bad (each then says why in its place).

    A row in a language that the bundle does not read is no bad row: it says so in place of scores;
    `language` "any" has every row scored instead. `explain` is `rationale` or `occlusion`: every row
    then has the member `explanation`.

    Raises: BadFile, BadConfig, BundleRefused when there is nothing to start with.
    """
    if language not in (None, "any"):
        raise BadConfig("--language: must be any, or be left out", field="language")
    chosen_policy = load_policy(policy or configs_folder() / "policy" / "officer.yaml")
    classifier = OnnxClassifier(Bundle.load(bundle or default_bundle_folder()))
    languages = (ANY_LANGUAGE,) if language else classifier.languages
    check_languages(languages)
    explain_texts = explainer(explain, classifier)
    try:
        done, bad, unread = _score_all(
            read_posts(files), classifier, chosen_policy, out, explain_texts, languages
        )
    except BrokenPipeError:
        # The reader of our pipe (head, less) has enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if unread:
        sys.stderr.write(
            f"watchhouse: {unread} of {done} rows not scored: in a language the model does not read\n"
        )
    if bad:
        sys.stderr.write(f"watchhouse: {bad} of {done} rows could not be scored\n")
    return 1 if bad else 0


def _score_all(
    posts: Iterator[PostRow],
    classifier: Classifier,
    policy: Policy,
    out: Path | None,
    explain: Explain | None,
    languages: Sequence[str],
) -> tuple[int, int, int]:
    """How many rows there were, how many bad ones, and how many in a language that is not read."""
    done = bad = unread = 0
    most = ROWS_PER_EXPLAINED_CHUNK if explain else ROWS_PER_CHUNK
    with open_output(out, (COLUMN,) if explain else ()) as output, _progress(out) as advance:
        while chunk := list(islice(posts, most)):
            rows = score_chunk(chunk, classifier, policy, languages)
            output.write(with_explanations(rows, chunk, explain))
            done += len(chunk)
            bad += sum("error" in row for row in rows)
            unread += sum("not_scored" in row for row in rows)
            advance(len(chunk))
    return done, bad, unread


def score_chunk(
    chunk: Sequence[PostRow], classifier: Classifier, policy: Policy, languages: Sequence[str]
) -> list[OutputRow]:
    """One output row for each post row, in order; texts in none of `languages` are not scored."""
    unread = [None if row.fault else unread_language(row.text, languages) for row in chunk]
    to_score = [at for at, row in enumerate(chunk) if row.fault is None and unread[at] is None]
    scores, refused = _score_what_can_be([chunk[at].text for at in to_score], classifier)
    faults = {to_score[place]: fault for place, fault in refused.items()}
    places = {at: place for place, at in enumerate(at for at in to_score if at not in faults)}
    rows: list[OutputRow] = []
    for at, row in enumerate(chunk):
        if (fault := row.fault or faults.get(at)) is not None:
            found: dict[str, Any] = {"error": fault.code, "message": fault.message}
        elif (language := unread[at]) is not None:
            found = _not_scored(language, policy)
        else:
            found = _scored(row.text, scores, places[at], classifier.thresholds, policy)
        rows.append({"id": row.id, **found, "bundle": scores.bundle_id})
    return rows


def _score_what_can_be(texts: Sequence[str], classifier: Classifier) -> tuple[Scores, Mapping[int, BadInput]]:
    """The scores of the texts that the classifier takes, and by its place the fault of each other one.

    It refuses a text of which its tokenizer leaves nothing; which one, only texts alone can tell.
    """
    try:
        return classifier.score(texts), {}
    except BadInput:
        refused = {place: fault for place, text in enumerate(texts) if (fault := _refusal(text, classifier))}
    return classifier.score([text for place, text in enumerate(texts) if place not in refused]), refused


def _refusal(text: str, classifier: Classifier) -> BadInput | None:
    try:
        classifier.score([text])
    except BadInput as fault:
        return fault
    return None


def _not_scored(language: Language, policy: Policy) -> dict[str, Any]:
    routed = route_unread_language(language, policy)
    return {
        "scores": None,
        "not_scored": "language",
        "language": language.code,
        "route": routed.route,
        "reason": routed.reason,
    }


def _scored(
    text: str, scores: Scores, place: int, thresholds: Mapping[str, float], policy: Policy
) -> dict[str, Any]:
    """Scores, route and reason; `window` and `notes` only where there are any."""
    notes = [*notes_of(text), *([END_NOT_READ] if place in scores.cut else [])]
    by_head = scores.row(place)
    routed = route(by_head, policy, thresholds, notes)
    found: dict[str, Any] = {"scores": by_head, "route": routed.route, "reason": routed.reason}
    if (window := scores.window(place)) is not None:
        found["window"] = list(window)
    if notes:
        found["notes"] = notes
    return found


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
