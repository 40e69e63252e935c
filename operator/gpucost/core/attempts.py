"""Money of tasks and attempts: the last two levels of the split (section 1).

(bucket, type) -> (service, outcome) is split in ``allocation``; here each share goes on to tasks, ordered by the bytes of
their ids, and from a task to its attempts in the order of their starts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpucost.core.allocation import Shares
from gpucost.core.grid import Buckets
from gpucost.core.money import Ints, group_starts, split_groups


@dataclass(frozen=True, slots=True)
class Spans:
    """Charged attempts as columns: who ran where, and the part of each that lies in the period."""

    task: Ints
    """Number of the task; tasks are numbered in the order of their ids' bytes."""
    service: Ints
    node_type: Ints
    outcome: Ints
    start_us: Ints
    """Rows are in the order of (task, start), so that a row's number orders the attempts of a task."""
    end_us: Ints


@dataclass(frozen=True, slots=True)
class Pieces:
    """Attempts cut at the edges of buckets, with the money of each piece; sorted as the split orders them."""

    attempt: Ints
    """Index of the attempt."""
    bucket: Ints
    executed_us: Ints
    cost: Ints


def cut(spans: Spans, buckets: Buckets) -> tuple[Ints, Ints, Ints]:
    """Cut attempts at bucket edges: the attempt, bucket and microseconds of each piece. Zero-length parts have none."""
    live = np.flatnonzero(spans.end_us > spans.start_us)
    start, end = spans.start_us[live], spans.end_us[live]
    first = np.searchsorted(buckets.edges, start, side="right") - 1
    last = np.searchsorted(buckets.edges, end, side="left") - 1
    sizes = last - first + 1
    which = np.repeat(np.arange(len(live)), sizes)
    bucket = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    executed = np.minimum(end[which], buckets.edges[bucket + 1]) - np.maximum(start[which], buckets.edges[bucket])
    return live[which], bucket, executed


def charge(spans: Spans, buckets: Buckets, shares: Shares) -> Pieces:
    """Split every (bucket, type, service, outcome)'s money over its tasks, and theirs over their attempts."""
    attempt, bucket, executed = cut(spans, buckets)
    slot = spans.node_type[attempt] * buckets.count + bucket
    keys = (slot, spans.service[attempt], spans.outcome[attempt], spans.task[attempt])
    order = np.lexsort((attempt, *keys[::-1]))
    attempt, bucket, executed = attempt[order], bucket[order], executed[order]
    ordered = [key[order] for key in keys]
    by_share, by_task = group_starts(*ordered[:3]), group_starts(*ordered)
    per_task = np.add.reduceat(executed, by_task) if len(by_task) else executed
    money = shares.cost[shares.executed_us > 0]
    task_cost = split_groups(money, per_task, np.searchsorted(by_task, by_share))
    return Pieces(attempt, bucket, executed, split_groups(task_cost, executed, by_task))
