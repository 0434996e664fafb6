"""Alembic's migrations: each runs the SQL file of its name."""
