"""Conditions and their reasons, each with its sentence, all in this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpucost.core import issues as why
from gpucost.core.instants import instant_text
from gpucost.core.issues import counted
from gpucost.core.money import hours_text, money_text, seconds_text
from gpucost.engine.source import (
    AUTHENTICATION_FAILED,
    DATABASE_TIMEOUT,
    DATABASE_UNREACHABLE,
    TABLE_MISSING,
    TASKS_UNREADABLE,
)
from gpucost.report.report import Report, total

READY: Final = "Ready"
SCHEDULES_RESOLVED: Final = "SchedulesResolved"
TASKS_READABLE: Final = "TasksReadable"
PRICED: Final = "Priced"
CONSERVED: Final = "Conserved"
FINAL: Final = "Final"

COMPUTED: Final = "Computed"
PENDING: Final = "Pending"
SUSPENDED: Final = "Suspended"
INVALID_SPEC: Final = "InvalidSpec"
SECRET_UNREADABLE: Final = "SecretUnreadable"
LEDGER_UNAVAILABLE: Final = "LedgerUnavailable"
NOT_COMPUTED: Final = "NotComputed"

CONDITIONS: Final[Mapping[str, str]] = {
    READY: "The figures shown belong to this spec, and the last due refresh worked.",
    SCHEDULES_RESOLVED: "Every CronJob and table row could be read, and every pool's node count is known throughout.",
    TASKS_READABLE: "The task database could be read, and every attempt in it could be charged.",
    PRICED: "Every node-hour has a price.",
    CONSERVED: "The laws of conservation hold in these figures, to the nano-unit.",
    FINAL: "Late events can't change the figures any more.",
}
"""What each condition says when it is True, for the docs."""

REASONS: Final[Mapping[str, str]] = {
    COMPUTED: "The figures belong to this spec and the last due computation worked.",
    PENDING: "The first computation is under way.",
    SUSPENDED: "spec.suspend is true: nothing is computed, and the last figures stay. Set it to false to go on.",
    INVALID_SPEC: "The spec says something impossible; the message names the path. Mend the spec.",
    SECRET_UNREADABLE: "The Secret with the database URL, or its key, is missing, or the operator may not get it.",
    AUTHENTICATION_FAILED: "The task database refuses user or password. Mend the Secret; it is read again at each try.",
    DATABASE_UNREACHABLE: "The task database does not answer. It is tried again by itself.",
    DATABASE_TIMEOUT: "A statement on the task database took longer than --timeout. Shorten the period, or allow more.",
    TABLE_MISSING: "The task database has no table of the expected name. Name yours in spec.tasks.query.",
    TASKS_UNREADABLE: "The task database answers, but not with what the method needs; the message says what is missing.",
    LEDGER_UNAVAILABLE: "The operator's ledger can't be written, so edits could be missed: disk full, or its database gone.",
    NOT_COMPUTED: "The figures can't be computed for another reason: the message and the operator's log say which.",
    "AllResolved": "The node count of every pool is known for the whole period.",
    "Uncovered": "The node count of a pool is unknown for a while: state initialNodes of its type, or gpucost.dev/valid-from.",
    "SchedulesUnread": "A CronJob or a row of the schedule table could not be read; quality.issues names it and the remedy.",
    "NotShared": "A namespace in spec.nodePools.cronJobs does not share its schedules; the message has the label to set there.",
    "NoNodePools": "Nothing states a node pool: annotate CronJobs, or look at spec.nodePools.cronJobs for where they are read.",
    "AllRead": "Every row of the task database was used.",
    "NoTasks": "The report has no spec.tasks, or the database no usable event.",
    "Skipped": "Attempts or rows were left out: quality says how many, and quality.issues why and what to do.",
    "NotUnderstood": "Most events were read, and yet say too little: the message says what to map in spec.tasks.",
    "AllPriced": "Every node-hour has a price.",
    "Unpriced": "Nodes ran without a price: quality.issues names their type; add a price that holds from then on.",
    "LawsHold": "Allocated and unallocated, busy and idle, pools and hours add up exactly.",
    "LawBroken": "Figures that must be equal are not: don't use them, and please report it.",
    "Settled": "The period is over, and late events can't change it any more.",
    "Running": "The period is not over, or attempts in it may still end: wait.",
}
"""What each reason means, for the docs."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: its status (None: unknown), a one-word reason, and a message for a person."""

    kind: str
    status: bool | None
    reason: str
    message: str

    def fields(self, at_us: int) -> dict[str, Any]:
        """As it stands in a status, with an instant of its last transition."""
        return {
            "type": self.kind,
            "status": "Unknown" if self.status is None else str(self.status),
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": instant_text(at_us),
        }


def conditions(report: Report) -> list[dict[str, Any]]:
    """The conditions of a computed report, as they stand in the status."""
    found = [_schedules(report), _tasks(report), _priced(report), _conserved(report), _final(report)]
    ready = Condition(READY, True, COMPUTED, f"computed at {instant_text(report.now_us)}")
    return [condition.fields(report.now_us) for condition in [ready, *found]]


def _schedules(report: Report) -> Condition:
    quality = report.quality
    unread = [issue for issue in quality.issues if issue.reason in why.UNREAD_SCHEDULES]
    kept = [issue for issue in quality.issues if issue.reason == why.NOT_SHARED]
    if kept:
        return Condition(SCHEDULES_RESOLVED, False, "NotShared", "; ".join(issue.message for issue in kept)[:2000])
    if not report.pools and not unread:
        return Condition(SCHEDULES_RESOLVED, False, "NoNodePools", "no CronJob or table row states a node pool")
    if quality.uncovered_us:
        message = f"node counts are unknown for {seconds_text(quality.uncovered_us)} pool-seconds"
        return Condition(SCHEDULES_RESOLVED, False, "Uncovered", message)
    if unread:
        message = f"{counted(len(unread), 'schedule')} can't be read; the first: {unread[0].message}"
        return Condition(SCHEDULES_RESOLVED, False, "SchedulesUnread", message[:2000])
    return Condition(SCHEDULES_RESOLVED, True, "AllResolved", f"{len(report.pools)} node pools are known throughout")


def _tasks(report: Report) -> Condition:
    quality, census = report.quality, report.census
    if census is None:
        return Condition(TASKS_READABLE, True, "NoTasks", "the report is of node cost only")
    unusable = sum(census.unusable.values())
    skipped = sum(quality.skipped.values())
    if unusable or skipped:
        return Condition(TASKS_READABLE, False, "Skipped", f"{skipped} attempts and {unusable} rows were left out")
    doubt = next((doubt for doubt in report.doubts if doubt.of_tasks), None)
    if doubt is not None and (quality.loaded or quality.never_ran):
        return Condition(TASKS_READABLE, False, "NotUnderstood", doubt.sentence)
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
