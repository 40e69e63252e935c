"""Charts of hours and weekdays: when nodes are used, and when they stand idle."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gpucost.core.calendar import DAY_TYPES, WEEKDAYS, DayType
from gpucost.core.money import shown_percent
from gpucost.report.charts.chart import Chart
from gpucost.report.charts.encodings import HOURS, MONEY, PERCENT, Spec, colour, number, text_tip, tip
from gpucost.report.charts.figures import Figures, in_hours, share, units
from gpucost.report.charts.theme import Hue

HEIGHT: Final = 240
TILE: Final = 26
"""Pixels of a row of the heatmap."""
EVERY_THIRD: Final = list(range(0, 24, 3))

_DAY_TYPE: Final[Spec] = {"field": "day_type", "type": "nominal"}
_HUES: Final[Spec] = {
    "scale": {"domain": list(DAY_TYPES), "range": [colour(Hue.BUSY), colour(Hue.WEEKEND)]},
    "legend": {"title": None},
}


def utilization_by_hour(figures: Figures) -> Chart:
    """At which hours of weekdays and weekends are the nodes used?"""
    table = figures.hours
    columns = (table[name] for name in ("day_type", "hour", "utilization_ratio", "busy_seconds", "node_seconds"))
    rows = [
        {"day_type": kind, "hour": hour, "utilization": share(part), "busy": in_hours(busy), "node": in_hours(node)}
        for kind, hour, part, busy, node in zip(*columns, strict=True)
    ]
    hour = {"field": "hour", "type": "quantitative", "scale": {"domain": [0, 23]}, "axis": _hour_axis(figures)}
    shape = _DAY_TYPE | {"scale": {"domain": list(DAY_TYPES), "range": ["circle", "square"]}, "legend": {"title": None}}
    point = {"color": _DAY_TYPE | _HUES, "shape": shape, "tooltip": [_hour_tip(), *_use_tips()]}
    spec = {
        "height": HEIGHT,
        "encoding": {"x": hour, "y": _utilization(rows)},
        "layer": [
            *_day_type_lines({row["day_type"] for row in rows if row["utilization"] is not None}),
            {"mark": {"type": "point", "filled": True, "opacity": 1, "size": 40}, "encoding": point},
        ],
    }
    return Chart("utilization_by_hour", "Utilisation by hour", _hours_said(figures), spec, rows)


def _day_type_lines(known: set[str]) -> list[Spec]:
    """A line for weekdays and a dashed one for weekends, where there is something to draw."""
    looks: dict[DayType, tuple[Hue, list[int]]] = {"Weekday": (Hue.BUSY, []), "Weekend": (Hue.WEEKEND, [5, 3])}
    return [
        {
            "transform": [{"filter": f"datum.day_type === '{kind}'"}],
            "mark": {"type": "line", "color": colour(hue), "strokeDash": dash},
        }
        for kind, (hue, dash) in looks.items()
        if kind in known
    ]


def _utilization(rows: list[dict[str, Any]]) -> Spec:
    """From zero to a little more than the largest value, at least 10 %."""
    most = max(row["utilization"] or 0 for row in rows)
    scale = {"domainMin": 0, "domainMax": max(LEAST_SCALE, min(1, HEADROOM * most))}
    return number("utilization", "busy / billed node time", ".0%") | {"scale": scale}


LEAST_SCALE: Final = 0.1
HEADROOM: Final = 1.1


def _hour_axis(figures: Figures, **axis: object) -> Spec:
    return {"title": f"hour, {figures.report.spec.time_zone}", "values": EVERY_THIRD, "grid": False, **axis}


def _hour_tip() -> Spec:
    return {"field": "hour", "type": "quantitative", "title": "Hour from", "format": "02d"}


def _use_tips() -> list[Spec]:
    return [
        text_tip("day_type", "Days"),
        tip("utilization", "Utilisation", PERCENT),
        tip("busy", "Busy node-hours", HOURS),
        tip("node", "Billed node-hours", HOURS),
    ]


def _hours_said(figures: Figures) -> str:
    line, table = figures.nodes, figures.hours
    rows = list(zip(table["utilization_ratio"], table["day_type"], table["hour"], strict=True))
    known = [row for row in rows if row[0] is not None]
    (best, kind, hour), (least, low_kind, low_hour) = max(known), min(known)
    said = f"Tasks ran in {shown_percent(line.busy_us, line.node_us)} of billed node time: at most"
    said += f" {shown_percent(*best.as_integer_ratio())} from {hour:02d}:00 on a {kind.lower()}, at least"
    return f"{said} {shown_percent(*least.as_integer_ratio())} from {low_hour:02d}:00 on a {low_kind.lower()}."


def utilization_by_weekday(figures: Figures) -> Chart:
    """On which days of the week are the nodes used?"""
    table = figures.weekdays
    columns = (table[name] for name in ("weekday", "utilization_ratio", "busy_seconds", "node_seconds"))
    rows = [
        {
            "weekday": name[:3],
            "day_type": DAY_TYPES[place >= 5],
            "utilization": share(part),
            "busy": in_hours(busy),
            "node": in_hours(node),
        }
        for place, (name, part, busy, node) in enumerate(zip(*columns, strict=True))
    ]
    axis = {"title": None, "labelAngle": 0, "labelOverlap": False}
    days = {"field": "weekday", "type": "ordinal", "sort": [name[:3] for name in WEEKDAYS], "axis": axis}
    label = {"field": "utilization", "type": "quantitative", "format": ".0%"}
    spec = {
        "height": HEIGHT,
        "encoding": {"x": days, "y": _utilization(rows)},
        "layer": [
            {
                "mark": "bar",
                "encoding": {"color": _DAY_TYPE | _HUES, "tooltip": [text_tip("weekday", "Day"), *_use_tips()]},
            },
            {
                "transform": [{"filter": "isValid(datum.utilization)"}],
                "mark": {"type": "text", "baseline": "bottom", "dy": -3},
                "encoding": {"text": label},
            },
        ],
    }
    return Chart("utilization_by_weekday", "Utilisation by weekday", _weekdays_said(figures), spec, rows)


def _weekdays_said(figures: Figures) -> str:
    table = figures.weekdays
    parts = [
        f"{name} {shown_percent(*part.as_integer_ratio())}" if part is not None else f"{name} had no nodes"
        for name, part, days in zip(table["weekday"], table["utilization_ratio"], table["days"], strict=True)
        if days
    ]
    return f"Billed node time in which tasks ran: {', '.join(parts)}."


def idle_heatmap(figures: Figures) -> Chart:
    """At which hours of the week does money go into idle nodes?"""
    report = figures.report
    cells, grid = report.cells, report.grid
    slot = cells.weekday[cells.day] * 24 + cells.hour
    idle, billed = np.zeros((2, 7 * 24), dtype=np.int64)
    np.add.at(idle, slot, grid.idle_cost.sum(axis=0))
    np.add.at(billed, slot, grid.node_us.sum(axis=0))
    found = [int(cost) if time else None for cost, time in zip(idle.tolist(), billed.tolist(), strict=True)]
    rows = [
        {"weekday": WEEKDAYS[place // 24][:3], "hour": place % 24, "idle": None if cost is None else units(cost)}
        for place, cost in enumerate(found)
    ]
    return Chart("idle_heatmap", "Idle cost by weekday and hour", _idle_said(figures, found), _tiles(figures), rows)


def _tiles(figures: Figures) -> Spec:
    """A tile per hour of the week that had nodes; its colour leaves the page's the more it cost."""
    money = f"Idle cost ({figures.currency})"
    ramp = {"range": [colour(Hue.SHADE), colour(Hue.IDLE), colour(Hue.INK)], "domainMin": 0, "interpolate": "lab"}
    legend = {"title": money, "type": "gradient", "gradientLength": {"expr": "min(240, width)"}, "tickCount": 3}
    axis = _hour_axis(figures, labelAngle=0, labelOverlap=False, domain=False, ticks=False)
    days = {"field": "weekday", "type": "ordinal", "sort": [name[:3] for name in WEEKDAYS]}
    return {
        "height": 7 * TILE,
        "mark": {"type": "rect", "stroke": None, "height": TILE - 2, "width": {"band": 0.94}},
        "transform": [{"filter": "isValid(datum.idle)"}],
        "encoding": {
            "x": {"field": "hour", "type": "ordinal", "scale": {"domain": list(range(24))}, "axis": axis},
            "y": days
            | {
                "scale": {"domain": [name[:3] for name in WEEKDAYS]},
                "axis": {"title": None, "domain": False, "ticks": False},
            },
            "color": {"field": "idle", "type": "quantitative", "scale": ramp, "legend": legend},
            "tooltip": [text_tip("weekday", "Day"), _hour_tip(), tip("idle", money, MONEY)],
        },
    }


def _idle_said(figures: Figures, found: list[int | None]) -> str:
    line = figures.nodes
    most, place = max((cost or 0, -place) for place, cost in enumerate(found))
    day, hour = divmod(-place, 24)
    part = shown_percent(line.idle_cost, line.node_cost)
    said = f"Idle nodes cost {figures.money(line.idle_cost)}, {part} of node cost."
    if not line.idle_cost:
        return said
    said += f" The dearest hour of the week, with {figures.money(most)}, is {WEEKDAYS[day]} from {hour:02d}:00."
    return said + (" Empty: no nodes." if None in found else "")
