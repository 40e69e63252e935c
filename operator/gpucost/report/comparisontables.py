"""The tables of a comparison of two reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gpucost.core.comparison import NodeEffects
from gpucost.core.money import HOUR_US, SECOND_US
from gpucost.core.zones import DAY_US
from gpucost.report.columns import Column, Kind, Table
from gpucost.report.comparison import Comparison
from gpucost.report.lines import ratio


def comparison_totals(comparison: Comparison) -> Table:
    """Three rows: before, after, and the change with its effects."""
    sides = comparison.before, comparison.after
    nodes = [side.nodes for side in sides]
    unallocated = [None if x.allocated is None else x.nodes.cost - x.allocated for x in sides]
    effects = comparison.effects
    return Table(
        "comparison_totals",
        (
            Column("row", Kind.TEXT, ["before", "after", "change"]),
            Column("report", Kind.TEXT, [*(side.name for side in sides), None]),
            Column("period", Kind.TEXT, [*(side.period for side in sides), None]),
            Column("days", Kind.RATIO, _three([ratio(x.covered_us, DAY_US) for x in sides]), "of 24 hours, so far"),
            Column("node_cost", Kind.MONEY, _three([x.cost for x in nodes]), "cost of the billed nodes"),
            Column("allocated_cost", Kind.MONEY, _three([x.allocated for x in sides]), "node cost charged to attempts"),
            Column("unallocated_cost", Kind.MONEY, _three(unallocated), "node cost charged to nobody"),
            Column("node_cost_per_day", Kind.TARIFF, _three([x.cost_per_day for x in sides]), "per 24 hours"),
            Column("succeeded", Kind.COUNT, _three([x.successes for x in nodes]), "successes that ended in the period"),
            Column("executed_seconds", Kind.SECONDS, _three([x.executed_us for x in nodes]), "of charged attempts"),
            Column("node_seconds", Kind.SECONDS, _three([x.node_us for x in nodes]), "billed node time"),
            Column(
                "cost_per_success", Kind.TARIFF, _three([x.cost_per_success for x in sides]), "node cost / succeeded"
            ),
            *(Column(c.name, c.kind, [None, None, *c.values], c.note) for c in _node_effect_columns([effects])),
        ),
    )


def _three(values: Sequence[Any]) -> list[Any]:
    """Before, after and their difference; None where one is unknown."""
    before, after = values
    return [before, after, None if before is None or after is None else after - before]


def _node_effect_columns(effects: Sequence[NodeEffects]) -> tuple[Column, ...]:
    return (
        Column("volume_effect", Kind.MONEY, [x.volume for x in effects], "more or fewer successes"),
        Column("efficiency_effect", Kind.MONEY, [x.efficiency for x in effects], "executed time per success"),
        Column("schedule_effect", Kind.MONEY, [x.schedule for x in effects], "node time per executed time"),
        Column("price_effect", Kind.MONEY, [x.price for x in effects], "cost per node time"),
    )


def comparison_node_types(comparison: Comparison) -> Table:
    """One row per node type, the largest change first: cost, effects, and the quantities that they come from."""
    rows = comparison.node_types
    sides = [x.before for x in rows], [x.after for x in rows]
    prices = [
        [ratio(x.cost * HOUR_US, x.node_us) if row.priced[i] else None for x, row in zip(side, rows, strict=True)]
        for i, side in enumerate(sides)
    ]
    return Table(
        "comparison_node_types",
        (
            Column("node_type", Kind.TEXT, [x.name for x in rows]),
            Column("presence", Kind.TEXT, [x.presence for x in rows], "new, gone: nodes in one period only"),
            *_pair("node_cost", Kind.MONEY, [[x.cost for x in side] for side in sides], "cost of the billed nodes"),
            Column("change", Kind.MONEY, [x.effects.total for x in rows], "of node cost, the sum of the effects"),
            *_node_effect_columns([x.effects for x in rows]),
            *_pair("succeeded", Kind.COUNT, [[x.successes for x in side] for side in sides], "ended in the period"),
            *_pair("executed_seconds", Kind.SECONDS, [[x.executed_us for x in side] for side in sides], "of attempts"),
            *_pair("node_seconds", Kind.SECONDS, [[x.node_us for x in side] for side in sides], "billed node time"),
            *_pair("price_per_hour", Kind.TARIFF, prices, "node cost / node-hour"),
        ),
    )


def comparison_services(comparison: Comparison) -> Table:
    """One row per service, the largest change first: allocated cost, effects, and the quantities that they come from."""
    rows = comparison.services
    sides = [x.before for x in rows], [x.after for x in rows]
    seconds = [[ratio(x.executed_us, SECOND_US * x.successes) for x in side] for side in sides]
    rates = [[ratio(x.cost * HOUR_US, x.executed_us) for x in side] for side in sides]
    return Table(
        "comparison_services",
        (
            Column("service_name", Kind.TEXT, [x.name for x in rows]),
            Column("presence", Kind.TEXT, [x.presence for x in rows], "new, gone: executed in one period only"),
            *_pair("allocated_cost", Kind.MONEY, [[x.cost for x in side] for side in sides], "charged node cost"),
            Column("change", Kind.MONEY, [x.effects.total for x in rows], "of allocated cost, the sum of the effects"),
            Column("volume_effect", Kind.MONEY, [x.effects.volume for x in rows], "more or fewer successes"),
            Column("efficiency_effect", Kind.MONEY, [x.effects.efficiency for x in rows], "executed time per success"),
            Column("rate_effect", Kind.MONEY, [x.effects.rate for x in rows], "cost per executed time"),
            *_pair("succeeded", Kind.COUNT, [[x.successes for x in side] for side in sides], "ended in the period"),
            *_pair("executed_seconds", Kind.SECONDS, [[x.executed_us for x in side] for side in sides], "of attempts"),
            *_pair("seconds_per_success", Kind.RATIO, seconds, "executed time / succeeded"),
            *_pair("cost_per_hour", Kind.TARIFF, rates, "charged cost / executed hour"),
        ),
    )


def _pair(name: str, kind: Kind, values: Sequence[Sequence[Any]], note: str) -> tuple[Column, Column]:
    """A column of each side."""
    return Column(f"{name}_before", kind, values[0], note), Column(f"{name}_after", kind, values[1], note)


TABLES: Final[Mapping[str, Callable[[Comparison], Table]]] = {
    build.__name__: build for build in (comparison_totals, comparison_node_types, comparison_services)
}
"""Every table of a comparison by its name."""
