"""Streams of posts to be labelled, made of a corpus that the baseline has not seen, and the baseline's own
posts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.configuration import configs_folder
from model.errors import BadConfig
from model.normalise import normalise_text
from model.taxonomy import HEAD_ORDER
from training.corpora.lexicon import load_lexicon
from training.corpora.overlap import text_key
from training.corpora.pack import NOT_ANNOTATED, CorpusFile, read_corpus, read_manifest
from training.recipe import load_recipe
from training.simulation.plan import SimulationPlan
from training.simulation.vectors import Embedder, Vectors

Labels = NDArray[np.int8]
Places = NDArray[np.intp]
StreamKind = Literal["natural", "published"]

HATE, FAR_RIGHT = HEAD_ORDER.index("hate"), HEAD_ORDER.index("far_right")


@dataclass(frozen=True, slots=True)
class Posts:
    """Posts as the simulation holds them: `keys` tell same texts, `labels` (n, 4), `vectors` (n, d)."""

    keys: tuple[str, ...]
    labels: Labels
    vectors: Vectors

    def only(self, places: Places) -> Posts:
        """The posts at these places, in that order."""
        return Posts(tuple(self.keys[at] for at in places), self.labels[places], self.vectors[places])


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream (n): `pool` are the places that may be labelled, `test` those that average precision is of.

    `heads` are the numbers of the heads that enough test posts are positive for.
    """

    kind: StreamKind
    corpus: str
    posts: Posts
    pool: Places
    test: Places
    heads: tuple[int, ...]


def read_posts(
    plan: SimulationPlan, data: Path, embed: Embedder, tick: Callable[[str], None]
) -> dict[str, Posts]:
    """Every corpus and background stream of the plan, each text once, as many as the plan has of each.

    Raises: BadConfig if the data folder lacks one.
    """
    manifest = read_manifest(data)
    recipe = load_recipe(configs_folder() / "train" / plan.representation.encoder).recipe
    pattern, _ = load_lexicon(configs_folder() / "train" / recipe.far_right_lexicon)
    found = {}
    for name in (*plan.corpora, *plan.background):
        if name not in manifest:
            raise BadConfig(f"data: {name} is not in the data folder's manifest")
        tick(f"reading {name}")
        presumed = name in plan.background
        each = plan.representation.background_posts // len(plan.background)
        texts, labels = _distinct(
            manifest[name], presumed, each if presumed else plan.representation.posts_a_corpus
        )
        named = np.asarray([pattern.search(text) is not None for text in texts], dtype=np.bool_)
        found[name] = Posts(tuple(map(text_key, texts)), with_far_right(labels, named), embed(texts))
    return found


def _distinct(corpus: CorpusFile, presumed: bool, most: int) -> tuple[list[str], Labels]:
    """At most so many texts of a corpus with a label for any head, by a draw of its own, and their labels."""
    first: dict[str, tuple[str, list[int]]] = {}
    for post in read_corpus(corpus):
        labels = [0] * len(HEAD_ORDER) if presumed else post.labels
        if any(label != NOT_ANNOTATED for label in labels):
            text = normalise_text(post.text)
            first.setdefault(text_key(text), (text, labels))
    first.pop("", None)
    rows = list(first.values())
    random.Random(corpus.corpus).shuffle(rows)  # noqa: S311 - a reproducible draw, not a secret
    kept = rows[:most]
    return [text for text, _ in kept], np.asarray([labels for _, labels in kept], dtype=np.int8).reshape(
        -1, 4
    )


def with_far_right(labels: Labels, names_far_right: NDArray[np.bool_]) -> Labels:
    """The labels (n, 4) with far-right negatives: harmless posts that match no term of the lexicon.

    A harmless post that matches one has no label there. Source: CLASSIFIER.md section 2, rule 2.
    """
    found = labels.copy()
    harmless = (labels[:, HATE] == 0) & (labels[:, FAR_RIGHT] != 1)
    found[harmless, FAR_RIGHT] = np.where(names_far_right[harmless], NOT_ANNOTATED, 0)
    return found


def warm_start_posts(plan: SimulationPlan, posts: dict[str, Posts], held_out: str) -> Posts:
    """What the baseline starts from: posts of all other corpora and background that no stream uses.

    None whose text stands in the corpus that is left out.
    """
    unseen = set(posts[held_out].keys)
    parts = []
    for name in plan.corpora:
        if name != held_out:
            places = [at for at, key in enumerate(posts[name].keys) if key not in unseen]
            parts.append(
                posts[name].only(np.asarray(places[: plan.warm_start.posts_a_corpus], dtype=np.intp))
            )
    parts += [posts[name].only(_for_warm_start(plan, posts[name])) for name in plan.background]
    return joined(parts)


def _for_warm_start(plan: SimulationPlan, background: Posts) -> Places:
    each = plan.warm_start.background_posts // len(plan.background)
    return np.arange(min(each, len(background.keys) // 2), dtype=np.intp)


def joined(parts: Sequence[Posts]) -> Posts:
    """All posts, one part after the other."""
    return Posts(
        tuple(key for part in parts for key in part.keys),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.vectors for part in parts]),
    )


def make_stream(
    plan: SimulationPlan, posts: dict[str, Posts], corpus: str, kind: StreamKind, seed: int
) -> Stream | None:
    """A stream of one corpus, drawn and split by the seed; None where it is too small to say anything.

    `natural`: so few hateful posts as the plan says, the corpus's own harmless ones, and background traffic.
    `published`: the corpus as it is.
    """
    draw = np.random.default_rng([seed, *corpus.encode()])
    own = posts[corpus]
    hateful = (own.labels == 1).any(axis=1)
    if kind == "published":
        found = own.only(draw.permutation(len(own.keys)))
    else:
        size = plan.stream.posts
        bad = draw.permutation(np.flatnonzero(hateful))[: round(size * plan.stream.hateful)]
        good = draw.permutation(np.flatnonzero(~hateful))[: round(size * plan.stream.own_harmless_at_most)]
        rest = joined([posts[n].only(_for_streams(plan, posts[n])) for n in plan.background])
        filler = draw.permutation(len(rest.keys))[: size - len(bad) - len(good)]
        found = joined([own.only(np.concatenate([bad, good])), rest.only(filler)])
        found = found.only(draw.permutation(len(found.keys)))
    tested = round(len(found.keys) * plan.stream.tested)
    test, pool = np.arange(tested, dtype=np.intp), np.arange(tested, len(found.keys), dtype=np.intp)
    if kind == "published" and len(pool) < plan.random_labels * plan.stream.published_pool_at_least:
        return None
    at_least = plan.stream.least_test_positives
    heads = tuple(
        head
        for head in range(len(HEAD_ORDER))
        if (found.labels[test, head] == 1).sum() >= at_least and (found.labels[test, head] == 0).any()
    )
    return Stream(kind, corpus, found, pool, test, heads) if heads else None


def _for_streams(plan: SimulationPlan, background: Posts) -> Places:
    return np.arange(len(_for_warm_start(plan, background)), len(background.keys), dtype=np.intp)
