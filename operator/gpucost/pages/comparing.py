"""The page that compares a report with another, or with another period of itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from gpucost.pages.frame import Frame, render
from gpucost.pages.grid import Grid, Pick, grid
from gpucost.report.comparison import Comparison, compare
from gpucost.report.comparisontables import comparison_node_types, comparison_services, comparison_totals
from gpucost.report.report import Report
from gpucost.report.status import display_of

DAY: Final = dt.timedelta(days=1)


class Other(NamedTuple):
    """Another report to compare with."""

    namespace: str
    name: str

    @property
    def text(self) -> str:
        """As the query and the list have it."""
        return f"{self.namespace}/{self.name}"


def compare_page(
    before: Report | None, after: Report, others: Sequence[Other], chosen: str, dates: tuple[str, str], frame: Frame
) -> str:
    """What changed from one report to the other; without the first only the form to choose it."""
    found, problem = None, ""
    if before is not None:
        try:
            found = compare(before, after)
        except ValueError as error:
            problem = str(error)
    return render(
        "compare.html.j2",
        frame,
        after=_named(after),
        before=_named(before) if before else "",
        others=[one.text for one in others],
        chosen=chosen,
        dates=dates,
        found=found,
        problem=problem,
        grids=list(comparison_grids(found)) if found else [],
        charts={},
    )


def _named(report: Report) -> str:
    return f"{report.namespace}/{report.name}, {display_of(report)['period']}"


def comparison_grids(found: Comparison) -> Iterator[Grid]:
    """The tables of a comparison: totals, node types, and services where both reports have tasks."""
    yield grid(comparison_totals(found), _TOTALS, "Totals", note=f"money in {found.currency}")
    note = "volume + efficiency + schedule + price = change, to the nano-unit"
    yield grid(comparison_node_types(found), _TYPES, "Node cost by type", note=note)
    if found.services:
        note = "volume + efficiency + rate = change, to the nano-unit"
        yield grid(comparison_services(found), _SERVICES, "Allocated cost by service", note=note)


_TOTALS: Final = (
    Pick("row", ""),
    Pick("period", "period"),
    Pick("node_cost", "node cost"),
    Pick("allocated_cost", "allocated"),
    Pick("node_cost_per_day", "node cost a day"),
    Pick("succeeded", "successes"),
    Pick("executed_seconds", "executed h"),
    Pick("node_seconds", "node-hours"),
    Pick("cost_per_success", "node cost per success"),
)
_TYPES: Final = (
    Pick("node_type", "node type"),
    Pick("presence", ""),
    Pick("node_cost_before", "before"),
    Pick("node_cost_after", "after"),
    Pick("change", "change"),
    Pick("volume_effect", "volume"),
    Pick("efficiency_effect", "efficiency"),
    Pick("schedule_effect", "schedule"),
    Pick("price_effect", "price"),
)
_SERVICES: Final = (
    Pick("service_name", "service"),
    Pick("presence", ""),
    Pick("allocated_cost_before", "before"),
    Pick("allocated_cost_after", "after"),
    Pick("change", "change"),
    Pick("volume_effect", "volume"),
    Pick("efficiency_effect", "efficiency"),
    Pick("rate_effect", "rate"),
    Pick("succeeded_before", "successes before"),
    Pick("succeeded_after", "successes after"),
)


def previous_dates(report: Report) -> tuple[str, str]:
    """The local dates of the period before: the months before whole months, else as many days; the second exclusive.

    While a period goes on only as many days as it has had, so that like is compared with like.
    """
    first, last = report.period_dates()
    start = _start_before(first, last + DAY)
    if report.now_us >= report.period.end_us:
        return str(start), str(first)
    return str(start), str(min(first, start + max(1, len(report.dates)) * DAY))


def _start_before(first: dt.date, end: dt.date) -> dt.date:
    if first.day == end.day == 1:
        index = first.year * 12 + first.month - 1 - (end.year - first.year) * 12 - (end.month - first.month)
        return dt.date(index // 12, index % 12 + 1, 1)
    return first - (end - first)
