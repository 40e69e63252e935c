"""A real PostgreSQL for the tests: a server of its own in a temporary folder, on the loopback interface, gone afterwards.

Where no server can be had, the tests that need one are skipped, and their reports name what is missing; under CI=true they
fail.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString, cast

import psycopg
import pytest

from processes import free_ports

SUPERUSER: Final = "postgres"
PASSWORD: Final = "s3cret-of-the-tests"
START_SECONDS: Final = 30.0
OPTIONS: Final = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=20",
    "listen_addresses=127.0.0.1",
    "timezone=Asia/Kolkata",  # the server's zone must not matter
    "lc_messages=C",
)

INITDB: Final = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")


class Missing(Exception):
    """No server can be had; the message says why."""


@dataclass(frozen=True)
class Postgres:
    """A running server; ``url`` is that of its superuser's database."""

    port: int
    folder: Path
    """Its data, its log and its socket."""
    command: tuple[str, ...]
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start it, again where it was stopped, and wait until it lets us in. Raises Missing where it doesn't."""
        with (self.folder / "log").open("ab") as log:
            child = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        self._children[:] = [child]
        _wait(child, self, self.folder / "log")

    @property
    def stopped(self) -> bool:
        return all(child.poll() is not None for child in self._children)

    def stop(self) -> None:
        """SIGQUIT: at once, and whoever is connected is not waited for."""
        for child in self._children:
            _stop(child)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server and to each process that serves a connection."""
        for child in self._children:
            served = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text(encoding="ascii").split()
            for pid in (child.pid, *map(int, served)):
                with suppress(ProcessLookupError):  # a connection may end meanwhile
                    os.kill(pid, number)

    @property
    def url(self) -> str:
        return self.url_of()

    def url_of(self, database: str = "postgres", user: str = SUPERUSER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty database; what the one before held is gone. (A database of its own takes 7 MB to write.)"""
        self.execute(self.url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        return self.url

    def execute(self, url: str, *statements: str, rows: Sequence[Sequence[Any]] = ()) -> list[tuple[Any, ...]]:
        """Run statements, the last one for each of the rows if there are any, and return what the last one answers."""
        with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements[:-1] if rows else statements:
                cursor.execute(cast(LiteralString, statement))
            if rows:
                cursor.executemany(cast(LiteralString, statements[-1]), rows)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server, started at its first use."""
    try:
        context = running()
        server = context.__enter__()
    except Missing as why:
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL is needed under CI=true: {why}")
        pytest.skip(f"no PostgreSQL: {why}")
    try:
        yield server
    finally:
        context.__exit__(None, None, None)


@contextmanager
def running(*more: str) -> Iterator[Postgres]:
    """A server with these options besides, and instead of, those above. Raises Missing where none can be had."""
    initdb, postgres = _program("initdb"), _program("postgres")
    as_user, owner = _other_user()
    # A short path: that of the server's socket may have only 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="gpucost-pg-"))
    try:
        if owner:
            os.chown(folder, *owner)
        data = folder / "data"
        secret = folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o644)
        _call([*as_user, initdb, "-D", str(data), "-U", SUPERUSER, f"--pwfile={secret}", *INITDB])
        (port,) = free_ports(1)  # one that no client has taken when it starts again
        options = [
            word
            for option in (*OPTIONS, *more, f"port={port}", f"unix_socket_directories={folder}")
            for word in ("-c", option)
        ]
        server = Postgres(port, folder, (*as_user, postgres, "-D", str(data), *options))
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """A server program: the newest of the distribution's folders, else from PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3].split(".")[0]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if not found:
        raise Missing(f"the program {name} is neither in /usr/lib/postgresql/*/bin nor in PATH")
    return found


def _other_user() -> tuple[list[str], tuple[int, int] | None]:
    """How to run as somebody else where we are root, whom the server refuses: a prefix of the command, and uid and gid."""
    if os.geteuid() != 0:
        return [], None
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise Missing("the server refuses to run as root, and setpriv is not there to run it as another user")
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        prefix = [
            setpriv,
            f"--reuid={user.pw_uid}",
            f"--regid={user.pw_gid}",
            "--clear-groups",
            "--pdeathsig=QUIT",
            "--",
        ]
        return prefix, (user.pw_uid, user.pw_gid)
    raise Missing("the server refuses to run as root, and there is no user postgres or nobody to run it as")


def _call(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, cwd="/", env=_environment())
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise Missing(f"initdb failed: {' '.join(said.split())[-300:]}") from None


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))} | {
        "LC_ALL": "C"
    }


def _wait(server: subprocess.Popen[bytes], found: Postgres, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(found.url, connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > until:
                said = log.read_text(encoding="utf-8", errors="replace") or str(error)
                raise Missing(f"the server does not start: {' '.join(said.split())[-300:]}") from None
            time.sleep(0.05)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """SIGQUIT: at once, nothing there is worth keeping."""
    server.send_signal(3)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
