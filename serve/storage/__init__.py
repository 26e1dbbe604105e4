"""Engine, tables and migrations: SQLite embedded, PostgreSQL in production."""
