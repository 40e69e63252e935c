"""The status of a CostReport: every money and hour as decimal text, absent where unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gpucost.core import money
from gpucost.core.actuation import Drift
from gpucost.core.allocation import Outcome
from gpucost.core.calendar import DAY_TYPES
from gpucost.core.instants import instant_text, parse_date
from gpucost.core.issues import FURTHER_ISSUES
from gpucost.core.nodes import NodeType
from gpucost.core.schedule import NextChange
from gpucost.report.conditions import conditions
from gpucost.report.lines import (
    OTHER,
    NodeLine,
    TaskLine,
    day_type_lines,
    days_of,
    gpu_us,
    is_priced,
    node_line,
    top_lines,
    whole_line,
)
from gpucost.report.report import PoolLine, Report

Fields = dict[str, Any]


def status_of(report: Report, *, top_services: int | None = None) -> Fields:
    """The status as it stands in a CostReport. ``top_services``: services by name, the rest in a row ``other``."""
    status: Fields = _without_absent(
        {
            "conditions": conditions(report),
            "period": {
                "start": instant_text(report.period.start_us),
                "end": instant_text(report.period.end_us),
                "dataUntil": instant_text(report.period.data_until_us),
                "final": report.final,
            },
            "inputRevision": report.input_revision,
            "lastSuccessTime": instant_text(report.now_us),
            "caution": report.caution,
            "display": display_of(report),
            "summary": summary_of(report),
            "nodeTypes": [_node_type(report, k, name) for k, name in enumerate(report.types)],
            "nodePools": [_node_pool(line) for line in report.pools],
            "services": _services(report, top_services),
            "dayTypes": [_day_type(report, index) for index in range(len(DAY_TYPES))],
            "quality": _quality(report),
            "recommendations": _recommendations(report),
        }
    )
    return status


def status_within(report: Report, max_bytes: int, *, top_services: int) -> Fields:
    """The status in at most so many bytes of JSON: where it is too long, its longest lists end in a row for the rest."""
    status = status_of(report, top_services=top_services)
    while (size := _bytes_of(status)) > max_bytes:
        lists: dict[str, list[Any]] = {
            "services": status.get("services") or [],
            "nodePools": status["nodePools"],
            "issues": status["quality"]["issues"],
            "recommendations": status.get("recommendations") or [],
        }
        name, rows = max(lists.items(), key=lambda item: _bytes_of(item[1]))
        keep = min(len(rows) - 2, int(len(rows) * max_bytes / size))
        if keep < 1:
            return status
        if name == "services":
            status[name] = _without_absent(_services(report, keep))
        elif name == "nodePools":
            status[name] = _largest_pools(report, keep)
        elif name == "issues":
            status["quality"] = {**status["quality"], name: [*rows[:keep], _more_issues(rows[keep:])]}
        else:
            status[name] = rows[:keep]
    return status


def _bytes_of(value: Any) -> int:
    return len(json.dumps(value))


def _largest_pools(report: Report, keep: int) -> list[Fields]:
    """The dearest pools, and one row for the others and a pool that is itself named other, so that sums hold."""
    ranked = sorted(report.pools, key=lambda line: -line.cost)
    shown = [line for line in ranked[:keep] if line.pool.name != OTHER]
    rest = [line for line in ranked if line not in shown]
    other = {
        "name": OTHER,
        "nodeType": OTHER,
        "nodeHours": money.hours_text(sum(line.node_us for line in rest)),
        "nodeCost": money.money_text(sum(line.cost for line in rest)),
    }
    return [*(_without_absent(_node_pool(line)) for line in shown), other]


def _more_issues(rest: Sequence[Fields]) -> Fields:
    """One issue in place of those that a status has no room for."""
    reasons = ", ".join(sorted({issue["reason"] for issue in rest}))
    message = f"{len(rest)} further issues ({reasons}); gpucost report lists all of them"
    return {"reason": FURTHER_ISSUES, "message": message, "count": sum(issue["count"] for issue in rest)}


def cost_report(report: Report, manifest: Mapping[str, Any], *, top_services: int | None = None) -> Fields:
    """The CostReport object: the manifest as it was given, with the status."""
    return {**manifest, "status": status_of(report, top_services=top_services)}


def _without_absent(value: Any) -> Any:
    """Leave out what is None, at every depth: absent means unknown."""
    if isinstance(value, dict):
        return {key: _without_absent(item) for key, item in value.items() if item is not None}
    return [_without_absent(item) for item in value] if isinstance(value, list) else value


def _has_tasks(report: Report) -> bool:
    return report.census is not None


def summary_of(report: Report) -> Fields:
    """Totals of the report; of tasks only where there are tasks."""
    line = node_line(report)
    gpus = gpu_us(report)
    nodes = {**_node_fields(line, _has_tasks(report)), "gpuHours": None if gpus is None else money.hours_text(gpus)}
    if not _has_tasks(report):
        return nodes
    whole = whole_line(report)
    return {
        **nodes,
        **_counts(whole),
        "successCost": money.money_text(whole.cost_by[Outcome.SUCCESS]),
        "failureCost": money.money_text(whole.cost_by[Outcome.FAILURE]),
        "interruptedCost": money.money_text(whole.cost_by[Outcome.INTERRUPTED]),
        "openCost": money.money_text(whole.cost_by[Outcome.OPEN]),
        **_tariffs(whole),
        "potentialSavings": None if report.potential_savings is None else money.money_text(report.potential_savings),
    }


def _node_fields(line: NodeLine, has_tasks: bool) -> Fields:
    fields: Fields = {"nodeHours": money.hours_text(line.node_us), "nodeCost": money.money_text(line.node_cost)}
    if has_tasks:
        fields |= {
            "allocatedCost": money.money_text(line.allocated),
            "unallocatedCost": money.money_text(line.unallocated),
            "busyHours": money.hours_text(line.busy_us),
            "busyCost": money.money_text(line.busy_cost),
            "idleHours": money.hours_text(line.idle_us),
            "idleCost": money.money_text(line.idle_cost),
            "executedHours": money.hours_text(line.executed_us),
            "coverageRatio": money.ratio_text(line.allocated, line.node_cost),
            "utilizationRatio": money.ratio_text(line.busy_us, line.node_us),
        }
    return fields


def _counts(line: TaskLine) -> Fields:
    return {
        "tasks": line.tasks,
        "attempts": line.attempts,
        "succeeded": line.attempts_by[Outcome.SUCCESS],
        "failed": line.attempts_by[Outcome.FAILURE],
        "interrupted": line.attempts_by[Outcome.INTERRUPTED],
        "open": line.attempts_by[Outcome.OPEN],
        "retries": line.retries,
    }


def _tariffs(line: TaskLine) -> Fields:
    succeeded = line.attempts_by[Outcome.SUCCESS]
    return {
        "costPerSuccess": money.tariff_text(line.cost_by[Outcome.SUCCESS], succeeded),
        "costPerFailedSecond": money.failed_second_text(
            line.cost_by[Outcome.FAILURE], line.executed_by[Outcome.FAILURE]
        ),
        "effectiveCostPerSuccess": money.tariff_text(line.effective_cost, succeeded),
    }


def _node_type(report: Report, index: int, name: str) -> Fields:
    line = node_line(report, node_type=index)
    gpus = _gpus(report.rules, name)
    fields = {
        "name": name,
        "pricePerHour": money.price_text(line.node_cost, line.node_us) if is_priced(report, index) else None,
        **_node_fields(line, _has_tasks(report)),
        "gpuHours": None if gpus is None else money.hours_text(gpus * line.node_us),
    }
    if _has_tasks(report):
        ended = report.ended
        closed = (ended.node_type == index) & (ended.attempts > 0)
        fields["attempts"] = int(ended.attempts[closed].sum())
    return fields


def _gpus(rules: Sequence[NodeType], name: str) -> int | None:
    return next((rule.gpus_per_node for rule in rules if rule.name == name), None)


def _node_pool(line: PoolLine) -> Fields:
    return {
        "name": line.pool.name,
        "nodeType": line.pool.node_type,
        "nodeHours": money.hours_text(line.node_us),
        "nodeCost": money.money_text(line.cost),
        "nodesNow": line.nodes_now,
        "nextChange": _next_change(line.next_change),
        "drift": None if line.drift is None else _drift(line.drift),
    }


def _drift(drift: Drift) -> Fields:
    return {"nodeHours": money.hours_text(drift.node_us), "cost": money.money_text(drift.cost)}


def _next_change(change: NextChange | None) -> Fields | None:
    if change is None:
        return None
    return {"time": instant_text(change.at_us), "nodes": change.nodes, "cronJob": change.label}


def _services(report: Report, top: int | None) -> list[Fields] | None:
    """By cost; with a limit the rest in one row."""
    if not _has_tasks(report):
        return None
    return [_service(name, line) for name, line in top_lines(report, top)]


def _service(name: str, line: TaskLine) -> Fields:
    return {
        "name": name,
        **_counts(line),
        "executedHours": money.hours_text(line.executed_us),
        "allocatedCost": money.money_text(line.cost),
        **_tariffs(line),
    }


def _day_type(report: Report, index: int) -> Fields:
    line = day_type_lines(report)[index]
    fields = _node_fields(line, _has_tasks(report))
    shown = ("nodeHours", "nodeCost", "allocatedCost", "idleCost", "executedHours", "coverageRatio", "utilizationRatio")
    return {"name": DAY_TYPES[index], "days": days_of(report, index), **{key: fields.get(key) for key in shown}}


def _quality(report: Report) -> Fields:
    quality = report.quality
    tasks: Fields = {}
    if _has_tasks(report):
        skipped = [{"reason": reason, "count": count} for reason, count in sorted(quality.skipped.items())]
        tasks = {
            "attempts": {"loaded": quality.loaded, "charged": quality.charged, "skipped": skipped},
            "neverRan": quality.never_ran,
            "excludedHours": money.hours_text(quality.excluded_us),
            "offScheduleHours": money.hours_text(quality.off_schedule_us),
            "futureEvents": quality.future_events,
        }
    return {
        **tasks,
        "uncoveredSeconds": money.seconds_text(quality.uncovered_us),
        "assumedHours": money.hours_text(quality.assumed_us),
        "unpricedHours": money.hours_text(quality.unpriced_us),
        "conflicts": len(quality.conflicts),
        "issues": [{"reason": i.reason, "message": i.message, "count": i.count} for i in quality.issues],
    }


def _recommendations(report: Report) -> list[Fields] | None:
    if not _has_tasks(report):
        return None
    return [
        {
            "name": advice.name,
            "nodeType": advice.node_type,
            "nodePool": advice.node_pool,
            "message": advice.message,
            "savings": money.money_text(advice.savings),
            "confidence": advice.confidence,
            "nodesBefore": advice.nodes_before,
            "nodesAfter": advice.nodes_after,
            "schedules": [
                {"nodePool": line.pool, "schedule": line.schedule, "timeZone": line.time_zone, "nodes": line.nodes}
                for line in advice.schedules
            ]
            or None,
        }
        for advice in report.recommendations
    ]


def display_of(report: Report) -> Fields:
    """Texts for people and kubectl's columns: money to the cent, ratios as per cent with one digit."""
    line = node_line(report)
    currency = report.spec.currency
    fields: Fields = {"period": _period_text(report), "nodeCost": money.shown_money(line.node_cost, currency)}
    if _has_tasks(report):
        fields |= {
            "allocatedCost": money.shown_money(line.allocated, currency),
            "idleCost": money.shown_money(line.idle_cost, currency),
            "coverage": money.shown_percent(line.allocated, line.node_cost),
            "utilization": money.shown_percent(line.busy_us, line.node_us),
        }
    return fields


def _period_text(report: Report) -> str:
    """``2025-06-01..08-31``, the last day included; instants where the period is no run of whole days."""
    stated = report.spec.period.range
    if stated and parse_date(stated.start) is None:
        return f"{instant_text(report.period.start_us)}..{instant_text(report.period.end_us)}"
    first, last = report.period_dates()
    same_year = first.year == last.year
    return f"{first}..{last.strftime('%m-%d') if same_year else last}" if first != last else str(first)
