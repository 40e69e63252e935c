"""A report as charges of FOCUS, the FinOps Open Cost and Usage Specification.

FOCUS 1.3 splits a charge by putting its parts in its place. The charge here is what the nodes of one type cost in one bucket,
and it is never in the file itself, only its parts: one for each service and outcome that it was allocated to, and one for
what nobody was charged. So nothing is counted twice, and the file sums to the report's node cost, to the nano-unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from gpucost.core.allocation import Idle
from gpucost.core.calendar import sum_by
from gpucost.core.grid import per_bucket
from gpucost.core.instants import instant_text
from gpucost.core.money import NANO, SECOND_US, Ints, group_starts, split_groups
from gpucost.ledger.records import FinalReport
from gpucost.report.columns import Coded, Table
from gpucost.report.focuscolumns import (
    CORRECTION,
    UNALLOCATED_TAG,
    FocusRows,
    focus_table,
    method_id,
    outcome_tag,
    second_from,
    second_to,
)
from gpucost.report.lines import OTHER, node_line, task_lines
from gpucost.report.report import OUTCOMES, Report


class Parts(NamedTuple):
    """Parts of the node cost of buckets and types: money in nano-units, time in microseconds, numbers of names."""

    bucket: Ints
    node_type: Ints
    service: Ints
    """-1: allocated to nobody."""
    outcome: Ints
    cost: Ints
    node_us: Ints
    executed_us: Ints


def focus_rows(report: Report) -> Table:
    """Every part of the node cost, by bucket, type, service and outcome; what is allocated to nobody comes last of its type.

    A report without tasks has one row per bucket and type, of which nothing is allocated.
    """
    parts = parts_of_cost(report)
    return focus_table(report, _worded(report, parts))


def parts_of_cost(report: Report) -> Parts:
    """What was allocated, and what of each bucket and type was not. Node time is split as its money is."""
    allocated = _allocated(report)
    rest = _rest(report, allocated)
    joined = Parts(*(np.concatenate(pair) for pair in zip(allocated, rest, strict=True)))
    order = np.lexsort((joined.node_type, joined.bucket))  # stable: the rest stays behind
    return Parts(*(column[order] for column in joined))


def _allocated(report: Report) -> Parts:
    shares, buckets = report.shares, report.buckets
    paid_us = report.grid.node_us if report.spec.allocation.idle is Idle.DISTRIBUTE else report.grid.busy_us
    first = group_starts(shares.slot)
    node_us = split_groups(per_bucket(paid_us, buckets)[shares.slot[first]], shares.executed_us, first)
    kind, bucket = np.divmod(shares.slot, max(buckets.count, 1))
    return Parts(bucket, kind, shares.service, shares.outcome, shares.cost, node_us, shares.executed_us)


def _rest(report: Report, allocated: Parts) -> Parts:
    """Node time and cost of each bucket and type less what was allocated, where anything is left."""
    count = report.buckets.count
    slot = allocated.node_type * count + allocated.bucket
    cost = per_bucket(report.grid.node_cost, report.buckets)
    node_us = per_bucket(report.grid.node_us, report.buckets)
    cost, node_us = cost - sum_by(slot, allocated.cost, len(cost)), node_us - sum_by(slot, allocated.node_us, len(cost))
    left = np.flatnonzero((cost != 0) | (node_us != 0))
    kind, bucket = np.divmod(left, max(count, 1))
    nobody, nothing = np.full(len(left), -1), np.zeros(len(left), dtype=np.int64)
    return Parts(bucket, kind, nobody, nobody, cost[left], node_us[left], nothing)


def _worded(report: Report, parts: Parts) -> FocusRows:
    edges, has_tasks = report.buckets.edges.tolist(), report.census is not None
    kinds = Coded(report.types, parts.node_type)
    return FocusRows(
        start=Coded([second_from(at) for at in edges[:-1]], parts.bucket),
        end=Coded([second_to(at) for at in edges[1:]], parts.bucket),
        node_type=kinds,
        description=kinds.mapped(lambda name: f"Nodes of type {name}"),
        method=Coded([method_id(report) if has_tasks else None], np.zeros(len(parts.cost), dtype=np.int64)),
        service=_numbered([*report.services, None], parts.service),
        tags=_numbered([*map(outcome_tag, OUTCOMES), UNALLOCATED_TAG if has_tasks else None], parts.outcome),
        details=_details(parts) if has_tasks else Coded([None], np.zeros(len(parts.cost), dtype=np.int64)),
        cost=parts.cost,
        node_us=parts.node_us,
    )


def _numbered(texts: list[str | None], numbers: Ints) -> Coded:
    """Texts by number; the last one stands for -1."""
    return Coded(texts, numbers % len(texts))


def _details(parts: Parts) -> list[str | None]:
    """The part's share of its bucket's and type's cost, such that shares sum to 1; None where that cost is 0."""
    first = group_starts(parts.bucket, parts.node_type)
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(parts.cost))))
    whole = sum_by(group, parts.cost, len(first))[group].tolist()
    shares = split_groups(np.full(len(first), NANO), parts.cost, first).tolist()
    rows = zip(shares, parts.executed_us.tolist(), whole, strict=True)
    return [_element(share, executed) if cost else None for share, executed, cost in rows]


def _element(share: int, executed_us: int) -> str:
    """AllocatedMethodDetails of a share in billionths; a million of these take a second, json.dumps would take five."""
    ratio = f"{share // NANO}.{share % NANO:09d}"
    seconds = f"{executed_us // SECOND_US}.{executed_us % SECOND_US:06d}"
    return f'{{"Elements": [{{"AllocatedRatio": {ratio}, "UsageUnit": "Seconds", "UsageQuantity": {seconds}}}]}}'


# Corrections of final figures


class Shown(NamedTuple):
    """What was allocated to each service, and of each node type to nobody, in nano-units."""

    services: Mapping[str, int]
    unallocated: Mapping[str, int]


class Change(NamedTuple):
    """More or less money for a service, or of a node type for nobody, in nano-units."""

    service: str | None
    node_type: str | None
    cost: int


def correction_rows(report: Report, before: FinalReport) -> Table:
    """The differences between a period's figures as they are now and as they were when they were final.

    They have the columns of ``focus_rows`` and charge class ``Correction``; the file of then and these rows sum to the file
    of now: per service, for what is unallocated per node type, and in total. A row's charge period is the whole period, for
    a status holds no money by service and day, type or outcome. Services that the earlier status showed in its row ``other``
    are corrected in one row ``other``. Raises ValueError where ``before`` is of another period.
    """
    period = report.period
    if (before.start_us, before.end_us) != (period.start_us, period.end_us):
        raise ValueError("the final figures are of another period than the report's")
    old = _shown_before(before.status)
    new = _shown_now(report, old.services)
    changes = [Change(name, None, cost) for name, cost in _differences(old.services, new.services)]
    changes += [Change(None, name, cost) for name, cost in _differences(old.unallocated, new.unallocated)]
    has_tasks = report.census is not None or bool(old.services)
    return focus_table(report, _corrections(report, before, changes, has_tasks))


def _shown_before(status: Mapping[str, Any]) -> Shown:
    return Shown(
        {line["name"]: _nano(line["allocatedCost"]) for line in status.get("services", ())},
        {line["name"]: _nano(line.get("unallocatedCost", line["nodeCost"])) for line in status["nodeTypes"]},
    )


def _shown_now(report: Report, named: Mapping[str, int]) -> Shown:
    """The report's figures, with services that were in the row ``other`` in that row."""
    services: dict[str, int] = {}
    for name, line in task_lines(report).items():
        row = name if name in named or OTHER not in named else OTHER
        services[row] = services.get(row, 0) + line.cost
    return Shown(services, {name: node_line(report, node_type=k).unallocated for k, name in enumerate(report.types)})


def _differences(old: Mapping[str, int], new: Mapping[str, int]) -> list[tuple[str, int]]:
    changed = {name: new.get(name, 0) - old.get(name, 0) for name in sorted(old.keys() | new.keys(), key=str.encode)}
    return [(name, cost) for name, cost in changed.items() if cost]


def _nano(text: str) -> int:
    """Nano-units of an amount as a status shows it: with all its digits."""
    return int(Decimal(text) * NANO)


def _corrections(report: Report, before: FinalReport, changes: Sequence[Change], has_tasks: bool) -> FocusRows:
    each = np.arange(len(changes))
    same = np.zeros(len(changes), dtype=np.int64)
    services = [change.service for change in changes]
    unallocated = UNALLOCATED_TAG if has_tasks else None
    return FocusRows(
        start=Coded([second_from(report.period.start_us)], same),
        end=Coded([second_to(report.period.end_us)], same),
        node_type=Coded([change.node_type for change in changes], each),
        description=Coded([f"Correction of figures that were final on {instant_text(before.computed_us)}"], same),
        method=Coded([method_id(report) if has_tasks else None], same),
        service=Coded(services, each),
        tags=Coded([unallocated if service is None else None for service in services], each),
        details=Coded([None], same),
        cost=np.array([change.cost for change in changes], dtype=np.int64),
        node_us=np.ma.masked_where(same == 0, same),
        charge_class=CORRECTION,
    )
