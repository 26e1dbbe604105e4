"""`watchhouse label glossary`: what each coded term is worth, measured from labels."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from labelling.command import COMMAND
from labelling.glossary import MeasuredTerm, load_glossary, measured_terms, review_terms
from labelling.sampling.rules import load_sampling_rules
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.administration import open_home
from serve.storage.identifiers import utc_now


def measure_glossary(
    home: Path, *, file: Path | None = None, console: Console | None = None
) -> list[MeasuredTerm]:
    """Every term with its reviews, its precision and whether it is live; printed, and new reviews are kept.

    Raises: BadConfig for the glossary.
    """
    glossary, glossary_sha256 = load_glossary(file)
    rules = load_sampling_rules().rules.coded_terms
    _, database = open_home(home)
    try:
        with database.write() as session:
            now = utc_now()
            written = review_terms(session, glossary, now)
            found = measured_terms(session, glossary, rules, now.date())
            if written:
                record(
                    session,
                    actor=COMMAND,
                    event=Event.TERMS_MEASURED,
                    subject=f"glossary {glossary.version}",
                    details={"reviews": written, "glossary_sha256": glossary_sha256},
                    at=now,
                )
    finally:
        database.close()
    said = console or Console()
    table = Table(title=f"Coded terms, glossary {glossary.version}: {written} new reviews")
    for column in ("term", "strand", "reviews", "precision", "status", "look at it again by"):
        table.add_column(column, justify="right" if column in ("reviews", "precision") else "left")
    for one in found:
        precision = "–"
        if one.precision is not None:
            precision = f"{one.precision:.2f} [{one.low:.2f}, {one.high:.2f}]"
        name, strand = one.term.term, one.term.strand
        table.add_row(name, strand, f"{one.reviews}", precision, one.status, f"{one.term.review_by}")
    said.print(table)
    return found
