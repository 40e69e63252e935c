"""pandas and numpy without a loop over tasks: sort, compare with the shifted arrays, group."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from figures import Ints, Rollup, parser, run
from scenario import (
    FAILED,
    FAILURE,
    HOUR_US,
    INTERRUPTED,
    NOW_US,
    OPEN,
    RUNNING,
    STALE_US,
    START_US,
    SUCCEEDED,
    SUCCESS,
    TYPE_GLOBS,
    TYPES,
    UNKNOWN_SERVICE,
    WAITING,
)

UNKNOWN_STATUS, LOST, NEVER_RAN = 4, 5, 6  # further codes beside those of outcomes
K_RUN = 1
CLASS = {RUNNING: K_RUN} | dict.fromkeys(WAITING, 0) | dict.fromkeys(FAILURE, 2) | dict.fromkeys(SUCCESS, 3)
ENDED_AS = np.array([INTERRUPTED, -1, FAILED, SUCCEEDED, UNKNOWN_STATUS])
TEXTS = ["status", "service_name", "node_id", "metainfo"]


def load(path: Path) -> pd.DataFrame:
    """Events up to now in order, each event id of a task once."""
    events = pd.read_parquet(path)
    events["us"] = events["creation_ts"].astype("datetime64[us, UTC]").astype("int64")
    events = events[events["us"] <= NOW_US]
    keys = ["task_id", "us", "event_id"]
    events = events.iloc[np.lexsort([events[k].to_numpy() for k in reversed(keys)])].reset_index(drop=True)
    tied = events.duplicated(keys, keep=False)
    if tied.any():
        order = np.arange(len(events))
        rows = events.loc[tied, [*keys, *TEXTS]].astype(dict.fromkeys(TEXTS, object))
        order[tied] = rows.sort_values([*keys, *TEXTS], na_position="first").index
        events = events.iloc[order]
    return events.drop_duplicates(["task_id", "event_id"]).reset_index(drop=True)


def node_name(metainfo: object) -> str:
    """The node's name, or nothing."""
    try:
        found = json.loads(metainfo) if isinstance(metainfo, str) else None
    except ValueError:
        return ""
    name = found.get("node_name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""


def nodes(starts: pd.DataFrame) -> tuple[Ints, Ints]:
    """Node numbers and types of the events that start attempts."""
    name = pd.Series([node_name(m) for m in starts["metainfo"]], dtype=object)
    node_id = starts["node_id"].astype(object).where(starts["node_id"].notna(), "").to_numpy()
    key = np.where(name != "", "n" + name, np.where(node_id != "", "i" + node_id, "t" + starts["task_id"].astype(str)))
    number, keys = pd.factorize(key)
    lower = pd.Series(keys).str.lower()
    named = lower.str.startswith("n")
    matches = [named & lower.str.contains(TYPE_GLOBS[t].strip("*"), regex=False) for t in TYPES[:-1]]
    return number.astype(np.int64), np.select(matches, range(len(matches)), len(TYPES) - 1)[number]


def shifted(values: Any, fill: Any) -> tuple[Any, Any]:
    """The values before and after each one."""
    return np.concatenate([[fill], values[:-1]]), np.concatenate([values[1:], [fill]])


def attempts(events: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Attempts that touch the period, and the number of tasks that never ran."""
    task, us = events["task_id"].to_numpy(), events["us"].to_numpy()
    k = events["status"].map(CLASS).fillna(4).to_numpy(np.int8)
    before, after = shifted(task, -1)
    running = k == K_RUN
    was_running = shifted(running, False)[0] & (before == task)
    edge = np.flatnonzero((running != was_running) | ((after != task) & running))
    starts = running[edge] & ~was_running[edge]
    edge_before, edge_after = shifted(task[edge], -1)
    next_k, next_us = shifted(k[edge], -1)[1], shifted(us[edge], 0)[1]
    here = edge_after == task[edge]
    ended = here & (next_k != K_RUN)
    open_as = np.where(NOW_US - np.where(here, next_us, us[edge]) >= STALE_US, LOST, OPEN)
    retry = (edge_before == task[edge]) & (us[edge] - shifted(us[edge], 0)[0] <= STALE_US)
    found = events.iloc[edge[starts]].reset_index(drop=True)
    found["e"] = np.where(ended, next_us, NOW_US)[starts]
    found["outcome"] = np.where(ended, ENDED_AS[next_k], open_as)[starts]
    found["retry"] = retry[starts]
    last = np.flatnonzero(after != task)
    never = ~np.isin(task[last], task[running]) & (us[last] >= START_US) & (us[last] < NOW_US)
    s, e = found["us"], found["e"]
    touches = (s < NOW_US) & ((e > START_US) | ((s == e) & (s >= START_US)))
    return found[touches].reset_index(drop=True), int(never.sum())


def by_hour(keys: pd.DataFrame, s: Ints, e: Ints) -> pd.DataFrame:
    """One row for each hour that an interval touches: keys, hour, microseconds, and whether it is the last."""
    h0 = s // HOUR_US
    h1 = np.maximum((e - 1) // HOUR_US, h0)
    row = np.repeat(np.arange(len(s)), h1 - h0 + 1)
    hour = h0[row] + np.arange(len(row)) - np.searchsorted(row, row)
    us = np.minimum(e[row], (hour + 1) * HOUR_US) - np.maximum(s[row], hour * HOUR_US)
    return keys.iloc[row].assign(hour=hour, us=us, last=hour == h1[row])


def busy(charged: pd.DataFrame, s: Ints, e: Ints) -> pd.DataFrame:
    """Union of the intervals of each node: a running maximum over (node, start)."""
    base = charged["node"].to_numpy() << 44
    order = np.argsort(base + s, kind="stable")
    start, end = (base + s)[order], (base + e)[order]
    reached = shifted(np.maximum.accumulate(end), 0)[0]
    more = end > np.maximum(reached, start)
    low = (1 << 44) - 1
    keys = charged[["type"]].iloc[order[more]]
    pieces = by_hour(keys, np.maximum(start, reached)[more] & low, end[more] & low)
    return pieces.groupby(["hour", "type"], as_index=False)["us"].sum()


def reduce(args: argparse.Namespace) -> Rollup:
    """Everything at once, in memory."""
    found, never_ran = attempts(load(args.events))
    names = found["service_name"].astype(object)
    service, services = pd.factorize(names.where(names.notna() & (names != ""), UNKNOWN_SERVICE))
    charged = found.assign(service=service)[found["outcome"] < UNKNOWN_STATUS].reset_index(drop=True)
    charged["node"], charged["type"] = nodes(charged)
    s = np.maximum(charged["us"].to_numpy() - START_US, 0)
    e = charged["e"].to_numpy() - START_US
    pieces = by_hour(charged[["type", "service", "outcome", "retry"]], s, e)
    pieces["ended"] = pieces["last"] & (pieces["outcome"] != OPEN)
    pieces["retries"] = pieces["ended"] & pieces["retry"]
    cells = pieces.groupby(["hour", "type", "service", "outcome"], as_index=False)[["us", "ended", "retries"]].sum()
    used = busy(charged, s, e)
    opened = charged.loc[charged["outcome"] == OPEN, "service"].value_counts()
    return Rollup(
        list(services),
        *(cells[c].to_numpy(np.int64) for c in ("hour", "type", "service", "outcome", "us", "ended", "retries")),
        *(used[c].to_numpy(np.int64) for c in ("hour", "type", "us")),
        charged=len(charged),
        never_ran=never_ran,
        open_attempts={int(k): int(n) for k, n in opened.items()},
        skipped={n: int((found["outcome"] == c).sum()) for n, c in (("UnknownStatus", UNKNOWN_STATUS), ("Lost", LOST))},
    )


if __name__ == "__main__":
    run(parser(__doc__).parse_args(), reduce)
