"""Small words for the examples of the ledger: a day, CronJobs as they are seen, and ledgers in either database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from examples import only_nodes, utc
from gpucost.core.money import SECOND_US
from gpucost.core.scaling import ScheduleVersion, order_counts
from gpucost.core.versions import KnownVersion
from gpucost.ledger.ledger import Edit, Ledger, Sighting

KEY = ("ops", "up")
CREATED = utc("2025-06-01T06:00")
MINUTE = 60 * SECOND_US

Opener = Callable[[], Ledger]
"""Opens the same ledger again."""


def at(clock: str, second: float = 0) -> int:
    """A time of 2 June 2025, UTC."""
    return utc(f"2025-06-02T{clock}") + round(second * SECOND_US)


def stated(nodes: int = 2, pool: str = "gpu", **fields: Any) -> ScheduleVersion:
    """CronJob ops/up: 2 nodes of pool gpu at 8:00, created on 1 June at 6:00."""
    only = order_counts({pool: nodes})
    return replace(ScheduleVersion("uid-1", *KEY, only, "0 8 * * *", None, False, None, CREATED, None), **fields)


def seen_as(
    version: ScheduleVersion | None = None, generation: int | None = 1, *edits: Edit, uid: str = "uid-1", **labels: str
) -> Sighting:
    """The sighting of ops/up; without a version it states no pool."""
    return Sighting(version.uid if version else uid, *KEY, labels, version, generation, edits)


def edit(at_us: int, *fields: str) -> Edit:
    """An entry of managedFields; ``nodes`` is short for the annotation."""
    long = {"nodes": "metadata.annotations.gpucost.dev/nodes"}
    return Edit(at_us, frozenset(long.get(field, f"spec.{field}") for field in fields))


def known(ledger: Ledger, key: tuple[str, str] = KEY) -> tuple[KnownVersion, ...]:
    return ledger.histories()[key].known


def spans(versions: tuple[KnownVersion, ...]) -> list[tuple[int, int | None, int | None]]:
    """Nodes of the one pool, edited and ended of each version."""
    return [(only_nodes(v.version), v.edited_us, v.ended_us) for v in versions]
