"""How far a long computation is, for whoever waits for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """What is being done, in the order in which it is."""

    OPENING = "opening the task database"
    READING = "reading"
    FINDING = "finding attempts"
    SHARING = "sharing cost"
    WRITING = "writing files"


class Progress(Protocol):
    """Is told the stage, and how much of it is done: events that are read, or files that are written."""

    def __call__(self, stage: Stage, done: int = 0, of: int = 0) -> None:
        """``of``: how much there is in all; 0: unknown, or nothing to count."""


def tell_nobody(stage: Stage, done: int = 0, of: int = 0) -> None:
    """Nobody waits."""
