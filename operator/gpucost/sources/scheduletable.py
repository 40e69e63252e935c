"""The table k8s_nodes_scaling as a source of schedules (section 2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

from gpucost.api.costreport import DayTypeSource, ScheduleTable
from gpucost.core.cron import CronError, CronSchedule, parse_cron
from gpucost.core.issues import DAY_TYPE_CONTRADICTION, POOL_STATED_TWICE, UNREADABLE_TABLE_ROW, Issue, shorten, show
from gpucost.core.scaling import parse_node_count, parse_pool_name
from gpucost.core.schedule import FOR_EVER, SINCE_EVER, HeldSchedule
from gpucost.core.zones import Zone
from gpucost.engine.source import SourceError, TimeRule, instant_of
from gpucost.sources.tasks import Table, TaskDatabase

COLUMNS: Final = ("id", "node_pool_name", "nodes_count", "is_weekend", "time_cron", "creation_ts")
SCALING: Final = Table("k8s_nodes_scaling", "gpucost_raw_scaling", COLUMNS, "spec.nodePools.scheduleTable.query")
_TRUE, _FALSE = frozenset(("true", "t", "1", "yes")), frozenset(("false", "f", "0", "no"))
_WEEKEND: Final = frozenset((0, 6))


@dataclass(frozen=True, slots=True)
class ScheduleRows:
    """Rows of the table as schedules, each held from its creation until a later row replaces it, and what was wrong."""

    held: tuple[HeldSchedule, ...]
    issues: tuple[Issue, ...]


class _Row(NamedTuple):
    pool: str
    cron: str
    since_us: int
    id: str
    nodes: int | None
    weekend: bool | None


def read_schedule_table(database: TaskDatabase, spec: ScheduleTable, stated: Collection[str]) -> ScheduleRows:
    """Read the table. ``stated``: pools that CronJobs state, whose rows are ignored with an issue."""
    rule = TimeRule(Zone.parse(spec.time_zone), None, f"make it a timestamp with {SCALING.setting}")
    rows, issues = _rows(_fetch(database, spec, rule))
    twice = sorted({row.pool for row in rows} & set(stated))
    issues += [_stated_twice(pool) for pool in twice]
    rows = sorted(
        (row for row in rows if row.pool not in twice), key=lambda r: (r.pool, r.cron, r.since_us, _by_id(r.id))
    )
    held: list[HeldSchedule] = []
    for _, group in groupby(rows, key=lambda row: (row.pool, row.cron)):
        _hold(list(group), rule.zone, spec.day_type_source, held, issues)
    return ScheduleRows(tuple(held), tuple(issues))


def _by_id(text: str) -> tuple[int, bytes]:
    """Ids order as numbers where they are numbers."""
    return (int(text), b"") if text.isdecimal() else (0, text.encode())


def _fetch(database: TaskDatabase, spec: ScheduleTable, rule: TimeRule) -> list[tuple[Any, ...]]:
    con, relation = database.con, database.bring(SCALING, spec.query)
    kinds = {str(name).lower(): str(kind) for name, kind, *_ in con.execute(f"DESCRIBE {relation}").fetchall()}
    missing = [name for name in COLUMNS if name not in kinds]
    if missing:
        raise SourceError(
            f"the schedule table has no column {', '.join(missing)}; it has {', '.join(kinds)[:400]}. "
            f"Map yours with {SCALING.setting}: one SELECT of {', '.join(COLUMNS)}"
        )
    time = instant_of(con, relation, kinds["creation_ts"], rule)
    whole = "regexp_replace(CAST({} AS VARCHAR), '^(\\d+)\\.0+$', '\\1')"  # pandas writes integers with nulls as 2.0
    numbers = ("id", "nodes_count", "is_weekend")
    texts = ", ".join(whole.format(name) if name in numbers else f"CAST({name} AS VARCHAR)" for name in COLUMNS[:5])
    return con.execute(f"SELECT {texts}, {time} FROM {relation}").fetchall()


def _rows(found: Iterable[tuple[Any, ...]]) -> tuple[list[_Row], list[Issue]]:
    rows, issues = [], []
    for id_, pool, nodes, weekend, cron, since_us in found:
        try:
            if since_us is None or not cron:
                raise ValueError("creation_ts or time_cron is missing or impossible")
            count = None if nodes is None or nodes == "" else parse_node_count(nodes)
            rows.append(_Row(parse_pool_name(pool), cron, since_us, id_ or "", count, _flag(weekend)))
        except ValueError as error:
            issues.append(
                Issue(UNREADABLE_TABLE_ROW, f"row {show(id_)} of k8s_nodes_scaling: {error}; it sets no count")
            )
    return rows, issues


def _flag(text: str | None) -> bool | None:
    lowered = (text or "").lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    if lowered:
        raise ValueError(f"is_weekend is {show(text)}, expected true or false")
    return None


def _hold(
    rows: Sequence[_Row], zone: Zone, source: DayTypeSource, held: list[HeldSchedule], issues: list[Issue]
) -> None:
    """Rows of one pool and cron, in time order: each holds until the next; nodes_count NULL ends it."""
    try:
        cron = parse_cron(rows[0].cron)
    except CronError as error:
        where = f"row {show(rows[0].id)} of k8s_nodes_scaling, pool {shorten(rows[0].pool)}"
        issues.append(Issue(UNREADABLE_TABLE_ROW, f"{where}: time_cron {error}; it sets no count", len(rows)))
        return
    ends = [*(row.since_us for row in rows[1:]), FOR_EVER]
    for row, until_us in zip(rows, ends, strict=True):
        if row.nodes is None:
            continue
        if source is DayTypeSource.CRON and _contradicts(row.weekend, cron):
            issues.append(_contradiction(row))
        weekend = row.weekend if source is DayTypeSource.FLAG else None
        label = f"k8s_nodes_scaling/{row.id}"
        since_us = row.since_us + (cron.every_us is not None)  # the first period is over only after it began
        held.append(
            HeldSchedule(
                label,
                row.pool,
                row.nodes,
                cron,
                zone,
                since_us,
                until_us,
                weekend=weekend,
                seen_us=SINCE_EVER,
                created_us=row.since_us,
            )
        )


def _contradicts(weekend: bool | None, cron: CronSchedule) -> bool:
    """Whether the cron can fire on a day that the flag excludes."""
    if weekend is None:
        return False
    both = cron.dom_star or cron.dow_star
    days = cron.dows if both else frozenset(range(7))
    return bool(days - _WEEKEND) if weekend else bool(days & _WEEKEND)


def _contradiction(row: _Row) -> Issue:
    kind = "weekends" if row.weekend else "weekdays"
    return Issue(
        DAY_TYPE_CONTRADICTION,
        f"row {show(row.id)} of k8s_nodes_scaling is flagged for {kind}, but its cron '{shorten(row.cron)}' fires on "
        "other days too; the cron decides (dayTypeSource: Flag lets the flag decide)",
    )


def _stated_twice(pool: str) -> Issue:
    return Issue(
        POOL_STATED_TWICE, f"pool {shorten(pool)} is stated by CronJobs; its rows in k8s_nodes_scaling are ignored"
    )
