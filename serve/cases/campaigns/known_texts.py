"""The wordings that the hub has seen: learnt with each post, found again, and kept apart for ever.

Every function here writes or reads within the caller's transaction. Whoever changes what a case's texts are
takes `take_turn` first, so that two servers that meet the same new text make one case of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import structlog
from sqlalchemy import Select, func, insert, or_, select, text, union_all
from sqlalchemy.orm import Session

from serve.cases.campaigns.wording import Wording, letters_of, nearness, verbatim, wording_of
from serve.logs import described
from serve.storage.tables import CaseText, DistinctText, Post, PostText, TextBand, TextSeparation

TURN: Final = 7_211_846_352_011
"""The advisory lock of everything that moves texts between cases; one number that nothing else here uses."""

MOST_OF_A_BAND: Final = 64
"""Texts of one band that are looked at. A campaign may have any number; one that is near is enough."""
MOST_COMPARED: Final = 32
"""Texts that a new one is compared with, those that share most bands first."""


@dataclass(frozen=True, slots=True)
class TextOfPost:
    """A post's wording and when the post was received."""

    post_id: str
    wording: Wording
    received_at: datetime


def take_turn(session: Session) -> None:
    """Waits until no other transaction moves texts between cases, and keeps the turn to its own end.

    One turn for all texts, not one for each: two texts that are only nearly the same must wait for one
    another too, and which they are is known only after looking.
    """
    if session.get_bind().dialect.name == "postgresql":  # SQLite's write() is alone already
        session.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})


def wording_to_learn(text: str) -> Wording:
    """The wording of a post's text, whatever it is: one that breaks the normaliser is known as it stands.

    Such a post would make its batch fail again and again; it is contained here as the scorer contains it.
    """
    try:
        return wording_of(text)
    except ImportError:
        raise
    except Exception as error:
        structlog.get_logger().error("the wording of a text cannot be told", **described(error))
        return verbatim(text)


def learn(session: Session, posts: Sequence[TextOfPost]) -> None:
    """Remembers the wordings of posts that have none yet: new ones with bands, known ones by key."""
    if not posts:
        return
    first: dict[str, TextOfPost] = {}
    for post in sorted(posts, key=lambda one: one.post_id):
        first.setdefault(post.wording.key, post)
    known = set(session.scalars(select(DistinctText.text_key).where(DistinctText.text_key.in_(first))))
    new = [post for key, post in first.items() if key not in known]
    if new:
        session.execute(
            insert(DistinctText),
            [
                {
                    "text_key": post.wording.key,
                    "first_post_id": post.post_id,
                    "first_seen_at": post.received_at,
                }
                for post in new
            ],
        )
    bands = [
        {"band": band, "digest": digest, "text_key": post.wording.key}
        for post in new
        for band, digest in enumerate(post.wording.bands)
    ]
    if bands:
        session.execute(insert(TextBand), bands)
    rows = [{"post_id": post.post_id, "text_key": post.wording.key} for post in posts]
    session.execute(insert(PostText), rows)


def near_texts(session: Session, wording: Wording) -> dict[str, float]:
    """The known texts that are nearly this one, by key, with how near each is; the nearest first.

    Of a great many that share bands only `MOST_COMPARED` are looked at, so the work is bounded whatever was
    posted; a text that is missed gets a case of its own, which people read.
    """
    if not wording.bands:
        return {}
    shared = union_all(
        *(select(_of_band(band, digest).subquery()) for band, digest in enumerate(wording.bands))
    ).subquery()
    candidates = (
        select(shared.c.text_key)
        .where(shared.c.text_key != wording.key)
        .group_by(shared.c.text_key)
        .order_by(func.count().desc(), shared.c.text_key)
        .limit(MOST_COMPARED)
    )
    keys = session.scalars(candidates).all()
    if not keys:
        return {}
    rows = session.execute(
        select(DistinctText.text_key, Post.text)
        .join(Post, Post.post_id == DistinctText.first_post_id)
        .where(DistinctText.text_key.in_(keys))
    )
    found = {row.text_key: nearness(wording.letters, letters_of(row.text)) for row in rows}
    near = [(key, share) for key, share in found.items() if share]
    return dict(sorted(near, key=lambda one: (-one[1], one[0])))


def separated_from(session: Session, keys: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """For each of the texts that a person has kept apart from others: from which."""
    wanted = set(keys)
    found: dict[str, set[str]] = {}
    pairs = session.execute(
        select(TextSeparation.text_key, TextSeparation.other_key).where(
            or_(TextSeparation.text_key.in_(wanted), TextSeparation.other_key.in_(wanted))
        )
    )
    for one, other in pairs:
        for key, apart in ((one, other), (other, one)):
            if key in wanted:
                found.setdefault(key, set()).add(apart)
    return MappingProxyType({key: frozenset(apart) for key, apart in found.items()})


def separate(
    session: Session, keys: Iterable[str], others: Iterable[str], *, actor: str, now: datetime, reason: str
) -> int:
    """Keeps every text of `keys` apart from every one of `others` for ever; how many pairs are new."""
    wanted = set(keys)
    known = separated_from(session, wanted)
    pairs = {
        (min(key, other), max(key, other))
        for key in wanted
        for other in others
        if key != other and other not in known.get(key, frozenset())
    }
    if pairs:
        said = {"separated_by": actor, "separated_at": now, "reason": reason}
        session.execute(
            insert(TextSeparation),
            [{"text_key": one, "other_key": other, **said} for one, other in sorted(pairs)],
        )
    return len(pairs)


def are_apart(session: Session, case_id: str, other_case_id: str) -> bool:
    """Whether a person has said that a text of the one case is not the same as a text of the other."""
    for one, two in ((case_id, other_case_id), (other_case_id, case_id)):
        mine = select(CaseText.text_key).where(CaseText.case_id == one)
        theirs = select(CaseText.text_key).where(CaseText.case_id == two)
        apart = select(TextSeparation.text_key).where(
            TextSeparation.text_key.in_(mine), TextSeparation.other_key.in_(theirs)
        )
        if session.execute(apart.limit(1)).first() is not None:
            return True
    return False


def _of_band(band: int, digest: str) -> Select[str]:
    return (
        select(TextBand.text_key)
        .where(TextBand.band == band, TextBand.digest == digest)
        .order_by(TextBand.text_key)
        .limit(MOST_OF_A_BAND)
    )
