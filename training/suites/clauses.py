"""What a suite may name of the codebook: clauses, the lines of what a strand leaves out, definition profiles.

The hub has its own, whole shape of the codebook; training reads of the same file what it needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from model.configuration import configs_folder, load_yaml
from model.taxonomy import Strand
from training.suites.definition import Functionality

EXCLUDE = re.compile(r"exclude:([1-9][0-9]*)")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Clause(_Part):
    """A code of the codebook; one that is not `hate_alone` makes no hate by itself."""

    code: str
    hate_alone: bool = True


class StrandClauses(_Part):
    """The clauses of a strand, and what it leaves out."""

    value: Strand
    exclude: tuple[str, ...]
    codes: tuple[Clause, ...]


class Profile(_Part):
    """A definition of a strand, and the clauses that it leaves out."""

    value: str
    strand: Strand
    leaves_out: tuple[str, ...] = ()


class HateRule(_Part):
    """The speech acts that can be hate at all."""

    hateful_speech_acts: tuple[str, ...]


class CodebookClauses(_Part):
    """The part of a codebook version that suites refer to."""

    version: str
    strands: tuple[StrandClauses, ...]
    definition_profiles: tuple[Profile, ...]
    hate_rule: HateRule

    def faults(self, entry: Functionality, strand: Strand) -> Iterator[str]:
        """What the codebook says against a functionality of a suite for `strand`."""
        of_strand = next(part for part in self.strands if part.value == strand)
        own = {clause.code: clause for clause in of_strand.codes}
        known = {clause.code for part in self.strands for clause in part.codes}
        codes = [name for name in entry.clauses if not name.startswith("exclude:")]
        for name in entry.clauses:
            left_out = EXCLUDE.fullmatch(name)
            if name not in known and not (left_out and int(left_out[1]) <= len(of_strand.exclude)):
                yield f"clauses: {name}: not in codebook {self.version}"
        if entry.hateful and not codes:
            yield "clauses: a hateful functionality names a clause that it meets"
        if entry.label_of_strand and not own.keys() & set(codes):
            yield f"clauses: the strand's label is 1, and none is a clause of {strand.value}"
        if entry.hateful and codes and all(name in own and not own[name].hate_alone for name in codes):
            yield f"clauses: {' and '.join(codes)} alone is not hate"
        if entry.hateful and entry.speech_act.value not in self.hate_rule.hateful_speech_acts:
            yield f"speech_act: {entry.speech_act.value} is never hate by the codebook's rule"
        if entry.label_of_strand and not entry.hateful:
            yield "strand_label: 1 needs hateful: true, by the codebook's rule"
        profiles = {profile.value for profile in self.definition_profiles if profile.strand == strand}
        for name in sorted(entry.hateful_under.keys() - profiles):
            yield f"hateful_under: {name}: no definition profile of {strand.value}"

    def unsaid_profiles(self, entry: Functionality, strand: Strand) -> Iterator[str]:
        """The profiles that leave out every clause of a hateful functionality that says nothing of them."""
        codes = {name for name in entry.clauses if not name.startswith("exclude:")}
        for profile in self.definition_profiles:
            leaves_all = entry.hateful and codes and codes <= set(profile.leaves_out)
            if profile.strand == strand and leaves_all and profile.value not in entry.hateful_under:
                yield profile.value


def load_clauses(version: str) -> CodebookClauses | None:
    """That version among `configs/codebook/`, or None. Raises: BadConfig."""
    for path in sorted((configs_folder() / "codebook").glob("codebook-*.yaml")):
        codebook, _ = load_yaml(path, CodebookClauses)
        if codebook.version == version:
            return codebook
    return None
