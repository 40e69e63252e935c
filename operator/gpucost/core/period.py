"""The period of a report: which instants it covers, and up to where there is data (section 1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from gpucost.core.zones import Zone


@dataclass(frozen=True, slots=True)
class Period:
    """``[start_us, end_us)``, of which ``[start_us, data_until_us)`` has happened."""

    start_us: int
    end_us: int
    data_until_us: int

    @property
    def until_us(self) -> int:
        """The end of what has happened; never before the start."""
        return max(self.start_us, self.data_until_us)

    @property
    def covered_us(self) -> int:
        """Length of what has happened; never negative."""
        return self.until_us - self.start_us


def period_of(start_us: int, end_us: int, now_us: int) -> Period:
    """The future is never in a cost: dataUntil = min(end, now)."""
    return Period(start_us, end_us, min(end_us, now_us))


def local_date(zone: Zone, instant_us: int) -> dt.date:
    """What the calendar on the wall shows at an instant."""
    return dt.date(1970, 1, 1) + dt.timedelta(microseconds=zone.local_us(instant_us))


def days_between(start: dt.date, end: dt.date, zone: Zone) -> tuple[int, int]:
    """The instants at which two local dates begin."""
    return zone.day_start(start), zone.day_start(end)


def calendar_dates(unit: str, offset: int, today: dt.date) -> tuple[dt.date, dt.date]:
    """First date of a calendar unit and of the next one; ``offset`` 0 is the unit that holds ``today``."""
    if unit in ("Day", "Week"):
        length = dt.timedelta(days=1 if unit == "Day" else 7)
        first = today - dt.timedelta(days=0 if unit == "Day" else today.weekday()) + offset * length
        return first, first + length
    months = {"Month": 1, "Quarter": 3, "Year": 12}[unit]
    index = ((today.year * 12 + today.month - 1) // months + offset) * months
    return _first_of_month(index), _first_of_month(index + months)


def _first_of_month(index: int) -> dt.date:
    return dt.date(index // 12, index % 12 + 1, 1)


def rolling_dates(days: int, include_today: bool, today: dt.date) -> tuple[dt.date, dt.date]:
    """The last ``days`` local days, ending with yesterday or with today."""
    end = today + dt.timedelta(days=1 if include_today else 0)
    return end - dt.timedelta(days=days), end
