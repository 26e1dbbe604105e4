"""What other systems are published to do on functional suites, from the dated file of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from training.report.shape import Peer

Percent = Annotated[float, Field(ge=0, le=100)]
Shares = dict[str, Percent]

AGGREGATES: Final = ("accuracy", "hateful", "non_hateful", "macro", "macro_f1", "f1")
"""Over a suite: shares of right answers, their mean over functionalities, F1 of both classes and of hate."""

TARGET_MEASURES: Final = ("accuracy", "hateful", "non_hateful")
"""What is known of the cases about one group of people; a peer's measure is `MEASURE:GROUP`."""


class System(FrozenConfig):
    """Another system: its name, a short one for column heads, when it answered, and who says so."""

    code: str = Field(pattern=r"^[a-z0-9_]+$")
    name: str
    short: str
    dated: str
    source: str


class PeerFunctionality(FrozenConfig):
    """Percentages of right answers on one functionality, by system."""

    code: str
    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    hateful: bool
    cases: int = Field(gt=0)
    accuracy: Shares


class PeerAggregate(FrozenConfig):
    """Percentages over a whole suite, of one system; what is not published is None."""

    system: str
    accuracy: Percent | None = None
    hateful: Percent | None = None
    non_hateful: Percent | None = None
    macro: Percent | None = None
    macro_f1: Percent | None = None
    f1: Percent | None = None


class PeerTarget(FrozenConfig):
    """Percentages of right answers on the templated cases about one group of people, by system."""

    name: str
    accuracy: Shares
    hateful: Shares
    non_hateful: Shares


class PeerSuite(FrozenConfig):
    """What is published on one suite."""

    cases: int = Field(gt=0)
    hateful_cases: int | None = None
    functionalities: tuple[PeerFunctionality, ...] = ()
    aggregates: tuple[PeerAggregate, ...] = ()
    target_cases: int | None = None
    target_hateful_cases: int | None = None
    targets: tuple[PeerTarget, ...] = ()

    def systems(self) -> set[str]:
        """The codes of every system that has a figure here."""
        tables = [row.accuracy for row in self.functionalities]
        tables += [getattr(row, measure) for row in self.targets for measure in TARGET_MEASURES]
        return {system for table in tables for system in table} | {row.system for row in self.aggregates}


class Peers(FrozenConfig):
    """The dated file."""

    version: int
    valid_from: date
    systems: tuple[System, ...] = Field(min_length=1)
    suites: dict[str, PeerSuite]

    @model_validator(mode="after")
    def _systems_known_once(self) -> Peers:
        codes = [system.code for system in self.systems]
        if len(set(codes)) != len(codes) or len({system.name for system in self.systems}) != len(codes):
            raise ValueError("systems: one stands twice")
        for name, suite in self.suites.items():
            if unknown := suite.systems() - set(codes):
                raise ValueError(f"suites.{name}: systems that are not listed: {', '.join(sorted(unknown))}")
        return self


def load_peers(path: Path | None = None) -> Peers:
    """The peers of `configs/evaluation/peers.yaml`, or of another file. Raises: BadConfig."""
    return load_yaml(path or configs_folder() / "evaluation" / "peers.yaml", Peers)[0]


def peer_rows(peers: Peers | None = None) -> list[Peer]:
    """Every published figure as a row for `peers` of report.json, as a share, in the file's order of systems.

    A row of a functionality has no measure; one of a group of people has the measure `accuracy:GROUP`,
    `hateful:GROUP` or `non_hateful:GROUP`; one over the suite has one of `AGGREGATES`.
    """
    peers = peers or load_peers()
    rows: list[Peer] = []
    for suite_name, suite in peers.suites.items():
        for system in peers.systems:
            rows += _of_system(suite_name, suite, system)
    return rows


def published_titles(suite: str, peers: Peers | None = None) -> dict[str, str]:
    """Plain titles of a published suite's functionalities, by name, for suites whose file has names only."""
    found = (peers or load_peers()).suites.get(suite)
    return {} if found is None else {row.name: f"{row.title} ({row.code})" for row in found.functionalities}


def _of_system(suite_name: str, suite: PeerSuite, system: System) -> list[Peer]:
    def row(value: float, functionality: str | None = None, measure: str | None = None) -> Peer:
        return Peer(
            system=system.name,
            source=f"{system.source}; as of: {system.dated}",
            suite=suite_name,
            functionality=functionality,
            measure=measure,
            value=round(value / 100, 5),
        )

    rows = [
        row(found.accuracy[system.code], functionality=found.name)
        for found in suite.functionalities
        if system.code in found.accuracy
    ]
    for total in suite.aggregates:
        if total.system == system.code:
            values = {measure: getattr(total, measure) for measure in AGGREGATES}
            rows += [row(value, measure=measure) for measure, value in values.items() if value is not None]
    for target in suite.targets:
        for measure in TARGET_MEASURES:
            table: Shares = getattr(target, measure)
            if system.code in table:
                rows.append(row(table[system.code], measure=f"{measure}:{target.name}"))
    return rows
