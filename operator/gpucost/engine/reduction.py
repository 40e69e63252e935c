"""Runs the steps of sql/reduction over the relation ``source`` and hands out what the report needs (section 3).

First the census counts what there is. Then, range by range of task ids: slice -> running, events -> ordered ->
attempts by the rule of execution time; tasks in doubt again by careful -> settled; touching -> spans, intervals.
At the end executed and busy spread these over buckets. On demand the attempts themselves are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from gpucost.core.globs import Globs
from gpucost.core.money import Ints, group_starts
from gpucost.engine.nodes import UNKNOWN, Nodes

UNKNOWN_STATUS, LOST, NEVER_RAN = 4, 5, 6
"""Outcomes of skipped attempts, and of tasks without any; 0 to 3 are Failure, Interrupted, Open, Success."""
SKIPPED: Final = {UNKNOWN_STATUS: "UnknownStatus", LOST: "Lost"}
EVENTS_PER_RANGE: Final = 2_000_000
"""Events that are sorted at once: 60 MB of them, and few enough ranges that their overhead does not show."""

_PROBLEMS: Final = {"NoTaskId": "no_task_id", "NoTime": "no_time", "ImpossibleTime": "impossible_time"}
_KEYS: Final = "service INTEGER, type SMALLINT, outcome INTEGER, wanted BOOLEAN"
_COLLECTED: Final = {
    "all_spans": (
        f"first BIGINT, last BIGINT, {_KEYS}, attempts BIGINT, ended BIGINT, retries BIGINT, starts BIGINT, ends BIGINT"
    ),
    "all_intervals": "first HUGEINT, last HUGEINT",
    "all_alone": "type SMALLINT, piece_start BIGINT, piece_end BIGINT",
    "all_copies": "status VARCHAR, service_name VARCHAR, copies BIGINT, copies_in_period BIGINT, different BIGINT",
    "all_kept": (
        "task_id VARCHAR, started BIGINT, ended BIGINT, outcome INTEGER, retry BOOLEAN, service INTEGER, node INTEGER, "
        "type SMALLINT, part_start BIGINT, part_end BIGINT, counted BOOLEAN"
    ),
}
"""What the ranges add to."""

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

    def classes(self) -> list[tuple[str, int]]:
        """Every status that a set knows, with its class."""
        sets = (self.waiting, self.running, self.success, self.failure)
        return [(status, kind) for kind, statuses in enumerate(sets) for status in statuses]

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
    """Attempts by the last bucket that they touch, where those that ended count, service, type, outcome, whether wanted."""

    bucket_us: Ints
    service: Ints
    node_type: Ints
    outcome: Ints
    wanted: npt.NDArray[np.bool_]
    touching: Ints
    ended: Ints
    retries: Ints


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
class Names:
    """What the events name, each in the order of bytes."""

    statuses: tuple[str, ...]
    services: tuple[str, ...]
    nodes: tuple[str, ...]


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
    """Task events of one source in one window, reduced step by step in a DuckDB connection that has ``source``.

    ``keep``: also keep every attempt, for attempts().
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, rules: Rules, window: Window, *, keep: bool = False) -> None:
        self._con = con
        self._rules = rules
        self._keep = keep
        self._parameters: dict[str, str] = {
            "now": str(window.now_us),
            "lo": str(window.lo_us),
            "hi": str(window.hi_us),
            "stale": str(rules.stale_us),
            "width": str(window.width_us),
            "span": f"CAST({max(window.hi_us - window.lo_us, 0) + 1} AS HUGEINT)",
        }
        self._nodes = Nodes(rules.node_type)

    def rollup(self) -> Rollup:
        """Run all steps: range by range to attempts, then together to the rollup."""
        self._prepare()
        census = self._columns("census")
        services = self._number_services(census["service_name"])
        for condition in self._ranges(int(census["events"].sum())):
            self._reduce_range(condition)
        self._view("pieces")
        counts, executed, busy = (_filled(self._columns(name)) for name in ("counted", "executed", "busy"))
        types, numbers = self._nodes.sorted_types()
        return Rollup(
            services=services,
            node_types=types,
            census=self._census(census),
            counts=_counts(counts, numbers),
            executed=Executed(
                executed["bucket"],
                executed["service"],
                numbers[executed["type"]],
                executed["outcome"],
                executed["wanted"],
                executed["executed"],
            ),
            busy=BusyTime(busy["bucket"], numbers[busy["type"]], busy["busy"]),
            never_ran=int(counts["touching"][(counts["outcome"] == NEVER_RAN) & counts["wanted"]].sum()),
        )

    def attempts(self) -> Attempts:
        """Charged attempts one by one; after rollup(), where they were to be kept."""
        rows = _filled(self._columns("details"))
        users = self._columns("users")
        by_task = dict(zip(users["task_id"], users["user_id"], strict=True))
        first = group_starts(rows["task_id"])
        ids = rows["task_id"][first]
        task = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(rows["task_id"]))))
        del rows["task_id"]
        _, numbers = self._nodes.sorted_types()
        rows["node_type"] = numbers[rows["node_type"]]
        return Attempts(task=task, task_ids=ids, users=np.array([by_task.get(i) for i in ids], dtype=object), **rows)

    def names(self) -> Names:
        """Statuses, services and names of nodes that the events hold, each in the order of bytes."""
        self._prepare()
        census = self._columns("census")
        services = self._number_services(census["service_name"])
        self._view("slice", range="TRUE")
        self._table("running")
        self._number_nodes()
        statuses = tuple(sorted(set(census["status"]), key=str.encode))
        return Names(statuses, services, tuple(sorted(filter(None, self._nodes.names), key=str.encode)))

    def _prepare(self) -> None:
        """Macros, dictionaries, and the tables to which ranges add."""
        self._con.execute(_sql("node_text"))
        self._fill("statuses", "status VARCHAR, class TINYINT", self._rules.classes())
        self._fill("nodes", "node_text VARCHAR, node_type VARCHAR, node INTEGER", ())
        self._fill("kinds", "node INTEGER, type SMALLINT, name VARCHAR", ())
        for name, columns in _COLLECTED.items():
            self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")

    def _ranges(self, events: int) -> list[str]:
        """Conditions on task_id that cut the events into ranges of bounded size."""
        count = 1 + events // EVENTS_PER_RANGE
        if count == 1:
            return ["TRUE"]
        found = self._con.execute("SELECT min(task_id), max(task_id) FROM source WHERE problem IS NULL").fetchone()
        if found is None or not isinstance(found[0], int):
            return [f"hash(task_id) % {count} = {i}" for i in range(count)]
        low, high = found
        cuts = [low + (high + 1 - low) * i // count for i in range(count + 1)]
        return [f"task_id >= {a} AND task_id < {b}" for a, b in pairwise(cuts)]

    def _reduce_range(self, condition: str) -> None:
        """Events of a range of tasks -> attempts -> what the rollup adds up."""
        self._view("slice", range=condition)
        self._table("running")
        self._number_nodes()
        self._view("events")
        self._view("ordered")
        self._table("found", self._rule)
        self._table("doubtful")
        if self._con.execute("SELECT count(*) FROM doubtful").fetchone() != (0,):
            self._reconsider()
        self._table("touching")
        for name in ("spans", "intervals", "alone"):
            self._insert(name)
        if self._keep:
            self._insert("kept")

    @property
    def _rule(self) -> str:
        return "first_run_to_end" if self._rules.first_run_to_end else "running_only"

    def _reconsider(self) -> None:
        """Tasks in doubt again, each event once and in an order that settles every tie."""
        self._view("contents")
        self._table("careful")
        if self._columns("unclear")["groups"][0]:
            self._view("contents", "contents_with_metainfo")
            self._table("careful")
        self._insert("copies")
        self._con.execute("DELETE FROM found WHERE task_id IN (SELECT task_id FROM doubtful)")
        self._view("ordered", "settled")
        self._con.execute(f"INSERT INTO found {self._text(self._rule)}")

    def _text(self, name: str, **more: str) -> str:
        """A step's SQL with its parameters in place: they are integers of our own, never a user's text."""
        sql = _sql(name)
        for parameter, value in (self._parameters | more).items():
            sql = sql.replace(f"${parameter}", value)
        return sql

    def _view(self, name: str, file: str | None = None, **more: str) -> None:
        self._con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {self._text(file or name, **more)}")

    def _table(self, name: str, file: str | None = None) -> None:
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {self._text(file or name)}")

    def _insert(self, name: str) -> None:
        """Add a step's rows to the table of its name plural: what ranges collect."""
        self._con.execute(f"INSERT INTO all_{name} {self._text(name)}")

    def _columns(self, name: str) -> dict[str, Any]:
        return {
            k: np.ma.getdata(v) if v.dtype.kind == "O" else v
            for k, v in self._con.execute(self._text(name)).fetchnumpy().items()
        }

    def _number_services(self, raw: Sequence[str]) -> tuple[str, ...]:
        """Number services in the order of their names' bytes; a missing name is ``unknown``."""
        named = {name: name or UNKNOWN for name in raw}
        services = tuple(sorted(set(named.values()), key=str.encode))
        numbers = {name: i for i, name in enumerate(services)}
        self._fill("services", "service_name VARCHAR, service INTEGER", [(r, numbers[n]) for r, n in named.items()])
        self._fill(
            "wanted", "service INTEGER, wanted BOOLEAN", [(i, self._rules.wanted(s)) for i, s in enumerate(services)]
        )
        return services

    def _number_nodes(self) -> None:
        """Give numbers to the range's new nodes."""
        new = [self._nodes.number(text, stated) for text, stated in self._con.execute(_sql("new_nodes")).fetchall()]
        self._insert_rows("nodes", [(node.text, node.stated, node.number) for node in new])
        known = {int(row[0]) for row in self._con.execute("SELECT node FROM kinds").fetchall()}
        fresh = {node.number: (node.number, node.type_number, node.name) for node in new if node.number not in known}
        self._insert_rows("kinds", list(fresh.values()))

    def _fill(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")
        self._insert_rows(table, rows)

    def _insert_rows(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            columns = {f"c{i}": list(column) for i, column in enumerate(zip(*rows, strict=True))}
            values = ", ".join(f"unnest(${name})" for name in columns)
            self._con.execute(f"INSERT INTO {table} SELECT {values}", columns)

    def _future_events(self) -> int:
        return int(self._columns("future")["events"][0])

    def _census(self, rows: Mapping[str, Any]) -> Census:
        """The census less the rows that repeat an event."""
        copies = self._columns("all_copies")
        keys = {pair: i for i, pair in enumerate(zip(rows["status"], rows["service_name"], strict=True))}
        events, inside = rows["events"].copy(), rows["events_in_period"].copy()
        for status, service, every, within in zip(
            copies["status"], copies["service_name"], copies["copies"], copies["copies_in_period"], strict=True
        ):
            events[keys[status, service]] -= every
            inside[keys[status, service]] -= within
        unusable = {reason: int(rows[column].sum()) for reason, column in _PROBLEMS.items()}
        return Census(
            status=rows["status"],
            service=np.array([name or UNKNOWN for name in rows["service_name"]], dtype=object),
            events=events,
            events_in_period=inside,
            last_us=int(rows["last_ts"].max()) if events.any() else None,
            future_events=self._future_events() if rows["future_events"].any() else 0,
            unusable={reason: count for reason, count in unusable.items() if count},
            copies=int(copies["copies"].sum()),
            different_copies=int(copies["different"].sum()),
        )


def _counts(rows: Mapping[str, Any], numbers: Ints) -> Counts:
    """Counts of attempts, without the tasks that never ran."""
    mine = rows["outcome"] != NEVER_RAN
    return Counts(
        rows["bucket"][mine],
        rows["service"][mine],
        numbers[rows["type"][mine]],
        rows["outcome"][mine],
        rows["wanted"][mine],
        rows["touching"][mine],
        rows["ended"][mine],
        rows["retries"][mine],
    )


def list_events(con: duckdb.DuckDBPyConnection, running: Sequence[str]) -> Names:
    """Statuses, services and node names of the relation ``source``."""
    nothing = Globs.of(())
    rules = Rules(tuple(running), (), (), (), nothing, nothing, lambda _: UNKNOWN, first_run_to_end=False, stale_us=0)
    return Reduction(con, rules, Window(lo_us=0, hi_us=0, now_us=2**62, width_us=1)).names()


def _filled(columns: Mapping[str, Any]) -> dict[str, Any]:
    """int64 for integers (null as -1), everything else as it is."""
    return {name: _integers(column) if column.dtype.kind in "iu" else column for name, column in columns.items()}


def _integers(column: Any) -> Ints:
    filled = column.filled(-1) if isinstance(column, np.ma.MaskedArray) else column
    return np.asarray(filled, dtype=np.int64)


def _sql(name: str) -> str:
    return (resources.files("gpucost") / "sql" / "reduction" / f"{name}.sql").read_text(encoding="utf-8")
