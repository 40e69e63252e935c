"""The period's cells: local hours, gathered into local days (section 1).

A cell is a local hour, cut at the period's edges and, in the rare zone where a day begins inside an hour, at the day's.
Cells are the atoms of a report: hours, days, weekdays and buckets are sums of whole cells.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from gpucost.core.money import HOUR_US, Ints
from gpucost.core.zones import DAY_US, Zone

EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

DayType = Literal["Weekday", "Weekend"]
DAY_TYPES: Final[tuple[DayType, DayType]] = ("Weekday", "Weekend")


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of ``[start, dataUntil)``: n of them with n + 1 edges, in d days. An empty period has none."""

    edges: Ints
    """n + 1 instants; a single one for an empty period."""
    hour: Ints
    """Local hour 0-23 in which the cell begins, per cell."""
    day: Ints
    """Index of the cell's day, per cell."""
    dates: tuple[dt.date, ...]
    """Local date, per day."""
    width_us: int
    """The longest time that divides every cell edge inside the period, at most an hour: the rollup's bucket."""

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.hour)

    @property
    def weekday(self) -> Ints:
        """0 (Monday) to 6 (Sunday), per day."""
        return np.array([d.weekday() for d in self.dates], dtype=np.int64)

    @property
    def weekend(self) -> Ints:
        """1 for Saturday and Sunday, per day: the index into DAY_TYPES."""
        return (self.weekday >= 5).astype(np.int64)

    def locate(self, instants: Ints) -> Ints:
        """Index of the cell that holds each instant of the period."""
        return np.searchsorted(self.edges, instants, side="right") - 1

    def by_day(self, values: Ints) -> Ints:
        """Sums of a per-cell column over days."""
        return sum_by(self.day, values, len(self.dates))


def sum_by(keys: Ints, values: Ints, size: int) -> Ints:
    """Exact sums of values by key 0..size-1. (bincount would go through floats.)"""
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, keys, values)
    return sums


def cells_of(start_us: int, until_us: int, zone: Zone) -> Cells:
    """Cut ``[start_us, until_us)`` at the local hours and days of a zone."""
    if until_us <= start_us:
        nothing = np.zeros(0, dtype=np.int64)
        return Cells(np.array([start_us], dtype=np.int64), nothing, nothing, (), HOUR_US)
    days = zone.day_edges(start_us, until_us)
    inner = np.union1d(zone.hour_edges(start_us, until_us), days)
    inner = inner[(inner > start_us) & (inner < until_us)]
    edges = np.concatenate(([start_us], inner, [until_us])).astype(np.int64)
    starts = edges[:-1]
    local = np.asarray(zone.local_us(starts), dtype=np.int64)
    day = np.searchsorted(days[(days > start_us) & (days < until_us)], starts, side="right")
    first_of_day = np.flatnonzero(np.diff(day, prepend=-1))
    dates = [dt.date.fromordinal(EPOCH_ORDINAL + int(local[i] // DAY_US)) for i in first_of_day]
    tomorrow = dates[0] + dt.timedelta(days=1)
    if zone.day_start(tomorrow) <= start_us:  # where midnight comes twice, the clock shows the old date once more
        dates[0] = tomorrow
    width = int(np.gcd.reduce(np.append(inner, HOUR_US)))
    return Cells(edges, local % DAY_US // HOUR_US, day.astype(np.int64), tuple(dates), width)
