"""Every address of a hub, as the application itself declares them, with a URL to call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from serve.people.declared import declarations
from serve.people.roles import Action

NOTHING: Final = {
    **dict.fromkeys(("post_id", "case_id", "task_id", "label_id", "key_id", "officer_id"), "0" * 26),
    "suite_id": "0" * 26,
    "grant_id": "0" * 26,
    **dict.fromkeys(("promotion_id", "disputed_id", "suspect_id", "held_label_id"), "0" * 26),
    "session_reference": "0" * 16,
    "name": "console",
    "digest": "0" * 8,
    "file": "none.js",
    "report": "none",
    "report_file": "report.html",
    "bundle": "none",
    "action": "escalate",
    "page": "park",
    "filter_id": "0" * 26,
}
"""For every parameter of a path a value that nothing has; a new parameter wants a new line here."""


@dataclass(frozen=True)
class Address:
    """One method on one path, `url` with values for the path's parameters, and what it declares."""

    method: str
    path: str
    url: str
    action: Action | None
    scope: str | None
    is_public: bool

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/v1/")


def url_of(path: str, **ids: str) -> str:
    """The path with a value for each of its parameters: those given, else those of nothing."""
    try:
        return path.replace(":path}", "}").format(**{**NOTHING, **ids})
    except KeyError as error:
        raise AssertionError(
            f"{path}: say in tests/hub_addresses.py what nothing looks like for {error}, and in "
            "tests/owned_things.py how somebody comes to own such a thing"
        ) from None


def addresses_of(app: FastAPI) -> list[Address]:
    """Every method and path of the hub, routers that were included among them."""
    found = [
        Address(
            method=one.method,
            path=one.path,
            url=url_of(one.path),
            action=next(iter(one.actions), None),
            scope=next(iter(one.scopes), None),
            is_public=one.is_public,
        )
        for one in declarations(app)
    ]
    return sorted(found, key=lambda one: (one.path, one.method))
