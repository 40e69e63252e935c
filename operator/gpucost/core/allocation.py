"""Allocation: node cost to services and outcomes, busy and idle cost, the hour grid (section 4).

All columns are per (cell or bucket, type); both are flattened type-major: index = type * cells + cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gpucost.core.calendar import sum_by
from gpucost.core.money import Ints, group_starts, multiply_divide_round, split_groups


class Idle(StrEnum):
    """Who pays for idle nodes: the tasks of the bucket (fully loaded), or a line of its own."""

    DISTRIBUTE = "Distribute"
    SEPARATE = "Separate"


class Outcome(StrEnum):
    """How an attempt ended. The names sort as the split orders them."""

    FAILURE = "Failure"
    INTERRUPTED = "Interrupted"
    OPEN = "Open"
    SUCCESS = "Success"


@dataclass(frozen=True, slots=True)
class Busy:
    """Busy node time of cells, capped at the billed node time, and what it cost."""

    busy_us: Ints
    off_schedule_us: Ints
    cost: Ints


def busy_cost(node_cost: Ints, node_us: Ints, union_us: Ints) -> Busy:
    """Busy cost of cells = round(C * busy / billed); the time above billed is off schedule (section 4)."""
    busy = np.minimum(union_us, node_us)
    cost = multiply_divide_round(node_cost, busy, np.maximum(node_us, 1))
    return Busy(busy, union_us - busy, cost)


@dataclass(frozen=True, slots=True)
class Shares:
    """Executed time per (bucket, type, service, outcome), sorted by these keys, and the money that goes with it."""

    slot: Ints
    """Index of (bucket, type)."""
    service: Ints
    outcome: Ints
    executed_us: Ints
    cost: Ints


def allocate(slot: Ints, service: Ints, outcome: Ints, executed_us: Ints, to_allocate: Ints) -> Shares:
    """Split each (bucket, type)'s money over its services and outcomes by executed time.

    Rows may come in any order and several per key. ``service`` and ``outcome`` number names in the order of their bytes,
    ``to_allocate`` is indexed by slot. A slot without executed time allocates nothing: its money stays unallocated.
    """
    order = np.lexsort((outcome, service, slot))
    slot, service, outcome, executed_us = slot[order], service[order], outcome[order], executed_us[order]
    keys = group_starts(slot, service, outcome)
    summed = np.add.reduceat(executed_us, keys) if len(keys) else executed_us
    slot, service, outcome = slot[keys], service[keys], outcome[keys]
    first = group_starts(slot)
    cost = split_groups(to_allocate[slot[first]], summed, first)
    return Shares(slot, service, outcome, summed, cost)


def spread(bucket_of_cell: Ints, allocated: Ints, executed_us: Ints) -> Ints:
    """Spread each bucket's allocated money over its cells, in time order, by executed time (section 4).

    ``bucket_of_cell`` ascends; ``allocated`` is indexed by bucket. Returns money per cell.
    """
    first = group_starts(bucket_of_cell)
    return split_groups(allocated[bucket_of_cell[first]], executed_us, first)


def by_slot(shares: Shares, slots: int) -> Ints:
    """Allocated money per (bucket, type)."""
    return sum_by(shares.slot, shares.cost, slots)
