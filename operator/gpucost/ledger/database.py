"""The database of a ledger: one connection to it, which nobody else can have at the same time.

The lock lives and dies with its holder. In SQLite it is the kernel's lock on a file beside the database; PostgreSQL's
belongs to the very connection that writes, so that an instance that lost its connection can't write any more.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, make_url, select, text, update
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError
from sqlalchemy.pool import NullPool

from gpucost.ledger.errors import LedgerError, busy
from gpucost.ledger.tables import STATE
from gpucost.sources.text import redacted

BUSY_TIMEOUT_MS: Final = 5000
"""SQLite: how long a write waits for whoever reads the file, such as a backup."""
LOCK_TIMEOUT_MS: Final = 1000
"""PostgreSQL: how long the lock is waited for. The server needs a moment to see that its holder was killed."""
STATEMENT_TIMEOUT_MS: Final = 60_000
LOCK_CLASS: Final = 0x67707563
"""PostgreSQL's advisory locks have two numbers: "gpuc", and one made of the schema's name."""

_CONNECT: Final = {"connect_timeout": "10", "tcp_user_timeout": "30000", "keepalives_idle": "30"}
"""libpq's parameters where the URL doesn't state them: a network that swallows packets is an error within a minute."""
_KEEPALIVES: Final = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
"""The server's, for our connection: it frees the lock of an instance whose node vanished after about a minute."""
_PRAGMAS: Final = (f"busy_timeout = {BUSY_TIMEOUT_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")


class Database(ABC):
    """Where a ledger lives."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.engine = engine
        self.url = url

    @abstractmethod
    def connect(self, holder: str) -> Connection:
        """A connection with the lock, or LedgerBusy."""

    @abstractmethod
    def is_alive(self, connection: Connection) -> bool:
        """Whether an idle connection can be used, and so has the lock still."""

    @abstractmethod
    def survives(self, error: BaseException) -> bool:
        """Whether a connection is known to be good after an error. Else a new one tells what was written."""

    def note_holder(self, connection: Connection, holder: str) -> None:  # noqa: B027  (SQLite's is in the lock file)
        """Write down who has the lock, once there are tables."""

    def release(self) -> None:  # noqa: B027  (PostgreSQL's ends with the connection)
        """Give the lock up."""


def database_at(url: str) -> Database:
    """The database of a URL such as sqlite:////var/lib/gpucost/ledger.db or postgresql://host/name."""
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme == "sqlite":
        return SqliteFile(url)
    if scheme in ("postgres", "postgresql"):
        return PostgresServer(url)
    raise LedgerError(
        f"the ledger's URL {redacted(url)} names no database that it can be kept in: "
        "write sqlite:////PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )


class SqliteFile(Database):
    """A file, with write-ahead log, that its owner alone may read."""

    def __init__(self, url: str) -> None:
        self.path = _path_of(url)
        engine = create_engine(
            URL.create("sqlite", database=str(self.path)),
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={"check_same_thread": False},  # one thread at a time, but not always the same
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        super().__init__(engine, url)
        self._lock: int | None = None

    def connect(self, holder: str) -> Connection:
        """The lock file first: SQLite itself would let a second instance write between our transactions."""
        if self._lock is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._locked(holder)
        if not self.path.exists():  # SQLite would let others read what it makes
            os.close(_opened(self.path))
        return self.engine.connect()

    def _locked(self, holder: str) -> int:
        lock = _opened(self.path.with_name(self.path.name + ".lock"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.pwrite(lock, holder.encode(), 0)
        except BlockingIOError:
            who = os.pread(lock, 1000, 0).decode(errors="replace")
            os.close(lock)
            raise busy(self.url, who) from None
        except OSError:
            os.close(lock)
            raise
        return lock

    def is_alive(self, connection: Connection) -> bool:
        """A file can't hang up."""
        return True

    def survives(self, error: BaseException) -> bool:
        """After a full disk: nothing was written, and another connection would need space."""
        orig = error.orig if isinstance(error, DBAPIError) else None
        return getattr(orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL

    def release(self) -> None:
        """Close the lock file; the kernel does it for a process that dies."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _path_of(url: str) -> Path:
    rest = url.partition("://")[2]
    path, _, parameters = rest[1:].partition("?")
    if not rest.startswith("/") or path in ("", ":memory:") or parameters:
        raise LedgerError(
            f"the ledger's URL {redacted(url)} names no file, and what is in memory is lost: write sqlite:////PATH"
        )
    return Path(path).resolve()


def _opened(path: Path) -> int:
    """The descriptor of a file, which is made for its owner's eyes alone if it isn't there."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, those of table definitions too
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class PostgresServer(Database):
    """A database on a server. Its lock needs a session of its own: no pooler that changes it at each transaction."""

    def __init__(self, url: str) -> None:
        super().__init__(create_engine(_url_of(url), poolclass=NullPool, hide_parameters=True), url)

    def connect(self, holder: str) -> Connection:
        """Connect, and wait for the lock a little."""
        connection = self.engine.connect()
        try:
            with connection.begin():
                settings = {**_KEEPALIVES, "lock_timeout": LOCK_TIMEOUT_MS, "statement_timeout": STATEMENT_TIMEOUT_MS}
                for name, value in settings.items():
                    connection.exec_driver_sql(f"SET {name} = {value}")
            if not self._lock(connection):
                raise busy(self.url, self._holder(connection))
        except BaseException:
            connection.close()
            raise
        return connection

    def _lock(self, connection: Connection) -> bool:
        try:
            with connection.begin():
                lock = text("SELECT pg_advisory_lock(:class, hashtext(current_schema()))")
                connection.execute(lock, {"class": LOCK_CLASS})
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":  # lock_not_available: the timeout
                raise
            return False
        return True

    def _holder(self, connection: Connection) -> str:
        try:
            with connection.begin():
                return str(connection.scalar(select(STATE.c.holder)) or "")
        except ProgrammingError:  # it is making the tables
            return ""

    def note_holder(self, connection: Connection, holder: str) -> None:
        """For whoever finds the lock taken."""
        connection.execute(update(STATE).values(holder=holder))

    def is_alive(self, connection: Connection) -> bool:
        """Ask the server: it may have been restarted, and then the lock is gone too."""
        try:
            with connection.begin():
                connection.exec_driver_sql("SELECT 1")
        except DBAPIError:
            return False
        return True

    def survives(self, error: BaseException) -> bool:
        """Never: a commit whose answer was lost may have happened."""
        return False


def _url_of(url: str) -> URL:
    """The URL for psycopg. None of its parts may be a piece of a password, for an error of the driver may name it."""
    try:
        parts = urlsplit(url)
        clear = parts.port != 0 and parts.netloc.count("@") < 2 and "@" not in parts.path + parts.fragment
    except ValueError:  # the port is no number, or there is half a bracket
        clear = False
    try:
        made = make_url(url) if clear else None
    except (ArgumentError, ValueError):
        made = None
    if made is None:
        raise LedgerError(
            f"the ledger's URL {redacted(url)} can't be read: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with special characters of user and password as %40 for @, %2F for / and so on"
        )
    parameters = {name: value for name, value in _CONNECT.items() if name not in made.query}
    return made.set(drivername="postgresql+psycopg").update_query_dict(parameters)


def ensure_state(connection: Connection) -> None:
    """Make the one row of the ledger's state, if it isn't there."""
    if connection.scalar(select(STATE.c.id)) is None:
        connection.execute(insert(STATE).values(id=1))
