"""Harmless mentions: how often naming a group is taken for hate, per group.

The suite is our own (`configs/evaluation/neutral-identity.yaml`); madlibs are the non-toxic
templates of Dixon et al. 2018, whose AUCs are saturated: here only the false positives count.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from training.corpora.pack import CorpusPost
from training.evaluation.bootstrap import Measured, share

SLOTS = frozenset({"people", "adjective"})

LEAST_SENTENCES = 100
"""Of fewer templates one false positive is more than the 1 % that a figure should be able to tell."""

MADLIBS_SLOTS = {
    "name_adj": re.compile(r"\S.* is an? \w+ (?P<group>\S.*)"),
    "you_are_adj": re.compile(r"You are an? \w+ (?P<group>\S.*)"),
    "being_adj": re.compile(r"Being (?P<group>\S.*) is \w+"),
    "verb_adj": re.compile(r"\w+ (?P<group>\S.*)"),
    "am_hate_adj": re.compile(r"I am (?P<group>\S.*)"),
}
"""Where the group stands, per kind of template. Source: the templates of Dixon et al. 2018."""


class Identity(FrozenConfig):
    """A group: its name in tables, the adjective before a noun, and the plural."""

    name: str
    adjective: str
    people: str


class NeutralSuite(FrozenConfig):
    """Sentences with one slot, and the groups that fill it."""

    version: int
    valid_from: date
    templates: tuple[str, ...] = Field(min_length=40)
    identities: tuple[Identity, ...] = Field(min_length=30)

    @field_validator("templates")
    @classmethod
    def _one_known_slot(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            slots = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
            if len(slots) != 1 or slots[0] not in SLOTS:
                raise ValueError(f"a template needs exactly one slot of {sorted(SLOTS)}")
        if len(set(templates)) != len(templates):
            raise ValueError("a template stands twice")
        return templates

    def sentences(self) -> list[tuple[str, str]]:
        """(name of the group, sentence) for every template and group, in order."""
        return [
            (identity.name, template.format(people=identity.people, adjective=identity.adjective))
            for identity in self.identities
            for template in self.templates
        ]


def load_neutral_suite(path: Path | None = None) -> NeutralSuite:
    """The suite that ships, or another file's. Raises: BadConfig."""
    return load_yaml(path or configs_folder() / "evaluation" / "neutral-identity.yaml", NeutralSuite)[0]


def neutral_figures(
    names: list[str], hate: NDArray[np.float32], threshold: float
) -> tuple[dict[str, Any], Measured | None]:
    """False positives per group at `threshold` and at 0.5; and the worst group's share with its interval.

    `hate` (n,) float32 scores the sentences whose groups are `names`. The group is chosen after looking;
    the interval does not allow for that.
    """
    groups = np.asarray(names)
    table = {
        name: {
            "sentences": int((groups == name).sum()),
            "at_threshold": _share(hate[groups == name] >= threshold),
            "at_half": _share(hate[groups == name] >= 0.5),
        }
        for name in dict.fromkeys(names)
    }
    if not table:
        return {"identities": {}, "worst": None}, None
    worst = max(table, key=lambda name: (table[name]["at_threshold"], table[name]["at_half"]))
    figures = {
        "threshold": threshold,
        "worst": worst,
        "all_at_threshold": _share(hate >= threshold),
        "all_at_half": _share(hate >= 0.5),
        "identities": table,
    }
    return figures, share(hate[groups == worst] >= threshold)


def madlibs_posts(posts: list[CorpusPost]) -> list[tuple[str, CorpusPost]]:
    """The group and the post of every non-toxic template, for groups with at least `LEAST_SENTENCES`.

    The data folder names the group of Jews and Muslims only, so it is read off the sentence: each kind of
    template has one slot for it. Templates on occupations name no group.
    """
    named = []
    for post in posts:
        slot = MADLIBS_SLOTS.get(post.functionality or "")
        found = slot.match(post.text) if slot and post.kind == "nontoxic" else None
        if found is not None:
            named.append((found["group"].lower(), post))
    counts = Counter(group for group, _ in named)
    return [(group, post) for group, post in named if counts[group] >= LEAST_SENTENCES]


def _share(hits: NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4)
