"""What a disagreement probably comes from: a suggestion to the adjudicator with its reasons, never a verdict.

Source: LABELLING.md section 7, point 8. No figure here says how often the suggestion is right: that is
measured by what adjudicators choose, once there are some.
"""

from __future__ import annotations

from dataclasses import dataclass

from labelling.quality.adjudication_rules import AdjudicationRules, Kind, SignName
from labelling.quality.signs import Dispute, differing, shows


@dataclass(frozen=True, slots=True)
class Reason:
    """A sign that the text's labels show, in words for the adjudicator."""

    sign: SignName
    words: str
    points: dict[str, int]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The kind that most signs speak for; None where too few speak for any.

    `differs` are the questions that were answered differently, `points` the sum for every kind, `reasons`
    all signs found, also those that speak for another kind. `rules_sha256` names the file that it stands on.
    """

    kind: Kind | None
    differs: tuple[str, ...]
    points: dict[str, int]
    reasons: tuple[Reason, ...]
    rules_sha256: str


def suggest(dispute: Dispute, rules: AdjudicationRules, rules_sha256: str) -> Suggestion | None:
    """The suggestion for a text's labels; None where they do not differ. Rules: `load_adjudication_rules`."""
    differs = differing(dispute.labels)
    if not differs:
        return None
    reasons = tuple(
        Reason(rule.sign, rule.reason, dict(rule.points)) for rule in rules.signs if shows(dispute, rule)
    )
    points = {kind.value: sum(reason.points.get(kind.value, 0) for reason in reasons) for kind in rules.kinds}
    # max() takes the first of equals: the order of the file.
    most = max(rules.kinds, key=lambda kind: points[kind.value])
    kind = most if points[most.value] >= rules.least_points else None
    return Suggestion(kind, differs, points, reasons, rules_sha256)
