"""Lines of a report: sums of its grid and counts over types, services, days, hours. One definition for every rendering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from gpucost.core.allocation import Outcome
from gpucost.core.calendar import DAY_TYPES, sum_by
from gpucost.core.money import Ints
from gpucost.report.report import OUTCOMES, Report, total

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class NodeLine:
    """Node time in microseconds and money in nano-units of some types in some cells."""

    node_us: int
    node_cost: int
    allocated: int
    busy_us: int
    busy_cost: int
    executed_us: int
    off_schedule_us: int

    @property
    def unallocated(self) -> int:
        """Node cost that no task was charged."""
        return self.node_cost - self.allocated

    @property
    def idle_us(self) -> int:
        """Billed node time in which nothing ran."""
        return self.node_us - self.busy_us

    @property
    def idle_cost(self) -> int:
        """Node cost of idle time."""
        return self.node_cost - self.busy_cost


def node_line(report: Report, cells: Mask | None = None, node_type: int | None = None) -> NodeLine:
    """The line of some cells (default: all) and one type (default: all)."""
    chosen = slice(None) if cells is None else cells
    return NodeLine(*(total(column[:, chosen]) for column in _columns(report, node_type)))


def node_lines(report: Report, key: Ints, size: int, node_type: int | None = None) -> list[NodeLine]:
    """The lines of cells with the same key, 0 to size - 1, of one type (default: all)."""
    sums = [sum_by(key, column.sum(axis=0), size).tolist() for column in _columns(report, node_type)]
    return [NodeLine(*line) for line in zip(*sums, strict=True)]


def _columns(report: Report, node_type: int | None) -> Iterator[Ints]:
    """What a line holds, each of shape (types, cells)."""
    rows = slice(None) if node_type is None else slice(node_type, node_type + 1)
    grid = report.grid
    columns = grid.node_us, grid.node_cost, grid.allocated, grid.busy_us, grid.busy_cost, grid.executed_us
    return (column[rows] for column in (*columns, grid.off_schedule_us))


def day_lines(report: Report, node_type: int | None = None) -> list[NodeLine]:
    """The line of each local day of the period so far."""
    return node_lines(report, report.cells.day, len(report.dates), node_type)


@dataclass(slots=True)
class TaskLine:
    """Counts, money in nano-units and executed microseconds of attempts, by outcome."""

    attempts_by: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    """Ended in the period; Open: touching it."""
    cost_by: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    executed_by: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    retries: int = 0

    @property
    def attempts(self) -> int:
        """Ended attempts."""
        return sum(count for outcome, count in self.attempts_by.items() if outcome is not Outcome.OPEN)

    @property
    def tasks(self) -> int:
        """Ended attempts that are no retries."""
        return self.attempts - self.retries

    @property
    def cost(self) -> int:
        """Allocated money."""
        return sum(self.cost_by.values())

    @property
    def executed_us(self) -> int:
        """Executed time in the period."""
        return sum(self.executed_by.values())

    @property
    def effective_cost(self) -> int:
        """Money of all that ended, whatever the end: what the successes have to pay for (section 4)."""
        return self.cost - self.cost_by[Outcome.OPEN]


def task_lines(report: Report) -> dict[str, TaskLine]:
    """One line per service with a charged attempt, by name's bytes."""
    ended, touching, shares = report.ended, report.touching, report.shares
    cost = _by_service(report, shares.service, shares.outcome, shares.cost)
    executed = _by_service(report, shares.service, shares.outcome, shares.executed_us)
    attempts = _by_service(report, ended.service, ended.outcome, ended.attempts)
    retries = _by_service(report, ended.service, ended.outcome, ended.retries)
    opened = _by_service(report, touching.service, touching.outcome, touching.attempts)
    attempts[:, OUTCOMES.index(Outcome.OPEN)] += opened[:, OUTCOMES.index(Outcome.OPEN)]
    return {
        report.services[service]: TaskLine(
            retries=int(retries[service].sum()),
            attempts_by=dict(zip(OUTCOMES, attempts[service].tolist(), strict=True)),
            cost_by=dict(zip(OUTCOMES, cost[service].tolist(), strict=True)),
            executed_by=dict(zip(OUTCOMES, executed[service].tolist(), strict=True)),
        )
        for service in np.unique(touching.service).tolist()
    }


def _by_service(report: Report, service: Ints, outcome: Ints, values: Ints) -> Ints:
    """Sums of rows by service and outcome."""
    sums = sum_by(service * len(OUTCOMES) + outcome, values, len(report.services) * len(OUTCOMES))
    return sums.reshape(len(report.services), len(OUTCOMES))


def sum_lines(lines: list[TaskLine]) -> TaskLine:
    """The line of several services together."""
    whole = TaskLine()
    for line in lines:
        whole.retries += line.retries
        for outcome in Outcome:
            whole.attempts_by[outcome] += line.attempts_by[outcome]
            whole.cost_by[outcome] += line.cost_by[outcome]
            whole.executed_by[outcome] += line.executed_by[outcome]
    return whole


def whole_line(report: Report) -> TaskLine:
    """The line of all services."""
    return sum_lines(list(task_lines(report).values()))


def by_cost(lines: dict[str, TaskLine]) -> list[tuple[str, TaskLine]]:
    """Services, the dearest first."""
    return sorted(lines.items(), key=lambda item: (-item[1].cost, item[0].encode()))


def day_of_bucket(report: Report) -> Ints:
    """The day of each bucket: a bucket is a run of cells of one day."""
    return report.cells.day[np.searchsorted(report.buckets.of_cell, np.arange(report.buckets.count))]


def bucket_of_share(report: Report) -> Ints:
    """The bucket of each row of ``report.shares``."""
    return report.shares.slot % max(report.buckets.count, 1)


def day_type_of(report: Report) -> Ints:
    """0 for a cell of a weekday, 1 for one of a weekend."""
    return np.asarray(report.cells.weekend[report.cells.day]) if report.cells.count else report.cells.day


def day_type_lines(report: Report, node_type: int | None = None) -> list[NodeLine]:
    """The lines of weekdays and of weekends."""
    return node_lines(report, day_type_of(report), len(DAY_TYPES), node_type)


def days_of(report: Report, index: int) -> int:
    """How many local days of the period are weekdays (0) or weekends (1)."""
    return int((report.cells.weekend == index).sum()) if report.dates else 0


def is_priced(report: Report, node_type: int) -> bool:
    """Whether a type had a price at any time; without one its cost of 0 says nothing."""
    return bool(report.uses[node_type].prices.known.values.any())


def gpu_us(report: Report) -> int | None:
    """GPU-microseconds; None unless every type with node time says how many GPUs a node has."""
    gpus = {rule.name: rule.gpus_per_node for rule in report.rules}
    sums = [(gpus.get(name), total(report.grid.node_us[k])) for k, name in enumerate(report.types)]
    if any(count is None and node_us for count, node_us in sums) or not any(count is not None for count, _ in sums):
        return None
    return sum((count or 0) * node_us for count, node_us in sums)


def ratio(numerator: int, denominator: int) -> Fraction | None:
    """A quotient; None where the denominator is zero."""
    return Fraction(numerator, denominator) if denominator else None


def hour_ranges(hours: Iterable[int]) -> str:
    """Hours of the day as ranges: ``8-19, 22``."""
    ranges: list[list[int]] = []
    for hour in sorted(set(hours)):
        if ranges and ranges[-1][-1] == hour - 1:
            ranges[-1].append(hour)
        else:
            ranges.append([hour])
    return ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in ranges)


OTHER: Final = "other"
"""The name of a row for the rest."""


def top_lines(report: Report, top: int | None) -> list[tuple[str, TaskLine]]:
    """Services by cost; with a limit the rest, and a service that is itself named other, share one row."""
    ranked = by_cost(task_lines(report))
    if top is None or len(ranked) <= top:
        return ranked
    named = [(name, line) for name, line in ranked[:top] if name != OTHER]
    rest = [line for place, (name, line) in enumerate(ranked) if place >= top or name == OTHER]
    return [*named, (OTHER, sum_lines(rest))]
