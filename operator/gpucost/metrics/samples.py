"""The series of one report: a snapshot with the figures of its status.

Money and time are the nearest floats to the exact integers; ratios and tariffs are rounded as in the status, so that
both show the same number. What is unknown is absent. Label values are spelt as in the status and the tables:
``Weekday``, ``Success``, ``Lost``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from gpucost.core import money
from gpucost.core.allocation import Outcome
from gpucost.core.calendar import DAY_TYPES, sum_by
from gpucost.core.money import NANO, SECOND_US
from gpucost.metrics import families
from gpucost.metrics.families import BY_NAME, Family
from gpucost.report.lines import NodeLine, node_line, top_lines
from gpucost.report.report import PoolLine, Report

DUMP_VERSION: Final = 1
HOURS: Final = 24


class Row(NamedTuple):
    """A series of a family and a report: its own label values, and the value."""

    labels: tuple[str, ...]
    value: float


Found = dict[Family, Iterable[Row]]
"""Rows by family, as they are gathered; a family without rows says nothing."""


@dataclass(frozen=True, slots=True)
class ReportSamples:
    """Rows by the name of their family. Without any: nothing is known of the report."""

    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)

    def with_state(
        self,
        *,
        ready: bool,
        reason: str | None = None,
        last_success_us: int | None = None,
        data_until_us: int | None = None,
        compute_seconds: float | None = None,
    ) -> ReportSamples:
        """The same figures with what the controller knows of them, in place of what it knew before; how long they took to
        compute stays until that is stated anew. ``reason`` is that of condition Ready."""
        state = {
            families.READY: Row((), float(ready)),
            families.READY_REASON: None if reason is None else Row((reason,), 1.0),
            families.LAST_SUCCESS: None if last_success_us is None else Row((), last_success_us / SECOND_US),
            families.DATA_UNTIL: None if data_until_us is None else Row((), data_until_us / SECOND_US),
            families.COMPUTE_SECONDS: None if compute_seconds is None else Row((), compute_seconds),
        }
        told = {family.name: (row,) for family, row in state.items() if row is not None}
        past = {family.name for family, row in state.items() if row is not None or family != families.COMPUTE_SECONDS}
        return ReportSamples(told | {name: rows for name, rows in self.rows.items() if name not in past})


def samples_of(report: Report) -> ReportSamples:
    """The figures of a report. Those of tasks only where it has tasks; services as its status shows them."""
    lines = {name: node_line(report, node_type=k) for k, name in enumerate(report.types)}
    found = {**_nodes(report, lines), **_quality(report), **_pools(report)}
    if report.census is not None:
        found |= {**_allocation(report, lines), **_doubts(report), **_services(report), **_hours(report)}
    by_name = {family.name: tuple(rows) for family, rows in found.items()}
    return ReportSamples({name: rows for name, rows in by_name.items() if rows})


def _known(rows: Iterable[tuple[tuple[str, ...], str | None]]) -> Iterator[Row]:
    """Rows of a status' decimal texts, without those that are absent there."""
    return (Row(labels, float(text)) for labels, text in rows if text is not None)


def _nodes(report: Report, lines: Mapping[str, NodeLine]) -> Found:
    currency = report.spec.currency
    return {
        families.NODE_SECONDS: [Row((name, currency), x.node_us / SECOND_US) for name, x in lines.items()],
        families.NODE_COST: [Row((name, currency), x.node_cost / NANO) for name, x in lines.items()],
    }


def _allocation(report: Report, lines: Mapping[str, NodeLine]) -> Found:
    currency, savings = report.spec.currency, report.potential_savings
    busy = [((name,), money.ratio_text(x.busy_us, x.node_us)) for name, x in lines.items()]
    covered = [((name,), money.ratio_text(x.allocated, x.node_cost)) for name, x in lines.items()]
    return {
        families.ALLOCATED_COST: [Row((name, currency), x.allocated / NANO) for name, x in lines.items()],
        families.IDLE_COST: [Row((name, currency), x.idle_cost / NANO) for name, x in lines.items()],
        families.UNALLOCATED_COST: [Row((name, currency), x.unallocated / NANO) for name, x in lines.items()],
        families.COVERAGE_RATIO: _known(covered),
        families.UTILIZATION_RATIO: _known(busy),
        families.POTENTIAL_SAVINGS: [] if savings is None else [Row((currency,), savings / NANO)],
    }


def _quality(report: Report) -> Found:
    quality = report.quality
    return {
        families.CONFLICTS: [Row((), len(quality.conflicts))],
        families.UNCOVERED_SECONDS: [Row((), quality.uncovered_us / SECOND_US)],
        families.UNPRICED_SECONDS: [Row((), quality.unpriced_us / SECOND_US)],
    }


def _doubts(report: Report) -> Found:
    """What only tasks can raise."""
    quality = report.quality
    return {
        families.OFF_SCHEDULE_SECONDS: [Row((), quality.off_schedule_us / SECOND_US)],
        families.ATTEMPTS_SKIPPED: [Row((reason,), count) for reason, count in sorted(quality.skipped.items())],
    }


def _pools(report: Report) -> Found:
    """Nodes and their price now; absent once the period is over, the price also where none is known."""
    priced = ((line, cost_per_hour(report, line)) for line in report.pools)
    currency = report.spec.currency
    drifts = [(line.pool.name, line.drift) for line in report.pools if line.drift is not None]
    return {
        families.SCHEDULED_NODES: [
            Row((line.pool.name, line.pool.node_type), line.scheduled_now)
            for line in report.pools
            if line.scheduled_now is not None
        ],
        families.DRIFT_SECONDS: [Row((name,), drift.node_us / SECOND_US) for name, drift in drifts],
        families.DRIFT_COST: [Row((name, currency), drift.cost / NANO) for name, drift in drifts],
        families.COST_PER_HOUR: [
            Row((line.pool.name, currency), cost / NANO) for line, cost in priced if cost is not None
        ],
    }


def cost_per_hour(report: Report, line: PoolLine) -> int | None:
    """Nano-units an hour of the nodes that a pool has now; None where their count or price is unknown."""
    if line.nodes_now is None:
        return None
    prices, now = report.uses[report.types.index(line.pool.node_type)].prices, np.array([report.now_us])
    return line.nodes_now * int(prices.nano_per_hour.at(now)[0]) if prices.known.at(now)[0] else None


def _services(report: Report) -> Found:
    currency, shown = report.spec.currency, top_lines(report, report.spec.outputs.top_services)
    per_success = [
        ((name, currency), money.tariff_text(x.cost_by[Outcome.SUCCESS], x.attempts_by[Outcome.SUCCESS]))
        for name, x in shown
    ]
    per_failed_second = [
        ((name, currency), money.failed_second_text(x.cost_by[Outcome.FAILURE], x.executed_by[Outcome.FAILURE]))
        for name, x in shown
    ]
    return {
        families.SERVICE_COST: [
            Row((name, o.value, currency), x.cost_by[o] / NANO) for name, x in shown for o in Outcome
        ],
        families.SERVICE_ATTEMPTS: [Row((name, o.value), x.attempts_by[o]) for name, x in shown for o in Outcome],
        families.COST_PER_SUCCESS: _known(per_success),
        families.COST_PER_FAILED_SECOND: _known(per_failed_second),
    }


def _hours(report: Report) -> Found:
    """The hour grid of each node type: local hours in which nodes were billed, of weekdays and of weekends."""
    cells = report.cells
    key = cells.weekend[cells.day] * HOURS + cells.hour
    size = len(DAY_TYPES) * HOURS
    rows = []
    for name, busy_us, node_us in zip(report.types, report.grid.busy_us, report.grid.node_us, strict=True):
        busy, billed = sum_by(key, busy_us, size).tolist(), sum_by(key, node_us, size).tolist()
        for place in range(size):
            labels = (str(place % HOURS), DAY_TYPES[place // HOURS], name)
            rows.append((labels, money.ratio_text(busy[place], billed[place])))
    return {families.HOUR_UTILIZATION_RATIO: _known(rows)}


def dump(samples: ReportSamples) -> bytes:
    """Samples as bytes for the ledger, to the last digit."""
    content = {"version": DUMP_VERSION, "rows": samples.rows}
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode())


def load(blob: bytes) -> ReportSamples | None:
    """Samples of ``dump``; None where another version wrote them: then the report has to be computed again."""
    try:
        content = json.loads(zlib.decompress(blob))
        return _loaded(content["rows"]) if content["version"] == DUMP_VERSION else None
    except (zlib.error, ValueError, KeyError, TypeError):
        return None


def _loaded(content: Mapping[str, list[Any]]) -> ReportSamples | None:
    """None where a family or its labels are not the ones of today."""
    rows = {name: tuple(Row(tuple(labels), float(value)) for labels, value in found) for name, found in content.items()}
    fits = all(name in BY_NAME and len(row.labels) == len(BY_NAME[name].labels) for name in rows for row in rows[name])
    return ReportSamples(rows) if fits else None
