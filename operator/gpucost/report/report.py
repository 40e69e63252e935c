"""The Report: every figure of section 5, as integers of microseconds and nano-units."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpucost.api.costreport import CostReportSpec
from gpucost.core.actuation import Drift
from gpucost.core.allocation import Outcome, Shares
from gpucost.core.attempts import Pieces, Spans
from gpucost.core.calendar import Cells
from gpucost.core.grid import Buckets, Grid
from gpucost.core.instants import parse_duration
from gpucost.core.issues import Issue, as_sentence
from gpucost.core.money import Ints
from gpucost.core.nodes import NodeType, Pool, TypeUse
from gpucost.core.period import Period, local_date
from gpucost.core.proposals import CronLine
from gpucost.core.scaling import PassedOver
from gpucost.core.schedule import Conflict, NextChange
from gpucost.core.zones import Zone
from gpucost.engine.reduction import Attempts, Census
from gpucost.report.doubts import Doubt, Doubts
from gpucost.report.revision import revision

if TYPE_CHECKING:
    import pandas as pd

    from gpucost.report.charts.chart import Chart

OUTCOMES = tuple(Outcome)
"""Outcome names by number, as the rollup numbers them."""


@dataclass(frozen=True, slots=True)
class PoolLine:
    """A node pool in the period."""

    pool: Pool
    node_us: int
    cost: int
    uncovered_us: int
    nodes_now: int | None
    """Of the billed clock, only while the period contains now."""
    scheduled_now: int | None
    """Of the schedules, only while the period contains now."""
    drift: Drift | None
    """Done minus scheduled, where both are known."""
    next_change: NextChange | None


@dataclass(frozen=True, slots=True)
class Ended:
    """Attempts that ended in the period, row by row: when, whose, where, how; and the retries among them."""

    cell: Ints
    service: Ints
    node_type: Ints
    outcome: Ints
    attempts: Ints
    retries: Ints
    lengths_us: Ints
    """Whole length of these attempts, also outside the period."""


@dataclass(frozen=True, slots=True)
class Touching:
    """Charged attempts that touch the period, by service, type and outcome."""

    service: Ints
    node_type: Ints
    outcome: Ints
    attempts: Ints


@dataclass(frozen=True, slots=True)
class Quality:
    """What was read, what was left out, and why."""

    loaded: int
    charged: int
    skipped: Mapping[str, int]
    never_ran: int
    uncovered_us: int
    assumed_us: int
    excluded_us: int
    unpriced_us: int
    off_schedule_us: int
    future_events: int
    conflicts: tuple[Conflict, ...]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Law:
    """A law of section 6, checked on this report: what should equal what."""

    name: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        """Whether both sides are equal, to the nano-unit or microsecond."""
        return self.left == self.right


@dataclass(frozen=True, slots=True)
class Details:
    """Charged attempts one by one, and their money per bucket."""

    attempts: Attempts
    pieces: Pieces
    cost: Ints
    """Money per attempt."""
    executed_us: Ints
    """Executed time in the period, per attempt."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Advice with what it would save, in nano-units."""

    name: str
    node_type: str
    node_pool: str | None
    message: str
    savings: int
    confidence: str
    nodes_before: int
    """The most that were scheduled in the hours that it is about."""
    nodes_after: int
    """The most that are proposed for them."""
    schedules: tuple[CronLine, ...]
    """All schedules of the type's pools with the proposal, in place of those that they have; empty where a person has to
    make them, or nothing is left to schedule."""


@dataclass(frozen=True, slots=True)
class Report:
    """A computed CostReport. Types and services are numbered; names stand in ``types`` and ``services``."""

    name: str
    namespace: str
    spec: CostReportSpec
    now_us: int
    period: Period
    cells: Cells
    buckets: Buckets
    types: tuple[str, ...]
    rules: tuple[NodeType, ...]
    services: tuple[str, ...]
    uses: tuple[TypeUse, ...]
    pools: tuple[PoolLine, ...]
    grid: Grid
    shares: Shares
    ended: Ended
    touching: Touching
    census: Census | None
    quality: Quality
    measured: Doubts
    doubts: tuple[Doubt, ...]
    """What is too much for advice, the largest first."""
    laws: tuple[Law, ...]
    recommendations: tuple[Recommendation, ...]
    potential_savings: int | None
    """The largest single saving of each hour and type, summed; None without tasks."""
    needed: tuple[str, ...]
    """Idle cost that no fewer nodes would have saved, a sentence a node type."""
    inputs: Mapping[str, str]
    """A short hash of each part that the figures rest on."""
    passed_over: tuple[PassedOver, ...]
    """What was seen in CronJobs and sets no node count, without being wrong."""
    details: Details | None

    @property
    def input_revision(self) -> str:
        """One hash over the spec, schedule versions, prices, data watermark and method revision."""
        return revision(self.inputs)

    @property
    def caution(self) -> str | None:
        """What a reader should know before any figure, in one sentence; None where all was understood."""
        return as_sentence(self.doubts[0].sentence) if self.doubts else None

    @property
    def conserved(self) -> bool:
        """Whether every law that can be checked at run time holds."""
        return all(law.holds for law in self.laws)

    @property
    def dates(self) -> tuple[dt.date, ...]:
        """Local days of the period so far."""
        return self.cells.dates

    @property
    def final(self) -> bool:
        """Whether nothing can change any more unless an input does (law C10)."""
        stale_us = stale_of(self.spec)
        opened = self.touching.attempts[self.touching.outcome == OUTCOMES.index(Outcome.OPEN)].sum()
        return self.now_us >= self.period.end_us + stale_us and not opened

    def frame(self, name: str) -> pd.DataFrame:
        """A table as a pandas frame with exact decimals, by its name; ``frames`` lists the names.

        ``attrs["units"]`` and ``attrs["notes"]`` of the frame say by column what it holds.
        Raises KeyError for another name, ValueError where the table needs details that the report has not.
        """
        from gpucost.report.notebookview import framed
        from gpucost.report.tables import table  # tables read reports; a method reads better in a notebook

        return framed(table(self, name), self.spec.currency)

    @property
    def frames(self) -> list[str]:
        """Names of the tables that this report can give."""
        from gpucost.report.tables import available

        return available(self)

    def chart(self, name: str) -> Chart:
        """A chart by its name; ``charts`` lists the names.

        Raises KeyError for another name, ValueError where the report lacks what the chart needs.
        """
        from gpucost.report.charts import chart

        return chart(self, name)

    @property
    def charts(self) -> list[str]:
        """Names of the charts that this report can give."""
        from gpucost.report.charts import available

        return available(self)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from gpucost.report.notebookview import report_html

        return report_html(self)

    def period_dates(self) -> tuple[dt.date, dt.date]:
        """First and last local date of the stated period, also of its future."""
        zone = Zone.parse(self.spec.time_zone)
        return local_date(zone, self.period.start_us), local_date(zone, self.period.end_us - 1)


def stale_of(spec: CostReportSpec) -> int:
    """staleAfter in microseconds; its default where there are no tasks."""
    return parse_duration(spec.tasks.stale_after if spec.tasks else "24h") or 0


def spans_of(attempts: Attempts) -> Spans:
    """Attempts as the core's split wants them."""
    return Spans(
        attempts.task,
        attempts.service,
        attempts.node_type,
        attempts.outcome,
        attempts.part_start_us,
        attempts.part_end_us,
    )


def total(values: Ints) -> int:
    """An exact sum as a Python integer."""
    return int(np.sum(values, dtype=np.int64))
