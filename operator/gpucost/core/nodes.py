"""Node pools in the period: node counts of each, node time and node cost of each type (sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gpucost.core.actuation import ActuatedSchedule
from gpucost.core.globs import Globs
from gpucost.core.money import Ints
from gpucost.core.nodecost import TypeCost, quarter_start, type_cost
from gpucost.core.prices import PriceCurve, PriceStep, price_curve
from gpucost.core.schedule import HeldSchedule, PoolTimeline, Setter, conflicts_from, pool_timeline
from gpucost.core.steps import Steps, constant, total

UNKNOWN_TYPE: Final = "unknown"


@dataclass(frozen=True, slots=True)
class NodeType:
    """A node type: which names belong to it, what its nodes cost, and with how many nodes its pools begin."""

    name: str
    match: Globs
    prices: tuple[PriceStep, ...] = ()
    initial_nodes: int | None = None
    gpus_per_node: int | None = None


def type_of(name: str, types: Sequence[NodeType]) -> str:
    """The type of a pool's or node's name: the first rule that matches, else ``unknown`` (section 2)."""
    return next((kind.name for kind in types if kind.match.match(name)), UNKNOWN_TYPE)


@dataclass(frozen=True, slots=True)
class Pool:
    """A node pool: its type, its schedules, and its node count by each clock."""

    name: str
    node_type: str
    schedules: tuple[HeldSchedule, ...]
    timeline: PoolTimeline
    """The one that is billed."""
    scheduled: PoolTimeline
    """What the schedules ask for."""
    done: PoolTimeline | None = None
    """What Jobs did, as far as they say; None: nobody recorded them."""

    def nodes_at(self, instant_us: int) -> int | None:
        """The billed count at an instant; None where it is unknown."""
        return self.timeline.nodes_at(instant_us)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What makes node counts: schedules by pool, and by pool what Jobs did (None: nobody recorded them)."""

    schedules: Mapping[str, tuple[HeldSchedule, ...]]
    done: Mapping[str, Sequence[ActuatedSchedule]] | None = None
    bill_done: bool = False
    """Whether the actuated clock is billed, not the scheduled one."""


def read_pools(clocks: Clocks, types: Sequence[NodeType], start_us: int, until_us: int) -> tuple[Pool, ...]:
    """Node counts of all pools from the quarter hour of ``start_us`` (costs are anchored there) to ``until_us``."""
    initial = {kind.name: kind.initial_nodes for kind in types}
    pools = []
    for name, schedules in clocks.schedules.items():
        kind = type_of(name, types)
        first = initial.get(kind), f"initialNodes of {kind}"
        scheduled = _timeline(name, schedules, start_us, until_us, first)
        did = None if clocks.done is None else clocks.done.get(name, ())
        done = None if did is None else _timeline(name, did, start_us, until_us, (None, ""))
        billed = _timeline(name, did or (), start_us, until_us, first) if clocks.bill_done else scheduled
        pools.append(Pool(name, kind, schedules, billed, scheduled, done))
    return tuple(pools)


def _timeline(
    name: str, setters: Sequence[Setter], start_us: int, until_us: int, first: tuple[int | None, str]
) -> PoolTimeline:
    line = pool_timeline(name, setters, quarter_start(start_us), until_us, initial=first[0], origin=first[1])
    return replace(line, conflicts=conflicts_from(line, setters, start_us))


@dataclass(frozen=True, slots=True)
class TypeUse:
    """What the pools of one type were and cost, as functions of time from the quarter hour of the start."""

    name: str
    pools: tuple[Pool, ...]
    counts: Steps
    cost: TypeCost
    prices: PriceCurve

    def unpriced(self) -> Steps:
        """Nodes without a price."""
        starts = np.union1d(self.counts.starts, self.prices.known.starts)
        return Steps(starts, self.counts.at(starts) * (1 - self.prices.known.at(starts)))


def use_of_type(name: str, pools: Sequence[Pool], prices: Sequence[PriceStep], start_us: int, until_us: int) -> TypeUse:
    """Node counts and anchored node cost of the pools of a type, ordered by name."""
    origin = quarter_start(start_us)
    mine = tuple(pool for pool in pools if pool.node_type == name)
    counts = [pool.timeline.counts for pool in mine]
    curve = price_curve(prices, origin)
    return TypeUse(
        name,
        mine,
        total([constant(0, origin), *counts]),
        type_cost(counts, curve.nano_per_hour, origin, max(until_us, origin)),
        curve,
    )


def node_us(counts: Steps, edges: Ints) -> Ints:
    """Node-microseconds of each cell between neighbouring edges."""
    return counts.integral(int(edges[-1])).between(edges)
