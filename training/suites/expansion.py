"""From templates to cases: at most three fillings of each template, the same in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from model.errors import BadConfig
from model.normalise import normalise_text
from model.suite import FunctionalityWords, Suite, SuiteCase, with_own_sha256
from model.taxonomy import Strand
from training.corpora.overlap import text_key
from training.suites.definition import (
    SLOT,
    Functionality,
    SuiteDefinition,
    has_stray_brace,
    load_definition,
    slots_of,
)

CASES_PER_TEMPLATE = 3
"""More fillings of one wording say little that is new: they stand or fall together."""

GROUPS = {Strand.ANTISEMITIC: "Jews", Strand.ISLAMOPHOBIC: "Muslims"}
"""Whom the cases of a strand are about; far-right cases are about no one group."""

NAMES_NO_GROUP = frozenset({"homonym", "name"})
"""Kinds whose words only look as if they spoke of the group."""


def build_suite(path: Path) -> Suite:
    """The suite of a YAML file, expanded. Raises: BadConfig."""
    return expand(load_definition(path))


def expand(definition: SuiteDefinition) -> Suite:
    """The suite's cases in the order of the file, no text twice (letters, digits and emoji compared).

    Raises: BadConfig, naming every template with a slot that is not defined, and every filler with one.
    """
    if faults := slot_faults(definition):
        raise BadConfig(f"{definition.suite}: {'; '.join(faults)}")
    seen: set[str] = set()
    cases = [
        case
        for functionality in definition.functionalities
        for place, template in enumerate(functionality.templates, start=1)
        for case in _cases(definition, functionality, place, template, seen)
    ]
    words = {
        entry.name: FunctionalityWords(entry.title, " ".join(entry.why.split()), entry.kind, entry.hateful)
        for entry in definition.functionalities
    }
    return with_own_sha256(Suite(definition.suite, definition.version, "", "en", tuple(cases), words))


def slot_faults(definition: SuiteDefinition) -> list[str]:
    """What is wrong with slots, so that nothing can be expanded: undefined ones, stray braces, nesting."""
    faults = [
        f"slots.{name}: filler {place} holds a brace"
        for name, fillers in definition.slots.items()
        for place, filler in enumerate(fillers, start=1)
        if set(filler) & set("{}")
    ]
    for entry in definition.functionalities:
        for place, template in enumerate(entry.templates, start=1):
            where = f"{entry.code} template {place}"
            faults += [f"{where}: no slot {n}" for n in slots_of(template) if n not in definition.slots]
            if has_stray_brace(template):
                faults.append(f"{where}: a brace that belongs to no slot")
    return faults


def template_id(code: str, template: str) -> str:
    """The functionality's code and a short hash of the wording: the same wherever the template stands."""
    return f"{code}-{hashlib.sha256(template.encode()).hexdigest()[:8]}"


def _cases(
    definition: SuiteDefinition, entry: Functionality, place: int, template: str, seen: set[str]
) -> Iterator[SuiteCase]:
    known_as = template_id(entry.code, template)
    made = 0
    for filling in fillings(template, definition.slots, known_as):
        text = fill(template, filling)
        key = text_key(normalise_text(text))
        if key in seen:
            continue
        seen.add(key)
        made += 1
        yield SuiteCase(
            case_id=f"{entry.code}-{place:02d}-{made}",
            text=text,
            functionality=entry.name,
            hateful=entry.hateful,
            kind=entry.kind,
            target=None if entry.kind in NAMES_NO_GROUP else GROUPS.get(definition.strand),
            strand=definition.strand,
            strand_label=entry.label_of_strand,
            speech_act=entry.speech_act.value,
            clauses=entry.clauses,
            template_id=known_as,
            hateful_under=dict(entry.hateful_under),
        )
        if made == CASES_PER_TEMPLATE:
            return


def fillings(template: str, slots: Mapping[str, Sequence[str]], seed: str) -> Iterator[dict[str, str]]:
    """Every filling of a template's slots, those first that differ in all slots from the ones before.

    Fillers come in the order of a hash of seed, slot and filler, so that each is used about as often as
    the next over a suite, and a new filler changes few of the old cases.
    """
    names = slots_of(template)
    ordered = [sorted(slots[name], key=partial(_rank, seed, name)) for name in names]
    turns = max((len(fillers) for fillers in ordered), default=1)
    done: set[tuple[str, ...]] = set()
    for turn in range(turns):
        chosen = tuple(fillers[turn % len(fillers)] for fillers in ordered)
        if chosen not in done:
            done.add(chosen)
            yield dict(zip(names, chosen, strict=True))
    for chosen in sorted(product(*ordered), key=lambda chosen: _rank(seed, *chosen)):
        if chosen not in done:
            yield dict(zip(names, chosen, strict=True))


def fill(template: str, filling: Mapping[str, str]) -> str:
    """The template with the fillers in its slots; a slot that stands twice says the same twice."""
    return SLOT.sub(lambda slot: filling[slot[1]], template)


def _rank(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
