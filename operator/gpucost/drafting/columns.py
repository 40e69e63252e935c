"""Which columns of a table hold what, by their names and types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gpucost.drafting.queries import Event, Job, as_text, quote_name, quote_text
from gpucost.sources.catalogue import Column, Dialect, ListedTable

STARTS: Final = (
    "started_at started_on started_time started_timestamp started start_time start_date start_ts start_timestamp start "
    "date_started time_started execution_start run_start began_at begin_time begin_at begin_ts begin startedat starttime "
    "startdate begintime job_start task_start"
)
ENDS: Final = (
    "finished_at finished_on finished_time finished_timestamp finished finish_time completed_at completed_on completed_time "
    "completion_time completed ended_at ended_on end_time end_date end_ts end_timestamp ended end date_finished date_done "
    "done_at stopped_at stop_time stop_ts close_time closed_at execution_end run_end finishedat finishtime endtime enddate "
    "completedat job_end task_end"
)
ENTRIES: Final = (
    "queued_at submitted_at enqueued_at scheduled_at requested_at submit_time queue_time created_at created_on created_time "
    "creation_time created date_created"
)
"""When a job was put into the queue: a start for want of another."""
TIMES: Final = (
    "creation_ts event_time event_ts occurred_at logged_at changed_at timestamp ts time at created_at created date "
    "datetime event_date"
)
STATUSES: Final = (
    "status state phase job_status job_state task_status task_state run_status run_state event_type event outcome "
    "final_status"
)
IDS: Final = (
    "id uuid uid guid run_id run_uuid job_id task_id execution_id request_id event_task_id jobid taskid runid workflow_id "
    "generation_id prediction_id"
)
OWNERS_OF_EVENTS: Final = "task_id job_id run_id run_uuid execution_id request_id workflow_id jobid taskid runid"
"""What events of one task have in common; an ``id`` is each row's own."""
SERVICES: Final = (
    "service_name service model model_name task_name job_name pipeline_name pipeline workflow_name workflow_type "
    "workflow_type_name function function_name operation endpoint job_type task_type type kind name queue queue_name dag_id "
    "dag application app project experiment_name experiment_id"
)
NODE_NAMES: Final = (
    "node_name node hostname host host_name worker worker_name worker_host worker_hostname machine machine_name server "
    "server_name k8s_node kubernetes_node executor_host instance instance_name node_list nodelist nodename "
    "tags_node_name tags_hostname tags_host"
)
NODE_IDS: Final = "node_id worker_id host_id machine_id instance_id server_id"
NODE_TYPES: Final = (
    "node_type gpu_type gpu_model gpu_name gpu accelerator accelerator_type instance_type machine_type device_type "
    "gpu_class hardware"
)
USERS: Final = (
    "user_id user user_name username owner owner_id team team_id submitted_by created_by account account_id tenant tenant_id "
    "customer_id organization_id tags_mlflow_user"
)
_NO_TIMES: Final = ("bool", "interval", "json", "blob", "bytea", "uuid")
_NUMBERS: Final = re.compile(
    r"(unsigned )?u?(tiny|small|medium|big|huge)?(int(?!erval)|serial)|numeric|decimal|float|double|real|number"
)
_TEXTS: Final = re.compile(r"(native |bp|n|nvar|var)?char|text|clob|string|citext|name$|$")
_TASK_WORDS: Final = re.compile(r"task|job|run|execution|generation|inference|prediction|request|workflow")


@dataclass(frozen=True, slots=True)
class TableColumns:
    """A table's columns by what their names say: ``startedAt``, ``StartedAt`` and ``started_at`` are one name."""

    table: ListedTable
    by_name: Mapping[str, Column]

    @classmethod
    def of(cls, table: ListedTable) -> TableColumns:
        """The columns of a table; of two that have one name the first stands."""
        names: dict[str, Column] = {}
        for column in table.columns:
            names.setdefault(_snake(column.name), column)
        return cls(table, names)

    @property
    def source(self) -> str:
        """The table after FROM."""
        name = quote_name(self.table.name)
        return f"{quote_name(self.table.schema)}.{name}" if self.table.schema else name

    def has(self, names: str) -> bool:
        """Whether every one of these names, as written in the database but for its case, is a column."""
        return set(names.lower().split()) <= {column.name.lower() for column in self.table.columns}

    def sql(self, name: str) -> str:
        """A column that is there, by its name but for its case, as SQL."""
        return quote_name(next(c.name for c in self.table.columns if c.name.lower() == name.lower()))

    def find(self, names: str, *, times: bool = False) -> Column | None:
        """The first of these names that is a column; ``times``: of a type that can hold times."""
        found = (self.by_name.get(name) for name in names.split())
        return next((column for column in found if column and not (times and _never_time(column))), None)


def _snake(name: str) -> str:
    parted = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name))
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def _never_time(column: Column) -> bool:
    return column.kind.startswith(_NO_TIMES)


def is_number(column: Column) -> bool:
    """Whether a column's type is one of numbers."""
    return bool(_NUMBERS.match(column.kind))


def is_text(column: Column) -> bool:
    """Whether a column's type is one of texts."""
    return bool(_TEXTS.match(column.kind))


def is_set(column: Column) -> str:
    """SQL for whether a column holds a time: numbers write 0, and text nothing, for one that has not come."""
    name = quote_name(column.name)
    if is_number(column):
        return f"{name} > 0"
    return f"{name} <> ''" if is_text(column) else f"{name} IS NOT NULL"


def states_outcome(columns: TableColumns) -> bool:
    """Whether a column holds statuses, so that they are the site's own words."""
    return columns.find(STATUSES) is not None


def find_job(columns: TableColumns, node_type: str | None, dialect: Dialect) -> tuple[Job, tuple[str, ...]] | None:
    """One row per job by the names of its columns, with remarks; None without an id, an end, and a start or entry.

    ``node_type``: SQL for it, where a column holds one.
    """
    end, task = columns.find(ENDS, times=True), columns.find(IDS)
    start = columns.find(STARTS, times=True) or columns.find(ENTRIES, times=True)
    if start is None or end is None or task is None:
        return None
    status, remarks = _status(columns, end, dialect)
    if columns.find(STARTS, times=True) is None:
        entry = quote_name(start.name)
        remarks += (f"No column says when a job started: {entry} is taken, so waiting counts as execution.",)
    node, node_id = columns.find(NODE_NAMES), columns.find(NODE_IDS)
    if node is None and node_id is None and node_type is None:
        remarks += ("No column says on which node a job ran; without node or type its cost can't be shared.",)
    job = Job(
        source=columns.source,
        task_id=quote_name(task.name),
        service=_name(columns.find(SERVICES)),
        status=status,
        start=_time(start, end),
        end=_time(end, start),
        started=is_set(start),
        ended=is_set(end),
        node_name=_name(node),
        node_id=_name(node_id),
        node_type=node_type,
        user=_name(columns.find(USERS)),
    )
    return job, remarks


def find_event(columns: TableColumns, node_type: str | None, dialect: Dialect) -> Event | None:
    """One row per event by the names of its columns; None without an id, a status and a time."""
    time, task, status = columns.find(TIMES, times=True), columns.find(OWNERS_OF_EVENTS), columns.find(STATUSES)
    if time is None or task is None or status is None:
        return None
    return Event(
        source=columns.source,
        task_id=quote_name(task.name),
        service=_name(columns.find(SERVICES)),
        status=_plain_status(status, dialect),
        time=quote_name(time.name),
        event_id=_event_id(columns),
        metainfo=_name(columns.find("metainfo")),
        node_name=_name(columns.find(NODE_NAMES)),
        node_id=_name(columns.find(NODE_IDS)),
        node_type=node_type,
        user=_name(columns.find(USERS)),
    )


def weigh_table(columns: TableColumns) -> int:
    """How much a table looks like one of tasks; 0: not at all."""
    end, identified, stated = columns.find(ENDS, times=True), columns.find(IDS), columns.find(STATUSES)
    rows = 0
    if end and identified:
        rows = 10 if columns.find(STARTS, times=True) else 6 if columns.find(ENTRIES, times=True) else 0
    events = 4 if columns.find(OWNERS_OF_EVENTS) and stated and columns.find(TIMES, times=True) else 0
    if not rows and not events:
        return 0
    parts = (stated, columns.find(NODE_NAMES), columns.find(NODE_TYPES), columns.find(SERVICES))
    named = _TASK_WORDS.search(_snake(columns.table.name)) is not None
    return max(rows, events) + 2 * sum(part is not None for part in parts) + named


def _name(column: Column | None) -> str | None:
    return None if column is None else quote_name(column.name)


def _event_id(columns: TableColumns) -> str | None:
    """What orders events of the same time: their own number, but no random id."""
    own, number = columns.find("event_id"), columns.find("id")
    counts = number is not None and (is_number(number) or not number.kind)
    return _name(own) or (_name(number) if counts else None)


def _time(time: Column, other: Column) -> str:
    """A time as it is; as text where the other has another type, lest the database brings both to one by its own zone."""
    return quote_name(time.name) if time.kind == other.kind else as_text(quote_name(time.name))


def _plain_status(status: Column, dialect: Dialect) -> str:
    """A status as text: an enumeration of PostgreSQL takes no other words."""
    name = quote_name(status.name)
    return name if dialect is Dialect.SQLITE or is_text(status) else as_text(name)


def _status(columns: TableColumns, end: Column, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """The status with which a job ended, by a column of it, of an exit code, or of whether it succeeded; else done."""
    status = columns.find(STATUSES)
    if status is not None:
        return _plain_status(status, dialect), ()
    code = columns.find("exit_code exitcode return_code returncode")
    if code is not None:
        zero = f"{as_text(quote_name(code.name))} = {quote_text('0')}"
        return f"CASE WHEN {zero} THEN 'done' ELSE 'error' END", ()
    success = columns.find("success succeeded successful is_success ok")
    if success is not None:
        return f"CASE WHEN {quote_name(success.name)} THEN 'done' ELSE 'error' END", ()
    return "'done'", (f"No column says how a job ended: each with {quote_name(end.name)} is taken as done.",)
