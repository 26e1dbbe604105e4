"""The posts that may be labelled, as columns: all that the sampler knows of each; the text is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.errors import BadInput
from model.taxonomy import HEAD_ORDER

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

HEADS: Final = len(HEAD_ORDER)


@dataclass(frozen=True, slots=True)
class CodedTerm:
    """A term of the glossary that a post holds, and what its reviews have shown so far.

    `precision` is the share of `reviews` that were hate; None before the first.
    """

    term: str
    reviews: int = 0
    precision: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A post that may be labelled.

    `scores` are the champion's calibrated chances by HEAD_ORDER; `other_scores` those of the previous bundle
    or of a shadow, None where it has not scored the post. `overturned`: a person has decided against the
    champion. `vector` is an embedding or `hashed_ngrams`, of any length, the same for all. Posts with the
    same `cluster` are near-duplicates. `severity_units` is the expected weight of reading it.
    """

    id: str
    text_sha256: str
    scores: tuple[float, ...]
    severity_units: float
    other_scores: tuple[float, ...] | None = None
    overturned: bool = False
    vector: Sequence[float] | Floats | None = None
    cluster: str | None = None
    terms: tuple[CodedTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates as columns, one text once. `other_scores` is NaN where the other bundle has not scored.

    `scores` and `other_scores` (n, 4) float64; `severity_units` (n,) float64; `overturned` (n,) bool;
    `vectors` (n, d) float64 of length 1, or None if no candidate has one.
    """

    ids: tuple[str, ...]
    text_sha256: tuple[str, ...]
    scores: Floats
    severity_units: Floats
    other_scores: Floats
    overturned: Flags
    vectors: Floats | None = None
    clusters: tuple[str | None, ...] = ()
    terms: tuple[tuple[CodedTerm, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, kept: Flags) -> Pool:
        """The candidates for which `kept` (n,) holds, in their order."""
        places = np.flatnonzero(kept)
        return Pool(
            ids=tuple(self.ids[place] for place in places),
            text_sha256=tuple(self.text_sha256[place] for place in places),
            scores=self.scores[places],
            severity_units=self.severity_units[places],
            other_scores=self.other_scores[places],
            overturned=self.overturned[places],
            vectors=None if self.vectors is None else self.vectors[places],
            clusters=tuple(self.clusters[place] for place in places) if self.clusters else (),
            terms=tuple(self.terms[place] for place in places) if self.terms else (),
        )

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> Pool:
        """The candidates in their order; of several with one text the first.

        Raises: BadInput for an id twice, a score outside [0, 1], units below 0, or vectors of two lengths.
        """
        first: dict[str, Candidate] = {}
        for candidate in candidates:
            first.setdefault(candidate.text_sha256, candidate)
        kept = list(first.values())
        if len({candidate.id for candidate in kept}) < len(kept):
            raise BadInput("candidates: an id stands for two texts", field="id")
        nothing = (np.nan,) * HEADS
        return cls(
            ids=tuple(candidate.id for candidate in kept),
            text_sha256=tuple(first),
            scores=_chances([candidate.scores for candidate in kept], "scores"),
            severity_units=_units([candidate.severity_units for candidate in kept]),
            other_scores=_chances([candidate.other_scores or nothing for candidate in kept], "other_scores"),
            overturned=np.asarray([candidate.overturned for candidate in kept], dtype=np.bool_),
            vectors=_vectors([candidate.vector for candidate in kept]),
            clusters=tuple(candidate.cluster for candidate in kept),
            terms=tuple(candidate.terms for candidate in kept),
        )


def unit_rows(vectors: Floats) -> Floats:
    """The rows (n, d) at length 1; a row of zeros stays one, and is near nothing."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled


def _chances(rows: Sequence[tuple[float, ...]], name: str) -> Floats:
    if any(len(row) != HEADS for row in rows):
        raise BadInput(f"{name}: one for each of {', '.join(HEAD_ORDER)}", field=name)
    table = np.asarray(rows, dtype=np.float64).reshape(len(rows), HEADS)
    outside = (table < 0) | (table > 1) | (np.isnan(table) if name == "scores" else False)
    if outside.any():
        raise BadInput(f"{name}: a chance lies in [0, 1]", field=name)
    return table


def _units(values: Sequence[float]) -> Floats:
    units = np.asarray(values, dtype=np.float64)
    if not np.isfinite(units).all() or (units < 0).any():
        raise BadInput("severity_units: a number from 0", field="severity_units")
    return units


def _vectors(rows: Sequence[Sequence[float] | Floats | None]) -> Floats | None:
    present = [np.asarray(row, dtype=np.float64) for row in rows if row is not None]
    if not present:
        return None
    length = len(present[0])
    if any(row.shape != (length,) for row in present):
        raise BadInput("vector: one length for all candidates", field="vector")
    # A candidate without a vector is near nothing and unlike everything.
    zeros = np.zeros(length)
    table = np.stack([zeros if row is None else np.asarray(row, dtype=np.float64) for row in rows])
    if not np.isfinite(table).all():
        raise BadInput("vector: finite numbers", field="vector")
    return unit_rows(table)
