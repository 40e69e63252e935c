"""The laws of section 6 that can be checked on one report, exactly. A law compares two sides that were computed apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpucost.core.allocation import Idle, Shares, by_slot
from gpucost.core.grid import Buckets, Grid, per_bucket
from gpucost.report.report import Details, Law, PoolLine, total


def check_laws(
    grid: Grid, shares: Shares, pools: Sequence[PoolLine], buckets: Buckets, idle: Idle, details: Details | None
) -> tuple[Law, ...]:
    """Both sides of every law, in nano-units or microseconds. All of them should be equal."""
    return (*_of_nodes(grid, pools), *_of_shares(grid, shares, buckets, idle), *_of_attempts(shares, details))


def _of_nodes(grid: Grid, pools: Sequence[PoolLine]) -> Iterator[Law]:
    outside = int((grid.busy_cost < 0).sum() + (grid.busy_cost > grid.node_cost).sum())
    yield Law("C2 hours with busy cost outside 0..cost", outside, 0)
    yield Law("C2 hours with busy time outside 0..billed", int((grid.busy_us > grid.node_us).sum()), 0)
    yield Law("C6 pools = types, money", sum(line.cost for line in pools), total(grid.node_cost))
    yield Law("C6 pools = types, node time", sum(line.node_us for line in pools), total(grid.node_us))


def _of_shares(grid: Grid, shares: Shares, buckets: Buckets, idle: Idle) -> Iterator[Law]:
    """What a bucket has to give is given whole where anything was executed, and else not at all."""
    money = per_bucket(grid.node_cost if idle is Idle.DISTRIBUTE else grid.busy_cost, buckets)
    given = by_slot(shares, len(money))
    executed = per_bucket(grid.executed_us, buckets)
    yield Law("C1 buckets that give more or less than they have", int((given != money * (executed > 0)).sum()), 0)
    yield Law("C3 sum over services and outcomes = over hours", total(shares.cost), total(grid.allocated))
    yield Law("C4 executed by service = executed by hour", total(shares.executed_us), total(grid.executed_us))


def _of_attempts(shares: Shares, details: Details | None) -> Iterator[Law]:
    if details is None:
        return
    attempts = details.attempts
    wrong = int((details.executed_us != attempts.part_end_us - attempts.part_start_us).sum())
    yield Law("C3 sum over tasks = allocated", total(details.cost), total(shares.cost))
    yield Law("C4 attempts whose pieces are not their duration", wrong, 0)
