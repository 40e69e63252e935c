"""Reports computed for one's own eyes: ``gpucost serve`` and ``gpucost demo --serve``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gpucost.api.costreport import CostReport, SpecError
from gpucost.computing import over_dates
from gpucost.engine.source import SourceError
from gpucost.pages.listing import Listed
from gpucost.report.report import Report
from gpucost.report.status import status_of
from gpucost.web.library import Kept, Key, Shelved, Unavailable, Unfit, Unknown

Compute = Callable[[CostReport], Report]
"""Computes a report with its attempts."""


@dataclass(slots=True)
class LocalLibrary:
    """Reports with their attempts, in memory, as they were when the command began."""

    reports: Mapping[Key, Report]
    specs: Mapping[Key, CostReport]
    compute: Compute
    _listed: Sequence[Listed] = field(init=False)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._listed = [Listed(*key, status_of(report)) for key, report in self.reports.items()]

    def size(self) -> int:
        """How many reports there are."""
        return len(self.reports)

    def listed(self) -> Sequence[Listed]:
        """All of them, with the status that the command line prints."""
        return self._listed

    async def shelved(self, key: Key) -> Shelved:
        """The report. Raises Unknown."""
        return Shelved(self._known(key))

    def lists_attempts(self, report: Report) -> bool:
        """All that there are."""
        return report.details is not None

    async def detailed(self, key: Key) -> Shelved:
        """The same: attempts are known from the start. Raises Unknown."""
        return await self.shelved(key)

    async def over(self, key: Key, start: str, end: str) -> Report:
        """The report over other dates, computed now, one at a time. Raises Unknown, Unavailable, Unfit."""
        self._known(key)
        try:
            spec = over_dates(self.specs[key], start, end)
            async with self._busy:
                return await asyncio.to_thread(self.compute, spec)
        except SpecError as error:
            raise Unfit(str(error)) from None
        except (SourceError, OverflowError) as error:
            raise Unavailable(str(error)) from None

    def kept(self, key: Key) -> Sequence[Kept]:
        """None: --out writes files."""
        return ()

    async def read(self, key: Key, kept: str) -> bytes | None:
        """None."""
        return None

    def _known(self, key: Key) -> Report:
        if key not in self.reports:
            raise Unknown(key)
        return self.reports[key]
