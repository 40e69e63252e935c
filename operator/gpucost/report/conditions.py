"""Conditions and their reasons, each with its sentence, all in this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpucost.core import issues as why
from gpucost.core.instants import instant_text
from gpucost.core.money import hours_text, money_text, seconds_text
from gpucost.report.report import Report, total

READY: Final = "Ready"
SCHEDULES_RESOLVED: Final = "SchedulesResolved"
TASKS_READABLE: Final = "TasksReadable"
PRICED: Final = "Priced"
CONSERVED: Final = "Conserved"
FINAL: Final = "Final"

REASONS: Final[Mapping[str, str]] = {
    "Computed": "The figures belong to this spec and the last due computation worked.",
    "AllResolved": "The node count of every pool is known for the whole period.",
    "Uncovered": "The node count of a pool is unknown for a while.",
    "SchedulesUnread": "A CronJob or a row of the schedule table could not be read.",
    "NoNodePools": "Nothing states a node pool.",
    "AllRead": "Every row of the task database was used.",
    "NoTasks": "The report has no spec.tasks, or the database no usable event.",
    "Skipped": "Attempts or rows of the task database were left out.",
    "AllPriced": "Every node-hour has a price.",
    "Unpriced": "Nodes ran without a price.",
    "LawsHold": "Allocated and unallocated, busy and idle, pools and hours add up exactly.",
    "LawBroken": "Figures that must be equal are not; please report it.",
    "Settled": "The period is over, and late events can't change it any more.",
    "Running": "The period is not over, or attempts in it may still end.",
}
"""What each reason means, for the docs."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: its status, a one-word reason, and a message for a person."""

    kind: str
    status: bool
    reason: str
    message: str


def conditions(report: Report) -> list[dict[str, Any]]:
    """The conditions of a computed report, as they stand in the status."""
    found = [_schedules(report), _tasks(report), _priced(report), _conserved(report), _final(report)]
    ready = Condition(READY, True, "Computed", f"computed at {instant_text(report.now_us)}")
    return [
        {
            "type": condition.kind,
            "status": str(condition.status),
            "reason": condition.reason,
            "message": condition.message,
            "lastTransitionTime": instant_text(report.now_us),
        }
        for condition in [ready, *found]
    ]


def _schedules(report: Report) -> Condition:
    quality = report.quality
    unread = [issue for issue in quality.issues if issue.reason in UNREAD]
    if not report.pools:
        return Condition(SCHEDULES_RESOLVED, False, "NoNodePools", "no CronJob or table row states a node pool")
    if quality.uncovered_us:
        message = f"node counts are unknown for {seconds_text(quality.uncovered_us)} pool-seconds"
        return Condition(SCHEDULES_RESOLVED, False, "Uncovered", message)
    if unread:
        return Condition(SCHEDULES_RESOLVED, False, "SchedulesUnread", f"{len(unread)} schedules can't be read")
    return Condition(SCHEDULES_RESOLVED, True, "AllResolved", f"{len(report.pools)} node pools are known throughout")


UNREAD: Final = frozenset(
    (
        why.UNREADABLE_CRON_JOB,
        why.INCOMPLETE_CRON_JOB,
        why.CONTRADICTORY_CRON_JOB,
        why.UNREADABLE_SCALING_COMMAND,
        why.INVALID_SCHEDULE,
        why.UNREADABLE_TABLE_ROW,
    )
)
"""Issues of a schedule that sets no count."""


def _tasks(report: Report) -> Condition:
    quality, census = report.quality, report.census
    if census is None:
        return Condition(TASKS_READABLE, True, "NoTasks", "the report is of node cost only")
    unusable = sum(census.unusable.values())
    skipped = sum(quality.skipped.values())
    if unusable or skipped:
        return Condition(TASKS_READABLE, False, "Skipped", f"{skipped} attempts and {unusable} rows were left out")
    if census.last_us is None:
        return Condition(TASKS_READABLE, True, "NoTasks", "the task database holds no event up to now")
    return Condition(TASKS_READABLE, True, "AllRead", f"{quality.charged} attempts are charged, none was skipped")


def _priced(report: Report) -> Condition:
    unpriced = report.quality.unpriced_us
    if unpriced:
        return Condition(PRICED, False, "Unpriced", f"{hours_text(unpriced)} node-hours have no price")
    return Condition(PRICED, True, "AllPriced", "every node-hour has a price")


def _conserved(report: Report) -> Condition:
    broken = [law for law in report.laws if not law.holds]
    if broken:
        first = broken[0]
        return Condition(CONSERVED, False, "LawBroken", f"{first.name}: {first.left} is not {first.right}")
    if report.census is None:
        return Condition(
            CONSERVED, True, "LawsHold", f"{money_text(total(report.grid.node_cost))} over hours, pools and types"
        )
    cost, allocated = total(report.grid.node_cost), total(report.grid.allocated)
    message = f"{money_text(allocated)} allocated + {money_text(cost - allocated)} unallocated = {money_text(cost)}"
    return Condition(CONSERVED, True, "LawsHold", message)


def _final(report: Report) -> Condition:
    if report.final:
        return Condition(FINAL, True, "Settled", "late events can't change the period any more")
    return Condition(FINAL, False, "Running", "the period is not over, or attempts in it may still end")
