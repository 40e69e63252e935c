"""Alembic runs this: the migrations, on the connection that the ledger gives, in its transaction."""

from alembic import context

from gpucost.ledger.tables import METADATA, REVISION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=REVISION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
