"""Every metric family of a report: its name, labels and sentence, in the order in which the page shows them.

What matters most stands first, because a cap on series cuts from the end. All are gauges: a period moves on, and a
figure of it may fall. Money is in units of the currency, time in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

REPORT_LABELS: Final = ("namespace", "report")
"""Labels of every family, before its own."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family of reports. ``labels`` come after REPORT_LABELS."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


READY: Final = Family(
    "gpucost_report_ready", "Whether the figures belong to the present spec and inputs (1) or not (0)."
)
READY_REASON: Final = Family(
    "gpucost_report_ready_reason", "The reason of condition Ready, as a label; always 1.", ("reason",)
)
LAST_SUCCESS: Final = Family(
    "gpucost_report_last_success_timestamp_seconds", "When the report was last computed, in Unix time."
)
DATA_UNTIL: Final = Family(
    "gpucost_report_data_until_timestamp_seconds", "Up to when the figures reach, in Unix time; never the future."
)
COMPUTE_SECONDS: Final = Family("gpucost_report_compute_seconds", "How long the last computation took.")

NODE_COST: Final = Family("gpucost_report_node_cost", "Cost of the billed nodes.", ("node_type", "currency"))
ALLOCATED_COST: Final = Family(
    "gpucost_report_allocated_cost", "Node cost charged to attempts of tasks.", ("node_type", "currency")
)
IDLE_COST: Final = Family(
    "gpucost_report_idle_cost", "Node cost of billed time in which no task ran.", ("node_type", "currency")
)
UNALLOCATED_COST: Final = Family(
    "gpucost_report_unallocated_cost", "Node cost charged to nobody.", ("node_type", "currency")
)
NODE_SECONDS: Final = Family("gpucost_report_node_seconds", "Billed node time.", ("node_type", "currency"))
COVERAGE_RATIO: Final = Family("gpucost_report_coverage_ratio", "Allocated cost by node cost.", ("node_type",))
UTILIZATION_RATIO: Final = Family(
    "gpucost_report_utilization_ratio", "Busy node time by billed node time.", ("node_type",)
)
POTENTIAL_SAVINGS: Final = Family(
    "gpucost_report_potential_savings", "The largest single saving of each hour and node type, summed.", ("currency",)
)

CONFLICTS: Final = Family(
    "gpucost_report_conflicts", "Instants at which schedules of one pool asked for different node counts."
)
UNCOVERED_SECONDS: Final = Family(
    "gpucost_report_uncovered_seconds", "Time in which the node count of a pool is unknown, summed over pools."
)
UNPRICED_SECONDS: Final = Family("gpucost_report_unpriced_seconds", "Node time without a price; its cost is missing.")
OFF_SCHEDULE_SECONDS: Final = Family(
    "gpucost_report_off_schedule_seconds", "Node time in which tasks ran beyond the billed node time."
)
ATTEMPTS_SKIPPED: Final = Family(
    "gpucost_attempts_skipped", "Attempts that are charged nothing, by the reason.", ("reason",)
)

SCHEDULED_NODES: Final = Family(
    "gpucost_node_pool_scheduled_nodes", "Nodes that the schedules ask for now.", ("node_pool", "node_type")
)
COST_PER_HOUR: Final = Family(
    "gpucost_node_pool_cost_per_hour", "What the billed nodes cost an hour now.", ("node_pool", "currency")
)

DRIFT_SECONDS: Final = Family(
    "gpucost_node_pool_drift_seconds", "Node time that Jobs made, less what was scheduled.", ("node_pool",)
)
DRIFT_COST: Final = Family("gpucost_node_pool_drift_cost", "What that node time costs.", ("node_pool", "currency"))

SERVICE_COST: Final = Family(
    "gpucost_service_cost", "Node cost charged to the attempts of a service.", ("service", "outcome", "currency")
)
SERVICE_ATTEMPTS: Final = Family(
    "gpucost_service_attempts",
    "Attempts of a service that ended in the period; of outcome Open those that touch it.",
    ("service", "outcome"),
)
COST_PER_SUCCESS: Final = Family(
    "gpucost_cost_per_success", "Cost of the successful attempts, per success.", ("service", "currency")
)
COST_PER_FAILED_SECOND: Final = Family(
    "gpucost_cost_per_failed_second", "Cost of the failed attempts, per second that they ran.", ("service", "currency")
)

HOUR_UTILIZATION_RATIO: Final = Family(
    "gpucost_hour_utilization_ratio",
    "Busy node time by billed node time of a local hour, over all weekdays or weekends.",
    ("hour", "day_type", "node_type"),
)

FAMILIES: Final = (
    READY,
    READY_REASON,
    LAST_SUCCESS,
    DATA_UNTIL,
    COMPUTE_SECONDS,
    NODE_COST,
    ALLOCATED_COST,
    IDLE_COST,
    UNALLOCATED_COST,
    NODE_SECONDS,
    COVERAGE_RATIO,
    UTILIZATION_RATIO,
    POTENTIAL_SAVINGS,
    CONFLICTS,
    UNCOVERED_SECONDS,
    UNPRICED_SECONDS,
    OFF_SCHEDULE_SECONDS,
    ATTEMPTS_SKIPPED,
    SCHEDULED_NODES,
    COST_PER_HOUR,
    DRIFT_SECONDS,
    DRIFT_COST,
    SERVICE_COST,
    SERVICE_ATTEMPTS,
    COST_PER_SUCCESS,
    COST_PER_FAILED_SECOND,
    HOUR_UTILIZATION_RATIO,
)
"""All of them, in the page's order."""

BY_NAME: Final[Mapping[str, Family]] = MappingProxyType({family.name: family for family in FAMILIES})
