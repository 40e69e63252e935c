"""Cron as Kubernetes matches it (robfig/cron v3 ParseStandard), asked of every minute's local clock."""

import re
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from simulation.clock import DAY, EPOCH, MINUTE, SECOND, Wall, walls_of_day

NAMES_OF_MONTHS = {
    **{"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6},
    **{"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12},
}
NAMES_OF_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
EPOCH_DATE = EPOCH.date()


class CronError(ValueError):
    """An expression that Kubernetes refuses."""


class Bounds(NamedTuple):
    """The range of a field and the names it knows."""

    low: int
    high: int
    names: dict[str, int]


BOUNDS = (
    Bounds(0, 59, {}),
    Bounds(0, 23, {}),
    Bounds(1, 31, {}),
    Bounds(1, 12, NAMES_OF_MONTHS),
    Bounds(0, 6, NAMES_OF_DAYS),
)


class Fields(NamedTuple):
    """A parsed five-field expression; `star`: day of month and day of week must both match."""

    minute: frozenset[int]
    hour: frozenset[int]
    day: frozenset[int]
    month: frozenset[int]
    weekday: frozenset[int]
    star: bool


class Every(NamedTuple):
    """`@every d`, as a step in microseconds."""

    step: int


Schedule = Fields | Every


@lru_cache(maxsize=4096)
def parse(text: str) -> Schedule:
    """Parse an expression, or raise CronError."""
    if text.startswith(("TZ=", "CRON_TZ=")):
        raise CronError(f"time zone prefix in {text!r}")
    if text.startswith("@every "):
        return _parse_every(text.removeprefix("@every "))
    if text.startswith("@"):
        if text not in DESCRIPTORS:
            raise CronError(f"unknown descriptor {text!r}")
        text = DESCRIPTORS[text]
    return _parse_fields(text.split())


def _parse_fields(texts: list[str]) -> Fields:
    if len(texts) != len(BOUNDS):
        raise CronError(f"expected 5 fields, found {len(texts)}")
    minute, hour, day, month, weekday = (_parse_field(*pair) for pair in zip(texts, BOUNDS, strict=True))
    return Fields(minute[0], hour[0], day[0], month[0], weekday[0], star=day[1] or weekday[1])


def _parse_field(text: str, bounds: Bounds) -> tuple[frozenset[int], bool]:
    values: set[int] = set()
    star = False
    for item in filter(None, text.split(",")):
        item_values, item_star = _parse_item(item, bounds)
        values |= set(item_values)
        star = star or item_star
    return frozenset(values), star


def _parse_item(item: str, bounds: Bounds) -> tuple[range, bool]:
    span, *steps = item.split("/")
    if len(steps) > 1:
        raise CronError(f"too many slashes: {item}")
    low, high, star = _parse_span(span, bounds)
    step = 1
    if steps:
        step = _parse_number(steps[0], {})
        high = high if "-" in span else bounds.high
    if low < bounds.low or high > bounds.high or low > high or step < 1:
        raise CronError(f"out of range: {item}")
    return range(low, high + 1, step), star and step == 1


def _parse_span(span: str, bounds: Bounds) -> tuple[int, int, bool]:
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        return bounds.low, bounds.high, True
    if len(ends) > 2:
        raise CronError(f"too many hyphens: {span}")
    return _parse_number(ends[0], bounds.names), _parse_number(ends[-1], bounds.names), False


def _parse_number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"\+?[0-9]+", text) or int(text) >= 2**63:
        raise CronError(f"not a number: {text!r}")
    return int(text)


def _parse_every(text: str) -> Every:
    seconds = _nanoseconds(text) // 10**9
    return Every(max(seconds, 1) * SECOND)


def _nanoseconds(text: str) -> int:
    """A Go duration."""
    body = text[1:] if text[:1] in ("+", "-") else text
    parts = DURATION_PART.findall(body)
    if body != "0" and (not body or "".join(number + unit for number, unit in parts) != body):
        raise CronError(f"not a duration: {text!r}")
    total = sum(int(Fraction(number) * NANOSECONDS[unit]) for number, unit in parts)
    return -total if text.startswith("-") else total


def matches_date(fields: Fields, day: date) -> bool:
    """Whether any time of a local date can fire."""
    in_month = day.day in fields.day
    in_week = day.isoweekday() % 7 in fields.weekday
    return day.month in fields.month and (in_month and in_week if fields.star else in_month or in_week)


def matches(fields: Fields, clock: Wall) -> bool:
    """Whether the minute that a local clock shows fires."""
    return clock.minute in fields.minute and clock.hour in fields.hour and matches_date(fields, clock.date)


@lru_cache(maxsize=200_000)
def fires_of_day(fields: Fields, zone: str, utc_day: int) -> tuple[int, ...]:
    """The instants of a UTC day that fire."""
    today = EPOCH_DATE + timedelta(days=utc_day)
    local_dates = (today + timedelta(days=n) for n in (-1, 0, 1))
    if not fields.minute or not fields.hour or not any(matches_date(fields, day) for day in local_dates):
        return ()
    clocks = walls_of_day(zone, utc_day)
    return tuple(utc_day * DAY + m * MINUTE for m, clock in enumerate(clocks) if matches(fields, clock))
