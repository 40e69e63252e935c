"""The made demonstration: four weeks of a picture and video service on three node pools, with leaks to find.

Every task is a function of its number, so the same number of tasks is the same data everywhere. Node counts grow with
the number of tasks; the story stays the same. Times are UTC microseconds, intervals half-open.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from gpucost.core.instants import parse_instant
from gpucost.core.money import Ints, group_starts
from gpucost.core.steps import Steps
from gpucost.demo.chance import below, choose, skewed
from gpucost.demo.scenario import Demo, Scaling, annotated, by_environment, by_gcloud, cost_report, node_counts

ZONE: Final = "Europe/Berlin"
START_US: Final = parse_instant("2025-08-04T00:00:00+02:00") or 0
"""A Monday; the clock does not change in these weeks."""
END_US: Final = parse_instant("2025-09-01T00:00:00+02:00") or 0
CREATED: Final = "2025-03-03T08:30:00Z"
"""creationTimestamp of the older CronJobs."""
USUAL_TASKS: Final = 200_000
"""The number of tasks for which the node counts are written down; others have nodes in proportion."""

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3600 * SECOND_US
DAY_US: Final = 24 * HOUR_US

A100, L4, H100 = 0, 1, 2
TYPES: Final[tuple[dict[str, Any], ...]] = (
    {"name": "a100", "match": ["*a100*"], "gpusPerNode": 1, "prices": [{"pricePerHour": "11"}]},
    {"name": "l4", "match": ["*l4*"], "gpusPerNode": 1, "prices": [{"pricePerHour": "1"}]},
    {"name": "h100", "match": ["*h100*"], "initialNodes": 0, "gpusPerNode": 1, "prices": [{"pricePerHour": "12"}]},
)
POOLS: Final = ("a100-pool", "l4-pool", "h100-pool")

_OFFICE: Final = (2, 1, 1, 1, 1, 1, 3, 10, 45, 80, 95, 100, 75, 85, 100, 100, 95, 75, 45, 28, 18, 12, 7, 4)
_LATE: Final = (3, 2, 1, 1, 1, 1, 2, 8, 25, 50, 70, 80, 80, 85, 90, 95, 100, 95, 80, 60, 45, 30, 15, 6)
_QUEUED: Final = (14, 12, 9, 7, 6, 6, 8, 14, 55, 90, 100, 95, 80, 90, 100, 100, 90, 80, 60, 45, 35, 28, 22, 18)
"""Load by local hour of a working day."""


class Service(NamedTuple):
    """A service: its share of the tasks, how much of it runs on a100, how long a task runs there, and when."""

    name: str
    weight: int
    a100_percent: int
    seconds: tuple[int, int]
    """Mean execution on a100 and on l4."""
    hours: tuple[int, ...]
    weekend_percent: int
    """Load of a weekend hour as a part of the same hour of a working day."""


SERVICES: Final = (
    Service("text2img", 50, 60, (13, 30), _OFFICE, 4),
    Service("img2img", 25, 40, (18, 40), _OFFICE, 4),
    Service("upscale", 19, 0, (20, 45), _LATE, 3),
    Service("video", 6, 100, (190, 600), _QUEUED, 18),
)
VIDEO: Final = 3

STORM_US: Final = START_US + 16 * DAY_US + 9 * HOUR_US, START_US + 16 * DAY_US + 19 * HOUR_US
"""Wednesday 2025-08-20, 09:00 to 19:00: a driver update breaks video, and its client tries again and again."""


class Plan(NamedTuple):
    """How a task goes: the status that ends each of its attempts, one after another ("": none ever does).

    The weight is out of 100,000; plans of weight 0 are the storm's.
    """

    weight: int
    ends: tuple[str, ...]


PLANS: Final = (
    Plan(94_710, ("done",)),
    Plan(1_300, ("waiting", "done")),
    Plan(900, ("error_cuda", "done")),
    Plan(150, ("error_cuda", "error_cuda", "done")),
    Plan(400, ("error_node", "done")),
    Plan(100, ("error_node", "waiting", "done")),
    Plan(250, ("error", "error")),
    Plan(900, ("error_params",)),
    Plan(150, ("error_exec_timeout",)),
    Plan(100, ("execution_timeout",)),
    Plan(350, ("canceled",)),
    Plan(250, ("cancelled",)),
    Plan(20, ("",)),
    Plan(420, ()),
    Plan(0, ("error_cuda",) * 4 + ("done",)),
    Plan(0, ("error_cuda",) * 6),
)
DONE, LOST, STORMY = 0, 12, 14
PERCENT: Final = {
    "done": 100,
    "waiting": 30,
    "error_cuda": 55,
    "error_node": 40,
    "error": 70,
    "error_params": 5,
    "error_exec_timeout": 400,
    "execution_timeout": 400,
    "canceled": 45,
    "cancelled": 45,
    "": 100,
}
"""How long an attempt with that end runs, in percent of a whole one."""
STATUSES: Final = (*PERCENT, "new", "running")


class Tasks(NamedTuple):
    """One row per task."""

    number: Ints
    service: Ints
    kind: Ints
    """Node type: A100 or L4."""
    plan: Ints
    start_us: Ints
    """When it first runs, or would have."""


class Attempts(NamedTuple):
    """One row per attempt, by task and start."""

    task: Ints
    start_us: Ints
    end_us: Ints
    ended: Ints
    """Index into STATUSES."""
    node: Ints
    """Number of the node, as _nodes counts them."""


def made_demo(tasks: int) -> Demo:
    """A demonstration with that many tasks. Raises ValueError for a negative number."""
    if tasks < 0:
        raise ValueError(f"the number of tasks must be 0 or more, not {tasks}")
    cronjobs = _cron_jobs(tasks)
    return Demo(
        report=cost_report("demo", ZONE, ("2025-08-04", "2025-09-01"), TYPES),
        cronjobs=cronjobs,
        now_us=END_US,
        assumptions=(
            f"The data is made: {tasks:,} tasks of {len(SERVICES)} services in four weeks, the same on every run.",
            "Nodes, schedules and prices (a100 11 USD, l4 1 USD, h100 12 USD per node and hour) are made too.",
            "The present is taken to be the end of these weeks: Monday 2025-09-01 00:00 in Berlin.",
        ),
        events=partial(_events, tasks, cronjobs),
    )


def _cron_jobs(tasks: int) -> list[dict[str, Any]]:
    """Schedules in all three ways to state a pool. Nobody asked whether l4 should grow at weekends too."""
    a100, l4, h100 = (partial(_scaling, tasks, pool) for pool in POOLS)
    return [
        annotated(a100("a100-morning", 6, "0 8 * * 1-5"), ZONE),
        annotated(a100("a100-evening", 2, "0 20 * * 1-5"), ZONE),
        annotated(a100("a100-weekend", 1, "0 0 * * 6"), ZONE),
        by_environment(l4("l4-morning", 8, "0 7 * * *"), ZONE),
        by_environment(l4("l4-evening", 3, "30 22 * * *"), ZONE),
        by_environment(l4("l4-weekend-off", 0, "5 7 * * 6,0", suspend=True), ZONE),
        by_gcloud(h100("h100-trial-on", 1, "0 7 * * 1", created="2025-08-18T04:12:00Z"), ZONE),
        by_gcloud(h100("h100-trial-off", 0, "0 19 * * 5", created="2025-08-18T04:12:00Z"), ZONE),
    ]


def _scaling(
    tasks: int, pool: str, name: str, nodes: int, schedule: str, suspend: bool = False, created: str = CREATED
) -> Scaling:
    """A schedule with nodes in proportion to the tasks, but at least one."""
    scaled = max(1, (nodes * tasks + USUAL_TASKS // 2) // USUAL_TASKS) if nodes else 0
    return Scaling(name, pool, scaled, schedule, suspend, created)


def _events(count: int, cronjobs: list[dict[str, Any]]) -> pa.Table:
    tasks = _draw_tasks(count)
    counts = node_counts(cronjobs, START_US, END_US)
    return _table(tasks, _draw_attempts(tasks, counts), max(int(line.values.max()) for line in counts.values()))


def _draw_tasks(count: int) -> Tasks:
    number = np.arange(count, dtype=np.int64)
    service = choose(number, 1, [s.weight for s in SERVICES])
    on_a100 = below(number, 2, 100) < np.array([s.a100_percent for s in SERVICES])[service]
    start_us = _starts(number, service)
    plan = choose(number, 3, [p.weight for p in PLANS])
    plan[(plan == LOST) & (start_us >= END_US - 2 * DAY_US)] = DONE  # too young to be lost
    storm = (service == VIDEO) & (start_us >= STORM_US[0]) & (start_us < STORM_US[1])
    plan[storm] = STORMY + below(number[storm], 4, 2)
    still_runs = number % 65_536 == 40_000
    service[still_runs], plan[still_runs], on_a100[still_runs] = VIDEO, DONE, True
    start_us[still_runs] = END_US - (1 + below(number[still_runs], 5, 30)) * SECOND_US
    return Tasks(number, service, np.where(on_a100, A100, L4).astype(np.int64), plan, start_us)


def _starts(number: Ints, service: Ints) -> Ints:
    """Instants that follow the working day and the week, to the millisecond."""
    hour = np.zeros(len(number), dtype=np.int64)
    for i, kind in enumerate(SERVICES):
        mine = service == i
        hour[mine] = choose(number[mine], 6, _load(kind))
    return START_US + hour * HOUR_US + below(number, 7, 3_600_000) * 1000


def _load(service: Service) -> Ints:
    """Weights of the hours of the four weeks; no two days are quite alike."""
    day = np.arange((END_US - START_US) // DAY_US, dtype=np.int64)
    percent = np.where(day % 7 < 5, 100, service.weekend_percent) * (85 + below(day, 8, 31))
    weights: Ints = np.multiply.outer(percent, np.array(service.hours, dtype=np.int64)).ravel()
    return weights


def _draw_attempts(tasks: Tasks, counts: dict[str, Steps]) -> Attempts:
    """Attempts run one after another with a pause between them, each on one of the nodes that are scheduled then."""
    ends = [STATUSES.index(end) for plan in PLANS for end in plan.ends]
    sizes = np.array([len(plan.ends) for plan in PLANS])
    own = sizes[tasks.plan]
    task = np.repeat(tasks.number, own)
    row = np.arange(len(task), dtype=np.int64)
    place = row - np.repeat(np.cumsum(own) - own, own)
    ended = np.array(ends, dtype=np.int64)[(np.cumsum(sizes) - sizes)[tasks.plan[task]] + place]
    mean_us = np.array([[s * SECOND_US for s in service.seconds] for service in SERVICES])
    percent = np.array([PERCENT.get(status, 0) for status in STATUSES])
    whole_us = mean_us[tasks.service[task], tasks.kind[task]] * skewed(row, 9) >> 16
    lasts_us = whole_us * percent[ended] // 100_000 * 1000
    pause_us = (2_000 + below(row, 10, 40_000)) * 1000
    start_us = tasks.start_us[task] + _sums_before(lasts_us + pause_us, task)
    return Attempts(task, start_us, start_us + lasts_us, ended, _nodes(tasks.kind[task], start_us, counts))


def _sums_before(values: Ints, group: Ints) -> Ints:
    """The sum of the earlier values of the same group."""
    before = np.cumsum(values) - values
    first = group_starts(group)
    sizes = np.diff(np.append(first, len(group)))
    earlier: Ints = before - np.repeat(before[first], sizes)
    return earlier


def _nodes(kind: Ints, start_us: Ints, counts: dict[str, Steps]) -> Ints:
    """The scheduled nodes of a type take turns, in the order of the starts. Node n is node n // 3 of pool n % 3."""
    node = np.zeros(len(kind), dtype=np.int64)
    for i in (A100, L4):
        mine = np.flatnonzero(kind == i)
        mine = mine[np.argsort(start_us[mine], kind="stable")]
        scheduled = counts[POOLS[i]].at(np.maximum(start_us[mine], START_US))
        node[mine] = np.arange(len(mine)) % np.maximum(scheduled, 1) * len(POOLS) + i
    return node


class _Rows(NamedTuple):
    """Events of one status or of the ends of attempts; node -1: none."""

    task: Ints
    ts_us: Ints
    status: Ints
    node: Ints


def _table(tasks: Tasks, attempts: Attempts, most_nodes: int) -> pa.Table:
    """Rows of task_history in the order of time, up to the present."""
    parts = [*_queue_events(tasks), *_run_events(attempts)]
    rows = _Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    order = np.argsort(rows.ts_us, kind="stable")
    order = order[: int(np.count_nonzero(rows.ts_us < END_US))]
    rows = _Rows(*(column[order] for column in rows))
    no_node = rows.node < 0
    node = pa.array(rows.node, mask=no_node)
    names = [f"{POOLS[i % len(POOLS)]}-{i // len(POOLS) + 1:02d}" for i in range(most_nodes * len(POOLS))]
    notes = [f'{{"node_name": "gke-studio-{name}", "worker": 1}}' for name in names]
    return pa.table(
        {
            "event_id": np.arange(1, len(order) + 1),
            "task_id": rows.task + 1,
            "service_name": pa.array([s.name for s in SERVICES]).take(pa.array(tasks.service[rows.task])),
            "status": pa.array(STATUSES).take(pa.array(rows.status)),
            "creation_ts": pa.array(rows.ts_us).cast(pa.timestamp("us", tz="UTC")),
            "node_id": pa.array(names, pa.string()).take(node),
            "metainfo": pa.array(notes, pa.string()).take(node),
        }
    )


def _queue_events(tasks: Tasks) -> tuple[_Rows, _Rows]:
    """Every task is new; one in five says that it waits."""
    waits_us = (300 + below(tasks.number, 11, 30_000)) * 1000
    waits_us[(tasks.start_us >= STORM_US[0]) & (tasks.start_us < STORM_US[1])] *= 4
    says = np.flatnonzero(below(tasks.number, 12, 5) == 0)
    return (
        _queue_rows(tasks.number, tasks.start_us - waits_us, "new"),
        _queue_rows(says, tasks.start_us[says] - waits_us[says] + 200_000, "waiting"),
    )


def _queue_rows(task: Ints, ts_us: Ints, status: str) -> _Rows:
    return _Rows(task, ts_us, np.full_like(task, STATUSES.index(status)), np.full_like(task, -1))


def _run_events(attempts: Attempts) -> tuple[_Rows, _Rows]:
    """Every attempt says that it runs, and how it ended, if it did."""
    running = np.full_like(attempts.task, STATUSES.index("running"))
    over = np.flatnonzero(attempts.ended != STATUSES.index(""))
    return (
        _Rows(attempts.task, attempts.start_us, running, attempts.node),
        _Rows(attempts.task[over], attempts.end_us[over], attempts.ended[over], attempts.node[over]),
    )
