"""A command on a terminal of its own, of any width: what it shows, and what it does when Ctrl-C is pressed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from command import PROGRAM

SECONDS: Final = 120.0
_ESCAPE: Final = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])")


def plain(text: str) -> str:
    """What is shown, without colours and movements of the cursor."""
    return _ESCAPE.sub("", text).replace("\r", "")


@dataclass
class Terminal:
    """A process whose output is a terminal, and what it has written there."""

    process: subprocess.Popen[bytes]
    leader: int
    written: bytes = b""
    ended: bool = field(default=False, init=False)

    @property
    def shown(self) -> str:
        return plain(self.written.decode(errors="replace"))

    def wait_for(self, pattern: str) -> str:
        """The part of what is shown that matches, as soon as it does."""
        while True:
            found = re.search(pattern, self.shown)
            if found:
                return found[0]
            assert not self.ended, f"ended before {pattern!r}: {self.shown[-2000:]}"
            self._read()

    def finish(self) -> int:
        """Read to the end; the exit code."""
        while not self.ended:
            self._read()
        return self.process.wait(SECONDS)

    def interrupt(self) -> int:
        """Press Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.finish()

    def _read(self) -> None:
        ready, _, _ = select.select([self.leader], [], [], SECONDS)
        assert ready, f"nothing within {SECONDS:g} s: {self.shown[-2000:]}"
        try:
            found = os.read(self.leader, 65536)
        except OSError:  # the other end is closed
            found = b""
        self.written += found
        self.ended = not found


@contextmanager
def on_terminal(
    *words: str | Path,
    columns: int = 80,
    env: Mapping[str, str] | None = None,
    program: Sequence[str | Path] = (PROGRAM,),
) -> Iterator[Terminal]:
    """A command with a terminal of so many columns as its output."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {
        key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    }
    process = subprocess.Popen(
        [*program, *words],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env={**kept, "TERM": "xterm", **(env or {})},
    )
    os.close(follower)
    try:
        yield Terminal(process, leader)
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def python(code: str) -> list[str]:
    """The command line of a program in Python."""
    return [sys.executable, "-c", code]
