"""The notebook's style, with the right rule: groupby and iterrows per task, Python loops per interval and hour."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from figures import Rollup, parser, run
from scenario import (
    HOUR_US,
    NOW_US,
    OUTCOMES,
    RUNNING,
    STALE_US,
    START_US,
    TYPE_GLOBS,
    TYPES,
    UNKNOWN_SERVICE,
    status_class,
)


def node_name(metainfo: str | None) -> str:
    """The node's name, or nothing."""
    try:
        found = json.loads(metainfo or "")
    except ValueError:
        return ""
    name = found.get("node_name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""


def node_of(event: Any) -> tuple[str, str, Any]:
    """(type, kind of node key, node) of the event that starts an attempt."""
    name = node_name(event["metainfo"])
    if name:
        node_type = next((t for t, glob in TYPE_GLOBS.items() if fnmatchcase(name.lower(), glob)), TYPES[-1])
        return node_type, "name", name
    if event["node_id"]:
        return TYPES[-1], "id", event["node_id"]
    return TYPES[-1], "task", event["task_id"]


def attempts_of(task: pd.DataFrame) -> list[dict[str, Any]]:
    """The attempts of one task, from its ordered events."""
    attempts: list[dict[str, Any]] = []
    current = None
    for _, event in task.iterrows():
        if current is None and event["status"] == RUNNING:
            current = {"event": event, "start": event["us"], "end": None, "outcome": "Open", "retry": False}
            current["retry"] = bool(attempts) and event["us"] - attempts[-1]["end"] <= STALE_US
            attempts.append(current)
        elif current is not None and event["status"] != RUNNING:
            kind = status_class(event["status"])
            outcome = {"waiting": "Interrupted", "other": "UnknownStatus"}.get(kind, kind)
            current.update(end=event["us"], outcome=outcome)
            current = None
    if current is not None:
        lost = NOW_US - task["us"].max() >= STALE_US
        current.update(end=NOW_US, outcome="Lost" if lost else "Open")
    return attempts


class Sums:
    """What the loop adds up."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self.intervals: dict[tuple[int, str, tuple[str, Any]], list[tuple[int, int]]] = defaultdict(list)
        self.skipped: dict[str, int] = defaultdict(int)
        self.open: dict[str, int] = defaultdict(int)
        self.charged = self.never_ran = 0

    def add_task(self, task: pd.DataFrame) -> None:
        """All attempts of a task."""
        attempts = attempts_of(task)
        if not attempts and START_US <= task["us"].iloc[-1] < NOW_US:
            self.never_ran += 1
        for attempt in attempts:
            start, end = attempt["start"], attempt["end"]
            if start < NOW_US and (end > START_US or start == end >= START_US):
                self.add_attempt(attempt)

    def add_attempt(self, attempt: dict[str, Any]) -> None:
        """An attempt that touches the period."""
        outcome, start, end = attempt["outcome"], attempt["start"], attempt["end"]
        if outcome not in OUTCOMES:
            self.skipped[outcome] += 1
            return
        self.charged += 1
        service = attempt["event"]["service_name"] or UNKNOWN_SERVICE
        node_type, *node = node_of(attempt["event"])
        if outcome == "Open":
            self.open[service] += 1
        elif end <= NOW_US:
            hour = (end - 1 if end > start else end) // HOUR_US
            cell = self.cells[hour, node_type, service, outcome]
            cell[1] += 1
            cell[2] += attempt["retry"]
        at, until = max(start, START_US), min(end, NOW_US)
        while at < until:
            hour = at // HOUR_US
            stop = min(until, (hour + 1) * HOUR_US)
            self.cells[hour, node_type, service, outcome][0] += stop - at
            self.intervals[hour, node_type, (node[0], node[1])].append((at, stop))
            at = stop

    def busy(self) -> dict[tuple[int, str], int]:
        """The union of the intervals of each node, by hour and type."""
        busy: dict[tuple[int, str], int] = defaultdict(int)
        for (hour, node_type, _), intervals in self.intervals.items():
            reached = 0
            for at, until in sorted(intervals):
                busy[hour, node_type] += max(0, until - max(at, reached))
                reached = max(reached, until)
        return busy


def load(path: Path) -> pd.DataFrame:
    """Events of all times up to now, ordered, each once."""
    events = pd.read_parquet(path)
    events = events.astype(dict.fromkeys(["service_name", "status", "node_id", "metainfo"], object))
    events = events.where(events.notna(), None)
    events["us"] = events["creation_ts"].astype("datetime64[us, UTC]").astype("int64")
    events = events[events["us"] <= NOW_US]
    order = ["task_id", "us", "event_id", "status", "service_name", "node_id", "metainfo"]
    return events.sort_values(order).drop_duplicates(["task_id", "event_id"])


def reduce(args: argparse.Namespace) -> Rollup:
    """Task by task."""
    sums = Sums()
    for _, task in load(args.events).groupby("task_id"):
        sums.add_task(task)
    services = sorted({key[2] for key in sums.cells} | set(sums.open))
    rows = [
        (hour - START_US // HOUR_US, TYPES.index(t), services.index(s), OUTCOMES.index(o), *values)
        for (hour, t, s, o), values in sums.cells.items()
    ]
    busy = [(hour - START_US // HOUR_US, TYPES.index(t), us) for (hour, t), us in sums.busy().items()]
    return Rollup(
        services,
        *np.array(rows, np.int64).reshape(-1, 7).T,
        *np.array(busy, np.int64).reshape(-1, 3).T,
        charged=sums.charged,
        never_ran=sums.never_ran,
        open_attempts={services.index(s): n for s, n in sums.open.items()},
        skipped=dict(sums.skipped),
    )


if __name__ == "__main__":
    run(parser(__doc__).parse_args(), reduce)
