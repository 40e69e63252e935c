"""Where pages get their reports from: the operator's, or those that were computed for one's own eyes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gpucost.pages.listing import Listed
from gpucost.report.report import Report

Key = tuple[str, str]
"""Namespace and name."""


class Unavailable(Exception):
    """A report's figures can't be had now; one sentence that says why and what to do."""


class Unknown(Exception):
    """There is no such report."""

    def __init__(self, key: Key) -> None:
        super().__init__(f"there is no CostReport {key[1]} in namespace {key[0]}")


class Unfit(Exception):
    """What is asked for can't be had of this report, now or later; one sentence."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A report as it was last computed. ``notice``: what a reader must know before any figure; empty where all is well."""

    report: Report
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of an earlier computation. ``name``: instant and file name, which is its address too."""

    name: str


class Library(Protocol):
    """Reports by namespace and name. Every question about one raises Unknown where there is none."""

    def size(self) -> int:
        """How many reports there are."""
        ...

    def listed(self) -> Sequence[Listed]:
        """All reports, with their statuses."""
        ...

    async def shelved(self, key: Key) -> Shelved:
        """The last good figures. Raises Unavailable where there are none."""
        ...

    def lists_attempts(self, report: Report) -> bool:
        """Whether ``detailed`` gives it."""
        ...

    async def detailed(self, key: Key) -> Shelved:
        """The report with each of its attempts, computed if need be. Raises Unavailable, Unfit."""
        ...

    async def over(self, key: Key, start: str, end: str) -> Report:
        """The same report over other local dates, the second exclusive. Raises Unavailable, Unfit."""
        ...

    def kept(self, key: Key) -> Sequence[Kept]:
        """Files of earlier computations, the newest first."""
        ...

    async def read(self, key: Key, kept: str) -> bytes | None:
        """A kept file; None where there is none of that name."""
        ...


@dataclass(frozen=True, slots=True)
class NoReports:
    """A library before there is anything in it."""

    def size(self) -> int:
        """None."""
        return 0

    def listed(self) -> Sequence[Listed]:
        """Nothing."""
        return ()

    async def shelved(self, key: Key) -> Shelved:
        """Raises Unknown."""
        raise Unknown(key)

    def lists_attempts(self, report: Report) -> bool:
        """No."""
        return False

    async def detailed(self, key: Key) -> Shelved:
        """Raises Unknown."""
        raise Unknown(key)

    async def over(self, key: Key, start: str, end: str) -> Report:
        """Raises Unknown."""
        raise Unknown(key)

    def kept(self, key: Key) -> Sequence[Kept]:
        """Nothing."""
        return ()

    async def read(self, key: Key, kept: str) -> bytes | None:
        """Raises Unknown."""
        raise Unknown(key)
