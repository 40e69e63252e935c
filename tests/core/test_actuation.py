"""The actuated clock: a pool's count changes when a Job of a CronJob that scales it has succeeded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from examples import counts, dollars, hours, utc, version
from gpucost.core.actuation import Records, Run, actuated, drift_of, runs_in_doubt
from gpucost.core.globs import Globs
from gpucost.core.issues import FAILED_RUNS, MISSED_RUNS, UNKNOWN_RUNS
from gpucost.core.money import parse_price
from gpucost.core.nodes import Clocks, NodeType, Pool, node_us, read_pools
from gpucost.core.prices import PriceStep, price_curve
from gpucost.core.schedule import by_pool
from gpucost.core.versions import KnownVersion, held_schedules
from gpucost.core.zones import UTC

MORNING = version("0 8 * * *", 4, name="morning")
EVENING = version("0 18 * * *", 0, name="evening")
START, END = utc("2025-06-02"), utc("2025-06-03")
A100 = NodeType("a100", Globs.of(["*"]), (PriceStep(parse_price("11"), None),))


def run(scheduled: str | None, ended: str | None, succeeded: bool | None = True, *, created: str = "") -> Run:
    """A Job that was made at its time, on the 2nd of June."""
    at = [None if text is None else utc(f"2025-06-02T{text}") for text in (scheduled, ended)]
    made = created or scheduled
    assert made is not None
    return Run(at[0], utc(f"2025-06-02T{made}"), at[1], succeeded)


def records(morning: list[Run], evening: list[Run], *gaps: tuple[int, int]) -> Records:
    return Records({MORNING.label: morning, EVENING.label: evening}, gaps)


HISTORIES = ((KnownVersion(MORNING),), (KnownVersion(EVENING),))


def pool(told: Records, histories: tuple[tuple[KnownVersion, ...], ...] = HISTORIES, initial: int | None = 0) -> Pool:
    held = held_schedules(histories, UTC, None).held
    clocks = Clocks(by_pool(held), actuated(histories, told), bill_done=True)
    (found,) = read_pools(clocks, [replace(A100, initial_nodes=initial)], START, END)
    return found


def node_hours(found: Pool) -> float:
    return hours(int(node_us(found.timeline.counts, np.array([START, END]))[0]))


def test_the_count_changes_when_the_job_is_done_not_when_it_was_due() -> None:
    """4 nodes from 8:05 to 18:03: 9 h 58 min, for 10 h scheduled."""
    found = pool(records([run("08:00", "08:05")], [run("18:00", "18:03")]))
    assert node_hours(found) == 4 * (9 + 58 / 60)
    assert hours(int(node_us(found.scheduled.counts, np.array([START, END]))[0])) == 40


def test_a_failed_and_a_missing_run_leave_the_count() -> None:
    """The evening's Job failed: 4 nodes until midnight. The morning's did not run at all: no nodes all day."""
    assert node_hours(pool(records([run("08:00", "08:00")], [run("18:00", "18:01", False)]))) == 4 * 16
    assert node_hours(pool(records([], [run("18:00", "18:00")]))) == 0


def test_a_run_by_hand_counts_too() -> None:
    by_hand = run(None, "20:00", created="19:59")
    assert node_hours(pool(records([run("08:00", "08:00"), by_hand], [run("18:00", "18:00")]))) == 4 * 10 + 4 * 4


def test_a_job_sets_the_count_of_the_version_that_made_it() -> None:
    """Edited at 8:02 from 4 to 6 while the Job of 8:00 still runs: it scales to 4."""
    edited = utc("2025-06-02T08:02")
    six = replace(MORNING, counts=counts(gpu=6))
    histories = ((KnownVersion(MORNING, ended_us=edited), KnownVersion(six, edited)), (KnownVersion(EVENING),))
    assert node_hours(pool(records([run("08:00", "08:05")], [run("18:00", "18:05")]), histories)) == 40
    late = records([run("08:00", "08:05"), run(None, "09:05", created="09:00")], [run("18:00", "18:05")])
    assert node_hours(pool(late, histories)) == 4 * 1 + 6 * 9


def test_the_count_at_the_start_is_that_of_the_last_success_before_it() -> None:
    yesterday = Run(START - 6 * 3_600_000_000, START - 6 * 3_600_000_000, START - 5 * 3_600_000_000, True)
    assert node_hours(pool(records([yesterday], [run("18:00", "18:00")]), initial=None)) == 4 * 18


def test_before_the_first_job_the_count_is_initial_or_unknown() -> None:
    told = records([run("08:00", "08:00")], [])
    assert pool(told, initial=1).timeline.nodes_at(START) == 1
    assert pool(told, initial=None).timeline.nodes_at(START) is None


def drift(told: Records) -> tuple[float, float] | None:
    found = pool(told)
    assert found.done is not None
    curve = price_curve(A100.prices, START)
    answer = drift_of(found.scheduled, found.done, curve.nano_per_hour, START, END)
    return None if answer is None else (hours(answer.node_us), dollars(answer.cost))


def test_drift_is_done_minus_scheduled_in_time_and_money() -> None:
    """Done 15 minutes late at night, on 4 nodes at 11: one node-hour, 11. Known from the first Job on."""
    assert drift(records([run("08:00", "08:00")], [run("18:00", "18:15")])) == (1.0, 11.0)
    assert drift(records([run("08:00", "08:00")], [run("18:00", "18:00")])) == (0.0, 0.0)


def test_drift_is_negative_where_less_was_done() -> None:
    early = run(None, "17:00", created="17:00")
    assert drift(records([run("08:00", "08:00")], [early, run("18:00", "18:00")])) == (-4.0, -44.0)


def test_drift_is_unknown_where_no_job_was_seen() -> None:
    assert drift(records([], [])) is None


def doubts(told: Records, until: int = END, ended: int = 0, seen: int = START) -> list[tuple[str, int]]:
    """``ended``: how long ago the period did. ``seen``: when the CronJobs were first seen."""
    held = [replace(schedule, seen_us=seen) for schedule in held_schedules(HISTORIES, UTC, None).held]
    return [(issue.reason, issue.count) for issue in runs_in_doubt(held, told, START, until, until + ended)]


def test_failed_and_missed_runs_are_named() -> None:
    assert doubts(records([run("08:00", "08:01")], [run("18:00", "18:01", False)])) == [(FAILED_RUNS, 1)]
    assert doubts(records([run("08:00", "08:01")], [])) == [(MISSED_RUNS, 1)]


def test_a_run_that_nobody_watched_is_an_issue_and_no_guess() -> None:
    away = utc("2025-06-02T17:00"), utc("2025-06-02T19:00")
    assert doubts(records([run("08:00", "08:01")], [], away)) == [(UNKNOWN_RUNS, 1)]
    assert doubts(records([run("08:00", "08:01")], [run("18:00", "18:01")], away)) == []


def test_a_run_that_is_only_just_due_is_not_missed_yet() -> None:
    at_eight = utc("2025-06-02T08:01")
    assert doubts(records([], []), until=at_eight) == []
    assert doubts(records([run("08:00", None, None)], []), until=utc("2025-06-02T12:00")) == []


def test_a_job_that_was_deleted_before_its_end_was_seen_is_an_issue() -> None:
    running = Run(utc("2025-06-02T18:00"), utc("2025-06-02T18:00"), None, None, gone=True)
    assert doubts(records([run("08:00", "08:01")], [running])) == [(UNKNOWN_RUNS, 1)]


def test_times_before_the_cronjob_was_first_seen_are_no_missed_runs() -> None:
    """Seen at noon, by an operator that had watched since ever: the CronJob did not exist at eight."""
    assert doubts(records([], [run("18:00", "18:01")]), seen=utc("2025-06-02T12:00")) == []


def test_of_an_ended_period_the_last_minutes_count_too() -> None:
    late = utc("2025-06-02T18:01")
    assert doubts(records([run("08:00", "08:01")], []), until=late) == []
    assert doubts(records([run("08:00", "08:01")], []), until=late, ended=3_600_000_000) == [(MISSED_RUNS, 1)]


def test_a_job_made_in_the_second_of_an_edit_is_of_the_edited_version() -> None:
    """Kubernetes tells creations in whole seconds, cut."""
    edited = utc("2025-06-02T08:00") + 500_000
    six = replace(MORNING, counts=counts(gpu=6))
    histories = ((KnownVersion(MORNING, ended_us=edited), KnownVersion(six, edited)), (KnownVersion(EVENING),))
    told = records([run(None, "08:00", created="08:00")], [run("18:00", "18:00")])
    assert node_hours(pool(told, histories)) == 60


def test_a_job_made_in_the_second_of_the_deletion_is_of_the_version_that_was_deleted() -> None:
    deleted = (KnownVersion(MORNING, ended_us=utc("2025-06-02T08:00") + 500_000),)
    told = records([run(None, "08:00", created="08:00")], [run("18:00", "18:00")])
    assert node_hours(pool(told, (deleted, (KnownVersion(EVENING),)))) == 40
