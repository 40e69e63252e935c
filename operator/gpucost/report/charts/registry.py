"""Every chart by its name: what it answers, what it needs, and how it is drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gpucost.report.charts import days, hours, nodes, services
from gpucost.report.charts.chart import Chart
from gpucost.report.charts.figures import DETAILS, FAILURE, NODE_COST, NODE_TIME, RAN, SUCCESS, TASKS, Figures, Need
from gpucost.report.charts.waterfall import waterfall
from gpucost.report.report import Report


@dataclass(frozen=True, slots=True)
class Definition:
    """A chart to be drawn of any report that has what it needs."""

    draw: Callable[[Figures], Chart]
    needs: tuple[Need, ...]

    @property
    def name(self) -> str:
        """The chart's name."""
        return self.draw.__name__

    @property
    def answers(self) -> str:
        """The question that it answers."""
        return inspect.getdoc(self.draw) or ""

    def lacking(self, report: Report) -> str | None:
        """Why a report has not this chart; None where it has."""
        return next((need.lacking for need in self.needs if not need.met(report)), None)


CHARTS: Final[Mapping[str, Definition]] = {
    definition.name: definition
    for definition in (
        Definition(waterfall, (NODE_COST, TASKS)),
        Definition(days.daily_cost, (NODE_COST,)),
        Definition(days.coverage, (NODE_COST, TASKS)),
        Definition(services.cost_by_node_type, (NODE_COST,)),
        Definition(services.top_services, (NODE_COST, TASKS, RAN)),
        Definition(services.top_cost_per_success, (NODE_COST, TASKS, SUCCESS)),
        Definition(services.cost_per_success_spread, (NODE_COST, TASKS, SUCCESS, DETAILS)),
        Definition(days.cost_per_success, (NODE_COST, TASKS, SUCCESS)),
        Definition(days.cost_per_failed_second, (NODE_COST, TASKS, FAILURE)),
        Definition(hours.utilization_by_hour, (NODE_TIME, TASKS)),
        Definition(hours.utilization_by_weekday, (NODE_TIME, TASKS)),
        Definition(hours.idle_heatmap, (NODE_COST, TASKS)),
        Definition(nodes.node_counts, (NODE_TIME,)),
        Definition(nodes.drift, (nodes.JOBS,)),
    )
}
"""In the order in which a page shows them."""


def chart(report: Report, name: str) -> Chart:
    """A chart by its name. Raises KeyError that lists the names, ValueError that says what the report lacks for it."""
    if name not in CHARTS:
        raise KeyError(f"no chart is named {name!r}; there are {', '.join(CHARTS)}")
    lacking = CHARTS[name].lacking(report)
    if lacking:
        raise ValueError(f"there is no chart {name}: the report {lacking}")
    return CHARTS[name].draw(Figures(report))


def available(report: Report) -> list[str]:
    """Names of the charts that a report can give."""
    return [name for name, definition in CHARTS.items() if not definition.lacking(report)]


def charts(report: Report) -> list[Chart]:
    """Every chart that a report can give; what they share is computed once."""
    figures = Figures(report)
    return [CHARTS[name].draw(figures) for name in available(report)]
