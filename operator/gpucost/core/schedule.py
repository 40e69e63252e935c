"""From schedules to node counts: which fires set a pool's count, and the step function they make (section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from gpucost.core.cron import LOOK_BACK_US, CronSchedule, fires
from gpucost.core.money import Ints, group_starts
from gpucost.core.steps import Steps
from gpucost.core.zones import DAY_US, Zone

SINCE_EVER: Final = -(2**62)
FOR_EVER: Final = 2**62

UNKNOWN: Final = -1
"""The count of a pool of which nothing is known."""
CANDIDATES: Final = 100
"""Fires that are looked at for a pool's next change."""
NOTHING: Final = "nothing known"
"""The cause of an unknown count."""
NOBODY: Final = -1
"""The number of no schedule; as an index it names the entry after the last schedule's."""


@dataclass(frozen=True, slots=True)
class HeldSchedule:
    """A schedule that set a pool's count while it held, on ``[since_us, until_us)``."""

    label: str
    """Who states it: ``namespace/name`` of a CronJob, or a row of the schedule table."""
    pool: str
    nodes: int
    cron: CronSchedule
    zone: Zone
    since_us: int = SINCE_EVER
    until_us: int = FOR_EVER
    seen_us: int = FOR_EVER
    """When something first recorded it. Before, it is assumed to have been as it stands, as if never edited."""
    suspended: bool = False
    """A suspended CronJob states its pool, but never fires."""
    created_us: int | None = None
    """Base of an ``@every`` schedule."""
    weekend: bool | None = None
    """Restrict fires to weekends (True) or weekdays (False) of its zone."""
    extra_fires: tuple[int, ...] = ()
    """Catch-up runs after an un-suspend, in microseconds."""

    def fires(self, lo_us: int, hi_us: int) -> Ints:
        """Every fire in ``[lo_us, hi_us)`` while the schedule held."""
        lo, hi = max(lo_us, self.since_us), min(hi_us, self.until_us)
        if lo >= hi or self.suspended:
            return np.zeros(0, dtype=np.int64)
        found = fires(self.cron, self.zone, lo, hi, created_us=self.created_us)
        if self.weekend is not None:
            day = np.asarray(self.zone.local_us(found), dtype=np.int64) // DAY_US
            found = found[((day + 3) % 7 >= 5) == self.weekend]
        extra = [t for t in self.extra_fires if lo <= t < hi]
        return np.union1d(found, np.array(extra, dtype=np.int64)) if extra else found


class Setter(Protocol):
    """Something that sets a pool's count at certain instants."""

    @property
    def label(self) -> str:
        """Who it is, for people."""

    @property
    def nodes(self) -> int:
        """The count that it sets."""

    def fires(self, lo_us: int, hi_us: int) -> Ints:
        """The instants in ``[lo_us, hi_us)`` at which it does, ascending."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Fires of one pool at one instant that ask for different counts; the largest counts."""

    pool: str
    at_us: int
    labels: tuple[str, ...]
    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PoolTimeline:
    """The node count of a pool as a step function that begins at ``counts.starts[0]``."""

    pool: str
    counts: Steps
    """Nodes; 0 where unknown."""
    known: Steps
    """1 where the count is known, else 0. Same starts as ``counts``."""
    causes: tuple[str, ...]
    """Per step: the label of the schedule that made it, or why there is a count at all."""
    conflicts: tuple[Conflict, ...]

    def nodes_at(self, instant_us: int) -> int | None:
        """The count at an instant; None where it is unknown."""
        at = np.array([instant_us], dtype=np.int64)
        return int(self.counts.at(at)[0]) if self.known.at(at)[0] else None

    def changes(self, start_us: int) -> list[tuple[int, int | None, str]]:
        """From an instant on: when the count changed, to how many nodes (None: unknown), and why; the first at the start."""
        rows = zip(
            self.counts.starts.tolist(),
            self.counts.values.tolist(),
            self.known.values.tolist(),
            self.causes,
            strict=True,
        )
        steps = [(max(at, start_us), nodes if known else None, cause) for at, nodes, known, cause in rows]
        ends = [*(at for at, _, _ in steps[1:]), FOR_EVER]
        return [step for step, end in zip(steps, ends, strict=True) if end > start_us]


@dataclass(frozen=True, slots=True)
class Fires:
    """Fires of several schedules: instants, and the number of the schedule of each."""

    times: Ints
    who: Ints


def _fires_of(schedules: Sequence[Setter], lo_us: int, hi_us: int) -> Fires:
    found = [s.fires(lo_us, hi_us) for s in schedules]
    who = np.repeat(np.arange(len(found)), [len(f) for f in found])
    return Fires(np.concatenate([np.zeros(0, dtype=np.int64), *found]), who.astype(np.int64))


def _latest_fires(schedules: Sequence[Setter], at_us: int) -> Fires:
    """The last instant at or before ``at_us`` at which anything fired, with all that fired then."""
    for back in LOOK_BACK_US:
        found = _fires_of(schedules, at_us - back, at_us + 1)
        if len(found.times):
            last = found.times == found.times.max()
            return Fires(found.times[last], found.who[last])
    return Fires(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def pool_timeline(
    pool: str, schedules: Sequence[Setter], start_us: int, until_us: int, *, initial: int | None, origin: str = ""
) -> PoolTimeline:
    """The pool's node count on ``[start_us, until_us)``.

    The value at the start is the latest fire at or before it over all schedules of the pool, else ``initial`` (whose
    ``origin`` is named as its cause), else unknown. Several fires at one instant: the largest count (section 2).
    """
    before, within = _latest_fires(schedules, start_us), _fires_of(schedules, start_us + 1, until_us)
    nodes = np.array([*(s.nodes for s in schedules), UNKNOWN if initial is None else initial], dtype=np.int64)
    opening = before.who if len(before.who) else np.array([NOBODY], dtype=np.int64)
    who = np.concatenate((opening, within.who))
    fired = np.concatenate((before.times if len(before.who) else [start_us], within.times)).astype(np.int64)
    order = np.lexsort((-nodes[who], fired))
    who, fired = who[order], fired[order]
    times = np.maximum(fired, start_us)
    first = group_starts(times)
    first = first[np.diff(nodes[who[first]], prepend=UNKNOWN - 1) != 0]
    counts, labels = nodes[who[first]], [*(s.label for s in schedules), NOTHING if initial is None else origin]
    return PoolTimeline(
        pool,
        Steps(times[first], np.maximum(counts, 0)),
        Steps(times[first], (counts != UNKNOWN).astype(np.int64)),
        tuple(labels[i] for i in who[first]),
        _conflicts(pool, schedules, nodes, who, fired),
    )


def conflicts_from(line: PoolTimeline, schedules: Sequence[Setter], start_us: int) -> tuple[Conflict, ...]:
    """Conflicts at or after an instant, and the one before it that settled the count at it."""
    if all(c.at_us >= start_us for c in line.conflicts):  # the usual case needs no second look back
        return line.conflicts
    last = _latest_fires(schedules, start_us).times
    return tuple(c for c in line.conflicts if c.at_us >= start_us or c.at_us in last)


def _conflicts(pool: str, schedules: Sequence[Setter], nodes: Ints, who: Ints, times: Ints) -> tuple[Conflict, ...]:
    """Instants of the sorted fires at which the largest and the smallest count differ."""
    first = group_starts(times)
    last = np.append(first[1:], len(times)) - 1
    clash = nodes[who[first]] != nodes[who[last]]
    found = []
    for a, b in zip(first[clash].tolist(), last[clash].tolist(), strict=True):
        group = who[a : b + 1].tolist()
        labels, counts = tuple(schedules[i].label for i in group), tuple(int(nodes[i]) for i in group)
        found.append(Conflict(pool, int(times[a]), labels, counts))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class NextChange:
    """The next change of a pool's node count."""

    at_us: int
    nodes: int
    label: str


def next_change(pool: str, schedules: Sequence[HeldSchedule], now_us: int, nodes_now: int | None) -> NextChange | None:
    """The first fire after ``now_us`` that changes the count, within a year; None if there is none.

    Only schedules that ask for another count can change it; of their fires the first few suffice, for at most another
    schedule overrules one of them at the same instant.
    """
    others = [schedule for schedule in schedules if schedule.nodes != nodes_now]
    for ahead in LOOK_BACK_US[:3]:
        for at in np.unique(_fires_of(others, now_us + 1, now_us + ahead).times)[:CANDIDATES].tolist():
            line = pool_timeline(pool, schedules, at - 1, at + 1, initial=nodes_now)
            if int(line.counts.values[-1]) != nodes_now:
                return NextChange(at, int(line.counts.values[-1]), line.causes[-1])
    return None


def by_pool(schedules: Iterable[HeldSchedule]) -> dict[str, tuple[HeldSchedule, ...]]:
    """Schedules gathered by pool; pools, and a pool's schedules, in the order of their names' UTF-8 bytes."""
    pools: dict[str, list[HeldSchedule]] = {}
    for schedule in sorted(schedules, key=lambda schedule: schedule.label.encode()):
        pools.setdefault(schedule.pool, []).append(schedule)
    return {pool: tuple(pools[pool]) for pool in sorted(pools, key=str.encode)}
