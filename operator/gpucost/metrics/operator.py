"""The operator's own metrics: what it heard, how far behind it is, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, PlatformCollector, ProcessCollector

from gpucost.core.money import SECOND_US
from gpucost.engine.source import (
    AUTHENTICATION_FAILED,
    DATABASE_TIMEOUT,
    DATABASE_UNREACHABLE,
    TABLE_MISSING,
    TASKS_UNREADABLE,
)

LATENCY_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds: from the debounce of an edit to a queue that a lost database has held up."""

DATABASE_REASONS: Final = (
    AUTHENTICATION_FAILED,
    DATABASE_TIMEOUT,
    DATABASE_UNREACHABLE,
    TABLE_MISSING,
    TASKS_UNREADABLE,
)
"""Why a read of a task database can fail."""


class OperatorMetrics:
    """Metrics of one operator, on a registry of its own. Reasons and resources are constants, so labels are bounded."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        """``version`` is that of the package. The process' own metrics are registered too."""
        self._last_event = Gauge(
            "gpucost_watch_last_event_timestamp_seconds",
            "When a watch last told something, in Unix time.",
            ["resource"],
            registry=registry,
        )
        self._ready = Gauge(
            "gpucost_operator_ready",
            "Whether the operator is ready (1) or not (0), as /readyz says.",
            registry=registry,
        )
        self._depth = Gauge("gpucost_work_queue_depth", "Reports that wait to be computed.", registry=registry)
        self._latency = Histogram(
            "gpucost_work_queue_latency_seconds",
            "How long reports waited before their computation began.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._database_errors = Counter(
            "gpucost_database_errors", "Failed reads of task databases, by the reason.", ["reason"], registry=registry
        )
        for reason in DATABASE_REASONS:  # a counter that appears with its first error does not increase by it
            self._database_errors.labels(reason)
        self._ledger_errors = Counter(
            "gpucost_ledger_errors", "Failed reads and writes of the ledger.", registry=registry
        )
        Info("gpucost_build", "The version that runs.", registry=registry).info({"version": version})
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def ready_when(self, ready: Callable[[], bool]) -> None:
        """Ask this at each scrape whether the operator is ready."""
        self._ready.set_function(ready)

    def watch_event(self, resource: str, at_us: int) -> None:
        """A watch of a resource (its plural) told something, at an instant in microseconds."""
        self._last_event.labels(resource).set(at_us / SECOND_US)

    def queue_depth(self, reports: int) -> None:
        """So many reports wait now."""
        self._depth.set(reports)

    def queue_waited(self, seconds: float) -> None:
        """A report's computation began after it waited so long."""
        self._latency.observe(seconds)

    def database_error(self, reason: str) -> None:
        """A read of a task database failed; the reason is that of the report's condition."""
        self._database_errors.labels(reason).inc()

    def ledger_error(self) -> None:
        """A read or write of the ledger failed."""
        self._ledger_errors.inc()
