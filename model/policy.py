"""From scores to a route with a reason: the policy file decides, this module only reads it. Pure.

The machine orders and explains. Every route is a place in the queue that people read; no route closes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadInput
from model.taxonomy import HEAD_ORDER, STRAND_ORDER


class Route(StrEnum):
    """Where a case stands in the queue."""

    URGENT_REVIEW = "urgent_review"
    REVIEW = "review"
    LOW_PRIORITY = "low_priority"
    UNSCORED = "unscored"


Bound = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | Literal["threshold"]
"""A score to reach, or the word `threshold`: the bundle's own for that head."""

_RULE_WORDS = {"head", "score", "bound"}
_DEFAULT_WORDS = {"head", "score"}


class Rule(FrozenConfig):
    """Takes the posts of which any named head reaches its bound.

    `reason` may name {head}, {score} and {bound}.
    """

    route: Literal[Route.URGENT_REVIEW, Route.REVIEW, Route.LOW_PRIORITY]
    when: dict[str, Bound] = Field(min_length=1)
    reason: str = Field(default="{head} {score} is at or above {bound}", min_length=1)

    @field_validator("when")
    @classmethod
    def _known_heads(cls, when: dict[str, Bound]) -> dict[str, Bound]:
        if unknown := sorted(set(when) - set(HEAD_ORDER)):
            raise ValueError(f"unknown heads: {', '.join(unknown)}")
        return when

    @field_validator("reason")
    @classmethod
    def _known_words(cls, reason: str) -> str:
        return _checked_template(reason, _RULE_WORDS)


class DefaultRoute(FrozenConfig):
    """Takes the posts that no rule takes. `reason` may name {head} and {score} of the highest score."""

    route: Literal[Route.URGENT_REVIEW, Route.REVIEW, Route.LOW_PRIORITY]
    reason: str = Field(default="no rule applies; the highest score is {head} {score}", min_length=1)

    @field_validator("reason")
    @classmethod
    def _known_words(cls, reason: str) -> str:
        return _checked_template(reason, _DEFAULT_WORDS)


class PolicyFile(FrozenConfig):
    """What stands in a file of `configs/policy/`. The first rule that applies wins."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")
    version: int = Field(ge=1)
    valid_from: date
    description: str = Field(min_length=1)
    rules: tuple[Rule, ...] = Field(min_length=1)
    default: DefaultRoute
    unscored_reason: str = Field(default="the machine has not scored this post", min_length=1)
    base_priority: dict[Route, Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]]

    @model_validator(mode="after")
    def _a_base_for_every_route(self) -> PolicyFile:
        if missing := [route.value for route in Route if route not in self.base_priority]:
            raise ValueError(f"base_priority: missing {', '.join(missing)}")
        return self


class Policy(PolicyFile):
    """A policy and the SHA-256 of the file it came from: name, version and hash stand on every case."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Routed:
    """What a policy proposes for one post. A larger `priority` is read sooner."""

    route: str
    reason: str
    strands: tuple[str, ...]
    priority: float


def load_policy(path: Path) -> Policy:
    """The policy of a YAML file, checked whole.

    Raises: BadConfig listing every fault of the file.
    """
    file, digest = load_yaml(path, PolicyFile)
    return Policy(**file.model_dump(), sha256=digest)


def route(scores: Mapping[str, float] | None, policy: Policy, thresholds: Mapping[str, float]) -> Routed:
    """The route, reason, strands and priority of a post with `scores` (by head, 0 to 1), or with none.

    Strands are those at or above the bundle's own `thresholds`, in STRAND_ORDER. Priority is the
    route's base plus the highest score; a post without scores gets the base of `unscored` alone, set
    in the middle of `review`, so that a broken model does not bury posts.

    Raises: BadInput if a head is missing or is no number from 0 to 1.

    >>> officer = Policy(
    ...     name="officer", version=1, valid_from="2026-11-21", description="An example.", sha256="0" * 64,
    ...     rules=[{"route": "review", "when": {"antisemitic": 0.8, "hate": "threshold"}}],
    ...     default={"route": "low_priority"},
    ...     base_priority={"urgent_review": 3, "review": 2, "low_priority": 0, "unscored": 2.5},
    ... )
    >>> half = {"hate": 0.5, "antisemitic": 0.5, "islamophobic": 0.5, "far_right": 0.5}
    >>> scores = {"hate": 0.95, "antisemitic": 0.93, "islamophobic": 0.02, "far_right": 0.1}
    >>> routed = route(scores, officer, half)
    >>> routed.route, routed.reason, routed.strands, routed.priority
    ('review', 'antisemitic 0.93 is at or above 0.80', ('antisemitic',), 2.95)
    >>> route(None, officer, half).priority
    2.5
    """
    if scores is None:
        base = policy.base_priority[Route.UNSCORED]
        return Routed(Route.UNSCORED.value, policy.unscored_reason, (), base)
    _check_scores(scores)
    strands = tuple(strand for strand in STRAND_ORDER if scores[strand] >= thresholds[strand])
    chosen, reason = _first_match(scores, policy, thresholds)
    highest = max(scores[head] for head in HEAD_ORDER)
    return Routed(chosen.value, reason, strands, policy.base_priority[chosen] + highest)


def _first_match(
    scores: Mapping[str, float], policy: Policy, thresholds: Mapping[str, float]
) -> tuple[Route, str]:
    for rule in policy.rules:
        bounds = {
            head: thresholds[head] if bound == "threshold" else bound for head, bound in rule.when.items()
        }
        reached = [head for head in HEAD_ORDER if head in bounds and scores[head] >= bounds[head]]
        if reached:
            head = _most_telling(reached, scores)
            return rule.route, rule.reason.format(
                head=_spoken(head), score=f"{scores[head]:.2f}", bound=f"{bounds[head]:.2f}"
            )
    head = max(HEAD_ORDER, key=lambda name: scores[name])
    reason = policy.default.reason.format(head=_spoken(head), score=f"{scores[head]:.2f}")
    return policy.default.route, reason


def _most_telling(reached: list[str], scores: Mapping[str, float]) -> str:
    """The highest strand that reached its bound; `hate`, which every strand implies, only if alone."""
    strands = [head for head in reached if head in STRAND_ORDER]
    return max(strands or reached, key=lambda head: scores[head])


def _spoken(head: str) -> str:
    return head.replace("_", "-")


def _check_scores(scores: Mapping[str, float]) -> None:
    for head in HEAD_ORDER:
        score = scores.get(head)
        if score is None or not math.isfinite(score) or not 0.0 <= score <= 1.0:
            raise BadInput(f"scores: {head} must be a number from 0 to 1", field=head)


def _checked_template(template: str, words: set[str]) -> str:
    """The template, if it names known words only, plainly: no attributes, indices or formats."""
    for _, word, spec, conversion in Formatter().parse(template):
        if word is not None and (word not in words or spec or conversion):
            raise ValueError(f"may name only {', '.join(sorted('{' + word + '}' for word in words))}")
    return template
