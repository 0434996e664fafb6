"""How Alembic runs here: on the connection that `migrate` gives it."""

from alembic import context

import adapters.postgres.payroll.tables
from adapters.postgres.tables import SCHEMA, metadata

__all__ = ["adapters"]

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
