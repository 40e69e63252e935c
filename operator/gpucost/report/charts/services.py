"""Charts of services and node types, each with its name above its bar, the first few of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from gpucost.core.allocation import Outcome
from gpucost.core.statistics import Distribution
from gpucost.report.attempttables import cost_per_attempt, details_of
from gpucost.report.charts.chart import Chart
from gpucost.report.charts.encodings import (
    BAR,
    COUNT,
    MONEY,
    TARIFF,
    Spec,
    colour,
    legend_of,
    named_bands,
    number,
    text_tip,
    tick_count,
    tip,
)
from gpucost.report.charts.figures import TOP, Figures, counted, percent, short_tariff, shown_name, tariff, units
from gpucost.report.charts.theme import Hue
from gpucost.report.lines import NodeLine, node_line
from gpucost.report.tables import cost_per_success

OUTCOME_HUES: Final = {
    str(Outcome.SUCCESS): Hue.SUCCESS,
    str(Outcome.FAILURE): Hue.FAILURE,
    str(Outcome.INTERRUPTED): Hue.INTERRUPTED,
    str(Outcome.OPEN): Hue.OPEN,
}
"""Outcomes in the order in which they are drawn."""
BUSY, IDLE = "tasks ran", "idle"


def top_services(figures: Figures) -> Chart:
    """Which services are charged most, and with what outcome?"""
    shown = figures.services[:TOP]
    rows = [
        {"rank": rank, "name": shown_name(name), "outcome": outcome, "cost": units(line.cost_by[Outcome(outcome)])}
        | ({"head": figures.money(line.cost)} if not place else {})
        for rank, (name, line) in enumerate(shown)
        for place, outcome in enumerate(OUTCOME_HUES)
    ]
    tips = [
        text_tip("name", "Service"),
        text_tip("outcome", "Outcome"),
        tip("cost", f"Cost ({figures.currency})", MONEY),
    ]
    bars = _stacked("outcome", OUTCOME_HUES, number("cost", figures.currency, tickCount=tick_count()), tips)
    spec = named_bands(len(shown), [bars])
    return Chart("top_services", "Services by cost", _services_said(figures), spec, rows)


def _stacked(field: str, hues: dict[str, Hue], x: Spec, tips: list[Spec]) -> Spec:
    """Bars of parts, one after another in the order of their legend."""
    order = {"field": f"{field}_order", "type": "quantitative"}
    places = [{"calculate": f"indexof({list(hues)!r}, datum.{field})", "as": f"{field}_order"}]
    encoding = {
        "x": x,
        "color": {"field": field, "type": "nominal", **legend_of(hues)},
        "order": order,
        "tooltip": tips,
    }
    return {"transform": places, "mark": {"type": "bar", **BAR}, "encoding": encoding}


def _services_said(figures: Figures) -> str:
    lines = [line for _, line in figures.services]
    cost = sum(line.cost for line in lines)
    shown = sum(line.cost for line in lines[:TOP])
    first = f"{shown_name(figures.services[0][0])} with {figures.money(lines[0].cost)} {percent(lines[0].cost, cost)}"
    said = f"{figures.money(cost)} was charged to {counted(len(lines), 'service')}, most to {first}."
    return said + _left_out(figures, len(lines), cost - shown)


def _left_out(figures: Figures, count: int, cost: int, what: str = "service") -> str:
    if count <= TOP:
        return ""
    return f" Not drawn: {counted(count - TOP, f'more {what}')} with {figures.money(cost)} in all."


def top_cost_per_success(figures: Figures) -> Chart:
    """Which services pay most for a success?"""
    found = [(cost_per_success(line), name, line) for name, line in figures.services]
    known = [(value, name, line) for value, name, line in found if value is not None]
    known.sort(key=lambda row: (-row[0], row[1].encode()))
    rows = [
        {
            "rank": rank,
            "name": shown_name(name),
            "cost": tariff(value),
            "succeeded": line.attempts_by[Outcome.SUCCESS],
            "head": figures.tariff(value),
        }
        for rank, (value, name, line) in enumerate(known[:TOP])
    ]
    unit = f"{figures.currency} per success"
    tips = [text_tip("name", "Service"), tip("cost", unit, TARIFF), tip("succeeded", "Successes", COUNT)]
    bars = {
        "mark": {"type": "bar", "color": colour(Hue.SUCCESS), **BAR},
        "encoding": {"x": number("cost", unit, tickCount=tick_count()), "tooltip": tips},
    }
    spec = named_bands(len(rows), [bars])
    said = _dearest_said(figures, [(value, name) for value, name, _ in known], len(found))
    return Chart("top_cost_per_success", "Services by cost per success", said, spec, rows)


def _dearest_said(figures: Figures, known: list[tuple[Fraction, str]], services: int) -> str:
    (most, dear), (least, cheap) = known[0], known[-1]
    said = f"A success costs most at {shown_name(dear)}: {figures.tariff(most)}"
    said += "." if len(known) == 1 else f"; least at {shown_name(cheap)}: {figures.tariff(least)}."
    said += f" Not drawn: {counted(len(known) - TOP, 'cheaper service')}." if len(known) > TOP else ""
    return said + (f" {counted(services - len(known), 'service')} had no success." if services > len(known) else "")


def cost_by_node_type(figures: Figures) -> Chart:
    """What did each node type cost, and how much of that while tasks ran?"""
    report = figures.report
    lines = [(name, node_line(report, node_type=kind)) for kind, name in enumerate(report.types)]
    lines.sort(key=lambda row: (-row[1].node_cost, row[0].encode()))
    rows = [row for rank, (name, line) in enumerate(lines[:TOP]) for row in _type_rows(figures, rank, name, line)]
    tips = [text_tip("name", "Node type"), text_tip("part", "Nodes"), tip("cost", f"Cost ({figures.currency})", MONEY)]
    hues = {BUSY: Hue.BUSY, IDLE: Hue.IDLE} if figures.has_tasks else {NODES: Hue.NODE}
    spec = named_bands(
        len(lines[:TOP]), [_stacked("part", hues, number("cost", figures.currency, tickCount=tick_count()), tips)]
    )
    return Chart("cost_by_node_type", "Node cost by type", _types_said(figures, lines), spec, rows)


NODES: Final = "node cost"


def _type_rows(figures: Figures, rank: int, name: str, line: NodeLine) -> list[dict[str, Any]]:
    parts = {BUSY: line.busy_cost, IDLE: line.idle_cost} if figures.has_tasks else {NODES: line.node_cost}
    head = figures.money(line.node_cost)
    return [
        {"rank": rank, "name": shown_name(name), "part": part, "cost": units(cost)} | ({} if place else {"head": head})
        for place, (part, cost) in enumerate(parts.items())
    ]


def _types_said(figures: Figures, lines: list[tuple[str, NodeLine]]) -> str:
    parts = [f"{shown_name(name)} {figures.money(line.node_cost)}" + _idle(figures, line) for name, line in lines[:TOP]]
    rest = sum(line.node_cost for _, line in lines[TOP:])
    return f"Node cost by type: {'; '.join(parts)}." + _left_out(figures, len(lines), rest, "type")


def _idle(figures: Figures, line: NodeLine) -> str:
    if not figures.has_tasks or not line.node_cost:
        return ""
    return f", idle {figures.money(line.idle_cost)} {percent(line.idle_cost, line.node_cost)}"


QUANTILES: Final = ("p05", "p25", "p50", "p75", "p95")
FAR_APART: Final = 50
"""From this ratio of the largest to the smallest figure on the axis is logarithmic."""


def cost_per_success_spread(figures: Figures) -> Chart:
    """How far do the costs of single successes of a service lie apart?"""
    ranked = sorted(figures.services, key=lambda row: (-row[1].cost_by[Outcome.SUCCESS], row[0].encode()))
    known = [name for name, line in ranked if line.attempts_by[Outcome.SUCCESS]]
    found = [(name, _quantiles(figures, name)) for name in known[:TOP]]
    rows = [_spread_row(figures, rank, name, values) for rank, (name, values) in enumerate(found)]
    cost = sum(line.cost_by[Outcome.SUCCESS] for name, line in ranked[TOP:])
    said = _spread_said(figures, *found[0]) + _left_out(figures, len(known), cost)
    spec = named_bands(len(rows), _spread_layers(figures, rows))
    return Chart("cost_per_success_spread", "Spread of the cost of a success", said, spec, rows)


def _quantiles(figures: Figures, name: str) -> Distribution:
    """The costs of a service's successes, as in table ``distributions``."""
    attempts = details_of(figures.report).attempts
    mine = attempts.counted.astype(bool) & (attempts.service == figures.report.services.index(name))
    found = cost_per_attempt(figures.report, mine, (Outcome.SUCCESS,))
    assert found is not None  # the service has successes
    return found


def _spread_row(figures: Figures, rank: int, name: str, found: Distribution) -> dict[str, Any]:
    head = f"median {figures.tariff(found.quantiles['p50'])}"
    values = {key: tariff(found.quantiles[key]) for key in QUANTILES}
    return {"rank": rank, "name": shown_name(name), "count": found.count, **values, "head": head}


def _spread_said(figures: Figures, name: str, found: Distribution) -> str:
    p05, p25, p50, p75, p95 = (short_tariff(found.quantiles[key]) for key in QUANTILES)
    said = f"A success of {shown_name(name)} cost {p50} {figures.currency} on the median (tick)"
    return f"{said}, {p25} to {p75} in the middle half (thick), {p05} to {p95} in nine cases of ten (thin)."


def _spread_layers(figures: Figures, rows: list[dict[str, Any]]) -> list[Spec]:
    """A thin bar from p05 to p95, a thick one from p25 to p75, a tick at the median."""
    unit = f"{figures.currency} per success"
    tips = [text_tip("name", "Service"), tip("count", "Successes", COUNT)]
    tips += [tip(key, f"{key} ({figures.currency})", TARIFF) for key in QUANTILES]
    logarithmic = 0 < FAR_APART * min(row["p05"] for row in rows) < max(row["p95"] for row in rows)
    title = f"{unit}, logarithmic" if logarithmic else unit
    scale = {"scale": {"type": "log", "nice": False}} if logarithmic else {}

    def part(low: str, high: str, thick: int, opacity: float) -> Spec:
        mark = {"type": "bar", "height": thick, "yOffset": 9, "color": colour(Hue.SUCCESS), "opacity": opacity}
        x = number(low, title, tickCount=tick_count()) | scale
        return {"mark": mark, "encoding": {"x": x, "x2": {"field": high}, "tooltip": tips}}

    median = {"type": "tick", "opacity": 1, "color": colour(Hue.INK), "thickness": 3, "size": 18, "yOffset": 9}
    x = number("p50", title) | scale
    return [
        part("p05", "p95", 4, 1),
        part("p25", "p75", 13, 1),
        {"mark": median, "encoding": {"x": x, "tooltip": tips}},
    ]
