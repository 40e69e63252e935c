"""The migrations make the tables that the code knows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from ledgers import CREATED, KEY, Opener, at, seen_as, spans, stated
from sqlalchemy import create_engine

from gpucost.core.versions import KnownVersion
from gpucost.ledger.database import database_at
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


def test_a_ledger_of_one_pool_for_each_version_keeps_all_of_them(url: str, opened: Opener) -> None:
    """Release 0.3 wrote them; one that was edited, deleted, re-created, and one of another name."""
    engine = database_at(url).engine
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "gpucost.ledger:migrations")
        command.upgrade(config, "0001")
        for statement in OLD_ROWS:
            connection.exec_driver_sql(statement)
    engine.dispose()
    histories = opened().histories()
    assert spans(histories[KEY].known) == [
        (2, None, at("09:00")),
        (4, at("09:00"), at("10:00")),
        (0, at("11:00"), None),
    ]
    assert [one.version.pools for one in histories[KEY].known] == [("gpu",), ("größer",), ("gpu",)]
    assert histories[KEY].known[0].version.valid_from_us == 7
    assert histories["ops", "down"].known == (
        KnownVersion(replace(stated(), uid="u", name="down"), seen_us=at("09:00")),
    )


EIGHT, NINE, TEN, ELEVEN = at("08:00"), at("09:00"), at("10:00"), at("11:00")
OLD_ROWS = (
    f"INSERT INTO gpucost_ledger (id, confirmed_us, holder) VALUES (1, {ELEVEN}, 'release 0.3')",
    "INSERT INTO gpucost_cronjobs (namespace, name, uid, labels, present, generation, valid_from_us, noticed_us) VALUES "
    f"('ops', 'up', 'uid-2', '{{}}', true, 3, 7, {ELEVEN}), ('ops', 'down', 'u', '{{}}', true, 1, NULL, {NINE})",
    "INSERT INTO gpucost_versions (namespace, name, number, uid, pool, nodes, schedule, time_zone, suspended, "
    "starting_deadline_seconds, created_us, edited_us, ended_us, seen_us, edit_doubt_us, end_doubt_us) VALUES "
    f"('ops', 'up', 0, 'uid-1', 'gpu', 2, '0 8 * * *', NULL, false, NULL, {CREATED}, NULL, {NINE}, {EIGHT}, NULL, NULL), "
    f"('ops', 'up', 1, 'uid-1', 'größer', 4, '@daily', 'UTC', true, 60, {CREATED}, {NINE}, {TEN}, {NINE}, 5, 6), "
    f"('ops', 'up', 2, 'uid-2', 'gpu', 0, '0 8 * * *', NULL, false, NULL, NULL, {ELEVEN}, NULL, {ELEVEN}, NULL, NULL), "
    f"('ops', 'down', 0, 'u', 'gpu', 2, '0 8 * * *', NULL, false, NULL, {CREATED}, NULL, NULL, {NINE}, NULL, NULL)",
)
"""What release 0.3 wrote."""


def test_a_ledger_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with closing(Ledger.open(url, "the test")) as ledger:
        ledger.observe([seen_as(stated())], at("09:00"))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute(f"UPDATE {REVISION_TABLE} SET version_num = '0999'")
        connection.commit()
    with pytest.raises(LedgerError, match="'0999'; restore it from its backup, or run the release that wrote it"):
        Ledger.open(url, "the test")
