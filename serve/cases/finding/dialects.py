"""Terms as each database's full-text search wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, literal, literal_column, or_, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from serve.cases.finding.words import Term, Words
from serve.storage.tables import Post

_SIMPLE: Final = literal("simple", type_=postgresql.REGCONFIG())
"""The configuration that keeps every word as it is, in the index (migration 0007) and in the query alike."""

# The column is PostgreSQL's alone, generated from `text`, so the table does not declare it.
_WORDS: Final = literal_column("posts.words", type_=postgresql.TSVECTOR())


def text_has(session: Session, words: Words) -> list[ColumnElement[bool]]:
    """Conditions on `Post`: its text has the words. Each database's index of words answers them."""
    if session.get_bind().dialect.name == "postgresql":
        return _on_postgresql(words)
    numbered = text("searched_posts JOIN post_words ON post_words.rowid = searched_posts.row_id")
    matched = text("post_words MATCH :matched").bindparams(matched=match_expression(words))
    found: Select[Any] = select(literal_column("searched_posts.post_id")).select_from(numbered).where(matched)
    return [Post.post_id.in_(found)]


def match_expression(words: Words) -> str:
    """The query as FTS5 reads it: every term a quoted string, so that nothing in it is an operator.

    Source: https://www.sqlite.org/fts5.html section 3, "Full-text Query Syntax".

    >>> from serve.cases.finding.words import read_words
    >>> match_expression(read_words('bus "number nine" -tram lane*'))
    '("bus" AND "number nine" AND "lane" *) NOT ("tram")'
    """
    wanted = " AND ".join(_quoted(term) for term in words.wanted)
    if not words.unwanted:
        return wanted
    unwanted = " OR ".join(_quoted(term) for term in words.unwanted)
    return f"({wanted}) NOT ({unwanted})"


def _quoted(term: Term) -> str:
    phrase = " ".join(term.words).replace('"', '""')
    return f'"{phrase}" *' if term.is_prefix else f'"{phrase}"'


def _on_postgresql(words: Words) -> list[ColumnElement[bool]]:
    conditions = [or_(*(_WORDS.bool_op("@@")(query) for query in _queries(term))) for term in words.wanted]
    conditions += [
        ~or_(*(_WORDS.bool_op("@@")(query) for query in _queries(term))) for term in words.unwanted
    ]
    return conditions


def _queries(term: Term) -> Sequence[ColumnElement[Any]]:
    """The term as a tsquery, once for each way its case may be written where the database cannot fold it.

    A database of the locale C knows the case of ASCII letters alone.
    """
    spelt = " ".join(term.words)
    ways = {spelt} if spelt.isascii() else {spelt, spelt.lower(), spelt.upper(), spelt.title()}
    return [_query(way.split(), is_prefix=term.is_prefix) for way in sorted(ways)]


def _query(words: Sequence[str], *, is_prefix: bool) -> ColumnElement[Any]:
    if not is_prefix:
        return func.phraseto_tsquery(_SIMPLE, " ".join(words))
    # Letters, digits and marks alone, each word quoted: to_tsquery has no operator to find in it.
    quoted = " <-> ".join(f"'{word}'" for word in words)
    return func.to_tsquery(_SIMPLE, f"{quoted}:*")
