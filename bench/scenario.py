"""The one scenario that every rival computes: period, statuses, node types, prices and node schedule.

Times are UTC, integer microseconds since the epoch; intervals are half open. Money is integer nano-units.
Nothing here knows how a rival reduces its events; node cost is the same small table for all of them.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

SECOND_US = 1_000_000
QUARTER_US = 900 * SECOND_US
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US
NANO = 10**9

DAYS = 90
END_US = int(datetime(2025, 9, 1, tzinfo=UTC).timestamp()) * SECOND_US
START_US = END_US - DAYS * DAY_US
NOW_US = END_US  # dataUntil = min(end, now)
STALE_US = DAY_US

RUNNING = "running"
SUCCESS = ("done",)
FAILURE = (
    "error",
    "error_cuda",
    "error_node",
    "error_params",
    "error_exec_timeout",
    "execution_timeout",
    "canceled",
    "cancelled",
)
WAITING = ("new", "pending", "waiting")

#: Outcomes in the order in which money is split; the index is the code the rivals use.
OUTCOMES = ("Failure", "Interrupted", "Open", "Success")
FAILED, INTERRUPTED, OPEN, SUCCEEDED = range(4)

#: Node types in the order of their rules; the index is the code. The last one has neither price nor pool.
TYPES = ("a100", "l4", "unknown")
TYPE_GLOBS = {"a100": "*a100*", "l4": "*l4*"}
PRICE_NANO_PER_HOUR = {"a100": 11 * NANO, "l4": 1 * NANO}
UNKNOWN_SERVICE = "unknown"

#: (weekdays from Monday = 0, hour, minute, nodes): the pool has that many nodes from that local (UTC) minute on.
SCHEDULE: dict[str, list[tuple[tuple[int, ...], int, int, int]]] = {
    "a100": [
        ((0, 1, 2, 3, 4), 7, 10, 16),
        ((0, 1, 2, 3, 4), 12, 0, 18),
        ((0, 1, 2, 3, 4), 20, 7, 6),
        ((5, 6), 0, 0, 4),
        ((5, 6), 15, 22, 0),
    ],
    "l4": [((0, 1, 2, 3, 4), 6, 0, 15), ((0, 1, 2, 3, 4), 22, 37, 5), ((5, 6), 9, 0, 10)],
}


class Step(NamedTuple):
    """From `since_us` on, `nodes` nodes."""

    since_us: int
    nodes: int


def default_dir() -> Path:
    """The folder of generated data and of databases that spill."""
    return Path(tempfile.gettempdir()) / "gpucost-bench"


def status_class(status: str) -> str:
    """running, waiting, or the outcome that the status gives the attempt which it ends; else other."""
    if status == RUNNING:
        return "running"
    if status in WAITING:
        return "waiting"
    if status in SUCCESS:
        return "Success"
    return "Failure" if status in FAILURE else "other"


def node_steps(node_type: str) -> list[Step]:
    """The node count of a type over the period; the week before it gives the count at the start."""
    steps = []
    for day_us in range(START_US - 7 * DAY_US, END_US, DAY_US):
        weekday = datetime.fromtimestamp(day_us // SECOND_US, UTC).weekday()
        for weekdays, hour, minute, nodes in SCHEDULE.get(node_type, []):
            if weekday in weekdays:
                steps.append(Step(day_us + hour * HOUR_US + minute * 60 * SECOND_US, nodes))
    steps.sort()
    before = [s for s in steps if s.since_us <= START_US]
    first = [Step(START_US, before[-1].nodes if before else 0)]
    return first + [s for s in steps if s.since_us > START_US]


def half_up(numerator: int, denominator: int) -> int:
    """round(numerator / denominator), halves upwards, exactly."""
    return (2 * numerator + denominator) // (2 * denominator)


@cache
def node_time_by_quarter(node_type: str) -> dict[int, int]:
    """Node-microseconds by the start of each UTC quarter hour of the period."""
    steps = node_steps(node_type)
    quarters = dict.fromkeys(range(START_US, END_US, QUARTER_US), 0)
    for step, nxt in zip(steps, [*steps[1:], Step(END_US, 0)], strict=True):
        at = step.since_us
        while step.nodes and at < nxt.since_us:
            quarter = at - at % QUARTER_US
            until = min(quarter + QUARTER_US, nxt.since_us)
            quarters[quarter] += step.nodes * (until - at)
            at = until
    return quarters


def cost_by_day(node_type: str) -> dict[int, int]:
    """Node cost in nano-units by start of day: the sum of its quarter hours, each rounded by itself."""
    price = PRICE_NANO_PER_HOUR.get(node_type, 0)
    days = dict.fromkeys(range(START_US, END_US, DAY_US), 0)
    for quarter, node_us in node_time_by_quarter(node_type).items():
        days[quarter - quarter % DAY_US] += half_up(node_us * price, HOUR_US)
    return days


def billed_by_hour(node_type: str) -> dict[int, int]:
    """Billed node-microseconds by start of hour."""
    hours = dict.fromkeys(range(START_US, END_US, HOUR_US), 0)
    for quarter, node_us in node_time_by_quarter(node_type).items():
        hours[quarter - quarter % HOUR_US] += node_us
    return hours
