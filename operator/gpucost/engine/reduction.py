"""Runs the steps of sql/reduction over the relation ``source`` and hands out what the report needs (section 3).

The steps in order: census, events, places, tasks, twice, once, rest, ordered, many, attempts; from these the rollup
(counts, executed, busy), and on demand the attempts themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from gpucost.core.globs import Globs
from gpucost.core.money import Ints, group_starts

UNKNOWN: Final = "unknown"
WAITING, RUNNING, SUCCESS, FAILURE = 0, 1, 2, 3
"""Classes of statuses, as the SQL knows them; 4 is any other."""
UNKNOWN_STATUS, LOST = 4, 5
"""Outcomes of skipped attempts; 0 to 3 are Failure, Interrupted, Open, Success."""
SKIPPED: Final = {UNKNOWN_STATUS: "UnknownStatus", LOST: "Lost"}

Strings = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a spec decides about attempts; times in microseconds."""

    running: tuple[str, ...]
    success: tuple[str, ...]
    failure: tuple[str, ...]
    waiting: tuple[str, ...]
    include: Globs
    exclude: Globs
    node_type: Callable[[str], str]
    """The type of a node, by its name."""
    first_run_to_end: bool
    stale_us: int

    def wanted(self, service: str) -> bool:
        """Whether a service takes part."""
        return self.include.match(service) and not self.exclude.match(service)


@dataclass(frozen=True, slots=True)
class Window:
    """The period up to its data, ``[lo_us, hi_us)``, the present, and the width of a bucket, all in microseconds."""

    lo_us: int
    hi_us: int
    now_us: int
    width_us: int


@dataclass(frozen=True, slots=True)
class Census:
    """Events by status and service, each event once, and rows that can't be used."""

    status: Strings
    service: Strings
    events: Ints
    """Up to now."""
    events_in_period: Ints
    last_us: int | None
    """The latest event up to now."""
    future_events: int
    unusable: Mapping[str, int]
    """By reason: NoTaskId, NoTime, ImpossibleTime."""
    copies: int
    """Rows that repeat an event."""
    different_copies: int
    """Of these, rows that say something else than the event they repeat."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Attempts by the bucket in which they count (-1: in none), service, type, outcome, and whether they are wanted."""

    bucket_us: Ints
    service: Ints
    node_type: Ints
    outcome: Ints
    wanted: npt.NDArray[np.bool_]
    touching: Ints
    ended: Ints
    retries: Ints
    executed_us: Ints


@dataclass(frozen=True, slots=True)
class Executed:
    """Executed microseconds by bucket, service, type, outcome, and whether wanted."""

    bucket_us: Ints
    service: Ints
    node_type: Ints
    outcome: Ints
    wanted: npt.NDArray[np.bool_]
    executed_us: Ints


@dataclass(frozen=True, slots=True)
class BusyTime:
    """Union of charged attempts per node, in microseconds by bucket and type."""

    bucket_us: Ints
    node_type: Ints
    busy_us: Ints


@dataclass(frozen=True, slots=True)
class Rollup:
    """What a report needs of the task events. Services and types are numbered in the order of their names' bytes."""

    services: tuple[str, ...]
    node_types: tuple[str, ...]
    census: Census
    counts: Counts
    executed: Executed
    busy: BusyTime
    never_ran: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """Charged attempts that touch the period, by task id (as text) and start; times in microseconds."""

    task: Ints
    """Index into task_ids; tasks are numbered in the order of their ids' bytes."""
    task_ids: Strings
    users: Strings
    service: Ints
    node_type: Ints
    node: Strings
    outcome: Ints
    retry: npt.NDArray[np.bool_]
    started_us: Ints
    ended_us: Ints
    """The event that ended it, -1 for an Open attempt."""
    part_start_us: Ints
    part_end_us: Ints
    """The part within the period."""
    counted: npt.NDArray[np.bool_]
    """Whether it ended in the period."""


class Reduction:
    """Task events of one source in one window, reduced step by step in a DuckDB connection that has ``source``."""

    def __init__(self, con: duckdb.DuckDBPyConnection, rules: Rules, window: Window) -> None:
        self._con = con
        self._rules = rules
        self._window = window
        self._parameters: dict[str, Any] = {
            "now": window.now_us,
            "lo": window.lo_us,
            "hi": window.hi_us,
            "stale": rules.stale_us,
            "width": window.width_us,
        }
        self._services: tuple[str, ...] = ()
        self._node_types: tuple[str, ...] = ()

    def rollup(self) -> Rollup:
        """Run all steps up to the rollup."""
        self._find_attempts()
        return Rollup(
            services=self._services,
            node_types=self._node_types,
            census=self._census(),
            counts=Counts(
                **_renamed(self._columns("counts"), bucket="bucket_us", type="node_type", executed="executed_us")
            ),
            executed=Executed(
                **_renamed(self._columns("executed"), bucket="bucket_us", type="node_type", executed="executed_us")
            ),
            busy=BusyTime(**_renamed(self._columns("busy"), bucket="bucket_us", type="node_type", busy="busy_us")),
            never_ran=self._never_ran(),
        )

    def attempts(self) -> Attempts:
        """Charged attempts one by one; after rollup()."""
        rows = {name: _filled(column) for name, column in self._columns("details").items()}
        users = self._columns("users")
        by_task = dict(zip(users["task_id"], users["user_id"], strict=True))
        first = group_starts(rows["task_id"])
        ids = rows["task_id"][first]
        task = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(rows["task_id"]))))
        del rows["task_id"]
        return Attempts(
            task=task,
            task_ids=ids,
            users=np.array([by_task.get(i) for i in ids], dtype=object),
            **rows,
        )

    def names(self) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
        """Statuses, services and names of nodes that the events hold, each in the order of bytes."""
        self._fill_statuses()
        self._step("events", "VIEW")
        places = self._con.execute(_sql("places")).fetchall()
        census = self._columns("census")
        nodes = {node.partition(" ")[2] for _, node, _ in places if node.startswith("name ")}
        services = {name or UNKNOWN for name in census["service_name"]}
        statuses, services_, nodes_ = (sorted(n, key=str.encode) for n in (set(census["status"]), services, nodes))
        return statuses, services_, nodes_

    def _find_attempts(self) -> None:
        self._fill_statuses()
        self._step("events", "VIEW")
        self._fill_places()
        self._step("tasks")
        self._step("twice")
        self._step("once", "VIEW")
        self._step("rest")
        self._step("ordered")
        rule = "many_first_run_to_end" if self._rules.first_run_to_end else "many_running_only"
        self._step("many", "VIEW", rule)
        self._step("attempts")

    def _step(self, name: str, kind: str = "TABLE", file: str | None = None) -> None:
        """Make a step's result a temporary table or view under its name."""
        sql = _sql(file or name)
        if kind == "VIEW":
            for parameter, value in self._parameters.items():
                sql = sql.replace(f"${parameter}", str(value))
            self._con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
        else:
            self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}", self._used(sql))

    def _used(self, sql: str) -> dict[str, Any]:
        return {name: value for name, value in self._parameters.items() if f"${name}" in sql}

    def _columns(self, name: str) -> dict[str, Any]:
        sql = _sql(name)
        return {k: np.asarray(v) for k, v in self._con.execute(sql, self._used(sql)).fetchnumpy().items()}

    def _fill_statuses(self) -> None:
        rules = self._rules
        classes = (
            (WAITING, rules.waiting),
            (RUNNING, rules.running),
            (SUCCESS, rules.success),
            (FAILURE, rules.failure),
        )
        rows = [(status, kind) for kind, statuses in classes for status in statuses]
        self._fill("statuses", "status VARCHAR, class TINYINT", rows)

    def _fill_places(self) -> None:
        found = self._con.execute(_sql("places")).fetchall()
        types = [stated or self._type_of(node) for _, node, stated in found]
        self._services = tuple(sorted({service for service, _, _ in found}, key=str.encode))
        self._node_types = tuple(sorted({*types}, key=str.encode))
        services = {name: i for i, name in enumerate(self._services)}
        kinds = {name: i for i, name in enumerate(self._node_types)}
        nodes = {node: i for i, node in enumerate(sorted({node for _, node, _ in found if node}))}
        rows = [
            (i, service, node, stated, services[service], nodes.get(node), kinds[kind], self._rules.wanted(service))
            for i, ((service, node, stated), kind) in enumerate(zip(found, types, strict=True))
        ]
        columns = (
            "place INTEGER, service VARCHAR, node VARCHAR, node_type VARCHAR, "
            "service_code INTEGER, node_code INTEGER, type_code SMALLINT, wanted BOOLEAN"
        )
        self._fill("places", columns, rows)

    def _type_of(self, node: str) -> str:
        """Only a node name tells a type; a node known by its id alone is of the type unknown (section 3)."""
        kind, _, name = node.partition(" ")
        return self._rules.node_type(name) if kind == "name" else UNKNOWN

    def _fill(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")
        if rows:
            names = [column.split()[0] for column in columns.split(", ")]
            self._con.execute(
                f"INSERT INTO {table} SELECT {', '.join(f'unnest(${n})' for n in names)}",
                dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)),
            )

    def _census(self) -> Census:
        rows = {name: _filled(column) for name, column in self._columns("census").items()}
        copies = self._columns("copies")
        keys = {pair: i for i, pair in enumerate(zip(rows["status"], rows["service_name"], strict=True))}
        for status, service, every, inside in zip(
            copies["status"], copies["service_name"], copies["copies"], copies["copies_in_period"], strict=True
        ):
            rows["events"][keys[status, service]] -= every
            rows["events_in_period"][keys[status, service]] -= inside
        unusable = {
            reason: int(rows[column].sum())
            for reason, column in (
                ("NoTaskId", "no_task_id"),
                ("NoTime", "no_time"),
                ("ImpossibleTime", "impossible_time"),
            )
        }
        return Census(
            status=rows["status"],
            service=rows["service_name"],
            events=rows["events"],
            events_in_period=rows["events_in_period"],
            last_us=int(rows["last_ts"].max()) if rows["events"].any() else None,
            future_events=int(rows["future_events"].sum()),
            unusable={reason: count for reason, count in unusable.items() if count},
            copies=int(copies["copies"].sum()),
            different_copies=int(copies["different"].sum()),
        )

    def _never_ran(self) -> int:
        rows = self._columns("never_ran")
        return sum(
            int(n) for service, n in zip(rows["service"], rows["tasks"], strict=True) if self._rules.wanted(service)
        )


def list_events(
    con: duckdb.DuckDBPyConnection, running: Sequence[str]
) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Statuses, services and node names of the relation ``source``, each in the order of bytes."""
    nothing = Globs.of(())
    rules = Rules(tuple(running), (), (), (), nothing, nothing, lambda _: UNKNOWN, first_run_to_end=False, stale_us=0)
    everything = Window(lo_us=-(2**62), hi_us=2**62, now_us=2**62, width_us=1)
    return Reduction(con, rules, everything).names()


def _renamed(columns: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(name, name): _filled(column) for name, column in columns.items()}


def _filled(column: Any) -> Any:
    """int64 for integers (null as -1), everything else as it is."""
    if isinstance(column, np.ma.MaskedArray) and column.dtype.kind in "iu":
        column = column.filled(-1)
    return column.astype(np.int64) if column.dtype.kind in "iu" else column


def _sql(name: str) -> str:
    return (resources.files("gpucost") / "sql" / "reduction" / f"{name}.sql").read_text(encoding="utf-8")
