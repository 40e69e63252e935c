"""Time zones as step functions: the UTC offset is constant on half-open intervals of UTC instants (section 1).

Instants are integer microseconds since the epoch, UTC. A *reading* is what the local clock shows, in microseconds since
its own 1970-01-01 00:00. Rules come from the tzdata package, never from the machine, so that a figure is the same
everywhere. Years 1 to 9999 are known; beyond them the nearest offset holds.
"""

from __future__ import annotations

import difflib
import functools
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from typing import Final, overload
from zoneinfo import ZoneInfo

import numpy as np

from gpucost.core.money import HOUR_US, SECOND_US, Ints
from gpucost.core.steps import Steps

DAY_US: Final = 24 * HOUR_US

_DAY_S: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()
_YEARS: Final = (1, 9999)
# datetime cannot show a local time outside its years: stay two days inside them. No zone changes there.
_SECONDS: Final = (_DAY_S * (3 - _EPOCH_ORDINAL), _DAY_S * (date.max.toordinal() - 2 - _EPOCH_ORDINAL))
# Before this year every zone is at its first offset (local mean time); the earliest change is 1844-12-31, Pacific/Guam.
_FIRST_YEAR_OF_CHANGE: Final = 1844
# One sample a day finds every change: no two in any zone are closer than 167 h (Asia/Gaza 2040).
_SAMPLE_S: Final = _DAY_S
# Offsets stay within 16 h and the largest gap is 24 h (Pacific/Apia, 2011-12-30): what is shown near a reading fits.
_AROUND_US: Final = 3 * DAY_US


class ZoneError(ValueError):
    """A name that is no IANA time zone."""


@dataclass(frozen=True, slots=True)
class Zone:
    """An IANA time zone by its name; equal and hashable by it."""

    name: str

    @classmethod
    def parse(cls, name: object) -> Zone:
        """The zone of that exact IANA name, case included, as Kubernetes wants it. Raises ZoneError."""
        if not isinstance(name, str) or not name:
            raise ZoneError(f"must be a time zone name such as Europe/Berlin, not {str(name)[:40]!r}")
        _rules(name)
        return cls(name)

    def offsets(self, lo_us: int, hi_us: int) -> Steps:
        """The UTC offset in microseconds, good on [lo_us, hi_us); the first piece starts at lo_us."""
        table = _offsets_through(self.name, _year(lo_us), _year(hi_us))
        first = max(0, int(np.searchsorted(table.starts, lo_us, side="right")) - 1)
        last = max(first + 1, int(np.searchsorted(table.starts, hi_us)))
        starts = table.starts[first:last].copy()
        starts[0] = lo_us
        return Steps(starts, table.values[first:last])

    @overload
    def local_us(self, instants: int) -> int: ...
    @overload
    def local_us(self, instants: Ints) -> Ints: ...
    def local_us(self, instants: int | Ints) -> int | Ints:
        """What the local clock reads at one instant or at an array of instants, in microseconds."""
        if not isinstance(instants, np.ndarray):
            return int(self.local_us(np.array([instants], dtype=np.int64))[0])
        clock = _offsets(self.name, _years(instants))
        # The first piece reaches back without end: instants before year 1 have the offset of year 1.
        piece = np.maximum(np.searchsorted(clock.starts, instants, side="right") - 1, 0)
        local: Ints = instants + clock.values[piece]
        return local

    @overload
    def utc_of_naive(self, readings: int) -> int: ...
    @overload
    def utc_of_naive(self, readings: Ints) -> Ints: ...
    def utc_of_naive(self, readings: int | Ints) -> int | Ints:
        """The instant of one reading or of an array: the first of two in an overlap, PEP 495's fold=0.

        A reading that a gap skips is taken at the offset before the gap, so it lands as far after the gap's start.
        """
        if not isinstance(readings, np.ndarray):
            return int(self.utc_of_naive(np.array([readings], dtype=np.int64))[0])
        clock = _offsets(self.name, _years(np.concatenate([readings - DAY_US, readings + DAY_US])))
        # The offset before a change counts up to the last reading that it shows or that the gap skips.
        until = clock.starts[1:] + np.maximum(clock.values[1:], clock.values[:-1])
        instants: Ints = readings - clock.values[np.searchsorted(until, readings, side="right")]
        return instants

    def day_start(self, day: date) -> int:
        """The first instant whose local date is that day or a later one, where a gap skips the day (section 1).

        That need not be a midnight: a gap may skip it. After an overlap over midnight the earlier date comes back for a
        while; the day began at the first midnight all the same.
        """
        midnight = (day.toordinal() - _EPOCH_ORDINAL) * DAY_US
        clock = self.offsets(midnight - _AROUND_US, midnight + _AROUND_US)
        return int(_first_shown(clock, midnight + _AROUND_US, np.array([midnight], dtype=np.int64))[0])

    def day_edges(self, lo_us: int, hi_us: int) -> Ints:
        """Every instant in [lo_us, hi_us], both included, at which a local day starts, as day_start says.

        A skipped day has no edge of its own: it and the next day start at the same instant.
        """
        until = hi_us + _AROUND_US
        midnights = np.arange(lo_us // DAY_US - 2, hi_us // DAY_US + 3, dtype=np.int64) * DAY_US
        edges = np.unique(_first_shown(self.offsets(lo_us - _AROUND_US, until), until, midnights))
        return edges[(edges >= lo_us) & (edges <= hi_us)]

    def hour_edges(self, lo_us: int, hi_us: int) -> Ints:
        """Every instant in [lo_us, hi_us], both included, at which the local clock reads minute 0 (section 1).

        A repeated hour has two edges. Where a shift of half an hour skips or repeats no minute 0 the hour is longer.
        """
        clock = self.offsets(lo_us, hi_us + 1)
        firsts = clock.starts + -(clock.starts + clock.values) % HOUR_US
        ends = np.append(clock.starts[1:], hi_us + 1)
        return np.concatenate([np.arange(a, b, HOUR_US, dtype=np.int64) for a, b in zip(firsts, ends, strict=True)])


UTC: Final = Zone("UTC")


def _first_shown(clock: Steps, end_us: int, readings: Ints) -> Ints:
    """The first instant at which a clock shows each reading or a later one.

    By the end of a piece the clock has shown, or skipped, everything before end + offset, if no earlier piece went
    further. So a reading is met in the first piece that goes beyond it: there, or at its very start after a gap.
    """
    passed = np.maximum.accumulate(np.append(clock.starts[1:], end_us) + clock.values)
    piece = np.minimum(np.searchsorted(passed, readings, side="right"), len(passed) - 1)
    instants: Ints = np.maximum(clock.starts[piece], readings - clock.values[piece])
    return instants


def _year(us: int) -> int:
    """The UTC year of an instant, moved into 1 to 9999."""
    return date.fromordinal(min(max(us // DAY_US + _EPOCH_ORDINAL, 1), date.max.toordinal())).year


def _years(instants: Ints) -> list[int]:
    """The UTC years that occur among instants, ascending, moved into 1 to 9999."""
    years = instants.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    found: list[int] = np.flatnonzero(np.bincount(np.clip(years, *_YEARS))).tolist()
    return found


def _offsets(name: str, years: Iterable[int]) -> Steps:
    """The offset in microseconds through the given years, ascending; years between them are not looked at."""
    pieces = [piece for year in years for piece in _offsets_of_year(name, year)]
    table = np.array(pieces, dtype=np.int64).reshape(-1, 2) * SECOND_US
    new = np.diff(table[:, 1], prepend=DAY_US) != 0
    return Steps(table[new, 0], table[new, 1])


@functools.lru_cache(maxsize=1 << 10)
def _offsets_through(name: str, first_year: int, last_year: int) -> Steps:
    """Kept, for a report asks the same of each of its schedules. Not to be written to."""
    return _offsets(name, range(first_year, last_year + 1))


@functools.lru_cache(maxsize=1 << 14)
def _offsets_of_year(name: str, year: int) -> tuple[tuple[int, int], ...]:
    """(instant, offset) in seconds: at the start of the UTC year, and at each change within it."""
    rules = _rules(name)
    start, end = _year_start(year), _year_start(year + 1)
    days = [*range(start, end, _SAMPLE_S), end - 1] if year >= _FIRST_YEAR_OF_CHANGE else [start]
    samples = [(second, _offset_at(rules, second)) for second in days]
    changes = [change for a, b in itertools.pairwise(samples) for change in _change(rules, a, b)]
    return (samples[0], *changes)


def _change(rules: ZoneInfo, before: tuple[int, int], after: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The second at which the offset changes between two samples, by halving, and the offset from then on."""
    if before[1] == after[1]:
        return
    while after[0] - before[0] > 1:
        middle = (before[0] + after[0]) // 2
        sample = (middle, _offset_at(rules, middle))
        before, after = (sample, after) if sample[1] == before[1] else (before, sample)
    yield after


def _year_start(year: int) -> int:
    """The second at which a UTC year starts, 10000 included (datetime ends before it)."""
    past = year - 1
    return _DAY_S * (past * 365 + past // 4 - past // 100 + past // 400 + 1 - _EPOCH_ORDINAL)


def _offset_at(rules: ZoneInfo, second: int) -> int:
    """The UTC offset in seconds at an instant in seconds."""
    moment = _EPOCH + timedelta(seconds=min(max(second, _SECONDS[0]), _SECONDS[1]))
    offset = rules.fromutc(moment.replace(tzinfo=rules)).utcoffset()
    return (offset or timedelta()) // timedelta(seconds=1)


@functools.cache
def _rules(name: str) -> ZoneInfo:
    """The rules of a zone from the tzdata package. ZoneInfo(name) would prefer the system's, whatever its age."""
    if name not in _names():
        raise ZoneError(_unknown(name))
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@functools.lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def _unknown(name: str) -> str:
    """What is wrong with a name that tzdata does not list."""
    if name == "Local":
        return "'Local' is the zone of whichever machine runs; name a time zone such as Europe/Berlin"
    if name.startswith(("/", ".")) or ".." in name:
        return f"must be a time zone name such as Europe/Berlin, not the path {name[:40]!r}"
    shown = f"there is no time zone {name[:40]!r}"
    near = _nearest(name[:40])
    return f"{shown}; the nearest name is {near}" if near else f"{shown}; names look like Europe/Berlin"


def _nearest(name: str) -> str | None:
    """The known name that looks most like this one, case aside; a city alone finds its zone."""
    folded = {known.lower(): known for known in sorted(_names())}
    cities = {known.rpartition("/")[2].lower(): known for known in sorted(_names(), reverse=True)}
    wanted = name.lower().replace(" ", "_")
    if wanted not in folded and wanted in cities:
        return cities[wanted]
    near = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.7)
    return folded[near[0]] if near else None
