"""Task systems whose tables are known: by their columns, what each column means.

Sources: apache/airflow airflow/models/taskinstance.py; celery/django-celery-results models.py and celery/celery
backends/database/models.py; sacct(1) of Slurm; mlflow/mlflow store/tracking/dbmodels/models.py; argoproj/argo-workflows
persist/sqldb/migrate.go; kubeflow/pipelines backend/src/apiserver/model; temporalio/temporal schema/postgresql/v12/visibility.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gpucost.api.costreport import Statuses
from gpucost.drafting.columns import TableColumns, is_number, is_set, is_text
from gpucost.drafting.queries import Job, after_at, as_text, quote_name, quote_text
from gpucost.sources.catalogue import Catalogue, Column, Dialect


@dataclass(frozen=True, slots=True)
class Tool:
    """A task system, and how its table is read."""

    name: str
    columns: str
    """Names that its table has, in any case."""
    tables: tuple[str, ...]
    """Names of its table, where several have these columns."""
    read: Callable[[TableColumns, Catalogue, HasValue], Job | None]
    """None: the table does not say when tasks started."""
    statuses: Statuses
    remarks: tuple[str, ...] = ()
    without_node: str = ""
    """What is to be said where no column names the node."""
    time_zone: str | None = None
    """Zone of its times without an offset, where it is always the same."""
    epoch_unit: str | None = None
    """Unit of its times where they are numbers."""


HasValue = Callable[[str, str, str], bool]
"""Whether a table (as after FROM) has, in a column, a text."""


def find_tool(columns: TableColumns) -> Tool | None:
    """The task system whose table this is."""
    return next((tool for tool in TOOLS if columns.has(tool.columns)), None)


def _column(columns: TableColumns, name: str) -> Column:
    return next(c for c in columns.table.columns if c.name.lower() == name.lower())


def _optional(columns: TableColumns, name: str) -> str | None:
    return columns.sql(name) if columns.has(name) else None


def _sibling(columns: TableColumns, catalogue: Catalogue, name: str, needs: str) -> TableColumns | None:
    """Another table of the same schema, where it has these columns."""
    for table in catalogue.tables:
        found = TableColumns.of(table)
        if table.name == name and table.schema == columns.table.schema and found.has(needs):
            return found
    return None


_TRY: Final = "dag_id task_id run_id map_index try_number start_date end_date state hostname"


def _read_airflow(columns: TableColumns, catalogue: Catalogue, _has: HasValue) -> Job:
    numbers = [as_text(name) for name in ("map_index", "try_number") if columns.has(name)]
    history = _sibling(columns, catalogue, "task_instance_history", _TRY)
    source = columns.source
    if history is not None and columns.has(_TRY):
        names = ", ".join(_TRY.split())
        source = f"(SELECT {names} FROM {source}\n      UNION SELECT {names} FROM {history.source}) AS tries"
    ran = "coalesce(state, '') NOT IN ('skipped', 'upstream_failed', 'removed')"
    return Job(
        source=source,
        task_id=" || '/' || ".join(["dag_id", "run_id", "task_id", *numbers]),
        service="dag_id",
        status="state",
        start="start_date",
        end="end_date",
        started=f"{is_set(_column(columns, 'start_date'))} AND {ran}",
        ended=is_set(_column(columns, "end_date")),
        node_name=_optional(columns, "hostname"),
    )


def _read_celery(columns: TableColumns, catalogue: Catalogue, _has: HasValue) -> Job | None:
    if not columns.has("date_started"):
        return None
    worker = _optional(columns, "worker")
    start, end = _column(columns, "date_started"), _column(columns, "date_done")
    return Job(
        source=columns.source,
        task_id="task_id",
        service=_optional(columns, "task_name") or _optional(columns, "name"),
        status="status",
        start="date_started",
        end="date_done",
        started=is_set(start),
        ended=f"{is_set(end)} AND status NOT IN ('STARTED', 'RECEIVED')",
        node_name=None if worker is None else after_at(worker, catalogue.dialect),
    )


def _read_slurm(columns: TableColumns, _catalogue: Catalogue, _has: HasValue) -> Job:
    state, start, end = columns.sql("State"), columns.sql("Start"), columns.sql("End")
    return Job(
        source=columns.source,
        task_id=columns.sql("JobID"),
        service=_optional(columns, "JobName") or _optional(columns, "Partition"),
        status=f"CASE WHEN {state} LIKE 'CANCELLED%' THEN 'CANCELLED' ELSE {state} END",
        start=start,
        end=end,
        started=f"{as_text(columns.sql('JobID'))} NOT LIKE '%.%' AND {_slurm_time(_column(columns, 'Start'))}",
        ended=_slurm_time(_column(columns, "End")),
        node_name=_optional(columns, "NodeList"),
        user=_optional(columns, "User"),
    )


def _slurm_time(column: Column) -> str:
    name = quote_name(column.name)
    return f"{name} NOT IN ('Unknown', 'None', '')" if is_text(column) else is_set(column)


_HOST_TAGS: Final = ("node_name", "node", "hostname", "host", "mlflow.host", "mlflow.hostname")


def _read_mlflow(columns: TableColumns, catalogue: Catalogue, has: HasValue) -> Job:
    source, service, node = f"{columns.source} AS run", f"CAST(run.{columns.sql('experiment_id')} AS TEXT)", None
    experiments = _sibling(columns, catalogue, "experiments", "experiment_id name")
    if experiments is not None:
        source += f"\n  LEFT JOIN {experiments.source} AS experiment ON experiment.experiment_id = run.experiment_id"
        service = "experiment.name"
    tags = _sibling(columns, catalogue, "tags", "run_uuid key value")
    key = next((tag for tag in _HOST_TAGS if tags is not None and has(tags.source, '"key"', tag)), None)
    if tags is not None and key is not None:
        source += f'\n  LEFT JOIN {tags.source} AS tag ON tag.run_uuid = run.run_uuid AND tag."key" = {quote_text(key)}'
        node = "tag.value"
    return Job(
        source=source,
        task_id="run.run_uuid",
        service=service,
        status="run.status",
        start="run.start_time",
        end="run.end_time",
        started=_counted("run.start_time", _column(columns, "start_time")),
        ended=_counted("run.end_time", _column(columns, "end_time")),
        node_name=node,
        user="run.user_id" if columns.has("user_id") else None,
    )


def _read_argo(columns: TableColumns, catalogue: Catalogue, _has: HasValue) -> Job:
    if catalogue.dialect is Dialect.DUCKDB or not columns.has("workflow"):
        return _read_whole_workflows(columns)
    if catalogue.dialect is Dialect.SQLITE:
        source = f"{columns.source} AS archived, json_each(archived.workflow, '$.status.nodes') AS pod"
        part = {name: f"json_extract(pod.value, '$.{name}')" for name in _POD}
    else:
        nodes = "CAST(archived.workflow AS json) -> 'status' -> 'nodes'"
        source = f"{columns.source} AS archived\n  CROSS JOIN LATERAL json_each({nodes}) AS pod"
        part = {name: f"pod.value ->> '{name}'" for name in _POD}
    return Job(
        source=source,
        task_id=part["id"],
        service=part["templateName"],
        status=part["phase"],
        start=part["startedAt"],
        end=part["finishedAt"],
        started=f"{part['type']} = 'Pod' AND {part['startedAt']} <> ''",
        ended=f"{part['finishedAt']} <> ''",
        node_name=part["hostNodeName"],
        user="archived.namespace",
    )


_POD: Final = ("id", "type", "templateName", "phase", "startedAt", "finishedAt", "hostNodeName")


def _read_whole_workflows(columns: TableColumns) -> Job:
    return Job(
        source=columns.source,
        task_id="uid",
        service="name",
        status="phase",
        start="startedat",
        end="finishedat",
        started=is_set(_column(columns, "startedat")),
        ended=is_set(_column(columns, "finishedat")),
        user="namespace",
    )


def _read_kubeflow_tasks(columns: TableColumns, _catalogue: Catalogue, _has: HasValue) -> Job:
    return Job(
        source=columns.source,
        task_id=columns.sql("UUID"),
        service=_optional(columns, "Name") or _optional(columns, "PipelineName"),
        status=columns.sql("State"),
        start=columns.sql("StartedTimestamp"),
        end=columns.sql("FinishedTimestamp"),
        started=_seconds(_column(columns, "StartedTimestamp")),
        ended=_seconds(_column(columns, "FinishedTimestamp")),
        user=_optional(columns, "Namespace"),
    )


def _read_kubeflow_runs(columns: TableColumns, _catalogue: Catalogue, _has: HasValue) -> Job:
    state, conditions = _optional(columns, "State"), _optional(columns, "Conditions")
    both = f"coalesce(nullif({state}, ''), {conditions})" if state and conditions else state or conditions
    return Job(
        source=columns.source,
        task_id=columns.sql("UUID"),
        service=_optional(columns, "DisplayName") or _optional(columns, "Name"),
        status=both or "'done'",
        start=columns.sql("CreatedAtInSec"),
        end=columns.sql("FinishedAtInSec"),
        started=_seconds(_column(columns, "CreatedAtInSec")),
        ended=_seconds(_column(columns, "FinishedAtInSec")),
        user=_optional(columns, "Namespace"),
    )


def _seconds(column: Column) -> str:
    return _counted(quote_name(column.name), column)


def _counted(name: str, column: Column) -> str:
    """Whether a number of seconds or milliseconds is one, and not the 0 for what has not come; files hold numbers as text."""
    if is_text(column):
        return f"{name} NOT IN ('', '0')"
    return f"{name} > 0" if is_number(column) else f"{name} IS NOT NULL"


_TEMPORAL: Final = "COMPLETED FAILED CANCELED TERMINATED CONTINUED_AS_NEW TIMED_OUT"


def _read_temporal(columns: TableColumns, _catalogue: Catalogue, _has: HasValue) -> Job:
    number = as_text(columns.sql("status"))
    words = "\n           ".join(f"WHEN '{i}' THEN '{word}'" for i, word in enumerate(_TEMPORAL.split(), 2))
    return Job(
        source=columns.source,
        task_id=columns.sql("run_id"),
        service=columns.sql("workflow_type_name"),
        status=f"CASE {number} {words}\n           ELSE {number} END",
        start=columns.sql("start_time"),
        end=columns.sql("close_time"),
        started=is_set(_column(columns, "start_time")),
        ended=is_set(_column(columns, "close_time")),
    )


def _statuses(success: str, failure: str, waiting: str = "") -> Statuses:
    return Statuses(
        running=("running",),
        success=tuple(success.split()),
        failure=tuple(failure.split()),
        waiting=tuple(waiting.split()),
    )


_CELERY: Final = _statuses("SUCCESS", "FAILURE REVOKED REJECTED IGNORED", "RETRY PENDING")
_KUBEFLOW: Final = _statuses(
    "SUCCEEDED Succeeded SKIPPED Skipped", "FAILED Failed Error CANCELED CANCELING Terminating"
)

TOOLS: Final = (
    Tool(
        "Airflow",
        "dag_id task_id run_id start_date end_date state",
        ("task_instance",),
        _read_airflow,
        _statuses("success", "failed", "up_for_retry up_for_reschedule deferred restarting queued scheduled"),
        (
            "Each try is a task of its own; leave try_number out of task_id to have further tries counted as retries.",
            "task_instance holds the last try only; earlier ones are in task_instance_history, from Airflow 2.10 on.",
            "hostname is the worker's: with the Kubernetes executor a pod, whose node Airflow does not know.",
        ),
        time_zone="UTC",
    ),
    Tool(
        "django-celery-results",
        "task_id task_name status date_created date_done",
        ("django_celery_results_taskresult",),
        _read_celery,
        _CELERY,
        ("date_started is filled only with task_track_started = True; tasks without it are left out.",),
        time_zone="UTC",
    ),
    Tool(
        "Celery",
        "task_id status date_done traceback",
        ("celery_taskmeta",),
        _read_celery,
        _CELERY,
        time_zone="UTC",
    ),
    Tool(
        "Slurm",
        "JobID State Start End",
        ("sacct",),
        _read_slurm,
        _statuses(
            "COMPLETED",
            "FAILED CANCELLED TIMEOUT OUT_OF_MEMORY NODE_FAIL BOOT_FAIL DEADLINE",
            "PENDING PREEMPTED REQUEUED SUSPENDED RESIZING",
        ),
        (
            "Steps (JobID with a dot) are left out; sacct writes local times unless SLURM_TIME_FORMAT says otherwise.",
            "A NodeList of several nodes such as gpu[01-04] counts as one node: its job is charged its time once, not for "
            "each node. AllocTRES may name the model (gres/gpu:a100=4): select it as node_type where names do not.",
        ),
    ),
    Tool(
        "MLflow",
        "run_uuid experiment_id status start_time end_time",
        ("runs",),
        _read_mlflow,
        _statuses("FINISHED", "FAILED KILLED", "SCHEDULED"),
        without_node="MLflow does not know the node: set a tag node_name in each run (mlflow.set_tag), which init then reads.",
        epoch_unit="Milliseconds",
    ),
    Tool(
        "Argo Workflows",
        "uid name namespace phase startedat finishedat",
        ("argo_archived_workflows",),
        _read_argo,
        _statuses("Succeeded", "Failed Error", "Pending"),
        (
            "Each pod is a task, from when Argo made it: waiting for a node counts as execution.",
            "The archive holds workflows that are over; those that run are not in it yet.",
        ),
        "Without the pods in the column workflow no node is known.",
        "UTC",
    ),
    Tool(
        "Kubeflow Pipelines (tasks)",
        "UUID State StartedTimestamp FinishedTimestamp",
        ("tasks",),
        _read_kubeflow_tasks,
        _KUBEFLOW,
        without_node="No column names the node of a task: select node_type in spec.tasks.query.",
        epoch_unit="Seconds",
    ),
    Tool(
        "Kubeflow Pipelines (runs)",
        "UUID CreatedAtInSec FinishedAtInSec",
        ("run_details",),
        _read_kubeflow_runs,
        _KUBEFLOW,
        ("CreatedAtInSec is when the run was submitted: waiting for nodes counts as execution.",),
        without_node="No column names the node of a run: select node_type in spec.tasks.query.",
        epoch_unit="Seconds",
    ),
    Tool(
        "Temporal",
        "workflow_id run_id workflow_type_name start_time close_time status",
        ("executions_visibility",),
        _read_temporal,
        _statuses("COMPLETED CONTINUED_AS_NEW", "FAILED CANCELED TERMINATED TIMED_OUT"),
        ("A workflow's time is not that of its activities: timers and waiting count as execution.",),
        without_node="No column names the node, for visibility knows no workers: select node_type in spec.tasks.query.",
        time_zone="UTC",
    ),
)
"""The first whose columns a table has stands."""
