"""A CronJob that sets several pools is, for each of them, a CronJob that sets this one (section 2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import counts, held, shown, utc, version
from gpucost.core.actuation import Records, Run, actuated, runs_in_doubt
from gpucost.core.issues import FAILED_RUNS, INVALID_SCHEDULE, MISSED_RUNS, ROBFIG_DIFFERS
from gpucost.core.scaling import ScheduleVersion
from gpucost.core.schedule import HeldSchedule, by_pool, pool_timeline
from gpucost.core.versions import KnownVersion, held_schedules, zones_to_warn_of
from gpucost.core.zones import UTC, Zone

START, END = utc("2025-06-02"), utc("2025-06-04")
NOON = utc("2025-06-03T12:00")
UP = version("0 8 * * *", {"gpu-l4": 2, "gpu-t4": 4}, name="up")
DOWN = version("0 20 * * *", {"gpu-l4": 0, "gpu-t4": 0}, name="down")


def steps_of(schedules: tuple[HeldSchedule, ...], pool: str) -> list[tuple[str, int | None]]:
    """When the pool's count changed, and to how many nodes (None: unknown)."""
    line = pool_timeline(pool, by_pool(schedules).get(pool, ()), START, END, initial=None)
    return [(shown(at), nodes) for at, nodes, _ in line.changes(START)]


def test_each_fire_sets_every_pool() -> None:
    schedules = held(UP, DOWN)
    assert set(by_pool(schedules)) == {"gpu-l4", "gpu-t4"}
    for pool, nodes in (("gpu-l4", 2), ("gpu-t4", 4)):
        assert steps_of(schedules, pool) == [
            ("2025-06-02T00:00", 0),
            ("2025-06-02T08:00", nodes),
            ("2025-06-02T20:00", 0),
            ("2025-06-03T08:00", nodes),
            ("2025-06-03T20:00", 0),
        ]


def test_an_edit_that_drops_a_pool_leaves_its_count() -> None:
    """On 3 June at noon gpu-t4 is dropped from both CronJobs: at 20:00 only gpu-l4 goes to 0."""
    histories = [
        [KnownVersion(one, ended_us=NOON), KnownVersion(replace(one, counts=one.counts[:1]), NOON)]
        for one in (UP, DOWN)
    ]
    schedules = held(*histories)
    assert steps_of(schedules, "gpu-l4")[-2:] == [("2025-06-03T08:00", 2), ("2025-06-03T20:00", 0)]
    assert steps_of(schedules, "gpu-t4")[-2:] == [("2025-06-02T20:00", 0), ("2025-06-03T08:00", 4)]


def test_a_pool_that_an_edit_adds_is_unknown_before() -> None:
    first = replace(UP, counts=counts(**{"gpu-l4": 2}))
    schedules = held([KnownVersion(first, ended_us=NOON), KnownVersion(UP, NOON)], DOWN)
    assert steps_of(schedules, "gpu-l4")[:2] == [("2025-06-02T00:00", 0), ("2025-06-02T08:00", 2)]
    late = held([KnownVersion(first, ended_us=NOON), KnownVersion(UP, NOON)])
    assert steps_of(late, "gpu-t4") == [("2025-06-02T00:00", None)]


def test_an_unsuspended_cronjob_catches_up_for_all_its_pools() -> None:
    asleep = replace(UP, suspended=True)
    schedules = held([KnownVersion(asleep, ended_us=NOON), KnownVersion(UP, NOON)])
    for pool, nodes in (("gpu-l4", 2), ("gpu-t4", 4)):
        assert steps_of(schedules, pool) == [("2025-06-02T00:00", None), ("2025-06-03T12:00", nodes)]


def test_a_schedule_that_is_refused_is_one_issue_and_leaves_all_its_pools_unknown() -> None:
    found = held_schedules([[KnownVersion(replace(UP, schedule="0 8 * * 7"))]], UTC, None)
    assert [issue.reason for issue in found.issues] == [INVALID_SCHEDULE]
    for pool in UP.pools:
        assert steps_of(found.held, pool) == [("2025-06-02T00:00", None)]


def test_a_zone_to_warn_of_counts_cronjobs_not_pools() -> None:
    schedules = held(UP, DOWN, zone="America/Havana")
    (issue,) = zones_to_warn_of(schedules, utc("2025-01-01"), utc("2026-01-01"))
    assert (issue.reason, issue.count) == (ROBFIG_DIFFERS, 2)
    assert Zone("America/Havana").name in issue.message


# The actuated clock


def made(scheduled: str, ended: str, succeeded: bool = True) -> Run:
    at = utc(f"2025-06-02T{scheduled}")
    return Run(at, at, utc(f"2025-06-02T{ended}"), succeeded)


def test_a_job_sets_all_pools_of_its_version_when_it_ends() -> None:
    """Made at 8:00, ended at 8:05; an edit at 8:02 drops gpu-t4, which this Job still sets."""
    edited = utc("2025-06-02T08:02")
    only = replace(UP, counts=counts(**{"gpu-l4": 6}))
    history = (KnownVersion(UP, ended_us=edited), KnownVersion(only, edited))
    done = actuated([history], Records({UP.label: [made("08:00", "08:05")]}))
    ended = utc("2025-06-02T08:05")
    assert [(one.nodes, one.succeeded_us) for one in done["gpu-t4"]] == [(4, (ended,))]
    assert [(one.nodes, one.succeeded_us) for one in done["gpu-l4"]] == [(2, (ended,)), (6, ())]


@pytest.mark.parametrize(("runs", "reason"), [([], MISSED_RUNS), ([made("08:00", "08:01", False)], FAILED_RUNS)])
def test_one_run_in_doubt_is_counted_once_whatever_the_pools(runs: list[Run], reason: str) -> None:
    schedules = [replace(schedule, seen_us=START) for schedule in held(UP)]
    until = utc("2025-06-03")
    found = runs_in_doubt(schedules, Records({UP.label: runs}), START, until, until)
    assert [(issue.reason, issue.count) for issue in found] == [(reason, 1)]


# The law: several pools in one CronJob, or a CronJob for each


POOLS = ("a", "b", "c")
VERSIONS = st.builds(
    lambda hour, nodes, suspended: version(f"0 {hour} * * *", nodes, name="up", suspended=suspended),
    st.integers(0, 23),
    st.dictionaries(st.sampled_from(POOLS), st.integers(0, 5), min_size=1),
    st.booleans(),
)


def history_of(versions: list[ScheduleVersion], hours: list[int]) -> list[KnownVersion]:
    """The versions, edited at hours after the start."""
    edits = [None, *(START + hour * 3_600_000_000 for hour in hours)]
    return [
        KnownVersion(one, edited, ended) for one, edited, ended in zip(versions, edits, [*edits[1:], None], strict=True)
    ]


def only(pool: str, known: KnownVersion) -> KnownVersion:
    """The same CronJob with this pool alone; one that doesn't set it sets a pool that nobody asks for."""
    mine = tuple(count for count in known.version.counts if count.pool == pool)
    return replace(known, version=replace(known.version, counts=mine or counts(nobody=0)))


@given(st.data(), st.lists(st.integers(1, 47), unique=True, max_size=3).map(sorted))
def test_several_pools_are_as_many_cronjobs(data: st.DataObject, hours: list[int]) -> None:
    history = history_of([data.draw(VERSIONS) for _ in range(len(hours) + 1)], hours)
    together = by_pool(held_schedules([history], UTC, None).held)
    for pool in POOLS:
        alone = by_pool(held_schedules([[only(pool, known) for known in history]], UTC, None).held)
        assert together.get(pool) == alone.get(pool)
