"""What made a cost change between two periods: a chain of substitutions whose effects sum exactly to the change.

A cost is written as a product of factors, each a quotient of neighbouring quantities: the cost of nodes as successes x
executed time per success x node time per executed time x cost per node time. The quantities are put from before to after
one at a time, in this order; what each substitution adds is the effect of its factor. Products of changes so fall to the
later factor, and another order would share them out differently: P. de Boer and J. Rodrigues, "Decomposition analysis:
when to use which method?", Economic Systems Research 32 (2020), https://doi.org/10.1080/09535314.2019.1652571.

Money is nano-units, time is microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from gpucost.core.money import round_half_up


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """What the nodes of a type, or of all, cost in a period, and what was done with them."""

    cost: int = 0
    node_us: int = 0
    executed_us: int | None = 0
    """None: unknown, for the report has no tasks."""
    successes: int | None = 0
    """None: unknown, for the report has no tasks."""

    def __add__(self, other: NodeUsage) -> NodeUsage:
        return NodeUsage(
            self.cost + other.cost,
            self.node_us + other.node_us,
            _sum_known(self.executed_us, other.executed_us),
            _sum_known(self.successes, other.successes),
        )


def _sum_known(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right


@dataclass(frozen=True, slots=True)
class ServiceUsage:
    """What a service was charged in a period, and what it did."""

    cost: int = 0
    executed_us: int = 0
    successes: int = 0


@dataclass(frozen=True, slots=True)
class NodeEffects:
    """Why node cost changed, in nano-units. Their sum is the change."""

    volume: int = 0
    """More or fewer successes."""
    efficiency: int = 0
    """More or less executed time per success: slower tasks, failures and retries."""
    schedule: int = 0
    """More or less node time per executed time: idle nodes, tasks side by side."""
    price: int = 0
    """Dearer or cheaper node time."""

    def __add__(self, other: NodeEffects) -> NodeEffects:
        return NodeEffects(
            self.volume + other.volume,
            self.efficiency + other.efficiency,
            self.schedule + other.schedule,
            self.price + other.price,
        )

    @property
    def total(self) -> int:
        """The whole change."""
        return self.volume + self.efficiency + self.schedule + self.price


@dataclass(frozen=True, slots=True)
class ServiceEffects:
    """Why the allocated cost of a service changed, in nano-units. Their sum is the change."""

    volume: int
    """More or fewer successes."""
    efficiency: int
    """More or less executed time per success: slower tasks, failures and retries."""
    rate: int
    """Dearer or cheaper executed time: prices, idle time that is charged, other services on the same nodes."""

    @property
    def total(self) -> int:
        """The whole change."""
        return self.volume + self.efficiency + self.rate


def node_effects(before: NodeUsage, after: NodeUsage) -> NodeEffects:
    """Why the node cost of a type changed.

    A type that has nodes in one of the two periods only has no factors to compare: its whole change is of the schedule.
    """
    if not (before.node_us and after.node_us):
        return NodeEffects(schedule=after.cost - before.cost)
    quantities = [
        (before.successes, after.successes),
        (before.executed_us, after.executed_us),
        (before.node_us, after.node_us),
    ]
    return NodeEffects(*_chain(before.cost, after.cost, quantities))


def service_effects(before: ServiceUsage, after: ServiceUsage) -> ServiceEffects:
    """Why the allocated cost of a service changed.

    A service that executes in one of the two periods only has no factors to compare: its whole change is of the volume.
    """
    if not (before.executed_us and after.executed_us):
        return ServiceEffects(after.cost - before.cost, 0, 0)
    quantities = [(before.successes, after.successes), (before.executed_us, after.executed_us)]
    return ServiceEffects(*_chain(before.cost, after.cost, quantities))


def _chain(before: int, after: int, quantities: Iterable[tuple[int | None, int | None]]) -> list[int]:
    """The effect of putting each quantity from before to after, and of the cost of a unit of the last one.

    A quantity that is unknown, or that was zero before, can't scale a cost: its effect is 0, and its part falls to the
    next one. Each value of the chain is rounded half up once, so that the effects telescope to the change.
    """
    values = [before]
    for was, now in quantities:
        values.append(round_half_up(before * now, was) if was and now is not None else values[-1])
    return [later - earlier for earlier, later in pairwise([*values, after])]
