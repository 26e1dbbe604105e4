"""The cases that both bundles are put to: labelled posts that neither has seen, neutral mentions, suites."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.configuration import configs_folder, sha256_of
from model.errors import BadConfig
from model.suite import Suite
from training.corpora.mixture import Mixture, build_mixture
from training.corpora.overlap import in_calibration_half, text_key
from training.corpora.pack import CorpusFile, read_corpus, read_manifest
from training.evaluation.figures import FUNCTIONAL_SUITE, MADLIBS, recipe_of
from training.evaluation.identities import load_neutral_suite, madlibs_posts
from training.gate.gold import label_table, read_gold
from training.gate.rules import NeutralSample
from training.gate.weighted import Drawn
from training.suites.reading import open_suite

OWN_NEUTRAL = "neutral suite"
MADE_BY_US = ("contrast: ", "identity terms: ")
"""What a bundle was trained with besides corpora and labels: none of it is ever a labelled case here."""


@dataclass(frozen=True, slots=True)
class NeutralMention:
    """A harmless sentence that names a group; `template` is the wording that it shares with other groups."""

    source: str
    group: str
    template: str
    text: str


@dataclass(frozen=True, slots=True)
class GateCases:
    """Everything that both bundles answer. `labels` (n, 4) int8 by HEAD_ORDER belong to `texts`.

    `drawn`: how the texts came into an audit, where they were not all drawn with one chance.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int8]
    neutral: tuple[NeutralMention, ...]
    suites: tuple[Suite, ...]
    drawn: Drawn | None = None


def gather_cases(
    new: Bundle,
    old: Bundle,
    data: Path,
    *,
    suites: Sequence[Path] = (),
    labels: Sequence[Path] = (),
    gold: Sequence[Path] = (),
    neutral_sample: NeutralSample | None = None,
) -> GateCases:
    """The cases for two bundles.

    With `gold` (labelled posts marked `test`, so that no training takes them) these are the labelled posts,
    weighed by the chance of their draw where the file has it;
    without, the dev posts that both recipes leave out of training and of calibration. `labels` are the hub's
    files that either was trained with. No `suites` named: all of configs/suites; the data folder's HateCheck
    is always among them. No `neutral_sample`: all neutral sentences of the data folder.
    Raises: BadConfig, BadFile, BadRecord.
    """
    manifest = read_manifest(data)
    neutral, opened = _neutral_mentions(manifest, neutral_sample), _suites(manifest, suites)
    if gold:
        texts, table, drawn = read_gold(gold)
        return GateCases(texts, table, neutral, opened, drawn)
    return GateCases(*_unseen_by_both(new, old, data, labels), neutral, opened)


def _unseen_by_both(
    new: Bundle, old: Bundle, data: Path, labels: Sequence[Path]
) -> tuple[tuple[str, ...], NDArray[np.int8]]:
    mixture = _mixture_of(new, data, labels)
    unseen_by_old = None
    if _recipe_text(new) != _recipe_text(old) or _made_from(new) != _made_from(old):
        unseen_by_old = {text_key(post.text) for post in _mixture_of(old, data, labels).dev}
    posts = [
        post
        for post in mixture.dev
        if not in_calibration_half(post.text)
        and (unseen_by_old is None or text_key(post.text) in unseen_by_old)
    ]
    return tuple(post.text for post in posts), label_table([post.labels for post in posts])


def _mixture_of(bundle: Bundle, data: Path, labels: Sequence[Path]) -> Mixture:
    """The bundle's mixture, rebuilt from the data it was made from. Raises: BadConfig where that is gone."""
    wanted = _label_files(bundle)
    files = [path for path in labels if wanted.get(path.name) == sha256_of(path.read_bytes())]
    if len(files) < len(wanted):
        raise BadConfig("labels: not all the files that the bundle was trained with; name them with --labels")
    # Our own templates are no cases here, and making them takes as long as everything else.
    recipe = recipe_of(bundle.folder).model_copy(update={"contrast": None})
    mixture = build_mixture(recipe, data, files, drop_near_duplicates=False)
    made_from, found = _made_from(bundle), _corpora(mixture.files)
    if any(made_from.get(name) != digest for name, digest in found.items()):
        raise BadConfig("data: not what the bundle was made from, so its dev posts cannot be told apart")
    return mixture


def _corpora(files: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if not name.startswith(MADE_BY_US)}


def _made_from(bundle: Bundle) -> dict[str, str]:
    return _corpora(bundle.manifest.get("data", {}))


def _label_files(bundle: Bundle) -> dict[str, str]:
    made_from = bundle.manifest.get("data", {})
    return {
        name.removeprefix("labels: "): digest
        for name, digest in made_from.items()
        if name.startswith("labels: ")
    }


def _recipe_text(bundle: Bundle) -> bytes:
    recipe_of(bundle.folder)
    return (bundle.folder / "recipe.yaml").read_bytes()


def _neutral_mentions(
    manifest: Mapping[str, CorpusFile], sample: NeutralSample | None
) -> tuple[NeutralMention, ...]:
    suite = load_neutral_suite()
    own = [
        NeutralMention(
            OWN_NEUTRAL,
            identity.name,
            template,
            template.format(people=identity.people, adjective=identity.adjective),
        )
        for identity in suite.identities
        for template in suite.templates
    ]
    corpus = read_corpus(manifest[MADLIBS]) if MADLIBS in manifest else []
    named = [
        NeutralMention(MADLIBS, group, _without(group, post.text), post.text)
        for group, post in madlibs_posts(corpus)
    ]
    return (*own, *(named if sample is None else sampled(named, sample)))


def sampled(mentions: Sequence[NeutralMention], sample: NeutralSample) -> list[NeutralMention]:
    """At most so many mentions of each group, in their order, the wordings drawn alike for all groups."""

    def drawn(place: int) -> bytes:
        return hashlib.sha256(f"{sample.seed}:{mentions[place].template}".encode()).digest()

    by_group: dict[str, list[int]] = defaultdict(list)
    for place, mention in enumerate(mentions):
        by_group[mention.group].append(place)
    kept = [
        place
        for places in by_group.values()
        for place in sorted(places, key=drawn)[: sample.sentences_a_group]
    ]
    return [mentions[place] for place in sorted(kept)]


def _without(group: str, text: str) -> str:
    return text.lower().replace(group, "")


def _suites(manifest: Mapping[str, CorpusFile], files: Sequence[Path]) -> tuple[Suite, ...]:
    paths = list(files) or sorted((configs_folder() / "suites").glob("*.yaml"))
    found = [open_suite(path) for path in paths]
    names = {suite.name for suite in found}
    if len(names) < len(found):
        raise BadConfig("suites: two have the same name")
    if FUNCTIONAL_SUITE in manifest and FUNCTIONAL_SUITE not in names:
        found.append(open_suite(manifest[FUNCTIONAL_SUITE].path))
    return tuple(found)
