"""The page of a report: the answer on top, then what explains it, then how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gpucost.core.allocation import Idle, Outcome
from gpucost.core.instants import instant_text
from gpucost.core.money import SECOND_US, shown_hours, shown_money, shown_percent, shown_tariff
from gpucost.pages.frame import Frame, chart_data, render
from gpucost.pages.grid import Cell, Grid, Head, Pick, grid, section_grid
from gpucost.pages.links import Links
from gpucost.pages.spread import CHART as SPREAD
from gpucost.pages.spread import spreads
from gpucost.report import tables, words
from gpucost.report.charts import charts
from gpucost.report.charts.chart import Chart
from gpucost.report.columns import Table
from gpucost.report.conditions import conditions
from gpucost.report.explain import Section, explain
from gpucost.report.lines import by_cost, is_priced, node_line, ratio, task_lines, whole_line
from gpucost.report.report import Report
from gpucost.report.status import display_of

EXPLAINED: Final = 20
"""Services that a file explains one by one: those that a status names by default."""
SECTION_ROWS: Final = 50


class Fact(NamedTuple):
    """A figure of the answer: its label, the figure, a word on it, and where it leads."""

    label: str
    figure: str
    unit: str
    note: str
    href: str


class Download(NamedTuple):
    """A file that a server gives."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Extras:
    """What a page has besides its report: of a server files to fetch and a search, of a file charts that need no script."""

    attempts: bool = False
    """Whether the server can show single attempts."""
    downloads: Sequence[Download] = ()
    kept: Sequence[Download] = ()
    """Files of earlier computations."""
    stills: Mapping[str, str] = field(default_factory=dict)
    """Addresses of pictures by name of the chart, for paper and for readers without scripts."""


class Part(NamedTuple):
    """A part of the page: a heading with tables and charts."""

    name: str
    title: str
    intro: str
    charts: Sequence[Chart]
    grids: Sequence[Grid]


def report_page(report: Report, frame: Frame, links: Links | None = None, extras: Extras | None = None) -> str:
    """The whole page. ``links``: where figures lead; None: to parts of this very page."""
    where = links or Links(_anchors(report))
    parts = [part for part in _parts(report, where) if part.charts or part.grids]
    drawn = [one for part in parts for one in part.charts]
    return render(
        "report.html.j2",
        frame,
        report=report,
        display=display_of(report),
        state=words.state(report),
        computed=instant_text(report.now_us),
        until=instant_text(report.period.data_until_us),
        facts=list(_facts(report)),
        sentences=list(words.findings(report)) if report.census is not None else [],
        caution=report.caution,
        advice=report.recommendations,
        advice_notes=list(words.advice_notes(report)),
        savings=[shown_money(one.savings, report.spec.currency) for one in report.recommendations],
        parts=parts,
        charts=chart_data(drawn),
        quality=words.read_and_charged(report),
        conditions=[one for one in conditions(report) if one["type"] != "Ready"],
        proofs=[] if where.live else list(_proofs(report, where)),
        links=where,
        extras=extras or Extras(),
    )


def _facts(report: Report) -> Iterator[Fact]:
    """The answer: spent, on what, idle, what to save, and what one success costs."""
    line, currency = node_line(report), report.spec.currency
    note = f"{shown_hours(line.node_us)} node-hours{_unpriced(report)}"
    yield Fact("Node cost", shown_money(line.node_cost), currency, note, "#nodes")
    if report.census is None:
        return
    covered = f"coverage {shown_percent(line.allocated, line.node_cost) or 'unknown'}"
    yield Fact("Allocated to tasks", shown_money(line.allocated), currency, covered, "#services")
    idle = shown_percent(line.idle_cost, line.node_cost)
    yield Fact("Idle nodes", shown_money(line.idle_cost), currency, f"{idle} of node cost" if idle else "", "#idle")
    if report.potential_savings:
        saved = f"{shown_percent(report.potential_savings, line.node_cost)} of node cost, as recommended"
        yield Fact("Could be saved", shown_money(report.potential_savings), currency, saved, "#advice")
    if not report.quality.unpriced_us:  # a tariff without a part of the cost would be wrong, not less
        yield from _tariffs(report)


def _tariffs(report: Report) -> Iterator[Fact]:
    """What a success and a failed second cost, where there are any."""
    tasks, currency = whole_line(report), report.spec.currency
    succeeded, failed_us = tasks.attempts_by[Outcome.SUCCESS], tasks.executed_by[Outcome.FAILURE]
    if succeeded:
        note = f"{succeeded:,} successes; failures included"
        effective = ratio(tasks.effective_cost, succeeded)
        yield Fact("Effective, per success", shown_tariff(effective), currency, note, "#services")
    if failed_us:
        cost = tasks.cost_by[Outcome.FAILURE]
        note = f"{shown_money(cost, currency)} in {shown_hours(failed_us)} failed hours"
        yield Fact("Per failed second", shown_tariff(ratio(cost * SECOND_US, failed_us)), currency, note, "#services")


def _unpriced(report: Report) -> str:
    hours = report.quality.unpriced_us
    return f"; {shown_hours(hours)} of them have no price and are missing here, as everywhere below" if hours else ""


def _parts(report: Report, links: Links) -> Iterator[Part]:
    shown, totals = _chosen(report), tables.totals(report)
    if report.census is not None:
        yield Part(
            "services",
            "What it was spent on",
            _who_pays(report),
            shown("waterfall", "top_services", "top_cost_per_success", SPREAD),
            [_services(report, links, totals), *(spreads(report, links) if report.details is not None else ())],
        )
        yield Part(
            "idle",
            "Where money is lost",
            "Lines overlap: attempts carry a share of idle nodes." if _distributes(report) else "",
            shown("idle_heatmap", "utilization_by_hour", "utilization_by_weekday"),
            [_leaks(report), _day_types(report)],
        )
    yield Part(
        "nodes",
        "What the nodes cost",
        "",
        shown("cost_by_node_type", "node_counts", "drift"),
        [_node_types(report, totals), _pools(report, links)],
    )
    yield Part(
        "days",
        "Day by day",
        _sentence(words.peak_hours(report)),
        shown("daily_cost", "coverage", "cost_per_success", "cost_per_failed_second"),
        [_days(report, links, totals)],
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _chosen(report: Report) -> Callable[..., list[Chart]]:
    there = {chart.name: chart for chart in charts(report)}
    return lambda *names: [there[name] for name in names if name in there]


def _distributes(report: Report) -> bool:
    return report.spec.allocation.idle is Idle.DISTRIBUTE


def _who_pays(report: Report) -> str:
    if not _distributes(report):
        return "Attempts pay for the time in which they kept nodes busy; idle nodes are a line of their own."
    bucket = report.spec.allocation.bucket.lower()
    return f"Attempts pay for idle nodes too: the cost of a {bucket} and node type is shared by executed time."


_NODES: Final = (
    Pick("node_hours", "node-hours"),
    Pick("node_cost", "node cost"),
    Pick("allocated_cost", "allocated"),
    Pick("busy_cost", "busy cost"),
    Pick("idle_cost", "idle cost"),
    Pick("coverage_ratio", "coverage"),
    Pick("utilization_ratio", "utilization"),
)


def _node_picks(report: Report) -> Sequence[Pick]:
    return _NODES if report.census is not None else _NODES[:2]


def _node_types(report: Report, totals: Table) -> Grid:
    total = totals if len(report.types) > 1 else None
    unpriced = [name for k, name in enumerate(report.types) if not is_priced(report, k)]
    note = f"without a price, so their cost is missing: {', '.join(unpriced)}" if unpriced else ""
    picks = (Pick("node_type", "node type"), *_node_picks(report))
    return grid(tables.node_types(report), picks, "Node types", total=total, note=note)


def _pools(report: Report, links: Links) -> Grid:
    picks = (
        Pick("node_pool", "node pool"),
        Pick("node_type", "node type"),
        Pick("node_hours", "node-hours"),
        Pick("node_cost", "node cost"),
        Pick("uncovered_seconds", "unknown h"),
        Pick("conflicts", "conflicts"),
    )
    return grid(tables.node_pools(report), picks, "Node pools", hrefs={"node_pool": links.to("pool")})


def _services(report: Report, links: Links, totals: Table) -> Grid:
    picks = (
        Pick("service_name", "service"),
        Pick("attempts", "attempts"),
        Pick("succeeded", "succeeded"),
        Pick("failed", "failed"),
        Pick("interrupted", "interrupted"),
        Pick("open", "open"),
        Pick("executed_seconds", "executed h"),
        Pick("allocated_cost", "allocated"),
        Pick("cost_per_success", "per success"),
        Pick("cost_per_failed_second", "per failed s"),
        Pick("effective_cost_per_success", "effective"),
    )
    note = f"money in {report.spec.currency}; effective: successes, failures and interruptions, divided by successes"
    found = tables.services(report)
    total = totals if found.columns[0].values else None
    return grid(found, picks, "Services", hrefs={"service_name": links.to("service")}, total=total, note=note)


def _leaks(report: Report) -> Grid:
    whole = node_line(report).node_cost
    rows = [
        (
            Cell(leak.name),
            Cell(leak.how_much),
            Cell(shown_money(leak.cost)),
            Cell(shown_percent(leak.cost, whole) or ""),
        )
        for leak in words.leaks(report)
    ]
    heads = (
        Head("leak", "", False),
        Head("how much", "", False),
        Head("money", "", True),
        Head("of node cost", "", True),
    )
    return Grid("leaks", "Leaks", heads, rows)


def _day_types(report: Report) -> Grid:
    picks = (Pick("day_type", "day type"), Pick("days", "days"), *_node_picks(report))
    return grid(tables.day_types(report), picks, "Weekdays and weekends")


def _days(report: Report, links: Links, totals: Table) -> Grid:
    tasks = (Pick("succeeded", "succeeded"), Pick("failed", "failed"), Pick("cost_per_success", "per success"))
    picks = (Pick("date", "day"), Pick("weekday", "weekday"), *_node_picks(report), *(tasks if report.census else ()))
    total = totals if report.dates else None
    return grid(tables.days(report), picks, "Days", hrefs={"date": links.to("day")}, total=total)


class Proof(NamedTuple):
    """Where the figures of one thing come from, as a part of a file."""

    anchor: str
    title: str
    grids: Sequence[Grid]


def _explained(report: Report) -> list[tuple[str, str]]:
    pools = [("pool", line.pool.name) for line in report.pools]
    if report.details is None:
        return pools
    return pools + [("service", name) for name, _ in by_cost(task_lines(report))[:EXPLAINED]]


def _anchors(report: Report) -> dict[tuple[str, str], str]:
    return {key: f"proof-{place}" for place, key in enumerate(_explained(report))}


def _proofs(report: Report, links: Links) -> Iterator[Proof]:
    """Schedules, prices and node counts of each pool, and the dearest attempts of each service."""
    for place, (kind, name) in enumerate(_explained(report)):
        sections = [section for section in explain(report, kind, name, most=SECTION_ROWS) if section.rows]
        grids = [_section(section, f"proof-{place}-{i}", links) for i, section in enumerate(sections)]
        yield Proof(f"proof-{place}", f"{kind.capitalize()} {name}", grids)


def _section(section: Section, name: str, links: Links) -> Grid:
    return section_grid(section, name, {"service": links.to("service")}, SECTION_ROWS)
