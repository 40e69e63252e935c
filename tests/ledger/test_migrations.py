"""The migrations make the tables that the code knows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from ledgers import at, seen_as, stated
from sqlalchemy import create_engine

from gpucost.ledger.ledger import Ledger, LedgerError
from gpucost.ledger.migrating import HEAD
from gpucost.ledger.tables import METADATA, REVISION_TABLE


def test_migrations_and_tables_agree(ledger: Ledger) -> None:
    with ledger._transaction() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": REVISION_TABLE, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_constraints_agree_too(tmp_path: Path) -> None:
    """Alembic does not compare them."""
    Ledger.open(f"sqlite:///{tmp_path}/migrated.db", "the test").close()
    engine = create_engine(f"sqlite:///{tmp_path}/made.db")
    METADATA.create_all(engine)
    engine.dispose()

    def constraints(name: str) -> list[str]:
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            rows = connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE name <> ?", (REVISION_TABLE,)
            ).fetchall()
        texts = (" ".join((sql or "").split()).split("CONSTRAINT") for _, sql in rows)
        return sorted(part.strip(" ,()") for text in texts for part in text[1:])

    assert constraints("migrated.db") == constraints("made.db")
    assert len(constraints("made.db")) >= 5


def test_the_head_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "gpucost.ledger:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_ledger_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with closing(Ledger.open(url, "the test")) as ledger:
        ledger.observe([seen_as(stated())], at("09:00"))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute(f"UPDATE {REVISION_TABLE} SET version_num = '0999'")
        connection.commit()
    with pytest.raises(LedgerError, match="'0999'; restore it from its backup, or run the release that wrote it"):
        Ledger.open(url, "the test")
