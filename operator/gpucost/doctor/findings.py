"""What a check found: how bad it is, and what to do about it. No finding shows a password."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as it should."""
    PROBLEM = "problem"
    """Something does not work, or figures would be wrong."""
    SKIPPED = "skipped"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    check: str
    """What was looked at, such as ``secret finops/task-db``."""
    level: Level
    what: str
    remedy: str = ""
    """What to do; empty where there is nothing to do."""


def ok(check: str, what: str) -> Finding:
    """All is as it should be."""
    return Finding(check, Level.OK, what)


def warning(check: str, what: str, remedy: str) -> Finding:
    """It works, but not as it should."""
    return Finding(check, Level.WARNING, what, remedy)


def problem(check: str, what: str, remedy: str) -> Finding:
    """Something does not work, or figures would be wrong."""
    return Finding(check, Level.PROBLEM, what, remedy)


def skipped(check: str, what: str, remedy: str = "") -> Finding:
    """It could not be looked at."""
    return Finding(check, Level.SKIPPED, what, remedy)


def from_sentence(check: str, sentence: str, remedy: str, level: Level = Level.PROBLEM) -> Finding:
    """A finding of an error's sentence, whose part after the last semicolon is what to do; else ``remedy`` is."""
    what, separator, advice = sentence.rpartition("; ")
    return Finding(check, level, what, advice) if separator else Finding(check, level, sentence, remedy)


def is_well(findings: Iterable[Finding]) -> bool:
    """Whether there is no problem; warnings may be."""
    return all(finding.level is not Level.PROBLEM for finding in findings)


def document(findings: Iterable[Finding]) -> dict[str, Any]:
    """All findings for a machine."""
    found = list(findings)
    return {"findings": [asdict(finding) for finding in found], "ok": is_well(found)}
