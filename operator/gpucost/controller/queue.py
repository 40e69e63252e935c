"""The work queue: which report is visited next. One visit of a report at a time; changes before refreshes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from itertools import count

Key = tuple[str, str]
"""Namespace and name of a CostReport."""


class Urgency(IntEnum):
    """Why a report is due; the smaller goes first."""

    CHANGED = 0
    """A person changed the spec, a CronJob, or asked."""
    REFRESH = 1
    """Time has passed, or an input failed and is tried again."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A report that is due."""

    key: Key
    urgency: Urgency
    since_us: int
    """When it was asked for, for the first time; whatever is read for it must not be older if it is a change."""


@dataclass(slots=True)
class _Entry:
    due: float
    """By the loop's clock, in seconds."""
    urgency: Urgency
    since_us: int


_Heap = list[tuple[tuple[float, ...], int, Key, _Entry]]
"""Entries by an order, then by when they were pushed."""


@dataclass(slots=True)
class WorkQueue:
    """Reports that are due now or later, each once. For one event loop only."""

    debounce_seconds: float
    _waiting: dict[Key, _Entry] = field(default_factory=dict)
    """The entry of each report; heaps may hold others that it has replaced."""
    _later: _Heap = field(default_factory=list)
    """By when they are due."""
    _due: _Heap = field(default_factory=list)
    """The most urgent first."""
    _pushed: Iterator[int] = field(default_factory=count)
    _busy: set[Key] = field(default_factory=set)
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def depth(self) -> int:
        """How many reports are due."""
        now = _clock()
        return sum(entry.due <= now for entry in self._waiting.values())

    def changed(self, key: Key) -> None:
        """Visit a report soon; further changes until then are part of it."""
        self._add(key, _Entry(_clock() + self.debounce_seconds, Urgency.CHANGED, _now_us()))

    def refresh(self, key: Key, at_us: int) -> None:
        """Visit a report at an instant, in place of the refresh that was planned before; a change that waits stays."""
        waiting = self._waiting.get(key)
        if waiting is not None and waiting.urgency is Urgency.REFRESH:
            del self._waiting[key]
        self._add(key, _Entry(_clock() + max(0, at_us - _now_us()) / 1e6, Urgency.REFRESH, at_us))

    def forget(self, key: Key) -> None:
        """No visit is needed any more."""
        self._waiting.pop(key, None)

    async def take(self) -> Visit:
        """The next report that is due; it is not handed out again before ``done``."""
        while True:
            found = self._next()
            if found is not None and found[1].due <= _clock():
                key, entry = found
                del self._waiting[key]
                self._busy.add(key)
                return Visit(key, entry.urgency, entry.since_us)
            self._stirred.clear()
            wait = None if found is None else max(0.0, found[1].due - _clock())
            try:
                await asyncio.wait_for(self._stirred.wait(), wait)
            except TimeoutError:
                continue

    def done(self, key: Key) -> None:
        """The visit is over; what was asked for meanwhile comes next."""
        self._busy.discard(key)
        if key in self._waiting:
            self._plan(key)
        self._stirred.set()

    def _add(self, key: Key, entry: _Entry) -> None:
        waiting = self._waiting.get(key)
        self._waiting[key] = entry if waiting is None else _merged(waiting, entry)
        self._plan(key)
        self._stirred.set()

    def _plan(self, key: Key) -> None:
        entry = self._waiting[key]
        heappush(self._later, ((entry.due,), next(self._pushed), key, entry))

    def _next(self) -> tuple[Key, _Entry] | None:
        """Among those that are due the most urgent, else the one that is due first."""
        now = _clock()
        while (found := self._first(self._later)) is not None and found[1].due <= now:
            key, entry = found
            heappop(self._later)
            heappush(self._due, ((entry.urgency, entry.due), next(self._pushed), key, entry))
        return self._first(self._due) or found

    def _first(self, heap: _Heap) -> tuple[Key, _Entry] | None:
        """The first that can be visited. Others were replaced, or wait for the end of a visit, which plans them anew."""
        while heap:
            _, _, key, entry = heap[0]
            if self._waiting.get(key) is entry and key not in self._busy:
                return key, entry
            heappop(heap)
        return None


def _merged(one: _Entry, other: _Entry) -> _Entry:
    """One visit for both: as early as either, as urgent as either, and as fresh as the more urgent asks."""
    urgency = min(one.urgency, other.urgency)
    since_us = max(entry.since_us for entry in (one, other) if entry.urgency is urgency)
    return _Entry(min(one.due, other.due), urgency, since_us)


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _now_us() -> int:
    return time.time_ns() // 1000
