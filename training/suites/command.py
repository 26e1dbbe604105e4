"""`watchhouse suite`: build suites into CSV files, and lint them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from model.configuration import configs_folder
from model.errors import BadConfig
from model.suite import Suite, write_suite_csv
from training.suites.expansion import build_suite
from training.suites.lint import lint_suites, print_findings


def build(paths: Sequence[Path], out: Path) -> list[Path]:
    """The CSV files written, `out`/NAME.csv for each suite; prints what they hold. Raises: BadConfig."""
    files = _files(paths)
    if len({path.stem for path in files}) < len(files):
        raise BadConfig("suites: two files of one name would be written into one file")
    suites = [build_suite(path) for path in files]
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for path, suite in zip(files, suites, strict=True):
        written.append(out / f"{path.stem}.csv")
        write_suite_csv(suite, written[-1])
    Console().print(_summary(suites))
    return written


def lint(paths: Sequence[Path], data: Path | None) -> bool:
    """Whether the suites have no error; prints every finding. Raises: BadConfig."""
    console = Console()
    with console.status("reading") as status:
        findings = lint_suites(_files(paths), data, tick=status.update)
    return print_findings(findings, console)


def _files(paths: Sequence[Path]) -> list[Path]:
    """The files named, or all of `configs/suites/`."""
    found = list(paths) or sorted((configs_folder() / "suites").glob("*.yaml"))
    if not found:
        raise BadConfig("suites: no file named, and none in configs/suites")
    return found


def _summary(suites: Sequence[Suite]) -> Table:
    table = Table("suite", "version", "functionalities", "cases", "hateful", "sha256")
    for suite in suites:
        hateful = sum(case.hateful for case in suite.cases)
        table.add_row(
            suite.name,
            suite.version,
            str(len(suite.functionalities)),
            str(len(suite.cases)),
            f"{hateful / max(1, len(suite.cases)):.0%}",
            suite.sha256[:12],
        )
    return table
