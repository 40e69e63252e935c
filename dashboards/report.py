"""One report: the answer, then node types, services, hours, pools, drift, and how far the figures can be trusted."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import queries
from dashboards.frame import REPORT, Group, framed, one_of
from dashboards.panels import (
    DOUBT,
    GOOD,
    OF_COVERAGE,
    OF_READY,
    Column,
    Label,
    Query,
    Unit,
    bars,
    heat,
    lines,
    number,
    rows,
    stacks,
    words,
)
from gpucost.metrics import families
from gpucost.metrics.families import Family

ASKED: Final = queries.ONE_REPORT
ANY_IS_DOUBT: Final = {0.0: GOOD, 1e-9: DOUBT}
NODE_TYPE, SERVICE, POOL = Label("node_type", "Node type"), Label("service", "Service"), Label("node_pool", "Node pool")
CURRENCY: Final = Label("currency", "Currency")


def report() -> Dashboard:
    """The dashboard of one report."""
    says = "One CostReport. Figures are of its whole period up to now, in its currency."
    variables = [
        one_of("namespace", "Namespace", queries.NAMESPACES),
        one_of("report", "Report", queries.REPORTS),
    ]
    groups = [_answer(), _state(), _node_types(), _services(), _hours(), _pools(), _drift(), _quality()]
    return framed(REPORT, says, variables, groups)


def _answer() -> Group:
    def money(title: str, says: str, family: Family) -> stat.Panel:
        return number(title, says, Query(ASKED.total(family, "currency"), "{{currency}}"), Unit.MONEY, named=True)

    return "The answer", [
        money("Spent", "Cost of the billed nodes.", families.NODE_COST),
        money("Allocated", "What attempts of tasks are charged.", families.ALLOCATED_COST),
        money("Unallocated", "What nobody is charged.", families.UNALLOCATED_COST),
        money("Idle", "Cost of billed time in which no task ran; part of it may be allocated.", families.IDLE_COST),
        money("Could be saved", "Idle cost of all hours that a recommendation names.", families.POTENTIAL_SAVINGS),
        number(
            "Coverage",
            "Allocated cost by node cost.",
            Query(ASKED.share(families.ALLOCATED_COST, families.NODE_COST)),
            Unit.RATIO,
            levels=OF_COVERAGE,
        ),
    ]


def _state() -> Group:
    return "State", [
        words(
            "Ready",
            "Whether the figures belong to the present spec and inputs.",
            Query(ASKED.each(families.READY)),
            texts=OF_READY,
        ),
        words("Reason", "Of condition Ready.", Query(ASKED.each(families.READY_REASON), "{{reason}}"), texts={}),
        number("Figures of", "Time since they were computed.", Query(ASKED.age(families.LAST_SUCCESS)), Unit.AGE),
        number(
            "They reach up to",
            "Time since the end of what they cover: long where the period is over.",
            Query(ASKED.age(families.DATA_UNTIL)),
            Unit.AGE,
        ),
        number("Computed in", "How long it took.", Query(ASKED.each(families.COMPUTE_SECONDS)), Unit.SECONDS),
        number("Node time", "Billed node-hours.", Query(ASKED.hours(families.NODE_SECONDS)), Unit.NODE_HOURS),
    ]


def _node_types() -> Group:
    by_type = ("node_type", "currency")
    columns = [
        Column("Node time", ASKED.hours(families.NODE_SECONDS, *by_type), Unit.NODE_HOURS),
        Column("Spent", ASKED.total(families.NODE_COST, *by_type), Unit.MONEY),
        Column("Allocated", ASKED.total(families.ALLOCATED_COST, *by_type), Unit.MONEY),
        Column("Unallocated", ASKED.total(families.UNALLOCATED_COST, *by_type), Unit.MONEY),
        Column("Idle", ASKED.total(families.IDLE_COST, *by_type), Unit.MONEY),
        Column("Coverage", ASKED.with_currency(ASKED.each(families.COVERAGE_RATIO)), Unit.RATIO),
        Column("Utilisation", ASKED.with_currency(ASKED.each(families.UTILIZATION_RATIO)), Unit.RATIO),
    ]
    return "Node types", [
        rows("By node type", "What each type of node cost and did.", [NODE_TYPE, CURRENCY], columns, span=14),
        lines(
            "Utilisation",
            "Busy node time by billed node time, over the report's period.",
            [Query(ASKED.each(families.UTILIZATION_RATIO), "{{node_type}}")],
            Unit.RATIO,
            span=10,
        ),
    ]


def _services() -> Group:
    by_service = ("service", "currency")
    columns = [
        Column("Cost", ASKED.total(families.SERVICE_COST, *by_service), Unit.MONEY),
        Column("Per success", ASKED.each(families.COST_PER_SUCCESS), Unit.TARIFF),
        Column("Per failed second", ASKED.each(families.COST_PER_FAILED_SECOND), Unit.TARIFF),
        Column("Successes", ASKED.with_currency(ASKED.success_ratio), Unit.RATIO),
        Column("Attempts", ASKED.with_currency(ASKED.total(families.SERVICE_ATTEMPTS, "service")), Unit.COUNT),
    ]
    return "Services and tariffs", [
        rows(
            "By service",
            "Cost of each service and its tariffs. Attempts are those that ended in the period, and open ones; successes are "
            "by ended attempts.",
            [SERVICE, CURRENCY],
            columns,
        ),
        stacks(
            "Cost by outcome",
            "What became of the money of each service.",
            ASKED.cost_by_outcome,
            Unit.MONEY,
            along="service",
            parts="outcome",
        ),
        bars(
            "Dearest services",
            f"The {queries.SHOWN_SERVICES} services that cost most.",
            Query(ASKED.dearest_services, "{{service}} {{currency}}"),
            Unit.MONEY,
        ),
        lines(
            "Cost per success",
            "Over the report's period: a long period moves slowly.",
            [Query(ASKED.each(families.COST_PER_SUCCESS), "{{service}} {{currency}}")],
            Unit.TARIFF,
        ),
        lines(
            "Cost per failed second",
            "Over the report's period.",
            [Query(ASKED.each(families.COST_PER_FAILED_SECOND), "{{service}} {{currency}}")],
            Unit.TARIFF,
        ),
    ]


def _hours() -> Group:
    says = "Busy node time by billed node time of each local hour, over all weekdays or weekends; pale hours are idle."
    return "Hours", [
        heat("Utilisation by hour", says, ASKED.hour_grid, row="row", column="hour", head="Node type and day")
    ]


def _pools() -> Group:
    columns = [
        Column("Nodes now", ASKED.with_currency(ASKED.each(families.SCHEDULED_NODES)), Unit.COUNT),
        Column("Cost per hour", ASKED.each(families.COST_PER_HOUR), Unit.MONEY),
    ]
    return "Node pools now", [
        rows("By pool", "Absent once the period is over.", [POOL, NODE_TYPE, CURRENCY], columns, span=10),
        lines(
            "Scheduled nodes",
            "Nodes that the schedules ask for.",
            [Query(ASKED.each(families.SCHEDULED_NODES), "{{node_pool}}")],
            Unit.COUNT,
            span=14,
            steps=True,
        ),
    ]


def _drift() -> Group:
    says = "Node time that Jobs made, less what was scheduled: what was late, failed, or was started by hand."
    return "Drift", [
        bars(
            "Drift in node time",
            says,
            Query(ASKED.hours(families.DRIFT_SECONDS, "node_pool"), "{{node_pool}}"),
            Unit.NODE_HOURS,
        ),
        bars(
            "Drift in money",
            "What that node time costs.",
            Query(ASKED.each(families.DRIFT_COST), "{{node_pool}} {{currency}}"),
            Unit.MONEY,
        ),
    ]


def _quality() -> Group:
    def doubt(title: str, says: str, expression: str, unit: Unit) -> stat.Panel:
        return number(title, says, Query(expression), unit, levels=ANY_IS_DOUBT)

    return "Quality: what to know before you trust it", [
        doubt(
            "Conflicts",
            "Instants at which schedules of one pool asked for different node counts; the maximum is billed.",
            ASKED.each(families.CONFLICTS),
            Unit.COUNT,
        ),
        doubt("Uncovered", "Time of unknown node counts.", ASKED.hours(families.UNCOVERED_SECONDS), Unit.NODE_HOURS),
        doubt(
            "Unpriced",
            "Node time without a price: its cost is missing.",
            ASKED.hours(families.UNPRICED_SECONDS),
            Unit.NODE_HOURS,
        ),
        doubt(
            "Off schedule",
            "Node time in which tasks ran beyond the billed node time.",
            ASKED.hours(families.OFF_SCHEDULE_SECONDS),
            Unit.NODE_HOURS,
        ),
        number(
            "Skipped attempts",
            "Attempts that are charged nothing, by the reason; docs/cli.md says what each means. None: all are charged.",
            Query(ASKED.each(families.ATTEMPTS_SKIPPED), "{{reason}}"),
            Unit.COUNT,
            span=8,
            levels=ANY_IS_DOUBT,
            named=True,
        ),
    ]
