"""Alembic's entry point. It only ever runs on the connection that `migrating.py` hands over."""

from __future__ import annotations

from alembic import context

from serve.storage.tables import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    transactional_ddl=True,  # both databases undo DDL; Alembic assumes SQLite's driver would commit it
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
