"""A ledger: whether it can be reached and written, is migrated, and who holds it. Nothing is written, and no lock kept."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from gpucost.doctor.findings import Finding, from_sentence, ok, problem, warning
from gpucost.ledger.database import LOCK_CLASS, PostgresServer, SqliteFile, database_at
from gpucost.ledger.errors import LedgerError, unusable
from gpucost.ledger.migrating import HEAD
from gpucost.ledger.tables import REVISION_TABLE, STATE
from gpucost.sources.text import redacted

CHECK: Final = "ledger"
_LET_WRITE: Final = (
    "let the operator's user write to it and its folder (in a pod: securityContext.fsGroup), or mend its URL"
)

_HELD: Final = text("""
    SELECT EXISTS (
        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid = CAST(:class AS oid)
            AND objid = CAST(CAST(hashtext(current_schema()) AS bigint) & 4294967295 AS oid)
    )
""")
"""Whether somebody has the lock that ``PostgresServer`` takes; a lock of two numbers has objsubid 2."""
_WRITABLE: Final = text("""
    SELECT CASE
        WHEN current_schema() IS NULL OR pg_is_in_recovery() THEN false
        WHEN current_setting('default_transaction_read_only') = 'on' THEN false
        WHEN to_regclass(:state) IS NULL THEN has_schema_privilege(current_schema(), 'CREATE')
        ELSE has_table_privilege(to_regclass(:state), 'INSERT') AND has_table_privilege(to_regclass(:state), 'UPDATE')
    END
""")


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What was seen of a ledger."""

    where: str
    """Its URL without a password."""
    holder: str | None
    """Who has its lock; None: nobody."""
    revision: str | None
    """Its last migration; None: it has none yet."""
    foreign: tuple[str, ...] = ()
    """Tables of somebody else, where it has none of its own."""


def examine_ledger(url: str) -> list[Finding]:
    """Look at a ledger."""
    try:
        database = database_at(url)
        if isinstance(database, SqliteFile):
            return _examine_file(database.path, url)
        assert isinstance(database, PostgresServer)
        return _examine_server(database, url)
    except LedgerError as error:
        return [from_sentence(CHECK, str(error), _LET_WRITE)]
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        return [from_sentence(CHECK, str(unusable(url, error)), _LET_WRITE)]


def judge_ledger(facts: LedgerFacts) -> list[Finding]:
    """Whether the next start, or the running operator, can use it."""
    held = (
        []
        if facts.holder is None
        else [ok(CHECK, f"held by {facts.holder or 'another instance'}: one operator runs on it")]
    )
    return [_judge_revision(facts), *held]


def _judge_revision(facts: LedgerFacts) -> Finding:
    if facts.revision is None and facts.foreign:
        what = f"{facts.where} has tables of something else ({', '.join(facts.foreign[:3])}), and none of a ledger"
        return warning(CHECK, what, "give the ledger a database or a file of its own, or mend its URL")
    if facts.revision is None:
        return ok(CHECK, f"{facts.where} can be written; the operator makes its tables when it starts")
    if facts.revision == HEAD:
        return ok(CHECK, f"{facts.where} can be written, and is migrated")
    if facts.revision < HEAD:  # revisions are numbered
        what = f"{facts.where} is of an older release ({facts.revision}); the next start migrates it to {HEAD}"
        return warning(CHECK, what, "take a backup before: an older release refuses what a newer one has migrated")
    what = f"{facts.where} was migrated by a newer release ({facts.revision}; this one knows {HEAD})"
    return problem(CHECK, what, "run that release, or restore the backup from before it")


# A file


def _examine_file(path: Path, url: str) -> list[Finding]:
    refused = _refusal(path)
    if refused:
        return [problem(CHECK, f"{redacted(url)} can't be written: {refused}", _LET_WRITE)]
    holder = _holder_of_file(path.with_name(f"{path.name}.lock"))
    if not path.exists() or not path.stat().st_size:
        return judge_ledger(LedgerFacts(redacted(url), holder, None))
    with closing(_opened(path)) as con:
        tables = tuple(str(name) for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
        known = REVISION_TABLE in tables
        row = con.execute(f"SELECT version_num FROM {REVISION_TABLE}").fetchone() if known else None
    return judge_ledger(LedgerFacts(redacted(url), holder, str(row[0]) if row else None, () if known else tables))


def _refusal(path: Path) -> str:
    """Why a file can't be written, or made with its folders; nothing where it can. Nothing is tried."""
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return "this user may not write to the file"
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir():
        return f"{folder} is no folder"
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"this user may not write to the folder {folder}"


def _holder_of_file(lock: Path) -> str | None:
    """Who has a lock file. Ours is a shared lock for an instant, if nobody has it: an operator that starts at that very
    instant tries again, as it does for any other holder."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    return None


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that reads. Where no write-ahead log is there, SQLite is told not to make one: nobody writes then."""
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    return sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True)


# A server


def _examine_server(database: PostgresServer, url: str) -> list[Finding]:
    with _rolled_back(database) as connection:
        if not connection.scalar(_WRITABLE, {"state": STATE.name}):
            remedy = (
                "connect to a primary, and let its user make tables: GRANT USAGE, CREATE ON SCHEMA public TO that user"
            )
            return [problem(CHECK, f"{redacted(url)} answers, but can't be written by its user", remedy)]
        held = connection.scalar(_HELD, {"class": LOCK_CLASS})
        holder = _text(connection, STATE.name, "holder") if held else None
        revision = _text(connection, REVISION_TABLE, "version_num")
    return judge_ledger(LedgerFacts(redacted(url), (holder or "") if held else None, revision))


@contextmanager
def _rolled_back(database: PostgresServer) -> Iterator[Connection]:
    """A transaction that can't write. The ledger's lock is looked at, never asked for."""
    with database.engine.connect() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        try:
            yield connection
        finally:
            connection.rollback()


def _text(connection: Connection, table: str, column: str) -> str | None:
    """The one value of a table of ours; None where there is no such table or row."""
    if connection.scalar(text(f"SELECT to_regclass('{table}')")) is None:
        return None
    value = connection.scalar(text(f"SELECT {column} FROM {table}"))
    return None if value is None else str(value)
