"""Charts of days: cost, coverage, and what a success or a failed second cost."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from gpucost.core.allocation import Outcome
from gpucost.core.money import SECOND_US, shown_percent
from gpucost.report.charts.chart import Chart
from gpucost.report.charts.encodings import (
    DAY_TIP,
    MONEY,
    PERCENT,
    TARIFF,
    Spec,
    colour,
    day_axis,
    day_bar,
    day_line,
    day_point,
    legend_of,
    number,
    text_tip,
    tip,
)
from gpucost.report.charts.figures import Figures, counted, percent, share, tariff, units
from gpucost.report.charts.theme import Hue

HEIGHT: Final = 240

ALLOCATED, UNALLOCATED = "charged", "not charged"


def daily_cost(figures: Figures) -> Chart:
    """What did the nodes cost each day, and how much of it is charged to tasks?"""
    days, known = figures.days, figures.has_tasks
    rows = [
        {"date": date, "node": units(node)} | ({"allocated": units(part)} if known else {})
        for date, node, part in zip(days["date"], days["node_cost"], days["allocated_cost"], strict=True)
    ]
    spec = {
        "height": HEIGHT,
        "encoding": {"x": day_axis(figures.report.dates)},
        "layer": _cost_layers(figures) if known else [_node_bars(figures)],
    }
    return Chart("daily_cost", "Node cost by day", _daily_cost_said(figures), spec, rows)


def _node_bars(figures: Figures) -> Spec:
    tips = [DAY_TIP, tip("node", f"Node cost ({figures.currency})", MONEY)]
    y = number("node", f"node cost, {figures.currency}")
    return {"mark": day_bar(len(figures.report.dates), color=colour(Hue.NODE)), "encoding": {"y": y, "tooltip": tips}}


def _cost_layers(figures: Figures) -> list[Spec]:
    """Bars up to the allocated cost, and the difference up to the node cost."""
    tips = [
        DAY_TIP,
        tip("node", f"Node cost ({figures.currency})", MONEY),
        tip("allocated", f"Charged to tasks ({figures.currency})", MONEY),
    ]
    y = number("allocated", f"node cost, {figures.currency}")
    hues = legend_of({ALLOCATED: Hue.BUSY, UNALLOCATED: Hue.IDLE})
    bar = day_bar(len(figures.report.dates))
    parts = ((ALLOCATED, {"y": y}), (UNALLOCATED, {"y": y, "y2": {"field": "node"}}))
    return [
        {"mark": bar, "encoding": {**place, "color": {"datum": name, **hues}, "tooltip": tips}} for name, place in parts
    ]


def _daily_cost_said(figures: Figures) -> str:
    line, days = figures.nodes, figures.days
    cost, date = max(zip(days["node_cost"], days["date"], strict=True), key=lambda day: day[0])
    said = f"Nodes cost {figures.money(line.node_cost)}. The dearest day was {date} with {figures.money(cost)}."
    if not figures.has_tasks:
        return said
    part = f"{figures.money(line.allocated)} {percent(line.allocated, line.node_cost)} was charged to tasks"
    return f"{said} {part}, {figures.money(line.unallocated)} to nobody."


RAN, NONE_RAN, NO_COST = "tasks ran", "no task ran", "no node cost"


def coverage(figures: Figures) -> Chart:
    """How much of each day's node cost is charged to tasks, and of which days is there nothing?"""
    days = figures.days
    columns = (days[name] for name in ("date", "node_cost", "coverage_ratio", "executed_seconds"))
    rows = [
        {"date": date, "coverage": share(part), "state": (RAN if ran else NONE_RAN) if cost else NO_COST}
        for date, cost, part, ran in zip(*columns, strict=True)
    ]
    mean = _mean([part for part in days["coverage_ratio"] if part is not None])
    spec = {
        "height": HEIGHT,
        "encoding": {"x": day_axis(figures.report.dates)},
        "layer": [
            *([_gaps(len(rows))] if NO_COST in {row["state"] for row in rows} else []),
            *_coverage_layers(len(rows)),
            *_level(float(mean), f"mean {shown_percent(*mean.as_integer_ratio())}", _coverage_axis()),
        ],
    }
    return Chart("coverage", "Coverage by day", _coverage_said(figures, mean), spec, rows)


def _mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _coverage_axis() -> Spec:
    return number("coverage", "charged to tasks / node cost", ".0%") | {"scale": {"domain": [0, 1]}}


def _coverage_tips() -> list[Spec]:
    return [DAY_TIP, tip("coverage", "Coverage", PERCENT), text_tip("state", "State")]


def _gaps(days: int) -> Spec:
    """A shade where there is no cost."""
    place = {"y": {"value": 0}, "y2": {"value": "height"}, "tooltip": _coverage_tips()}
    mine = {"filter": f"datum.state === '{NO_COST}'"}
    return {"transform": [mine], "mark": day_bar(days, color=colour(Hue.SHADE)), "encoding": place}


def _coverage_layers(days: int) -> list[Spec]:
    """A line that breaks where there is no cost, and a mark per day."""
    y = _coverage_axis()
    states = {"domain": [RAN, NONE_RAN, NO_COST]}
    legend = {"title": None}
    shape = {"scale": states | {"range": ["circle", "triangle-up", "square"]}, "legend": legend}
    hues = {"scale": states | {"range": [colour(Hue.BUSY), colour(Hue.IDLE), colour(Hue.SHADE)]}, "legend": legend}
    return [
        {"mark": day_line(days, Hue.BUSY), "encoding": {"y": y}},
        {
            "mark": day_point(days),
            "encoding": {
                "y": y,
                "shape": {"field": "state", "type": "nominal", **shape},
                "color": {"field": "state", "type": "nominal", **hues},
                "tooltip": _coverage_tips(),
            },
        },
    ]


def _level(value: float, label: str, y: Spec) -> list[Spec]:
    """A dashed line across, and above the plot, where nothing hides it, what it is."""
    once: Spec = {"values": [{"level": value}]}
    line = {"type": "rule", "strokeDash": [5, 4], "color": colour(Hue.INK)}
    text = {"type": "text", "align": "right", "baseline": "bottom"}
    across = {"x": {"value": 0}, "x2": {"value": "width"}, "y": y | {"field": "level"}}
    corner = {"x": {"value": "width"}, "y": {"value": -4}, "text": {"value": f"- - {label}"}}
    return [{"data": once, "mark": line, "encoding": across}, {"data": once, "mark": text, "encoding": corner}]


def _coverage_said(figures: Figures, mean: Fraction) -> str:
    days = figures.days
    rows = list(zip(days["node_cost"], days["executed_seconds"], strict=True))
    free, still = sum(not cost for cost, _ in rows), sum(bool(cost and not ran) for cost, ran in rows)
    said = f"On the mean of days {shown_percent(*mean.as_integer_ratio())} of node cost is charged to tasks."
    said += f" {counted(still, 'day')} with node cost had no task." if still else ""
    return said + (f" {counted(free, 'day')} had no node cost and no coverage: a gap, not 0 %." if free else "")


def cost_per_success(figures: Figures) -> Chart:
    """What did a success cost on each day?"""
    line = figures.tasks
    whole = Fraction(line.cost_by[Outcome.SUCCESS], line.attempts_by[Outcome.SUCCESS])
    return _tariff_by_day(figures, "cost_per_success", "Cost per success by day", "success", Hue.SUCCESS, whole)


def cost_per_failed_second(figures: Figures) -> Chart:
    """What did a second of failed execution cost on each day?"""
    line = figures.tasks
    whole = Fraction(line.cost_by[Outcome.FAILURE] * SECOND_US, line.executed_by[Outcome.FAILURE])
    title, unit = "Cost per failed second by day", "failed second"
    return _tariff_by_day(figures, "cost_per_failed_second", title, unit, Hue.FAILURE, whole)


def _tariff_by_day(figures: Figures, name: str, title: str, unit: str, hue: Hue, whole: Fraction) -> Chart:
    """A line with a mark per day that has such a figure, broken at days without, and the period's figure across."""
    found = list(zip(figures.days["date"], figures.days[name], strict=True))
    rows = [{"date": date, "cost": None if value is None else tariff(value)} for date, value in found]
    y = number("cost", f"{figures.currency} per {unit}")
    tips = [DAY_TIP, tip("cost", f"{figures.currency} per {unit}", TARIFF)]
    spec = {
        "height": HEIGHT,
        "encoding": {"x": day_axis(figures.report.dates)},
        "layer": [
            {"mark": day_line(len(rows), hue), "encoding": {"y": y}},
            {
                "mark": day_point(len(rows), color=colour(hue)),
                "encoding": {"y": y, "tooltip": tips},
            },
            *_level(tariff(whole), f"period {figures.tariff(whole)}", y),
        ],
    }
    return Chart(name, title, _tariff_said(figures, found, unit, whole), spec, rows)


def _tariff_said(figures: Figures, found: list[tuple[str, Fraction | None]], unit: str, whole: Fraction) -> str:
    known = [(value, date) for date, value in found if value is not None]
    said, missing = f"A {unit} cost {figures.tariff(whole)} over the period", len(found) - len(known)
    if len(known) > 1:
        (least, cheap), (most, dear) = min(known), max(known)
        said += (
            f", {figures.tariff(least)} on the cheapest day ({cheap}), {figures.tariff(most)} on the dearest ({dear})"
        )
    return f"{said}." + (f" {counted(missing, 'day')} had none." if missing else "")
