"""The grid of the report: per node type and cell, node time and cost, busy time and cost, executed time (section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpucost.core.allocation import Idle, Shares, allocate, busy_cost, by_slot, spread
from gpucost.core.calendar import Cells
from gpucost.core.money import Ints
from gpucost.core.nodes import TypeUse, node_us


@dataclass(frozen=True, slots=True)
class Grid:
    """Arrays of shape (types, cells): microseconds of node time and nano-units of money."""

    node_us: Ints
    node_cost: Ints
    busy_us: Ints
    busy_cost: Ints
    off_schedule_us: Ints
    executed_us: Ints
    allocated: Ints
    excluded_us: Ints
    """Executed time of excluded services."""

    @property
    def idle_cost(self) -> Ints:
        """Node cost that no task kept busy."""
        return self.node_cost - self.busy_cost


@dataclass(frozen=True, slots=True)
class Buckets:
    """The spans over which node cost is shared: each a run of whole cells."""

    of_cell: Ints
    """Bucket of each cell."""
    edges: Ints
    """Instants; one more than buckets."""

    @property
    def count(self) -> int:
        """Number of buckets."""
        return len(self.edges) - 1


def buckets_of(cells: Cells, by_hour: bool) -> Buckets:
    """A bucket is a cell or a local day."""
    of_cell = np.arange(cells.count, dtype=np.int64) if by_hour else cells.day
    first = np.flatnonzero(np.diff(of_cell, prepend=-1)) if cells.count else of_cell
    return Buckets(of_cell, np.append(cells.edges[first], cells.edges[-1]))


@dataclass(frozen=True, slots=True)
class Work:
    """Executed time of charged attempts, row by row; indices are into types and cells."""

    cell: Ints
    node_type: Ints
    service: Ints
    outcome: Ints
    executed_us: Ints


def per_cell(cell: Ints, node_type: Ints, values: Ints, types: int, cells: int) -> Ints:
    """Sums of a column as an array of shape (types, cells)."""
    sums = np.zeros((types, cells), dtype=np.int64)
    np.add.at(sums, (node_type, cell), values)
    return sums


def fill_grid(
    uses: Sequence[TypeUse], cells: Cells, buckets: Buckets, work: Work, union_us: Ints, excluded_us: Ints, idle: Idle
) -> tuple[Grid, Shares]:
    """Node cost and busy cost of every cell, and the allocation of every bucket (section 4).

    ``union_us`` and ``excluded_us`` are of shape (types, cells).
    """
    shape = (len(uses), cells.count)
    billed = np.array([node_us(use.counts, cells.edges) for use in uses], dtype=np.int64).reshape(shape)
    cost = np.array([use.cost.between(cells.edges) for use in uses], dtype=np.int64).reshape(shape)
    executed = per_cell(work.cell, work.node_type, work.executed_us, *shape)
    busy = busy_cost(cost, billed, union_us)
    shares = _share(cost if idle is Idle.DISTRIBUTE else busy.cost, buckets, work)
    allocated = by_slot(shares, len(uses) * buckets.count).reshape(len(uses), buckets.count)
    by_hour = np.array([spread(buckets.of_cell, *row) for row in zip(allocated, executed, strict=True)], dtype=np.int64)
    return Grid(
        billed, cost, busy.busy_us, busy.cost, busy.off_schedule_us, executed, by_hour.reshape(shape), excluded_us
    ), shares


def per_bucket(values: Ints, buckets: Buckets) -> Ints:
    """Sums over the cells of each bucket: from shape (types, cells) to one row of (type, bucket), type by type."""
    sums = np.zeros((len(values), buckets.count), dtype=np.int64)
    np.add.at(sums.T, buckets.of_cell, values.T)
    return sums.reshape(-1)


def _share(money: Ints, buckets: Buckets, work: Work) -> Shares:
    slot = work.node_type * buckets.count + buckets.of_cell[work.cell]
    return allocate(slot, work.service, work.outcome, work.executed_us, per_bucket(money, buckets))
