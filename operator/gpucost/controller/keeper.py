"""Keeps files of computed reports, when nothing more urgent is to be done, and lists them in their statuses."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gpucost.controller.artifacts import Artifacts
from gpucost.controller.bookshelf import Bookshelf
from gpucost.controller.queue import Key, WorkQueue
from gpucost.controller.store import Store
from gpucost.pages.links import report_path

LOG: Final = logging.getLogger("gpucost.artifacts")
IDLE_SECONDS: Final = 1.0
"""How often it looks whether the work queue is empty."""
RETRY_SECONDS: Final = 600.0
"""How long after a failure the files of a report are tried again."""


@dataclass(slots=True)
class Keeper:
    """Makes the files of one report after another. For one event loop only."""

    store: Store
    queue: WorkQueue
    shelf: Bookshelf
    artifacts: Artifacts | None
    url: str
    """The beginning of links."""
    stale: asyncio.Queue[Key] = field(default_factory=asyncio.Queue)
    """Reports whose status should list other files than it does."""
    _computed: dict[Key, None] = field(default_factory=dict)
    _not_before: dict[Key, float] = field(default_factory=dict)
    """After a failure, by a clock in seconds."""

    def note(self, key: Key) -> None:
        """A report was computed: its files may be due."""
        if self.artifacts is not None:
            self._computed[key] = None

    def listed(self, key: Key, uid: str) -> list[dict[str, Any]]:
        """What the status lists: the files that are kept."""
        root = f"{self.url.rstrip('/')}/{report_path(*key)}artifacts/"
        return [{"name": name, "url": root + name} for name in self.names(uid)]

    def names(self, uid: str) -> Sequence[str]:
        """The files that are kept of a report."""
        return self.artifacts.names(uid) if self.artifacts else ()

    async def work(self) -> None:
        """Keep what is due, for ever, while no report waits to be computed."""
        if self.artifacts is not None:
            await self._tried(None, self.artifacts.open)
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            while self._computed and not self.queue.depth:
                key = next(iter(self._computed))
                del self._computed[key]
                await self._keep(key)

    async def _keep(self, key: Key) -> None:
        seen = self.store.reports.get(key)
        report = self.shelf.get(key, seen.uid) if seen else None
        if self.artifacts is None or seen is None or report is None or self._waits(key):
            return
        uids = {one.uid: one.key for one in self.store.reports.values()}
        touched = await self._tried(key, self._write, self.artifacts, seen.uid, report, frozenset(uids))
        for uid in touched or ():
            if uid in uids:
                self.stale.put_nowait(uids[uid])

    def _waits(self, key: Key) -> bool:
        return time.monotonic() < self._not_before.pop(key, float("-inf"))

    @staticmethod
    def _write(artifacts: Artifacts, uid: str, report: Any, uids: frozenset[str]) -> set[str]:
        if not artifacts.is_due(uid, report):
            return set()
        artifacts.forget_others(uids)
        return artifacts.write(uid, report)

    async def _tried(self, key: Key | None, function: Any, *args: Any) -> Any:
        """Do something with the folder. Whatever goes wrong is told, and stops nothing: files are an extra."""
        what = "/".join(key) if key else "the folder"
        try:
            return await asyncio.to_thread(function, *args)
        except OSError as error:
            LOG.warning("%s: files can't be kept: %s", what, error)
        except Exception:
            LOG.exception("%s: files can't be kept", what)
        if key is not None:
            self._not_before[key] = time.monotonic() + RETRY_SECONDS
        return None
