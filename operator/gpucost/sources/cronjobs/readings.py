"""What command lines say about node pools: what they set for certain, what can't be read, what is about pods only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gpucost.core.issues import UNREADABLE_SCALING_COMMAND, shorten


@dataclass(frozen=True, slots=True)
class ScalingCommand:
    """A command that sets one pool to one node count."""

    pool: str
    nodes: int
    per_zone: bool = False
    """The count is per zone of the pool; the manifest doesn't say how many zones the pool has."""


@dataclass(frozen=True, slots=True)
class UnreadCommand:
    """A command that scales nodes, or may, but can't be read for certain."""

    reason: str
    """What was recognised or stands in the way, without a full stop: ``"'kubectl scale' names 2 resources"``."""
    kind: str = UNREADABLE_SCALING_COMMAND
    """The issue's reason: UNREADABLE_SCALING_COMMAND for a tool that is read in other forms, else SCALER_NOT_READ."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a command line, a script or a CronJob's containers say."""

    commands: tuple[ScalingCommand, ...] = ()
    """Each certain, one per pool, in the order of the pools' names."""
    unread: UnreadCommand | None = None
    """The first thing that scales nodes, or may, and can't be read: then nothing of the CronJob is certain."""
    passed_over: tuple[str, ...] = ()
    """What scales pods and no nodes: ``kubectl scale deployment/web``."""


def combine(readings: Iterable[Reading]) -> Reading:
    """Several readings as one; unread, if one of them is, or if they set one pool to different counts."""
    found = list(readings)
    unread = next((reading.unread for reading in found if reading.unread), None)
    commands = {command: None for reading in found for command in reading.commands}
    passed_over = dict.fromkeys(text for reading in found for text in reading.passed_over)
    by_pool = sorted(commands, key=lambda command: (command.pool, command.nodes, command.per_zone))
    return Reading(tuple(by_pool), unread or _find_contradiction(by_pool), tuple(passed_over))


def _find_contradiction(by_pool: list[ScalingCommand]) -> UnreadCommand | None:
    pools = [command.pool for command in by_pool]
    twice = [command for command in by_pool if pools.count(command.pool) > 1]
    if not twice:
        return None
    ways = ", ".join(f"{shorten(command.pool, 40)} to {command.nodes}" for command in twice[:3])
    return UnreadCommand(f"it scales in more than one way ({ways})")
