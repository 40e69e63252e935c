"""build_report(): from a spec, schedules and task events to a Report, in the order of the method."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import duckdb
import numpy as np

from gpucost.api.costreport import Bucket, ClockSource, CostReportSpec, ExecutionTime, SpecError, Tasks
from gpucost.core.actuation import Records, runs_in_doubt
from gpucost.core.allocation import Shares
from gpucost.core.attempts import charge
from gpucost.core.calendar import Cells, cells_of
from gpucost.core.globs import Globs
from gpucost.core.grid import Buckets, Work, buckets_of, fill_grid, per_cell
from gpucost.core.instants import parse_date, parse_duration, parse_instant
from gpucost.core.issues import Issue
from gpucost.core.money import Ints, parse_price
from gpucost.core.nodes import NodeType, Pool, type_of
from gpucost.core.period import Period, calendar_dates, days_between, local_date, period_of, rolling_dates
from gpucost.core.prices import PriceStep
from gpucost.core.progress import Progress, Stage, tell_nobody
from gpucost.core.recommendations import Usage
from gpucost.core.scaling import PassedOver
from gpucost.core.schedule import HeldSchedule
from gpucost.core.versions import KnownVersion, undated_edits
from gpucost.core.zones import DAY_US, UTC, Zone
from gpucost.engine.reduction import UNKNOWN_STATUS, Attempts, Reduction, Rollup, Rules, Window
from gpucost.engine.source import TimeRule, create_source
from gpucost.report.advice import Advised, advise
from gpucost.report.doubts import Doubt, find_doubts, measure_doubts
from gpucost.report.laws import check_laws
from gpucost.report.nodes import NodeFigures, NodeInputs, node_figures, runs_of
from gpucost.report.quality import assess
from gpucost.report.report import Details, Ended, Report, Touching, spans_of
from gpucost.report.revision import jobs_part, parts_of, stated_parts


@dataclass(frozen=True, slots=True)
class Shared:
    """What reports of the very same events need not compute again, by all that decides it."""

    rollups: dict[Hashable, Rollup] = field(default_factory=dict)
    nodes: dict[NodeInputs, NodeFigures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a report depends on. ``tasks`` is a DuckDB connection and the relation of raw events in it."""

    name: str
    namespace: str
    spec: CostReportSpec
    histories: tuple[Sequence[KnownVersion], ...] = ()
    """Known versions of each CronJob."""
    rows: tuple[HeldSchedule, ...] = ()
    """Rows of the schedule table; pools stated by CronJobs are already left out."""
    issues: tuple[Issue, ...] = ()
    """What the sources could not read."""
    records: Records | None = None
    """What became of the CronJobs' Jobs; None: nobody recorded them."""
    passed_over: tuple[PassedOver, ...] = ()
    """What was seen in CronJobs and sets no node count."""
    tasks: tuple[duckdb.DuckDBPyConnection, str] | None = None
    cluster_zone: Zone = UTC
    shared: Shared = field(default_factory=Shared)
    """A caller that keeps events for several reports keeps this with them."""


def build_report(inputs: Inputs, now_us: int, *, details: bool = False, progress: Progress = tell_nobody) -> Report:
    """Compute a report at an instant. ``details``: also each attempt with its money. ``progress``: is told the stages.

    Raises SourceError where the task database lacks a column, OverflowError where 64 bits would not be exact.
    """
    spec, zone = inputs.spec, Zone.parse(inputs.spec.time_zone)
    _check_clock(inputs)
    # Section 1: the period, its hours and days.
    period = check_length(resolve_period(spec, zone, now_us))
    until_us = period.until_us
    cells = cells_of(period.start_us, until_us, zone)
    buckets = buckets_of(cells, spec.allocation.bucket is Bucket.HOUR)
    # Section 2: schedules -> node counts -> node cost.
    rules = node_types(spec)
    nodes = _nodes(inputs, rules, period, now_us)
    pools, schedules, lines = nodes.pools, nodes.schedules, nodes.lines
    # Section 3: task events -> attempts -> rollup.
    window = Window(period.start_us, until_us, now_us, cells.width_us)
    rollup, attempts = reduce_tasks(inputs, rules, window, details, progress)
    progress(Stage.SHARING)
    types = _types_shown(pools, rollup)
    uses = tuple(nodes.use_of(name) for name in types)
    # Section 4: node cost x rollup -> allocation.
    work = _work(rollup, cells, types)
    union_us, excluded_us = _busy(rollup, cells, types), _excluded(rollup, cells, types)
    grid, shares = fill_grid(uses, cells, buckets, work, union_us, excluded_us, spec.allocation.idle)
    ended, touching = _ended(rollup, cells, types), _touching(rollup, types)
    # Sections 5 and 6: what the report shows, and whether it adds up.
    issues = inputs.issues + schedules.issues + undated_edits(inputs.histories, period.start_us, until_us)
    if inputs.records and spec.node_pools.source is ClockSource.ACTUATED:
        issues += runs_in_doubt(schedules.held, inputs.records, period.start_us, until_us, now_us)
    stated = stated_parts(spec, inputs.histories, inputs.cluster_zone, period.end_us)
    done = jobs_part(pools) if spec.node_pools.source is ClockSource.ACTUATED else {}
    known = _details(attempts, rollup, buckets, shares, types) if attempts and rollup else None
    quality = assess(issues, spec, lines, uses, cells, grid, rollup, schedules.held)
    measured = measure_doubts(quality.issues, spec, len({one.label for one in schedules.held}), grid, rollup)
    doubts = find_doubts(measured, quality.issues, spec, types, grid, rollup)
    advised = _advise(spec, Usage(grid, cells, _peaks(rollup, cells, types), uses), types, doubts, rollup)
    return Report(
        name=inputs.name,
        namespace=inputs.namespace,
        spec=spec,
        now_us=now_us,
        period=period,
        cells=cells,
        buckets=buckets,
        types=types,
        rules=rules,
        services=rollup.services if rollup else (),
        uses=uses,
        pools=lines,
        grid=grid,
        shares=shares,
        ended=ended,
        touching=touching,
        census=rollup.census if rollup else None,
        quality=replace(quality, issues=(*quality.issues, *advised.withheld)),
        measured=measured,
        doubts=doubts,
        laws=check_laws(grid, shares, lines, buckets, spec.allocation.idle, known),
        recommendations=advised.recommendations,
        potential_savings=advised.potential_savings,
        needed=advised.needed,
        inputs=parts_of({**stated, **done}, inputs.rows, rollup),
        passed_over=inputs.passed_over,
        details=known,
    )


MAX_DAYS = 7_320
"""Twenty years: a longer period is a slip, and would be a grid of millions of hours."""


def check_length(period: Period) -> Period:
    """The period, if a report can be of it. Raises SpecError where it is too long."""
    if period.end_us - period.start_us > MAX_DAYS * DAY_US:
        raise SpecError(f"spec.period must be at most {MAX_DAYS:,} days long")
    return period


def _check_clock(inputs: Inputs) -> None:
    """A report billed by a clock that is not known must not show scheduled figures as its own."""
    source = inputs.spec.node_pools.source
    if source is ClockSource.OBSERVED:
        raise SpecError("spec.nodePools.source: Observed is not there yet; use Schedule or Actuated")
    if source is ClockSource.ACTUATED and inputs.records is None:
        raise SpecError(
            "spec.nodePools.source: Actuated needs what an operator's ledger recorded; here only Schedule is known"
        )


def _nodes(inputs: Inputs, rules: tuple[NodeType, ...], period: Period, now_us: int) -> NodeFigures:
    """The node figures, once for all reports that ask for the same."""
    stated = inputs.spec.node_pools
    asked = NodeInputs(
        histories=tuple(map(tuple, inputs.histories)),
        rows=inputs.rows,
        runs=runs_of(inputs.records),
        cluster_zone=inputs.cluster_zone,
        assume_from_us=_instant(stated.assume_schedules_from),
        bill_done=stated.source is ClockSource.ACTUATED,
        rules=rules,
        period=period,
        now_us=now_us,
    )
    found = inputs.shared.nodes.get(asked)
    if found is None:
        found = inputs.shared.nodes[asked] = node_figures(asked)
    return found


def resolve_period(spec: CostReportSpec, zone: Zone, now_us: int) -> Period:
    """The period of a spec at an instant (section 1). Raises SpecError where no calendar has it."""
    try:
        return _period_at(spec, zone, now_us)
    except (OverflowError, ValueError):
        raise SpecError("spec.period reaches beyond the years 1 to 9999") from None


def _period_at(spec: CostReportSpec, zone: Zone, now_us: int) -> Period:
    stated = spec.period
    if stated.range:
        first, last = parse_date(stated.range.start), parse_date(stated.range.end)
        if first is None or last is None:  # instants: the spec takes two dates or two of these
            return period_of(_instant(stated.range.start) or 0, _instant(stated.range.end) or 0, now_us)
        return period_of(*days_between(first, last, zone), now_us)
    today = local_date(zone, now_us)
    if stated.calendar:
        dates = calendar_dates(stated.calendar.unit, stated.calendar.offset, today)
    else:
        assert stated.rolling is not None  # the spec has exactly one of three
        dates = rolling_dates(stated.rolling.days, stated.rolling.include_today, today)
    return period_of(*days_between(*dates, zone), now_us)


def _instant(text: str | None) -> int | None:
    return None if text is None else parse_instant(text)


def node_types(spec: CostReportSpec) -> tuple[NodeType, ...]:
    """The node types of a spec, in the order of their rules."""
    return tuple(
        NodeType(
            name=rule.name,
            match=Globs.of(rule.match),
            prices=tuple(PriceStep(parse_price(p.price_per_hour), _instant(p.valid_from)) for p in rule.prices),
            initial_nodes=rule.initial_nodes,
            gpus_per_node=rule.gpus_per_node,
        )
        for rule in spec.node_pools.types
    )


def _cells(cells: Cells, bucket_us: Ints) -> Ints:
    """The cell of each bucket; the first bucket may begin before the period does."""
    return cells.locate(np.maximum(bucket_us, cells.edges[0]))


def reduce_tasks(
    inputs: Inputs,
    rules: Sequence[NodeType],
    window: Window,
    details: bool,
    progress: Progress = tell_nobody,
) -> tuple[Rollup | None, Attempts | None]:
    """The rollup of the inputs' task events, and on demand the attempts; neither for a report of node cost only."""
    tasks = inputs.spec.tasks
    if tasks is None or inputs.tasks is None:
        return None, None
    con, raw = inputs.tasks
    decisive = window, tasks.model_dump_json(), tuple((rule.name, rule.match) for rule in rules)
    known = inputs.shared.rollups.get(decisive)
    if known is not None and not details:
        return known, None
    create_source(con, raw, TimeRule(Zone.parse(tasks.zone_name), tasks.epoch_unit))
    with closing(Reduction(con, _attempt_rules(tasks, rules), window, keep=details, progress=progress)) as reduction:
        rollup = inputs.shared.rollups[decisive] = reduction.rollup()
        return rollup, reduction.attempts() if details else None


def _attempt_rules(tasks: Tasks, rules: Sequence[NodeType]) -> Rules:
    """What of a spec decides about attempts."""
    statuses = tasks.statuses
    return Rules(
        running=statuses.running,
        success=statuses.success,
        failure=statuses.failure,
        waiting=statuses.waiting,
        include=Globs.of(tasks.services.include),
        exclude=Globs.of(tasks.services.exclude),
        node_type=lambda name: type_of(name, rules),
        listed=frozenset(rule.name for rule in rules),
        first_run_to_end=tasks.execution_time is ExecutionTime.FIRST_RUN_TO_END,
        stale_us=parse_duration(tasks.stale_after) or 0,
    )


def _types_shown(pools: Sequence[Pool], rollup: Rollup | None) -> tuple[str, ...]:
    """Every type with a pool or a charged attempt, in the order of their names' bytes."""
    names = {pool.node_type for pool in pools}
    if rollup:
        charged = rollup.counts.wanted & (rollup.counts.outcome < UNKNOWN_STATUS)
        names |= {rollup.node_types[i] for i in np.unique(rollup.counts.node_type[charged])}
    return tuple(sorted(names, key=str.encode))


def _numbers(rollup: Rollup, types: Sequence[str]) -> Ints:
    """The report's number of each of the rollup's types, -1 for a type that only excluded or skipped attempts have."""
    numbers = {name: i for i, name in enumerate(types)}
    return np.array([numbers.get(name, -1) for name in rollup.node_types], dtype=np.int64)


_NONE = np.zeros(0, dtype=np.int64)


def _work(rollup: Rollup | None, cells: Cells, types: Sequence[str]) -> Work:
    """Executed time of charged attempts by cell."""
    if rollup is None:
        return Work(_NONE, _NONE, _NONE, _NONE, _NONE)
    rows = rollup.executed
    mine = rows.wanted.astype(bool)
    kinds = _numbers(rollup, types)[rows.node_type[mine]]
    return Work(
        _cells(cells, rows.bucket_us[mine]), kinds, rows.service[mine], rows.outcome[mine], rows.executed_us[mine]
    )


def _busy(rollup: Rollup | None, cells: Cells, types: Sequence[str]) -> Ints:
    if rollup is None:
        return np.zeros((len(types), cells.count), dtype=np.int64)
    rows = rollup.busy
    return per_cell(
        _cells(cells, rows.bucket_us), _numbers(rollup, types)[rows.node_type], rows.busy_us, len(types), cells.count
    )


def _peaks(rollup: Rollup | None, cells: Cells, types: Sequence[str]) -> Ints:
    """The most nodes that were busy at once, by type and cell."""
    peaks = np.zeros((len(types), cells.count), dtype=np.int64)
    if rollup is not None:
        rows = rollup.peaks
        where = _numbers(rollup, types)[rows.node_type], _cells(cells, rows.bucket_us)
        np.maximum.at(peaks, where, rows.nodes)
    return peaks


def _advise(
    spec: CostReportSpec, usage: Usage, types: Sequence[str], doubts: Sequence[Doubt], rollup: Rollup | None
) -> Advised:
    """Advice, for a report that reads tasks."""
    return advise(spec, usage, types, doubts) if rollup is not None else Advised((), None, (), ())


def _excluded(rollup: Rollup | None, cells: Cells, types: Sequence[str]) -> Ints:
    """Executed time of excluded services by cell, on the types that the report shows."""
    if rollup is None:
        return np.zeros((len(types), cells.count), dtype=np.int64)
    rows = rollup.executed
    kinds = _numbers(rollup, types)[rows.node_type]
    mine = ~rows.wanted.astype(bool) & (kinds >= 0)
    return per_cell(_cells(cells, rows.bucket_us[mine]), kinds[mine], rows.executed_us[mine], len(types), cells.count)


def _ended(rollup: Rollup | None, cells: Cells, types: Sequence[str]) -> Ended:
    if rollup is None:
        return Ended(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE)
    rows = rollup.counts
    mine = rows.wanted.astype(bool) & (rows.outcome < UNKNOWN_STATUS) & (rows.ended > 0)
    return Ended(
        _cells(cells, rows.bucket_us[mine]),
        rows.service[mine],
        _numbers(rollup, types)[rows.node_type[mine]],
        rows.outcome[mine],
        rows.ended[mine],
        rows.retries[mine],
        rows.lengths_us[mine],
    )


def _touching(rollup: Rollup | None, types: Sequence[str]) -> Touching:
    if rollup is None:
        return Touching(_NONE, _NONE, _NONE, _NONE)
    rows = rollup.counts
    mine = rows.wanted.astype(bool) & (rows.outcome < UNKNOWN_STATUS)
    kinds = _numbers(rollup, types)[rows.node_type[mine]]
    return Touching(rows.service[mine], kinds, rows.outcome[mine], rows.touching[mine])


def _details(attempts: Attempts, rollup: Rollup, buckets: Buckets, shares: Shares, types: Sequence[str]) -> Details:
    attempts = replace(attempts, node_type=_numbers(rollup, types)[attempts.node_type])
    pieces = charge(spans_of(attempts), buckets, shares)
    cost, executed = np.zeros((2, len(attempts.task)), dtype=np.int64)
    np.add.at(cost, pieces.attempt, pieces.cost)
    np.add.at(executed, pieces.attempt, pieces.executed_us)
    return Details(attempts, pieces, cost, executed)
