"""Keeps files of computed reports, when nothing more urgent is to be done, and lists them in their statuses."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, Final

from gpucost.api.costreport import CostReport
from gpucost.controller.artifacts import Artifacts
from gpucost.controller.queue import Key
from gpucost.controller.reconcile import Reconciler
from gpucost.controller.store import SeenReport
from gpucost.kube.client import ApiError
from gpucost.pages.listing import report_path
from gpucost.report.report import Report

LOG: Final = logging.getLogger("gpucost.artifacts")
IDLE_SECONDS: Final = 1.0
"""How often it looks whether the work queue is empty."""


@dataclass(slots=True)
class Keeper:
    """Makes the files of one report after another. For one event loop only."""

    reconciler: Reconciler
    artifacts: Artifacts | None
    url: str
    """The beginning of links."""
    _computed: dict[Key, None] = field(default_factory=dict)
    _failing: bool = False

    def note(self, key: Key) -> None:
        """A report was computed: its files may be due."""
        if self.artifacts is not None:
            self._computed[key] = None

    async def work(self) -> None:
        """Keep what is due, for ever, while no report waits to be computed."""
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            while self._computed and not self.reconciler.queue.depth:
                key = next(iter(self._computed))
                del self._computed[key]
                await self._keep(key)

    async def _keep(self, key: Key) -> None:
        seen = self.reconciler.store.reports.get(key)
        report = self.reconciler.shelf.get(key, seen.uid) if seen else None
        if seen is None or report is None or not isinstance(seen.parsed, CostReport):
            return
        try:
            await asyncio.to_thread(self._write, seen, report)
            await self.reconciler.tell_artifacts(key, [self._listed(key, name) for name in self._names(seen.uid)])
            self._failing = False
        except (OSError, ApiError) as error:
            if not self._failing:
                LOG.warning("%s/%s: its files can't be kept: %s", *key, error)
            self._failing = True

    def _write(self, seen: SeenReport, report: Report) -> None:
        assert self.artifacts is not None
        if self.artifacts.is_due(seen.uid, report):
            self.artifacts.forget_others({one.uid for one in list(self.reconciler.store.reports.values())})
            self.artifacts.write(seen.uid, report)

    def _names(self, uid: str) -> list[str]:
        return [] if self.artifacts is None else list(self.artifacts.names(uid))

    def _listed(self, key: Key, name: str) -> dict[str, Any]:
        return {"name": name, "url": f"{self.url.rstrip('/')}/{report_path(*key)}artifacts/{name}"}
