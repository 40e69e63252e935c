"""What the method needs to know of a CronJob that scales a node pool (section 2).

Instants are UTC microseconds, intervals half-open. Schedule and zone are kept as written: the core parses them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gpucost.core.issues import show

MAX_NODES: Final = 100_000
"""Upper limit of a pool's count. Kubernetes supports 5,000 nodes, GKE 65,000 in a cluster; beyond this it is a typo."""
MAX_POOL_CHARACTERS: Final = 253
MAX_POOLS: Final = 100
"""Most pools that one CronJob may set: a limit on the work that it can cause."""

_COUNT = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class PoolCount:
    """The node count of a pool after a CronJob's fire."""

    pool: str
    nodes: int


@dataclass(frozen=True, slots=True)
class ScheduleVersion:
    """One version of one CronJob that sets the node counts of pools, and since when it holds."""

    uid: str
    """``metadata.uid``; ``namespace/name`` where a file has none."""
    namespace: str
    name: str
    counts: tuple[PoolCount, ...]
    """What each fire sets: at least one pool, each once, as ``order_counts`` orders them."""
    schedule: str
    """Cron expression, as written."""
    time_zone: str | None
    """IANA name; None: the cluster's zone."""
    suspended: bool
    starting_deadline_seconds: int | None
    created_us: int | None
    """creationTimestamp; None: a file without it, which holds since ever."""
    valid_from_us: int | None
    """Annotation gpucost.dev/valid-from, inclusive; None: not stated."""

    @property
    def label(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools whose counts it sets."""
        return tuple(count.pool for count in self.counts)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something in a CronJob that was seen, and sets no node count."""

    label: str
    """``namespace/name`` of the CronJob."""
    what: str
    """What was seen, and why it sets none."""


def order_counts(nodes: Mapping[str, int]) -> tuple[PoolCount, ...]:
    """Node counts by pool, in the order of the UTF-8 bytes of the pools' names."""
    return tuple(PoolCount(pool, nodes[pool]) for pool in sorted(nodes, key=str.encode))


def parse_node_count(value: object) -> int:
    """A node count from 0 to MAX_NODES, from an integer or its decimal ASCII digits. ValueError says what it is not."""
    text = str(value) if _is_small_int(value) else value
    if isinstance(text, str) and _COUNT.fullmatch(text.strip(" \t\n")) and int(text) <= MAX_NODES:
        return int(text)
    raise ValueError(f"{show(value)} is not a whole number of nodes from 0 to {MAX_NODES}")


def parse_pool_name(value: object) -> str:
    """A pool's name: one line of printable text. ValueError says what it is not."""
    name = value.strip() if isinstance(value, str) else ""
    if name and name.isprintable() and len(name) <= MAX_POOL_CHARACTERS:
        return name
    raise ValueError(f"{show(value)} is not a pool's name (one line of 1 to {MAX_POOL_CHARACTERS} characters)")


def _is_small_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64
