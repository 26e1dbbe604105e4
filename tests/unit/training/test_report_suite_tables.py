"""Rows of a suite: the highest value is marked among those that were measured on the same cases."""

from __future__ import annotations

import pytest
from small_report import small_report

pytest.importorskip("sklearn")

from training.report.shape import Report
from training.report.suite_tables import suite_tables

pytestmark = pytest.mark.training


def test_published_figures_of_other_cases_are_never_marked_as_the_highest_of_a_group() -> None:
    report = small_report()
    for result in report["results"].values():
        for group in result["suites"]["hatecheck"]["targets"]:
            group["accuracy"] = {"value": 0.1, "low": 0.05, "high": 0.15, "posts": 400}
    (tables,) = suite_tables(Report.model_validate(report))
    ours = len(tables.target_names)

    cells = [cells for row in tables.groups for _, cells in row.kinds]
    published = [cell for row in cells for cell in row[ours:]]

    assert any(cell.value is not None for cell in published)
    assert not any(cell.best for cell in published)
    assert all(any(cell.best for cell in row[:ours]) for row in cells)
