"""Small words for examples: instants, hours, dollars, schedules, and hypothesis settings for slow examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import HealthCheck, settings

from gpucost.core.money import HOUR_US, NANO, Ints
from gpucost.core.scaling import PoolCount, ScheduleVersion, order_counts
from gpucost.core.schedule import HeldSchedule
from gpucost.core.steps import Steps
from gpucost.core.versions import KnownVersion, held_schedules
from gpucost.core.zones import Zone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(text: str) -> int:
    """Microseconds of an ISO date or time, UTC."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def shown(instant_us: int) -> str:
    """An instant to the minute, UTC."""
    return (EPOCH + timedelta(microseconds=int(instant_us))).strftime("%Y-%m-%dT%H:%M")


def ints(*values: int) -> Ints:
    return np.array(values, dtype=np.int64)


def hours(microseconds: int | np.integer) -> float:
    """Microseconds as hours; only for figures that have few decimals."""
    return int(microseconds) / HOUR_US


def dollars(nano: int | np.integer) -> float:
    """Nano-units as units; only for figures that have few decimals."""
    return int(nano) / NANO


def steps(*pairs: tuple[int, int]) -> Steps:
    """A step function from pairs of start and value."""
    return Steps(ints(*(start for start, _ in pairs)), ints(*(value for _, value in pairs)))


def counts(**nodes: int) -> tuple[PoolCount, ...]:
    """What a CronJob sets, by pool."""
    return order_counts(nodes)


def only_nodes(version: ScheduleVersion) -> int:
    """The count of the one pool that a CronJob sets."""
    (count,) = version.counts
    return count.nodes


def version(
    schedule: str, nodes: int | Mapping[str, int], pool: str = "gpu", *, name: str = "", **stated: object
) -> ScheduleVersion:
    """A CronJob that sets a pool's count, or those of several; without a creation, so that it holds since ever."""
    return ScheduleVersion(
        uid=name or schedule,
        namespace="ops",
        name=name or schedule,
        counts=order_counts({pool: nodes} if isinstance(nodes, int) else nodes),
        schedule=schedule,
        **{  # type: ignore[arg-type]
            "time_zone": None,
            "suspended": False,
            "starting_deadline_seconds": None,
            "created_us": None,
            "valid_from_us": None,
            **stated,
        },
    )


def held(*versions: ScheduleVersion | Sequence[KnownVersion], zone: str = "UTC") -> tuple[HeldSchedule, ...]:
    """Expand CronJobs, each given as its only version or as a history."""
    histories = [[KnownVersion(v)] if isinstance(v, ScheduleVersion) else v for v in versions]
    schedules = held_schedules(histories, Zone(zone), None)
    assert schedules.issues == ()
    return schedules.held


def slow(divisor: int) -> settings:
    """Settings of a property whose examples are slow: the profile's number of them, divided."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=settings().max_examples // divisor, deadline=None, suppress_health_check=checks)
