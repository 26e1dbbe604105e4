"""What is wrong with our own suites before anybody measures with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from rich.console import Console
from rich.table import Table

from model.configuration import configs_folder
from model.errors import BadConfig
from model.suite import Suite
from model.taxonomy import Strand
from training.recipe import Recipe, load_recipe
from training.suites.clauses import load_clauses
from training.suites.definition import (
    Functionality,
    HatefulKind,
    OtherKind,
    SuiteDefinition,
    load_definition,
    slots_of,
)
from training.suites.expansion import expand, slot_faults
from training.suites.nearness import (
    near_pairs,
    near_training,
    placed_cases,
    same_texts,
    training_texts,
)

LEAST_CASES: Final = 25
LEAST_CASES_OF_ALL: Final = 1000
"""Cases of a functionality, and of all suites. Source: issue of step 3."""

BALANCED: Final = (0.4, 0.6)
"""Share of hateful cases in a suite: outside, accuracy says more of one answer than of the other."""

PREFIXES: Final = {Strand.ANTISEMITIC: "AS", Strand.ISLAMOPHOBIC: "IS", Strand.FAR_RIGHT: "FR"}
EVERY_SUITE: Final = "(all)"

Tick = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. An `error` makes the lint fail; `where` is a code, a case id or a slot, never a text."""

    level: Literal["error", "warning"]
    check: str
    suite: str
    where: str
    message: str


def lint_suites(
    paths: Sequence[Path],
    data: Path | None = None,
    recipe: Path | None = None,
    tick: Tick = lambda _what: None,
) -> list[Finding]:
    """What is wrong with the suites together; without `data`, its corpora are not compared with.

    `recipe` (default: the one that ships) says which contrast posts are made and what counts as near.
    Raises: BadConfig for a recipe, codebook or data folder that cannot be used.
    """
    findings: list[Finding] = []
    definitions: list[SuiteDefinition] = []
    for path in paths:
        try:
            definition = load_definition(path)
        except BadConfig as fault:
            findings.append(Finding("error", "schema", path.stem, "file", fault.message))
            continue
        definitions.append(definition)
        findings += _of_definition(definition, path)
    findings += _names_twice(definitions)
    findings += _contrasts(definitions)
    suites = [expand(definition) for definition in definitions if not slot_faults(definition)]
    for suite in suites:
        findings += _counts(suite)
    total = sum(len(suite.cases) for suite in suites)
    if total < LEAST_CASES_OF_ALL:
        message = f"{total} cases, at least {LEAST_CASES_OF_ALL} wanted"
        findings.append(Finding("error", "size", EVERY_SUITE, "cases", message))
    loaded = load_recipe(recipe or configs_folder() / "train" / "minilm.yaml").recipe
    return findings + list(_overlaps(suites, loaded, data, tick))


def _of_definition(definition: SuiteDefinition, path: Path) -> Iterator[Finding]:
    """Faults of one file by itself."""
    if definition.suite != path.stem.replace("-", "_"):
        message = "must be the file's name, with _ for -"
        yield Finding("error", "name", definition.suite, "suite", message)
    for where, message in _slots(definition):
        yield Finding("error", "slots", definition.suite, where, message)
    for entry in definition.functionalities:
        for check, message in _entry(entry, definition.strand):
            yield Finding("error", check, definition.suite, entry.code, message)
    yield from _clauses(definition)


def _slots(definition: SuiteDefinition) -> Iterator[tuple[str, str]]:
    for fault in slot_faults(definition):
        yield "slots", fault
    used = {
        name for entry in definition.functionalities for line in entry.templates for name in slots_of(line)
    }
    for name, fillers in definition.slots.items():
        if name not in used:
            yield f"slots.{name}", "no template uses it"
        if len(set(fillers)) < len(fillers):
            yield f"slots.{name}", "a filler stands twice"


def _entry(entry: Functionality, strand: Strand) -> Iterator[tuple[str, str]]:
    if not entry.code.startswith(PREFIXES[strand]):
        yield "name", f"codes of this strand begin with {PREFIXES[strand]}"
    if entry.kind in get_args(OtherKind if entry.hateful else HatefulKind):
        yield "kind", f"{entry.kind} and hateful: {entry.hateful} contradict each other"
    if len(set(entry.templates)) < len(entry.templates):
        yield "duplicate", "a template stands twice"


def _clauses(definition: SuiteDefinition) -> Iterator[Finding]:
    suite = definition.suite
    codebook = load_clauses(definition.codebook)
    if codebook is None:
        message = f"{definition.codebook}: no such version in configs/codebook"
        yield Finding("error", "clauses", suite, "codebook", message)
        return
    for entry in definition.functionalities:
        for fault in codebook.faults(entry, definition.strand):
            yield Finding("error", "clauses", suite, entry.code, fault)
        for profile in codebook.unsaid_profiles(entry, definition.strand):
            message = f"{profile} leaves out all its clauses; say in hateful_under what it judges"
            yield Finding("warning", "clauses", suite, entry.code, message)


def _names_twice(definitions: Sequence[SuiteDefinition]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for definition in definitions:
        names = [name for entry in definition.functionalities for name in (entry.code, entry.name)]
        for name in (f"suite {definition.suite}", *names):
            if name in seen:
                yield Finding("error", "name", definition.suite, name, f"stands in {seen[name]} already")
            seen.setdefault(name, definition.suite)


def _contrasts(definitions: Sequence[SuiteDefinition]) -> Iterator[Finding]:
    entries = {entry.name: entry for part in definitions for entry in part.functionalities}
    for definition in definitions:
        for entry in definition.functionalities:
            fault = _contrast_fault(entry, entries)
            if fault is not None:
                yield Finding("error", "contrast", definition.suite, entry.code, fault)


def _contrast_fault(entry: Functionality, entries: dict[str, Functionality]) -> str | None:
    if entry.contrast is None:
        return None
    if entry.contrast not in entries:
        return f"{entry.contrast}: no such functionality in these suites"
    if entries[entry.contrast].hateful == entry.hateful:
        return f"{entry.contrast}: has the same answer, so it is no contrast"
    return None


def _counts(suite: Suite) -> Iterator[Finding]:
    cases = Counter(case.functionality for case in suite.cases)
    for name in suite.functionalities:
        if cases[name] < LEAST_CASES:
            message = f"{cases[name]} cases, at least {LEAST_CASES} wanted"
            yield Finding("error", "size", suite.name, name, message)
    share = sum(case.hateful for case in suite.cases) / max(1, len(suite.cases))
    if not BALANCED[0] <= share <= BALANCED[1]:
        message = f"{share:.0%} hateful, {BALANCED[0]:.0%} to {BALANCED[1]:.0%} wanted"
        yield Finding("warning", "balance", suite.name, "cases", message)


def _overlaps(suites: Sequence[Suite], recipe: Recipe, data: Path | None, tick: Tick) -> Iterator[Finding]:
    tick("comparing the cases with one another")
    cases = placed_cases(suites)
    for first, again in same_texts(cases):
        message = f"the same text as {first.case.case_id} ({first.suite})"
        yield Finding("error", "duplicate", again.suite, again.case.case_id, message)
    for one, other, shared in near_pairs(cases, recipe.near_duplicate_jaccard):
        message = f"shares {shared:.0%} of its words with {one.case.case_id} ({one.suite})"
        yield Finding("error", "near-duplicate", other.suite, other.case.case_id, message)
    for training in training_texts(recipe, data, tick):
        tick(f"comparing with {training.source}")
        for case, is_same in near_training(cases, training):
            near = f"shares {training.jaccard:.0%} or more of its words with a text"
            message = f"{'stands' if is_same else near} in: {training.source}"
            yield Finding("error", "training data", case.suite, case.case.case_id, message)


def print_findings(findings: Sequence[Finding], console: Console) -> bool:
    """Whether there is no error, after printing a table of what was found."""
    if findings:
        table = Table("level", "check", "suite", "where", "what")
        for finding in sorted(findings, key=lambda finding: (finding.level, finding.suite)):
            table.add_row(finding.level, finding.check, finding.suite, finding.where, finding.message)
        console.print(table)
    levels = Counter(finding.level for finding in findings)
    console.print(f"{levels['error']} errors, {levels['warning']} warnings")
    return not levels["error"]
