"""What every address of the hub says of itself, read off the routes: an action, a scope, or public.

An address that says nothing would be open to everybody by mistake, so a hub with one does not start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from serve.people.access import Allowed, Public, Scoped
from serve.people.roles import Action

OF_THE_FRAMEWORK: Final = frozenset({"/openapi.json"})
"""Addresses that FastAPI makes itself: descriptions of the others, open to everybody."""

HOW_TO: Final = (
    "give the endpoint a parameter `Annotated[SignedIn, Depends(allowed(Action.X))]` or "
    '`Annotated[Caller, Depends(require_scope("x"))]`, or, if strangers may come in, the route '
    "`dependencies=[PUBLIC]` (serve/people/access.py)"
)


@dataclass(frozen=True, slots=True)
class Declared:
    """One method on one path, and what it declares; `is_public` only where it declares nothing else."""

    method: str
    path: str
    actions: frozenset[Action]
    scopes: frozenset[str]
    is_public: bool

    @property
    def says_one_thing(self) -> bool:
        """Whether it is for people, for keys, or public: one of the three and not two."""
        return bool(self.actions) + bool(self.scopes) + self.is_public == 1


def declarations(app: FastAPI) -> list[Declared]:
    """Every method and path of the application with what it declares, in the order of the routes."""
    found = []
    for route in iter_route_contexts(app.routes):
        path = route.path or "(a route without a path)"
        if path in OF_THE_FRAMEWORK:
            continue
        # Whatever is no APIRoute (a mount, a websocket) has no dependencies to look at.
        is_known = isinstance(route.original_route, APIRoute)
        marks = list(_calls(route.dependant)) if is_known else []
        found += [
            Declared(
                method=method,
                path=path,
                actions=frozenset(mark.action for mark in marks if isinstance(mark, Allowed)),
                scopes=frozenset(mark.scope for mark in marks if isinstance(mark, Scoped)),
                is_public=any(isinstance(mark, Public) for mark in marks),
            )
            for method in sorted(route.methods or {"ANY"})
        ]
    return found


def check_declared(app: FastAPI) -> None:
    """Passes if every address declares who may come in.

    Raises: LookupError naming those that do not and saying what to write; it is a bug, never a Fault.
    """
    silent = [f"{one.method} {one.path}" for one in declarations(app) if not one.says_one_thing]
    if silent:
        raise LookupError(
            f"these addresses do not say who may come in, or say two things: {', '.join(silent)}; {HOW_TO}"
        )


def _calls(dependant: Any) -> Iterator[object]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)
