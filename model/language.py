"""Which language a text is in, and whether a bundle reads it: a text that it does not read gets no scores.

A score for a text in a language that the network was never shown would say "not hateful" of nearly
anything. So a text that is plainly in other languages, every part of it, is not scored, and says so;
where there is doubt (short, mixed, in disguise, slang) it is scored: foreign words around hate must not
hide it. The numbers and words stand in `configs/language/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Final

import emoji
from pydantic import Field, field_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.deobfuscation import words as known_words
from model.errors import BadConfig
from model.marks import MARKS
from model.normalise import normalise_text

ANY_LANGUAGE: Final = "*"
"""Stands among a bundle's languages when no text is to be refused for its language."""

UNKNOWN: Final = "und"
"""ISO 639-2's code for "undetermined"."""

_ENGLISH: Final = "en"
_NO_WORDS = re.compile(r"(?:https?://|www\.)\S+|[@#]\w+|&#?\w+;", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")

_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#x[\da-f]{1,6});", re.IGNORECASE)
_NO_TEXT = re.compile(r"\bhttp\b|@user\b")
"""What the normaliser makes of links and handles."""
_PIECE_END = re.compile(
    r"[\n\r\v\f\x85\u2028\u2029;|•·。！？｡।॥۔؟።]+"
    r"|(?<![.!?:…])[.!?:…]++[\"'”’»)\]]*+(?=\s|$)|\s[-–—/]++\s"
)
_HASHTAG = re.compile(r"#(\w+)")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\d_]+")
_LATIN_LETTER: Final = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
_LATIN = re.compile(f"[{_LATIN_LETTER}]")
_WORD_OF_ONE_SCRIPT = re.compile(
    f"[{_LATIN_LETTER}]+(?:['’][{_LATIN_LETTER}]+)*|(?:(?![{_LATIN_LETTER}])[^\\W\\d_][{MARKS}]*)+"
)
_LEAST_IN_HASHTAG: Final = 4
"""Letters of a guarded word that is looked for within a hashtag: shorter ones stand in other words."""


class LanguageSettings(FrozenConfig):
    """What stands in `configs/language/identification.yaml`."""

    name: str = Field(min_length=1)
    version: int = Field(ge=1)
    valid_from: date
    least_letter_bytes: int = Field(ge=1)
    least_probability: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    stretch_words: int = Field(ge=2)
    english_words: frozenset[str]
    shared_words: frozenset[str]
    languages: dict[str, str] = Field(min_length=1)

    @field_validator("english_words", "shared_words", mode="before")
    @classmethod
    def _words_of_a_line(cls, words: object) -> object:
        return frozenset(words.split()) if isinstance(words, str) else words


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its ISO 639 code and English name, and the probability that a text is in it."""

    code: str
    name: str
    probability: float


def identify(text: str) -> Language:
    """The likeliest of the languages that may be named; `und` for a text without letters.

    Links, handles, hashtags, emoji and digits are not looked at. The probability is py3langid's, from a
    naive Bayes model over byte n-grams. Source: Lui and Baldwin 2012, "langid.py".

    >>> identify("Wir gehen morgen früh mit den Kindern in den Garten.").name
    'German'
    >>> identify("https://example.org @anna 123").code
    'und'
    """
    return _likeliest(" ".join(_words(text)))


def unread_language(text: str, languages: Sequence[str]) -> Language | None:
    """The language of a text that is plainly in none of `languages`; None: it is to be scored.

    Refused is only a text of which every part is plainly in another language, as the network would read
    it: without disguise, hashtags included. Where English is read, a word that people hide (`words.txt`)
    or two common words are English enough, wherever they stand.

    >>> unread_language("Wir gehen morgen früh mit den Kindern in den Garten.", ["en"]).code
    'de'
    >>> unread_language("Wir gehen morgen früh mit den Kindern in den Garten.", ["en", "de"]) is None
    True
    >>> unread_language("Wir gehen morgen früh mit den Kindern in den Garten. See you!", ["en"]) is None
    True
    >>> unread_language("Guten Morgen!", ["en"]) is None
    True
    """
    if ANY_LANGUAGE in languages:
        return None
    words = _words(text)
    letters = " ".join(words)
    if _letter_bytes(letters) < language_settings().least_letter_bytes:
        return None
    if _ENGLISH in languages and _has_english(words):
        return None
    found = _likeliest(letters)
    if not _is_plainly_unread(found, languages) or _may_be_read(text, languages):
        return None
    return found


def check_languages(languages: Iterable[str]) -> None:
    """Refuses languages of a bundle that could never be named, whose posts would go unscored.

    Raises: BadConfig, also where the settings are at fault.
    """
    settings = language_settings()
    if lacking := sorted(set(languages) - {ANY_LANGUAGE} - set(settings.languages)):
        raise BadConfig(f"configs/language: languages: lacks {', '.join(lacking)}, which the bundle reads")


def load_identifier() -> None:
    """Loads the identifier now, so that no text has to wait for it: most of a second and some 80 MB.

    Raises: BadConfig if it does not know a language of the settings.
    """
    _identifier(tuple(language_settings().languages))


def load_language_settings(path: Path) -> LanguageSettings:
    """The settings of a YAML file, checked whole.

    Raises: BadConfig listing every fault of the file.
    """
    settings, _ = load_yaml(path, LanguageSettings)
    return settings


@cache
def language_settings() -> LanguageSettings:
    """The settings of the configuration folder, read once. Raises: BadConfig."""
    return load_language_settings(configs_folder() / "language" / "identification.yaml")


def _words(text: str) -> list[str]:
    return _WORD.findall(_NO_WORDS.sub(" ", text))


def _letter_bytes(letters: str) -> int:
    return len(letters.encode("utf-8", "replace")) - letters.count(" ")


def _is_plainly_unread(found: Language, languages: Sequence[str]) -> bool:
    return found.code not in languages and found.probability >= language_settings().least_probability


def _may_be_read(text: str, languages: Sequence[str]) -> bool:
    """Whether any part of what the network reads of the text may be in one of the languages."""
    pieces = list(_pieces(text))
    if _ENGLISH in languages and (
        _has_english([word for piece in pieces for word in piece]) or _has_hidden_in_hashtag(text)
    ):
        return True
    longest = language_settings().stretch_words
    return any(
        _is_doubtful(stretch, languages)
        for piece in dict.fromkeys(pieces)
        for stretch in _stretches(piece, longest)
    )


def _is_doubtful(stretch: str, languages: Sequence[str]) -> bool:
    """Whether words of one script are not plainly in another language.

    Latin letters too few to tell are doubtful. In another script, doubt between languages none of which
    is read is no doubt.
    """
    settings, is_latin = language_settings(), _LATIN.search(stretch) is not None
    if _letter_bytes(stretch) < settings.least_letter_bytes:
        return is_latin
    if is_latin:
        return not _is_plainly_unread(_likeliest(stretch), languages)
    ranked = _identifier(tuple(settings.languages)).rank(stretch)
    read = sum(float(probability) for code, probability in ranked if code in languages)
    return read > 1 - settings.least_probability


def _stretches(piece: Sequence[str], longest: int) -> Iterator[str]:
    """The words of a piece, so many at a time, each stretch beginning in the middle of the one before."""
    last = max(0, len(piece) - longest)
    for at in range(0, last + longest // 2, longest // 2):
        start = min(at, last)
        yield " ".join(piece[start : start + longest])


def _pieces(text: str) -> Iterator[tuple[str, ...]]:
    """The words of each sentence or line, and of each script in it, as the network reads them."""
    for sentence in _PIECE_END.split(emoji.replace_emoji(_ENTITY.sub(" ", text), "\n")):
        read = _NO_TEXT.sub(" ", normalise_text(sentence))
        words = _WORD_OF_ONE_SCRIPT.findall(_HASHTAG.sub(lambda tag: " ".join(_HUMP.split(tag[1])), read))
        for _, alike in groupby(words, lambda word: _LATIN.match(word) is None):
            yield tuple(alike)


def _has_english(words: Iterable[str]) -> bool:
    """Whether one of the words is a guarded one of English alone, or two are common English words."""
    settings, guarded = language_settings(), known_words().guarded
    found = ""
    for word in words:
        plain = word.lower().replace("’", "'")
        if plain in guarded and plain not in settings.shared_words:
            return True
        if plain in settings.english_words and plain != found:
            if found:
                return True
            found = plain
    return False


def _has_hidden_in_hashtag(text: str) -> bool:
    """Whether a guarded word stands within a hashtag whose words nothing separates."""
    tags = " ".join(_HASHTAG.findall(normalise_text(text))).lower()
    return bool(tags) and any(
        word in tags
        for word in known_words().guarded - language_settings().shared_words
        if len(word) >= _LEAST_IN_HASHTAG
    )


def _likeliest(letters: str) -> Language:
    settings = language_settings()
    if not letters:
        return Language(UNKNOWN, "no known language", 0.0)
    code, probability = _identifier(tuple(settings.languages)).classify(letters)
    return Language(code, settings.languages[code], float(probability))


_ONE_LOADS: Final = Lock()


def _identifier(codes: tuple[str, ...]) -> Any:
    """py3langid's own model, held to the languages that may be named; it only reads once it is made."""
    with _ONE_LOADS:  # `cache` alone would let every thread that comes first load one
        return _load_identifier(codes)


@cache
def _load_identifier(codes: tuple[str, ...]) -> Any:
    # Here, not at the top: most of a second and some 80 MB that English posts alone do not need.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if unknown := sorted(set(codes) - set(identifier.labels)):
        raise BadConfig(f"configs/language: languages: py3langid does not know {', '.join(unknown)}")
    identifier.set_languages(codes)
    return identifier
