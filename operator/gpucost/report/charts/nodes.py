"""Charts of node pools: how many nodes each had and how many were busy, and what was scheduled against what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from gpucost.core.actuation import Drift
from gpucost.core.money import HOUR_US, Ints, group_starts, shown_percent
from gpucost.core.nodes import TypeUse, node_us
from gpucost.core.steps import Steps
from gpucost.core.zones import Zone
from gpucost.report.charts.chart import Chart
from gpucost.report.charts.encodings import (
    BAR,
    HOURS,
    NUMBER,
    Spec,
    colour,
    legend_of,
    named_bands,
    number,
    text_tip,
    tick_count,
    time_axis,
    tip,
)
from gpucost.report.charts.figures import TOP, Figures, Need, counted, in_hours, shown_name, units
from gpucost.report.charts.theme import Hue
from gpucost.report.report import PoolLine, Report

LANES: Final = 6
"""Pools, or types of several pools, that are drawn one above the other."""
LANE: Final = 84
"""Pixels of a lane: its name, and the nodes below it."""
FULL: Final = 0.7
"""Part of a lane that its most nodes fill."""
MOST_STEPS: Final = 1200
"""Rectangles of nodes, and of busy nodes, that are drawn; of more the means of longer spans are."""
SPAN_HOURS: Final = {"hour": 1, "3 hours": 3, "6 hours": 6, "day": 24, "week": 168}
"""Spans of local days; weeks count from the start."""
DAY_HOURS: Final = 24


BILLED, IDLE, BUSY = "billed", "billed, idle", "tasks ran"
HUES: Final = {BILLED: Hue.NODE, IDLE: Hue.IDLE, BUSY: Hue.BUSY}


@dataclass(frozen=True, slots=True)
class Lane:
    """The nodes of a pool, or of a type with several pools."""

    name: str
    cost: int
    counts: Steps
    changes: Sequence[tuple[int, int | None, str]]
    """When the count changed, to how many nodes (None: unknown), and which schedule did it."""
    most: int
    """The largest count, at least 1."""
    busy_us: Ints | None
    """Busy node time per cell; None where it is only known of the pools together."""

    @property
    def billed(self) -> str:
        """What its nodes are where they are not known to be busy."""
        return BILLED if self.busy_us is None else IDLE


def lanes_of(report: Report) -> list[Lane]:
    """Pools, the dearest first; a type of several pools has a lane too, for busy time is known by type."""
    found: list[Lane] = []
    for kind, use in enumerate(report.uses):
        busy = report.grid.busy_us[kind] if report.census is not None else None
        alone = busy if len(use.pools) == 1 else None
        mine = [line for line in report.pools if line.pool.node_type == use.name]
        found += [_lane(line, report.period.start_us, alone) for line in mine]
        if len(use.pools) > 1:
            found.append(_type_lane(use, report, int(report.grid.node_cost[kind].sum()), busy))
    return sorted(found, key=lambda lane: (-lane.cost, lane.name.encode()))


def _lane(line: PoolLine, start_us: int, busy_us: Ints | None) -> Lane:
    timeline = line.pool.timeline
    changes = timeline.changes(start_us)
    return Lane(line.pool.name, line.cost, timeline.counts, changes, _most(changes), busy_us)


def _most(changes: Sequence[tuple[int, int | None, str]]) -> int:
    return max((nodes or 0 for _, nodes, _ in changes), default=0) or 1


def _type_lane(use: TypeUse, report: Report, cost: int, busy_us: Ints | None) -> Lane:
    start = report.period.start_us
    first = np.maximum(use.counts.starts, start)
    held = np.append(first[1:] > start, True)
    rows = zip(first[held].tolist(), use.counts.values[held].tolist(), strict=True)
    changes = [(at, nodes, "") for at, nodes in rows]
    return Lane(f"{use.name}: all pools", cost, use.counts, changes, _most(changes), busy_us)


class Spans(NamedTuple):
    """Runs of cells over which means are taken: the name of their length, the first cell of each, and their edges."""

    name: str
    first: Ints
    edges: Ints


def spans_of(report: Report, lanes: int) -> Spans:
    """The shortest spans of which so many lanes have not too many."""
    every = [_spans(report, name, hours) for name, hours in SPAN_HOURS.items()]
    return next((spans for spans in every if lanes * len(spans.first) <= MOST_STEPS), every[-1])


def _spans(report: Report, name: str, hours: int) -> Spans:
    cells = report.cells
    key = cells.day * DAY_HOURS + cells.hour // hours if hours < DAY_HOURS else cells.day // (hours // DAY_HOURS)
    first = np.flatnonzero(np.diff(key, prepend=-1))
    return Spans(name, first, np.append(cells.edges[first], cells.edges[-1]))


def node_counts(figures: Figures) -> Chart:
    """How many nodes did each pool have, which CronJob set the count, and how many nodes were busy?"""
    report = figures.report
    every = lanes_of(report)
    lanes, spans = every[:LANES], spans_of(report, len(every[:LANES]))
    thinned = sum(len(lane.changes) for lane in lanes) > MOST_STEPS
    rows: list[dict[str, Any]] = []
    for base, lane in zip(reversed(range(len(lanes))), lanes, strict=True):
        rows += _mean_nodes(report, base, lane, spans) if thinned else _steps(report, base, lane)
        rows += _busy(report, base, lane, spans)
    said = _counts_said(figures, every, spans, thinned)
    return Chart("node_counts", "Nodes over time", said, _lanes_spec(figures, lanes), rows)


def _steps(report: Report, base: int, lane: Lane) -> list[dict[str, Any]]:
    """A rectangle per count that is known and not zero, with its cause."""
    until = int(report.cells.edges[-1])
    changes = [change for change in lane.changes if change[0] < until]
    walls = wall_ms(report, np.array([*(at for at, _, _ in changes), until], dtype=np.int64))
    return [
        _rectangle(base, lane, walls[i : i + 2], lane.billed, nodes) | ({"cause": shown_name(cause)} if cause else {})
        for i, (_, nodes, cause) in enumerate(changes)
        if nodes
    ]


def _mean_nodes(report: Report, base: int, lane: Lane, spans: Spans) -> list[dict[str, Any]]:
    return _means(report, base, lane, spans, lane.billed, node_us(lane.counts, spans.edges))


def _busy(report: Report, base: int, lane: Lane, spans: Spans) -> list[dict[str, Any]]:
    if lane.busy_us is None:
        return []
    return _means(report, base, lane, spans, BUSY, np.add.reduceat(lane.busy_us, spans.first))


def _means(report: Report, base: int, lane: Lane, spans: Spans, kind: str, time_us: Ints) -> list[dict[str, Any]]:
    """A rectangle per run of spans of equal means: its height is the mean number of nodes, its area their node time."""
    means = np.round(time_us / np.diff(spans.edges), 3)
    first = group_starts(means)
    walls = wall_ms(report, spans.edges[np.append(first, len(means))])
    found = enumerate(means[first].tolist())
    return [_rectangle(base, lane, walls[i : i + 2], kind, mean) for i, mean in found if mean]


def _rectangle(base: int, lane: Lane, walls: Sequence[int], kind: str, nodes: float) -> dict[str, Any]:
    place = {"at": walls[0], "until": walls[1], "base": base, "level": round(base + FULL * nodes / lane.most, 3)}
    return {"pool": shown_name(lane.name), "kind": kind, "nodes": nodes, **place}


def wall_ms(report: Report, instants: Ints) -> list[int]:
    """Ascending instants as milliseconds of the local clock; a repeated hour's second time stands at the hour's end."""
    local = np.asarray(Zone.parse(report.spec.time_zone).local_us(instants), dtype=np.int64)
    found: list[int] = (np.maximum.accumulate(local) // 1000).tolist()
    return found


def _lanes_spec(figures: Figures, lanes: Sequence[Lane]) -> Spec:
    """Lanes one above the other in one plot, for only such a plot fits its container; each with its own scale."""
    bases = [len(lanes) - 1 - place for place in range(len(lanes))]
    labels = f"datum.value % 1 ? {[lane.most for lane in reversed(lanes)]}[floor(datum.value)] : 0"
    axis = {"title": "nodes", "values": [*bases, *(base + FULL for base in bases)], "labelExpr": labels}
    y = {"type": "quantitative", "scale": {"domain": [0, len(lanes)], "nice": False}, "axis": axis}
    names = [{"base": base + 0.98, "name": shown_name(lane.name)} for base, lane in zip(bases, lanes, strict=True)]
    text = {"type": "text", "align": "left", "baseline": "top", "limit": {"expr": "width"}}
    place = {"x": {"value": 2}, "y": y | {"field": "base"}, "text": {"field": "name"}}
    return {
        "height": LANE * len(lanes),
        "layer": [
            _rectangles(figures, lanes, y | {"field": "level"}),
            {"data": {"values": names}, "mark": text, "encoding": place},
        ],
    }


def _rectangles(figures: Figures, lanes: Sequence[Lane], y: Spec) -> Spec:
    """Rectangles with a thin edge of their own colour, so that no seams show between them."""
    kinds = dict.fromkeys([lane.billed for lane in lanes] + [BUSY for lane in lanes if lane.busy_us is not None])
    hues = legend_of({kind: HUES[kind] for kind in kinds})
    tips = [text_tip("pool", "Pool"), text_tip("kind", "What"), tip("nodes", "Nodes", NUMBER)]
    tips += [text_tip("from", "From"), text_tip("to", "To"), text_tip("cause", "Set by")]
    return {
        "transform": [
            {"calculate": f"utcFormat(datum.at, '{CLOCK}')", "as": "from"},
            {"calculate": f"utcFormat(datum.until, '{CLOCK}')", "as": "to"},
        ],
        "mark": {"type": "rect", "strokeWidth": 0.5},
        "encoding": {
            "x": time_axis(figures.report.dates),
            "x2": {"field": "until"},
            "y": y,
            "y2": {"field": "base"},
            "color": {"field": "kind", "type": "nominal", **hues},
            "stroke": {"field": "kind", "type": "nominal", **hues},
            "tooltip": tips,
        },
    }


CLOCK: Final = "%a %Y-%m-%d %H:%M"


def _counts_said(figures: Figures, every: Sequence[Lane], spans: Spans, thinned: bool) -> str:
    shown = [f"{shown_name(lane.name)} at most {counted(lane.most, 'node')}" for lane in every[:LANES]]
    said = f"{'; '.join(shown)}."
    names = {lane.name for lane in every[:LANES]}
    missing = [line.cost for line in figures.report.pools if line.pool.name not in names]
    if missing:
        said += f" Not drawn: {counted(len(missing), 'cheaper pool')} with {figures.money(sum(missing))} in all."
    if thinned:
        said += f" There are too many changes to draw: node counts are means of each {spans.name}."
    if figures.has_tasks:
        busy = shown_percent(figures.nodes.busy_us, figures.nodes.node_us)
        said += f" Busy nodes are means of each {spans.name}; {busy} of node time was busy."
    return said


JOBS: Final = Need("records of Jobs", "has no recorded Jobs", lambda report: any(line.drift for line in report.pools))


def drift(figures: Figures) -> Chart:
    """Did the pools get the nodes that were scheduled, and what did the difference cost?"""
    known = [(line, line.drift) for line in figures.report.pools if line.drift is not None]
    known.sort(key=lambda row: (-abs(row[1].cost), -abs(row[1].node_us), row[0].pool.name.encode()))
    rows = [_drift_row(figures, rank, line, found) for rank, (line, found) in enumerate(known[:TOP])]
    title = "node-hours: bar as done, tick as scheduled"
    tips = [
        text_tip("name", "Pool"),
        tip("scheduled", "Scheduled node-hours", HOURS),
        tip("done", "Actuated node-hours", HOURS),
        tip("hours", "Drift (node-hours)", SIGNED),
        tip("cost", f"Drift ({figures.currency})", SIGNED),
    ]
    x = number("done", title, tickCount=tick_count())
    tick = {"type": "tick", "opacity": 1, "color": colour(Hue.INK), "thickness": 3, "size": 19, "yOffset": 9}
    layers: list[Spec] = [
        {"mark": {"type": "bar", "color": colour(Hue.NODE), **BAR}, "encoding": {"x": x, "tooltip": tips}},
        {"mark": tick, "encoding": {"x": number("scheduled", title), "tooltip": tips}},
    ]
    said = _drift_said(figures, [found for _, found in known])
    return Chart("drift", "Scheduled and actuated nodes", said, named_bands(len(rows), layers), rows)


SIGNED: Final = "+,.2f"


def _drift_row(figures: Figures, rank: int, line: PoolLine, found: Drift) -> dict[str, Any]:
    scheduled = scheduled_us(figures.report, line)
    return {
        "rank": rank,
        "name": shown_name(line.pool.name),
        "scheduled": in_hours(scheduled),
        "done": in_hours(scheduled + found.node_us),
        "hours": in_hours(found.node_us),
        "cost": units(found.cost),
        "head": f"{found.node_us / HOUR_US:+,.1f} h, {signed(figures, found.cost)}",
    }


def scheduled_us(report: Report, line: PoolLine) -> int:
    """Scheduled node time of a pool while it is also known what Jobs did: what its drift is measured against."""
    assert line.pool.done is not None  # there is a drift
    scheduled, done = line.pool.scheduled, line.pool.done
    starts = np.union1d(scheduled.counts.starts, done.counts.starts)
    both = scheduled.known.at(starts) * done.known.at(starts)
    return int(node_us(Steps(starts, scheduled.counts.at(starts) * both), report.cells.edges[[0, -1]]).sum())


def signed(figures: Figures, nano: int) -> str:
    """Money with its sign."""
    return f"{'+' if nano >= 0 else ''}{figures.money(nano)}"


def _drift_said(figures: Figures, found: list[Drift]) -> str:
    time, cost = sum(drift.node_us for drift in found), sum(drift.cost for drift in found)
    said = f"Jobs made {abs(time) / HOUR_US:,.1f} node-hours {'less' if time < 0 else 'more'} than was scheduled"
    said += f" ({signed(figures, cost)}) in {counted(len(found), 'pool')}, while both are known."
    rest = found[TOP:]
    if rest:
        money = signed(figures, sum(drift.cost for drift in rest))
        said += f" Not drawn: {counted(len(rest), 'more pool')} with {money} in all."
    missing = len(figures.report.pools) - len(found)
    return said + (f" Of {counted(missing, 'pool')} nothing is known." if missing else "")
