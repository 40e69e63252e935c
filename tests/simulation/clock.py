"""Instants are integer microseconds of UTC, intervals are half open, local clocks are read minute by minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
QUARTER = 15 * MINUTE
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Wall(NamedTuple):
    """What a local clock shows in one minute."""

    date: date
    hour: int
    minute: int


class Cell(NamedTuple):
    """A local hour or day, clipped to the period."""

    start: int
    end: int

    def is_in(self, outer: "Cell") -> bool:
        """Whether the cell begins in an outer one, whose part it then is."""
        return outer.start <= self.start < outer.end


@lru_cache(maxsize=4096)
def walls_of_day(zone: str, utc_day: int) -> tuple[Wall, ...]:
    """The local clock at each of the 1440 minutes of a UTC day (counted from the epoch)."""
    tz = ZoneInfo(zone)
    midnight = EPOCH + timedelta(days=utc_day)
    locals_ = [(midnight + timedelta(minutes=m)).astimezone(tz) for m in range(1440)]
    return tuple(Wall(t.date(), t.hour, t.minute) for t in locals_)


def wall(zone: str, instant: int) -> Wall:
    """The local clock at an instant."""
    day, rest = divmod(instant, DAY)
    return walls_of_day(zone, day)[rest // MINUTE]


def minutes(zone: str, start: int, end: int) -> Iterator[tuple[int, Wall]]:
    """Every whole minute of [start, end) with what the local clock shows."""
    for instant in range(-(-start // MINUTE) * MINUTE, end, MINUTE):
        yield instant, wall(zone, instant)


def first_instant(zone: str, day: date) -> int:
    """The first instant of a local date (or, where the zone skips that date, of the next one)."""
    utc_midnight = (day - EPOCH.date()).days * DAY
    for instant, clock in minutes(zone, utc_midnight - DAY, utc_midnight + 3 * DAY):
        if clock.date >= day:
            return instant
    raise ValueError(f"{day} never begins in {zone}")


def parse_instant(text: str, zone: str) -> int:
    """A local date, or an ISO time; one without an offset is local to the zone."""
    if len(text) == len("2025-06-01"):
        return first_instant(zone, date.fromisoformat(text))
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=ZoneInfo(zone))
    return (time - EPOCH) // timedelta(microseconds=1)


def hour_cells(zone: str, start: int, end: int) -> list[Cell]:
    """Local hours begin where the local clock reads minute 0."""
    return _cells([t for t, clock in minutes(zone, start, end) if clock.minute == 0], start, end)


def day_cells(zone: str, start: int, end: int) -> list[Cell]:
    """Local days begin at the first instant of their date."""
    return _cells(_day_starts(zone, start, end), start, end)


def _day_starts(zone: str, start: int, end: int) -> list[int]:
    starts = []
    today = wall(zone, start).date
    for instant, clock in minutes(zone, start, end):
        if clock.date > today:
            starts.append(instant)
            today = clock.date
    return starts


def _cells(inner: list[int], start: int, end: int) -> list[Cell]:
    if start >= end:
        return []
    edges = sorted({start, *inner, end})
    return [Cell(a, b) for a, b in pairwise(edges)]
