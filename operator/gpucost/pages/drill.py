"""Pages that say where a figure comes from: a pool, a service, a day, attempts, one task; and the schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gpucost.core.calendar import sum_by
from gpucost.core.instants import instant_text
from gpucost.core.money import shown_hours, shown_money
from gpucost.core.schedule import NextChange
from gpucost.pages.frame import Frame, chart_data, render, sections_page
from gpucost.pages.grid import UNKNOWN, Cell, Grid, Head, Href, Pick, grid, section_grid
from gpucost.pages.links import SERVER, query
from gpucost.report import tables
from gpucost.report.charts import available, chart
from gpucost.report.explain import attempts_section, dearest_attempts, explain
from gpucost.report.lines import bucket_of_share, day_of_bucket
from gpucost.report.report import OUTCOMES, Report

ROWS: Final = 200
"""Rows of a table that a page shows; of attempts there are as many pages as it takes."""
LINKS: Final[Mapping[str, Href]] = {
    "task": SERVER.to("task"),
    "service": SERVER.to("service"),
    "bucket": lambda bucket: SERVER.href("day", bucket.partition(" ")[0]),
}
"""Where the columns of explanations lead."""


def explain_page(report: Report, kind: str, name: str, frame: Frame) -> str:
    """What ``gpucost explain`` says of a pool, service, day or task. Raises NotFound, NoDetails."""
    sections = [section for section in explain(report, kind, name, most=ROWS) if section.columns]
    grids = [section_grid(section, f"section-{i}", LINKS, ROWS) for i, section in enumerate(sections)]
    extra = {"service": _service_days, "day": _attempts_of_day}.get(kind)
    if extra is not None and report.census is not None:
        grids[1:1] = extra(report, name)
    return sections_page(frame, f"{kind.capitalize()} {name}", grids)


def _service_days(report: Report, service: str) -> Iterator[Grid]:
    """Money of a service by local day, leading to its attempts of the day."""
    shares, days = report.shares, len(report.dates)
    mine = shares.service == report.services.index(service)
    day = day_of_bucket(report)[bucket_of_share(report)[mine]]
    executed = sum_by(day, shares.executed_us[mine], days).tolist()
    money = [
        sum_by(day[shares.outcome[mine] == i], shares.cost[mine][shares.outcome[mine] == i], days).tolist()
        for i in range(len(OUTCOMES))
    ]
    rows = [
        (
            Cell(str(date), query("attempts", service=service, date=str(date))),
            Cell(shown_hours(executed[d])),
            *(Cell(shown_money(column[d])) for column in money),
            Cell(shown_money(sum(column[d] for column in money))),
        )
        for d, date in enumerate(report.dates)
        if executed[d]
    ]
    labels = ("executed h", *(str(outcome) for outcome in OUTCOMES), "allocated")
    heads = (Head("day", "", False), *(Head(label, "", True) for label in labels))
    note = f"each day leads to its attempts; money in {report.spec.currency}, by outcome"
    yield Grid("days", "Day by day", heads, rows, None, note)


def _attempts_of_day(report: Report, date: str) -> Iterator[Grid]:
    """The way from a day to its attempts."""
    link = Cell(f"attempts charged on {date}", query("attempts", date=date))
    yield Grid("attempts", "Attempts", (Head("all services", "", False),), [[link]])


def attempts_page(report: Report, service: str | None, date: str | None, page: int, frame: Frame) -> str:
    """Attempts of a service, a day, or both, the dearest first; pages count from 1. Raises NotFound, NoDetails."""
    found = dearest_attempts(report, service=service, date=date)
    last = max(1, -(-len(found) // ROWS))
    page = min(max(page, 1), last)
    rows = found[(page - 1) * ROWS : page * ROWS]
    of = "".join([f" of {service}" if service is not None else "", f" charged on {date}" if date else ""])
    section = attempts_section(report, rows, f"Attempts{of}, the dearest first")
    chosen = {key: value for key, value in (("service", service), ("date", date)) if value is not None}
    ways = [(name, query("attempts", **chosen, page=str(to))) for name, to in _neighbours(page, last)]
    intro = f"{len(found):,} attempts; page {page:,} of {last:,}. Allocated is what they cost in the whole period."
    shown = section_grid(section, "attempts", LINKS, ROWS)
    return sections_page(frame, f"Attempts{of}", [shown], intro, ways=ways)


def _neighbours(page: int, last: int) -> Iterator[tuple[str, int]]:
    if page > 1:
        yield "Previous page", page - 1
    if page < last:
        yield "Next page", page + 1


def schedule_page(report: Report, frame: Frame) -> str:
    """Node counts over time: the chart, each pool's changes, and where schedules contradict each other."""
    grids = [_changes(report)] if report.pools else []
    if report.quality.conflicts:
        picks = (
            Pick("time", "from (UTC)"),
            Pick("node_pool", "pool"),
            Pick("schedules", "schedules"),
            Pick("nodes", "nodes"),
        )
        grids.append(grid(tables.conflicts(report), picks, "Conflicts", note="the largest count is billed"))
    names = [name for name in ("node_counts", "drift") if name in available(report)]
    found = [chart(report, name) for name in names]
    return render(
        "schedule.html.j2",
        frame,
        figures=found,
        grids=[_next_changes(report), *grids],
        charts=chart_data(found),
        issues=report.quality.issues,
    )


def _next_changes(report: Report) -> Grid:
    """Pools with their nodes now and next; dashes once the period is over."""
    rows = [
        (
            Cell(line.pool.name, SERVER.href("pool", line.pool.name)),
            Cell(line.pool.node_type),
            Cell(UNKNOWN if line.nodes_now is None else str(line.nodes_now)),
            *_next_change(line.next_change),
            Cell(shown_hours(line.node_us)),
            Cell(shown_money(line.cost, report.spec.currency)),
        )
        for line in report.pools
    ]
    labels = ("pool", "type", "nodes now", "nodes next", "from (UTC)", "by", "node-hours", "node cost")
    numeric = ("nodes now", "nodes next", "node-hours", "node cost")
    return Grid("pools", "Node pools", tuple(Head(label, "", label in numeric) for label in labels), rows)


def _next_change(change: NextChange | None) -> tuple[Cell, Cell, Cell]:
    if change is None:
        return Cell(UNKNOWN), Cell(UNKNOWN), Cell(UNKNOWN)
    return Cell(str(change.nodes)), Cell(instant_text(change.at_us)), Cell(change.label)


def _changes(report: Report) -> Grid:
    """The latest changes of all pools, the last first."""
    picks = (Pick("time", "from (UTC)"), Pick("node_pool", "pool"), Pick("nodes", "nodes"), Pick("cause", "set by"))
    found = grid(tables.node_counts(report), picks, "Changes", hrefs={"node_pool": SERVER.to("pool")})
    rows: Sequence[Sequence[Cell]] = sorted(found.rows, key=lambda row: row[0].text, reverse=True)
    more = f"the last {ROWS} of {len(rows):,} changes; the table node_counts has all" if len(rows) > ROWS else ""
    return Grid("changes", "Changes", found.heads, rows[:ROWS], None, more)
