"""Two bundles side by side: what made each, what the gate measured, and where a shadow would differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from model.taxonomy import HEAD_ORDER
from serve.storage.tables import Case, CasePost, GateVerdict, PostScores, ShadowScores

LONGEST_VALUE: Final = 200
HOLDS: Final = "non-inferior"


@dataclass(frozen=True, slots=True)
class LineageRow:
    """One fact of where the bundles came from, as each has it; None: it does not say."""

    name: str
    old: str | None
    new: str | None

    @property
    def differs(self) -> bool:
        """Whether the two are not the same here."""
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class GateLine:
    """A line of the gate's file as it is shown; the figures are None where nothing was measured."""

    name: str
    family: str
    verdict: str
    old: float | None
    new: float | None
    value: float | None
    low: float | None
    margin: float | None
    posts: int
    more: int
    reason: str


@dataclass(frozen=True, slots=True)
class ShadowPost:
    """A post that the shadow would have routed otherwise, with both bundles' scores by head."""

    row: ShadowScores
    case_id: str | None
    """None until it is decided: whoever is to judge it must not come from here with its scores in mind."""
    heads: tuple[tuple[str, float | None, float | None], ...]
    """head, the score that counted, the shadow's."""


def lineage_rows(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[LineageRow]:
    """Every fact that either bundle has, in the order of the newer one; a table of hashes row by row."""
    before, after = dict(_flat(old)), dict(_flat(new))
    return [LineageRow(name, before.get(name), after.get(name)) for name in {**after, **before}]


def _flat(lineage: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for name, value in lineage.items():
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        for part, held in parts:
            title = f"{name}: {part}" if part else name
            words = held if isinstance(held, str) else json.dumps(held, sort_keys=True)
            rows.append((title, words[:LONGEST_VALUE]))
    return rows


def gate_lines(verdict: GateVerdict) -> list[GateLine]:
    """The lines of a stored verdict, those first that do not hold; of a file that has none, none.

    The file came from outside: what is no number or word in it is left out.
    """
    found = [_gate_line(line) for line in verdict.decision.get("lines", []) if isinstance(line, dict)]
    order = {"inferior": 0, "undecided": 1, HOLDS: 2}
    return sorted(found, key=lambda line: order.get(line.verdict, 3))


def telling(lines: Sequence[GateLine]) -> list[GateLine]:
    """The lines that do not hold, and of each family of those that do the one nearest to its margin."""
    nearest: dict[str, GateLine] = {}
    for line in lines:
        if line.verdict == HOLDS and (
            line.family not in nearest or _room(line) < _room(nearest[line.family])
        ):
            nearest[line.family] = line
    return [*(line for line in lines if line.verdict != HOLDS), *nearest.values()]


def _room(line: GateLine) -> float:
    return (line.low or 0.0) + (line.margin or 0.0)


def _gate_line(line: Mapping[str, Any]) -> GateLine:
    def number(name: str) -> float | None:
        value = line.get(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def words(name: str) -> str:
        value = line.get(name)
        return value[:LONGEST_VALUE] if isinstance(value, str) else ""

    return GateLine(
        name=words("name"),
        family=words("family"),
        verdict=words("verdict"),
        old=number("old"),
        new=number("new"),
        value=number("value"),
        low=number("low"),
        margin=number("margin"),
        posts=int(number("posts") or 0),
        more=int(number("more") or 0),
        reason=words("reason"),
    )


def shadow_posts(session: Session, rows: Sequence[ShadowScores]) -> list[ShadowPost]:
    """The rows with their cases and the scores that they were compared with."""
    ids = [row.post_id for row in rows]
    decided = (
        select(CasePost)
        .join(Case, Case.case_id == CasePost.case_id)
        .where(CasePost.post_id.in_(ids), Case.decided_at.is_not(None))
    )
    cases = {row.post_id: row.case_id for row in session.scalars(decided)}
    newest = (
        select(func.max(PostScores.scores_id))
        .where(PostScores.post_id.in_(ids))
        .group_by(PostScores.post_id, PostScores.bundle)
    )
    counted = {
        (scores.post_id, scores.bundle): scores
        for scores in session.scalars(select(PostScores).where(PostScores.scores_id.in_(newest)))
    }
    return [
        ShadowPost(
            row,
            cases.get(row.post_id),
            tuple(
                (
                    head,
                    getattr(counted.get((row.post_id, row.against_bundle)), head, None),
                    getattr(row, head),
                )
                for head in HEAD_ORDER
            ),
        )
        for row in rows
    ]
