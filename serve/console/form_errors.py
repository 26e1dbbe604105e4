"""What a form says when it cannot be taken: one line each, leading to its field."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FormError:
    """One line of the error summary; `field` is the id of the input it leads to, if there is one."""

    message: str
    field: str | None = None


def sentence(message: str) -> str:
    """A fault's message as a line of the error summary.

    >>> sentence("reason: at most 5,000 characters")
    'At most 5,000 characters'
    """
    return capital(message.split(": ", 1)[-1])


def capital(words: str) -> str:
    """The words with a capital in front.

    >>> capital("referrals: one has not been answered")
    'Referrals: one has not been answered'
    """
    return words[:1].upper() + words[1:]
