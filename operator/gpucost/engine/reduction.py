"""Runs the steps of sql/reduction over the relation ``gpucost_source`` and hands out what the report needs (section 3).

First the census counts what there is. Then, range by range of task ids: slice -> running, events -> sorted, ordered -> found
by the rule of execution time -> touching -> spans, intervals. Tasks in doubt follow by careful -> settled. At the end executed
and busy spread spans and intervals over buckets. On demand the attempts themselves are kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from gpucost.core.globs import Globs
from gpucost.core.money import Ints, group_starts
from gpucost.core.nodes import UNKNOWN_TYPE
from gpucost.core.progress import Progress, Stage, tell_nobody
from gpucost.engine.metainfo import MetainfoReader
from gpucost.engine.nodes import UNKNOWN, Doubt, Nodes
from gpucost.engine.peaks import Peaks, find_peaks
from gpucost.engine.session import SHARED, Session, read_sql
from gpucost.engine.source import SOURCE

OTHER: Final = 4
"""Class of a status that no set knows."""
UNKNOWN_STATUS, LOST, NEVER_RAN = 4, 5, 6
"""Outcomes of skipped attempts, and of tasks without any; 0 to 3 are Failure, Interrupted, Open, Success."""
SKIPPED: Final = {UNKNOWN_STATUS: "UnknownStatus", LOST: "Lost"}
EVENTS_PER_RANGE: Final = 1_000_000
"""Events that are sorted at once: 30 MB of them, and few enough ranges that their overhead does not show."""
SLOW_RANGES: Final = 8
"""Text ids have so many times larger ranges."""
WORKERS: Final = 2
"""Ranges whose attempts are found at a time: windows over sorted rows run on one core, reading on all."""

STILL_OPEN: Final = -(2**62)
"""End of an attempt that has none."""

_PROBLEMS: Final = {"NoTaskId": "no_task_id", "NoTime": "no_time", "ImpossibleTime": "impossible_time"}
_KEYS: Final = "service INTEGER, type SMALLINT, outcome INTEGER, wanted BOOLEAN"
_COLLECTED: Final = {
    "all_spans": (
        f"first BIGINT, last BIGINT, {_KEYS}, attempts BIGINT, ended BIGINT, retries BIGINT, lengths BIGINT, "
        "starts BIGINT, ends BIGINT"
    ),
    "all_intervals": "node INTEGER, first BIGINT, last BIGINT",
    "all_alone": "type SMALLINT, piece_start BIGINT, piece_end BIGINT",
    "all_copies": "status INTEGER, service INTEGER, copies BIGINT, copies_in_period BIGINT, different BIGINT",
    "all_kept": (
        "task_id VARCHAR, started BIGINT, ended BIGINT, outcome INTEGER, retry BOOLEAN, service INTEGER, node INTEGER, "
        "type SMALLINT, part_start BIGINT, part_end BIGINT, counted BOOLEAN"
    ),
    "all_doubted": "node INTEGER, attempts BIGINT",
    "all_moved": "task_id VARCHAR, node VARCHAR, other VARCHAR",
}
"""What the ranges add to."""
_LEFT_BEHIND: Final = (
    ("VIEW", SOURCE),
    ("VIEW", "gpucost_slice"),
    *(("TABLE", f"gpucost_{name}") for name in ("statuses", "services", "nodes", "running", "unclear")),
    *(("MACRO", f"gpucost_{name}") for name in ("name_in", "node_text")),
)
_READER: Final = "gpucost_read_metainfo"
"""Name of the function in SQL that reads what the quick path leaves."""
_KINDS: Final = "node INTEGER, type SMALLINT, name VARCHAR, place INTEGER, doubt TINYINT"
_EXAMPLES: Final = 3
_NO_DOUBTS: Final = """
    SELECT task_id, event_id, ts, 0::TINYINT AS class, 0 AS status, 0 AS service, 0 AS node, 0::BIGINT AS rank
    FROM gpucost_source LIMIT 0
"""

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
    listed: Collection[str]
    """Types that the spec lists."""
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
    running_events: int
    """Up to now, with a status that means running."""
    naive_times: bool
    """Whether a time up to now has no offset, so that a zone had to be assumed or stated."""
    unusable: Mapping[str, int]
    """By reason: NoTaskId, NoTime, ImpossibleTime."""
    impossible_time: str
    """One of the texts that are no possible time; the first in the order of bytes."""
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
    lengths_us: Ints
    """Whole length of those that ended, from start to end, also outside the period."""


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
    running_events: int
    unreadable: int
    """Of the running events, those whose metainfo is no JSON object."""
    unreadable_example: str
    node_types: tuple[str, ...]
    """Types that running events state themselves."""
    naive_times: bool
    """Whether times have no offset."""


@dataclass(frozen=True, slots=True)
class Doubted:
    """Charged attempts that touch the period and whose node leaves the same doubt."""

    attempts: int = 0
    nodes: int = 0
    """How many nodes they name, by a name or an id."""
    examples: tuple[str, ...] = ()
    """At most three in the order of bytes: names of nodes (``id X`` where only an id is known), with NOT_LISTED the types,
    with UNREADABLE the beginning of a metainfo."""


@dataclass(frozen=True, slots=True)
class TwoNodes:
    """Tasks that ran on two nodes at once; the first by its id stands for all."""

    tasks: int
    task_id: str
    node: str
    """Where its attempt began, and what it is charged for."""
    other: str


@dataclass(frozen=True, slots=True)
class Rollup:
    """What a report needs of the task events. Services and types are numbered in the order of their names' bytes."""

    services: tuple[str, ...]
    node_types: tuple[str, ...]
    census: Census
    counts: Counts
    executed: Executed
    busy: BusyTime
    peaks: Peaks
    never_ran: int
    doubted: Mapping[Doubt, Doubted]
    """Attempts whose node type may not be what it was, by what is wrong."""
    two_nodes: TwoNodes | None


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
    """The event that ended it; STILL_OPEN for an Open attempt."""
    part_start_us: Ints
    part_end_us: Ints
    """The part within the period."""
    counted: npt.NDArray[np.bool_]
    """Whether it ended in the period."""


class Reduction:
    """Task events of one source in one window, reduced step by step in a DuckDB connection that has the source.

    The connection reads ranges of events; while it reads the next one, others sort the last and find its attempts.
    ``keep``: also keep every attempt, for attempts(). ``progress``: is told of each range.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        rules: Rules,
        window: Window,
        *,
        keep: bool = False,
        progress: Progress = tell_nobody,
    ) -> None:
        self._progress = progress
        self._rules = rules
        self._window = window
        self._keep = keep
        self._nodes = Nodes(rules.node_type, rules.listed)
        self._metainfo = MetainfoReader()
        self._statuses: tuple[str, ...] = ()
        self._written: tuple[str, ...] = ()
        self._reader = Session(
            con,
            {
                "now": str(window.now_us),
                "lo": str(window.lo_us),
                "hi": str(window.hi_us),
                "stale": str(rules.stale_us),
                "width": str(window.width_us),
            },
        )
        con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {SHARED}")
        con.create_function(_READER, self._metainfo, [duckdb.sqltypes.VARCHAR], duckdb.sqltypes.VARCHAR)

    def close(self) -> None:
        """Leave the connection as it was: it may be the caller's own."""
        for kind, name in _LEFT_BEHIND:
            self._reader.con.execute(f"DROP {kind} IF EXISTS temp.{name}")
        self._reader.con.remove_function(_READER)
        self._reader.con.execute(f"DETACH {SHARED}")

    def rollup(self) -> Rollup:
        """Run all steps: range by range to attempts, then together to the rollup."""
        self._prepare()
        census = self._reader.columns("census")
        self._number_statuses(census["status"])
        self._number_services(census["service_name"])
        events = int(census["events"].sum())
        self._reduce_ranges(self._ranges(events), events)
        self._reconsider()
        with self._reader.fork() as session:
            session.table("pieces", span=self._span())
            counts, executed, busy, copies = map(session.columns, ("counted", "executed", "busy", "all_copies"))
            peaks = find_peaks(session, self._window.lo_us, self._window.hi_us, self._window.width_us)
            doubted, two_nodes = self._doubted(session), _two_nodes(session)
        types, numbers = self._nodes.sorted_types()
        services, places = self._named_services()
        return Rollup(
            services=services,
            node_types=types,
            census=self._census(census, copies),
            counts=_counts(counts, places, numbers),
            executed=Executed(
                executed["bucket"],
                places[executed["service"]],
                numbers[executed["type"]],
                executed["outcome"],
                executed["wanted"],
                executed["executed"],
            ),
            busy=BusyTime(busy["bucket"], numbers[busy["type"]], busy["busy"]),
            peaks=replace(peaks, node_type=numbers[peaks.node_type]),
            never_ran=int(counts["touching"][(counts["outcome"] == NEVER_RAN) & counts["wanted"]].sum()),
            doubted=doubted,
            two_nodes=two_nodes,
        )

    def attempts(self) -> Attempts:
        """Charged attempts one by one; after rollup(), where they were to be kept."""
        with self._reader.fork() as session:
            rows = session.columns("details")
        users = self._reader.columns("users")
        by_task = dict(zip(users["task_id"], users["user_id"], strict=True))
        first = group_starts(rows["task_id"])
        ids = rows["task_id"][first]
        task = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(rows["task_id"]))))
        del rows["task_id"]
        _, numbers = self._nodes.sorted_types()
        rows["node_type"] = numbers[rows["node_type"]]
        rows["service"] = self._named_services()[1][rows["service"]]
        return Attempts(task=task, task_ids=ids, users=np.array([by_task.get(i) for i in ids], dtype=object), **rows)

    def names(self) -> Names:
        """Statuses, services and names of nodes that the events hold, each in the order of bytes."""
        self._prepare()
        census = self._reader.columns("census")
        self._number_statuses(census["status"])
        self._number_services(census["service_name"])
        self._reader.view("gpucost_slice", "slice", range="TRUE")
        self._reader.table("gpucost_running", "running")
        self._number_nodes()
        running, unreadable = self._reader.con.execute(self._reader.text("unreadable")).fetchall()[0]
        return Names(
            self._statuses,
            self._named_services()[0],
            tuple(sorted(self._nodes.names, key=str.encode)),
            running,
            unreadable,
            self._metainfo.example or "",
            tuple(sorted(set(self._nodes.type_names()) - {UNKNOWN_TYPE}, key=str.encode)),
            bool(census["naive"].any()),
        )

    def _span(self) -> str:
        """A length beyond the period's, of a type that holds one for each node."""
        span = max(self._window.hi_us - self._window.lo_us, 0) + 1
        kind = "BIGINT" if span * (self._nodes.count + 1) < 2**62 else "HUGEINT"
        return f"CAST({span} AS {kind})"

    def _prepare(self) -> None:
        """Macros, dictionaries, and the tables to which ranges add."""
        self._reader.con.execute(read_sql("node_text"))
        self._reader.fill("gpucost_nodes", "node_text VARCHAR, node_type VARCHAR, node INTEGER", ())
        self._reader.fill(f"{SHARED}.kinds", _KINDS, ())
        for name, columns in _COLLECTED.items():
            self._reader.fill(f"{SHARED}.{name}", columns, ())
        self._reader.con.execute(f"CREATE OR REPLACE TABLE {SHARED}.all_doubts AS {_NO_DOUBTS}")

    def _ranges(self, events: int) -> list[str]:
        """Conditions on task_id that cut the events into ranges of bounded size."""
        count = 1 + events // EVENTS_PER_RANGE
        if count == 1:
            return ["TRUE"]
        found = self._reader.con.execute("SELECT min(task_id), max(task_id) FROM gpucost_source").fetchone()
        if found is None or not isinstance(
            found[0], int
        ):  # no statistics of a file answer this: each range reads it all
            count = 1 + count // SLOW_RANGES
            return [f"hash(task_id) % {count} = {i}" for i in range(count)]
        low, high = found
        cuts = [low + (high + 1 - low) * i // count for i in range(count + 1)]
        return [f"task_id >= {a} AND task_id < {b}" for a, b in pairwise(cuts)]

    def _reduce_ranges(self, conditions: Sequence[str], events: int) -> None:
        """Read range after range; a few at most wait for their attempts to be found."""
        pending: deque[Future[None]] = deque()
        with ThreadPoolExecutor(WORKERS) as workers:
            for i, condition in enumerate(conditions):
                self._progress(Stage.READING, events * i // len(conditions), events)
                self._read_range(condition, f"{SHARED}.events_{i}")
                pending.append(workers.submit(self._find, f"{SHARED}.events_{i}"))
                if len(pending) > WORKERS:
                    pending.popleft().result()
            self._progress(Stage.FINDING)
            for future in pending:
                future.result()

    def _read_range(self, condition: str, events: str) -> None:
        """Events of a range of tasks in a few integers."""
        self._reader.view("gpucost_slice", "slice", range=condition)
        self._reader.table("gpucost_running", "running")
        self._number_nodes()
        self._reader.con.execute(f"CREATE OR REPLACE TABLE {events} AS {self._reader.text('events')}")

    def _find(self, events: str) -> None:
        """Attempts of a range, and what the rollup adds up of them. Tasks in doubt are left for later."""
        with self._reader.fork() as session:
            session.con.execute(f"CREATE TEMP VIEW events AS FROM {events}")
            session.view("sorted")
            self._find_attempts(session)
            session.collect("doubts")
            session.con.execute("DELETE FROM found WHERE task_id IN (SELECT task_id FROM found WHERE doubtful)")
            self._add_up(session)
            session.con.execute(f"DROP TABLE {events}")

    def _reconsider(self) -> None:
        """Tasks in doubt again, each event once and in an order that settles every tie."""
        with self._reader.fork() as session:
            self._rank_unclear(session)
            session.table("careful")
            session.collect("copies")
            session.con.execute("CREATE OR REPLACE TEMP VIEW events AS FROM careful WHERE copy = 1")
            session.view("sorted", "settled")
            self._find_attempts(session)
            self._add_up(session)

    def _rank_unclear(self, session: Session) -> None:
        """Read tasks once more in which only node_id and metainfo settle a tie: that costs more than all the rest."""
        unclear = session.con.execute(session.text("unclear")).fetchall()
        if unclear:
            self._reader.con.execute(
                "CREATE OR REPLACE TEMP TABLE gpucost_unclear AS SELECT task_id FROM gpucost_source LIMIT 0"
            )
            self._reader.insert("gpucost_unclear", unclear)
            session.con.execute(
                "DELETE FROM all_doubts WHERE task_id IN (SELECT unnest($tasks))", {"tasks": [t for (t,) in unclear]}
            )
            self._reader.view("gpucost_slice", "slice", range="TRUE")
            self._reader.con.execute(f"INSERT INTO {SHARED}.all_doubts {self._reader.text('ranked')}")

    def _add_up(self, session: Session) -> None:
        session.table("touching")
        for name in ("spans", "intervals", "alone", "doubted", "moved", *(["kept"] if self._keep else [])):
            session.collect(name)

    def _find_attempts(self, session: Session) -> None:
        """Attempts of sorted events by the rule of execution time."""
        session.view("ordered")
        session.table("found", "first_run_to_end" if self._rules.first_run_to_end else "running_only")

    def _number_statuses(self, names: Iterable[str]) -> None:
        """Number statuses in the order of their bytes, so that numbers order as they do."""
        self._statuses = tuple(sorted(set(names), key=str.encode))
        classes = dict(self._rules.classes())
        rows = [(name, i, classes.get(name, OTHER)) for i, name in enumerate(self._statuses)]
        self._reader.fill("gpucost_statuses", "status VARCHAR, number INTEGER, class TINYINT", rows)

    def _number_services(self, names: Iterable[str]) -> None:
        """Number services as they are written, in the order of their bytes; an empty name is one of them."""
        self._written = tuple(sorted(set(names), key=str.encode))
        rows = [(name, i) for i, name in enumerate(self._written)]
        self._reader.fill("gpucost_services", "service_name VARCHAR, service INTEGER", rows)
        wanted = [(i, self._rules.wanted(name or UNKNOWN)) for i, name in enumerate(self._written)]
        self._reader.fill(f"{SHARED}.wanted", "service INTEGER, wanted BOOLEAN", wanted)

    def _named_services(self) -> tuple[tuple[str, ...], Ints]:
        """Services by name, where an empty one is ``unknown``, and the place among them of each that is written."""
        names = [name or UNKNOWN for name in self._written]
        services = tuple(sorted(set(names), key=str.encode))
        places = {name: i for i, name in enumerate(services)}
        return services, np.array([places[name] for name in names] or [0], dtype=np.int64)

    def _number_nodes(self) -> None:
        """Give numbers to the range's new nodes."""
        found = self._reader.con.execute(read_sql("new_nodes")).fetchall()
        new = [self._nodes.number(text, stated) for text, stated in found]
        self._reader.insert("gpucost_nodes", [(node.text, node.stated, node.number) for node in new])
        fresh = self._nodes.not_handed_out(new)
        rows = [(node.number, node.type_number, node.name, node.place, int(node.doubt)) for node in fresh]
        self._reader.insert(f"{SHARED}.kinds", rows)

    def _doubted(self, session: Session) -> dict[Doubt, Doubted]:
        """Attempts on nodes whose type is in doubt, by what is wrong."""
        types = self._nodes.type_names()
        found: dict[Doubt, Doubted] = {}
        for code, kind, attempts, nodes, names in session.con.execute(session.text("all_doubted")).fetchall():
            doubt = Doubt(code)
            known = found.get(doubt, Doubted())
            named = {
                Doubt.NOT_LISTED: (types[kind],),
                Doubt.UNREADABLE: (self._metainfo.example or "",),
            }.get(doubt, names)
            examples = sorted({*known.examples, *filter(None, named)}, key=str.encode)[:_EXAMPLES]
            found[doubt] = Doubted(known.attempts + attempts, known.nodes + nodes, tuple(examples))
        return found

    def _future_events(self) -> int:
        return int(self._reader.columns("future")["events"][0])

    def _census(self, rows: Mapping[str, Any], copies: Mapping[str, Any]) -> Census:
        """The census less the rows that repeat an event."""
        keys = {pair: i for i, pair in enumerate(zip(rows["status"], rows["service_name"], strict=True))}
        events, inside = rows["events"].copy(), rows["events_in_period"].copy()
        for status, service, every, within in zip(
            copies["status"], copies["service"], copies["copies"], copies["copies_in_period"], strict=True
        ):
            key = keys[self._statuses[status], self._written[service]]
            events[key] -= every
            inside[key] -= within
        unusable = {reason: int(rows[column].sum()) for reason, column in _PROBLEMS.items()}
        runs = np.isin(rows["status"], self._rules.running)
        return Census(
            status=rows["status"],
            service=np.array([name or UNKNOWN for name in rows["service_name"]], dtype=object),
            events=events,
            events_in_period=inside,
            last_us=int(rows["last_ts"][rows["events"] > 0].max()) if events.any() else None,
            future_events=self._future_events() if rows["future_events"].any() else 0,
            running_events=int(events[runs].sum()),
            naive_times=bool(rows["naive"].any()),
            unusable={reason: count for reason, count in unusable.items() if count},
            impossible_time=min(filter(None, rows["impossible_text"]), key=str.encode, default=""),
            copies=int(copies["copies"].sum()),
            different_copies=int(copies["different"].sum()),
        )


def _two_nodes(session: Session) -> TwoNodes | None:
    """Tasks that ran on two nodes at once."""
    tasks, task_id, node, other = session.con.execute(session.text("all_moved")).fetchall()[0]
    return TwoNodes(tasks, task_id, node.removeprefix("name "), other.removeprefix("name ")) if tasks else None


def _counts(rows: Mapping[str, Any], services: Ints, types: Ints) -> Counts:
    """Counts of attempts, without the tasks that never ran, with services and types by their place."""
    mine = rows["outcome"] != NEVER_RAN
    return Counts(
        rows["bucket"][mine],
        services[rows["service"][mine]],
        types[rows["type"][mine]],
        rows["outcome"][mine],
        rows["wanted"][mine],
        rows["touching"][mine],
        rows["ended"][mine],
        rows["retries"][mine],
        rows["lengths"][mine],
    )


def list_events(con: duckdb.DuckDBPyConnection, running: Sequence[str]) -> Names:
    """Statuses, services and node names of the relation ``source``."""
    nothing = Globs.of(())
    rules = Rules(
        tuple(running), (), (), (), nothing, nothing, lambda _: UNKNOWN_TYPE, (), first_run_to_end=False, stale_us=0
    )
    with closing(Reduction(con, rules, Window(lo_us=0, hi_us=0, now_us=2**62, width_us=1))) as reduction:
        return reduction.names()
