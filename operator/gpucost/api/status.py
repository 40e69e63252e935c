"""The status of a CostReport, typed: every field that the operator may write.

Money, hours, seconds and ratios are decimal text, never floats. A field that is absent is unknown; none is ever NaN, nor
a 0 that stands for something unknown. The server silently drops a status field that is not listed here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gpucost.api import rules

Money = Annotated[str, Field(pattern=r"^-?[0-9]+[.][0-9]{2,9}$")]
Hours = Annotated[str, Field(pattern=r"^-?[0-9]+([.][0-9]{1,6})?$")]
Seconds = Annotated[str, Field(pattern=r"^-?[0-9]+([.][0-9]{1,6})?$")]
Ratio = Annotated[str, Field(pattern=r"^-?[0-9]+([.][0-9]{1,6})?$")]
Count = Annotated[int, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Condition(_Model):
    """One aspect of the report's state."""

    type: str = Field(
        description="Ready, which sums the others up, SchedulesResolved, TasksReadable, Priced, Conserved or Final."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: str = Field(description="One word in CamelCase: why.")
    message: str = Field(description="The same for a person.")
    last_transition_time: str = Field(
        description="When the status last changed.", json_schema_extra={"format": "date-time"}
    )
    observed_generation: Count | None = Field(
        default=None, description="The generation of the spec that this condition is about."
    )


class PeriodStatus(_Model):
    """The period as instants."""

    start: str | None = Field(default=None, description="First instant of the period, UTC.")
    end: str | None = Field(default=None, description="The instant at which the period ends, UTC, exclusive.")
    data_until: str | None = Field(
        default=None,
        description="The figures are of the time before this instant: the end, or when they were computed.",
    )
    final: bool | None = Field(
        default=None, description="Whether the period is over and late events can't change it any more."
    )


class Restatement(_Model):
    """A figure of a final report that changed."""

    time: str | None = Field(default=None, description="When it was noticed.")
    field: str | None = Field(default=None, description="Path of the figure in the status.")
    before: str | None = Field(default=None, description="The figure as it was; absent: unknown.")
    after: str | None = Field(default=None, description="The figure as it is; absent: unknown.")
    why: str | None = Field(
        default=None, description="What changed: the spec, a schedule, a price, tasks or the method."
    )


class Display(_Model):
    """Figures as people read them, rounded; kubectl's columns."""

    period: str | None = Field(default=None, description="The period, its last day included.")
    node_cost: str | None = Field(default=None, description="What the nodes cost, to the cent.")
    allocated_cost: str | None = Field(default=None, description="What tasks pay for, to the cent.")
    idle_cost: str | None = Field(default=None, description="What was spent on idle nodes, to the cent.")
    coverage: str | None = Field(default=None, description="Allocated cost / node cost, as per cent.")
    utilization: str | None = Field(default=None, description="Busy node time / billed node time, as per cent.")


class NodeFigures(_Model):
    """Node time and money."""

    node_hours: Hours | None = Field(default=None, description="Billed node time, in hours.")
    node_cost: Money | None = Field(default=None, description="What the billed node time costs.")
    allocated_cost: Money | None = Field(default=None, description="Node cost that attempts pay for.")
    idle_cost: Money | None = Field(default=None, description="Cost of node time with no task: node cost - busy cost.")
    executed_hours: Hours | None = Field(default=None, description="Time that attempts executed, in hours.")
    coverage_ratio: Ratio | None = Field(default=None, description="Allocated cost / node cost.")
    utilization_ratio: Ratio | None = Field(default=None, description="Busy node time / billed node time.")


class FullNodeFigures(NodeFigures):
    """Node time and money, busy and idle time too."""

    unallocated_cost: Money | None = Field(default=None, description="Node cost - allocated cost.")
    busy_hours: Hours | None = Field(
        default=None, description="Node time with at least one task, in hours; at most what is billed."
    )
    busy_cost: Money | None = Field(default=None, description="Cost of busy node time.")
    idle_hours: Hours | None = Field(default=None, description="Billed node time with no task, in hours.")
    gpu_hours: Hours | None = Field(
        default=None, description="Billed node time x GPUs of a node, in hours; where gpusPerNode is stated."
    )


class AttemptCounts(_Model):
    """Attempts by how they ended; all but open ones are counted where they end."""

    tasks: Count | None = Field(default=None, description="Attempts that ended - retries.")
    attempts: Count | None = Field(default=None, description="Attempts that ended: succeeded + failed + interrupted.")
    succeeded: Count | None = Field(default=None, description="Attempts that ended as Success.")
    failed: Count | None = Field(default=None, description="Attempts that ended as Failure.")
    interrupted: Count | None = Field(default=None, description="Attempts that went back into the queue.")
    open: Count | None = Field(default=None, description="Attempts that touch the period and have not ended.")
    retries: Count | None = Field(
        default=None, description="Attempts that started within staleAfter of the end of the task's previous one."
    )


class Tariffs(_Model):
    """Money per unit of work."""

    cost_per_success: Money | None = Field(default=None, description="Cost of successes / succeeded.")
    cost_per_failed_second: Money | None = Field(default=None, description="Cost of failures / their executed seconds.")
    effective_cost_per_success: Money | None = Field(
        default=None, description="Cost of successes, failures and interrupted attempts / succeeded."
    )


class Summary(FullNodeFigures, AttemptCounts, Tariffs):
    """Totals of the report."""

    success_cost: Money | None = Field(default=None, description="Allocated cost of successes.")
    failure_cost: Money | None = Field(default=None, description="Allocated cost of failures.")
    interrupted_cost: Money | None = Field(default=None, description="Allocated cost of interrupted attempts.")
    open_cost: Money | None = Field(default=None, description="Allocated cost of open attempts.")
    potential_savings: Money | None = Field(
        default=None, description="The largest single saving of each hour and node type, summed."
    )


class NodeTypeStatus(FullNodeFigures):
    """Totals of a node type."""

    name: str = Field(description="Name of the type; unknown is what no rule matches.")
    price_per_hour: Money | None = Field(default=None, description="Mean price of a node-hour: node cost / node hours.")
    attempts: Count | None = Field(default=None, description="Attempts on such nodes that ended.")


class NextChange(_Model):
    """The next change of a pool's node count."""

    time: str | None = Field(default=None, description="When it comes, UTC.")
    nodes: Count | None = Field(default=None, description="The node count from then on.")
    cron_job: str | None = Field(default=None, description="What makes it: a CronJob, or a row of the schedule table.")


class Drift(_Model):
    """What Jobs did, less what was scheduled, while both are known: negative where they did less."""

    node_hours: Hours | None = Field(default=None, description="Node time done less node time scheduled, in hours.")
    cost: Money | None = Field(default=None, description="What that difference costs.")


class NodePoolStatus(_Model):
    """A node pool."""

    name: str = Field(description="Name of the pool.")
    node_type: str | None = Field(default=None, description="Its type, by the first rule that matches.")
    node_hours: Hours | None = Field(default=None, description="Billed node time, in hours.")
    node_cost: Money | None = Field(default=None, description="What the billed node time costs.")
    nodes_now: Count | None = Field(default=None, description="Node count now; while the period contains now.")
    next_change: NextChange | None = Field(
        default=None, description="The next change of the node count; while the period contains now."
    )
    drift: Drift | None = Field(
        default=None, description="What Jobs did less what was scheduled; where both are known."
    )


class ServiceStatus(AttemptCounts, Tariffs):
    """What a service's tasks cost."""

    name: str = Field(description="Name of the service; other is all services beyond topServices.")
    executed_hours: Hours | None = Field(default=None, description="Time that its attempts executed, in hours.")
    allocated_cost: Money | None = Field(default=None, description="Node cost that its attempts pay for.")


class DayTypeStatus(NodeFigures):
    """Totals of the weekdays, or of the weekends."""

    name: str = Field(description="Weekday or Weekend.")
    days: Count | None = Field(default=None, description="Local days of that type in the period so far.")


class Skipped(_Model):
    """Attempts that were left out for one reason."""

    reason: str = Field(description="Lost or UnknownStatus.")
    count: Count | None = Field(default=None, description="How many attempts.")


class AttemptQuality(_Model):
    """What became of the attempts that touch the period: loaded = charged + skipped."""

    loaded: Count | None = Field(default=None, description="Attempts of wanted services that touch the period.")
    charged: Count | None = Field(default=None, description="Attempts that cost is shared among.")
    skipped: list[Skipped] | None = Field(
        default=None, description="Attempts that were left out, by reason.", json_schema_extra=rules.keyed_by("reason")
    )


class Issue(_Model):
    """Something about the inputs that a reader of the figures should know."""

    reason: str | None = Field(default=None, description="One word in CamelCase, listed in the docs.")
    message: str | None = Field(default=None, description="What, where, and what to do about it.")
    count: Count | None = Field(default=None, description="How many inputs it concerns.")


class Quality(_Model):
    """How far the inputs carry the figures."""

    attempts: AttemptQuality | None = Field(
        default=None, description="What became of the attempts that touch the period: loaded = charged + skipped."
    )
    never_ran: Count | None = Field(default=None, description="Tasks of the period that never ran.")
    uncovered_seconds: Seconds | None = Field(
        default=None, description="Time in which the node count is unknown, summed over pools; nothing is billed there."
    )
    assumed_hours: Hours | None = Field(
        default=None, description="Node time, in hours, of schedules that nothing recorded at the time."
    )
    excluded_hours: Hours | None = Field(default=None, description="Time that excluded services executed, in hours.")
    unpriced_hours: Hours | None = Field(default=None, description="Node time without a price, in hours.")
    off_schedule_hours: Hours | None = Field(
        default=None, description="Busy node time beyond what is billed in its hour, in hours."
    )
    future_events: Count | None = Field(default=None, description="Events after now, which are left out.")
    conflicts: Count | None = Field(
        default=None,
        description="Instants at which CronJobs of one pool ask for different counts; the largest is billed.",
    )
    issues: list[Issue] | None = Field(default=None, description="Everything else that was noticed about the inputs.")


class ProposedSchedule(_Model):
    """A CronJob that a recommendation consists of."""

    node_pool: str = Field(description="The pool whose nodes it sets.")
    schedule: str = Field(description="When it fires, as spec.schedule of a CronJob.")
    time_zone: str = Field(description="The zone of the schedule, as spec.timeZone of a CronJob.")
    nodes: Count = Field(description="The node count that it sets.")


class Recommendation(_Model):
    """What would save money."""

    name: str = Field(description="The node type and what to do, in one word.")
    node_type: str | None = Field(default=None, description="The node type that it is about.")
    node_pool: str | None = Field(default=None, description="The pool, where the type has exactly one.")
    message: str | None = Field(default=None, description="What to do, and the figures behind it.")
    savings: Money | None = Field(
        default=None,
        description="Saved in the period: node cost less that of the proposal; of shutting down, idle cost.",
    )
    confidence: str | None = Field(
        default=None, description="High from 28 whole days of data, Medium from 7, else Low."
    )
    nodes_before: Count | None = Field(
        default=None, description="The most nodes scheduled in the hours that it is about."
    )
    nodes_after: Count | None = Field(default=None, description="The most nodes proposed for these hours.")
    schedules: list[ProposedSchedule] | None = Field(
        default=None,
        description="All schedules of the type's pools as proposed, in place of theirs; absent where no weekly ones say it.",
    )


class Artifact(_Model):
    """A file or page of the report."""

    name: str = Field(description="Name of the file or page.")
    url: str | None = Field(default=None, description="Where it is.")


class CostReportStatus(_Model):
    """The figures, and how far they can be trusted. Money and hours are decimal text; what is absent is unknown."""

    observed_generation: Count | None = Field(
        default=None, description="The generation of the spec that the status is about."
    )
    conditions: list[Condition] | None = Field(
        default=None, description="The report's state, by aspect.", json_schema_extra=rules.keyed_by("type")
    )
    period: PeriodStatus | None = Field(default=None, description="The period as instants.")
    input_revision: str | None = Field(
        default=None,
        description="Hash of spec, schedules, prices, data watermark and method: the same, the same figures.",
    )
    restatements: list[Restatement] | None = Field(
        default=None, description="The last 10 figures of a final report that changed, with the reason."
    )
    last_success_time: str | None = Field(default=None, description="When the figures were computed.")
    next_refresh_time: str | None = Field(default=None, description="When they are computed again.")
    caution: str | None = Field(
        default=None, description="What was not understood and makes figures or advice doubtful; absent where all was."
    )
    display: Display | None = Field(
        default=None, description="Figures as people read them, rounded; kubectl's columns."
    )
    summary: Summary | None = Field(default=None, description="Totals of the report.")
    node_types: list[NodeTypeStatus] | None = Field(
        default=None, description="Totals by node type.", json_schema_extra=rules.keyed_by("name")
    )
    # Not keyed by name: where pools are too many for a status, those left out are a row "other", and a pool may be called so
    node_pools: list[NodePoolStatus] | None = Field(default=None, description="Node time and cost by pool.")
    services: list[ServiceStatus] | None = Field(
        default=None,
        description="What each service costs, by cost; beyond topServices in one row, other.",
        json_schema_extra=rules.keyed_by("name"),
    )
    day_types: list[DayTypeStatus] | None = Field(
        default=None, description="Totals of weekdays and weekends.", json_schema_extra=rules.keyed_by("name")
    )
    quality: Quality | None = Field(default=None, description="How far the inputs carry the figures.")
    recommendations: list[Recommendation] | None = Field(
        default=None,
        description="What would save money, the largest savings first.",
        json_schema_extra=rules.keyed_by("name"),
    )
    artifacts: list[Artifact] | None = Field(
        default=None, description="Files and pages of the report.", json_schema_extra=rules.keyed_by("name")
    )
