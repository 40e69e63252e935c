"""Section 2 of a report: from schedules to node pools, what they cost, and a line for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gpucost.core.actuation import Drift, Records, Run, actuated, drift_of
from gpucost.core.money import Ints
from gpucost.core.nodes import Clocks, NodeType, Pool, TypeUse, node_us, read_pools, use_of_type
from gpucost.core.period import Period
from gpucost.core.schedule import HeldSchedule, by_pool, next_change
from gpucost.core.steps import Steps
from gpucost.core.versions import KnownVersion, Schedules, held_schedules
from gpucost.core.zones import Zone
from gpucost.report.report import PoolLine

Runs = tuple[tuple[str, tuple[Run, ...]], ...]


@dataclass(frozen=True, slots=True)
class NodeInputs:
    """All that node figures depend on, and nothing else: equal inputs have equal figures, so reports can share them."""

    histories: tuple[tuple[KnownVersion, ...], ...]
    rows: tuple[HeldSchedule, ...]
    runs: Runs | None
    """What became of Jobs, by ``namespace/name`` of their CronJob; None: nobody recorded it."""
    cluster_zone: Zone
    assume_from_us: int | None
    bill_done: bool
    """Whether the actuated clock is billed, not the scheduled one."""
    rules: tuple[NodeType, ...]
    period: Period
    now_us: int


def runs_of(records: Records | None) -> Runs | None:
    """The runs of a ledger's records, as a value."""
    return None if records is None else tuple((label, tuple(runs)) for label, runs in sorted(records.runs.items()))


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """Node pools in the period and what they cost."""

    schedules: Schedules
    pools: tuple[Pool, ...]
    uses: Mapping[str, TypeUse]
    """Of types that have a rule or a pool."""
    unused: TypeUse
    """Of any other type, which only events name: no node and no price."""
    lines: tuple[PoolLine, ...]
    """Of each pool."""

    def use_of(self, node_type: str) -> TypeUse:
        """Node counts and node cost of a type."""
        return self.uses.get(node_type) or replace(self.unused, name=node_type)


def node_figures(inputs: NodeInputs) -> NodeFigures:
    """Expand schedules to node counts and node cost. Raises OverflowError where 64 bits would not be exact."""
    period, until_us = inputs.period, inputs.period.until_us
    schedules = held_schedules(inputs.histories, inputs.cluster_zone, inputs.assume_from_us)
    done = None if inputs.runs is None else actuated(inputs.histories, Records(dict(inputs.runs)))
    clocks = Clocks(by_pool((*schedules.held, *inputs.rows)), done, inputs.bill_done)
    pools = read_pools(clocks, inputs.rules, period.start_us, until_us)
    prices = {rule.name: rule.prices for rule in reversed(inputs.rules)}  # of two rules with one name the first counts
    names = {*prices, *(pool.node_type for pool in pools)}
    uses = {name: use_of_type(name, pools, prices.get(name, ()), period.start_us, until_us) for name in names}
    unused = use_of_type("", (), (), period.start_us, until_us)
    whole = np.array([period.start_us, until_us], dtype=np.int64)
    lines = tuple(_pool_line(pool, uses[pool.node_type], whole, period, inputs.now_us) for pool in pools)
    return NodeFigures(schedules, pools, uses, unused, lines)


def _pool_line(pool: Pool, use: TypeUse, whole: Ints, period: Period, now_us: int) -> PoolLine:
    line = pool.timeline
    current = period.start_us <= now_us < period.end_us
    here = pool.nodes_at(now_us) if current else None
    return PoolLine(
        pool=pool,
        node_us=int(node_us(line.counts, whole).sum()),
        cost=int(use.cost.pool_between(use.pools.index(pool), whole).sum()),
        uncovered_us=int(node_us(Steps(line.known.starts, 1 - line.known.values), whole).sum()),
        nodes_now=here,
        scheduled_now=pool.scheduled.nodes_at(now_us) if current else None,
        drift=_drift(pool, use, whole),
        next_change=next_change(pool.name, pool.schedules, now_us, here) if current else None,
    )


def _drift(pool: Pool, use: TypeUse, whole: Ints) -> Drift | None:
    if pool.done is None:
        return None
    return drift_of(pool.scheduled, pool.done, use.prices.nano_per_hour, int(whole[0]), int(whole[1]))
