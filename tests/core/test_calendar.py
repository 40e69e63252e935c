"""Section 1 of the method: local hours and days of the period, with days of 23 and 25 hours."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import ints, shown, utc
from gpucost.core.calendar import Cells, cells_of, sum_by
from gpucost.core.grid import buckets_of
from gpucost.core.money import HOUR_US
from gpucost.core.zones import DAY_US, Zone

MINUTE_US = 60_000_000


def cells(start: str, until: str, zone: str = "UTC") -> Cells:
    return cells_of(utc(start), utc(until), Zone(zone))


class TestHours:
    def test_a_day_has_24(self) -> None:
        day = cells("2025-06-02", "2025-06-03")
        assert day.hour.tolist() == list(range(24))
        assert (np.diff(day.edges) == HOUR_US).all()
        assert day.width_us == HOUR_US

    def test_a_spring_day_has_23(self) -> None:
        day = cells("2025-03-29T23:00", "2025-03-30T22:00", "Europe/Berlin")
        assert day.hour.tolist() == [0, 1, *range(3, 24)]
        assert day.dates == (dt.date(2025, 3, 30),)

    def test_an_autumn_day_has_25_and_hour_2_twice(self) -> None:
        day = cells("2025-10-25T22:00", "2025-10-26T23:00", "Europe/Berlin")
        assert day.hour.tolist() == [0, 1, 2, 2, *range(3, 24)]
        assert day.dates == (dt.date(2025, 10, 26),)

    def test_hours_of_kolkata_begin_at_half_past_utc(self) -> None:
        evening = cells("2025-06-02T18:00", "2025-06-02T20:00", "Asia/Kolkata")
        assert [shown(t)[11:] for t in evening.edges] == ["18:00", "18:30", "19:30", "20:00"]
        assert evening.hour.tolist() == [23, 0, 1]
        assert evening.day.tolist() == [0, 1, 1]
        assert evening.width_us == HOUR_US // 2

    def test_a_period_is_cut_at_its_own_edges(self) -> None:
        part = cells("2025-06-02T10:20", "2025-06-02T12:05")
        assert [shown(t)[11:] for t in part.edges] == ["10:20", "11:00", "12:00", "12:05"]
        assert part.hour.tolist() == [10, 11, 12]
        assert part.width_us == HOUR_US  # the edges inside the period lie on whole hours

    def test_a_period_within_an_hour_is_one_cell(self) -> None:
        assert cells("2025-06-02T10:20", "2025-06-02T10:21").edges.tolist() == [
            utc("2025-06-02T10:20"), utc("2025-06-02T10:21")
        ]  # fmt: skip

    @pytest.mark.parametrize("until", ["2025-06-02", "2025-06-01"])
    def test_an_empty_period_has_none(self, until: str) -> None:
        empty = cells("2025-06-02", until)
        assert (empty.count, empty.dates, len(empty.edges)) == (0, (), 1)
        assert buckets_of(empty, by_hour=False).count == buckets_of(empty, by_hour=True).count == 0

    def test_a_shift_of_half_an_hour_makes_a_longer_hour(self) -> None:
        night = cells("2025-04-05T13:00", "2025-04-05T17:30", "Australia/Lord_Howe")
        assert (np.diff(night.edges) // MINUTE_US).tolist() == [60, 90, 60, 60]
        assert night.hour.tolist() == [0, 1, 2, 3]


class TestDays:
    def test_days_and_day_types_are_counted_never_estimated(self) -> None:
        """92 days of summer: 65 weekdays and 27 of weekends, which no 5/7 makes."""
        summer = cells("2025-06-01", "2025-09-01")
        assert (len(summer.dates), int(summer.weekend.sum())) == (92, 27)
        assert summer.weekday[:8].tolist() == [6, 0, 1, 2, 3, 4, 5, 6]

    def test_a_day_that_begins_inside_an_hour_cuts_it(self) -> None:
        """Toronto went from 23:30 to 00:30: the day began at the first instant of its date, 04:30 UTC."""
        night = cells("1919-03-31T03:00", "1919-03-31T06:00", "America/Toronto")
        assert [shown(t)[11:] for t in night.edges] == ["03:00", "04:00", "04:30", "05:00", "06:00"]
        assert night.hour.tolist() == [22, 23, 0, 1]
        assert night.dates == (dt.date(1919, 3, 30), dt.date(1919, 3, 31))
        assert (night.day.tolist(), night.width_us) == ([0, 0, 1, 1], HOUR_US // 2)

    def test_a_midnight_that_comes_twice_begins_the_day_once(self) -> None:
        """Newfoundland went from 00:01 back to 23:01: the day began at the first midnight, 02:30 UTC."""
        night = cells("2010-11-07T01:30", "2010-11-07T05:30", "America/St_Johns")
        assert [shown(t)[11:] for t in night.edges] == ["01:30", "02:30", "03:30", "04:30", "05:30"]
        assert night.dates == (dt.date(2010, 11, 6), dt.date(2010, 11, 7))
        assert night.day.tolist() == [0, 1, 1, 1]

    def test_a_skipped_day_is_none(self) -> None:
        """Samoa had no 2011-12-30."""
        found = cells("2011-12-29T10:00", "2011-12-31T10:00", "Pacific/Apia")
        assert found.dates == (dt.date(2011, 12, 29), dt.date(2011, 12, 31))

    def test_sums_over_days_are_exact(self) -> None:
        two = cells("2025-06-02", "2025-06-04")
        huge = np.full(48, 2**57 + 1, dtype=np.int64)
        assert two.by_day(huge).tolist() == [24 * (2**57 + 1)] * 2
        assert sum_by(ints(2, 0, 2), ints(1, 2, 3), 4).tolist() == [2, 0, 4, 0]


class TestBuckets:
    def test_days_of_23_24_and_25_hours(self) -> None:
        berlin = Zone("Europe/Berlin")
        spring = buckets_of(cells_of(utc("2025-03-28T23:00"), utc("2025-03-31T22:00"), berlin), by_hour=False)
        autumn = buckets_of(cells_of(utc("2025-10-24T22:00"), utc("2025-10-27T23:00"), berlin), by_hour=False)
        assert (np.diff(spring.edges) // HOUR_US).tolist() == [24, 23, 24]
        assert (np.diff(autumn.edges) // HOUR_US).tolist() == [24, 25, 24]

    def test_an_hour_that_is_repeated_is_two_buckets(self) -> None:
        hours = buckets_of(cells("2025-10-25T22:00", "2025-10-26T23:00", "Europe/Berlin"), by_hour=True)
        assert hours.count == 25


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int, str]:
    zone = draw(st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe"]))
    around = utc(draw(st.sampled_from(["2025-03-09", "2025-03-30", "2025-04-05", "2025-10-26", "2025-11-02"])))
    start = around + draw(st.integers(-DAY_US, DAY_US))
    return start, start + draw(st.integers(1, 3 * DAY_US)), zone


class TestEveryPeriod:
    @given(spans())
    def test_cells_cover_the_period_without_gap_or_overlap(self, span: tuple[int, int, str]) -> None:
        start, until, zone = span
        found = cells_of(start, until, Zone(zone))
        assert (found.edges[0], found.edges[-1]) == (start, until)
        assert (np.diff(found.edges) > 0).all()
        assert found.locate(found.edges[:-1]).tolist() == list(range(found.count))
        assert found.locate(found.edges[1:] - 1).tolist() == list(range(found.count))

    @given(spans())
    def test_each_cell_lies_within_one_local_hour_and_one_date(self, span: tuple[int, int, str]) -> None:
        start, until, zone = span
        found = cells_of(start, until, Zone(zone))
        first = Zone(zone).local_us(found.edges[:-1])
        assert found.hour.tolist() == (first % DAY_US // HOUR_US).tolist()
        dates = [dt.date(1970, 1, 1) + dt.timedelta(days=int(us // DAY_US)) for us in first]
        assert [found.dates[day] for day in found.day] == dates
        assert (found.edges[1:-1] % found.width_us == 0).all()
