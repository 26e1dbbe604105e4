"""A suite's results as rows: each functionality and group of people, our targets beside published systems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from training.report.shape import Figure, FunctionalityResult, Peer, Report, SuiteFacts, SuiteResult

TOTALS: Final = ("accuracy", "hateful", "non_hateful", "macro")
GROUP_KINDS: Final = (("accuracy", "all"), ("hateful", "hateful"), ("non_hateful", "not hateful"))


@dataclass(frozen=True, slots=True)
class Cell:
    """A share of right answers: a figure of ours, or a published value; `best` marks the highest of a row."""

    value: float | None = None
    figure: Figure | None = None
    best: bool = False


@dataclass(frozen=True, slots=True)
class FunctionalityRow:
    """A functionality, its cells in the table's order of columns, and the strand heads' cells."""

    words: FunctionalityResult
    cells: tuple[Cell, ...]
    strand_cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The cases about a group of people: cells for all of them, the hateful and the not hateful."""

    name: str
    cases: int
    kinds: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class TotalRow:
    """A target or a published system over the whole suite."""

    name: str
    source: str | None
    not_answered: int | None
    cells: tuple[Cell, ...]
    f1: Cell


@dataclass(frozen=True, slots=True)
class SuiteTables:
    """Everything the page shows of one suite."""

    facts: SuiteFacts
    heads: tuple[tuple[str, str, float | None], ...]
    target_names: tuple[str, ...]
    totals: tuple[TotalRow, ...]
    functionality_peers: tuple[str, ...]
    functionalities: tuple[FunctionalityRow, ...]
    strand_targets: tuple[str, ...]
    group_peers: tuple[str, ...]
    groups: tuple[GroupRow, ...]


def suite_tables(report: Report) -> list[SuiteTables]:
    """One for each suite that a target was measured on, in the report's order."""
    return [
        _tables(report, facts)
        for facts in report.suites
        if any(facts.name in result.suites for result in report.results.values())
    ]


def _tables(report: Report, facts: SuiteFacts) -> SuiteTables:
    results = {
        target.name: report.results[target.name].suites[facts.name]
        for target in report.targets
        if facts.name in report.results[target.name].suites
    }
    peers = [peer for peer in report.peers if _plain(peer.suite) == _plain(facts.name)]
    by_functionality = _by_system(peer for peer in peers if peer.functionality is not None)
    known = {name for result in results.values() for name in (row.name for row in result.functionalities)}
    by_functionality = {
        system: rows
        for system, rows in by_functionality.items()
        if any(row.functionality in known for row in rows)
    }
    by_group = _by_system(peer for peer in peers if peer.measure is not None and ":" in peer.measure)
    strands = tuple(
        name for name, result in results.items() if any(row.strand_accuracy for row in result.functionalities)
    )
    return SuiteTables(
        facts=facts,
        heads=tuple((name, result.head, result.threshold) for name, result in results.items()),
        target_names=tuple(results),
        totals=tuple(_totals(report, facts.name, results, peers)),
        functionality_peers=tuple(by_functionality),
        functionalities=tuple(_functionalities(results, by_functionality, strands)),
        strand_targets=strands,
        group_peers=tuple(by_group),
        groups=tuple(_groups(results, by_group)),
    )


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_")


def _by_system(peers: Iterable[Peer]) -> dict[str, list[Peer]]:
    found: dict[str, list[Peer]] = {}
    for peer in peers:
        found.setdefault(peer.system, []).append(peer)
    return found


def _totals(
    report: Report, suite: str, results: dict[str, SuiteResult], peers: Sequence[Peer]
) -> list[TotalRow]:
    rows = []
    for name, result in results.items():
        f1 = report.results[name].measures.get(f"{_plain(suite)}_f1")
        cells = tuple(_own(getattr(result, measure)) for measure in TOTALS)
        rows.append(TotalRow(name, None, result.not_answered, cells, _own(f1)))
    for system, known in _by_system(peer for peer in peers if peer.functionality is None).items():
        values = {peer.measure: peer.value for peer in known}
        cells = tuple(Cell(values.get(measure)) for measure in TOTALS)
        if "f1" in values or any(cell.value is not None for cell in cells):
            rows.append(TotalRow(system, known[0].source, None, cells, Cell(values.get("f1"))))
    return rows


def _functionalities(
    results: dict[str, SuiteResult], peers: dict[str, list[Peer]], strands: tuple[str, ...]
) -> list[FunctionalityRow]:
    found: dict[str, dict[str, FunctionalityResult]] = {}
    for target, result in results.items():
        for row in result.functionalities:
            found.setdefault(row.name, {})[target] = row
    values = {system: {peer.functionality: peer.value for peer in known} for system, known in peers.items()}
    rows = []
    for name, by_target in found.items():
        ours = [_own(by_target[target].accuracy if target in by_target else None) for target in results]
        theirs = [Cell(known.get(name)) for known in values.values()]
        strand = [
            _own(by_target[target].strand_accuracy if target in by_target else None) for target in strands
        ]
        rows.append(
            FunctionalityRow(next(iter(by_target.values())), _with_best(ours + theirs), tuple(strand))
        )
    return rows


def _groups(results: dict[str, SuiteResult], peers: dict[str, list[Peer]]) -> list[GroupRow]:
    names = dict.fromkeys(group.name for result in results.values() for group in result.targets)
    published = {
        system: {(peer.measure or "").casefold(): peer.value for peer in known}
        for system, known in peers.items()
    }
    rows = []
    for name in names:
        ours = [
            next((group for group in result.targets if group.name == name), None)
            for result in results.values()
        ]
        kinds = []
        for measure, words in GROUP_KINDS:
            cells = [_own(getattr(group, measure) if group else None) for group in ours]
            theirs = [Cell(known.get(f"{measure}:{name}".casefold())) for known in published.values()]
            if any(cell.value is not None for cell in (*cells, *theirs)):
                # Published are the templated cases alone, so the highest is marked among ours only.
                kinds.append((words, (*_with_best(cells), *theirs)))
        cases = max(group.cases for group in ours if group is not None)
        if kinds:
            rows.append(GroupRow(name, cases, tuple(kinds)))
    return rows


def _own(figure: Figure | None) -> Cell:
    return Cell(None if figure is None else figure.value, figure)


def _with_best(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    values = [round(cell.value, 3) for cell in cells if cell.value is not None]
    if len(values) < 2:
        return tuple(cells)
    top = max(values)
    return tuple(
        Cell(cell.value, cell.figure, cell.value is not None and round(cell.value, 3) == top)
        for cell in cells
    )
