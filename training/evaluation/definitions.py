"""Definition diff: the same cases labelled by two definitions of a strand, and a target's verdicts on them.

Definitions disagree, and a score has to follow one of them. Here stands where they part, how many cases
change their label, and whose side a target takes on those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.errors import BadConfig
from model.suite import SuiteCase
from training.evaluation.clusters import clustered_share, family
from training.suites.clauses import Profile


class ProfileSource(BaseModel):
    """Who published a definition, and when."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    name: str
    date: str


class DefinitionProfile(Profile):
    """A definition of a strand: its name, its date and the clauses that it leaves out."""

    title: str
    source: ProfileSource


class DefinitionProfiles(BaseModel):
    """The part of a codebook version that says which definitions there are."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    version: str
    definition_profiles: tuple[DefinitionProfile, ...]


class Compared(FrozenConfig):
    """Two profiles by their names in the codebook, and why they are compared."""

    a: str
    b: str
    why: str = Field(min_length=1)


class DefinitionSettings(FrozenConfig):
    """Which definitions are compared, and how many examples are shown of each pair."""

    version: int
    valid_from: date
    codebook: str
    examples: int = Field(ge=0, le=10)
    pairs: tuple[Compared, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class DefinitionPairs:
    """Pairs of definitions of the same strand, ready to judge by, and how many examples to show."""

    pairs: tuple[tuple[DefinitionProfile, DefinitionProfile], ...]
    examples: int


def load_definition_pairs(path: Path | None = None) -> DefinitionPairs:
    """The pairs that ship, or another file's, with their profiles out of the codebook.

    Raises: BadConfig for an unknown codebook version or profile, and for a pair of different strands.
    """
    path = path or configs_folder() / "evaluation" / "definitions.yaml"
    settings, _ = load_yaml(path, DefinitionSettings)
    profiles = _profiles(settings.codebook, path)
    pairs = []
    for number, pair in enumerate(settings.pairs):
        for name in (pair.a, pair.b):
            if name not in profiles:
                raise BadConfig(f"{path}: pairs.{number}: {name} is no definition profile of the codebook")
        a, b = profiles[pair.a], profiles[pair.b]
        if a.strand != b.strand or a == b:
            raise BadConfig(f"{path}: pairs.{number}: two different profiles of one strand are wanted")
        pairs.append((a, b))
    return DefinitionPairs(tuple(pairs), settings.examples)


def _profiles(version: str, path: Path) -> dict[str, DefinitionProfile]:
    for file in sorted((configs_folder() / "codebook").glob("codebook-*.yaml")):
        found, _ = load_yaml(file, DefinitionProfiles)
        if found.version == version:
            return {profile.value: profile for profile in found.definition_profiles}
    raise BadConfig(f"{path}: codebook: no such version in configs/codebook")


def hateful_under(case: SuiteCase, profile: Profile) -> bool:
    """Whether the case is hateful by a definition: as the suite says for it, else by the clauses.

    A hateful case of which the definition leaves every clause out is not hateful by it.
    """
    if profile.value in case.hateful_under:
        return case.hateful_under[profile.value]
    left_out = bool(case.clauses) and set(case.clauses) <= set(profile.leaves_out)
    return case.hateful and not left_out


def definition_diff(
    cases: Sequence[SuiteCase], scores: NDArray[np.float32], threshold: float, settings: DefinitionPairs
) -> list[dict[str, Any]]:
    """Entries of `definition_diff`: per pair, accuracy by each definition and the cases whose label changes.

    Judged are the cases of the pair's strand; a pair without any has no entry. `scores` (n,) float32 of
    `hate`, NaN (no answer) in no accuracy. `by_functionality` and `examples` hold only cases whose label
    changes; examples are taken in turn from their functionalities, and there from their templates.
    """
    found = []
    for a, b in settings.pairs:
        inside = [place for place, case in enumerate(cases) if case.strand == a.strand]
        if inside:
            of_strand = [cases[place] for place in inside]
            found.append(_difference(of_strand, scores[inside], threshold, (a, b), settings.examples))
    return found


def _difference(
    cases: Sequence[SuiteCase],
    scores: NDArray[np.float32],
    threshold: float,
    pair: tuple[DefinitionProfile, DefinitionProfile],
    examples: int,
) -> dict[str, Any]:
    a, b = pair
    label_a = np.asarray([hateful_under(case, a) for case in cases])
    label_b = np.asarray([hateful_under(case, b) for case in cases])
    flagged, answered = scores >= threshold, np.isfinite(scores)
    groups: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for place in np.flatnonzero(label_a != label_b).tolist():
        groups[cases[place].functionality, bool(label_a[place])].append(place)
    shown = list(_in_turn([_by_family(cases, places, answered) for places in groups.values()]))
    return {
        "strand": a.strand.value,
        "profile_a": a.value,
        "profile_b": b.value,
        "words_a": f"{a.title} ({a.source.name}, {a.source.date})",
        "words_b": f"{b.title} ({b.source.name}, {b.source.date})",
        "cases": len(cases),
        "label_flips": int((label_a != label_b).sum()),
        "accuracy_a": _share(cases, flagged == label_a, answered),
        "accuracy_b": _share(cases, flagged == label_b, answered),
        "by_functionality": [
            {
                "name": name,
                "cases": len(places),
                "label_a": by_a,
                "label_b": not by_a,
                "flagged": _share([cases[p] for p in places], flagged[places], answered[places]),
            }
            for (name, by_a), places in groups.items()
        ],
        "examples": [
            {
                "case_id": cases[place].case_id,
                "text": cases[place].text,
                "label_a": bool(label_a[place]),
                "label_b": bool(label_b[place]),
                "score": round(float(scores[place]), 5),
            }
            for place in shown[:examples]
        ],
    }


def _by_family(cases: Sequence[SuiteCase], places: Sequence[int], answered: NDArray[np.bool_]) -> list[int]:
    """The answered ones of the places, one of every template before a second one of any."""
    families: dict[str, list[int]] = defaultdict(list)
    for place in places:
        if answered[place]:
            families[family(cases[place])].append(place)
    return list(_in_turn(list(families.values())))


def _in_turn(groups: Sequence[Sequence[int]]) -> Iterator[int]:
    """The first of every group, then the second of every group, and so on."""
    for row in zip_longest(*groups):
        yield from (place for place in row if place is not None)


def _share(
    cases: Sequence[SuiteCase], hits: NDArray[np.bool_], answered: NDArray[np.bool_]
) -> dict[str, Any] | None:
    families = [family(case) for case, known in zip(cases, answered, strict=True) if known]
    found = clustered_share(hits[answered], families)
    return None if found is None else found.as_json()
