"""How costs spread over attempts: exact quantiles by service, on the report's page or on one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gpucost.pages.frame import Frame, sections_page
from gpucost.pages.grid import Grid, Pick, grid
from gpucost.pages.links import SERVER, Links
from gpucost.report import tables
from gpucost.report.attempttables import ALL_SERVICES
from gpucost.report.charts import available, chart
from gpucost.report.lines import by_cost, task_lines
from gpucost.report.report import Report

SPREADS: Final = 100
"""Services whose quantiles a page shows."""
CHART: Final = "cost_per_success_spread"
INTRO: Final = "How much single attempts of a service differ in cost, over the whole period."
_MEASURES: Final = {"cost_per_success": "Cost per success", "cost_per_failed_second": "Cost per failed second"}
_PICKS: Final = (
    Pick("service_name", "service"),
    Pick("count", "attempts"),
    *(
        Pick(name, "median" if name == "p50" else name)
        for name in ("mean", "std", "p05", "p25", "p50", "p75", "p90", "p95")
    ),
)


def spreads(report: Report, links: Links) -> Iterator[Grid]:
    """Quantiles of each measure. Raises NoDetails where the report does not know every attempt."""
    ranked = [name for name, _ in by_cost(task_lines(report))]
    found = tables.table(report, "distributions").where("service_name", {*ranked[:SPREADS], ALL_SERVICES})
    more = f"; of the {SPREADS} dearest services: the table distributions has all" if len(ranked) > SPREADS else ""
    note = f"how it spreads over attempts: exact, from every one, in {report.spec.currency}{more}"
    for measure, title in _MEASURES.items():
        mine = grid(found.where("measure", (measure,)), _PICKS, title, hrefs={"service_name": links.to("service")})
        yield replace(mine, name=measure, note=note)


def spread_page(report: Report, frame: Frame) -> str:
    """The spread of costs alone, for a server whose reports' pages do not know every attempt. Raises NoDetails."""
    found = [chart(report, CHART)] if CHART in available(report) else []
    return sections_page(frame, "Spread of costs", list(spreads(report, SERVER)), INTRO, found)
