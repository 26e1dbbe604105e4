"""Which waiting cases may come to somebody now, as conditions on the claim."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Text, and_, cast, false, or_

from model.policy import Route
from serve.people.exposure.policy import ExposureRules
from serve.people.exposure.shift import ANY_SEVERITY, MayRead
from serve.storage.tables import Case


def cases_that_fit(
    rules: ExposureRules, may_read: MayRead, base_priority: Mapping[Route, float]
) -> list[ColumnElement[bool]]:
    """Conditions on a waiting case that the claim adds to its own; none for somebody who may read everything.

    `base_priority` is that of the policy that routed the cases: a case's priority is the base of its route
    plus its highest score, so a bound on the score is one on the priority, and no scores are read.
    """
    fitting: list[ColumnElement[bool]] = [
        cast(Case.strands, Text).not_like(f'%"{strand}"%') for strand in may_read.strands_excluded
    ]
    if may_read.severity_ceiling < ANY_SEVERITY:
        limits = rules.scores_within(may_read.severity_ceiling)
        fitting.append(
            or_(
                false(),  # where no route may come
                *(
                    Case.route == route
                    if below is None
                    else and_(Case.route == route, Case.priority < base_priority[Route(route)] + below)
                    for route, below in limits.items()
                ),
            )
        )
    return fitting
