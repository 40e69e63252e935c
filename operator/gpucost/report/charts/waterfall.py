"""The waterfall: node cost, less what outcomes cost while tasks ran, less what stood idle: exactly nothing is left."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from gpucost.core.allocation import Idle, Outcome, allocate
from gpucost.core.calendar import sum_by
from gpucost.core.grid import per_bucket
from gpucost.core.recommendations import NIGHT_HOURS
from gpucost.report.charts.chart import Chart
from gpucost.report.charts.encodings import (
    BAR,
    MONEY,
    PERCENT,
    legend_of,
    named_bands,
    number,
    text_tip,
    tick_count,
    tip,
)
from gpucost.report.charts.figures import Figures, percent, units
from gpucost.report.charts.services import OUTCOME_HUES
from gpucost.report.charts.theme import Hue
from gpucost.report.report import OUTCOMES, Report


class Step(NamedTuple):
    """A part of node cost, in nano-units."""

    name: str
    hue: Hue
    cost: int


def steps_of(report: Report) -> list[Step]:
    """Node cost by outcome while tasks ran, then by kind of idle time; they sum to node cost, to the nano-unit.

    The outcomes share busy cost as section 4 splits it with ``idle: Separate``, whatever the report's own mode.
    """
    return [*_outcomes(report), *_idle(report)]


def _outcomes(report: Report) -> list[Step]:
    shares = report.shares
    busy = per_bucket(report.grid.busy_cost, report.buckets)
    split = allocate(shares.slot, shares.service, shares.outcome, shares.executed_us, busy)
    costs = sum_by(split.outcome, split.cost, len(OUTCOMES))
    return [Step(name, hue, int(costs[OUTCOMES.index(Outcome(name))])) for name, hue in OUTCOME_HUES.items()]


def _idle(report: Report) -> list[Step]:
    """Every hour of a type is of one kind: the first that it is."""
    grid, cells = report.grid, report.cells
    shape = grid.node_cost.shape
    kinds = {
        "Idle: types on which no task ran": np.broadcast_to(grid.executed_us.sum(axis=1, keepdims=True) == 0, shape),
        "Idle at night, 00:00-07:00": np.broadcast_to(np.isin(cells.hour, NIGHT_HOURS), shape),
        "Idle at weekends": np.broadcast_to(cells.weekend[cells.day].astype(bool), shape),
        "Idle on weekdays, 07:00-24:00": np.ones(shape, dtype=bool),
    }
    left = np.ones(shape, dtype=bool)
    found = []
    for name, mine in kinds.items():
        found.append(Step(name, Hue.IDLE, int(grid.idle_cost[left & mine].sum())))
        left &= ~mine
    return found


def waterfall(figures: Figures) -> Chart:
    """Where did the money go: into successes, failures, interruptions, or idle nodes, and when?"""
    steps, whole = steps_of(figures.report), figures.nodes.node_cost
    rows = [_row(figures, 0, Step(NODE_COST, Hue.NODE, whole), whole)]
    rest = whole
    for place, step in enumerate(steps, start=1):
        rows.append(_row(figures, place, step, rest))
        rest -= step.cost
    tips = [
        text_tip("name", "Part"),
        tip("cost", f"Cost ({figures.currency})", MONEY),
        tip("share", "Of node cost", PERCENT),
    ]
    x = number("to", figures.currency, tickCount=tick_count())
    hues = {str(hue): hue for hue in (Hue.NODE, *OUTCOME_HUES.values(), Hue.IDLE)}
    hue = {"field": "hue", "type": "nominal", **legend_of(hues), "legend": None}
    encoding = {"x": x, "x2": {"field": "from"}, "color": hue, "tooltip": tips}
    spec = named_bands(len(rows), [{"mark": {"type": "bar", **BAR}, "encoding": encoding}])
    return Chart("waterfall", "Where node cost goes", _said(figures, steps), spec, rows)


NODE_COST: Final = "Node cost"


def _row(figures: Figures, rank: int, step: Step, top: int) -> dict[str, object]:
    """A bar from what is left after the step to what was left before it."""
    whole = figures.nodes.node_cost
    return {
        "rank": rank,
        "name": step.name,
        "hue": str(step.hue),
        "from": units(top - step.cost),
        "to": units(top),
        "cost": units(step.cost),
        "share": round(step.cost / whole, 6),
        "head": figures.money(step.cost),
    }


def _said(figures: Figures, steps: list[Step]) -> str:
    whole = figures.nodes.node_cost
    parts = [f"{step.name} {figures.money(step.cost)} {percent(step.cost, whole)}" for step in steps if step.cost]
    said = f"Node cost {figures.money(whole)} = {' + '.join(parts)}."
    if figures.report.spec.allocation.idle is Idle.SEPARATE:
        return said
    return f"{said} Idle nodes stand apart here; the tables charge them to the attempts of the day (idle: Distribute)."
