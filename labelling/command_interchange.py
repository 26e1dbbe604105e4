"""`watchhouse label import` and `export --format`: labels from other tools into the hub, and out again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from labelling.batches import make_batch
from labelling.codebook import load_codebook
from labelling.command import COMMAND
from labelling.hub_records import Origin, records
from labelling.importing import Imported, import_records
from labelling.interchange.card_facts import AgreementFigure, CardFacts, load_card_facts
from labelling.interchange.collection import Collector, Counts
from labelling.interchange.command import AUTO, convert_labels, export_labels
from labelling.interchange.detection import detect_format
from labelling.interchange.formats import FOLDER, Reading, Writing, read_file
from labelling.interchange.mapping import default_mapping, load_mapping
from labelling.interchange.offsets import OffsetUnit
from labelling.interchange.quarantine import Quarantined, quarantine_path, write_quarantine
from labelling.label_rows import entries_of
from labelling.quality.report import agreement_report
from model.errors import BadInput
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.administration import open_home
from serve.storage.identifiers import utc_now
from serve.storage.tables import BatchRow

SHOWN: Final = 10
"""Quarantined entries that the table names one by one; the file has all of them."""


@dataclass(frozen=True, slots=True)
class ImportRules:
    """How a file is read, and the batch that it goes into."""

    format: str = AUTO
    mapping: Path | None = None
    pseudonym_key: bytes = b""
    purpose: str = "train"
    redundancy: int = 1
    quarantine: Path | None = None


def import_file(home: Path, file: Path, *, batch: str, rules: ImportRules) -> int:
    """Imports a file's labels into a batch of the hub, prints what became of every entry; the exit status.

    0: all of them; 1: some were quarantined, and stand with their reasons in `<file>.quarantine.jsonl` or
    where `rules.quarantine` says. The whole file is one transaction.

    Raises: BadInput for the format, the batch's name or its rules; BadFile when the file as a whole cannot be
    read; BadConfig for the mapping; Conflict where the batch stands with other rules.
    """
    name = detect_format(file) if rules.format == AUTO else rules.format
    mapping = default_mapping() if rules.mapping is None else load_mapping(rules.mapping)
    collector = Collector()
    # Read whole before the transaction: a slow disk must not keep the hub's one writer waiting.
    found = list(collector.sorted_out(read_file(file, name, Reading(mapping, rules.pseudonym_key))))
    settings, database = open_home(home)
    codebook = load_codebook(settings.codebook)
    try:
        with database.write() as session:
            now = utc_now()
            make_batch(
                session,
                codebook,
                batch=batch,
                actor=COMMAND,
                now=now,
                purpose=rules.purpose,
                redundancy=rules.redundancy,
            )
            done = import_records(
                session,
                codebook,
                found,
                batch=batch,
                origin=Origin.of(name, mapping),
                source=file.name,
                actor=COMMAND,
                now=now,
            )
    finally:
        database.close()
    return _tell(file, name, done, collector.counts, rules.quarantine or quarantine_path(file))


def _tell(file: Path, format: str, done: Imported, counts: Counts, quarantine: Path) -> int:
    sys.stdout.write(f"{file.name}: {format}: {counts.sentence()}\n{done.sentence()}\n")
    if not done.refused:
        quarantine.unlink(missing_ok=True)  # of an earlier run: it would tell of what is right now
        return 0
    write_quarantine(done.refused, quarantine)
    print_quarantine(done.refused, Console(stderr=True, width=120))
    sys.stdout.write(f"{len(done.refused)} quarantined, in {quarantine}\n")
    return 1


def print_quarantine(refused: Sequence[Quarantined], console: Console) -> None:
    """Prints the reasons with their counts, and the first entries; never what stood there."""
    table = Table(title="Quarantined (docs/interchange.md says what each reason means)")
    table.add_column("reason")
    table.add_column("entries", justify="right")
    for reason, count in Counter(one.reason for one in refused).most_common():
        table.add_row(reason, f"{count}")
    console.print(table)
    for one in refused[:SHOWN]:
        place = f"row {one.row}" if one.member is None else f"file {one.member}, row {one.row}"
        console.print(f"{place}: {one.reason}: {one.message}", highlight=False, markup=False)
    if len(refused) > SHOWN:
        console.print(f"and {len(refused) - SHOWN} more", highlight=False)


def convert_file(file: Path, out: Path, *, rules: ImportRules) -> int:
    """Writes a file's labels to `out` as our own JSONL, without a hub; the exit status as of `import_file`.

    Raises: as `import_file`, and BadFile when `out` cannot be written.
    """
    counts = convert_labels(file, out, rules.format, rules.mapping, pseudonym_key=rules.pseudonym_key)
    if not counts.quarantined:
        return 0
    sys.stdout.write(f"{counts.quarantined} quarantined, in {quarantine_path(out)}\n")
    return 1


def export_file(
    home: Path,
    out: Path,
    *,
    format: str,
    batch: str | None = None,
    card: Path | None = None,
    doccano_unit: OffsetUnit = "utf16",
) -> Counts:
    """Writes the hub's labels and skips in another tool's format, whole or not at all, and counts them.

    `huggingface` is a folder with a data card; its title and agreement are worked out if `card` has none.

    Raises: BadInput for the format or the batch; BadConfig for the card; BadFile for `out`.
    """
    facts = None if card is None else load_card_facts(card)
    settings, database = open_home(home)
    try:
        with database.write() as session:
            labelled = list(records(session, batch, ids_of=format))
            if format == FOLDER:
                facts = _facts(session, batch, facts)
            writing = Writing(
                facts=facts, codebook=load_codebook(settings.codebook), doccano_unit=doccano_unit
            )
            counts = export_labels(
                [one.item for one in labelled],
                [annotation for one in labelled for annotation in one.annotations],
                (),
                format,
                out,
                writing=writing,
            )
            record(
                session,
                actor=COMMAND,
                event=Event.LABELS_EXPORTED,
                subject=batch or "all batches",
                details={"labels": counts.labels, "file": out.name[:200], "format": format},
                at=utc_now(),
            )
    finally:
        database.close()
    return counts


def _facts(session: Session, batch: str | None, facts: CardFacts | None) -> CardFacts:
    """The card's facts, with the agreement of these labels where its author states none."""
    if facts is None:
        row = None if batch is None else session.get(BatchRow, batch)
        paradigm = "descriptive" if row is not None and row.paradigm == "descriptive" else "prescriptive"
        facts = CardFacts(title=f"Labels of a Watchhouse hub: {batch or 'all batches'}", paradigm=paradigm)
    if facts.agreement:
        return facts
    report = agreement_report(entries_of(session, batch=batch))
    figures = tuple(
        AgreementFigure(
            subject=name,
            measure="Krippendorff's alpha",
            value=found.alpha.value,
            low=found.alpha.low,
            high=found.alpha.high,
            items=found.alpha.texts,
            note=found.alpha.undefined,
        )
        for name, found in report.questions.items()
    )
    return facts.model_copy(update={"agreement": figures})


def check_one(batch: str | None, out: Path | None) -> None:
    """Passes if labels are to go to exactly one place. Raises: BadInput."""
    if (batch is None) == (out is None):
        raise BadInput("batch: a batch of the hub, or --out for a file", field="batch")
