"""Reports as they were last computed, for the pages: in memory, and no more of them than there is room."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final

import numpy as np

from gpucost.controller.queue import Key
from gpucost.report.report import Report

OVERHEAD: Final = 50_000
"""Bytes of a report besides its arrays, about."""


@dataclass(slots=True)
class Bookshelf:
    """The last report of each CostReport, the least wanted ones given away first. For one event loop only."""

    max_bytes: int
    _reports: OrderedDict[Key, tuple[str, Report, int]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def put(self, key: Key, uid: str, report: Report) -> None:
        """Keep a report in place of the one before."""
        self.remove(key)
        size = bytes_of(report)
        self._reports[key] = uid, report, size
        self._bytes += size
        while self._bytes > self.max_bytes and len(self._reports) > 1:
            self.remove(next(iter(self._reports)))

    def get(self, key: Key, uid: str) -> Report | None:
        """The last report of this very CostReport; None where it was given away, or not computed yet."""
        found = self._reports.get(key)
        if found is None or found[0] != uid:
            return None
        self._reports.move_to_end(key)
        return found[1]

    def remove(self, key: Key) -> None:
        """Nothing is to be shown of it any more."""
        _, _, size = self._reports.pop(key, ("", None, 0))
        self._bytes -= size


def bytes_of(report: Report) -> int:
    """About how much memory a report takes: its arrays, counted once each."""
    arrays: dict[int, int] = {}
    _collect(report, arrays, set())
    return OVERHEAD + sum(arrays.values())


def _collect(value: Any, arrays: dict[int, int], seen: set[int]) -> None:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        arrays[id(value)] = value.nbytes
    elif isinstance(value, tuple | list):
        for item in value:
            _collect(item, arrays, seen)
    elif is_dataclass(value):
        for part in fields(value):
            _collect(getattr(value, part.name), arrays, seen)
