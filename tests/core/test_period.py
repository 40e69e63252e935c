"""Section 1 of the method: the period, and up to where it has happened."""

from __future__ import annotations

import datetime as dt

import pytest

from examples import shown, utc
from gpucost.core.money import HOUR_US
from gpucost.core.period import calendar_dates, days_between, local_date, period_of, rolling_dates
from gpucost.core.zones import Zone

TODAY = dt.date(2025, 8, 20)  # a Wednesday


@pytest.mark.parametrize(
    ("now", "until", "hours"),
    [
        ("2025-07-01", "2025-06-03", 24),  # long past
        ("2025-06-02T10:00", "2025-06-02T10:00", 10),  # under way
        ("2025-06-03", "2025-06-03", 24),  # just over
        ("2025-06-01", "2025-06-01", 0),  # all of it lies in the future
    ],
)
def test_the_future_is_never_in_a_cost(now: str, until: str, hours: int) -> None:
    period = period_of(utc("2025-06-02"), utc("2025-06-03"), utc(now))
    assert shown(period.data_until_us)[:10] == until[:10]
    assert period.data_until_us == min(utc("2025-06-03"), utc(now))
    assert period.covered_us == hours * HOUR_US


@pytest.mark.parametrize(
    ("unit", "offset", "first", "next_"),
    [
        ("Day", 0, "2025-08-20", "2025-08-21"),
        ("Day", -1, "2025-08-19", "2025-08-20"),
        ("Week", 0, "2025-08-18", "2025-08-25"),  # from Monday
        ("Week", -34, "2024-12-23", "2024-12-30"),
        ("Month", 0, "2025-08-01", "2025-09-01"),
        ("Month", -8, "2024-12-01", "2025-01-01"),
        ("Quarter", 0, "2025-07-01", "2025-10-01"),
        ("Quarter", -3, "2024-10-01", "2025-01-01"),
        ("Year", 0, "2025-01-01", "2026-01-01"),
        ("Year", -1, "2024-01-01", "2025-01-01"),
    ],
)
def test_calendar_units_count_from_the_one_that_holds_today(unit: str, offset: int, first: str, next_: str) -> None:
    found = calendar_dates(unit, offset, TODAY)
    assert [date.isoformat() for date in found] == [first, next_]


@pytest.mark.parametrize("unit", ["Day", "Week", "Month", "Quarter", "Year"])
def test_units_follow_each_other(unit: str) -> None:
    for offset in range(-40, 0):
        assert calendar_dates(unit, offset, TODAY)[1] == calendar_dates(unit, offset + 1, TODAY)[0]
    first, end = calendar_dates(unit, 0, TODAY)
    assert first <= TODAY < end


@pytest.mark.parametrize("weekday", range(7))
def test_a_week_begins_on_monday_whatever_day_today_is(weekday: int) -> None:
    monday = dt.date(2025, 8, 18)
    assert calendar_dates("Week", 0, monday + dt.timedelta(days=weekday)) == (monday, monday + dt.timedelta(days=7))


def test_rolling_days_end_with_yesterday_or_today() -> None:
    assert rolling_dates(30, False, TODAY) == (dt.date(2025, 7, 21), dt.date(2025, 8, 20))
    assert rolling_dates(30, True, TODAY) == (dt.date(2025, 7, 22), dt.date(2025, 8, 21))
    assert rolling_dates(1, False, TODAY) == (dt.date(2025, 8, 19), TODAY)


@pytest.mark.parametrize(
    ("zone", "start", "hours"),
    [("UTC", "2025-03-30", 24), ("Europe/Berlin", "2025-03-30", 23), ("Europe/Berlin", "2025-10-26", 25)],
)
def test_dates_are_midnights_of_the_billing_zone(zone: str, start: str, hours: int) -> None:
    day = dt.date.fromisoformat(start)
    first, end = days_between(day, day + dt.timedelta(days=1), Zone(zone))
    assert end - first == hours * HOUR_US


@pytest.mark.parametrize(
    ("zone", "date"),
    [("UTC", "2025-08-20"), ("Pacific/Kiritimati", "2025-08-21"), ("America/Los_Angeles", "2025-08-20")],
)
def test_today_is_what_the_calendar_on_the_wall_shows(zone: str, date: str) -> None:
    assert local_date(Zone(zone), utc("2025-08-20T23:30")).isoformat() == date


def test_today_holds_before_1970() -> None:
    assert local_date(Zone("UTC"), -1) == dt.date(1969, 12, 31)
