"""FastAPI's description of a route, made once a test run and not for each application that a test makes.

Making it (signatures, body models) takes longer than anything else in `create_app`, and depends on the
route and on how its router was included alone. FastAPI has no public way to share it; where its internals
are others than here, nothing is shared and the tests are slower.
"""

from __future__ import annotations

from typing import Any

import fastapi.routing


def share_routes() -> None:
    """From here on, routes that live as long as their module are described once for each way of inclusion."""
    context = getattr(fastapi.routing, "_EffectiveRouteContext", None)
    describe = getattr(context, "from_api_route", None)
    if context is None or describe is None:
        return
    described: dict[tuple[int, str, str], tuple[Any, Any]] = {}

    def described_once(*, original_route: Any, include_context: Any) -> Any:
        overrides = include_context.dependency_overrides_provider
        is_of_a_module = "<locals>" not in original_route.endpoint.__qualname__
        if not is_of_a_module or (overrides is not None and overrides.dependency_overrides):
            return describe(original_route=original_route, include_context=include_context)
        included = {**vars(include_context), "dependency_overrides_provider": None}
        key = (id(original_route), include_context.path_for(original_route), repr(included))
        if key not in described:
            made = describe(original_route=original_route, include_context=include_context)
            described[key] = (original_route, made)  # the route is kept, so its id stays its own
        return described[key][1]

    context.from_api_route = described_once
