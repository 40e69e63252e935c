"""Instants, durations and dates as text, and as integer microseconds since 1970 UTC."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import Final

from gpucost.core.money import SECOND_US

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_UNITS_US: Final = {"us": 1, "µs": 1, "ms": 1000, "s": SECOND_US, "m": 60 * SECOND_US, "h": 3600 * SECOND_US}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:us|µs|ms|s|m|h))+", re.ASCII)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ms|s|m|h)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


def to_us(moment: dt.datetime) -> int:
    """Microseconds of an aware datetime."""
    return (moment - EPOCH) // _MICROSECOND


def parse_date(text: str) -> dt.date | None:
    """A date such as ``2025-06-01``; None if the text is something else (also a day that no calendar has)."""
    try:
        return dt.date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def parse_instant(text: str) -> int | None:
    """Microseconds of an RFC 3339 instant with its offset; None if the text is something else."""
    moment = parse_datetime(text)
    return None if moment is None or moment.tzinfo is None else to_us(moment)


def parse_datetime(text: str) -> dt.datetime | None:
    """A date and time with or without an offset, decimals beyond microseconds cut; None if it is something else."""
    if not _INSTANT.fullmatch(text):
        return None
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text.upper().replace("Z", "+00:00"))
    try:
        moment = dt.datetime.fromisoformat(cut)
        return moment if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def parse_duration(text: str) -> int | None:
    """Microseconds of a duration such as ``24h``, ``90m`` or ``1h30m``; None if the text is something else."""
    if not _DURATION.fullmatch(text):
        return None
    return int(sum(Fraction(number) * _UNITS_US[unit] for number, unit in _PART.findall(text)))


def instant_text(instant_us: int) -> str:
    """An instant in RFC 3339, UTC, with decimals only where it has them."""
    try:
        moment = EPOCH + dt.timedelta(microseconds=instant_us)
    except OverflowError:
        return f"{instant_us} us since 1970"
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{moment.microsecond:06d}".rstrip("0").rstrip(".") + "Z"
