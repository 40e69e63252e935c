"""All reports: what they say, which of them fail, and what is doubtful in their figures."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import queries
from dashboards.frame import OPEN_REPORT, OVERVIEW, Group, any_of, framed
from dashboards.panels import (
    BAD,
    DOUBT,
    GOOD,
    OF_COVERAGE,
    OF_IDLE,
    OF_READY,
    Column,
    Label,
    Query,
    Unit,
    lines,
    number,
    rows,
)
from gpucost.metrics import families

ASKED: Final = queries.ALL_REPORTS
NAMES: Final = (Label("namespace", "Namespace"), Label("report", "Report", OPEN_REPORT))
ANY_IS_BAD: Final = {0.0: GOOD, 1.0: BAD}
LEGEND: Final = "{{namespace}}/{{report}} {{currency}}"
WHOLE_PERIOD: Final = (
    "Figures are of a report's whole period up to now. Reports may overlap in time and in node pools, and have "
    "currencies of their own, so they are never added."
)


def overview() -> Dashboard:
    """The dashboard of all reports."""
    namespace = any_of("namespace", "Namespace", queries.NAMESPACES)
    return framed(
        OVERVIEW, f"All CostReports. {WHOLE_PERIOD}", [namespace], [_now(), _reports(), _wrong(), _over_time()]
    )


def _now() -> Group:
    return "At a glance", [
        number("Reports", "CostReports whose state is known.", Query(ASKED.count), Unit.COUNT),
        number("Failing", "Not ready, without suspended ones.", Query(ASKED.failing), Unit.COUNT, levels=ANY_IS_BAD),
        number("Suspended", "Their last figures stay.", Query(ASKED.suspended), Unit.COUNT),
        number(
            "Oldest figures",
            "Age of the figures that were computed longest ago; those of a final report are renewed once a day.",
            Query(ASKED.oldest),
            Unit.AGE,
            levels={0.0: GOOD, 93_600.0: DOUBT},
        ),
        number(
            "Node pools now",
            "What all node pools cost an hour now, in each currency; a pool that several reports bill counts once.",
            Query(ASKED.pools_per_hour, "{{currency}}"),
            Unit.MONEY,
            span=8,
            named=True,
        ),
    ]


def _reports() -> Group:
    columns = [
        Column("Spent", ASKED.total(families.NODE_COST, "currency"), Unit.MONEY),
        Column("Allocated", ASKED.total(families.ALLOCATED_COST, "currency"), Unit.MONEY),
        Column("Idle", ASKED.total(families.IDLE_COST, "currency"), Unit.MONEY),
        Column(
            "Idle share",
            ASKED.share(families.IDLE_COST, families.NODE_COST, "currency"),
            Unit.RATIO,
            levels=OF_IDLE,
        ),
        Column(
            "Coverage",
            ASKED.share(families.ALLOCATED_COST, families.NODE_COST, "currency"),
            Unit.RATIO,
            levels=OF_COVERAGE,
        ),
        Column("Could be saved", ASKED.total(families.POTENTIAL_SAVINGS, "currency"), Unit.MONEY),
        Column("Figures of", ASKED.with_currency(ASKED.age(families.LAST_SUCCESS)), Unit.AGE),
        Column("Ready", ASKED.with_currency(ASKED.each(families.READY)), Unit.COUNT, texts=OF_READY),
    ]
    labels = [*NAMES, Label("currency", "Currency")]
    return "Reports", [
        rows("What each report says", f"{WHOLE_PERIOD} A click opens a report.", labels, columns, height=10)
    ]


def _wrong() -> Group:
    reasons = rows(
        "Not ready",
        "Reports whose figures don't belong to their present spec and inputs, and why; docs/runbook.md says what to do.",
        [*NAMES, Label("reason", "Reason")],
        [Column("", ASKED.troubles, Unit.COUNT)],
        span=10,
    )
    doubts = rows(
        "Doubtful figures",
        "Reports with conflicts of schedules, with time of unknown node counts or without a price, with tasks that ran when no "
        "node was billed, or with attempts that are charged nothing.",
        NAMES,
        [
            Column("Conflicts", ASKED.present(families.CONFLICTS), Unit.COUNT),
            Column("Uncovered", ASKED.present_hours(families.UNCOVERED_SECONDS), Unit.NODE_HOURS),
            Column("Unpriced", ASKED.present_hours(families.UNPRICED_SECONDS), Unit.NODE_HOURS),
            Column("Off schedule", ASKED.present_hours(families.OFF_SCHEDULE_SECONDS), Unit.NODE_HOURS),
            Column("Skipped", ASKED.total(families.ATTEMPTS_SKIPPED), Unit.COUNT),
        ],
        span=14,
    )
    return "What is wrong", [reasons, doubts]


def _over_time() -> Group:
    return "Over time", [
        lines(
            "Spent",
            "Node cost of each report's period, in its currency.",
            [Query(ASKED.total(families.NODE_COST, "currency"), LEGEND)],
            Unit.MONEY,
        ),
        lines(
            "Could be saved",
            "Idle cost of all hours that a recommendation of the report names.",
            [Query(ASKED.total(families.POTENTIAL_SAVINGS, "currency"), LEGEND)],
            Unit.MONEY,
        ),
        lines(
            "Idle share",
            "Idle cost by node cost.",
            [Query(ASKED.share(families.IDLE_COST, families.NODE_COST, "currency"), LEGEND)],
            Unit.RATIO,
        ),
        lines(
            "Coverage",
            "Allocated cost by node cost.",
            [Query(ASKED.share(families.ALLOCATED_COST, families.NODE_COST, "currency"), LEGEND)],
            Unit.RATIO,
        ),
    ]
