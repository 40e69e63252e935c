"""Recommendations in words (section 5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from gpucost.api.costreport import CostReportSpec
from gpucost.core.calendar import Cells
from gpucost.core.grid import Grid
from gpucost.core.money import decimal_text, hours_text, shown_money
from gpucost.core.nodes import Pool
from gpucost.core.recommendations import Finding, Thresholds, confidence, findings, potential_savings
from gpucost.core.zones import Zone
from gpucost.report.lines import hour_ranges
from gpucost.report.report import Recommendation

_HOURS = {
    "NightShutDown": "at night (00:00-07:00)",
    "NightReduce": "at night (00:00-07:00)",
    "WeekendShutDown": "on weekends",
}
_ADVICE = {
    "NightShutDown": "shut {} down then",
    "NightReduce": "scale {} down then",
    "WeekendShutDown": "shut {} down then",
}


def advise(
    spec: CostReportSpec, grid: Grid, cells: Cells, types: Sequence[str], pools: Sequence[Pool], has_tasks: bool
) -> tuple[tuple[Recommendation, ...], int | None]:
    """Recommendations, the largest savings first, and what all of them together would save; None without tasks."""
    if not has_tasks:
        return (), None
    stated = spec.recommendations
    found = findings(
        grid,
        cells,
        Thresholds(
            Fraction(stated.night_shut_down_below),
            Fraction(stated.night_reduce_below),
            Fraction(stated.weekend_shut_down_below),
        ),
    )
    sure = confidence(whole_days(cells, Zone.parse(spec.time_zone)))
    advice = [
        _word(finding, types[finding.node_type], pools, spec.currency, sure, _excluded_hours(finding, grid, cells))
        for finding in found
    ]
    advice.sort(key=lambda r: (-r.savings, r.name))
    return tuple(advice), potential_savings(found, grid)


def whole_days(cells: Cells, zone: Zone) -> int:
    """Local days that lie in the period so far from their first instant to their last."""
    lengths = cells.by_day(np.diff(cells.edges)).tolist()
    whole = [zone.day_start(date + dt.timedelta(days=1)) - zone.day_start(date) for date in cells.dates]
    return sum(length == day for length, day in zip(lengths, whole, strict=True))


def _excluded_hours(finding: Finding, grid: Grid, cells: Cells) -> str:
    """Local hours of a finding in which excluded services ran on such nodes."""
    ran = finding.cells & (grid.excluded_us[finding.node_type] > 0)
    return hour_ranges(cells.hour[ran].tolist())


def _word(
    finding: Finding, node_type: str, pools: Sequence[Pool], currency: str, sure: str, excluded: str
) -> Recommendation:
    mine = [pool.name for pool in pools if pool.node_type == node_type]
    pool = mine[0] if len(mine) == 1 else None
    what = f"Pool {pool} is" if pool else f"The pools of type {node_type} are"
    them = "it" if pool else "them"
    percent = Fraction(100 * finding.busy_us, finding.billed_us)
    message = (
        f"{what} busy for {decimal_text(percent, 1, 1)} % of the node time {_HOURS[finding.kind]}; "
        f"{_ADVICE[finding.kind].format(them)}. "
        f"Idle nodes cost {shown_money(finding.savings, currency)} in those hours."
    )
    if finding.excluded_us:
        spent = hours_text(finding.excluded_us)
        message += f" Excluded services ran on such nodes for {spent} h then, in local hours {excluded}."
    slug = "".join("-" + c.lower() if c.isupper() else c for c in finding.kind).lstrip("-")
    return Recommendation(f"{node_type}-{slug}", node_type, pool, message, finding.savings, sure)
