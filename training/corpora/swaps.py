"""Counterfactual swaps: the same post about another group of people of the same kind.

"The mosque where Muslims pray" becomes "The synagogue where Jews pray". A post is swapped only when one
group of a kind is named and nothing in it is bound to that group (history, customs, slurs): then the two
texts differ in the name alone, and a fair classifier gives both the same `hate`. A stereotype may still
not carry over: a copy is labelled as its source was, with the strand of its new group, and that label is
weaker than one that somebody gave; hence only a share of the posts gets a copy.

Source: Garg et al. 2019, "Counterfactual Fairness in Text Classification through Robustness" (swaps by
identity term, logit pairing).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, load_yaml
from model.taxonomy import HEAD_ORDER
from training.corpora.overlap import text_key
from training.corpora.pack import NOT_ANNOTATED
from training.corpora.wording import Grammar, in_case_of, lower_in_place, stands_as_noun, with_article

if TYPE_CHECKING:  # the mixture asks here which groups a post names
    from training.corpora.mixture import MixturePost

HATE, ANTISEMITIC, ISLAMOPHOBIC, FAR_RIGHT = (
    HEAD_ORDER.index(head) for head in ("hate", "antisemitic", "islamophobic", "far_right")
)

FORMS: Final = (
    "people",
    "person",
    "adjective",
    "faith",
    "faith_adjective",
    "worship",
    "worships",
    "leader",
    "leaders",
    "book",
)
"""The parallel forms of a group's name. Where one word stands in two, the earlier one is meant."""

PAIRED_KINDS: Final = ("religion", "ethnicity", "migration", "orientation", "disability")
"""What training pairs: not gender, where "man" is mostly no group and few stereotypes hold both ways."""

Kind = Literal["religion", "ethnicity", "migration", "orientation", "disability", "gender"]
Names = tuple[str, ...]


class Group(FrozenConfig):
    """One group of people: its names by form, first the one to write, and the words bound to it."""

    kind: Kind
    strand: Literal["antisemitic", "islamophobic"] | None = None
    adjective_needs_person: bool = False
    people: Names = ()
    person: Names = ()
    adjective: Names = ()
    faith: Names = ()
    faith_adjective: Names = ()
    worship: Names = ()
    worships: Names = ()
    leader: Names = ()
    leaders: Names = ()
    book: Names = ()
    bound: Names = ()

    def names(self, form: str) -> Names:
        """The names of the group in a form; none where the group has no such thing."""
        found: Names = getattr(self, form)
        return found


class IdentityTerms(FrozenConfig):
    """Groups of people in parallel forms, and the small grammar that a swap needs. Dated."""

    version: int
    valid_from: date
    sha256: str = ""
    kinds: tuple[Kind, ...] = Field(min_length=1)
    person_nouns: Names = Field(min_length=1)
    groups: dict[str, Group] = Field(min_length=2)
    grammar: Grammar

    @model_validator(mode="after")
    def _names_are_unambiguous(self) -> IdentityTerms:
        owner: dict[str, str] = {}
        for name, group in self.groups.items():
            if group.kind not in self.kinds:
                raise ValueError(f"groups.{name}: its kind is not in `kinds`")
            for form in FORMS:
                for word in group.names(form):
                    if owner.setdefault(word.lower(), name) != name:
                        raise ValueError(f"groups.{name}.{form}: a name that another group has too")
        return self

    @cached_property
    def meanings(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Lower-case name -> its group and the forms that it can stand for, in the order of FORMS."""
        found: dict[str, tuple[str, tuple[str, ...]]] = {}
        for name, group in self.groups.items():
            for form in FORMS:
                for word in group.names(form):
                    found[word.lower()] = (name, (*found.get(word.lower(), (name, ()))[1], form))
        return found

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """One expression over lower-case text: group 1 is a name, group 2 a word bound to somebody."""
        adjectives = {
            word.lower()
            for group in self.groups.values()
            if group.adjective_needs_person
            for word in group.adjective
        }
        free = set(self.meanings) - adjectives
        before_person = rf"(?:{_any_of(adjectives)})(?=\s+(?:{_any_of(self.person_nouns)})(?!\w))"
        bound = {word.lower() for group in self.groups.values() for word in group.bound}
        # A bound phrase wins over the name that it begins with ("gay marriage"), so it is tried first.
        # Handles and paths of addresses are not prose: nothing is found right after @, / or _.
        return re.compile(
            rf"(?<![\w@/])(?:({_any_of(bound)})|({before_person}|{_any_of(free)}))(?!\w)",
        )

    @cached_property
    def bound_to(self) -> list[tuple[re.Pattern[str], str]]:
        """Per group with bound words: the expression for a whole bound word, and the group."""
        return [
            (re.compile(_any_of({word.lower() for word in group.bound})), name)
            for name, group in self.groups.items()
            if group.bound
        ]

    def of_kind(self, kind: str) -> list[str]:
        """The names of the groups of a kind, in the order of the file."""
        return [name for name, group in self.groups.items() if group.kind == kind]


@dataclass(frozen=True, slots=True)
class Mention:
    """A name of a group at [start, end) of the text; `forms` is empty for a word bound to the group."""

    start: int
    end: int
    group: str
    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Swapped:
    """The text about another group."""

    text: str
    source_group: str
    target_group: str


def load_identity_terms(path: Path) -> IdentityTerms:
    """The groups and forms of the file, with the SHA-256 of its bytes. Raises: BadConfig."""
    terms, digest = load_yaml(path, IdentityTerms)
    return terms.model_copy(update={"sha256": digest})


def mentions(text: str, terms: IdentityTerms) -> list[Mention]:
    """Every name of a group in the text, and every word bound to one, in order.

    A word that is bound to two groups is a mention of both.
    """
    return list(_mentions(lower_in_place(text), terms))


def groups_named(text: str, terms: IdentityTerms, kinds: Sequence[str] = PAIRED_KINDS) -> set[str]:
    """The groups of the `kinds` that the text names; a bound word alone ("Christmas", "his") names nobody."""
    return {
        mention.group
        for mention in mentions(text, terms)
        if mention.forms and terms.groups[mention.group].kind in kinds
    }


def swap(
    text: str,
    draw: random.Random,
    terms: IdentityTerms,
    to: str | None = None,
    kinds: Sequence[str] | None = None,
) -> Swapped | None:
    """The text about another group of the same kind, or None where no clean swap is possible.

    `kinds` (all by default) are tried in order: the first with exactly one group in the text, none of
    whose bound words is there, is swapped; groups of other kinds stay as they are. The target is `to`, or
    drawn from those of the kind that have every form needed.
    """
    found = mentions(text, terms)
    source = _swappable(found, terms, terms.kinds if kinds is None else kinds)
    if source is None:
        return None
    names = [mention for mention in found if mention.group == source]
    targets = [name for name in terms.of_kind(terms.groups[source].kind) if name != source]
    if to is not None:
        targets = [name for name in targets if name == to]
    for target in draw.sample(targets, len(targets)):
        written = _written_as(target, text, names, terms)
        if written is not None:
            return Swapped(written, source, target)
    return None


def rename(text: str, source: str, target: str, terms: IdentityTerms) -> str | None:
    """The text with every name of `source` written as `target`, across kinds too; None where not possible.

    For measuring only: "Muslim people" as "black people" is grammatical, a black mosque is no such thing,
    so across kinds many texts have no counterfactual.
    """
    names = [mention for mention in mentions(text, terms) if mention.group == source]
    if not names or any(not mention.forms for mention in names):
        return None
    return _written_as(target, text, names, terms)


def paired(
    posts: Sequence[MixturePost],
    share: float,
    seed: int,
    terms: IdentityTerms,
    barred: Set[str] = frozenset(),
    kinds: Sequence[str] = PAIRED_KINDS,
) -> list[tuple[MixturePost, MixturePost]]:
    """Pairs (post, its swapped copy) for a share of the posts that can be swapped, in order of the posts.

    Drawn from the seed and the post's id alone. Only posts with `hate` annotated. A copy is shown whenever
    its post is, beside it. A copy whose `text_key` is in `barred` (evaluation and dev texts) is left out:
    swapping one group for another can write out a sentence of a test suite.
    """
    pairs = []
    for post in posts:
        if post.labels[HATE] == NOT_ANNOTATED or not terms.pattern.search(lower_in_place(post.text)):
            continue
        draw = random.Random(f"{seed}:swap:{post.corpus}:{post.id}")  # noqa: S311 - a reproducible draw, not a secret
        if draw.random() >= share:
            continue
        swapped = swap(post.text, draw, terms, kinds=kinds)
        if swapped is None or text_key(swapped.text) in barred:
            continue
        pairs.append((post, _copy(post, swapped, terms)))
    return pairs


def _copy(post: MixturePost, swapped: Swapped, terms: IdentityTerms) -> MixturePost:
    return replace(
        post,
        id=f"{post.id}:{swapped.target_group}",
        text=swapped.text,
        labels=swapped_labels(post.labels, swapped, terms),
        repeat=1,
        hints=[NOT_ANNOTATED] * len(HEAD_ORDER),
        rationale=None,  # its offsets belong to the source's text
    )


def swapped_labels(labels: Sequence[int], swapped: Swapped, terms: IdentityTerms) -> list[int]:
    """Labels of the swapped copy in HEAD_ORDER: `hate` as it was, strands follow the group.

    What was not annotated about the source group is not annotated about the target; what nobody judged
    (hate against Christians made into hate against Jews: is it antisemitic?) becomes not annotated.
    """
    copy = list(labels)
    if labels[FAR_RIGHT] == 1:
        copy[FAR_RIGHT] = NOT_ANNOTATED
    if labels[HATE] != 1:
        return copy
    source, target = (_strand(name, terms) for name in (swapped.source_group, swapped.target_group))
    if source is None and target is None:
        # Strand hate may hang on the swapped word after all ("Arab" in an Islamophobic post).
        for strand in (ANTISEMITIC, ISLAMOPHOBIC):
            copy[strand] = NOT_ANNOTATED if labels[strand] == 1 else labels[strand]
        return copy
    if target is not None:
        copy[target] = NOT_ANNOTATED if source is None else labels[source]
    if source is not None and labels[source] == 1:
        copy[source] = 0
    return copy


def _strand(group: str, terms: IdentityTerms) -> int | None:
    strand = terms.groups[group].strand
    return None if strand is None else HEAD_ORDER.index(strand)


def _swappable(found: list[Mention], terms: IdentityTerms, kinds: Sequence[str]) -> str | None:
    """The one group of the first kind that has exactly one, none of it a bound word."""
    for kind in kinds:
        here = [mention for mention in found if terms.groups[mention.group].kind == kind]
        if len({mention.group for mention in here}) == 1 and all(mention.forms for mention in here):
            return here[0].group
    return None


def _mentions(lower: str, terms: IdentityTerms) -> Iterator[Mention]:
    for match in terms.pattern.finditer(lower):
        start, end = match.span()
        word = re.sub(r"\s+", " ", match[0])
        if match[1] is None:
            group, forms = terms.meanings[word]
            yield Mention(start, end, group, forms)
            continue
        for pattern, group in terms.bound_to:
            if pattern.fullmatch(word):
                yield Mention(start, end, group, ())


def _written_as(target: str, text: str, names: list[Mention], terms: IdentityTerms) -> str | None:
    """The text with the names written as the target's, each in its form; None where the target lacks one.

    "Muslim law" as "black law" names nobody and "mosque of England" must not become a church of that
    name: every name has to be found again as one of the target's, and nothing else of the target.
    """
    group = terms.groups[target]
    plan = [(mention, _form(text, mention, terms)) for mention in names]
    if not all(group.names(form) for _mention, form in plan):
        return None
    written = _rewritten(text, plan, group)
    again = [mention for mention in mentions(written, terms) if mention.group == target]
    return written if len(again) == len(names) and all(mention.forms for mention in again) else None


def _form(text: str, mention: Mention, terms: IdentityTerms) -> str:
    """The form a name stands for; "Muslim" alone can be a noun or an adjective, and its neighbours tell."""
    if "person" not in mention.forms or "adjective" not in mention.forms:
        return mention.forms[0]
    return "person" if stands_as_noun(text, mention.start, mention.end, terms.grammar) else "adjective"


def _rewritten(text: str, plan: list[tuple[Mention, str]], target: Group) -> str:
    pieces: list[str] = []
    done = 0
    for mention, form in plan:
        name = in_case_of(text[mention.start : mention.end], target.names(form)[0])
        pieces += [with_article(text[done : mention.start], name), name]
        done = mention.end
    pieces.append(text[done:])
    return "".join(pieces)


def _any_of(words: Set[str] | Sequence[str]) -> str:
    """An expression for any of the words, longest first; a trailing * is any word ending."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return "|".join(re.escape(w).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for w in ordered)
