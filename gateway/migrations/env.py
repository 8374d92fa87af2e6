"""Alembic's entry: `gateway.schema` hands over an open connection."""

from alembic import context
from sqlalchemy import text

from core.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    compare_type=True,
)
with context.begin_transaction():
    if context.get_context().dialect.name == "postgresql":
        # Two releases at once: the second waits, and finds nothing left to do.
        context.get_context().connection.execute(text("SELECT pg_advisory_xact_lock(4747)"))
    context.run_migrations()
