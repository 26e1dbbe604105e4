"""Our own contrast families: templates that part hate from mention, negation, counter-speech and the rest.

The families stand in `configs/train/contrast/`. Whole templates are held out for dev, by hash of their
wording, so that dev measures phrasing the run has not seen. Every draw comes from the seed alone.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import prod
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER, SpeechAct, Strand
from training.corpora.overlap import text_key
from training.corpora.pack import NOT_ANNOTATED

DEV_PERCENT = 12
"""Share of a family's templates, in percent, that are dev's."""

LARGEST_SHARE = 250
"""No template makes more than one post in so many: 80 of 20,000."""

POSTS_PER_FILLING = 8
"""How often at most one filling of a template's slots is shown, each time with another surface."""

TRIES = 12
"""Draws for one more new post before a template counts as used up."""

NESTING = 4
"""How deep a filler may hold slots of its own."""

SURFACE_SLOTS = ("leads", "tails", "hashtags", "emoji")  # any post may carry these, so all files need them

FORMS = ("group", "member", "adj", "they_are", "one_is")
ALIASES = {"person": ("a", "member")}  # {person} is {a member}
SLOT = re.compile(r"\{(?:([aA]) )?([A-Za-z_]+)(\d?)\}")
BARE_ARTICLE = re.compile(r"\b[aA]n? \{")
RESTRICTION = re.compile(r"^\[([a-z_, ]+)\]\s*")
VOWEL_SOUND = re.compile(r"(?!eu|uk|uni|use|one\b)(?:[aeiou]|hon(?:est|our)|8)", re.IGNORECASE)


def _lines(value: object) -> object:
    """A block of text as its lines: YAML's own lists cannot hold `{`, `#` and quotes without escapes."""
    return [line.strip() for line in value.splitlines() if line.strip()] if isinstance(value, str) else value


Lines = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_lines), Field(min_length=1)
]


class Identity(FrozenConfig):
    """A group and the forms of its name.

    `group` is plural ("Sikhs"), `member` singular without its article ("Sikh man"), `adj` stands before
    a noun, `they_are` and `one_is` follow "because they're" and "being". `slots` hold words that only
    this group has: a template that uses one is for the groups that have it.
    """

    kind: str
    weight: float = Field(default=1.0, gt=0)
    strand: Literal["antisemitic", "islamophobic"] | None = None
    unclear: tuple[Literal["antisemitic", "islamophobic"], ...] = ()
    group: Lines
    member: Lines
    adj: Lines
    they_are: Lines
    one_is: Lines
    slots: Mapping[str, Lines] = Field(default_factory=dict)

    def fillers(self) -> dict[str, tuple[str, ...]]:
        """Every slot of the identity with its fillers."""
        return {**{form: getattr(self, form) for form in FORMS}, **self.slots}


class Family(FrozenConfig):
    """Templates of one kind of statement. `only` names kinds or identities, as a line's own `[...]` does."""

    name: str
    about: str
    hate: Literal[0, 1]
    speech_act: SpeechAct
    strand: Literal["from_identity", "none"]
    far_right: Literal[0, 1] | None = None
    weight: float = Field(default=1.0, gt=0)
    only: tuple[str, ...] = ()
    templates: Lines


class FamilyFile(FrozenConfig):
    """One file of `configs/train/contrast/`; slots and identities serve every file loaded with it."""

    version: int
    valid_from: date
    slots: Mapping[str, Lines] = Field(default_factory=dict)
    identities: Mapping[str, Identity] = Field(default_factory=dict)
    families: tuple[Family, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """One wording of a family, with slots, and the identities that fit it (empty: it speaks of none)."""

    id: str
    text: str
    family: Family
    identities: tuple[str, ...]
    in_dev: bool = False


@dataclass(frozen=True, slots=True)
class Families:
    """All files together: what `contrast_posts` draws from."""

    slots: Mapping[str, tuple[str, ...]]
    identities: Mapping[str, Identity]
    families: tuple[Family, ...]
    templates: tuple[Template, ...]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContrastPost:
    """A made post: raw text, `labels` by `HEAD_ORDER` (-1 not said), `speech_act` by `SPEECH_ACT_ORDER`."""

    family: str
    template_id: str
    group: str | None
    text: str
    labels: list[int]
    speech_act: int
    in_dev: bool


def load_families(paths: Sequence[Path]) -> Families:
    """The families of the files, or of the folders' `*.yaml`, with every slot resolved.

    Raises: BadConfig, naming family and template.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    slots: dict[str, tuple[str, ...]] = {}
    identities: dict[str, Identity] = {}
    families: list[Family] = []
    hashes: dict[str, str] = {}
    for file in files:
        loaded, hashes[file.name] = load_yaml(file, FamilyFile)
        if twice := (slots.keys() & loaded.slots.keys()) | (identities.keys() & loaded.identities.keys()):
            raise BadConfig(f"{file}: {', '.join(sorted(twice))}: stands in an earlier file too")
        slots.update(loaded.slots)
        identities.update(loaded.identities)
        families.extend(loaded.families)
    for name in SURFACE_SLOTS:
        used = {
            slot for filler in slots.get(name, ()) for slot in _slots_used(filler, slots, f"slots: {name}")
        }
        if name not in slots or not used <= slots.keys():
            raise BadConfig(f"slots: {name}: missing, or holds a slot that is not among the slots")
    names = [family.name for family in families]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadConfig(f"families: {', '.join(sorted(twice))}: the name stands twice")
    templates = tuple(template for family in families for template in _templates(family, slots, identities))
    return Families(slots, identities, tuple(families), templates, hashes)


def _templates(
    family: Family, slots: Mapping[str, tuple[str, ...]], identities: Mapping[str, Identity]
) -> list[Template]:
    """The family's templates; of a family none of whose hashes falls to dev, the lowest one does."""
    templates = [
        _template(family, line, number, slots, identities)
        for number, line in enumerate(family.templates, start=1)
    ]
    dev = [_wording_hash(template.text) for template in templates]
    bound = max(min(dev), DEV_PERCENT / 100)
    return [replace(template, in_dev=share <= bound) for template, share in zip(templates, dev, strict=True)]


def _wording_hash(text: str) -> float:
    """A number in [0, 1) by the words of a template: the same words with other stops stay together."""
    return int.from_bytes(hashlib.sha256(text_key(text).encode()).digest()[:4], "big") / 2**32


def _template(
    family: Family,
    line: str,
    number: int,
    slots: Mapping[str, tuple[str, ...]],
    identities: Mapping[str, Identity],
) -> Template:
    """The checked template. Raises: BadConfig."""
    where = f"families: {family.name}, template {number}"
    narrowed = RESTRICTION.match(line)
    text = RESTRICTION.sub("", line)
    names = tuple(name.strip() for name in narrowed[1].split(",")) if narrowed else ()
    known = identities.keys() | {identity.kind for identity in identities.values()}
    if strangers := {*names, *family.only} - known:
        raise BadConfig(f"{where}: {', '.join(sorted(strangers))}: no such identity or kind")
    used = _slots_used(text, slots, where)
    of_an_identity = used - slots.keys()
    fitting = tuple(
        key
        for key, identity in identities.items()
        if of_an_identity <= identity.fillers().keys()
        and all(not some or {key, identity.kind} & set(some) for some in (names, family.only))
    )
    needs_one = bool(of_an_identity or names or family.only)
    if unknown := of_an_identity - {slot for identity in identities.values() for slot in identity.fillers()}:
        raise BadConfig(f"{where}: {', '.join(sorted(unknown))}: no such slot")
    if needs_one and not fitting:
        raise BadConfig(f"{where}: {', '.join(sorted(of_an_identity)) or '[...]'}: no identity has all these")
    name = f"{family.name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    return Template(name, text, family, fitting if needs_one else ())


def _slots_used(text: str, slots: Mapping[str, tuple[str, ...]], where: str, depth: int = 0) -> set[str]:
    """The slots of a text and of whatever its slots may be filled with. Raises: BadConfig."""
    if depth > NESTING:
        raise BadConfig(f"{where}: fillers hold slots more than {NESTING} deep")
    if set(SLOT.sub("", text)) & set("{}"):
        raise BadConfig(f"{where}: a brace that belongs to no slot")
    if BARE_ARTICLE.search(text):
        raise BadConfig(f"{where}: an article before a slot; write {{a name}}, and a or an is chosen")
    used: set[str] = set()
    for match in SLOT.finditer(text):
        name = _slot_name(match)
        used.add(name)
        for filler in slots.get(name, ()):
            used |= _slots_used(filler, slots, where, depth + 1)
    return used


def _slot_name(match: re.Match[str]) -> str:
    name = match[2].lower()
    return ALIASES[name][1] if name in ALIASES else name


def contrast_posts(folder_or_files: Sequence[Path], posts: int, seed: int) -> list[ContrastPost]:
    """Up to `posts` different posts, in the order of the files; fewer where the wordings are used up.

    Families share `posts` by their weight, templates of a family evenly. The same files, number and seed
    give the same posts in every process. Raises: BadConfig.
    """
    families = load_families(folder_or_files)
    whole = sum(family.weight for family in families.families)
    seen: set[str] = set()
    made: list[ContrastPost] = []
    for family in families.families:
        templates = [template for template in families.templates if template.family is family]
        room = [min(max(1, posts // LARGEST_SHARE), _capacity(template, families)) for template in templates]
        shares = _even_shares(round(posts * family.weight / whole), room)
        for template, wanted in zip(templates, shares, strict=True):
            made.extend(_draw_posts(template, families, wanted, seed, seen))
    return made[:posts]


def _even_shares(whole: int, room: Sequence[int]) -> list[int]:
    """`whole` parted as evenly as the room of each allows.

    >>> _even_shares(10, [1, 9, 9])
    [1, 5, 4]
    """
    shares = [0] * len(room)
    while whole and (open_ones := [place for place, most in enumerate(room) if shares[place] < most]):
        for place in open_ones[:whole]:
            shares[place] += 1
            whole -= 1
    return shares


def _capacity(template: Template, families: Families) -> int:
    """How many posts a template can stand, counting the fillings of its slots."""
    groups = template.identities or (None,)
    return POSTS_PER_FILLING * sum(_fillings(template.text, _fillers(families, group)) for group in groups)


def _fillings(text: str, fillers: Mapping[str, tuple[str, ...]]) -> int:
    return prod(sum(_fillings(f, fillers) for f in fillers[_slot_name(m)]) for m in SLOT.finditer(text))


def _fillers(families: Families, key: str | None) -> Mapping[str, tuple[str, ...]]:
    return {**families.slots, **(families.identities[key].fillers() if key else {})}


def _draw_posts(
    template: Template, families: Families, wanted: int, seed: int, seen: set[str]
) -> list[ContrastPost]:
    draw = random.Random(f"{seed}:{template.id}")  # noqa: S311 - a reproducible draw, not a secret
    weights = [families.identities[key].weight for key in template.identities]
    made: list[ContrastPost] = []
    for _ in range(wanted):
        for _try in range(TRIES):
            group = draw.choices(template.identities, weights)[0] if template.identities else None
            text = _fill(template.text, _fillers(families, group), draw)
            text = _surface(text, families.slots, draw)
            if (key := text_key(text)) not in seen:
                break
        else:
            return made
        seen.add(key)
        made.append(_post(template, group, families, text))
    return made


def _post(template: Template, group: str | None, families: Families, text: str) -> ContrastPost:
    of = template.family
    labels = _labels(of, families.identities[group] if group else None)
    speech_act = SPEECH_ACT_ORDER.index(of.speech_act.value)
    return ContrastPost(of.name, template.id, group, text, labels, speech_act, template.in_dev)


def _labels(family: Family, identity: Identity | None) -> list[int]:
    """The labels by `HEAD_ORDER`. Not hate: no strand. Hate: the identity's strand, where the family says so.

    A group that people often mean by its religion ("Arabs") leaves that strand open, as the corpora do.
    """
    said: dict[str, int] = dict.fromkeys(HEAD_ORDER, NOT_ANNOTATED if family.hate else 0)
    said["hate"] = family.hate
    if family.hate and family.strand == "from_identity" and identity is not None:
        for strand in (Strand.ANTISEMITIC.value, Strand.ISLAMOPHOBIC.value):
            said[strand] = NOT_ANNOTATED if strand in identity.unclear else int(strand == identity.strand)
    if family.far_right is not None:
        said[Strand.FAR_RIGHT.value] = family.far_right
    return [said[head] for head in HEAD_ORDER]


def _fill(text: str, fillers: Mapping[str, tuple[str, ...]], draw: random.Random) -> str:
    """The text with every slot filled; a slot that stands twice says the same thing twice."""
    chosen: dict[str, str] = {}

    def filled(match: re.Match[str]) -> str:
        name = _slot_name(match)
        article = ALIASES[match[2].lower()][0] if match[2].lower() in ALIASES else match[1]
        words = chosen.get(name + match[3])
        if words is None:
            left = [filler for filler in fillers[name] if filler not in chosen.values()]
            chosen[name + match[3]] = words = draw.choice(left or fillers[name])
        words = SLOT.sub(filled, words)
        if article:
            words = f"{article_of(words)} {words}"
        return words[:1].upper() + words[1:] if match[2][0].isupper() or article == "A" else words

    return SLOT.sub(filled, text)


def article_of(words: str) -> str:
    """ "an" or "a", by the sound that the words begin with.

    >>> [article_of(words) for words in ("asylum seeker", "Ukrainian", "Hindu")]
    ['an', 'a', 'a']
    """
    return "an" if VOWEL_SOUND.match(words) else "a"


QUOTES = ('"{}"', '"{}"', "“{}”", "'{}'", "‘{}’")
QUOTED = re.compile(r'"([^"]+)"')


def _surface(text: str, slots: Mapping[str, tuple[str, ...]], draw: random.Random) -> str:
    """The text as people might type it. Every family has the same odds: no form gives hate away."""
    style = draw.choice(QUOTES)
    text = QUOTED.sub(lambda quoted: style.format(quoted[1]), text)
    if draw.random() < 0.15:
        in_front = draw.random() < 0.7
        more = _fill(draw.choice(slots["leads" if in_front else "tails"]), slots, draw)
        text = f"{more} {text}" if in_front else f"{text} {more}"
    if draw.random() < 0.25:
        shouted = text[1:2].isupper()  # "OK so" must not become "oK so"
        text = text.lower() if draw.random() < 0.4 or shouted else text[:1].lower() + text[1:]
    if text.endswith(".") and draw.random() < 0.35:
        text = text.rstrip(".")
    if draw.random() < 0.07:
        text = f"@USER {text}"
    if draw.random() < 0.08:
        text = f"{text} {draw.choice(slots['hashtags'])}"
    if draw.random() < 0.10:
        text = f"{text} {draw.choice(slots['emoji'])}"
    return text


def describe(posts: Sequence[ContrastPost]) -> dict[str, dict[str, int]]:
    """For each family the posts in `train` and `dev`, and the `templates` they come from."""
    counts: dict[str, dict[str, int]] = {}
    templates: dict[str, set[str]] = {}
    for post in posts:
        tally = counts.setdefault(post.family, {"train": 0, "dev": 0, "templates": 0})
        tally["dev" if post.in_dev else "train"] += 1
        templates.setdefault(post.family, set()).add(post.template_id)
        tally["templates"] = len(templates[post.family])
    return counts
