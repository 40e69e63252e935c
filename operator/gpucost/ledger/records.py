"""What is remembered besides versions: outcomes of Jobs, final reports, their restatements, and the last snapshot.

Instants are UTC microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What became of one Job of a CronJob. Jobs vanish from the cluster."""

    uid: str
    namespace: str
    name: str
    cronjob_uid: str
    cronjob: str
    """The CronJob's name."""
    scheduled_us: int | None
    """The time for which the CronJob made it; None: by hand. What follows is None where it isn't known, or not yet."""
    created_us: int | None
    started_us: int | None
    ended_us: int | None
    succeeded: bool | None
    gone_us: int | None = None
    """When it was noticed that it is not there any more."""


@dataclass(frozen=True, slots=True)
class FinalReport:
    """The figures of a period that no later event can change, and the revision of the inputs that they came from."""

    report_uid: str
    namespace: str
    name: str
    start_us: int
    end_us: int
    computed_us: int
    input_revision: str
    inputs: Mapping[str, str]
    """Hashes of the named parts of the inputs, so that a later change can be explained."""
    status: Mapping[str, Any]
    """JSON; its keys keep their order."""


@dataclass(frozen=True, slots=True)
class Restatement:
    """A figure of a final report that changed later, and why."""

    report_uid: str
    start_us: int
    end_us: int
    """Of the report's period."""
    at_us: int
    """When it was computed anew."""
    field: str
    before: str | None
    after: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The last good figures of a report, as metrics show them."""

    report_uid: str
    generation: int
    fingerprint: str
    computed_us: int
    samples: bytes
    """Opaque; compressed by whoever saves it."""
