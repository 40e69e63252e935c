"""Servers that the tests start: child processes on the loopback interface, each with a log file, gone with the tests."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from typing import Final, NoReturn, TypeVar, cast

import pytest

T = TypeVar("T")

PORTS: Final = range(10_000, 32_000)
"""Below Linux's range of ports for outgoing connections: else a client that tries a stopped server again and again gets,
sooner or later, the server's port for its own end, and the server can't come back."""


class Missing(Exception):
    """A program that a test needs isn't there; the message says which and how to get it."""


class CommandFailed(AssertionError):
    """A command ended with another code than 0; the message holds what it said."""


class NotInTime(AssertionError):
    """An awaited event did not come."""


def skip(what: str, why: Missing) -> NoReturn:
    """Leave the tests that need a missing part: skipped on a user's machine, failed under CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is needed under CI=true: {why}")
    pytest.skip(f"no {what}: {why}")


def program(name: str) -> str:
    """The path of a program of the system. Raises Missing."""
    found = shutil.which(name)
    if not found:
        raise Missing(f"the program {name} is not in PATH")
    return found


def free_ports(count: int) -> list[int]:
    """Different ports of the loopback interface on which nobody listens."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(PORTS)
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def open_url(request: urllib.request.Request, timeout: float, trust: ssl.SSLContext | None = None) -> HTTPResponse:
    """As urlopen does it, but never through a proxy that the environment names. Raises HTTPError, and OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    return cast(HTTPResponse, opener.open(request, timeout=timeout))


def wait_until(predicate: Callable[[], T], seconds: float, what: str, every: float = 0.05) -> T:
    """The first true answer of the predicate. Raises NotInTime, with its last answer, after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > until:
            raise NotInTime(f"not within {seconds:g} s: {what}; the last answer was {answer!r}")
        time.sleep(every)


@dataclass
class Process:
    """A child process that writes into a log file, and ends with the thread that started it (use the main thread)."""

    command: Sequence[str]
    log_file: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        return Path(self.command[0]).name

    @property
    def pid(self) -> int:
        """Of the running or the last child."""
        assert self._child, f"{self.name} was never started"
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def tail(self, characters: int = 3000) -> str:
        """The end of the log, under the name of the program."""
        return f"--- {self.name} ({self.log_file}):\n{self.log[-characters:]}"

    def start(self) -> None:
        """Start it; a second start adds to the same log."""
        assert not self.running, f"{self.name} is already running"
        setpriv = shutil.which("setpriv")
        prefix = [setpriv, "--pdeathsig=KILL", "--"] if setpriv else []
        with self.log_file.open("ab") as log:
            self._child = subprocess.Popen(
                [*prefix, *self.command],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self.env,
                cwd=self.cwd or self.log_file.parent,
            )

    def wait_for(self, predicate: Callable[[], T], seconds: float, what: str) -> T:
        """The first true answer of the predicate; fails with the log's end when that is late or the process ends."""

        def alive() -> T:
            assert self.running, f"{self.name} ended before {what}\n{self.tail()}"
            return predicate()

        try:
            return wait_until(alive, seconds, what)
        except NotInTime as late:
            raise NotInTime(f"{late}\n{self.tail()}") from None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens where it has ended."""
        assert self._child, f"{self.name} was never started"
        self._child.send_signal(number)

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM; the exit code. Raises NotInTime, and kills it, if it's still there after so many seconds."""
        assert self._child, f"{self.name} was never started"
        self._child.terminate()
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotInTime(f"{self.name} ignored SIGTERM for {seconds:g} s\n{self.tail()}") from None

    def kill(self) -> None:
        """SIGKILL: at once and without a farewell; nothing where it has ended already."""
        if self._child:
            self._child.kill()
            self._child.wait()
