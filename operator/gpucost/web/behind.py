"""Work that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

LOG: Final = logging.getLogger("gpucost.pages")


@dataclass(frozen=True, slots=True)
class Behind:
    """Tasks of an application: what goes wrong is logged, and what still runs at its end is cancelled."""

    _tasks: set[asyncio.Future[None]] = field(default_factory=set)
    """The loop itself holds tasks weakly."""

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it soon."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def end(self, _: web.Application) -> None:
        """Cancel what still runs."""
        for task in self._tasks:
            task.cancel()

    def _finished(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("a page can't be made ready: %s", error, exc_info=error)
