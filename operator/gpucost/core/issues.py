"""What was wrong with an input: the reasons as named constants, each with its sentence, all in this file.

An issue never stops a report. It says what could not be read or used, of what, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

MESSAGE_TEXT_LIMIT: Final = 80
"""Characters of a user's own text that a message repeats."""

UNREADABLE_CRON_JOB: Final = "UnreadableCronJob"
INCOMPLETE_CRON_JOB: Final = "IncompleteCronJob"
CONTRADICTORY_CRON_JOB: Final = "ContradictoryCronJob"
UNREADABLE_SCALING_COMMAND: Final = "UnreadableScalingCommand"
SCALER_NOT_READ: Final = "ScalerNotRead"
IGNORED_CRON_JOB: Final = "IgnoredCronJob"
NODES_PER_ZONE: Final = "NodesPerZone"
INVALID_VALID_FROM: Final = "InvalidValidFrom"
DUPLICATE_CRON_JOB: Final = "DuplicateCronJob"
INVALID_SCHEDULE: Final = "InvalidSchedule"
ROBFIG_DIFFERS: Final = "RobfigDiffers"
UNDATED_EDIT: Final = "UndatedEdit"
FAILED_RUNS: Final = "FailedRuns"
MISSED_RUNS: Final = "MissedRuns"
UNKNOWN_RUNS: Final = "UnknownRuns"
CONFLICT: Final = "ScheduleConflict"
UNCOVERED: Final = "UncoveredTime"
UNPRICED: Final = "UnpricedNodes"
ASSUMED: Final = "AssumedHistory"
UNKNOWN_STATUS: Final = "UnknownStatus"
UNREADABLE_METAINFO: Final = "UnreadableMetainfo"
UNKNOWN_NODE_TYPE: Final = "UnknownNodeType"
TWO_NODES_AT_ONCE: Final = "TwoNodesAtOnce"
TIME_ZONE_ASSUMED: Final = "TimeZoneAssumed"
UNUSABLE_ROWS: Final = "UnusableRows"
DIFFERENT_COPIES: Final = "DifferentCopies"
FUTURE_EVENTS: Final = "FutureEvents"
LOST_ATTEMPTS: Final = "LostAttempts"
OFF_SCHEDULE: Final = "OffScheduleTime"
NO_TASKS: Final = "NoTasks"
NO_POOLS: Final = "NoNodePools"
CRON_JOBS_ELSEWHERE: Final = "CronJobsElsewhere"
NOT_SHARED: Final = "SchedulesNotShared"
POOL_STATED_TWICE: Final = "PoolStatedTwice"
DAY_TYPE_CONTRADICTION: Final = "DayTypeContradiction"
UNREADABLE_TABLE_ROW: Final = "UnreadableTableRow"
FURTHER_ISSUES: Final = "FurtherIssues"
ADVICE_WITHHELD: Final = "AdviceWithheld"

UNREAD_SCHEDULES: Final = frozenset(
    (
        UNREADABLE_CRON_JOB,
        INCOMPLETE_CRON_JOB,
        CONTRADICTORY_CRON_JOB,
        UNREADABLE_SCALING_COMMAND,
        SCALER_NOT_READ,
        INVALID_SCHEDULE,
        UNREADABLE_TABLE_ROW,
    )
)
"""Issues of a schedule that scales nodes, or may, and sets no count."""

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        UNREADABLE_CRON_JOB: "A CronJob has a field that is missing or malformed, so it sets no node count.",
        INCOMPLETE_CRON_JOB: "A CronJob states a pool without a count, or a count without a pool, so it sets none.",
        CONTRADICTORY_CRON_JOB: "A CronJob states one thing in one place and another in another; it sets none.",
        UNREADABLE_SCALING_COMMAND: "A CronJob's command scales nodes in a way that can't be read for certain.",
        SCALER_NOT_READ: "A CronJob scales nodes, or looks like it, with something that gpucost does not read; it sets none.",
        IGNORED_CRON_JOB: "A CronJob's annotation gpucost.dev/ignore says that it is to be left out; it sets no node count.",
        NODES_PER_ZONE: "A command counts nodes per zone, as gcloud does in a region; its count is used as it is.",
        INVALID_VALID_FROM: "A CronJob's gpucost.dev/valid-from is no instant; its schedule holds since its creation.",
        DUPLICATE_CRON_JOB: "Two different CronJobs have the same namespace and name; the first one stands.",
        INVALID_SCHEDULE: "A CronJob's schedule or time zone is refused, so it sets no node count.",
        ROBFIG_DIFFERS: "A zone changes its clock at midnight or by half an hour, where Kubernetes itself may misfire.",
        UNDATED_EDIT: "A CronJob was edited or deleted while no operator watched; the change counts from when it was noticed.",
        FAILED_RUNS: "Jobs of a CronJob failed, so the actuated node count was left as it was.",
        MISSED_RUNS: "Scheduled runs of a CronJob did not happen, so the actuated node count was left as it was.",
        UNKNOWN_RUNS: "Nobody watched when a CronJob was to run, and no Job is left to tell what became of it.",
        CONFLICT: "Fires of one pool at one instant ask for different counts; the largest is billed.",
        UNCOVERED: "The node count of a pool is unknown for a while; nothing is billed there.",
        UNPRICED: "Nodes ran without a price; their cost is missing.",
        ASSUMED: "Node-hours rest on schedules as they stand now: nothing recorded them at the time.",
        UNKNOWN_STATUS: "A status that none of the sets knows; attempts that it ends are skipped.",
        UNREADABLE_METAINFO: "Attempts whose metainfo is no JSON object, and so names no node; their type is unknown.",
        UNKNOWN_NODE_TYPE: "Attempts whose node fits no rule, whose node_type is not listed, or that name no node at all.",
        TWO_NODES_AT_ONCE: "Tasks that report running on a second node while an attempt runs; the first node is charged.",
        TIME_ZONE_ASSUMED: "Times have no offset, and spec.tasks.timeZone is not set, so they are read as UTC.",
        UNUSABLE_ROWS: "Rows of the task database without a task or a time, or with a time that can't be read for certain.",
        DIFFERENT_COPIES: "Rows that repeat an event_id but say something else; the first one stands.",
        FUTURE_EVENTS: "Events after the present; they are left out.",
        LOST_ATTEMPTS: "Attempts that never ended and whose task was silent for staleAfter; they are skipped.",
        OFF_SCHEDULE: "Tasks ran while fewer nodes were billed than they kept busy.",
        NO_TASKS: "The task database holds no event up to now.",
        NO_POOLS: "No CronJob or table row states a node pool, so there is no node cost.",
        CRON_JOBS_ELSEWHERE: "CronJobs state node pools in namespaces that the report does not read.",
        NOT_SHARED: "A report names a namespace that does not share its schedules with other namespaces, so they are not read.",
        POOL_STATED_TWICE: "A pool stated by CronJobs stands in the schedule table too; its rows are ignored.",
        DAY_TYPE_CONTRADICTION: "A row's is_weekend contradicts the day fields of its cron.",
        FURTHER_ISSUES: "A status has no room for all issues; those left out are counted.",
        ADVICE_WITHHELD: "Too much of the inputs was not understood to advise anything about some node types.",
        UNREADABLE_TABLE_ROW: "A row of the schedule table can't be read, so it sets no node count.",
    }
)
"""What each reason means, for the docs; an issue's own message names the object and the remedy."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Something about the inputs that a reader of the figures should know."""

    reason: str
    """One of the constants above."""
    message: str
    """One sentence or two: what, where, and what to do."""
    count: int = 1
    """How many inputs it concerns."""


def shorten(text: str, limit: int = MESSAGE_TEXT_LIMIT) -> str:
    """A user's text for a message: on one line, printable, at most ``limit`` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)


def as_sentence(text: str) -> str:
    """A message of ours as a sentence of its own: a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def counted(count: int, noun: str) -> str:
    """A count with its noun: ``1 attempt``, ``2,000 attempts``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def show(value: object) -> str:
    """A user's value for a message: text and numbers quoted and cut, everything else by its kind."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"'{shorten(value)}'"
        case int():
            # str() of a huge int raises: https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
            return str(value) if value.bit_length() < 256 else "a huge number"
        case float():
            return str(value)
        case Mapping():
            return "a map"
        case list() | tuple():
            return "a list"
    return f"a {type(value).__name__}"
