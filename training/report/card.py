"""The model card as HTML: Markdown of tables, lists and headings, no HTML of its own, no link, no picture."""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from training.report.formatting import visible

FIRST_HEADING: Final = 3
"""The card stands under a heading of level 2, so its own begin at 3."""

_DEEPEST: Final = 6


def card_html(card: str, name: str) -> Markup:
    """The card as safe HTML; `name` is the target's, for the captions of tables.

    Everything in the card that is HTML is shown as text; addresses are text too. Headings never skip a
    level, and every table has a caption: the heading above it.
    """
    reader = (
        MarkdownIt("commonmark", {"html": False})
        .enable("table")
        .disable(["link", "image", "autolink", "reference"])
    )
    tokens = _with_captions(_with_levels(reader.parse(visible(card))), visible(name))
    # Safe: the reader escapes every text, passes no HTML of the card on, and no rule that writes an
    # address is left.
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704 - see the lines above


def _with_levels(tokens: list[Token]) -> list[Token]:
    """Headings moved under ours: the first at 3, and none more than one below the heading before it."""
    before = FIRST_HEADING - 1
    level = before
    for token in tokens:
        if token.type == "heading_open":
            wanted = int(token.tag[1]) + FIRST_HEADING - 1
            level = min(wanted, before + 1, _DEEPEST)
            before = level
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{level}"
    return tokens


def _with_captions(tokens: list[Token], name: str) -> list[Token]:
    """Tables in a box that scrolls, each with a caption; header cells say that they head a column."""
    found: list[Token] = []
    heading, tables = name, 0
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = "".join(child.content for child in tokens[at + 1].children or ())
        if token.type == "th_open":
            token.attrSet("scope", "col")
        # Cells are aligned by a class: the page's policy allows no style of an element's own.
        if token.type in {"th_open", "td_open"} and token.attrs.pop("style", "") == "text-align:right":
            token.attrSet("class", "number")
        if token.type == "table_open":
            tables += 1
            found += [_box(f"Table {tables} of the card of {name}"), token]
            found += _caption(f"Table {tables} of the card of {name}", heading)
            continue
        found.append(token)
        if token.type == "table_close":
            found.append(Token("box_close", "div", -1, block=True))
    return found


def _box(words: str) -> Token:
    names = {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": words}
    return Token("box_open", "div", 1, attrs=dict(names), block=True)


def _caption(words: str, heading: str) -> list[Token]:
    """The heading mostly stands just above, so only those who cannot see that hear it again."""
    parts = [
        Token("span_open", "span", 1),
        Token("text", "", 0, content=words),
        Token("unseen_open", "span", 1, attrs={"class": "unseen"}),
        Token("text", "", 0, content=f": {heading}"),
        Token("unseen_close", "span", -1),
        Token("span_close", "span", -1),
    ]
    return [
        Token("caption_open", "caption", 1),
        Token("inline", "", 0, children=parts),
        Token("caption_close", "caption", -1, block=True),
    ]
