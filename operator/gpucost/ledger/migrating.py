"""Bring a ledger's tables up to date."""

from __future__ import annotations

from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from gpucost.ledger.tables import REVISION_TABLE

HEAD: Final = "0002"
"""The last migration. A test compares."""


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, in the transaction of the caller.

    Raises alembic's CommandError for tables of a later release.
    """
    context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE})
    if context.get_current_revision() == HEAD:
        return
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "gpucost.ledger:migrations")
    command.upgrade(config, "head")
