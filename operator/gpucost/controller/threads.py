"""Where blocking work runs: computations in a few threads, the ledger in one of its own; the event loop never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Threads:
    """Bounded pools of threads. A thread can't be killed: what runs in one has a timeout of its own."""

    workers: int
    _workers: ThreadPoolExecutor = field(init=False)
    _ledger: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._workers = ThreadPoolExecutor(self.workers, "compute")
        self._ledger = ThreadPoolExecutor(1, "ledger")

    async def compute(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a computation."""
        return await _run(self._workers, function, *args, **kwargs)

    async def compute_within(self, seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a computation that may hang. After so many seconds TimeoutError is raised and others take its thread's place; it
        ends when it can."""
        pool, loop, begun = self._workers, asyncio.get_running_loop(), asyncio.Event()

        def work() -> T:
            loop.call_soon_threadsafe(begun.set)
            return function(*args, **kwargs)

        running = asyncio.ensure_future(_run(pool, work))
        try:
            await begun.wait()  # its turn among the others is no fault of its own
            done, _ = await asyncio.wait({running}, timeout=seconds)
        except asyncio.CancelledError:
            running.cancel()
            raise
        if done:
            return running.result()
        running.add_done_callback(_ignore)
        if pool is self._workers:
            self._workers = ThreadPoolExecutor(self.workers, "compute")
            pool.shutdown(wait=False)
        raise TimeoutError

    async def ledger(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something on the ledger, after all that was asked of it before."""
        return await _run(self._ledger, function, *args, **kwargs)

    def close(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._ledger.shutdown(wait=True, cancel_futures=False)


def _ignore(late: asyncio.Future[Any]) -> None:
    """Nobody waits for the result any more, whatever it is."""
    if not late.cancelled():
        late.exception()


async def _run(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: function(*args, **kwargs))
