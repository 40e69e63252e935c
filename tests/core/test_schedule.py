"""Section 2 of the method: from schedules to node counts. The golden numbers are those of section 7."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import held, hours, ints, shown, utc, version
from gpucost.core.globs import Globs
from gpucost.core.money import HOUR_US, NANO, SECOND_US
from gpucost.core.nodes import UNKNOWN_TYPE, Clocks, NodeType, node_us, read_pools, type_of, use_of_type
from gpucost.core.prices import PriceStep
from gpucost.core.scaling import ScheduleVersion
from gpucost.core.schedule import FOR_EVER, HeldSchedule, PoolTimeline, by_pool, next_change, pool_timeline
from gpucost.core.steps import Steps
from gpucost.core.versions import KnownVersion, first_held_us, held_schedules, zones_to_warn_of
from gpucost.core.zones import DAY_US, Zone

MONTHS = json.loads((Path(__file__).parents[1] / "data" / "cron" / "node_hours.json").read_text("utf-8"))["cases"]


def line_of(schedules: tuple[HeldSchedule, ...], start: str, end: str, initial: int | None = None) -> PoolTimeline:
    """The node count of the one pool of these schedules."""
    return pool_timeline("gpu", schedules, utc(start), utc(end), initial=initial, origin="initialNodes")


def node_hours(counts: Steps, start: str, end: str) -> float:
    return hours(node_us(counts, ints(utc(start), utc(end))).sum())


def counts_of(line: PoolTimeline) -> list[tuple[str, int | None]]:
    """The steps as (instant, nodes); None where the count is unknown."""
    columns = (line.counts.starts.tolist(), line.counts.values.tolist(), line.known.values.tolist())
    return [(shown(t), nodes if known else None) for t, nodes, known in zip(*columns, strict=True)]


class TestGoldenNumbers:
    """a100: 2 from 8:00, 4 from 12:00 on working days, 0 on weekends; l4: 6 from 9:00, 12 from 15:00 on weekends."""

    SCHEDULES = held(
        version("0 8 * * 1-5", 2, "a100"),
        version("0 12 * * 1-5", 4, "a100"),
        version("0 0 * * 0,6", 0, "a100"),
        version("0 9 * * 1-5", 6, "l4"),
        version("0 15 * * 0,6", 12, "l4"),
    )
    TYPES = tuple(
        NodeType(name, Globs.of([name]), (PriceStep(price * NANO),)) for name, price in (("a100", 11), ("l4", 1))
    )

    def use(self, name: str, start: str, end: str) -> tuple[float, float]:
        """Node-hours and cost."""
        pools = read_pools(Clocks(by_pool(self.SCHEDULES)), self.TYPES, utc(start), utc(end))
        prices = next(kind.prices for kind in self.TYPES if kind.name == name)
        use = use_of_type(name, pools, prices, utc(start), utc(end))
        edges = ints(utc(start), utc(end))
        return hours(node_us(use.counts, edges).sum()), use.cost.between(edges).sum() / NANO

    @pytest.mark.parametrize(
        ("day", "a100", "l4"),
        [
            ("2025-06-02", 56, 198),  # Monday: a100 0 until 8:00; l4 12 until 9:00
            ("2025-06-03", 88, 144),
            ("2025-06-04", 88, 144),
            ("2025-06-05", 88, 144),
            ("2025-06-06", 88, 144),
            ("2025-06-07", 0, 198),  # Saturday: l4 6 until 15:00
            ("2025-06-08", 0, 288),
        ],
    )
    def test_each_day_of_a_week(self, day: str, a100: int, l4: int) -> None:
        end = shown(utc(day) + DAY_US)
        assert self.use("a100", day, end) == (a100, 11 * a100)
        assert self.use("l4", day, end) == (l4, l4)

    def test_a_week(self) -> None:
        assert self.use("a100", "2025-06-02", "2025-06-09")[0] == 408
        assert self.use("l4", "2025-06-02", "2025-06-09")[0] == 1260

    def test_a_summer(self) -> None:
        a100, l4 = (self.use(name, "2025-06-01", "2025-09-01") for name in ("a100", "l4"))
        assert a100 == (5304, 58_344)
        assert l4 == (16_668, 16_668)
        assert a100[1] + l4[1] == 75_012

    def test_a_summer_to_the_22nd_of_august(self) -> None:
        assert sum(self.use(name, "2025-06-01", "2025-08-22")[1] for name in ("a100", "l4")) == 67_666

    def test_minutes_count(self) -> None:
        schedules = held(version("0 8 * * *", 2), version("30 8 * * *", 4), version("0 18 * * *", 0))
        assert node_hours(line_of(schedules, "2025-06-02", "2025-06-03").counts, "2025-06-02", "2025-06-03") == 39

    def test_pools_of_one_type_are_summed(self) -> None:
        schedules = held(
            version("0 8 * * *", 3, "gpu-1"),
            version("0 18 * * *", 0, "gpu-1"),
            version("0 8 * * *", 5, "gpu-2"),
            version("0 20 * * *", 0, "gpu-2"),
        )
        start, end = utc("2025-06-02"), utc("2025-06-03")
        pools = read_pools(Clocks(by_pool(schedules)), [NodeType("gpu", Globs.of(["gpu-*"]))], start, end)
        use = use_of_type("gpu", pools, [], start, end)
        assert [pool.name for pool in use.pools] == ["gpu-1", "gpu-2"]
        assert hours(node_us(use.counts, ints(start, end)).sum()) == 90

    def test_the_count_is_carried_over_midnight(self) -> None:
        counts = line_of(held(version("0 18 * * *", 4), version("0 6 * * *", 1)), "2025-06-02", "2025-06-05").counts
        for day, next_day in pairwise(["2025-06-02", "2025-06-03", "2025-06-04", "2025-06-05"]):
            assert node_hours(counts, day, next_day) == 60


@pytest.mark.parametrize("month", MONTHS, ids=lambda month: f"{month['tz']}-{month['start'][:10]}")
def test_a_month_of_the_corpus(month: dict[str, Any]) -> None:
    """Breakpoints, node time and conflicts to the second, with and without clock changes."""
    start, end = month["start_epoch"] * SECOND_US, month["end_epoch"] * SECOND_US
    jobs = [version(job["schedule"], job["nodes"], name=f"job-{i}") for i, job in enumerate(month["crons"])]
    line = pool_timeline("gpu", held(*jobs, zone=month["tz"]), start, end, initial=month["initial"])
    breakpoints = [list(step) for step in zip(line.counts.starts // SECOND_US, line.counts.values, strict=True)]
    assert breakpoints == without_repeats(month["breakpoints"])
    assert node_us(line.counts, ints(start, end)).sum() == month["node_seconds"] * SECOND_US
    inside = [c.at_us // SECOND_US for c in line.conflicts if c.at_us > start]
    assert inside == [t for t in month["conflicts"] if t > month["start_epoch"]]


def without_repeats(breakpoints: list[list[int]]) -> list[list[int]]:
    """Breakpoints at which the count changes."""
    return [now for before, now in pairwise([[0, -1], *breakpoints]) if now[1] != before[1]]


class TestTheCountAtTheStart:
    START, END = "2025-06-02T10:00", "2025-06-02T20:00"

    def test_a_fire_at_the_start_counts_and_one_at_the_end_does_not(self) -> None:
        line = line_of(held(version("0 10 * * *", 3), version("0 20 * * *", 5)), self.START, self.END)
        assert counts_of(line) == [("2025-06-02T10:00", 3)]

    def test_the_latest_fire_before_it_counts_whichever_cronjob_it_is_of(self) -> None:
        line = line_of(held(version("0 9 * * *", 3), version("0 18 1 * *", 7)), self.START, self.END)
        assert counts_of(line) == [("2025-06-02T10:00", 3)]
        assert line.causes == ("ops/0 9 * * *",)

    @pytest.mark.parametrize(
        ("schedule", "how_long_ago"),
        [
            ("0 8 * * 1", "this morning"),
            ("0 8 5 * *", "28 days"),
            ("0 8 5 6 *", "almost a year"),
            ("0 0 29 2 *", "the last leap day, 2024-02-29"),
        ],
    )
    def test_it_is_looked_for_up_to_eight_years_back(self, schedule: str, how_long_ago: str) -> None:
        line = line_of(held(version(schedule, 3)), self.START, self.END)
        assert counts_of(line) == [("2025-06-02T10:00", 3)], how_long_ago

    def test_a_leap_day_is_found_even_eight_years_back(self) -> None:
        """1900 was no leap year: the last one before 1904 was 1896."""
        line = line_of(held(version("0 0 29 2 *", 3)), "1904-02-28", "1904-02-29")
        assert counts_of(line) == [("1904-02-28T00:00", 3)]

    def test_without_a_fire_the_pool_begins_with_its_initial_nodes(self) -> None:
        schedules = held(version("0 12 * * *", 3, created_us=utc(self.START)))
        line = line_of(schedules, self.START, self.END, initial=2)
        assert counts_of(line) == [("2025-06-02T10:00", 2), ("2025-06-02T12:00", 3)]
        assert line.causes == ("initialNodes", "ops/0 12 * * *")

    def test_without_these_it_is_unknown_and_never_a_silent_zero(self) -> None:
        line = line_of(held(version("0 12 * * *", 0, created_us=utc(self.START))), self.START, self.END)
        assert counts_of(line) == [("2025-06-02T10:00", None), ("2025-06-02T12:00", 0)]
        uncovered = Steps(line.known.starts, 1 - line.known.values)
        assert node_hours(uncovered, self.START, self.END) == 2

    def test_a_pool_without_any_fire_is_unknown_throughout(self) -> None:
        assert counts_of(line_of(held(version("0 0 30 2 *", 3)), self.START, self.END)) == [("2025-06-02T10:00", None)]


class TestConflicts:
    def test_the_largest_count_stands_and_the_conflict_is_reported(self) -> None:
        schedules = held(
            version("0 8 * * 1", 2, name="low"), version("0 8 * * *", 5, name="high"), version("0 12 * * *", 0)
        )
        line = line_of(schedules, "2025-06-02", "2025-06-04")
        assert counts_of(line)[1:] == [
            ("2025-06-02T08:00", 5),
            ("2025-06-02T12:00", 0),
            ("2025-06-03T08:00", 5),
            ("2025-06-03T12:00", 0),
        ]
        (conflict,) = line.conflicts
        assert (shown(conflict.at_us), conflict.labels, conflict.nodes) == (
            "2025-06-02T08:00",
            ("ops/high", "ops/low"),
            (5, 2),
        )

    def test_equal_counts_are_no_conflict(self) -> None:
        line = line_of(
            held(version("0 8 * * *", 2, name="a"), version("0 8 * * *", 2, name="b")), "2025-06-02", "2025-06-03"
        )
        assert line.conflicts == ()

    def test_a_conflict_before_the_start_decides_the_count_at_the_start(self) -> None:
        line = line_of(held(version("0 8 * * *", 2), version("0 8 * * 1", 6)), "2025-06-02T10:00", "2025-06-02T12:00")
        assert counts_of(line) == [("2025-06-02T10:00", 6)]


class TestSinceWhenAScheduleHolds:
    EIGHT = utc("2025-06-02T08:00")

    @pytest.mark.parametrize(
        ("created", "valid_from", "assumed_from", "since"),
        [
            (None, None, None, -(2**62)),  # a file without creationTimestamp: since ever
            (10, None, None, 11),  # fires strictly after creation
            (10, None, 5, 5),  # inclusive
            (10, 7, 5, 7),  # the annotation wins
            (10, 20, 5, 20),  # also where it is later
            (None, None, 5, 5),
        ],
    )
    def test_valid_from_else_assumed_else_created_else_ever(
        self, created: int | None, valid_from: int | None, assumed_from: int | None, since: int
    ) -> None:
        stated = version("0 8 * * *", 1, created_us=created, valid_from_us=valid_from)
        assert first_held_us(stated, assumed_from) == since

    @pytest.mark.parametrize(
        ("stated", "nodes"),
        [({"created_us": EIGHT}, None), ({"created_us": EIGHT - 1}, 3), ({"valid_from_us": EIGHT}, 3),
         ({"valid_from_us": EIGHT + 1}, None), ({"created_us": EIGHT + DAY_US, "valid_from_us": EIGHT}, 3)],
    )  # fmt: skip
    def test_a_fire_at_valid_from_counts_and_one_at_creation_does_not(
        self, stated: dict[str, int], nodes: int | None
    ) -> None:
        line = line_of(held(version("0 8 * * *", 3, **stated)), "2025-06-02T09:00", "2025-06-02T10:00")
        assert counts_of(line) == [("2025-06-02T09:00", nodes)]

    def test_assume_schedules_from_gives_recreated_cronjobs_their_past(self) -> None:
        recreated = version("0 8 * * *", 3, created_us=utc("2025-07-01"))
        found = held_schedules([[KnownVersion(recreated)]], Zone("UTC"), utc("2025-06-01"))
        line = pool_timeline("gpu", found.held, utc("2025-06-01"), utc("2025-06-03"), initial=None)
        assert counts_of(line) == [("2025-06-01T00:00", None), ("2025-06-01T08:00", 3)]

    def test_the_zone_is_the_cronjob_s_else_the_cluster_s(self) -> None:
        schedules = held(
            version("0 8 * * *", 3, time_zone="America/New_York"), version("0 9 * * *", 0), zone="Europe/Berlin"
        )
        assert counts_of(line_of(schedules, "2025-06-02T07:00", "2025-06-03T07:00")) == [
            ("2025-06-02T07:00", 0),
            ("2025-06-02T12:00", 3),
        ]


def history(*versions: tuple[ScheduleVersion, str | None, str | None]) -> list[KnownVersion]:
    """Versions of one CronJob, each with the instants at which it was edited in and out."""
    return [
        KnownVersion(v, utc(edited) if edited else None, utc(ended) if ended else None) for v, edited, ended in versions
    ]


class TestHistory:
    """A CronJob that was edited on Tuesday at 10:00."""

    TUESDAY = "2025-06-03T10:00"

    def test_an_edit_does_not_reprice_the_past(self) -> None:
        edited = history((version("0 8 * * *", 2), None, self.TUESDAY), (version("0 8 * * *", 5), self.TUESDAY, None))
        assert counts_of(line_of(held(edited), "2025-06-02T09:00", "2025-06-05")) == [
            ("2025-06-02T09:00", 2),
            ("2025-06-04T08:00", 5),  # an edit is no fire
        ]

    def test_a_later_version_holds_from_its_edit_whatever_valid_from_says(self) -> None:
        later = version("0 8 * * *", 5, valid_from_us=utc("2025-06-01"))
        edited = history((version("0 8 * * *", 2), None, self.TUESDAY), (later, self.TUESDAY, None))
        line = line_of(held(edited), "2025-06-02T09:00", "2025-06-05")
        assert counts_of(line) == [("2025-06-02T09:00", 2), ("2025-06-04T08:00", 5)]

    def test_a_fire_at_the_instant_of_the_edit_is_the_new_version_s(self) -> None:
        edited = history((version("0 10 * * *", 2), None, self.TUESDAY), (version("0 10 * * *", 5), self.TUESDAY, None))
        assert counts_of(line_of(held(edited), "2025-06-03", "2025-06-04"))[1:] == [("2025-06-03T10:00", 5)]

    def test_deletion_keeps_the_value(self) -> None:
        gone = history((version("0 8 * * *", 2), None, self.TUESDAY))
        assert counts_of(line_of(held(gone), "2025-06-03", "2025-06-30")) == [("2025-06-03T00:00", 2)]

    def test_only_the_first_known_version_is_assumed(self) -> None:
        edited = history((version("0 8 * * *", 2), None, self.TUESDAY), (version("0 8 * * *", 5), self.TUESDAY, None))
        assert [schedule.seen_us for schedule in held(edited)] == [FOR_EVER, utc(self.TUESDAY)]

    def test_another_cronjob_of_the_same_name_catches_up_with_nothing(self) -> None:
        """Suspended, deleted on Tuesday, made anew without suspension: Kubernetes knows of no missed run."""
        asleep, awake = version("0 8 * * *", 2, suspended=True), version("0 8 * * *", 5)
        anew = replace(awake, uid="another")
        assert held(history((asleep, None, self.TUESDAY), (awake, self.TUESDAY, None)))[1].extra_fires
        assert not held(history((asleep, None, self.TUESDAY), (anew, self.TUESDAY, None)))[1].extra_fires
        gap = history((asleep, None, self.TUESDAY), (awake, "2025-06-04T10:00", None))
        assert not held(gap)[1].extra_fires

    def test_a_version_that_is_refused_is_an_issue_and_leaves_the_others(self) -> None:
        found = held_schedules(
            [
                history((version("0 8 * * 7", 2, name="sunday"), None, None)),
                history((version("0 8 * * *", 2, name="moon", time_zone="Moon/Sea"), None, None)),
                history((version("0 8 * * *", 2, name="fine"), None, None)),
            ],
            Zone("UTC"),
            None,
        )
        assert [schedule.label for schedule in found.held if not schedule.suspended] == ["ops/fine"]
        assert [schedule.label for schedule in found.held if schedule.suspended] == ["ops/sunday", "ops/moon"]
        assert [issue.message.partition("; it sets")[0] for issue in found.issues] == [
            "CronJob ops/sunday: spec.schedule day of week: '7' is not a number from 0 to 6 or a name from SUN to SAT; "
            "Sunday is 0",
            "CronJob ops/moon: spec.timeZone there is no time zone 'Moon/Sea'; names look like Europe/Berlin",
        ]

    def test_zones_in_which_kubernetes_misfires_are_warned_of(self) -> None:
        schedules = held(version("0 8 * * *", 2, time_zone="Australia/Lord_Howe"), version("0 9 * * *", 2))
        (issue,) = zones_to_warn_of(schedules, utc("2025-04-01"), utc("2025-05-01"))
        assert issue.message.startswith("zone Australia/Lord_Howe changes its clock at midnight or by half an hour")


class TestSuspension:
    """0 8 * * * -> 2, 0 20 * * * -> 0; the morning's CronJob is suspended on Monday at 22:00."""

    EVENING = version("0 20 * * *", 0)
    SUSPENDED, RESUMED = "2025-06-02T22:00", "2025-06-04T10:00"

    def morning(self, *, deadline: int | None = None, resumed: str = RESUMED) -> list[KnownVersion]:
        active = version("0 8 * * *", 2, starting_deadline_seconds=deadline)
        asleep = version("0 8 * * *", 2, starting_deadline_seconds=deadline, suspended=True)
        return history((active, None, self.SUSPENDED), (asleep, self.SUSPENDED, resumed), (active, resumed, None))

    def counts(self, morning: list[KnownVersion]) -> list[tuple[str, int | None]]:
        return counts_of(line_of(held(morning, self.EVENING), "2025-06-02", "2025-06-06"))

    def test_suspended_it_does_not_fire_and_the_value_stays(self) -> None:
        asleep = version("0 8 * * *", 2, suspended=True)
        morning = history((version("0 8 * * *", 2), None, "2025-06-02T10:00"), (asleep, "2025-06-02T10:00", None))
        assert counts_of(line_of(held(morning), "2025-06-02T09:00", "2025-06-30")) == [("2025-06-02T09:00", 2)]

    def test_unsuspended_it_catches_up_once(self) -> None:
        """The fires of Tuesday and Wednesday 8:00 were missed: one run at Wednesday 10:00 makes up for both."""
        assert self.counts(self.morning()) == [
            ("2025-06-02T00:00", 0),
            ("2025-06-02T08:00", 2),
            ("2025-06-02T20:00", 0),
            ("2025-06-04T10:00", 2),
            ("2025-06-04T20:00", 0),
            ("2025-06-05T08:00", 2),
            ("2025-06-05T20:00", 0),
        ]

    @pytest.mark.parametrize(("deadline", "caught_up"), [(7_199, False), (7_200, True), (3 * 86_400, True), (0, False)])
    def test_only_if_the_starting_deadline_allows_it(self, deadline: int, caught_up: bool) -> None:
        """The last missed time is two hours, 7200 s, before the un-suspending."""
        assert (("2025-06-04T10:00", 2) in self.counts(self.morning(deadline=deadline))) is caught_up

    def test_not_if_nothing_was_missed(self) -> None:
        counts = self.counts(self.morning(resumed="2025-06-03T07:00"))
        assert counts[3] == ("2025-06-03T08:00", 2)

    def test_a_time_missed_before_an_edit_while_suspended_is_caught_up_too(self) -> None:
        """Suspended Monday 22:00, edited (to 3 nodes) Tuesday 12:00, resumed Tuesday 14:00: 8:00 was missed."""
        asleep, edited = version("0 8 * * *", 2, suspended=True), version("0 8 * * *", 3, suspended=True)
        morning = history(
            (version("0 8 * * *", 2), None, self.SUSPENDED),
            (asleep, self.SUSPENDED, "2025-06-03T12:00"),
            (edited, "2025-06-03T12:00", "2025-06-03T14:00"),
            (version("0 8 * * *", 3), "2025-06-03T14:00", None),
        )
        assert ("2025-06-03T14:00", 3) in self.counts(morning)


class TestPools:
    def test_the_first_rule_that_matches_names_the_type(self) -> None:
        types = [NodeType("a100", Globs.of(["*a100*"])), NodeType("gpu", Globs.of(["gpu-*", "L4"]))]
        names = ("gpu-A100-spot", "gpu-l4", "l4", "cpu")
        assert [type_of(name, types) for name in names] == ["a100", "gpu", "gpu", UNKNOWN_TYPE]

    def test_pools_are_ordered_by_the_bytes_of_their_names(self) -> None:
        schedules = held(*(version("0 8 * * *", 1, pool) for pool in ("b", "é", "B", "a", "\U0001f600", "\uffff")))
        assert list(by_pool(schedules)) == ["B", "a", "b", "é", "\uffff", "\U0001f600"]

    def test_each_pool_of_a_type_begins_with_its_initial_nodes(self) -> None:
        schedules = held(version("0 0 30 2 *", 1, "gpu-1"), version("0 0 30 2 *", 1, "gpu-2"))
        start, end = utc("2025-06-02T10:10"), utc("2025-06-03")
        pools = read_pools(Clocks(by_pool(schedules)), [NodeType("gpu", Globs.of(["*"]), initial_nodes=3)], start, end)
        assert [(pool.nodes_at(start), pool.timeline.causes) for pool in pools] == [(3, ("initialNodes of gpu",))] * 2
        assert shown(pools[0].timeline.counts.starts[0]) == "2025-06-02T10:00"  # costs are anchored there

    def test_nodes_without_a_price_are_counted(self) -> None:
        """4 nodes all day, a price from 18:00 on: 72 node-hours unpriced."""
        start, end = utc("2025-06-02"), utc("2025-06-03")
        pools = read_pools(Clocks(by_pool(held(version("@daily", 4)))), [], start, end)
        use = use_of_type(UNKNOWN_TYPE, pools, [PriceStep(5, start + 18 * HOUR_US)], start, end)
        assert hours(node_us(use.unpriced(), ints(start, end)).sum()) == 72

    def test_the_next_change_is_the_first_fire_that_changes_the_count(self) -> None:
        schedules = held(version("0 8 * * *", 4), version("0 20 * * 5", 0))
        change = next_change("gpu", schedules, utc("2025-06-02T10:00"), 4)  # a Monday
        assert change is not None
        assert (shown(change.at_us), change.nodes, change.label) == ("2025-06-06T20:00", 0, "ops/0 20 * * 5")
        assert next_change("gpu", held(version("0 8 * * *", 4)), utc("2025-06-02T10:00"), 4) is None


class TestWeekendFlag:
    """The schedule table's is_weekend restricts the days where spec.nodePools.scheduleTable.dayTypeSource is Flag."""

    @pytest.mark.parametrize(("weekend", "days"), [(None, "1234567"), (False, "23456"), (True, "178")])
    def test_it_restricts_fires_to_its_days(self, weekend: bool | None, days: str) -> None:
        (schedule,) = held(version("0 8 * * *", 1))
        flagged = HeldSchedule("row 1", "gpu", 1, schedule.cron, Zone("UTC"), weekend=weekend)
        fired = "".join(shown(t)[9] for t in flagged.fires(utc("2025-06-01"), utc("2025-06-09")))
        assert fired == (days if weekend is not None else "12345678")

    def test_the_day_is_that_of_its_own_zone(self) -> None:
        """Friday 20:00 in New York is Saturday in UTC."""
        (schedule,) = held(version("0 20 * * *", 1))
        zone = Zone("America/New_York")
        flagged = HeldSchedule("row 1", "gpu", 1, schedule.cron, zone, weekend=True)
        found = [shown(t) for t in flagged.fires(utc("2025-06-06"), utc("2025-06-10"))]
        assert found == ["2025-06-08T00:00", "2025-06-09T00:00"]  # Saturday and Sunday evening


TEXTS = ["0 8 * * *", "30 */6 * * *", "@every 95m", "15 0 * * 1-5", "0 0 1 * *"]


@st.composite
def pools(draw: st.DrawFn) -> tuple[HeldSchedule, ...]:
    jobs = draw(st.lists(st.tuples(st.sampled_from(TEXTS), st.integers(0, 4)), min_size=1, max_size=4))
    return held(*(version(text, nodes, name=f"job-{i}") for i, (text, nodes) in enumerate(jobs)), zone="Europe/Berlin")


@given(pools(), st.lists(st.integers(0, 5 * 1440), min_size=3, max_size=3, unique=True))
def test_a_later_start_gives_the_rest_of_the_same_step_function(
    schedules: tuple[HeldSchedule, ...], cuts: list[int]
) -> None:
    """The count at any instant does not depend on where one begins to look. 2025-10-26 has 25 hours."""
    start, later, end = (utc("2025-10-24") + minutes * 60 * SECOND_US for minutes in sorted(cuts))
    whole = pool_timeline("gpu", schedules, start, end, initial=7)
    rest = pool_timeline("gpu", schedules, later, end, initial=7)
    instants = ints(later, *rest.counts.starts.tolist(), end - 1)
    assert whole.counts.at(instants).tolist() == rest.counts.at(instants).tolist()
    edges = ints(later, end)
    assert node_us(whole.counts, edges).sum() == node_us(rest.counts, edges).sum()
