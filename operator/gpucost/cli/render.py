"""What a person reads in the terminal. Figures to stdout, progress and notices to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from gpucost.cli.layout import Fit, Grid, Page, Pairs, Paragraph, Part, Parts, align_decimals, lay_out, printable
from gpucost.core.allocation import Idle, Outcome
from gpucost.core.calendar import DAY_TYPES
from gpucost.core.instants import instant_text
from gpucost.core.money import (
    HOUR_US,
    SECOND_US,
    hours_text,
    seconds_text,
    shown_hours,
    shown_money,
    shown_percent,
    shown_tariff,
)
from gpucost.report.explain import LISTED, TEXTS, WHOLE, Section
from gpucost.report.lines import (
    NodeLine,
    TaskLine,
    by_cost,
    day_type_lines,
    days_of,
    is_priced,
    node_line,
    ratio,
    sum_lines,
    task_lines,
)
from gpucost.report.report import Report
from gpucost.report.status import cost_report, display_of
from gpucost.report.tables import cost_per_success
from gpucost.report.words import (
    LEAKS_OVERLAP,
    advice_notes,
    leaks,
    peak_hours,
    read_and_charged,
    state,
    unallocated,
)

PLAIN_WIDTH = 120
"""Where sentences wrap if the output is no terminal."""
ISSUES_SHOWN = 8
SENTENCES: Final = frozenset(("recommendation", "leak"))
"""Columns of texts that may take several lines; other texts are names, or whole."""
UNBROKEN: Final = WHOLE | {"how much", "cron"}
"""Columns of texts that say nothing, or something else, in part."""
GIVEN_UP: Final = (
    *("std", "S", "s", "C", "ended", "until", "state", "in effect since", "zone", "confidence"),
    *("next change", "busy h", "executed h", "per failed s", "effective", "failed", "mean price"),
    *("coverage", "utilization", "days", "of node cost", "node", "started", "executed s", "price"),
    *("how much", "mean", "p05", "p95", "succeeded", "presence", "period", "successes before"),
    *("successes after", "node cost a day", "nodes now", "node-hours", "per success", "attempts"),
)
"""Columns in the order in which a narrow terminal loses them; those that aren't here stay longest."""


def console(stderr: bool = False) -> Console:
    """A console that respects NO_COLOR."""
    return Console(file=sys.stderr if stderr else sys.stdout, highlight=False, emoji=False, markup=False)


def page_of(out: Console, hint: str) -> Page:
    """What is laid out for: a terminal; a pipe, or one for which COLUMNS says how wide tables may be."""
    page = Page(out.width, hint=hint)
    if out.options.ascii_only:
        page = replace(page, rule="-", ellipsis="...")
    if out.file.isatty():
        return page
    stated = "COLUMNS" in os.environ
    return replace(page, width=out.width if stated else PLAIN_WIDTH, gives_up=stated, shortens=False)


def print_parts(parts: Iterable[Part], *, between: bool = False, hint: str = "-o json") -> None:
    """Print parts; ``between``: with an empty line after each; ``hint``: where columns are that have no room."""
    out = console()
    page = page_of(out, hint)
    for part in parts:
        for line in lay_out(part, page):
            out.print(line, soft_wrap=True)  # laid out already
        if between:
            out.print()


def print_report(report: Report, manifest: Mapping[str, Any], output: str) -> None:
    """Print a report as tables, or as the CostReport object."""
    if output in ("json", "yaml"):
        print_document(cost_report(report, manifest), output)
        return
    print_parts(report_parts(report, wide=output == "wide"), between=True)


def print_document(document: Any, output: str) -> None:
    """Print a document for machines."""
    ascii_only = console().options.ascii_only
    if output == "json":
        json.dump(document, sys.stdout, indent=2, ensure_ascii=ascii_only)
        sys.stdout.write("\n")
        return
    import yaml

    yaml.safe_dump(document, sys.stdout, sort_keys=False, allow_unicode=not ascii_only, width=PLAIN_WIDTH)


def report_parts(report: Report, *, wide: bool = False) -> Iterator[Part]:
    """The report from the answer on top to what to doubt: one part after another."""
    yield _headline(report)
    yield _node_types(report)
    if report.census is not None:
        yield _services(report, wide)
        yield _day_types(report)
        yield _leaks(report)
        yield _advice(report)
    if wide:
        yield _pools(report)
        if report.details is not None:
            yield _distributions(report)
    yield _quality(report)


BLANK: Final = Paragraph(Text())


def money(nano: int) -> str:
    """Money to the cent."""
    return shown_money(nano)


def table(
    title: str,
    *columns: str,
    rows: Iterable[Sequence[str | Text]],
    left: int | Collection[str] = 1,
    note: str = "",
) -> Part:
    """A table with a title. The columns named in ``left``, or so many first ones, are texts, the others figures."""
    texts = columns[:left] if isinstance(left, int) else left
    grid = Grid(
        columns=tuple((column, _fit_of(column, texts)) for column in columns),
        rows=tuple(tuple(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row) for row in rows),
        given_up=GIVEN_UP,
    )
    notes = [Paragraph(Text(note, style="dim"), 2)] if note else []
    return Parts((_titled(title), grid, *notes))


def _fit_of(column: str, texts: Collection[str]) -> Fit:
    if column not in texts:
        return Fit.FIGURE
    return Fit.WHOLE if column in UNBROKEN else Fit.SENTENCE if column in SENTENCES else Fit.NAME


def _headline(report: Report) -> Part:
    shown, line = display_of(report), node_line(report)
    currency = report.spec.currency
    zone = report.spec.time_zone
    title = Text.assemble((f"{report.namespace}/{report.name}", "bold"), f"  {shown['period']} {zone}, {state(report)}")
    warning = [BLANK, Paragraph(Text(report.caution, style="yellow"), 2)] if report.caution else []
    rows = [("Node cost", shown["nodeCost"], f"{shown_hours(line.node_us)} node-hours")]
    unpriced = report.quality.unpriced_us
    if unpriced:
        rows.append(("Without a price", f"{shown_hours(unpriced)} node-hours", "their cost is missing above"))
    if report.census is not None:
        lost = shown_percent(line.idle_cost, line.node_cost)
        rows += [
            ("Allocated to tasks", shown["allocatedCost"], f"coverage {shown['coverage'] or '-'}"),
            (
                "Not allocated",
                shown_money(line.unallocated, currency),
                unallocated(report),
            ),
            ("Idle nodes", shown["idleCost"], f"{lost or '-'} of node cost; utilization {shown['utilization'] or '-'}"),
        ]
        if report.potential_savings:
            rows.append(("Could be saved", shown_money(report.potential_savings, currency), 'see "What to do" below'))
    return Parts((Paragraph(title), *warning, BLANK, Pairs(tuple(rows))))


def _node_types(report: Report) -> Part:
    has_tasks = report.census is not None
    rows = [
        _node_row(name, node_line(report, node_type=k), has_tasks, is_priced(report, k))
        for k, name in enumerate(report.types)
    ]
    if len(rows) > 1:
        rows.append(_node_row("total", node_line(report), has_tasks, priced=True))
    prices = align_decimals([row[2] for row in rows])
    rows = [[*row[:2], price, *row[3:]] for row, price in zip(rows, prices, strict=True)]
    columns = ["node-hours", "mean price", "node cost"]
    columns += ["allocated", "idle cost", "coverage", "utilization"] if has_tasks else []
    return table("What the nodes cost", "node type", *columns, rows=rows)


def _node_row(name: str, line: NodeLine, has_tasks: bool, priced: bool) -> list[str]:
    price = ratio(line.node_cost * HOUR_US, line.node_us) if priced else None
    row = [
        name,
        shown_hours(line.node_us),
        "-" if price is None else shown_tariff(price).rstrip("0").rstrip("."),
        money(line.node_cost),
    ]
    if has_tasks:
        row += [
            money(line.allocated),
            money(line.idle_cost),
            shown_percent(line.allocated, line.node_cost) or "-",
            shown_percent(line.busy_us, line.node_us) or "-",
        ]
    return row


def _services(report: Report, wide: bool) -> Part:
    ranked = by_cost(task_lines(report))
    shown = ranked if wide else ranked[: report.spec.outputs.top_services]
    rows = [_service_row(name, line) for name, line in shown]
    rest = [line for _, line in ranked[len(shown) :]]
    if rest:
        rows.append(_service_row(f"{len(rest)} others", sum_lines(rest)))
    if len(ranked) > 1:
        rows.append(_service_row("total", sum_lines([line for _, line in ranked])))
    columns = ("attempts", "succeeded", "failed", "executed h", "allocated", "per success", "per failed s", "effective")
    note = (
        "effective: successes, failures and interruptions, divided by successes" if ranked else "no attempt was charged"
    )
    return table("What it was spent on", "service", *columns, rows=rows, note=note)


def _service_row(name: str, line: TaskLine) -> list[str]:
    return [
        name,
        f"{line.attempts:,}",
        f"{line.attempts_by[Outcome.SUCCESS]:,}",
        f"{line.attempts_by[Outcome.FAILURE]:,}",
        shown_hours(line.executed_us),
        money(line.cost),
        shown_tariff(cost_per_success(line)),
        shown_tariff(ratio(line.cost_by[Outcome.FAILURE] * SECOND_US, line.executed_by[Outcome.FAILURE])),
        shown_tariff(ratio(line.effective_cost, line.attempts_by[Outcome.SUCCESS])),
    ]


def _day_types(report: Report) -> Part:
    rows = []
    for index, (name, line) in enumerate(zip(DAY_TYPES, day_type_lines(report), strict=True)):
        rows.append(
            [
                name,
                str(days_of(report, index)),
                shown_hours(line.node_us),
                money(line.node_cost),
                money(line.idle_cost),
                shown_percent(line.allocated, line.node_cost) or "-",
                shown_percent(line.busy_us, line.node_us) or "-",
            ]
        )
    columns = ("days", "node-hours", "node cost", "idle cost", "coverage", "utilization")
    return table("When", "day type", *columns, rows=rows, note=peak_hours(report))


def _leaks(report: Report) -> Part:
    whole = node_line(report).node_cost
    rows = [
        [leak.name, leak.how_much, money(leak.cost), shown_percent(leak.cost, whole) or "-"] for leak in leaks(report)
    ]
    note = LEAKS_OVERLAP if report.spec.allocation.idle is Idle.DISTRIBUTE else ""
    return table("Where money is lost", "leak", "how much", "money", "of node cost", rows=rows, left=2, note=note)


def _advice(report: Report) -> Part:
    rows = [[advice.message, money(advice.savings), advice.confidence] for advice in report.recommendations]
    title = "What to do"
    told = table(title, "recommendation", "saves", "confidence", rows=rows) if rows else _titled(title)
    notes = (Paragraph(Text(printable(note), style="dim"), 2) for note in advice_notes(report))
    return Parts((told, *notes, *_proposed(report)))


def _proposed(report: Report) -> Iterator[Part]:
    """The cron lines of each recommendation that has some."""
    rows = [
        [advice.name, line.pool, line.schedule, line.time_zone, str(line.nodes)]
        for advice in report.recommendations
        for line in advice.schedules
    ]
    if rows:
        note = "all schedules of these pools as recommended, in place of the present ones"
        columns = "recommended", "pool", "cron", "zone", "nodes"
        yield from (BLANK, table("Proposed schedules", *columns, rows=rows, left=4, note=note))


def _titled(title: str) -> Part:
    return Paragraph(Text(title, style="bold"))


def _pools(report: Report) -> Part:
    rows = [
        [
            line.pool.name,
            line.pool.node_type,
            shown_hours(line.node_us),
            money(line.cost),
            "-" if line.nodes_now is None else str(line.nodes_now),
            f"{instant_text(line.next_change.at_us)} -> {line.next_change.nodes}" if line.next_change else "-",
        ]
        for line in report.pools
    ]
    columns = ("type", "node-hours", "node cost", "nodes now", "next change")
    return table("Node pools", "pool", *columns, rows=rows, left=2)


def _distributions(report: Report) -> Part:
    from gpucost.report.attempttables import distributions

    found = {column.name: list(column.values) for column in distributions(report).columns}
    names = ("mean", "std", "p05", "p50", "p95")
    tables = []
    for measure in ("cost_per_success", "cost_per_failed_second"):
        rows = [
            [service, f"{found['count'][i]:,}", *(shown_tariff(found[name][i]) for name in names)]
            for i, service in enumerate(found["service_name"])
            if found["measure"][i] == measure
        ]
        title = f"{measure.replace('_', ' ').capitalize()}, exact"
        tables.append(table(title, "service", "attempts", *names, rows=rows))
    return Parts((tables[0], BLANK, tables[1]))


def _quality(report: Report) -> Part:
    quality, lines = report.quality, [Text(read_and_charged(report))]
    for issue in quality.issues[:ISSUES_SHOWN]:
        lines.append(Text.assemble((issue.reason, "yellow"), f": {issue.message}"))
    if len(quality.issues) > ISSUES_SHOWN:
        lines.append(Text(f"{len(quality.issues) - ISSUES_SHOWN} more issues: --output json", style="dim"))
    head = Paragraph(Text("How reliable these figures are", style="bold"))
    return Parts((head, *(Paragraph(line, 2) for line in lines)))


def print_schedule(report: Report, output: str) -> None:
    """Print node counts over time."""
    from gpucost.report.tables import conflicts, issues, node_counts

    if output == "json":
        names = ("nodeCounts", "conflicts", "issues")
        tables = (node_counts(report), conflicts(report), issues(report))
        document = {name: _records(found) for name, found in zip(names, tables, strict=True)}
        passed = [{"cronJob": found.label, "what": found.what} for found in report.passed_over]
        print_document({**document, "passedOver": passed}, output)
        return
    print_parts(_schedule_parts(report, wide=output == "wide"), between=True)


def _schedule_parts(report: Report, *, wide: bool) -> Iterator[Part]:
    period = display_of(report)["period"]
    for line in report.pools:
        rows = [
            [instant_text(at), "unknown" if nodes is None else str(nodes), cause]
            for at, nodes, cause in line.pool.timeline.changes(report.period.start_us)
        ]
        note = f"{hours_text(line.node_us)} node-hours"
        if line.uncovered_us:
            note += f"; unknown for {seconds_text(line.uncovered_us)} s"
        if line.next_change:
            note += f"; next: {instant_text(line.next_change.at_us)} -> {line.next_change.nodes} by {line.next_change.label}"
        title = f"{line.pool.name} ({line.pool.node_type})  {period}"
        yield table(title, "from (UTC)", "nodes", "set by", rows=rows, left=("from (UTC)", "set by"), note=note)
    clashes = [
        [c.pool, instant_text(c.at_us), f"{', '.join(map(str, c.nodes))}", ", ".join(c.labels)]
        for c in report.quality.conflicts[:LISTED]
    ]
    if clashes:
        note, texts = "the largest count is billed", ("pool", "from (UTC)", "set by")
        yield table("Conflicts", "pool", "from (UTC)", "nodes", "set by", rows=clashes, left=texts, note=note)
    if wide:
        yield _passed_over(report)
    yield _quality(report)


def _passed_over(report: Report) -> Part:
    rows = [[found.label, found.what] for found in report.passed_over]
    note = "" if rows else "nothing"
    return table("Passed over: no node count", "CronJob", "what was seen", rows=rows, left=2, note=note)


def _records(found: Any) -> list[dict[str, Any]]:
    """Rows of a table as JSON objects."""
    columns = {column.name: list(column.values) for column in found.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def print_sections(sections: Sequence[Section], output: str) -> None:
    """Print an explanation."""
    if output == "json":
        document = [
            {"title": s.title, "note": s.note, "rows": [dict(zip(s.columns, row, strict=True)) for row in s.rows]}
            for s in sections
        ]
        print_document(document, output)
        return
    print_parts(map(_section_part, sections), between=True)


def _section_part(section: Section) -> Part:
    if not section.columns:
        return Paragraph(Text(f"{section.title}: {section.note}", style="dim"))
    rows = section.rows[:LISTED]
    more = f"{len(section.rows) - LISTED:,} more rows: --output json" if len(section.rows) > LISTED else ""
    note = "; ".join(filter(None, (section.note, more)))
    return table(section.title, *section.columns, rows=_aligned(section.columns, rows), left=TEXTS, note=note)


def _aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Figures with the same number of decimals down a column; ``value`` holds figures of different kinds."""
    cells = zip(*rows, strict=True)
    aligned = [
        column if name in TEXTS or name == "value" else align_decimals(column)
        for name, column in zip(columns, cells, strict=False)
    ]
    return list(zip(*aligned, strict=True))
