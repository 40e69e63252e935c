"""The work queue: one visit of a report at a time, changes before refreshes, many changes in one visit."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gpucost.controller.queue import Urgency, Visit, WorkQueue

T = TypeVar("T")
A, B, C = ("finops", "a"), ("finops", "b"), ("finops", "c")
DEADLINE_SECONDS = 10


def run(story: Callable[[WorkQueue], Awaitable[T]], debounce: float = 0.0) -> T:
    async def told() -> T:
        return await asyncio.wait_for(story(WorkQueue(debounce)), DEADLINE_SECONDS)

    return asyncio.run(told())


def now_us() -> int:
    return time.time_ns() // 1000


def test_a_change_is_visited_before_refreshes_that_were_due_earlier() -> None:
    async def story(queue: WorkQueue) -> list[tuple[str, str]]:
        queue.refresh(A, now_us() - 60_000_000)
        queue.refresh(B, now_us() - 30_000_000)
        queue.changed(C)
        return [(await queue.take()).key for _ in range(3)]

    assert run(story) == [C, A, B]


def test_many_changes_are_one_visit() -> None:
    async def story(queue: WorkQueue) -> tuple[Visit, int]:
        for _ in range(100):
            queue.changed(A)
        return await queue.take(), queue.depth

    visit, left = run(story, debounce=0.02)
    assert (visit.key, visit.urgency, left) == (A, Urgency.CHANGED, 0)


def test_a_change_waits_for_others_but_not_for_ever() -> None:
    """The debounce runs from the first change: a report that changes all the time is visited all the same."""

    async def story(queue: WorkQueue) -> bool:
        taken = asyncio.ensure_future(queue.take())
        while not taken.done():
            queue.changed(A)
            await asyncio.sleep(0)
        return taken.done()

    assert run(story, debounce=0.02)


def test_what_changes_during_its_visit_is_visited_again_afterwards() -> None:
    async def story(queue: WorkQueue) -> list[object]:
        queue.changed(A)
        first = await queue.take()
        queue.changed(A)
        second = asyncio.ensure_future(queue.take())
        for _ in range(3):
            await asyncio.sleep(0)
        waits = not second.done()
        queue.done(A)
        return [first.key, waits, (await second).key]

    assert run(story) == [A, True, A]


def test_a_planned_refresh_is_replaced_by_the_next_one() -> None:
    async def story(queue: WorkQueue) -> list[int]:
        queue.refresh(A, now_us() - 1)
        queue.refresh(A, now_us() + 3_600_000_000)
        queue.refresh(B, now_us() - 1)
        return [(await queue.take()).key == B, queue.depth]

    assert run(story) == [True, 0]


def test_a_change_keeps_its_urgency_and_its_freshness_when_a_refresh_is_planned() -> None:
    """What is read for a change must not be older than the change, whenever the refresh would have been due."""

    async def story(queue: WorkQueue) -> tuple[Visit, int]:
        before = now_us()
        queue.changed(A)
        queue.refresh(A, now_us() + 3_600_000_000)
        visit = await queue.take()
        return visit, before

    visit, before = run(story)
    assert visit.urgency is Urgency.CHANGED
    assert before <= visit.since_us <= now_us()


def test_among_many_the_next_is_the_most_urgent_and_then_the_first_that_was_due() -> None:
    """Whatever was planned, replaced, forgotten, taken and done before: as a look at all of them would find it."""

    async def story(queue: WorkQueue) -> int:
        chance, taken = random.Random(7), 0
        plain: dict[tuple[str, str], tuple[Urgency, int]] = {}
        busy: set[tuple[str, str]] = set()
        for number in range(5_000):
            key, act = ("finops", f"r{chance.randrange(40)}"), chance.random()
            if act < 0.4 and plain.get(key, (Urgency.REFRESH, 0))[0] is Urgency.REFRESH:
                plain[key] = Urgency.REFRESH, number
                queue.refresh(key, now_us())
            elif act < 0.5 and key not in plain:
                plain[key] = Urgency.CHANGED, number
                queue.changed(key)
            elif act < 0.6:
                plain.pop(key, None)
                queue.forget(key)
            elif act < 0.8 and busy:
                key = chance.choice(sorted(busy))
                busy.discard(key)
                queue.done(key)
            elif free := plain.keys() - busy:
                visit = await queue.take()
                assert visit.key == min(free, key=lambda key: plain[key])
                assert visit.urgency is plain.pop(visit.key)[0]
                busy.add(visit.key)
                taken += 1
        return taken

    assert run(story) > 500


def test_a_deleted_report_is_not_visited() -> None:
    async def story(queue: WorkQueue) -> tuple[str, str]:
        queue.changed(A)
        queue.forget(A)
        queue.changed(B)
        return (await queue.take()).key

    assert run(story) == B
