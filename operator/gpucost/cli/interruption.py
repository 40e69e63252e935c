"""Ctrl-C: whatever is at work ends, in silence, with exit code 130.

Python raises KeyboardInterrupt where the signal is noticed. But libraries make errors of their own of it (DuckDB: RuntimeError,
an extension that is being imported: ImportError), print it from destructors, or are deaf while they compute. So the signal is
remembered, and what is said or raised afterwards doesn't count.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
"""Exit code, as a shell's of a program that SIGINT ended."""
GRACE_SECONDS: Final = 6.0
"""After so long what is deaf is ended: longer than a server takes to answer what it was asked."""
_SHOW_CURSOR: Final = b"\x1b[?25h"


@dataclass(slots=True)
class CtrlC:
    """The handler of SIGINT."""

    pressed: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Remember the signal and raise KeyboardInterrupt."""
        if not self.pressed:
            self.pressed = True
            sys.unraisablehook = _say_nothing
            threading.excepthook = _say_nothing
            _thread.start_new_thread(_end_late, ())  # threading's own locks may be held by what is interrupted
        raise KeyboardInterrupt

    def listen(self) -> None:
        """Be the handler from now on; a thread other than the main one can't have any."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self)

    def ignore(self) -> None:
        """All is done: while the interpreter ends there is nothing left to interrupt."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _say_nothing(_: object) -> None:
    pass


def _end_late() -> None:
    time.sleep(GRACE_SECONDS)
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)
    os._exit(INTERRUPTED)
