"""From scores to a route with a reason: the policy file decides, this module only reads it. Pure.

The machine orders and explains. Every route is a place in the queue that people read; no route closes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadInput
from model.taxonomy import HEAD_ORDER, STRAND_ORDER
from model.text_notes import END_NOT_READ, SENTENCES
from model.thresholds import BoundWord, Thresholds

if TYPE_CHECKING:
    from model.language import Language


class Route(StrEnum):
    """Where a case stands in the queue."""

    URGENT_REVIEW = "urgent_review"
    REVIEW = "review"
    LOW_PRIORITY = "low_priority"
    UNSCORED = "unscored"


Bound = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | BoundWord
"""A score to reach, or the bundle's own for that head: `threshold`, or an operating point of its name.

Where a bundle has no operating points, their names mean `threshold`.
"""

_REACHED = "{head} {score} is at or above {bound}"
_UNCERTAIN = "the model is not certain ({head} {score} lies between {low} and {high})"
_RULE_WORDS = {"head", "score", "bound"}
_UNCERTAIN_WORDS = {"head", "score", "low", "high"}
_DEFAULT_WORDS = {"head", "score"}
_LANGUAGE_WORDS = {"language", "code"}

MIDDLE = 0.5
"""Of a route's priorities, which go from its base to its base plus the highest score there is, 1."""


class Rule(FrozenConfig):
    """Takes posts by bounds, by doubt, or, with both members, those that meet both.

    `when`: the posts of which any named head reaches its bound; `reason` may name {head}, {score}, {bound}.
    `when_uncertain`: the posts of which any named head lies in the bundle's band, and none of them above
    its band (then the model is certain of something); `reason` may name {head}, {score}, {low}, {high}.
    A head without a band, as in bundles from before step 2, is never uncertain.
    """

    route: Literal[Route.URGENT_REVIEW, Route.REVIEW, Route.LOW_PRIORITY]
    when: dict[str, Bound] = Field(default_factory=dict)
    when_uncertain: tuple[str, ...] = ()
    reason: str | None = Field(default=None, min_length=1)

    @field_validator("when", "when_uncertain")
    @classmethod
    def _known_heads(cls, heads: dict[str, Bound] | tuple[str, ...]) -> dict[str, Bound] | tuple[str, ...]:
        if unknown := sorted(set(heads) - set(HEAD_ORDER)):
            raise ValueError(f"unknown heads: {', '.join(unknown)}")
        return heads

    @model_validator(mode="after")
    def _takes_some(self) -> Rule:
        if not self.when and not self.when_uncertain:
            raise ValueError("wants when or when_uncertain, and a head in it")
        if self.reason is not None:
            try:
                _checked_template(self.reason, _UNCERTAIN_WORDS if self.when_uncertain else _RULE_WORDS)
            except ValueError as error:
                raise ValueError(f"reason: {error}") from None
        return self


class DefaultRoute(FrozenConfig):
    """Takes the posts that no rule takes. `reason` may name {head} and {score} of the highest score.

    A post that was not read whole never gets here, whatever the file says: it is reviewed.
    """

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
    not_scored_language_reason: str = Field(
        default="not scored: the text seems to be in {language} ({code}), which this model does not read",
        min_length=1,
    )
    not_read_whole_reason: str = Field(
        default="the text is too long for the model to read all of it; "
        "the highest score of what it read is {head} {score}",
        min_length=1,
    )
    base_priority: dict[Route, Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]]

    @field_validator("not_scored_language_reason")
    @classmethod
    def _known_words(cls, reason: str) -> str:
        return _checked_template(reason, _LANGUAGE_WORDS)

    @field_validator("not_read_whole_reason")
    @classmethod
    def _known_score_words(cls, reason: str) -> str:
        return _checked_template(reason, _DEFAULT_WORDS)

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


def route(
    scores: Mapping[str, float] | None,
    policy: Policy,
    thresholds: Mapping[str, float],
    notes: Sequence[str] = (),
) -> Routed:
    """The route, reason, strands and priority of a post with `scores` (by head, 0 to 1), or with none.

    `thresholds` are the bundle's: a `Thresholds`, or a plain mapping where there is no more than that.
    `notes` are those of `model.text_notes`: where no rule applies the reason names them.

    A post that was not read whole (`END_NOT_READ`) has low scores of a part of it only. So no rule of
    `low_priority` and no default takes it: it is reviewed, and not after the middle of what is.

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
    chosen, reason = _first_match(scores, policy, Thresholds.of(thresholds), notes)
    highest = max(scores[head] for head in HEAD_ORDER)
    within = max(highest, MIDDLE) if END_NOT_READ in notes and chosen is Route.REVIEW else highest
    return Routed(chosen.value, reason, strands, policy.base_priority[chosen] + within)


def route_unread_language(language: Language, policy: Policy) -> Routed:
    """The place of a post whose language the model does not read: `unscored`, with a reason of its own.

    It has no scores, and stands where every post without scores stands: people read it, and nothing says
    that it is harmless.
    """
    base = policy.base_priority[Route.UNSCORED]
    reason = policy.not_scored_language_reason.format(language=language.name, code=language.code)
    return Routed(Route.UNSCORED.value, reason, (), base)


def _first_match(
    scores: Mapping[str, float], policy: Policy, thresholds: Thresholds, notes: Sequence[str]
) -> tuple[Route, str]:
    is_whole = END_NOT_READ not in notes
    for rule in policy.rules:
        if rule.route is Route.LOW_PRIORITY and not is_whole:
            continue
        reached = _reached(rule, scores, thresholds) if rule.when else ""
        if reached is None:
            continue
        reason = _uncertain(rule, scores, thresholds) if rule.when_uncertain else reached
        if reason is not None:
            return rule.route, reason
    head = max(HEAD_ORDER, key=lambda name: scores[name])
    template = policy.default.reason if is_whole else policy.not_read_whole_reason
    reason = template.format(head=_spoken(head), score=f"{scores[head]:.2f}")
    told = [SENTENCES[note] for note in notes if note != END_NOT_READ]
    return policy.default.route if is_whole else Route.REVIEW, "; ".join([reason, *told])


def _reached(rule: Rule, scores: Mapping[str, float], thresholds: Thresholds) -> str | None:
    """Why a rule of bounds takes the post; None if it does not."""
    bounds = {
        head: thresholds.bound(bound, head) if isinstance(bound, str) else bound
        for head, bound in rule.when.items()
    }
    reached = [head for head in HEAD_ORDER if head in bounds and scores[head] >= bounds[head]]
    if not reached:
        return None
    head = _most_telling(reached, scores)
    template = _REACHED if rule.reason is None or rule.when_uncertain else rule.reason
    return template.format(head=_spoken(head), score=f"{scores[head]:.2f}", bound=f"{bounds[head]:.2f}")


def _uncertain(rule: Rule, scores: Mapping[str, float], thresholds: Thresholds) -> str | None:
    """Why a rule of doubt takes the post; None if it does not."""
    bands = {head: thresholds.bands[head] for head in rule.when_uncertain if head in thresholds.bands}
    if any(scores[head] >= band.high for head, band in bands.items()):
        return None
    doubtful = [head for head in HEAD_ORDER if head in bands and bands[head].holds(scores[head])]
    if not doubtful:
        return None
    head = _most_telling(doubtful, scores)
    return (rule.reason or _UNCERTAIN).format(
        head=_spoken(head),
        score=f"{scores[head]:.2f}",
        low=_two_decimals_or_three(bands[head].low),
        high=_two_decimals_or_three(bands[head].high),
    )


def _two_decimals_or_three(bound: float) -> str:
    """0.31 and 0.005: the ends of a band are thousandths, and most are hundredths."""
    return f"{bound:.3f}".removesuffix("0")


def _most_telling(reached: list[str], scores: Mapping[str, float]) -> str:
    """The highest strand of those reached; `hate`, the least telling, only if alone."""
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
