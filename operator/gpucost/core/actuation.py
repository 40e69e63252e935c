"""The actuated clock: a pool's count changes when a Job of a CronJob that scales it has succeeded (section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gpucost.core.instants import instant_text
from gpucost.core.issues import FAILED_RUNS, MISSED_RUNS, UNKNOWN_RUNS, Issue, counted
from gpucost.core.money import SECOND_US, Ints
from gpucost.core.nodecost import rate_of, running_cost
from gpucost.core.schedule import FOR_EVER, SINCE_EVER, HeldSchedule, PoolTimeline
from gpucost.core.steps import Steps
from gpucost.core.versions import KnownVersion

GRACE_US = 120_000_000
"""How long a scheduled run may take to show: the controller makes the Job, and the watch tells of it."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one Job of a CronJob. Instants in microseconds, None where unknown or not yet."""

    scheduled_us: int | None
    """The time for which it was made; None: by hand."""
    created_us: int
    ended_us: int | None
    succeeded: bool | None
    gone: bool = False
    """Whether it was deleted."""


@dataclass(frozen=True, slots=True)
class Records:
    """What was recorded of the Jobs of CronJobs, by ``namespace/name``, and when nobody was there to record."""

    runs: Mapping[str, Sequence[Run]]
    gaps: Sequence[tuple[int, int]] = ()
    """Spans of time that nobody watched."""


@dataclass(frozen=True, slots=True)
class ActuatedSchedule:
    """What a version of a CronJob sets one pool to, and when its Jobs succeeded."""

    label: str
    pool: str
    nodes: int
    succeeded_us: tuple[int, ...]

    def fires(self, lo_us: int, hi_us: int) -> Ints:
        """The instants in ``[lo_us, hi_us)`` at which it set the pool's count."""
        return np.array([at for at in self.succeeded_us if lo_us <= at < hi_us], dtype=np.int64)


def actuated(histories: Iterable[Sequence[KnownVersion]], records: Records) -> dict[str, list[ActuatedSchedule]]:
    """What Jobs did to each pool: a Job sets all counts of the version that stood when it was made."""
    found: dict[str, list[ActuatedSchedule]] = {}
    for history in histories:
        succeeded: list[list[int]] = [[] for _ in history]
        for run in records.runs.get(history[-1].version.label, ()) if history else ():
            maker = _maker(history, run)
            if run.succeeded and run.ended_us is not None and maker is not None:
                succeeded[maker].append(run.ended_us)
        for known, times in zip(history, succeeded, strict=True):
            for count in known.version.counts:
                schedule = ActuatedSchedule(known.version.label, count.pool, count.nodes, tuple(sorted(times)))
                found.setdefault(count.pool, []).append(schedule)
    return found


def _maker(history: Sequence[KnownVersion], run: Run) -> int | None:
    """The number of the version that made a Job. A creation is told in whole seconds, cut: the last version of that second."""
    stood = [
        number for number, known in enumerate(history) if _stood(known, run.created_us, run.created_us + SECOND_US)
    ]
    return stood[-1] if stood else None


def _stood(known: KnownVersion, lo_us: int, hi_us: int) -> bool:
    start = SINCE_EVER if known.edited_us is None else known.edited_us
    return start < hi_us and lo_us < (FOR_EVER if known.ended_us is None else known.ended_us)


@dataclass(frozen=True, slots=True)
class Drift:
    """By how much what was done is more than what was scheduled, while both are known."""

    node_us: int
    cost: int
    """In nano-units; nodes without a price cost nothing."""


def drift_of(scheduled: PoolTimeline, done: PoolTimeline, prices: Steps, start_us: int, until_us: int) -> Drift | None:
    """Done minus scheduled over a period, in node time and money; None where they are never known at once."""
    starts = np.union1d(scheduled.counts.starts, done.counts.starts)
    both = scheduled.known.at(starts) * done.known.at(starts)
    edges = np.array([start_us, max(start_us, until_us)], dtype=np.int64)
    if not Steps(starts, both).integral(int(edges[1])).between(edges)[0]:
        return None
    counts = [Steps(starts, line.counts.at(starts) * both) for line in (scheduled, done)]
    time = [int(steps.integral(int(edges[1])).between(edges)[0]) for steps in counts]
    cost = [int(running_cost(rate_of(steps, prices), int(edges[1])).between(edges)[0]) for steps in counts]
    return Drift(time[1] - time[0], cost[1] - cost[0])


def runs_in_doubt(
    schedules: Sequence[HeldSchedule], records: Records, lo_us: int, hi_us: int, now_us: int
) -> tuple[Issue, ...]:
    """Scheduled runs in ``[lo_us, hi_us)`` that failed, did not happen, or of which nobody knows; the count was left."""
    found: list[Issue] = []
    until = min(hi_us, now_us - GRACE_US)
    for label in sorted({schedule.label for schedule in schedules}):
        runs = [run for run in records.runs.get(label, ()) if lo_us <= run.created_us < hi_us]
        # A catch-up makes up for an earlier time: it is no time of its own.
        mine = [replace(schedule, extra_fires=()) for schedule in schedules if schedule.label == label]
        # A CronJob of several pools has a schedule for each of them, and one Job for all.
        due = np.unique(np.concatenate([_recorded_fires(schedule, records, lo_us, until) for schedule in mine]))
        made = _times(run.scheduled_us for run in records.runs.get(label, ()))
        missing = due[~np.isin(due, made)]
        unknown = _within(missing, records.gaps)
        failed = _times(run.created_us for run in runs if run.succeeded is False)
        lost = _times(run.created_us for run in runs if run.gone and run.ended_us is None)
        found += _told(FAILED_RUNS, label, failed, "failed, so the node count was left")
        found += _told(MISSED_RUNS, label, missing[~unknown], "did not happen, so the node count was left")
        found += _told(UNKNOWN_RUNS, label, missing[unknown], "may have happened: nobody watched, and no Job is left")
        found += _told(UNKNOWN_RUNS, label, lost, "began, and their Jobs were deleted before their end was seen")
    return tuple(found)


def _times(found: Iterable[int | None]) -> Ints:
    """Instants, ascending."""
    return np.sort(np.array([at for at in found if at is not None], dtype=np.int64))


def _recorded_fires(schedule: HeldSchedule, records: Records, lo_us: int, hi_us: int) -> Ints:
    """Fires that are known to have been due; those before a CronJob was first seen only where nobody watched at all."""
    fires = schedule.fires(lo_us, hi_us)
    return fires[(fires >= schedule.seen_us) | _within(fires, records.gaps)]


def _within(times: Ints, gaps: Sequence[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    """Which of the times lie in a gap, its end included."""
    inside = np.zeros(len(times), dtype=np.bool_)
    for lo, hi in gaps:
        inside |= (times > lo) & (times <= hi)
    return inside


def _told(reason: str, label: str, times: Ints, what: str) -> list[Issue]:
    if not len(times):
        return []
    message = f"{counted(len(times), 'run')} of CronJob {label} {what}; first at {instant_text(int(times[0]))}"
    return [Issue(reason, message, len(times))]
