"""Advice from utilisation: hours in which nodes stood idle (section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from gpucost.core.calendar import Cells
from gpucost.core.grid import Grid

NIGHT_HOURS: Final = range(7)
"""Local hours 0 to 6: 00:00-07:00."""
HIGH_FROM_DAYS, MEDIUM_FROM_DAYS = 28, 7


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Utilisation below which hours are worth a word."""

    night_shut_down: Fraction
    night_reduce: Fraction
    weekend_shut_down: Fraction


@dataclass(frozen=True, slots=True)
class Finding:
    """Hours of a type whose utilisation is low: busy and billed node time in microseconds, idle cost in nano-units."""

    kind: str
    """NightShutDown, NightReduce or WeekendShutDown."""
    node_type: int
    cells: npt.NDArray[np.bool_]
    busy_us: int
    billed_us: int
    savings: int
    excluded_us: int
    """Executed time of excluded services in these hours."""


def findings(grid: Grid, cells: Cells, thresholds: Thresholds) -> tuple[Finding, ...]:
    """Low hours of each type, weighted: the sum of busy over the sum of billed node time."""
    night = np.isin(cells.hour, NIGHT_HOURS)
    weekend = cells.weekend[cells.day].astype(bool) if cells.count else night
    found = []
    for kind in range(len(grid.node_us)):
        for name, below, hours in _rules(thresholds, night, weekend):
            finding = _finding(name, kind, hours, grid)
            if finding.billed_us and Fraction(finding.busy_us, finding.billed_us) < below:
                found.append(finding)
    return _strongest(found)


def _rules(
    thresholds: Thresholds, night: npt.NDArray[np.bool_], weekend: npt.NDArray[np.bool_]
) -> Sequence[tuple[str, Fraction, npt.NDArray[np.bool_]]]:
    return (
        ("NightShutDown", thresholds.night_shut_down, night),
        ("NightReduce", thresholds.night_reduce, night),
        ("WeekendShutDown", thresholds.weekend_shut_down, weekend),
    )


def _finding(name: str, kind: int, hours: npt.NDArray[np.bool_], grid: Grid) -> Finding:
    sums = (column[kind][hours].sum() for column in (grid.busy_us, grid.node_us, grid.idle_cost, grid.excluded_us))
    busy, billed, idle, excluded = (int(value) for value in sums)
    return Finding(name, kind, hours, busy, billed, idle, excluded)


def _strongest(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """A type's nights are either to be shut down or to be reduced."""
    shut = {finding.node_type for finding in found if finding.kind == "NightShutDown"}
    return tuple(f for f in found if f.kind != "NightReduce" or f.node_type not in shut)


def potential_savings(found: Sequence[Finding], grid: Grid) -> int:
    """Idle cost of the union of all hours in the findings, in nano-units."""
    marked = np.zeros(grid.node_us.shape, dtype=bool)
    for finding in found:
        marked[finding.node_type] |= finding.cells
    return int(grid.idle_cost[marked].sum())


def confidence(whole_days: int) -> str:
    """High from 28 whole days of data, Medium from 7, else Low."""
    return "High" if whole_days >= HIGH_FROM_DAYS else "Medium" if whole_days >= MEDIUM_FROM_DAYS else "Low"
