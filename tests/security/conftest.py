"""The whole hub, with every room, and every address of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from hub_addresses import Address, addresses_of

from labelling.pages import register
from serve.app import create_app
from serve.settings import Settings


@pytest.fixture
def hub_app(settings: Settings) -> Iterator[FastAPI]:
    """The application with every room that `watchhouse run` opens; nothing is scored."""
    app = create_app(settings, rooms=[register], run_scorer=False)
    yield app
    app.state.hub.database.close()


@pytest.fixture
def addresses(hub_app: FastAPI) -> list[Address]:
    """Every method and path of the hub, routers that were included among them."""
    return addresses_of(hub_app)
