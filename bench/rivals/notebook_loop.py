"""The notebook's style, with the right rule: frames filtered task by task, Python loops per interval and hour."""

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
    """The attempts of one task, from its ordered events, as a notebook would select them."""
    task = task.sort_values(["us", "event_id"]).reset_index(drop=True)
    running = task[task["status"] == RUNNING]
    others = task[task["status"] != RUNNING]
    attempts: list[dict[str, Any]] = []
    done = -1
    for position, event in running.iterrows():
        if position < done:
            continue  # a further running event continues the attempt
        retry = bool(attempts) and event["us"] - attempts[-1]["end"] <= STALE_US
        later = others[others.index > position]
        if later.empty:
            lost = NOW_US - task["us"].max() >= STALE_US
            end, outcome, done = NOW_US, "Lost" if lost else "Open", len(task)
        else:
            kind = status_class(later.iloc[0]["status"])
            outcome = {"waiting": "Interrupted", "other": "UnknownStatus"}.get(kind, kind)
            end, done = later.iloc[0]["us"], later.index[0]
        attempts.append({"event": event, "start": event["us"], "end": end, "outcome": outcome, "retry": retry})
    return attempts


class Tables:
    """What the loop appends to: rows of dicts, one for each hour that an attempt touches."""

    def __init__(self) -> None:
        self.hours: list[dict[str, Any]] = []
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
        """An attempt that touches the period, hour by hour."""
        outcome = attempt["outcome"]
        if outcome not in OUTCOMES:
            self.skipped[outcome] += 1
            return
        self.charged += 1
        service = attempt["event"]["service_name"] or UNKNOWN_SERVICE
        if outcome == "Open":
            self.open[service] += 1
        node_type, *node = node_of(attempt["event"])
        row = {"type": node_type, "node": tuple(node), "service": service, "outcome": outcome}
        at, end = instant(max(attempt["start"], START_US)), instant(min(attempt["end"], NOW_US))
        while True:
            hour = at.floor("h")
            stop = min(end, hour + pd.Timedelta(hours=1))
            last = stop == end
            counts = {"ended": last and outcome != "Open", "retries": last and outcome != "Open" and attempt["retry"]}
            self.hours.append({**row, **counts, "hour": hour, "from": at, "to": stop, "us": micros(stop - at)})
            if last:
                return
            at = stop

    def busy(self, hours: pd.DataFrame) -> dict[tuple[pd.Timestamp, str], int]:
        """The union of the intervals of each node, by hour and type."""
        busy: dict[tuple[pd.Timestamp, str], int] = defaultdict(int)
        for (hour, node_type, _), group in hours.groupby(["hour", "type", "node"]):
            reached = None
            for _, row in group.sort_values("from").iterrows():
                start = row["from"] if reached is None else max(row["from"], reached)
                if row["to"] > start:
                    busy[hour, node_type] += micros(row["to"] - start)
                reached = row["to"] if reached is None else max(row["to"], reached)
        return busy


def instant(us: int) -> pd.Timestamp:
    """A timestamp; pandas keeps nanoseconds, so that microseconds stay exact."""
    return pd.Timestamp(us, unit="us", tz="UTC")


def micros(span: pd.Timedelta) -> int:
    """Microseconds of a span."""
    return span // pd.Timedelta(microseconds=1)


def load(path: Path) -> pd.DataFrame:
    """Events of all times up to now, ordered, each once."""
    events = pd.read_parquet(path)
    events = events.astype(dict.fromkeys(["service_name", "status", "node_id", "metainfo"], object))
    events = events.where(events.notna(), None)
    events["us"] = events["creation_ts"].astype("datetime64[us, UTC]").astype("int64")
    events = events[events["us"] <= NOW_US]
    order = ["task_id", "us", "event_id", "status", "service_name", "node_id", "metainfo"]
    return events.sort_values(order, na_position="first").drop_duplicates(["task_id", "event_id"])


def reduce(args: argparse.Namespace) -> Rollup:
    """Task by task."""
    tables = Tables()
    for _, task in load(args.events).groupby("task_id"):
        tables.add_task(task)
    hours = pd.DataFrame(tables.hours)
    services = sorted({*hours["service"], *tables.open})
    cells = hours.groupby(["hour", "type", "service", "outcome"])[["us", "ended", "retries"]].sum().reset_index()
    first = instant(START_US)
    busy = tables.busy(hours)
    hour = [int((h - first) // pd.Timedelta(hours=1)) for h, _ in busy]
    return Rollup(
        services,
        hour=((cells["hour"] - first) // pd.Timedelta(hours=1)).to_numpy(np.int64),
        node_type=cells["type"].map(TYPES.index).to_numpy(np.int64),
        service=cells["service"].map(services.index).to_numpy(np.int64),
        outcome=cells["outcome"].map(OUTCOMES.index).to_numpy(np.int64),
        executed_us=cells["us"].to_numpy(np.int64),
        ended=cells["ended"].to_numpy(np.int64),
        retries=cells["retries"].to_numpy(np.int64),
        busy_hour=np.array(hour),
        busy_type=np.array([TYPES.index(t) for _, t in busy]),
        busy_us=np.array(list(busy.values())),
        charged=tables.charged,
        never_ran=tables.never_ran,
        open_attempts={services.index(s): n for s, n in tables.open.items()},
        skipped=dict(tables.skipped),
    )


if __name__ == "__main__":
    run(parser(__doc__).parse_args(), reduce)
