"""The laws of section 6 that can be checked on a report: C1, C2, C3, C6, exactly."""

from __future__ import annotations

from collections.abc import Sequence

from gpucost.core.allocation import Shares
from gpucost.core.grid import Buckets, Grid
from gpucost.report.report import Law, PoolLine, total


def check_laws(grid: Grid, shares: Shares, pools: Sequence[PoolLine], buckets: Buckets) -> tuple[Law, ...]:
    """Both sides of every law, in nano-units or microseconds. All of them should be equal."""
    cost, allocated, busy = total(grid.node_cost), total(grid.allocated), total(grid.busy_cost)
    within = int((grid.busy_cost < 0).sum() + (grid.busy_cost > grid.node_cost).sum())
    unallocated = int((grid.node_cost - grid.allocated).sum())
    return (
        Law("C1 allocated + unallocated = node cost", allocated + unallocated, cost),
        Law("C2 busy + idle = node cost", busy + total(grid.idle_cost), cost),
        Law("C2 hours with busy cost outside 0..cost", within, 0),
        Law("C3 sum over services and outcomes = allocated", total(shares.cost), allocated),
        Law("C4 executed by service = executed by hour", total(shares.executed_us), total(grid.executed_us)),
        Law("C6 pools = types, money", sum(line.cost for line in pools), cost),
        Law("C6 pools = types, node time", sum(line.node_us for line in pools), total(grid.node_us)),
        Law("C6 buckets = hours, money", _over_buckets(grid, buckets), cost),
    )


def _over_buckets(grid: Grid, buckets: Buckets) -> int:
    """Node cost summed bucket by bucket."""
    return sum(total(grid.node_cost[:, buckets.of_cell == bucket]) for bucket in range(buckets.count))
