"""The spec of a CostReport (gpucost.dev/v1alpha1), typed and checked field by field.

Field names in manifests are camelCase. What a field means stands in its description, from which the CRD is generated;
what the API server can check itself stands beside it as a rule of gpucost.api.rules.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from gpucost.api import rules
from gpucost.core.allocation import Idle
from gpucost.core.cron import parse_cron
from gpucost.core.instants import parse_date, parse_duration, parse_instant
from gpucost.core.money import parse_price
from gpucost.core.nodes import UNKNOWN_TYPE
from gpucost.core.zones import Zone

API_VERSION = "gpucost.dev/v1alpha1"
KIND = "CostReport"


class SpecError(ValueError):
    """A manifest that says something impossible; the message names the path and what was expected."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


def _zone(text: str) -> str:
    Zone.parse(text)
    return text


def _instant(text: str) -> str:
    if parse_instant(text) is None:
        raise ValueError(f"must be an RFC 3339 instant such as 2025-07-01T00:00:00Z, not {text[:40]!r}")
    return text


def _date_or_instant(text: str) -> str:
    if parse_date(text) is None and parse_instant(text) is None:
        raise ValueError(f"must be a date such as 2025-06-01 or an RFC 3339 instant, not {text[:40]!r}")
    return text


def _duration(text: str) -> str:
    if not parse_duration(text):
        raise ValueError(f"must be a duration such as 24h or 90m, not {text[:40]!r}")
    return text


def _price(value: object) -> str:
    parse_price(value)
    return str(value).strip()


def _cron(text: str) -> str:
    parse_cron(text)
    return text


ZoneName = Annotated[str, AfterValidator(_zone), rules.ZONE]
InstantText = Annotated[str, AfterValidator(_instant), rules.INSTANT]
DateOrInstant = Annotated[str, AfterValidator(_date_or_instant), rules.DATE_OR_INSTANT]
DurationText = Annotated[str, AfterValidator(_duration), rules.DURATION]
CronText = Annotated[str, AfterValidator(_cron), rules.CRON]
PriceText = Annotated[
    str,
    BeforeValidator(_price),
    WithJsonSchema(dict(rules.INT_OR_STRING)),
    rules.PRICE,
    rules.PRICE_DECIMALS,
    rules.PRICE_SIZE,
]
Share = Annotated[str, Field(pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"), rules.SHARE]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$"), rules.CURRENCY]
Name = Annotated[str, Field(min_length=1, max_length=253)]
TypeName = Annotated[Name, rules.TYPE_NAME]
Query = Annotated[str, Field(max_length=65_536)]


class Range(_Model):
    """From a start to an end (exclusive): both local dates, or both instants."""

    model_config = ConfigDict(json_schema_extra=rules.checked(*rules.RANGE))

    start: DateOrInstant = Field(
        description="First local date of the period such as 2025-06-01, or its first instant (RFC 3339)."
    )
    end: DateOrInstant = Field(
        description="The local date or instant at which the period ends, exclusive: 2025-09-01 ends it with August."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        dates = parse_date(self.start), parse_date(self.end)
        if (dates[0] is None) != (dates[1] is None):
            raise ValueError("start and end must be both local dates, or both instants")
        ends = dates if dates[0] is not None else (parse_instant(self.start), parse_instant(self.end))
        if not ends[0] < ends[1]:  # type: ignore[operator]
            raise ValueError(f"end must be after start; the period {self.start} to {self.end} is empty")
        return self


class CalendarUnit(StrEnum):
    """A calendar unit of the billing zone; weeks begin on Monday."""

    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"
    QUARTER = "Quarter"
    YEAR = "Year"


class Calendar(_Model):
    """A calendar unit, counted from the current one."""

    unit: CalendarUnit = Field(description="Day, Week (from Monday), Month, Quarter or Year.")
    offset: int = Field(default=0, ge=-1000, le=0, description="0 is the current unit, -1 the one before it.")


class Rolling(_Model):
    """The last whole local days."""

    days: int = Field(ge=1, le=3660, description="How many local days.")
    include_today: bool = Field(default=False, description="Whether the current, unfinished day is the last of them.")


class PeriodSpec(_Model):
    """Which time the report is about: exactly one of range, calendar and rolling."""

    model_config = ConfigDict(json_schema_extra=rules.checked(rules.ONE_PERIOD))

    range: Range | None = Field(
        default=None, description="From a start to an end (exclusive): both local dates, or both RFC 3339 instants."
    )
    calendar: Calendar | None = Field(
        default=None, description="A calendar unit, counted from the current one; unit Month, offset -1: last month."
    )
    rolling: Rolling | None = Field(default=None, description="The last whole local days.")

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        stated = [name for name in ("range", "calendar", "rolling") if getattr(self, name) is not None]
        if len(stated) != 1:
            found = " and ".join(stated) or "none"
            raise ValueError(f"must hold exactly one of range, calendar and rolling, not {found}")
        return self


class Refresh(_Model):
    """When the operator computes the report anew: every so often, or on a cron schedule."""

    model_config = ConfigDict(json_schema_extra=rules.checked(rules.ONE_REFRESH))

    every: DurationText | None = Field(default=None, description="A duration such as 5m; not beside schedule.")
    schedule: CronText | None = Field(
        default=None, description='A cron schedule in spec.timeZone such as "0 6 * * *"; not beside every.'
    )

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.every is not None and self.schedule is not None:
            raise ValueError("must hold either every or schedule, not both")
        return self


class LabelExpression(_Model):
    """One requirement of a label selector."""

    key: str = Field(description="The label's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        description="In, NotIn, Exists or DoesNotExist: how the label's value relates to values."
    )
    values: tuple[Annotated[str, Field(description="A value of the label.")], ...] = Field(
        default=(), max_length=256, description="Values for In and NotIn; none for Exists and DoesNotExist."
    )


class LabelSelector(_Model):
    """A Kubernetes label selector; all its requirements hold."""

    match_labels: Mapping[str, Annotated[str, Field(description="The label's value.")]] = Field(
        default_factory=dict, description="Labels with these very values."
    )
    match_expressions: tuple[LabelExpression, ...] = Field(
        default=(), max_length=64, description="Further requirements."
    )


class CronJobSelection(_Model):
    """Which CronJobs are read. Default: all of the report's own namespace that state a pool."""

    namespaces: (
        Annotated[
            tuple[Annotated[str, Field(max_length=253, description="A namespace.")], ...],
            Field(max_length=256),
        ]
        | None
    ) = Field(default=None, description="Namespaces; default: the report's own.")
    selector: LabelSelector | None = Field(default=None, description="A label selector; default: every CronJob.")


class DayTypeSource(StrEnum):
    """What decides the days of a schedule table's row: the cron's own day fields, or the flag is_weekend as well."""

    CRON = "Cron"
    FLAG = "Flag"


class ScheduleTable(_Model):
    """The table k8s_nodes_scaling in the task database as a further source of schedules."""

    enabled: bool = Field(default=False, description="Whether the table is read.")
    query: Query | None = Field(default=None, description="One SELECT with the table's columns; default: the table.")
    time_zone: ZoneName = Field(default="UTC", description="Zone of its crons and naive timestamps.")
    day_type_source: DayTypeSource = Field(
        default=DayTypeSource.CRON,
        description="Cron: the cron's own day fields decide the days. Flag: is_weekend restricts them as well.",
    )


class Price(_Model):
    """A price per node and hour, from an instant on."""

    valid_from: InstantText | None = Field(
        default=None, description="RFC 3339 instant from which the price holds; absent: since ever."
    )
    price_per_hour: PriceText = Field(
        description='Per node and hour in spec.currency, with at most 9 decimals: an integer, or text such as "9.50".'
    )


class NodeTypeRule(_Model):
    """A node type: which pools and nodes belong to it, and what an hour of one node costs."""

    name: TypeName = Field(description="Name of the type, unique in the report; not unknown.")
    match: tuple[Annotated[Name, Field(description="A glob such as *a100*; case is ignored.")], ...] = Field(
        max_length=256, description="Globs on the pool's name, and on the node's name of a task."
    )
    initial_nodes: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None,
        description="Nodes of each pool at first, where no schedule fired before the period; absent: unknown.",
    )
    gpus_per_node: Annotated[int, Field(ge=0, le=1024)] | None = Field(
        default=None, description="GPUs of one node, for gpuHours."
    )
    prices: tuple[Price, ...] = Field(
        default=(),
        max_length=64,
        description="A step function of time; before the first validFrom nodes are unpriced, and reported as such.",
        json_schema_extra=rules.checked(rules.PRICES),
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        instants = [parse_instant(p.valid_from) if p.valid_from else None for p in self.prices]
        if len(set(instants)) < len(instants):
            raise ValueError("prices must have different validFrom instants")
        return self


class ClockSource(StrEnum):
    """Which of the three clocks is billed."""

    SCHEDULE = "Schedule"
    ACTUATED = "Actuated"
    OBSERVED = "Observed"


class NodePools(_Model):
    """Node pools: where their schedules come from, their types and prices."""

    source: ClockSource = Field(
        default=ClockSource.SCHEDULE,
        description="Which clock is billed: Schedule (the crons), Actuated (their Jobs' completions) or "
        "Observed (Node objects).",
    )
    cron_jobs: CronJobSelection = Field(
        default=CronJobSelection(),
        description="Which CronJobs are read; default: all of the report's own namespace that state a pool.",
    )
    assume_schedules_from: InstantText | None = Field(
        default=None,
        description="RFC 3339 instant since which present schedules held; absent: since each CronJob's creation.",
    )
    schedule_table: ScheduleTable = Field(
        default=ScheduleTable(),
        description="The table k8s_nodes_scaling in the task database as a further source of schedules.",
    )
    types: tuple[NodeTypeRule, ...] = Field(
        default=(),
        max_length=32,
        description="Ordered rules that give each pool and node a type and a price; the first match wins.",
        json_schema_extra=rules.keyed_by("name"),
    )

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [t.name for t in self.types]
        if UNKNOWN_TYPE in names:
            raise ValueError(
                f"types must not be named {UNKNOWN_TYPE!r}: that is what no rule matches, and it has no price"
            )
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"types must have unique names; {twice[0]!r} stands twice")
        return self


class SecretRef(_Model):
    """A key of a Secret in the report's own namespace that holds a database URL."""

    name: Name = Field(description="Name of the Secret.")
    key: Annotated[str, Field(max_length=253)] = Field(default="url", description="Key in the Secret.")


class EpochUnit(StrEnum):
    """Unit of a numeric creation_ts."""

    SECONDS = "Seconds"
    MILLISECONDS = "Milliseconds"
    MICROSECONDS = "Microseconds"
    NANOSECONDS = "Nanoseconds"


ServiceGlob = Annotated[str, Field(max_length=256, description="A glob such as api-*; case is ignored.")]


class ServiceGlobs(_Model):
    """Which services take part: included and not excluded."""

    include: tuple[ServiceGlob, ...] = Field(default=("*",), max_length=256, description="Globs of wanted services.")
    exclude: tuple[ServiceGlob, ...] = Field(
        default=(), max_length=256, description="Globs of services that are left out."
    )


Status = Annotated[str, Field(max_length=128, description="A status, as it stands in the task database.")]


class Statuses(_Model):
    """What the statuses of the task database mean. Compared exactly, case included."""

    model_config = ConfigDict(json_schema_extra=rules.checked(rules.STATUSES))

    running: tuple[Status, ...] = Field(default=("running",), max_length=64, description="An attempt runs.")
    success: tuple[Status, ...] = Field(default=("done",), max_length=64, description="Ends an attempt as Success.")
    failure: tuple[Status, ...] = Field(
        default=(
            "error",
            "error_cuda",
            "error_node",
            "error_params",
            "error_exec_timeout",
            "execution_timeout",
            "canceled",
            "cancelled",
        ),
        max_length=64,
        description="Ends an attempt as Failure.",
    )
    waiting: tuple[Status, ...] = Field(
        default=("new", "waiting", "pending"), max_length=64, description="Back in the queue: Interrupted."
    )

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        every = [*self.running, *self.success, *self.failure, *self.waiting]
        twice = sorted({s for s in every if every.count(s) > 1})
        if twice:
            raise ValueError(f"must name each status once; {twice[0]!r} stands twice")
        return self


class ExecutionTime(StrEnum):
    """What of a task's life counts as execution (section 3)."""

    RUNNING_ONLY = "RunningOnly"
    FIRST_RUN_TO_END = "FirstRunToEnd"


class Tasks(_Model):
    """The task database and what its rows mean."""

    database_secret_ref: SecretRef | None = Field(
        default=None, description="Secret in the report's own namespace that holds the database URL."
    )
    query: Query | None = Field(
        default=None,
        description="One SELECT with the columns of task_history; default: all rows of the table task_history.",
    )
    time_zone: ZoneName | None = Field(
        default=None, description="Zone of naive timestamps; without it they are read as UTC, and the report says so."
    )
    epoch_unit: EpochUnit | None = Field(
        default=None,
        description="Unit of a numeric creation_ts (Seconds, Milliseconds, Microseconds or Nanoseconds); never guessed.",
    )
    services: ServiceGlobs = Field(
        default=ServiceGlobs(), description="Which services take part: included and not excluded."
    )
    statuses: Statuses = Field(
        default=Statuses(), description="What the statuses of the task database mean; compared exactly, case included."
    )
    execution_time: ExecutionTime = Field(
        default=ExecutionTime.RUNNING_ONLY,
        description="What counts as execution: RunningOnly (while the status is running) or FirstRunToEnd.",
    )
    stale_after: DurationText = Field(default="24h", description="Without an event this long, an open attempt is Lost.")

    @property
    def zone_name(self) -> str:
        """The zone of naive timestamps, stated or assumed."""
        return self.time_zone or "UTC"


class Bucket(StrEnum):
    """The span of time over which node cost is shared."""

    DAY = "Day"
    HOUR = "Hour"


class Allocation(_Model):
    """How node cost is shared."""

    bucket: Bucket = Field(default=Bucket.DAY, description="The span that is shared: a local Day or a local Hour.")
    idle: Idle = Field(
        default=Idle.DISTRIBUTE, description="Distribute: tasks pay for idle nodes. Separate: they don't."
    )


class Recommendations(_Model):
    """Utilisation below which a recommendation is made."""

    night_shut_down_below: Share = Field(default="0.10", description="Nights, 00:00-07:00: shut down.")
    night_reduce_below: Share = Field(default="0.30", description="Nights: reduce.")
    weekend_shut_down_below: Share = Field(default="0.20", description="Weekends: shut down.")


class Outputs(_Model):
    """What the status shows."""

    top_services: int = Field(default=20, ge=1, le=1000, description="Services by name; the rest is one row, other.")


class CostReportSpec(_Model):
    """The spec of a CostReport: which time, which node pools and prices, and which tasks."""

    period: PeriodSpec = Field(
        description="Which time the report is about: exactly one of range, calendar and rolling."
    )
    time_zone: ZoneName = Field(default="UTC", description="The billing zone (IANA name): days and hours are its own.")
    currency: Currency = Field(default="USD", description="ISO 4217 code of every amount and price.")
    refresh: Refresh = Field(
        default=Refresh(), description="When the operator computes anew: every so often, or on a cron schedule."
    )
    suspend: bool = Field(
        default=False, description="Whether the operator leaves the report alone; the figures stay as they are."
    )
    node_pools: NodePools = Field(description="Node pools: where their schedules come from, their types and prices.")
    tasks: Tasks | None = Field(
        default=None, description="The task database and what its rows mean; absent: node cost only."
    )
    allocation: Allocation = Field(default=Allocation(), description="How node cost is shared among tasks.")
    recommendations: Recommendations = Field(
        default=Recommendations(),
        description="Utilisation below which a recommendation is made, as shares of the node time.",
    )
    outputs: Outputs = Field(default=Outputs(), description="What the status shows.")


class CostReport(BaseModel):
    """A CostReport manifest: its name and spec; metadata and status as they stand."""

    model_config = ConfigDict(frozen=True)

    name: str
    namespace: str
    manifest: Mapping[str, Any]
    spec: CostReportSpec


def parse_cost_report(manifest: object) -> CostReport:
    """Check a manifest (already read from YAML or JSON). Raises SpecError with the path and what was expected."""
    if not isinstance(manifest, Mapping):
        raise SpecError("the manifest must be a map with apiVersion, kind, metadata and spec")
    if manifest.get("kind") != KIND or manifest.get("apiVersion") != API_VERSION:
        found = f"{manifest.get('apiVersion')}/{manifest.get('kind')}"
        raise SpecError(f"the manifest must be of apiVersion {API_VERSION} and kind {KIND}, not {found[:80]}")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        raise SpecError("metadata.name must be a text")
    namespace = metadata.get("namespace") or "default"
    if not isinstance(namespace, str):
        raise SpecError("metadata.namespace must be a text")
    return CostReport(
        name=metadata["name"], namespace=namespace, manifest=manifest, spec=parse_spec(manifest.get("spec"))
    )


def parse_spec(spec: object) -> CostReportSpec:
    """Check a spec. Raises SpecError that names the first wrong path and what was expected there."""
    if isinstance(spec, CostReportSpec):
        return spec
    if not isinstance(spec, Mapping):
        raise SpecError("spec must be a map")
    try:
        return CostReportSpec.model_validate(spec)
    except ValidationError as error:
        raise SpecError("; ".join(_explain(error))) from None


def _explain(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False)[:5]:
        path = _path(problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield f"{path} is not a field{_nearest(problem['loc'])}"
        elif problem["type"] == "missing":
            yield f"{path} is missing"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            found = "" if problem["type"] == "value_error" else f", not {str(problem['input'])[:40]!r}"
            yield f"{path}: {message[:1].lower()}{message[1:]}{found}"


def _path(location: tuple[int | str, ...]) -> str:
    return "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _nearest(location: tuple[int | str, ...]) -> str:
    """What the writer may have meant: the nearest name among the fields of the same map."""
    model: Any = CostReportSpec
    for part in location[:-1]:
        if isinstance(part, str):
            model = _model_of(model, part)
    names = [field.alias or name for name, field in getattr(model, "model_fields", {}).items()]
    lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(str(location[-1]).lower(), lowered, n=1, cutoff=0.5)
    return f"; did you mean {lowered[close[0]]}?" if close else f"; the fields are {', '.join(names)}"


def _model_of(model: Any, part: str) -> Any:
    for name, field in getattr(model, "model_fields", {}).items():
        if part in (name, field.alias):
            return next((t for t in _types_in(field.annotation) if hasattr(t, "model_fields")), None)
    return None


def _types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _types_in(inner)
