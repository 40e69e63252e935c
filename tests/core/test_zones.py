"""Section 1 of the method: local days and hours, whatever the zone does to its clock."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gpucost.core.money import HOUR_US, SECOND_US
from gpucost.core.zones import DAY_US, Zone, ZoneError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TZDATA = resources.files("tzdata")
ALL_ZONES = TZDATA.joinpath("zones").read_text("ascii").split()
ODD_ZONES = [
    "Africa/Casablanca", "Africa/Monrovia", "America/Havana", "America/Nuuk", "America/Sao_Paulo", "America/St_Johns",
    "America/Toronto", "Antarctica/Troll", "Asia/Gaza", "Asia/Kathmandu", "Asia/Pyongyang", "Atlantic/Azores",
    "Australia/Lord_Howe", "Europe/Berlin", "Europe/Dublin", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kwajalein",
]  # fmt: skip


def utc(text: str) -> int:
    """Microseconds of an ISO instant, UTC."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def iso(us: int) -> str:
    return (EPOCH + timedelta(microseconds=int(us))).strftime("%Y-%m-%dT%H:%M:%S")


def rules(name: str) -> ZoneInfo:
    """The standard library's reading of the same tzdata file: the second opinion."""
    with TZDATA.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def wall(zone: ZoneInfo, us: int) -> datetime:
    """The local time at an instant, naive, by the standard library."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(zone).replace(tzinfo=None)


@cache
def changes(name: str) -> list[int]:
    """The instants from 1910 to 2040 at which a zone changes its offset."""
    return [int(us) for us in Zone(name).offsets(utc("1910-01-01"), utc("2040-01-01")).starts]


def changes_in_file(name: str) -> list[tuple[int, int]]:
    """(second, new offset) of each change of offset that a TZif file lists (RFC 8536, the 64-bit block)."""
    data = TZDATA.joinpath("zoneinfo", *name.split("/")).read_bytes()
    isut, isstd, leap, times, types, chars = struct.unpack(">6l", data[20:44])
    head = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    times, types = struct.unpack(">2l", data[head + 32 : head + 40])
    body = head + 44
    instants = struct.unpack(f">{times}q", data[body : body + 8 * times])
    kinds = data[body + 8 * times : body + 9 * times]
    offsets = [struct.unpack_from(">l", data, body + 9 * times + 6 * i)[0] for i in range(types)]
    found, before = [], offsets[0]
    for instant, kind in zip(instants, kinds, strict=True):
        if offsets[kind] != before:
            found.append((instant, offsets[kind]))
        before = offsets[kind]
    return found


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, int]:
    """Any zone at any time from 1900 to 2070, or an odd one within two days of a change."""
    if draw(st.booleans()):
        return draw(st.sampled_from(ALL_ZONES)), draw(st.integers(utc("1900-01-01"), utc("2070-01-01")))
    name = draw(st.sampled_from(ODD_ZONES))
    return name, draw(st.sampled_from(changes(name))) + draw(st.integers(-2 * DAY_US, 2 * DAY_US))


class TestNames:
    def test_a_zone_is_its_exact_iana_name(self) -> None:
        assert Zone.parse("Europe/Berlin") == Zone("Europe/Berlin")
        assert len({Zone.parse("UTC"), Zone("UTC")}) == 1

    def test_every_name_of_tzdata_is_known(self) -> None:
        assert [Zone.parse(name).name for name in ALL_ZONES] == ALL_ZONES

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("Europe/Berln", "there is no time zone 'Europe/Berln'; the nearest name is Europe/Berlin"),
            ("europe/berlin", "the nearest name is Europe/Berlin"),
            ("Berlin", "the nearest name is Europe/Berlin"),
            ("America/New York", "the nearest name is America/New_York"),
            ("Mars/Olympus_Mons", "there is no time zone 'Mars/Olympus_Mons'; names look like Europe/Berlin"),
            ("Local", "the zone of whichever machine runs"),
            ("/etc/localtime", "not the path '/etc/localtime'"),
            ("../zoneinfo/UTC", "not the path"),
            ("Europe/../UTC", "not the path"),
            ("", "must be a time zone name such as Europe/Berlin"),
            (None, "must be a time zone name such as Europe/Berlin"),
            ("x" * 5000, "there is no time zone"),
        ],
    )
    def test_another_name_is_an_error_that_helps(self, name: object, said: str) -> None:
        with pytest.raises(ZoneError) as error:
            Zone.parse(name)
        assert said in str(error.value)
        assert len(str(error.value)) < 150


class TestOffsets:
    def test_berlin_has_three_pieces_in_a_year(self) -> None:
        year = Zone("Europe/Berlin").offsets(utc("2025-01-01"), utc("2026-01-01"))
        assert [iso(us) for us in year.starts] == ["2025-01-01T00:00:00", "2025-03-30T01:00:00", "2025-10-26T01:00:00"]
        assert (year.values // HOUR_US).tolist() == [1, 2, 1]

    def test_the_end_is_exclusive_and_the_start_inclusive(self) -> None:
        berlin, change = Zone("Europe/Berlin"), utc("2025-03-30T01:00")
        assert berlin.offsets(change - 1, change).values.tolist() == [HOUR_US]
        assert berlin.offsets(change, change + 1).values.tolist() == [2 * HOUR_US]

    def test_local_mean_time_has_seconds(self) -> None:
        monrovia = Zone("Africa/Monrovia").offsets(utc("1972-01-01"), utc("1972-02-01"))
        assert (monrovia.values // SECOND_US).tolist() == [-(44 * 60 + 30), 0]
        assert iso(monrovia.starts[1]) == "1972-01-07T00:44:30"

    def test_sampling_once_a_day_from_1844_on_misses_nothing(self) -> None:
        """Two assumptions of the search, checked on every zone: changes lie days apart, and none is earlier.

        A file lists changes until the zone's present yearly rule, which has two a year, weeks apart.
        """
        seconds = [[second for second, _ in changes_in_file(name)] for name in ALL_ZONES]
        assert min(b - a for found in seconds for a, b in pairwise(found)) > 6 * 86400
        assert min(found[0] for found in seconds if found) >= utc("1844-01-01") // SECOND_US

    @pytest.mark.parametrize("name", [name for name in ODD_ZONES if changes_in_file(name)])
    def test_the_pieces_are_the_changes_of_the_file(self, name: str) -> None:
        listed = changes_in_file(name)
        pieces = Zone(name).offsets(utc("1840-01-01"), listed[-1][0] * SECOND_US + 1)
        found = np.column_stack([pieces.starts, pieces.values])[1:] // SECOND_US
        assert found.tolist() == [list(change) for change in listed]

    @given(moments())
    def test_local_time_is_that_of_zoneinfo(self, moment: tuple[str, int]) -> None:
        name, us = moment
        assert utc(wall(rules(name), us).isoformat()) == Zone(name).local_us(us)

    def test_arrays_far_apart_cost_no_more_than_their_years(self) -> None:
        """A task database may say 0001-01-01 or 9999-12-31 and mean 'never'."""
        instants = np.array([utc("0001-01-01"), utc("2025-07-01"), utc("9999-12-31T23:59:59")])
        local = Zone("Europe/Berlin").local_us(instants)
        assert ((local - instants) // SECOND_US).tolist() == [53 * 60 + 28, 7200, 3600]
        assert len(Zone("Europe/Berlin").local_us(instants[:0])) == 0
        assert len(Zone("Europe/Berlin").utc_of_naive(instants[:0])) == 0

    @pytest.mark.parametrize("name", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"])
    @pytest.mark.parametrize("us", [-(2**62), utc("0001-01-01"), utc("9999-12-31T23:59:59.999999"), 2**62])
    def test_the_edges_of_the_calendar_hold(self, name: str, us: int) -> None:
        zone = Zone(name)
        assert abs(zone.utc_of_naive(zone.local_us(us)) - us) < DAY_US
        assert len(zone.offsets(us, us + 1).starts) == 1
        assert len(zone.day_edges(us, us + 2 * DAY_US)) in (2, 3)
        assert len(zone.hour_edges(us, us + DAY_US)) in (24, 25)


class TestNaiveTimes:
    @pytest.mark.parametrize(
        ("reading", "instant"),
        [
            ("2025-07-01T12:00", "2025-07-01T10:00:00"),
            ("2025-10-26T02:30", "2025-10-26T00:30:00"),  # shown twice: the first
            ("2025-03-30T02:30", "2025-03-30T01:30:00"),  # never shown: the offset before the gap
        ],
    )
    def test_berlin(self, reading: str, instant: str) -> None:
        assert iso(Zone("Europe/Berlin").utc_of_naive(utc(reading))) == instant

    @given(moments())
    def test_as_zoneinfo_has_it_with_fold_0(self, moment: tuple[str, int]) -> None:
        name, us = moment
        local = (EPOCH + timedelta(microseconds=us)).replace(tzinfo=rules(name))
        assert Zone(name).utc_of_naive(us) == (local - EPOCH) // timedelta(microseconds=1)


class TestDays:
    @pytest.mark.parametrize(
        ("zone", "day", "starts", "why"),
        [
            ("UTC", "2025-06-01", "2025-06-01T00:00:00", "nothing happens"),
            ("Europe/Berlin", "2025-06-01", "2025-05-31T22:00:00", "midnight in summer"),
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00", "00:00 to 01:00 is skipped: the day has 23 h"),
            ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00", "24:00 is set back to 23:00 before it is shown"),
            ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00", "23:30 to 00:30 is skipped: starts at 00:30"),
            ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00", "00:01 is set back to 23:01: the first midnight"),
            ("America/Havana", "2025-11-02", "2025-11-02T04:00:00", "01:00 is set back to 00:00: the first midnight"),
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00", "the day is skipped: starts with the 31st"),
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00", "right after the 29th"),
            ("Pacific/Kwajalein", "1993-08-21", "1993-08-21T12:00:00", "skipped, as in Apia"),
        ],
    )
    def test_a_day_starts_at_its_first_instant(self, zone: str, day: str, starts: str, why: str) -> None:
        assert iso(Zone(zone).day_start(date.fromisoformat(day))) == starts, why

    def test_days_of_23_and_25_hours(self) -> None:
        berlin = Zone("Europe/Berlin")
        spring = berlin.day_edges(berlin.day_start(date(2025, 3, 29)), berlin.day_start(date(2025, 4, 1)))
        autumn = berlin.day_edges(berlin.day_start(date(2025, 10, 25)), berlin.day_start(date(2025, 10, 28)))
        assert (np.diff(spring) // HOUR_US).tolist() == [24, 23, 24]
        assert (np.diff(autumn) // HOUR_US).tolist() == [24, 25, 24]

    def test_both_ends_are_included(self) -> None:
        assert [iso(us) for us in Zone("UTC").day_edges(utc("2025-06-01"), utc("2025-06-02"))] == [
            "2025-06-01T00:00:00",
            "2025-06-02T00:00:00",
        ]
        assert len(Zone("UTC").day_edges(utc("2025-06-01") + 1, utc("2025-06-02") - 1)) == 0

    def test_a_skipped_day_has_no_edge(self) -> None:
        edges = Zone("Pacific/Apia").day_edges(utc("2011-12-28T10:00"), utc("2012-01-01T10:00"))
        assert [iso(us)[8:13] for us in edges] == ["28T10", "29T10", "30T10", "31T10", "01T10"]

    @given(moments())
    @example(("Pacific/Apia", utc("2011-12-30T10:00")))
    def test_no_earlier_instant_has_that_date(self, moment: tuple[str, int]) -> None:
        name, us = moment
        zone, day = rules(name), wall(rules(name), us).date()
        start = Zone(name).day_start(day)
        assert wall(zone, start).date() >= day
        assert all(wall(zone, start - 1 - k * 600 * SECOND_US).date() < day for k in range(3 * 144))

    @given(moments())
    @example(("Pacific/Apia", utc("2011-12-29T10:00")))
    def test_edges_are_the_starts_of_the_days(self, moment: tuple[str, int]) -> None:
        name, lo = moment
        zone, first, hi = Zone(name), wall(rules(name), lo).date(), lo + 5 * DAY_US
        starts = {zone.day_start(first + timedelta(days=k)) for k in range(-1, 9)}
        assert zone.day_edges(lo, hi).tolist() == sorted(us for us in starts if lo <= us <= hi)


class TestHours:
    def test_a_repeated_hour_is_two_hours(self) -> None:
        berlin = Zone("Europe/Berlin")
        edges = berlin.hour_edges(utc("2025-10-25T22:00"), utc("2025-10-26T23:00"))
        assert len(edges) == 26
        assert [wall(rules("Europe/Berlin"), int(us)).hour for us in edges[:5]] == [0, 1, 2, 2, 3]

    def test_a_skipped_hour_is_none(self) -> None:
        assert len(Zone("Europe/Berlin").hour_edges(utc("2025-03-29T23:00"), utc("2025-03-30T22:00"))) == 24

    def test_zones_off_by_half_an_hour_start_hours_at_half_past(self) -> None:
        edges = Zone("Asia/Kolkata").hour_edges(utc("2025-06-01"), utc("2025-06-01T02:00"))
        assert [iso(us)[11:16] for us in edges] == ["00:30", "01:30"]

    @pytest.mark.parametrize("start", ["2025-10-04T13:00", "2025-04-05T13:00"])
    def test_a_shift_of_half_an_hour_makes_a_longer_hour(self, start: str) -> None:
        """Lord Howe goes from 02:00 to 02:30 in spring (no 02:00 is shown) and from 02:00 back to 01:30 in autumn."""
        edges = Zone("Australia/Lord_Howe").hour_edges(utc(start), utc(start) + 5 * HOUR_US)[:4]
        assert (np.diff(edges) // (60 * SECOND_US)).tolist() == [60, 90, 60]

    @given(moments())
    def test_minute_0_is_what_the_clock_shows(self, moment: tuple[str, int]) -> None:
        name, lo = moment
        assume(lo > utc("1975-01-01"))  # offsets of whole minutes from here on, so that minutes can be walked
        zone, hi = rules(name), lo + DAY_US
        minutes = range(-(-lo // (60 * SECOND_US)) * 60 * SECOND_US, hi + 1, 60 * SECOND_US)
        assert Zone(name).hour_edges(lo, hi).tolist() == [us for us in minutes if wall(zone, us).minute == 0]
