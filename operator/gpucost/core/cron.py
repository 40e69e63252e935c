"""Kubernetes' cron: robfig/cron v3 ParseStandard, matched against the local wall clock (section 2).

Instants are integer microseconds since the epoch, UTC; ranges are half-open, ``[lo, hi)``. A minute fires if the local
clock shows it, at its second 0, and it matches: one that a gap skips does not fire, one that an overlap repeats fires
twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gpucost.core.money import HOUR_US, SECOND_US, Ints
from gpucost.core.zones import DAY_US, Zone

Mask = npt.NDArray[np.bool_]

MINUTE_US: Final = 60 * SECOND_US

LOOK_BACK_US: Final = (7 * DAY_US, 31 * DAY_US, 366 * DAY_US, 8 * 366 * DAY_US)
"""How far to look for one fire, in turn (section 2). Eight years hold a 29 February even around 2100."""

_ANYTHING: Final = ("*", "?")
_NUMBER = re.compile(r"\+?([0-9]+)")
# Go's unicode.IsSpace; Python's str.split() would also split at the separators U+001C to U+001F.
_SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_FOREIGN: Final = "; Kubernetes has no L, W, #, H or R"
_MAX_INT64: Final = 2**63 - 1
_DESCRIPTORS: Final[Mapping[str, str]] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY: Final = "@every "
_UNITS_NS: Final[Mapping[str, int]] = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # micro sign
    "\u03bcs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DURATION_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


class CronError(ValueError):
    """A schedule that Kubernetes would refuse: the field it is in ('schedule' for the whole) and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """A parsed schedule: the values of each field, or the period of ``@every`` in microseconds (whole seconds).

    Days of the week count from Sunday, 0. ``dom_star`` and ``dow_star`` are robfig's star bits: with either of them
    both day fields must match, without them one suffices.
    """

    text: str
    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    doms: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    dows: frozenset[int] = frozenset()
    dom_star: bool = False
    dow_star: bool = False
    every_us: int | None = None


class _Field(NamedTuple):
    """A field's name, its lowest and highest value, and the names of values."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        """The value of a name or an ASCII number, None if it is neither. Absurdly large numbers are cut short."""
        if text.lower() in self.names:
            return self.low + self.names.index(text.lower())
        found = _NUMBER.fullmatch(text)
        return int(found[1].lstrip("0")[:20] or "0") if found else None

    def allowed(self) -> str:
        """What may stand here, in words."""
        named = f" or a name from {self.names[0].upper()} to {self.names[-1].upper()}" if self.names else ""
        return f"a number from {self.low} to {self.high}{named}"

    def error(self, reason: str) -> CronError:
        """The error about this field."""
        return CronError(self.name, reason)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _WEEKDAYS),
)


def parse_cron(text: object) -> CronSchedule:
    """A schedule as Kubernetes reads a CronJob's ``spec.schedule`` (section 2). Raises CronError."""
    if not isinstance(text, str) or not text:
        raise CronError("schedule", f'must be five cron fields such as "0 8 * * 1-5", not {str(text)[:40]!r}')
    if "TZ" in text:  # the API server refuses the letters anywhere, not only as a prefix
        raise CronError("schedule", f"{text[:40]!r} sets a time zone; that belongs in the CronJob's spec.timeZone")
    return _parse_descriptor(text) if text.startswith("@") else _parse_fields(text)


def _parse_descriptor(text: str) -> CronSchedule:
    if text in _DESCRIPTORS:
        return replace(_parse_fields(_DESCRIPTORS[text]), text=text)
    if text.startswith(_EVERY):
        return CronSchedule(text, every_us=_every_us(text.removeprefix(_EVERY)))
    near = text.strip().lower()
    hint = f"write {near} exactly" if near in _DESCRIPTORS else f"known are {', '.join(_DESCRIPTORS)} and @every 1h30m"
    raise CronError("schedule", f"unknown descriptor {text[:40]!r}; {hint}")


def _parse_fields(text: str) -> CronSchedule:
    parts = [part for part in _SPACES.split(text) if part]
    if len(parts) != len(_FIELDS):
        raise CronError("schedule", _miscounted(text, len(parts)))
    minutes, hours, doms, months, dows = (_parse_field(f, part) for f, part in zip(_FIELDS, parts, strict=True))
    return CronSchedule(text, minutes[0], hours[0], doms[0], months[0], dows[0], doms[1], dows[1])


def _miscounted(text: str, found: int) -> str:
    """What is wrong with a schedule that has not five fields, and the likely reason."""
    wanted = ", ".join(field.name for field in _FIELDS)
    why = "; there are no seconds and no year" if found > len(_FIELDS) else ""
    why = "; the @ must be the very first character" if text.strip().startswith("@") else why
    return f"5 fields are needed ({wanted}), {text[:40]!r} has {found}{why}"


def _parse_field(field: _Field, text: str) -> tuple[frozenset[int], bool]:
    """The values of a field and its star bit. Empty items are ignored, so that "," alone is the empty set."""
    items = [_parse_item(field, item) for item in text.split(",") if item]
    return frozenset().union(*(values for values, _ in items)), any(star for _, star in items)


def _parse_item(field: _Field, item: str) -> tuple[range, bool]:
    """``*``, ``n``, ``n-m``, each with or without ``/step``: the values, and whether it is a star with step 1."""
    bounds, slash, step_text = item.partition("/")
    step = _parse_step(field, item, step_text) if slash else 1
    first, hyphen, last = bounds.partition("-")
    if first in _ANYTHING:  # robfig does not look at what follows the hyphen
        return range(field.low, field.high + 1, step), step == 1
    low = _parse_value(field, item, first)
    # "n/s" means "n-max/s"
    high = _parse_value(field, item, last) if hyphen else field.high if slash else low
    if low > high:
        raise field.error(_backwards(field, item, low, high, step))
    return range(low, high + 1, step), False


def _parse_value(field: _Field, item: str, text: str) -> int:
    value = field.number(text)
    if value is None:
        raise field.error(_unreadable(field, item, text))
    if not field.low <= value <= field.high:
        sunday = "; Sunday is 0" if value == 7 and field.names is _WEEKDAYS else ""
        raise field.error(f"{_quoted(text, item)} is not {field.allowed()}{sunday}")
    return value


def _parse_step(field: _Field, item: str, text: str) -> int:
    found = _NUMBER.fullmatch(text)
    step = int(found[1].lstrip("0")[:20] or "0") if found else 0
    if not 0 < step <= _MAX_INT64:
        raise field.error(f"the step {_quoted(text, item)} is not a whole number of at least 1")
    return step


def _unreadable(field: _Field, item: str, text: str) -> str:
    """Why a value is no number: one is missing, an extension of another cron, or plain nonsense."""
    if not text:
        return f"a number is missing in {item[:40]!r}"
    if "-" in text:
        return f"{item[:40]!r} has too many hyphens; a range is low-high"
    return f"{_quoted(text, item)} is not {field.allowed()}{_hint(field, text)}"


def _hint(field: _Field, text: str) -> str:
    if text[:3].lower() in field.names:
        return f"; names have three letters, such as {text[:3].upper()}" if text.isalpha() else _FOREIGN
    return _FOREIGN if re.fullmatch(r"[LWHR]+|[0-9]+[LW]|L[0-9]+|[HR]\(.*|.*#.*", text, re.IGNORECASE) else ""


def _quoted(text: str, item: str) -> str:
    """A piece of a schedule and the list item that it stands in, if that says more."""
    return f"{text[:40]!r}" if text == item else f"{text[:40]!r} in {item[:40]!r}"


def _backwards(field: _Field, item: str, low: int, high: int, step: int) -> str:
    """Ranges do not wrap around; say how to write the one that was meant."""
    hint = f"; write {_span(low, field.high)},{_span(field.low, high)}" if step == 1 else ""
    return f"the range {item[:40]!r} runs backwards, from {low} to {high}{hint}"


def _span(low: int, high: int) -> str:
    return f"{low}-{high}" if low < high else f"{low}"


def _every_us(text: str) -> int:
    """The period of ``@every`` in microseconds: cut to whole seconds, at least one."""
    try:
        nanoseconds = parse_duration_ns(text)
    except ValueError as error:
        raise CronError("schedule", f"@every: {error}") from None
    return max(1, nanoseconds // 1_000_000_000) * SECOND_US


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of a Go duration such as ``1h30m``, ``1.5h``, ``-5m`` (time.ParseDuration). Raises ValueError."""
    sign, unsigned = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if unsigned == "0":  # the only number that needs no unit
        return 0
    parts = [part for part in _DURATION_PART.finditer(unsigned) if part[0]]
    if not parts:
        raise ValueError(f"{text[:40]!r} is no duration such as 1h30m")
    total = sum(_part_ns(text, part[1], part[2] or "", part[3]) for part in parts)
    if total > _MAX_INT64:
        raise ValueError(f"{text[:40]!r} is longer than 292 years")
    return sign * total


def _part_ns(text: str, whole: str, decimals: str, unit: str) -> int:
    """Nanoseconds of one number with its unit. Decimals are multiplied as floats because Go does, glitches included."""
    if not whole and not decimals:
        raise ValueError(f"{text[:40]!r} is no duration such as 1h30m")
    if unit not in _UNITS_NS:
        found = f"unknown unit {unit[:40]!r}" if unit else "missing unit"
        raise ValueError(f"{found} in {text[:40]!r}; units are ns, us, ms, s, m, h")
    scale = _UNITS_NS[unit]
    fraction = decimals[:19] if int(decimals[:19] or "0") <= 2**63 else decimals[:18]  # as many as 64 bits take
    return int(whole.lstrip("0")[:20] or "0") * scale + int(float(fraction or "0") * (scale / 10 ** len(fraction)))


def fires(schedule: CronSchedule, zone: Zone, lo_us: int, hi_us: int, *, created_us: int | None = None) -> Ints:
    """Every instant in [lo_us, hi_us) at which a schedule fires, ascending, 8 bytes each (section 2).

    ``created_us`` matters to ``@every`` only: it fires in whole periods from its creation, cut to the second. A stated
    past (valid-from) extends these backwards. Without a creation the epoch takes its place. ``@every 1s`` makes 31.5
    million fires a year.
    """
    if schedule.every_us is not None:
        return _every_fires(schedule.every_us, lo_us, hi_us, created_us)
    if hi_us <= lo_us:
        return np.zeros(0, dtype=np.int64)
    clock = zone.offsets(lo_us, hi_us)
    begin = clock.starts + clock.values
    end = np.append(clock.starts[1:], hi_us) + clock.values
    readings = _matching_readings(schedule, int(begin.min()), int(end.max()))
    pieces = zip(np.searchsorted(readings, begin), np.searchsorted(readings, end), clock.values, strict=True)
    return np.concatenate([readings[first:last] - offset for first, last, offset in pieces])


def _every_fires(period_us: int, lo_us: int, hi_us: int, created_us: int | None) -> Ints:
    base = (created_us or 0) // SECOND_US * SECOND_US
    first = -((base - lo_us) // period_us)
    last = -((base - hi_us) // period_us)
    return base + period_us * np.arange(first, last, dtype=np.int64)


def _matching_readings(schedule: CronSchedule, lo_us: int, hi_us: int) -> Ints:
    """What the local clock shows at each matching minute of the days from that of lo_us to that of hi_us."""
    days = _matching_days(schedule, np.arange(lo_us // DAY_US, hi_us // DAY_US + 1, dtype=np.int64))
    minutes = np.add.outer(_ascending(schedule.hours) * HOUR_US, _ascending(schedule.minutes) * MINUTE_US)
    return np.add.outer(days * DAY_US, minutes.ravel()).ravel()


def _matching_days(schedule: CronSchedule, days: Ints) -> Ints:
    """Those of the given days (since the epoch) that match: both day fields with a star bit, else either of them."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    dom = (dates - months).astype(np.int64) + 1
    dow = (days + 4) % 7  # 1970-01-01 was a Thursday
    dom_matches, dow_matches = _listed(dom, schedule.doms), _listed(dow, schedule.dows)
    both = schedule.dom_star or schedule.dow_star
    matches = dom_matches & dow_matches if both else dom_matches | dow_matches
    return days[matches & _listed(month, schedule.months)]


def _listed(values: Ints, wanted: Collection[int]) -> Mask:
    table = np.zeros(32, dtype=np.bool_)
    table[_ascending(wanted)] = True
    mask: Mask = table[values]
    return mask


def _ascending(values: Collection[int]) -> Ints:
    return np.array(sorted(values), dtype=np.int64)


def previous_fire(
    schedule: CronSchedule, zone: Zone, at_us: int, *, since_us: int | None = None, created_us: int | None = None
) -> int | None:
    """The latest fire at or before ``at_us``, none earlier than ``since_us`` nor 8 years back (section 2).

    Both ends are included; a caller that wants fires strictly after an instant passes the next microsecond.
    """
    for window_us in LOOK_BACK_US:
        lo_us = at_us - window_us if since_us is None else max(at_us - window_us, since_us)
        found = fires(schedule, zone, lo_us, at_us + 1, created_us=created_us)
        if len(found):
            return int(found[-1])
        if lo_us == since_us:
            break
    return None


def next_fire(schedule: CronSchedule, zone: Zone, after_us: int, *, created_us: int | None = None) -> int | None:
    """The first fire strictly after an instant, at most 8 years ahead."""
    for window_us in LOOK_BACK_US:
        found = fires(schedule, zone, after_us + 1, after_us + window_us, created_us=created_us)
        if len(found):
            return int(found[0])
    return None


def robfig_differs(zone: Zone, lo_us: int, hi_us: int) -> bool:
    """Whether Kubernetes itself may fire at odd times in [lo_us, hi_us), which nobody should imitate (section 2).

    robfig/cron steps by adding hours and days, and loses its way where a change of the zone skips or repeats a local
    midnight, or is not of whole hours. It may then miss a fire, fire on a wrong day, or never return. Searching a month
    it begins at the month's first day, so that a change before lo_us matters too.
    """
    clock = zone.offsets(lo_us - 31 * DAY_US, hi_us)
    before, after = clock.values[:-1], clock.values[1:]
    low = clock.starts[1:] + np.minimum(before, after)
    high = clock.starts[1:] + np.maximum(before, after)
    midnight = -(-low // DAY_US) * DAY_US < high
    return bool(np.any(midnight | ((after - before) % HOUR_US != 0)))
