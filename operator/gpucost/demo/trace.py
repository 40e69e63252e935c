"""The trace demonstration: requests of a real image service, on nodes and at prices that are assumed.

Reads the columns of ``lora_request_trace.csv`` in the public repository alibaba/clusterdata (cluster-trace-v2026-GenAI;
Lin et al., "Understanding Diffusion Model Serving in Production", SoCC '25). The trace knows no nodes, prices, queues.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from gpucost.core.issues import shorten
from gpucost.core.money import Ints
from gpucost.core.steps import Steps
from gpucost.demo.scenario import Demo, Scaling, annotated, cost_report, node_counts

ZONE: Final = "UTC"
COLUMNS: Final = {
    "gmt_create": pa.timestamp("us"),
    "predict_type": pa.string(),
    "predict_status": pa.string(),
    "exec_time_seconds": pa.float64(),
    "groupId": pa.string(),
}
ENDS: Final = {"SUCCEED": "done", "FAILED": "error"}
"""What ends an attempt; a status that is neither here nor below ends one under its own name."""
NOT_STARTED: Final = {"PENDING": "pending"}
NOT_ENDED: Final = "PROCESSING"

BASE, PEAK = "l4-base", "l4-peak"
BASE_NODES, PEAK_NODES = 1, 3
PEAK_HOURS: Final = 16, 5
PRICE: Final = "1"

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
LONGEST_SECONDS: Final = 366 * 86_400.0
FIRST_YEAR, LAST_YEAR = 1970, 2200


class TraceError(ValueError):
    """A file that is no such trace. The message is one sentence: the file, the place, what was expected."""


class Requests(NamedTuple):
    """One row per request, in the order of the file; times in microseconds."""

    created_us: Ints
    """As the file's clock reads."""
    lasts_us: Ints
    service: Sequence[str]
    status: Sequence[str]
    user: Sequence[str]


class _Event(NamedTuple):
    """An event of a request, ordered by time, then as the request says it."""

    ts_us: int
    place: int
    task_id: int
    service: str
    status: str
    node: str | None
    user: str


def trace_demo(path: Path) -> Demo:
    """A demonstration of the requests in a CSV file. Raises TraceError if the file can't be read as that trace."""
    requests = _read(path)
    first_us = int(requests.created_us.min()) // DAY_US * DAY_US
    last_us = int((requests.created_us + requests.lasts_us).max())
    end_us = last_us // DAY_US * DAY_US + DAY_US
    cronjobs = _cron_jobs()
    types = [{"name": "l4", "match": ["l4-*"], "gpusPerNode": 1, "prices": [{"pricePerHour": PRICE}]}]
    return Demo(
        report=cost_report("trace", ZONE, (_date(first_us), _date(end_us)), types),
        cronjobs=cronjobs,
        now_us=end_us + DAY_US,
        assumptions=_assumptions(end_us),
        events=partial(_events, requests, node_counts(cronjobs, first_us, end_us)),
    )


def _date(instant_us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant_us)).date().isoformat()


def _assumptions(end_us: int) -> tuple[str, ...]:
    begin, end = PEAK_HOURS
    return (
        f"The trace has no nodes. Assumed are two pools of L4 nodes: {BASE} with {BASE_NODES} node at all times, "
        f"and {PEAK} with {PEAK_NODES} nodes from {begin:02d}:00 to {end:02d}:00 every day.",
        f"The trace has no prices. Assumed is {PRICE} USD per node and hour.",
        "A request runs on the first scheduled node that is free; if none is, it shares the one that is free soonest.",
        "The trace has no queue times. A request is taken to run from gmt_create on, for exec_time_seconds.",
        f"gmt_create is local time without a zone. It is read as {ZONE}, the billing zone here, "
        "so days and hours are those that the file shows.",
        "The service is predict_type, the user is groupId, the task is the number of the row. SUCCEED is done, "
        "FAILED is error, PENDING never ran, PROCESSING ran and never ended.",
        f"The present is taken to be {_date(end_us + DAY_US)} 00:00, a day after the last one of the trace, "
        "so requests that never ended are lost.",
    )


def _cron_jobs() -> list[dict[str, Any]]:
    begin, end = PEAK_HOURS
    schedules = (
        Scaling("base-always", BASE, BASE_NODES, "0 0 * * *"),
        Scaling("peak-begin", PEAK, PEAK_NODES, f"0 {begin} * * *"),
        Scaling("peak-end", PEAK, 0, f"0 {end} * * *"),
    )
    return [annotated(scaling, ZONE) for scaling in schedules]


# Reading


def _read(path: Path) -> Requests:
    table = _table_of(path)
    if not len(table):
        raise TraceError(f"{path}: there is no request in it")
    created = table["gmt_create"]
    lasts = table["exec_time_seconds"].to_numpy()
    status = table["predict_status"].fill_null("").to_pylist()
    years = created.to_numpy().astype("datetime64[Y]").astype(np.int64) + 1970  # far off where there is no time
    years_wanted = f"a date and time of the years {FIRST_YEAR} to {LAST_YEAR}"
    _refuse_rows(path, (years < FIRST_YEAR) | (years > LAST_YEAR), "gmt_create", years_wanted)
    ran = np.array([s not in NOT_STARTED and s != NOT_ENDED for s in status])
    good = np.isfinite(lasts) & (lasts >= 0) & (lasts <= LONGEST_SECONDS)
    _refuse_rows(path, ran & ~good, "exec_time_seconds", "seconds, 0 or more")
    return Requests(
        created.cast(pa.int64()).to_numpy(),
        np.rint(np.where(ran & good, lasts, 0) * SECOND_US).astype(np.int64),
        table["predict_type"].fill_null("").to_pylist(),
        status,
        table["groupId"].fill_null("").to_pylist(),
    )


def _table_of(path: Path) -> pa.Table:
    """The needed columns, typed. One thread, as only then does pyarrow name the row of a bad value."""
    try:
        data = pa.py_buffer(path.read_bytes())
        with pa.csv.open_csv(pa.BufferReader(data)) as reader:
            _check_columns(path, reader.schema.names)
        options = pa.csv.ConvertOptions(column_types=COLUMNS, include_columns=list(COLUMNS))
        return pa.csv.read_csv(pa.BufferReader(data), pa.csv.ReadOptions(use_threads=False), convert_options=options)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or shorten(str(error))}") from None
    except pa.ArrowException as error:
        raise TraceError(f"{path}: is no trace in CSV: {shorten(str(error), 200)}") from None


def _check_columns(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        what = f"of the columns of a trace, these are missing or repeated: {', '.join(missing)}"
        raise TraceError(f"{path}: {what}; the file has {shorten(', '.join(names), 200)}")


def _refuse_rows(path: Path, wrong: np.ndarray, column: str, wanted: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 1
        raise TraceError(f"{path}: {column} of request {row} (the header not counted) must be {wanted}")


# Events


def _events(requests: Requests, counts: dict[str, Steps]) -> pa.Table:
    nodes = _nodes(requests, counts)
    events: list[_Event] = []
    rows = zip(*requests, nodes, strict=True)
    for i, (created_us, lasts_us, service, status, user, node) in enumerate(rows, 1):
        begun_us, over_us = int(created_us), int(created_us + lasts_us)
        if status in NOT_STARTED:
            events.append(_Event(begun_us, 0, i, service, NOT_STARTED[status], None, user))
            continue
        events.append(_Event(begun_us, 0, i, service, "running", node, user))
        if status != NOT_ENDED:
            events.append(_Event(over_us, 1, i, service, ENDS.get(status, status), node, user))
    events.sort()
    return _table(events)


def _nodes(requests: Requests, counts: dict[str, Steps]) -> list[str]:
    """The node of each request: in the order of creation, the first scheduled one that is free, or is so soonest."""
    base, peak = (counts[pool].at(requests.created_us) for pool in (BASE, PEAK))
    names = [f"{BASE}-{i + 1}" for i in range(BASE_NODES)] + [f"{PEAK}-{i + 1}" for i in range(PEAK_NODES)]
    free_us = [0] * len(names)
    chosen = [""] * len(base)
    for row in np.argsort(requests.created_us, kind="stable").tolist():
        begun_us, scheduled = int(requests.created_us[row]), int(base[row] + peak[row])
        free = [max(begun_us, until_us) for until_us in free_us[:scheduled]]
        node = free.index(min(free))
        free_us[node] = max(free_us[node], begun_us + int(requests.lasts_us[row]))
        chosen[row] = names[node]
    return chosen


def _table(events: Sequence[_Event]) -> pa.Table:
    ts_us, _, task_id, service, status, node, user = zip(*events, strict=True)
    return pa.table(
        {
            "event_id": np.arange(1, len(events) + 1),
            "task_id": pa.array(task_id, pa.int64()),
            "service_name": pa.array(service, pa.string()),
            "status": pa.array(status, pa.string()),
            "creation_ts": pa.array(ts_us, pa.int64()).cast(pa.timestamp("us")),
            "node_id": pa.array(node, pa.string()),
            "metainfo": pa.array([name and f'{{"node_name": "{name}"}}' for name in node], pa.string()),
            "user_id": pa.array(user, pa.string()),
        }
    )
