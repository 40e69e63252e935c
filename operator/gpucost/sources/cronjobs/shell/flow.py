"""Whether the next statement of a shell runs for certain, and how a command ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto


class Status(Enum):
    """How a command ends."""

    SUCCESS = auto()
    FAILURE = auto()
    HOPED = auto()
    """Success, unless it fails, which is not expected of it."""
    OPEN = auto()
    """A test whose result isn't known."""


class Flow:
    """What decides whether the next statement of a shell process runs whenever the Job succeeds."""

    def __init__(self, *, is_certain: bool = True, fails_on_error: bool = False, is_inside: bool = False) -> None:
        self.fails_on_error = fails_on_error
        """``set -e``"""
        self.is_inside = is_inside
        """Whether this process may fail without the Job."""
        self.is_after_failure = False
        """Whether the present command stands on the right of ``||``."""
        self.is_loop_over = False
        """Whether ``break`` ran for certain."""
        self._doubts = 0 if is_certain else 1
        self._has_ended = False
        self._has_returned = False
        self._has_skipped = False
        self._broken_loops = 0

    @property
    def is_certain(self) -> bool:
        """Whether the next statement runs whenever the Job succeeds."""
        has_left = self._has_ended or self._has_returned or self._has_skipped or self._broken_loops
        return not (self._doubts or has_left)

    def fork(self) -> Flow:
        """That of a process which this one starts and waits for."""
        return Flow(is_certain=self.is_certain, fails_on_error=self.fails_on_error, is_inside=True)

    @contextmanager
    def doubt(self, is_doubtful: bool = True) -> Iterator[None]:
        """What runs inside may not run."""
        self._doubts += is_doubtful
        try:
            yield
        finally:
            self._doubts -= is_doubtful

    @contextmanager
    def enter_function(self) -> Iterator[None]:
        """A ``return`` inside leaves the function only."""
        before, self._has_returned = self._has_returned, self._has_returned
        yield
        self._has_returned = before

    @property
    def has_returned(self) -> bool:
        """Whether a ``return`` may have left the present function."""
        return self._has_returned

    def leave(self, name: str, words: Sequence[str]) -> None:
        """``exit``, ``return``, ``break`` or ``continue``: what follows is uncertain, unless the Job fails by it."""
        if name in ("break", "continue"):
            self._leave_turn(name, int(words[0]) if words and re.fullmatch(r"[1-9]", words[0]) else 1)
            return
        status = words[0] if words else "$?"
        is_failure = re.fullmatch(r"[1-9][0-9]*", status) or (self.is_after_failure and "$?" in status)
        stays_inside = (name == "return" or self.is_inside) and not self.fails_on_error
        if is_failure and not self.is_certain and not stays_inside:
            return
        if name == "return":
            self._has_returned = True
        else:
            self.end()

    def end(self) -> None:
        """Nothing follows for certain: ``exit``, or ``exec``."""
        self._has_ended = True

    def reach_end(self) -> None:
        """What ``trap ... EXIT`` runs, wherever the script was left."""
        self._has_ended = self._has_returned = False

    def _leave_turn(self, name: str, levels: int) -> None:
        if name == "continue" and levels == 1:
            self._has_skipped = True
            return
        self.is_loop_over |= self.is_certain
        self._broken_loops = max(self._broken_loops, levels)

    def end_turn(self) -> None:
        """A loop's next turn begins: what ``continue`` left is over."""
        self._has_skipped = False

    def end_loop(self) -> None:
        """A loop is over, and what ``break`` left with it."""
        self._broken_loops = max(0, self._broken_loops - 1)
        self._has_skipped = self.is_loop_over = False
