"""From a data folder to the posts a run trains and is tuned on, under the rules of CLASSIFIER.md section 2.

1. A text of any evaluation set is dropped from training and dev; near-duplicates of dev leave training.
2. Far-right negatives are built from non-hateful posts that match no term of the far-right lexicon.
3. What is not annotated stays so; lexical hints become labels only where the recipe says `weak_labels`.
4. The source corpus stays beside every post. 5. Barred licences are refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.configuration import configs_folder, sha256_of
from model.errors import BadConfig, LeakFound
from model.normalise import normalise_text
from model.records import read_jsonl
from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER
from training.corpora.background import presumed_negatives
from training.corpora.contrast import contrast_posts, load_families
from training.corpora.hub_labels import HUB, voted_posts
from training.corpora.lexicon import load_lexicon
from training.corpora.overlap import held_out, near_duplicates, text_key
from training.corpora.pack import (
    NOT_ANNOTATED,
    CorpusFile,
    CorpusPost,
    Spans,
    read_corpus,
    read_manifest,
    refuse_barred_licence,
)
from training.corpora.side_labels import offensive_of, rationale_in, speech_act_of
from training.corpora.swaps import groups_named, load_identity_terms
from training.recipe import ContrastUse, Recipe

HATE, ANTISEMITIC, ISLAMOPHOBIC, FAR_RIGHT = (
    HEAD_ORDER.index(head) for head in ("hate", "antisemitic", "islamophobic", "far_right")
)
WEAK_TARGETS = {
    "jewish": ANTISEMITIC,
    "jews": ANTISEMITIC,
    "jew": ANTISEMITIC,
    "muslim": ISLAMOPHOBIC,
    "muslims": ISLAMOPHOBIC,
}
CONTRAST = "contrast"
EVALUATION_GROUP = "known"
"""The group of the data folder that is open evaluation: never trained on, whatever a recipe says."""


@dataclass(slots=True)
class MixturePost:
    """A post ready for the tokenizer. `labels` follow `HEAD_ORDER`; so do `hints`, which dev never sees.

    `speech_act` is a place in SPEECH_ACT_ORDER and `offensive` 1 or 0, both NOT_ANNOTATED where nobody
    said; `rationale` holds [start, end) in characters of `text`. `presumed`: a negative that no person
    has judged, so its labels may be wrong.
    """

    corpus: str
    id: str
    text: str
    labels: list[int]
    repeat: int = 1
    in_dev: bool = False
    hints: list[int] = field(default_factory=list)
    speech_act: int = NOT_ANNOTATED
    offensive: int = NOT_ANNOTATED
    rationale: Spans | None = None
    presumed: bool = False
    soft: tuple[float | None, ...] | None = None
    """By HEAD_ORDER, the share of people who said 1: what training aims at in place of the label."""


@dataclass(slots=True)
class Mixture:
    """Training and dev posts, and the counts of what the rules did."""

    train: list[MixturePost] = field(default_factory=list)
    dev: list[MixturePost] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    lexicon_sha256: str = ""
    barred: set[str] = field(default_factory=set)
    """Keys of every text that is evaluated on."""
    suites: list[str] = field(default_factory=list)
    """Texts of the suites that made posts must not come near."""

    def count(self, what: str, corpus: str, number: int = 1) -> None:
        """Adds to the tally `what` of a corpus."""
        tally = self.counts.setdefault(what, {})
        tally[corpus] = tally.get(corpus, 0) + number


Tick = Callable[[str], None]


def build_mixture(
    recipe: Recipe,
    data: Path,
    labels: Sequence[Path] = (),
    tick: Tick = lambda _what: None,
    *,
    drop_near_duplicates: bool = True,
) -> Mixture:
    """The posts a recipe trains on. Raises: BadConfig, BadRecord.

    `drop_near_duplicates=False` saves a minute where only the dev posts are wanted: the rule takes
    posts out of training, never out of dev.
    """
    manifest = read_manifest(data)
    pattern, lexicon_sha256 = load_lexicon(configs_folder() / "train" / recipe.far_right_lexicon)
    mixture = Mixture(lexicon_sha256=lexicon_sha256)
    barred = _evaluation_keys(recipe, manifest, mixture, tick)
    for path in labels:
        mixture.files[f"labels: {path.name}"] = sha256_of(path.read_bytes())
        barred.update(text_key(normalise_text(r.text)) for r in read_jsonl(path) if r.split == "test")
    mixture.barred = barred
    gathered = _Gathering(recipe, mixture, barred, pattern)
    # People of the hub first: where a corpus, or a presumption, says otherwise, their label stands.
    for post in voted_posts(labels):
        gathered.admit(post, repeat=recipe.labels_repeat)
    for use in recipe.corpora:
        tick(f"reading {use.name}")
        corpus = _trainable(manifest, use.name, recipe, mixture)
        heads = {HEAD_ORDER.index(head) for head in use.heads}
        for post in read_corpus(corpus):
            gathered.admit(post, repeat=use.repeat, heads=heads)
    if recipe.contrast is not None:
        tick("making contrast posts")
        for post in _contrast(recipe.contrast, recipe.seed, manifest, mixture):
            gathered.admit(post)
    mentions = _mentions(recipe, mixture)
    for background in recipe.background:
        tick(f"reading {background.name}")
        stream = read_corpus(_trainable(manifest, background.name, recipe, mixture))
        for post in presumed_negatives(stream, background, recipe.seed, mentions):
            gathered.admit(post, presumed_negative=True)
    gathered.finish()
    if drop_near_duplicates:
        tick("looking for near-duplicates of dev posts")
        _drop_near_duplicates(mixture, recipe)
        _refuse_too_much_contrast(mixture, recipe)
    return mixture


def _contrast(
    use: ContrastUse, seed: int, manifest: dict[str, CorpusFile], mixture: Mixture
) -> list[CorpusPost]:
    """Our made posts, less those that come near a post of the suites they must stay away from."""
    folder = configs_folder() / "train"
    families = load_families([folder / name for name in use.families])
    mixture.files.update({f"contrast: {name}": digest for name, digest in families.files.items()})
    made = contrast_posts([folder / name for name in use.families], use.posts, seed)
    suites = [
        normalise_text(p.text) for n in use.away_from for p in read_corpus(_corpus(manifest, n, mixture))
    ]
    mixture.suites = suites
    near = near_duplicates(suites, (normalise_text(post.text) for post in made), jaccard=use.jaccard)
    mixture.count("left out: near an evaluation suite", CONTRAST, sum(near))
    return [
        CorpusPost(
            corpus=CONTRAST,
            id=f"{post.template_id}-{number}",
            text=post.text,
            split="dev" if post.in_dev else "train",
            labels=list(post.labels),
            kind=post.family,
            speech_act=SPEECH_ACT_ORDER[post.speech_act],
        )
        for number, (post, is_near) in enumerate(zip(made, near, strict=True))
        if not is_near
    ]


def _refuse_too_much_contrast(mixture: Mixture, recipe: Recipe) -> None:
    if recipe.contrast is None:
        return
    made = sum(post.repeat for post in mixture.train if post.corpus == CONTRAST)
    share = made / max(1, sum(post.repeat for post in mixture.train))
    if share > recipe.contrast.share_at_most:
        raise BadConfig(
            f"contrast: {share:.1%} of what is shown, more than {recipe.contrast.share_at_most:.0%}"
        )


def _mentions(recipe: Recipe, mixture: Mixture) -> Callable[[str], bool]:
    """Whether a text names an identity, by the recipe's terms."""
    if recipe.swaps is None:
        return lambda _text: False
    terms = load_identity_terms(configs_folder() / "train" / recipe.swaps.terms)
    mixture.files[f"identity terms: {recipe.swaps.terms}"] = terms.sha256
    return lambda text: bool(groups_named(text, terms))


def _corpus(manifest: dict[str, CorpusFile], name: str, mixture: Mixture) -> CorpusFile:
    if name not in manifest:
        raise BadConfig(f"corpora: {name} is not in the data folder's manifest")
    mixture.files[name] = manifest[name].sha256
    return manifest[name]


def _trainable(manifest: dict[str, CorpusFile], name: str, recipe: Recipe, mixture: Mixture) -> CorpusFile:
    """The corpus, if it may be trained on. Raises: LeakFound, BadConfig."""
    corpus = _corpus(manifest, name, mixture)
    if corpus.group == EVALUATION_GROUP or name in recipe.evaluation_only:
        raise LeakFound(f"corpora: {name} is an evaluation set and must not be trained on")
    refuse_barred_licence(corpus)
    return corpus


def _evaluation_keys(
    recipe: Recipe, manifest: dict[str, CorpusFile], mixture: Mixture, tick: Tick
) -> set[str]:
    """Keys of every text that is evaluated on: whole evaluation corpora, and published test splits."""
    keys: set[str] = set()
    whole = {name for name, corpus in manifest.items() if corpus.group == EVALUATION_GROUP}
    for name in sorted(whole | set(recipe.evaluation_only)):
        tick(f"barring the texts of {name}")
        keys.update(text_key(normalise_text(p.text)) for p in read_corpus(_corpus(manifest, name, mixture)))
    names = [use.name for use in recipe.corpora] + [use.name for use in recipe.background]
    for name in names:
        posts = read_corpus(_corpus(manifest, name, mixture))
        keys.update(text_key(normalise_text(p.text)) for p in posts if p.split == "test")
    keys.discard("")
    return keys


@dataclass(slots=True)
class _Gathering:
    """The posts admitted so far, by the key of their text."""

    recipe: Recipe
    mixture: Mixture
    barred: set[str]
    pattern: re.Pattern[str]
    seen: dict[str, MixturePost] = field(default_factory=dict)
    unlabelled: set[str] = field(default_factory=set)

    def admit(
        self,
        post: CorpusPost,
        *,
        repeat: int = 1,
        heads: set[int] | None = None,
        presumed_negative: bool = False,
    ) -> None:
        """Takes the post in, joins it to the same text, or counts why it stays out."""
        text = normalise_text(post.text)
        key = text_key(text)
        labels = [
            label if heads is None or n in heads else NOT_ANNOTATED for n, label in enumerate(post.labels)
        ]
        why_not = self._why_not(post, text, key, labels, presumed_negative)
        if why_not is not None:
            self.mixture.count(why_not, post.corpus)
            return
        in_dev = _goes_to_dev(post, key, self.recipe.dev_percent, presumed_negative)
        new = MixturePost(
            post.corpus,
            post.id,
            text,
            labels,
            repeat,
            in_dev,
            _hints(post),
            speech_act=speech_act_of(post, presumed=presumed_negative),
            offensive=offensive_of(post),
            rationale=rationale_in(post),
            presumed=presumed_negative,
            soft=post.soft,
        )
        if key not in self.seen:
            self.seen[key] = new
            return
        self.mixture.count("merged: same text as an earlier post", post.corpus)
        first = self.seen[key]
        _fill(first.labels, labels)
        _fill(first.hints, new.hints)
        first.in_dev |= in_dev
        first.speech_act = new.speech_act if first.speech_act == NOT_ANNOTATED else first.speech_act
        first.offensive = new.offensive if first.offensive == NOT_ANNOTATED else first.offensive
        if first.rationale is None and first.text == text:
            first.rationale = new.rationale

    def _why_not(
        self, post: CorpusPost, text: str, key: str, labels: list[int], presumed_negative: bool
    ) -> str | None:
        if post.split == "test":
            return "left out: published test split"
        if not key:
            return "left out: no words"
        if key in self.barred:
            return "left out: stands in an evaluation set"
        says_nothing = all(label == NOT_ANNOTATED for label in labels) and post.soft is None
        if says_nothing and not self._teaches_beside(post):
            self.unlabelled.add(key)
            return "left out: no label for any head"
        if presumed_negative and self.pattern.search(text):
            return "left out: presumed negative with a far-right term"
        if presumed_negative and (key in self.seen or key in self.unlabelled):
            return "left out: presumed negative that people have judged"
        return None

    def _teaches_beside(self, post: CorpusPost) -> bool:
        """Whether a post without a label for any head is worth its time: marked words are rare, so it is."""
        return post.rationale is not None

    def finish(self) -> None:
        """Adds what is built rather than annotated, and parts the posts into training and dev."""
        for post in self.seen.values():
            if post.labels[FAR_RIGHT] == NOT_ANNOTATED and post.labels[HATE] == 0:
                post.labels[FAR_RIGHT] = NOT_ANNOTATED if self.pattern.search(post.text) else 0
            # Never on dev: a hint is a keyword, and measuring on it would reward spotting keywords.
            if self.recipe.weak_labels and post.labels[HATE] == 1 and not post.in_dev:
                _fill(post.labels, post.hints)
            (self.mixture.dev if post.in_dev else self.mixture.train).append(post)
            self.mixture.count("dev" if post.in_dev else "train", post.corpus)


def _goes_to_dev(post: CorpusPost, key: str, dev_percent: int, presumed_negative: bool) -> bool:
    if post.split == "dev":
        return True
    has_its_split = post.corpus in _SPLIT_BY_AUTHORS or (post.corpus == HUB and post.split is not None)
    return not has_its_split and not presumed_negative and held_out(post.corpus, key, dev_percent)


# Corpora whose authors published a dev split; of the others a share is held out by hash.
_SPLIT_BY_AUTHORS = frozenset(
    {"hatexplain", "dghsd", "hatemoji_build", "cad", "md_agreement", "reddit_counter_context", CONTRAST}
)


def _hints(post: CorpusPost) -> list[int]:
    """Weak strand labels from the lexical `derived_target`, such as "jewish+muslim"."""
    hints = [NOT_ANNOTATED] * len(HEAD_ORDER)
    for word in str((post.meta or {}).get("derived_target") or "").lower().split("+"):
        if word in WEAK_TARGETS:
            hints[WEAK_TARGETS[word]] = 1
    return hints


def _fill(first: list[int], others: list[int]) -> None:
    """Fills what the first leaves open; where the two disagree the first one stands."""
    for head, label in enumerate(others):
        if first[head] == NOT_ANNOTATED:
            first[head] = label


def _drop_near_duplicates(mixture: Mixture, recipe: Recipe) -> None:
    near = near_duplicates(
        [post.text for post in mixture.dev],
        (post.text for post in mixture.train),
        jaccard=recipe.near_duplicate_jaccard,
    )
    for post, is_near in zip(mixture.train, near, strict=True):
        if is_near:
            mixture.count("left out: nearly repeats a dev post", post.corpus)
            mixture.count("train", post.corpus, -1)
    mixture.train = [post for post, is_near in zip(mixture.train, near, strict=True) if not is_near]


def label_counts(posts: Sequence[MixturePost]) -> dict[str, dict[str, int]]:
    """How many posts say 1 and 0 for each head."""
    tally = {head: Counter(post.labels[number] for post in posts) for number, head in enumerate(HEAD_ORDER)}
    return {head: {"yes": count[1], "no": count[0]} for head, count in tally.items()}
