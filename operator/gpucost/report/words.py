"""A report in words: what the terminal, pages and notebooks say about its figures, written once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gpucost.core.allocation import Idle, Outcome
from gpucost.core.instants import instant_text
from gpucost.core.issues import ADVICE_WITHHELD, counted
from gpucost.core.money import shown_hours, shown_money, shown_percent
from gpucost.core.period import local_date
from gpucost.core.zones import Zone
from gpucost.report.lines import NodeLine, node_line, whole_line
from gpucost.report.report import Report, stale_of
from gpucost.report.tables import days, peaks


class Leak(NamedTuple):
    """Money that bought no success, in nano-units."""

    name: str
    how_much: str
    cost: int


def state(report: Report) -> str:
    """How far the period is."""
    if report.final:
        return "final"
    if report.now_us < report.period.start_us:
        return "not begun"
    if report.now_us >= report.period.end_us:
        return f"ended; {_reservation(report)}"
    return f"so far, until {instant_text(report.now_us)}"


def _reservation(report: Report) -> str:
    """Why the figures of a period that ended may still change."""
    settled_us = report.period.end_us + stale_of(report.spec)
    if report.now_us >= settled_us:
        return "attempts in it still run"
    date = local_date(Zone.parse(report.spec.time_zone), settled_us)
    return f"figures may change until {date.day} {date:%B}"


def unallocated(report: Report) -> str:
    """What the node cost is that no attempt was charged."""
    if report.spec.allocation.idle is Idle.SEPARATE:
        return "idle nodes, which tasks do not pay for here"
    return f"node types on {report.spec.allocation.bucket.lower()}s without tasks"


def unused_types(report: Report) -> Iterator[tuple[str, NodeLine]]:
    """Node types that cost something and on which no task ran."""
    for k, name in enumerate(report.types):
        line = node_line(report, node_type=k)
        if line.node_cost and not line.executed_us:
            yield name, line


def leaks(report: Report) -> list[Leak]:
    """Money that bought no success, the largest first; attempts carry a share of idle nodes with ``idle: Distribute``."""
    tasks, nodes = whole_line(report), node_line(report)
    found = [
        Leak(f"{outcome.lower()} attempts", counted(tasks.attempts_by[kind], "attempt"), tasks.cost_by[kind])
        for kind, outcome in ((Outcome.FAILURE, "failed"), (Outcome.INTERRUPTED, "interrupted"))
    ]
    found.append(Leak("idle nodes", f"{shown_hours(nodes.idle_us)} node-hours", nodes.idle_cost))
    found += [
        Leak(f"node type {name}: no task ran on it", f"{shown_hours(line.node_us)} node-hours", line.node_cost)
        for name, line in unused_types(report)
    ]
    return sorted((leak for leak in found if leak.cost), key=lambda leak: -leak.cost)


LEAKS_OVERLAP = "These lines overlap, so don't add them up: tasks already carry a share of idle cost"
"""What is to be said under the leaks of a report with ``idle: Distribute``."""


def findings(report: Report) -> Iterator[str]:
    """What the report found, in money, a sentence each."""
    currency, line = report.spec.currency, node_line(report)
    idle = shown_percent(line.idle_cost, line.node_cost)
    if idle:  # else there is no node cost, perhaps for want of a price
        yield (
            f"{shown_money(line.node_cost, currency)} for nodes; {shown_money(line.idle_cost, currency)} of it ({idle}) "
            "while they stood idle"
        )
    failed = whole_line(report).cost_by[Outcome.FAILURE]
    if failed:
        worst, money = worst_day(report)
        yield (
            f"{shown_money(failed, currency)} went into attempts that failed, "
            f"{shown_money(money, currency)} of it on {worst} alone"
        )
    for name, mine in unused_types(report):
        yield f"{shown_money(mine.node_cost, currency)} for type {name}, on which no task ran"
    if report.potential_savings:
        yield f"{shown_money(report.potential_savings, currency)} could be saved by what is recommended"


def worst_day(report: Report) -> tuple[str, int]:
    """The date with the most money in failures, and the money."""
    found = {column.name: list(column.values) for column in days(report).columns}
    money, date = max(zip(found["failure_cost"], found["date"], strict=True))
    return str(date), int(money)


def advice_notes(report: Report) -> Iterator[str]:
    """What belongs under the recommendations: overlaps, what is needed, and why something is missing."""
    found = report.recommendations
    if report.potential_savings is not None and sum(one.savings for one in found) > report.potential_savings:
        whole = shown_money(report.potential_savings, report.spec.currency)
        yield f"Some of these lines are about the same hours: together they save {whole}."
    yield from report.needed
    withheld = any(issue.reason == ADVICE_WITHHELD for issue in report.quality.issues)
    if withheld:
        yield "Some advice is withheld, for too much was not understood: see AdviceWithheld, below."
    if not found and not report.needed and not withheld:
        yield "Nothing: nodes are off when nothing runs, or busy enough."


def peak_hours(report: Report) -> str:
    """The busiest and the idlest hour; nothing where no node was busy."""
    found = {column.name: list(column.values) for column in peaks(report).columns}
    if not node_line(report).busy_us:
        return ""
    return "; ".join(
        f"{rank} {hour:02d}:00 ({shown_hours(used)} node-hours used)"
        for rank, hour, used in zip(found["rank"], found["hour"], found["busy_seconds"], strict=True)
        if rank in ("busiest hour", "idlest hour")
    )


def read_and_charged(report: Report) -> str:
    """How many attempts were charged, and why others were not; whether money adds up."""
    quality, parts = report.quality, []
    if report.census is not None:
        skipped = ", ".join(f"{count:,} {reason}" for reason, count in sorted(quality.skipped.items())) or "none"
        parts.append(
            f"{quality.charged:,} of {counted(quality.loaded, 'attempt')} charged; skipped: {skipped}; "
            f"{counted(quality.never_ran, 'task')} never ran."
        )
    broken = [law.name for law in report.laws if not law.holds]
    parts.append(
        f"LAWS BROKEN: {', '.join(broken)}"
        if broken
        else f"All amounts reconcile to a billionth of a {report.spec.currency}."
    )
    return " ".join(parts)
