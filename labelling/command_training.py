"""`watchhouse label export --for-training` and `--for-gate`: what may train, and what may judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from labelling.command import COMMAND
from labelling.firewall import load_firewall
from labelling.interchange.whole_files import whole_file
from labelling.training_set import GoldF1, gate_set, keep_quarantine, training_set
from model.admission import AdmissionSlip, slip_path, write_slip
from model.configuration import sha256_of
from model.records import LabelledPost, to_line
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.administration import open_home
from serve.storage.identifiers import utc_now

WORDS: Mapping[str, str] = {
    "not_a_label": "no label: a report or a decision",
    "protected_audit": "the text is in an audit that judges bundles",
    "protected_gold": "the text is gold",
    "reported_by_the_same_person": "whoever labelled the text had reported it",
    "person_fails_gold": "the person is right on too few gold posts",
    "person_against_the_others": "the person contradicts the others on most texts",
    "resting": "too new: labels rest before they train",
    "too_few_people": "fewer than two people answered",
    "people_disagree": "no two people agree against the others",
    "source_over_its_share": "its source would be more than its share of the training set",
    "gold_would_fall": "F1 on the gold set would fall too far",
}
"""The firewall's reasons in words."""


def export_for_training(
    home: Path,
    out: Path,
    *,
    other_posts: int = 0,
    gold_f1: GoldF1 | None = None,
    firewall: Path | None = None,
    console: Console | None = None,
) -> AdmissionSlip:
    """Writes the posts that may train, one a text, and the slip that training asks for, beside them.

    What is held back is printed by reason and kept in the hub with its reason. `other_posts` are those of the
    corpora that train beside them: a source's share is of the whole. With `gold_f1` nothing is let through
    that costs the gold set too much.

    Raises: BadConfig for the rules, BadFile when `out` cannot be written.
    """
    rules, rules_sha256 = load_firewall(firewall)
    _, database = open_home(home)
    try:
        with database.write() as session:
            now = utc_now()
            found = training_set(session, rules, now=now, other_posts=other_posts, gold_f1=gold_f1)
            keep_quarantine(session, found.admission, now)
            counts = found.admission.counts
            slip = AdmissionSlip(
                file_sha256=_write(found.posts, out),
                rules=f"firewall {rules.version} of {rules.valid_from}",
                rules_sha256=rules_sha256,
                made_at=now.isoformat(),
                texts=len(found.posts),
                labels=counts.pop("admitted"),
                held_back=dict(sorted(counts.items())),
                largest_source=found.largest_source,
                source_at_most=rules.source_at_most,
                gold=found.gold,
            )
            write_slip(slip, out)
            record(
                session,
                actor=COMMAND,
                event=Event.LABELS_EXPORTED,
                subject="for training",
                details={
                    "labels": slip.labels,
                    "texts": slip.texts,
                    "held_back": sum(slip.held_back.values()),
                    "file": out.name[:200],
                    "file_sha256": slip.file_sha256,
                    "rules_sha256": rules_sha256,
                },
                at=now,
            )
    finally:
        database.close()
    print_slip(slip, console or Console())
    return slip


def export_for_gate(home: Path, out: Path, *, console: Console | None = None) -> int:
    """Writes the running audit's posts that may judge bundles, for `watchhouse gate --gold`; how many.

    Raises: BadFile when `out` cannot be written.
    """
    rules, _ = load_firewall()
    _, database = open_home(home)
    try:
        with database.write() as session:
            found = gate_set(session, rules)
            digest = _write(found.posts, out)
            record(
                session,
                actor=COMMAND,
                event=Event.LABELS_EXPORTED,
                subject="for the gate",
                details={"texts": len(found.posts), "file": out.name[:200], "file_sha256": digest},
                at=utc_now(),
            )
    finally:
        database.close()
    said = console or Console()
    said.print(f"{len(found.posts)} texts of the audit may judge a bundle", highlight=False)
    _print_counts("Left out", {WORDS.get(why, why): count for why, count in found.left_out.items()}, said)
    return len(found.posts)


def _write(posts: Iterable[LabelledPost], out: Path) -> str:
    """Writes the file and returns its SHA-256. A slip of what stood there before does not outlive it."""
    content = b"".join(to_line(post).encode() + b"\n" for post in posts)
    slip_path(out).unlink(missing_ok=True)
    with whole_file(out) as file:
        file.write(content)
    return sha256_of(content)


def print_slip(slip: AdmissionSlip, console: Console) -> None:
    """Prints what may train and what is held back, by reason."""
    console.print(f"{slip.labels} labels of {slip.texts} texts may train ({slip.rules})", highlight=False)
    _print_counts("Held back", {WORDS[why]: count for why, count in slip.held_back.items()}, console)
    if slip.gold is None:
        console.print("The gold set was not asked: --gold with --data does.", highlight=False)
    else:
        console.print(
            f"F1 on {slip.gold.posts} gold posts: {slip.gold.before:.3f} without these labels, "
            f"{slip.gold.after:.3f} with them; it may fall by {slip.gold.may_fall:.3f}",
            highlight=False,
        )


def _print_counts(title: str, counts: Mapping[str, int], console: Console) -> None:
    if not counts:
        return
    table = Table(title=title)
    table.add_column("why")
    table.add_column("labels", justify="right")
    for why, count in Counter(counts).most_common():
        table.add_row(why, f"{count}")
    console.print(table)
