"""Section 2 of the method: what a cron line means to Kubernetes.

``fires.jsonl`` holds what robfig/cron does: rows ``{expr, tz, start, n, fires | error, ...}``, fires in epoch seconds,
strictly after start.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from croniter import CroniterError, croniter  # type: ignore[import-untyped]
from hypothesis import example, given
from hypothesis import strategies as st

from gpucost.core.cron import (
    LOOK_BACK_US,
    CronError,
    fires,
    next_fire,
    parse_cron,
    parse_duration_ns,
    previous_fire,
    robfig_differs,
)
from gpucost.core.money import HOUR_US, SECOND_US
from gpucost.core.zones import DAY_US, Zone

Row = dict[str, Any]

ROWS: list[Row] = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "cron" / "fires.jsonl").read_text("utf-8").splitlines()
]
WALL_CLOCK = [row for row in ROWS if row.get("wallclock_equal") is True]
ODD = [row for row in ROWS if row.get("wallclock_equal") is False]
EVERY = [row for row in ROWS if row["expr"].startswith("@every") and row["k8s_create_ok"]]
REFUSED = [row for row in ROWS if not row["k8s_create_ok"]]
HANGS = [row for row in ROWS if row.get("hang")]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_US = 60 * SECOND_US
FIVE_YEARS_US = (4 * 365 + 366) * DAY_US
ZONE_NAMES = sorted({row["tz"] for row in ROWS})


def utc(text: str) -> int:
    """Microseconds of an ISO instant, UTC."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def shown(instants: np.ndarray) -> list[str]:
    return [(EPOCH + timedelta(microseconds=int(us))).strftime("%Y-%m-%dT%H:%M") for us in instants]


def fired(text: str, zone: str, lo: str, hi: str) -> list[str]:
    return shown(fires(parse_cron(text), Zone(zone), utc(lo), utc(hi)))


def fires_of(row: Row) -> list[int]:
    """Our fires where the row has some: strictly after its start, up to its last fire (epoch seconds)."""
    start = row["start"] * SECOND_US
    last = row["fires"][-1] * SECOND_US if row["fires"] else start
    # robfig gives up when five years hold no further fire; then those years must be empty here as well
    until = last + FIVE_YEARS_US if row.get("exhausted") else last + 1
    found = fires(parse_cron(row["expr"]), Zone.parse(row["tz"]), start + 1, until, created_us=start)
    return [int(us) // SECOND_US for us in found]


class TestWhatKubernetesDoes:
    def test_the_corpus_is_whole(self) -> None:
        assert [len(rows) for rows in (WALL_CLOCK, EVERY, REFUSED, HANGS, ODD)] == [2901, 24, 97, 10, 110]
        assert sum(map(len, (WALL_CLOCK, EVERY, REFUSED, HANGS, ODD))) == len(ROWS)

    @pytest.mark.parametrize("zone", ZONE_NAMES)
    def test_every_row_that_goes_by_the_wall_clock_agrees(self, zone: str) -> None:
        rows = [row for row in WALL_CLOCK if row["tz"] == zone]
        assert [row["expr"] for row in rows if fires_of(row) != row["fires"]] == []

    def test_every_row_of_a_period_agrees(self) -> None:
        """``@every`` counts from the row's start and does not look at the zone."""
        assert [row["expr"] for row in EVERY if fires_of(row) != row["fires"]] == []

    @pytest.mark.parametrize("expr", [row["expr"] for row in REFUSED])
    def test_what_the_api_server_refuses_is_refused_with_a_reason(self, expr: str) -> None:
        with pytest.raises(CronError) as error:
            parse_cron(expr)
        assert error.value.field in ("minute", "hour", "day of month", "month", "day of week", "schedule")
        assert str(error.value) == f"{error.value.field}: {error.value.reason}"

    def test_where_robfig_never_returns_the_wall_clock_still_does(self) -> None:
        """All ten are Apia's, which skipped 2011-12-30: nothing fires on that day, and later days go on."""
        for row in HANGS:
            zone, start = Zone(row["tz"]), row["start"] * SECOND_US
            found = fires(parse_cron(row["expr"]), zone, start + 1, start + 800 * DAY_US)[: row["n"]]
            assert len(found) == row["n"]
            assert "2011-12-30" not in {text[:10] for text in shown(zone.local_us(found))}
            assert robfig_differs(zone, start, int(found[-1]))

    def test_rows_where_robfig_misbehaves_are_warned_of(self) -> None:
        for row in ODD:
            lo, hi = row["start"] * SECOND_US, row["fires"][-1] * SECOND_US
            assert robfig_differs(Zone(row["tz"]), lo, hi), row

    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Nuuk"])
    def test_well_behaved_zones_are_not(self, zone: str) -> None:
        assert not robfig_differs(Zone(zone), utc("2024-04-01"), utc("2030-01-01"))


class TestGrammar:
    @pytest.mark.parametrize(
        ("line", "same"),
        [
            ("@hourly", "0 * * * *"),
            ("@daily", "0 0 * * *"),
            ("@midnight", "0 0 * * *"),
            ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"),
            ("@annually", "0 0 1 1 *"),
            ("? ? ? ? ?", "* * * * *"),
            ("+5 007 * jan,FEB Mon-fri", "5 7 * 1,2 1-5"),
            ("50/5 20/3 * * *", "50,55 20,23 * * *"),  # n/s is n to max
            ("*-nonsense 8 * * *", "* 8 * * *"),  # after * or ? anything up to / is ignored
            ("?-1-2/30 8 * * *", "0,30 8 * * *"),
            (",,5,, 8 * * *", "5 8 * * *"),  # empty items are ignored
            (" \t5\u00a08 * * *\n", "5 8 * * *"),  # white space as Unicode has it
            ("0 8 1-31/32 * *", "0 8 1 * *"),
        ],
    )
    def test_two_ways_to_write_one_schedule(self, line: str, same: str) -> None:
        assert parse_cron(line).text == line
        assert replace(parse_cron(line), text=same) == parse_cron(same)

    @pytest.mark.parametrize(
        ("line", "field", "said"),
        [
            ("0 8 * * 7", "day of week", "'7' is not a number from 0 to 6 or a name from SUN to SAT; Sunday is 0"),
            ("0 22-6 * * *", "hour", "the range '22-6' runs backwards, from 22 to 6; write 22-23,0-6"),
            ("0 8 * * SAT-MON", "day of week", "the range 'SAT-MON' runs backwards, from 6 to 1; write 6,0-1"),
            ("*/0 * * * *", "minute", "the step '0' in '*/0' is not a whole number of at least 1"),
            ("0 8 L * *", "day of month", "'L' is not a number from 1 to 31; Kubernetes has no L, W, #, H or R"),
            ("0 8 * MARCH *", "month", "names have three letters, such as MAR"),
            ("0 8 1- * *", "day of month", "a number is missing in '1-'"),
            ("60 8 * * *", "minute", "'60' is not a number from 0 to 59"),
            ("0 0 8 * * *", "schedule", "has 6; there are no seconds and no year"),
            (" @daily", "schedule", "the @ must be the very first character"),
            ("@DAILY", "schedule", "unknown descriptor '@DAILY'; write @daily exactly"),
            ("@every 1d", "schedule", "@every: unknown unit 'd' in '1d'; units are ns, us, ms, s, m, h"),
            ("TZ=UTC 0 8 * * *", "schedule", "sets a time zone; that belongs in the CronJob's spec.timeZone"),
            ("5\x1c8 * * * *", "minute", "is not a number"),  # a separator to Python, not to Go
        ],
    )
    def test_an_error_says_where_and_what_is_allowed(self, line: str, field: str, said: str) -> None:
        with pytest.raises(CronError) as error:
            parse_cron(line)
        assert error.value.field == field
        assert said in error.value.reason

    @pytest.mark.parametrize("value", [None, 5, ["0 8 * * *"], ""])
    def test_a_schedule_is_text(self, value: object) -> None:
        with pytest.raises(CronError, match="must be five cron fields"):
            parse_cron(value)

    def test_an_error_stays_short(self) -> None:
        huge = "9" * 10_000
        for line in (f"{huge} 8 * * *", f"*/{huge} 8 * * *", huge, f"@every {huge}", f"@every {huge}h"):
            with pytest.raises(CronError) as error:
                parse_cron(line)
            assert len(str(error.value)) < 250

    @given(st.text("0123456789*?-/,+ @abehijmnouvyTZ=.\u00b5\u00a0\x1c", max_size=30) | st.text(max_size=20))
    def test_any_text_is_a_schedule_or_a_cron_error(self, text: str) -> None:
        try:
            schedule = parse_cron(text)
        except CronError:
            return
        assert schedule.text == text


class TestDayFields:
    """June 2025 begins on a Sunday: the Mondays are 2, 9, 16, 23 and 30."""

    @staticmethod
    def days(line: str) -> list[int]:
        return [int(text[8:10]) for text in fired(line, "UTC", "2025-06-01", "2025-07-01")]

    @pytest.mark.parametrize(
        ("line", "days"),
        [
            ("0 8 15 * 1", [2, 9, 15, 16, 23, 30]),  # no star: the 15th or a Monday
            ("0 8 15 * *", [15]),  # a star: both
            ("0 8 * * 1", [2, 9, 16, 23, 30]),
            ("0 8 */1 * 1", [2, 9, 16, 23, 30]),  # step 1 is a star still
            ("0 8 ?,15 * 1", [2, 9, 16, 23, 30]),  # one starred item is enough
            ("0 8 */10 * 1", [1, 2, 9, 11, 16, 21, 23, 30]),  # step 10 is none: 1, 11, 21, 31 or a Monday
            ("0 8 , * 1", [2, 9, 16, 23, 30]),  # an empty set, or a Monday
            ("0 8 , * *", []),  # an empty set and any weekday
            ("0 8 31 2,4,6,9,11 *", []),
        ],
    )
    def test_star_means_and_otherwise_or(self, line: str, days: list[int]) -> None:
        assert self.days(line) == days


class TestClockChanges:
    def test_a_skipped_minute_does_not_fire(self) -> None:
        found = fired("30 2 * * *", "Europe/Berlin", "2025-03-29", "2025-04-01")
        assert found == ["2025-03-29T01:30", "2025-03-31T00:30"]

    def test_a_repeated_minute_fires_twice(self) -> None:
        found = fired("30 2 * * *", "Europe/Berlin", "2025-10-26", "2025-10-27")
        assert found == ["2025-10-26T00:30", "2025-10-26T01:30"]

    def test_a_midnight_that_is_skipped_does_not_fire(self) -> None:
        found = fired("0 0 * * *", "America/Sao_Paulo", "2018-11-03", "2018-11-06")
        assert found == ["2018-11-03T03:00", "2018-11-05T02:00"]

    def test_a_day_that_is_skipped_does_not_fire(self) -> None:
        found = fired("0 12 * * *", "Pacific/Apia", "2011-12-29", "2012-01-01")
        assert found == ["2011-12-29T22:00", "2011-12-30T22:00", "2011-12-31T22:00"]  # the 29th, the 31st, the 1st

    def test_local_mean_time_fires_at_its_own_minutes(self) -> None:
        found = fires(parse_cron("0 8 * * *"), Zone("Africa/Monrovia"), utc("1972-01-06"), utc("1972-01-09"))
        assert np.diff(found).tolist() == [DAY_US - (44 * 60 + 30) * SECOND_US, DAY_US]


class TestRanges:
    def test_a_range_includes_its_start_and_not_its_end(self) -> None:
        assert fired("0 8 * * *", "UTC", "2025-06-01T08:00", "2025-06-02T08:00") == ["2025-06-01T08:00"]
        assert fired("0 8 * * *", "UTC", "2025-06-01T08:00", "2025-06-01T08:00") == []
        assert fired("0 8 * * *", "UTC", "2025-06-02", "2025-06-01") == []

    def test_microseconds_count(self) -> None:
        eight = utc("2025-06-01T08:00")
        assert len(fires(parse_cron("0 8 * * *"), Zone("UTC"), eight + 1, eight + DAY_US)) == 0
        assert len(fires(parse_cron("0 8 * * *"), Zone("UTC"), eight + 1, eight + DAY_US + 1)) == 1

    def test_every_minute_of_a_leap_year(self) -> None:
        found = fires(parse_cron("* * * * *"), Zone("Europe/Berlin"), utc("2024-01-01"), utc("2025-01-01"))
        assert np.array_equal(found, np.arange(utc("2024-01-01"), utc("2025-01-01"), MINUTE_US))


class TestEvery:
    @pytest.mark.parametrize(
        ("line", "seconds"),
        [("1h30m", 5400), ("1.5h", 5400), ("90m", 5400), ("2.9s", 2), ("1500ms", 1), ("0s", 1), ("-5m", 1), ("0", 1)],
    )
    def test_the_period_is_whole_seconds_and_at_least_one(self, line: str, seconds: int) -> None:
        assert parse_cron(f"@every {line}").every_us == seconds * SECOND_US

    def test_it_counts_from_the_creation_cut_to_the_second(self) -> None:
        created = utc("2025-06-01T10:20:30.750000")
        found = fires(parse_cron("@every 1h"), Zone("UTC"), created, created + 3 * HOUR_US, created_us=created)
        first = utc("2025-06-01T11:20:30")
        assert found.tolist() == [first, first + HOUR_US, first + 2 * HOUR_US]

    def test_a_stated_past_extends_its_periods_backwards(self) -> None:
        created = utc("2025-06-01T10:00")
        found = fires(
            parse_cron("@every 1h"), Zone("UTC"), created - HOUR_US, created + HOUR_US + 1, created_us=created
        )
        assert found.tolist() == [created - HOUR_US, created, created + HOUR_US]

    def test_without_a_creation_it_keeps_step_with_the_epoch(self) -> None:
        found = fires(parse_cron("@every 7h"), Zone("UTC"), -8 * HOUR_US, 8 * HOUR_US)
        assert (found // HOUR_US).tolist() == [-7, 0, 7]

    @pytest.mark.parametrize(
        ("text", "nanoseconds"),
        [
            ("0", 0),
            ("+5s", 5_000_000_000),
            ("-1.5h", -5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1h15m30.918273645s", 4_530_918_273_645),
            ("3ns2us1ms", 1_002_003),
            ("12\u00b5s", 12_000),
            ("12\u03bcs", 12_000),
            ("9223372036854775807ns", 2**63 - 1),
            ("2562047h47m16.854775807s", 2**63 - 1),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("0.100000000000000000000h", 360_000_000_000),
        ],
    )
    def test_durations_are_those_of_go(self, text: str, nanoseconds: int) -> None:
        """Most of them are from Go's own time_test.go."""
        assert parse_duration_ns(text) == nanoseconds

    @pytest.mark.parametrize(
        "text", ["", "3", "-", "s", ".", "-.", ".s", "+.s", "1d", "1h ", " 1h", "--1s", "\x85\x85", "1e3s", "\u0661s",
                 "1H", "1h-5m", "9223372036854775808ns", "2562047h47m16.854775808s"]
    )  # fmt: skip
    def test_what_go_refuses_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"duration|unit|longer"):
            parse_duration_ns(text)


class TestNeighbours:
    def test_the_fire_at_the_instant_counts_as_previous_and_not_as_next(self) -> None:
        daily, eight = parse_cron("0 8 * * *"), utc("2025-06-01T08:00")
        assert previous_fire(daily, Zone("UTC"), eight) == eight
        assert next_fire(daily, Zone("UTC"), eight) == eight + DAY_US

    @pytest.mark.parametrize(
        ("line", "previous", "next_"),
        [
            ("* * * * *", "2025-06-04T10:00", "2025-06-04T10:01"),
            ("0 8 * * 1-5", "2025-06-04T08:00", "2025-06-05T08:00"),
            ("0 8 5 * *", "2025-05-05T08:00", "2025-06-05T08:00"),
            ("0 8 5 6 *", "2024-06-05T08:00", "2025-06-05T08:00"),
            ("0 8 29 2 *", "2024-02-29T08:00", "2028-02-29T08:00"),
        ],
    )
    def test_it_is_found_however_far(self, line: str, previous: str, next_: str) -> None:
        at = utc("2025-06-04T10:00")
        assert previous_fire(parse_cron(line), Zone("UTC"), at) == utc(previous)
        assert next_fire(parse_cron(line), Zone("UTC"), at) == utc(next_)

    def test_eight_years_hold_a_29_february_even_around_2100(self) -> None:
        leap = parse_cron("0 8 29 2 *")
        assert previous_fire(leap, Zone("UTC"), utc("2104-02-29T07:59")) == utc("2096-02-29T08:00")
        assert next_fire(leap, Zone("UTC"), utc("2096-02-29T08:00")) == utc("2104-02-29T08:00")

    def test_a_schedule_that_never_fires_has_neither(self) -> None:
        assert previous_fire(parse_cron("0 8 30 2 *"), Zone("UTC"), utc("2025-06-01")) is None
        assert next_fire(parse_cron("0 8 30 2 *"), Zone("UTC"), utc("2025-06-01")) is None

    def test_nothing_before_since(self) -> None:
        daily, eight = parse_cron("0 8 * * *"), utc("2025-06-01T08:00")
        assert previous_fire(daily, Zone("UTC"), eight + HOUR_US, since_us=eight) == eight
        assert previous_fire(daily, Zone("UTC"), eight + HOUR_US, since_us=eight + 1) is None
        assert previous_fire(daily, Zone("UTC"), eight, since_us=eight + DAY_US) is None

    def test_a_period_starts_with_its_creation(self) -> None:
        created, hourly = utc("2025-06-01T10:00"), parse_cron("@every 1h")
        after = {"since_us": created + 1, "created_us": created}
        assert previous_fire(hourly, Zone("UTC"), created + HOUR_US - 1, **after) is None
        assert previous_fire(hourly, Zone("UTC"), created + HOUR_US, **after) == created + HOUR_US

    def test_the_windows_are_those_of_the_method(self) -> None:
        assert [us // DAY_US for us in LOOK_BACK_US] == [7, 31, 366, 2928]


class Field(NamedTuple):
    """A field as text, the values that it means, and whether it has a star: made side by side, not parsed."""

    text: str
    values: frozenset[int]
    star: bool


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> Field:
    step = draw(st.none() | st.integers(1, 12))
    suffix = "" if step is None else f"/{step}"
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    kind = draw(st.sampled_from(["star", "single", "range"]))
    if kind == "star":
        stepped = frozenset(v for v in range(low, high + 1) if (v - low) % (step or 1) == 0)
        return Field(draw(st.sampled_from("*?")) + suffix, stepped, step in (None, 1))
    if kind == "single":
        last = first if step is None else high
    text = f"{first}" if kind == "single" else f"{first}-{last}"
    stepped = frozenset(v for v in range(first, last + 1) if (v - first) % (step or 1) == 0)
    return Field(text + suffix, stepped, False)


def fields(low: int, high: int) -> st.SearchStrategy[Field]:
    return st.lists(items(low, high), min_size=1, max_size=3).map(
        lambda found: Field(
            ",".join(item.text for item in found),
            frozenset().union(*(item.values for item in found)),
            any(item.star for item in found),
        )
    )


schedules = st.tuples(fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), fields(0, 6))


@cache
def rules(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def changes(name: str) -> list[int]:
    return [int(us) for us in Zone(name).offsets(utc("1975-01-01"), utc("2037-01-01")).starts]


@st.composite
def places(draw: st.DrawFn) -> tuple[str, int]:
    """A zone and an instant from 1975 on, when offsets are whole minutes; mostly a day or less before a change."""
    name = draw(st.sampled_from(ZONE_NAMES))
    near = draw(st.sampled_from(changes(name))) - draw(st.integers(0, DAY_US))
    return name, draw(st.just(near) | st.integers(utc("1975-01-01"), utc("2037-01-01")))


def minute_by_minute(schedule: tuple[Field, ...], zone: str, lo_us: int, hi_us: int) -> list[int]:
    """The rule itself, slowly: walk the minutes, look at the local clock, compare."""
    found = []
    minutes, hours, doms, months, dows = schedule
    for us in range(-(-lo_us // MINUTE_US) * MINUTE_US, hi_us, MINUTE_US):
        local = datetime.fromtimestamp(us // SECOND_US, rules(zone))
        dom, dow = local.day in doms.values, local.isoweekday() % 7 in dows.values
        day = dom and dow if doms.star or dows.star else dom or dow
        if day and local.month in months.values and local.hour in hours.values and local.minute in minutes.values:
            found.append(us)
    return found


class TestAgainstAWalkThroughTheMinutes:
    @given(schedules, places())
    def test_the_same_minutes_fire(self, schedule: tuple[Field, ...], place: tuple[str, int]) -> None:
        zone, lo = place
        text, hi = " ".join(field.text for field in schedule), lo + 36 * HOUR_US
        assert fires(parse_cron(text), Zone(zone), lo, hi).tolist() == minute_by_minute(schedule, zone, lo, hi)

    @given(st.sampled_from(sorted({row["expr"] for row in WALL_CLOCK + EVERY})), places(), st.integers(0, 40 * DAY_US))
    @example("30 2 * * *", ("Europe/Berlin", utc("2025-10-26")), HOUR_US)
    def test_adjacent_ranges_add_up(self, line: str, place: tuple[str, int], length: int) -> None:
        schedule, zone, a = parse_cron(line), Zone(place[0]), place[1]
        b, c = a + length, a + 2 * length
        if (schedule.every_us or HOUR_US) < MINUTE_US:
            b, c = a + length // 1000, a + length // 500
        halves = np.concatenate([fires(schedule, zone, a, b), fires(schedule, zone, b, c)])
        assert np.array_equal(halves, fires(schedule, zone, a, c))


class TestAgainstCroniter:
    """A second opinion, in UTC: croniter also moves what a gap skips to the end of the gap.

    By design it cannot agree on these lines, and on no others:
    - it takes an equal range (``1-1``) for the whole field;
    - it takes ``*/1`` in a day field for no star, so that either day field suffices;
    - it refuses ``?`` outside a day field of its own, ``+5``, ``*-5``, empty items, and spaces beyond ASCII;
    - it raises where a schedule never fires.
    """

    START = datetime(2025, 1, 1)
    MISREAD = frozenset({"0 8 * * 1-1", "0 8 1-1 * *", "0 8-8 * * *", "5-5 8 * * *", "0 8 */1 * 1", "0 8 15 * */1"})
    NEVER = frozenset({"0 8 30 2 *", "0 8 31 2,4,6,9,11 *"})

    def opinion(self, line: str) -> str:
        """'agrees', 'differs' or 'refuses'."""
        try:
            walk = croniter(line, self.START)
            theirs = [utc(walk.get_next(datetime).isoformat()) for _ in range(12)]
        except CroniterError:
            return "refuses"
        ours = fires(parse_cron(line), Zone("UTC"), utc(self.START.isoformat()) + 1, theirs[-1] + 1)
        return "agrees" if ours.tolist() == theirs else "differs"

    def test_it_agrees_but_for_the_classes_above(self) -> None:
        lines = {row["expr"] for row in WALL_CLOCK}
        opinions = {line: self.opinion(line) for line in lines}
        assert {line for line in lines if opinions[line] == "differs"} == self.MISREAD
        refused = {line for line in lines if opinions[line] == "refuses"} - self.NEVER
        assert all("?" in line or "+" in line or "*-" in line or "," in line or not line.isascii() for line in refused)
        assert Counter(opinions.values())["agrees"] > 1400

    @pytest.mark.parametrize("line", ["0 8 * * 7", "0 0 8 * * *", "0 8 * * L5", "0 8 * * 1#1", "R 8 * * *"])
    def test_it_accepts_what_kubernetes_refuses(self, line: str) -> None:
        assert croniter.is_valid(line)
        with pytest.raises(CronError):
            parse_cron(line)
