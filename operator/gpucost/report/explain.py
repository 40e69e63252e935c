"""Where a figure comes from, down to CronJobs, prices and attempts, so that it can be reproduced by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gpucost.core.allocation import Idle, Outcome
from gpucost.core.calendar import sum_by
from gpucost.core.instants import instant_text
from gpucost.core.money import Ints, hours_text, money_text, price_text, seconds_text
from gpucost.core.nodes import Pool, TypeUse, node_us
from gpucost.engine.reduction import STILL_OPEN
from gpucost.report.attempttables import details_of
from gpucost.report.lines import bucket_of_share, task_lines
from gpucost.report.report import OUTCOMES, Report, total

LISTED = 50
"""Rows of a section that are shown; what is left out is counted and summed."""


WHOLE = frozenset(("from", "from (UTC)", "until", "started", "ended", "in effect since", "outcome"))
"""Columns that are not to be broken into lines: instants above all."""
TEXTS = WHOLE | {"figure", "stated by", "cron", "zone", "state", "set by", "bucket", "type", "service", "task", "node"}
"""Columns that hold texts; the others hold figures."""


class NotFound(ValueError):
    """The report has no such task, service, day or pool."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of an explanation: what it shows, its columns, its rows as texts, and how it leads to the figure."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def explain(report: Report, kind: str, name: str, *, most: int | None = None) -> tuple[Section, ...]:
    """The sections that explain a task, service, day or pool of a report. Raises NotFound with the nearest names.

    ``most``: how many attempts of a service or day are listed; None: all.
    """
    if kind == "service":
        return tuple(_service(report, name, most))
    if kind == "day":
        return tuple(_day(report, name, most))
    return tuple({"task": _task, "pool": _pool}[kind](report, name))


def _missing(kind: str, name: str, known: Sequence[str]) -> NotFound:
    shown = f"it has {', '.join(known[:10])}" if known else "it has none"
    return NotFound(f"the report has no {kind} {name[:80]!r}; {shown}{' ...' if len(known) > 10 else ''}")


def _pool(report: Report, name: str) -> Iterator[Section]:
    line = next((line for line in report.pools if line.pool.name == name), None)
    if line is None:
        raise _missing("pool", name, [line.pool.name for line in report.pools])
    pool, use = line.pool, next(use for use in report.uses if use.name == line.pool.node_type)
    yield _figures(
        f"Pool {name}",
        ("node type", pool.node_type),
        ("node-hours", hours_text(line.node_us)),
        ("node cost", money_text(line.cost)),
    )
    yield _schedules(pool)
    yield _prices(use)
    yield _segments(report, pool, use, np.asarray(report.cells.edges[[0, -1]]), "the sum is the pool's node cost")


def _figures(title: str, *rows: tuple[str, str]) -> Section:
    return Section(title, ("figure", "value"), rows)


def _schedules(pool: Pool) -> Section:
    rows = tuple(
        (
            schedule.label,
            schedule.cron.text,
            schedule.zone.name,
            str(schedule.nodes),
            "always" if schedule.since_us < -(2**61) else instant_text(schedule.since_us),
            "suspended" if schedule.suspended else "",
        )
        for schedule in pool.schedules
    )
    return Section(
        f"Schedules of {pool.name}", ("stated by", "cron", "zone", "nodes", "in effect since", "state"), rows
    )


def _prices(use: TypeUse) -> Section:
    rows = []
    steps = zip(use.prices.nano_per_hour.starts.tolist(), use.prices.nano_per_hour.values.tolist(), strict=True)
    for i, (start, nano) in enumerate(steps):
        known = bool(use.prices.known.values[i])
        rows.append(("the period's start" if i == 0 else instant_text(start), money_text(nano) if known else "none"))
    return Section(f"Prices of type {use.name}", ("from", "per node and hour"), tuple(rows))


def _pools_in(report: Report, use: TypeUse, span: Ints) -> Iterator[Section]:
    """The schedules and node counts of a type's pools in a span of time."""
    for pool in use.pools:
        yield _schedules(pool)
        yield _segments(report, pool, use, span, "the pools of a type add up to its node cost")


def _segments(report: Report, pool: Pool, use: TypeUse, span: Ints, note: str) -> Section:
    """Runs of one count and one price, with the cost of each as it is booked."""
    lo, hi = int(span[0]), int(span[-1])
    starts = np.union1d(pool.timeline.counts.starts, use.prices.nano_per_hour.starts)
    edges = np.unique(np.concatenate(([lo], starts[(starts > lo) & (starts < hi)], [hi]))).astype(np.int64)
    left = edges[:-1]
    counts, prices = pool.timeline.counts.at(left).tolist(), use.prices.nano_per_hour.at(left).tolist()
    known, priced = pool.timeline.known.at(left).tolist(), use.prices.known.at(left).tolist()
    cause = (np.searchsorted(pool.timeline.counts.starts, left, side="right") - 1).tolist()
    cost = use.cost.pool_between(use.pools.index(pool), edges).tolist()
    rows = [
        (
            instant_text(int(edges[i])),
            instant_text(int(edges[i + 1])),
            str(counts[i]) if known[i] else "unknown",
            pool.timeline.causes[cause[i]],
            hours_text(counts[i] * int(edges[i + 1] - edges[i])),
            money_text(prices[i]) if priced[i] else "none",
            money_text(cost[i]),
        )
        for i in range(len(left))
    ]
    columns = ("from (UTC)", "until", "nodes", "set by", "node-hours", "price", "cost")
    return _listed(f"Node counts of {pool.name}", columns, rows, f"node-hours x price = cost, {note}")


def _listed(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], note: str = "") -> Section:
    return Section(title, columns, tuple(rows), note)


def _day(report: Report, name: str, most: int | None) -> Iterator[Section]:
    known = [str(date) for date in report.dates]
    if name not in known:
        raise _missing("day", name, known)
    day = known.index(name)
    cells = np.flatnonzero(report.cells.day == day)
    span = report.cells.edges[[cells[0], cells[-1] + 1]]
    yield _type_lines(report, f"Day {name}", np.isin(np.arange(report.cells.count), cells))
    for use in report.uses:
        yield _prices(use)
        yield from _pools_in(report, use, span)
    if report.census is None:
        return
    yield _shares(report, np.isin(bucket_of_share(report), _buckets_of_day(report, name)), f"Who was charged on {name}")
    if report.details is not None:
        found = dearest_attempts(report, date=name)
        yield attempts_section(report, found, f"Attempts charged on {name}, the dearest first", most)


def dearest_attempts(report: Report, *, service: str | None = None, date: str | None = None) -> Ints:
    """Numbers of attempts of a service (default: all), the dearest first; with a local date those charged on it, by that day's
    money. Raises NotFound, and NoDetails where the report does not know attempts."""
    details = details_of(report)
    money, mine = details.cost, np.ones(len(details.cost), dtype=bool)
    if date is not None:
        inside = np.isin(details.pieces.bucket, _buckets_of_day(report, date))
        money = sum_by(details.pieces.attempt[inside], details.pieces.cost[inside], len(money))
        mine = np.isin(np.arange(len(money)), details.pieces.attempt[inside])
    if service is not None:
        mine &= details.attempts.service == _number(report, service)
    found = np.flatnonzero(mine)
    return np.asarray(found[np.argsort(-money[found], kind="stable")])


def _number(report: Report, service: str) -> int:
    if service not in report.services:
        raise _missing("service", service, report.services)
    return report.services.index(service)


def _buckets_of_day(report: Report, date: str) -> Ints:
    known = [str(day) for day in report.dates]
    if date not in known:
        raise _missing("day", date, known)
    return np.unique(report.buckets.of_cell[report.cells.day == known.index(date)])


def _type_lines(report: Report, title: str, cells: np.ndarray) -> Section:
    grid = report.grid
    rows = []
    for k, name in enumerate(report.types):
        columns = (grid.node_us, grid.node_cost, grid.allocated, grid.busy_us, grid.idle_cost, grid.executed_us)
        node, cost, allocated, busy, idle, executed = (total(column[k][cells]) for column in columns)
        rows.append(
            (
                name,
                hours_text(node),
                price_text(cost, node) or "",
                money_text(cost),
                money_text(allocated),
                hours_text(busy),
                money_text(idle),
                hours_text(executed),
            )
        )
    columns_shown = ("type", "node-hours", "mean price", "node cost", "allocated", "busy h", "idle cost", "executed h")
    return Section(title, columns_shown, tuple(rows))


def _shares(report: Report, chosen: np.ndarray, title: str) -> Section:
    """Money of (bucket, type, service, outcome): the bucket's money times executed / all executed."""
    money, executed = _slot_sums(report)
    rows = []
    for i in np.flatnonzero(chosen).tolist():
        slot = int(report.shares.slot[i])
        kind, bucket = divmod(slot, report.buckets.count)
        rows.append(
            (
                _bucket_name(report, bucket),
                report.types[kind],
                report.services[report.shares.service[i]],
                str(OUTCOMES[report.shares.outcome[i]]),
                money_text(int(money[slot])),
                seconds_text(int(report.shares.executed_us[i])),
                seconds_text(int(executed[slot])),
                money_text(int(report.shares.cost[i])),
            )
        )
    what = "the bucket's node cost" if report.spec.allocation.idle is Idle.DISTRIBUTE else "the bucket's busy cost"
    columns = ("bucket", "type", "service", "outcome", "C", "s", "S", "charged")
    return _listed(title, columns, rows, f"charged = C x s / S: {what} C, executed seconds s of S in all")


def _slot_sums(report: Report) -> tuple[Ints, Ints]:
    """Money and executed time of each (bucket, type) that was split."""
    slots = len(report.types) * report.buckets.count
    sums = np.zeros((2, slots), dtype=np.int64)
    np.add.at(sums[0], report.shares.slot, report.shares.cost)
    np.add.at(sums[1], report.shares.slot, report.shares.executed_us)
    return sums[0], sums[1]


def _bucket_name(report: Report, bucket: int) -> str:
    cell = int(np.searchsorted(report.buckets.of_cell, bucket))
    date = str(report.dates[report.cells.day[cell]])
    return date if report.spec.allocation.bucket == "Day" else f"{date} {int(report.cells.hour[cell]):02d}:00"


def _service(report: Report, name: str, most: int | None) -> Iterator[Section]:
    lines = task_lines(report)
    if name not in lines:
        raise _missing("service", name, list(lines))
    line = lines[name]
    rows = [
        (str(o), str(line.attempts_by[o]), hours_text(line.executed_by[o]), money_text(line.cost_by[o]))
        for o in Outcome
        if line.attempts_by[o] or line.executed_by[o]
    ]
    yield Section(f"Service {name}", ("outcome", "attempts", "executed h", "allocated"), tuple(rows))
    number = report.services.index(name)
    yield _shares(report, report.shares.service == number, f"Money of {name} by bucket, type and outcome")
    if report.details is not None:
        found = dearest_attempts(report, service=name)
        yield attempts_section(report, found, f"Attempts of {name}, the dearest first", most)
    mine = np.flatnonzero(report.shares.service == number)
    if len(mine):
        kind, bucket = divmod(int(report.shares.slot[mine[np.argmax(report.shares.cost[mine])]]), report.buckets.count)
        yield from _bucket_cost(report, bucket, [kind])
    yield _next_steps("explain day DATE shows the node cost C of any bucket, explain task ID one attempt's money")


def _next_steps(text: str) -> Section:
    return Section("Next", (), (), text)


def attempts_section(report: Report, rows: Ints, title: str, most: int | None = None) -> Section:
    """Attempts by their numbers, with what they were charged in the period; at most so many of them."""
    details = details_of(report)
    found = details.attempts
    listed = [
        (
            str(found.task_ids[found.task[i]]),
            str(found.node[i]).partition(" ")[2],
            report.types[found.node_type[i]],
            instant_text(int(found.started_us[i])),
            "" if found.ended_us[i] == STILL_OPEN else instant_text(int(found.ended_us[i])),
            str(OUTCOMES[found.outcome[i]]) + (" (retry)" if found.retry[i] else ""),
            seconds_text(int(details.executed_us[i])),
            money_text(int(details.cost[i])),
        )
        for i in rows[:most].tolist()
    ]
    columns = ("task", "node", "type", "started", "ended", "outcome", "executed s", "allocated")
    return _listed(title, columns, listed, f"{len(listed):,} of {len(rows):,}" if len(listed) < len(rows) else "")


def _task(report: Report, name: str) -> Iterator[Section]:
    details = details_of(report)
    found = np.flatnonzero(details.attempts.task_ids == name)
    if not len(found):
        raise _missing("charged task", name, [str(task) for task in details.attempts.task_ids[:10]])
    mine = np.flatnonzero(details.attempts.task == found[0])
    yield _figures(
        f"Task {name}",
        ("attempts", str(len(mine))),
        ("executed seconds", seconds_text(total(details.executed_us[mine]))),
        ("allocated", money_text(total(details.cost[mine]))),
    )
    yield attempts_section(report, mine, "Its attempts in the period")
    yield _pieces(report, mine)
    pieces = details.pieces
    touched = np.unique(pieces.bucket[np.isin(pieces.attempt, mine)])
    for bucket in touched.tolist():
        yield from _bucket_cost(report, int(bucket), np.unique(details.attempts.node_type[mine]).tolist())


def _pieces(report: Report, mine: Ints) -> Section:
    details = details_of(report)
    pieces, attempts = details.pieces, details.attempts
    money, executed = _slot_sums(report)
    rows = []
    for i in np.flatnonzero(np.isin(pieces.attempt, mine)).tolist():
        attempt, bucket = int(pieces.attempt[i]), int(pieces.bucket[i])
        slot = int(attempts.node_type[attempt]) * report.buckets.count + bucket
        rows.append(
            (
                _bucket_name(report, bucket),
                report.types[attempts.node_type[attempt]],
                instant_text(int(attempts.started_us[attempt])),
                money_text(int(money[slot])),
                seconds_text(int(pieces.executed_us[i])),
                seconds_text(int(executed[slot])),
                money_text(int(pieces.cost[i])),
            )
        )
    note = "charged = C x s / S, to the nano-unit by cumulative rounding over services, tasks and attempts"
    return _listed("How its money was split", ("bucket", "type", "started", "C", "s", "S", "charged"), rows, note)


def _bucket_cost(report: Report, bucket: int, kinds: Sequence[int]) -> Iterator[Section]:
    """The schedules and prices behind a bucket's node cost."""
    span = report.buckets.edges[[bucket, bucket + 1]]
    for kind in kinds:
        use = report.uses[kind]
        hours = hours_text(int(node_us(use.counts, span).sum()))
        cost = money_text(int(use.cost.between(span).sum()))
        title = f"Node cost of type {use.name} in bucket {_bucket_name(report, bucket)}"
        yield _figures(title, ("node-hours", hours), ("node cost", cost))
        yield _prices(use)
        yield from _pools_in(report, use, span)
