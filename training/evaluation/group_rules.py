"""Which posts belong to which group: rules from a dated YAML file, and the masks they give.

`configs/evaluation/groups.yaml` ships; `watchhouse evaluate --groups FILE` takes another of its shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from pydantic import Field, field_validator, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.errors import BadConfig
from model.normalise import normalise_text
from training.corpora.swaps import IdentityTerms, groups_named, load_identity_terms
from training.evaluation.bias import Mask
from training.evaluation.groups import Axis


class GroupRule(FrozenConfig):
    """One group, known by exactly one of: a name list, an identity, a pattern, or values of a column.

    `terms` are whole words or phrases, `pattern` a regular expression, both looked for in the normalised
    text whatever the case. `identity` is a group of `configs/train/identity-terms.yaml`, whose grammar
    tells "black people" from "black tea".
    """

    group: str = Field(pattern=r"^[a-z0-9_]+$")
    axis: Axis
    terms: tuple[str, ...] = ()
    identity: str | None = None
    pattern: str | None = None
    column: str | None = None
    values: tuple[str, ...] = ()

    @field_validator("terms")
    @classmethod
    def _no_empty_term(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        if any(not normalise_text(term).strip() for term in terms):
            raise ValueError("a term is empty")
        return terms

    @field_validator("pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"pattern: not a regular expression ({error.msg})") from None
        return pattern

    @model_validator(mode="after")
    def _known_by_one_thing(self) -> GroupRule:
        given = [name for name in ("terms", "identity", "pattern", "column") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"{self.group}: exactly one of terms, identity, pattern and column is needed")
        if bool(self.column) != bool(self.values):
            raise ValueError(f"{self.group}: column and values come together")
        return self


class Groups(FrozenConfig):
    """The dated file."""

    version: int
    valid_from: date
    groups: tuple[GroupRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _named_once(self) -> Groups:
        if len({rule.group for rule in self.groups}) != len(self.groups):
            raise ValueError("groups: a group stands twice")
        return self

    def on(self, axis: Axis) -> tuple[str, ...]:
        """The names of the groups on an axis, in the order of the file."""
        return tuple(rule.group for rule in self.groups if rule.axis == axis)


def load_groups(path: Path | None = None) -> Groups:
    """The groups that ship, or another file's. Raises: BadConfig, also for an identity that nobody listed."""
    chosen = path or configs_folder() / "evaluation" / "groups.yaml"
    groups = load_yaml(chosen, Groups)[0]
    known = _identities(groups)
    unknown = [
        f"{rule.group}: identity"
        for rule in groups.groups
        if rule.identity is not None and (known is None or rule.identity not in known.groups)
    ]
    if unknown:
        raise BadConfig(f"{chosen}: not a group of identity-terms.yaml: {', '.join(unknown)}")
    return groups


def group_masks(
    groups: Groups, texts: Sequence[str], columns: Mapping[str, Sequence[str | None]] | None = None
) -> dict[str, Mask]:
    """Per group of the file the posts (n,) that belong to it, by their text or by a column (n,) of theirs.

    A group known by a column that these posts do not have is left out, not empty.
    """
    columns = columns or {}
    written = [normalise_text(text) for text in texts]
    terms = _identities(groups)
    named = [] if terms is None else [groups_named(text, terms, terms.kinds) for text in written]
    masks = {}
    for rule in groups.groups:
        if rule.column is not None:
            if rule.column in columns:
                masks[rule.group] = _mask([value in rule.values for value in columns[rule.column]])
        elif rule.identity is not None:
            masks[rule.group] = _mask([rule.identity in found for found in named])
        else:
            looked_for = _expression(rule)
            masks[rule.group] = _mask([looked_for.search(text) is not None for text in written])
    return masks


def _expression(rule: GroupRule) -> re.Pattern[str]:
    if rule.pattern is not None:
        return re.compile(rule.pattern, re.IGNORECASE)
    longest_first = sorted((normalise_text(term) for term in rule.terms), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)


def _identities(groups: Groups) -> IdentityTerms | None:
    """The identity terms, read only where a group refers to them."""
    if all(rule.identity is None for rule in groups.groups):
        return None
    return load_identity_terms(configs_folder() / "train" / "identity-terms.yaml")


def _mask(belongs: list[bool]) -> Mask:
    return np.asarray(belongs, dtype=bool)
