"""Every address of the hub, as the application itself declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

IDS: Final = {
    **dict.fromkeys(("post_id", "case_id", "task_id", "label_id", "key_id", "officer_id"), "0" * 26),
    "suite_id": "0" * 26,
    "name": "console",
    "digest": "0" * 8,
    "file": "none.js",
    "report": "none",
    "report_file": "report.html",
    "bundle": "none",
}
"""A value for every parameter of a path; a new parameter wants a new line here."""


@dataclass(frozen=True, order=True)
class Address:
    """One method on one path; `url` has values for the path's parameters."""

    method: str
    path: str
    url: str


@pytest.fixture
def addresses(hub_app: FastAPI) -> list[Address]:
    """Every method and path of the hub, routers that were included among them."""
    found = []
    for route in iter_route_contexts(hub_app.routes):
        if not isinstance(route.original_route, APIRoute) or route.path is None:
            continue
        url = route.path.replace(":path}", "}").format(**IDS)
        found += [Address(method, route.path, url) for method in route.methods or ()]
    return sorted(found)
