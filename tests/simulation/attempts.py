"""Task events -> attempts."""

import json
from collections import defaultdict
from typing import Any, NamedTuple

from simulation.clock import SECOND
from simulation.nodes import UNKNOWN_TYPE, glob_match, type_of

RUNNING = "running"
SUCCESS = {"done"}
WAITING = {"new", "waiting", "pending"}
FAILURE = {
    "error",
    "error_cuda",
    "error_node",
    "error_params",
    "error_exec_timeout",
    "execution_timeout",
    "canceled",
    "cancelled",
}
SKIPPED = ("UnknownStatus", "Lost")
Row = dict[str, Any]


class Attempt(NamedTuple):
    """One run of a task; `end` of an Open or Lost one is None."""

    task: str
    service: str
    node_type: str
    node: tuple[str, str]
    start: int
    end: int | None
    outcome: str
    retry: bool
    doubt: str
    """What is wrong with the node's type, if anything."""
    moved: bool
    """Whether another event of the attempt names another node."""

    def touches(self, start: int, data_until: int) -> bool:
        """Whether the attempt has a part in [start, data_until)."""
        end = data_until if self.end is None else self.end
        return self.start < data_until and (end > start or self.start == end >= start)

    def part_in(self, start: int, end: int) -> tuple[int, int]:
        """The part within [start, end), which is no later than the data; empty where its end is not after its start."""
        return max(start, self.start), end if self.end is None else min(end, self.end)

    def us_in(self, start: int, end: int) -> int:
        """Executed time within [start, end)."""
        a, b = self.part_in(start, end)
        return max(0, b - a)

    def counts_in(self, start: int, data_until: int) -> bool:
        """Whether an ended attempt is counted in the period."""
        if self.end is None:
            return False
        if self.start == self.end:
            return start <= self.start < data_until
        return start < self.end <= data_until


class Tasks(NamedTuple):
    """The wanted attempts, and the last events of wanted tasks that never ran."""

    attempts: list[Attempt]
    never_ran: list[int]


def read_tasks(case: dict[str, Any], now: int) -> Tasks:
    """All attempts and never-run tasks of wanted services, as known at `now`."""
    tasks = Tasks([], [])
    for task, rows in _rows_by_task([row for row in case["events"] if row["creation_ts"] <= now]).items():
        tasks.attempts.extend(a for a in _attempts(task, rows, case, now) if _wanted(a.service, case))
        if all(row["status"] != RUNNING for row in rows) and _wanted(_service(rows[-1]), case):
            tasks.never_ran.append(rows[-1]["creation_ts"])
    return tasks


def _rows_by_task(rows: list[Row]) -> dict[str, list[Row]]:
    """Each task's events in order, every event once."""
    first_of: dict[str, Row] = {}
    for row in sorted(rows, key=_order):
        identity = json.dumps([row["task_id"], row.get("event_id", row)], sort_keys=True)
        first_of.setdefault(identity, row)
    tasks: dict[str, list[Row]] = defaultdict(list)
    for row in first_of.values():
        tasks[str(row["task_id"])].append(row)
    return tasks


def _order(row: Row) -> tuple[Any, ...]:
    """Numeric event ids order as numbers, others by bytes; a null orders as the empty text."""
    event_id = row.get("event_id", _rank(row["status"]))
    if isinstance(event_id, str):
        event_id = event_id.encode()
    names = ("status", "service_name", "node_id", "metainfo", "node_type", "task_id")
    return (row["creation_ts"], event_id, *(_bytes(row.get(name)) for name in names))


def _bytes(value: object) -> bytes:
    return b"" if value is None else str(value).encode()


def _rank(status: str | None) -> int:
    if status in WAITING:
        return 0
    if status == RUNNING:
        return 1
    return 2 if status in SUCCESS | FAILURE else 3


def _attempts(task: str, rows: list[Row], case: dict[str, Any], now: int) -> list[Attempt]:
    """A task's attempts, of wanted and unwanted services alike."""
    stale_after = case["staleAfterSeconds"] * SECOND
    runs = _running_only(rows) if case["executionTime"] == "RunningOnly" else _first_run_to_end(rows, stale_after)
    lost = now - rows[-1]["creation_ts"] >= stale_after
    attempts: list[Attempt] = []
    for first, last in runs:
        previous_end = attempts[-1].end if attempts else None
        start = first["creation_ts"]
        attempts.append(
            Attempt(
                task=task,
                service=_service(first),
                node_type=_node_type(first, case),
                node=_node(first, task),
                start=start,
                end=last["creation_ts"] if last else None,
                outcome=_outcome(last["status"]) if last else "Lost" if lost else "Open",
                retry=previous_end is not None and start - previous_end <= stale_after,
                doubt=_doubt(first, case),
                moved=case["executionTime"] == "RunningOnly" and _moved(first, last, rows),
            )
        )
    return attempts


def _running_only(rows: list[Row]) -> list[tuple[Row, Row | None]]:
    """From a running event to the next event of another status."""
    runs: list[tuple[Row, Row | None]] = []
    first: Row | None = None
    for row in rows:
        if row["status"] == RUNNING:
            first = first or row
        elif first:
            runs.append((first, row))
            first = None
    return [*runs, (first, None)] if first else runs


def _first_run_to_end(rows: list[Row], stale_after: int) -> list[tuple[Row, Row | None]]:
    """From the first running event of a part to its last event."""
    parts: list[list[Row]] = [[]]
    for row in rows:
        last = parts[-1][-1] if parts[-1] else None
        if last and last["status"] != RUNNING and row["creation_ts"] - last["creation_ts"] > stale_after:
            parts.append([])
        parts[-1].append(row)
    runs: list[tuple[Row, Row | None]] = []
    for part in parts:
        first = next((row for row in part if row["status"] == RUNNING), None)
        if first:
            runs.append((first, None if part[-1]["status"] == RUNNING else part[-1]))
    return runs


def _outcome(status: str | None) -> str:
    if status in SUCCESS:
        return "Success"
    if status in FAILURE:
        return "Failure"
    return "Interrupted" if status in WAITING else "UnknownStatus"


def _service(row: Row) -> str:
    return row["service_name"] or "unknown"


def _wanted(service: str, case: dict[str, Any]) -> bool:
    return glob_match(service, case.get("include", ["*"])) and not glob_match(service, case["exclude"])


def _metainfo(row: Row) -> dict[str, Any] | None:
    """An object, as it stands or in a JSON string; None where there is none."""
    try:
        found = json.loads(row["metainfo"], strict=False)
        found = json.loads(found, strict=False) if isinstance(found, str) else found
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def is_unreadable(row: Row) -> bool:
    """Whether a running event has metainfo that is no object."""
    return bool(row["metainfo"]) and _metainfo(row) is None


def _node_name(row: Row) -> str | None:
    name = (_metainfo(row) or {}).get("node_name") if row["metainfo"] else None
    return name if isinstance(name, str) and name else None


def _node_type(row: Row, case: dict[str, Any]) -> str:
    if row.get("node_type"):
        return str(row["node_type"])
    name = _node_name(row)
    return type_of(name, case["types"]) if name else UNKNOWN_TYPE


def _doubt(row: Row, case: dict[str, Any]) -> str:
    if row.get("node_type"):
        listed = row["node_type"] in [rule["name"] for rule in case["types"]]
        return "NOT_LISTED" if not listed else "UNREADABLE" if is_unreadable(row) else ""
    if is_unreadable(row):
        return "UNREADABLE"
    if _node(row, "")[0] == "task":
        return "NO_NODE"
    return "NO_RULE" if _node_type(row, case) == UNKNOWN_TYPE else ""


def _moved(first: Row, last: Row | None, rows: list[Row]) -> bool:
    """Whether a running event of an attempt names another node than its first, and not only at the instant of its end."""
    start = next(i for i, row in enumerate(rows) if row is first)
    end = next((i for i, row in enumerate(rows) if row is last), len(rows))
    nodes = {_node(row, "") for row in rows[start:end] if not last or row["creation_ts"] < last["creation_ts"]}
    named = {node for node in nodes if node[0] != "task"}
    return _node(first, "")[0] != "task" and bool(named - {_node(first, "")})


def _node(row: Row, task: str) -> tuple[str, str]:
    """Node name, else node id, else the task itself: three separate namespaces."""
    name = _node_name(row)
    if name:
        return "name", name
    return ("id", str(row["node_id"])) if row["node_id"] not in (None, "") else ("task", task)
