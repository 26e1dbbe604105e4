"""What is practised on: the items that ship, and the hub's own gold texts that were made for practice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from labelling.practice.courses import Courses
from model.errors import NotFound
from serve.storage.tables import Adjudication, GoldItem


@dataclass(frozen=True, slots=True)
class Item:
    """One text with its agreed answer. `gold_id` or `starter_item` says which it is, never both."""

    course: str
    text: str
    material_sha256: str
    strands: tuple[str, ...]
    codes: tuple[str, ...]
    severity: int
    speech_act: str
    why: str
    gold_id: str | None = None
    starter_item: str | None = None

    @property
    def key(self) -> str:
        """The item's name in addresses."""
        return self.gold_id or self.starter_item or ""


def items_of(session: Session, courses: Courses, course: str) -> list[Item]:
    """The items of a course, those that ship first, then the hub's own by age. Raises: BadInput."""
    starters = [
        Item(
            course=course,
            text=item.text,
            material_sha256=courses.sha256,
            strands=item.strands,
            codes=item.codes,
            severity=item.severity,
            speech_act=item.speech_act,
            why=item.why,
            starter_item=item.id,
        )
        for item in courses.course(course).items
    ]
    own = session.execute(_gold().where(GoldItem.course == course)).all()
    return [*starters, *(_of_gold(*row) for row in own)]


def item_of(session: Session, courses: Courses, course: str, key: str) -> Item:
    """One item of a course, by its name in addresses. Raises: BadInput, NotFound."""
    return next_in(items_of(session, courses, course), key)


def next_in(items: Sequence[Item], key: str) -> Item:
    """The item of that name. Raises: NotFound."""
    for item in items:
        if item.key == key:
            return item
    raise NotFound("item: there is no such text in the course", field="item")


def _gold() -> Select[*tuple[Any, ...]]:
    # What stayed unresolved teaches nothing: there is no answer to compare with.
    query: Select[*tuple[Any, ...]] = (
        select(GoldItem, Adjudication)
        .join(Adjudication, Adjudication.adjudication_id == GoldItem.adjudication_id)
        .where(
            GoldItem.use == "practice",
            GoldItem.retired_at.is_(None),
            Adjudication.severity.is_not(None),
            Adjudication.speech_act.is_not(None),
        )
        .order_by(GoldItem.gold_id)
    )
    return query


def _of_gold(gold: GoldItem, agreed: Adjudication) -> Item:
    return Item(
        course=gold.course,
        text=gold.text,
        material_sha256=gold.text_sha256,
        strands=tuple(agreed.strands),
        codes=tuple(agreed.codes),
        severity=agreed.severity or 0,
        speech_act=agreed.speech_act or "neutral",
        why=agreed.explanation,
        gold_id=gold.gold_id,
    )
