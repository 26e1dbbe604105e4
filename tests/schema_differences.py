"""What parts a database from the tables, for tests of migrations."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from serve.storage.tables import Row

OF_THE_SEARCH = frozenset({"words", "ix_posts_words", "searched_posts"})
"""What indexes the words of posts: each database has its own, made in SQL; no table of ours declares it."""


def is_of_the_search(name: str | None) -> bool:
    """Whether a table, column or index is the search's: FTS5 keeps several beside `post_words`."""
    return name is not None and (name in OF_THE_SEARCH or name.startswith("post_words"))


def differences(connection: Connection) -> list[Any]:
    """What alembic would still change, but for the search's own objects."""

    def counts(_: Any, name: str | None, *rest: Any) -> bool:
        return not is_of_the_search(name)

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "include_object": counts}
    )
    return list(compare_metadata(context, Row.metadata))
