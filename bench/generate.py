"""Makes a task_history: deterministic for a seed and a number of tasks, in chunks, so that memory stays small.

The table is append only: rows are in the order of creation_ts, event_id counts up. 77 % of the tasks are plain
(new, running, ended); the rest are what real tables hold: waiting, retries, put-backs, double running events, ties,
rows delivered twice, tasks that never ran, were lost or are still open, and metainfo of every odd kind.

    python bench/generate.py --tasks 1000000 --out tasks.parquet
    python bench/generate.py --events tasks.parquet --postgres postgresql://127.0.0.1:5433/bench
"""

from __future__ import annotations

import argparse
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from scenario import DAY_US, END_US, HOUR_US, SECOND_US, START_US, default_dir

CHUNK_TASKS = 250_000
ROW_GROUP = 122_880
LEAD_US = 6 * HOUR_US  # tasks from shortly before the period reach into it
Ints = np.ndarray[Any, np.dtype[np.int64]]

SCHEMA = pa.schema(
    [
        ("event_id", pa.int64()),
        ("task_id", pa.int64()),
        ("service_name", pa.string()),
        ("status", pa.string()),
        ("creation_ts", pa.timestamp("us", tz="UTC")),
        ("node_id", pa.string()),
        ("metainfo", pa.string()),
    ]
)

SERVICES = [
    "text2img", "img2img", "upscale", "face_swap", "lora-train", "video-gen", "vidéo-interp", "inpaint",
    "captioning", "tts", "api-llm", "background-removal", None, "",
]  # fmt: skip
SERVICE_WEIGHTS = [24, 15, 11, 9, 3, 6, 2, 9, 7, 6, 5, 2.7, 0.2, 0.1]
SERVICE_SECONDS = [35, 30, 18, 45, 1500, 420, 300, 28, 9, 14, 60, 12, 30, 30]  # median of a run
SERVICE_A100 = [0.6, 0.5, 0.1, 0.4, 1.0, 0.9, 0.9, 0.3, 0.05, 0.05, 0.7, 0.1, 0.5, 0.5]  # share on A100 nodes

NODES = (
    [f"gke-prod-gpu-a100-7f3c-{i:02d}" for i in range(16)]
    + ["GKE-BATCH-A100-00", "GKE-BATCH-A100-01"]
    + [f"gke-prod-gpu-l4-52d0-{i:02d}" for i in range(18)]
    + [f"gke-prod-gpu-t4-9e1b-{i:02d}" for i in range(4)]
)
POOL_FIRST, POOL_SIZE = np.array([0, 18, 36]), np.array([18, 18, 4])  # a100, l4, neither
NODE_IDS = [f"i-{1103515245 * (i + 7) % 2**32:08x}" for i in range(len(NODES))]

RUN, NEW, WAIT, PEND, DONE, FAIL, UNKNOWN = range(7)  # what a script says; FAIL is drawn from FAILED_AS
STATUSES = [
    "running", "new", "waiting", "pending", "done", "error", "paused", "error_cuda", "error_node", "error_params",
    "error_exec_timeout", "execution_timeout", "canceled", "cancelled", "Running",
]  # fmt: skip
FAILED_AS = np.array([5, 5, 5, 5, 7, 7, 8, 9, 10, 11, 12, 13])
QUEUE, WORK, BACKOFF, TINY, NONE = range(5)  # the gap before an event

Script = list[tuple[int, int]]
START: Script = [(NEW, NONE), (RUN, QUEUE)]
SCRIPTS: list[tuple[float, Script]] = [
    (68.5, [*START, (DONE, WORK)]),
    (8.5, [*START, (FAIL, WORK)]),
    (3.5, [(NEW, NONE), (WAIT, TINY), (RUN, QUEUE), (DONE, WORK)]),
    (1.5, [(NEW, NONE), (PEND, TINY), (WAIT, QUEUE), (RUN, QUEUE), (FAIL, WORK)]),
    (4.2, [*START, (FAIL, WORK), (RUN, BACKOFF), (DONE, WORK)]),
    (1.2, [*START, (FAIL, WORK), (RUN, BACKOFF), (FAIL, WORK), (RUN, BACKOFF), (DONE, WORK)]),
    (2.2, [*START, (WAIT, WORK), (RUN, QUEUE), (DONE, WORK)]),
    (0.5, [*START, (NEW, WORK), (PEND, TINY), (RUN, QUEUE), (FAIL, WORK)]),
    (1.6, [(NEW, NONE), (FAIL, QUEUE)]),
    (0.7, [(NEW, NONE)]),
    (0.9, START),
    (2.4, [*START, (RUN, TINY), (DONE, WORK)]),
    (0.3, [*START, (RUN, WORK), (RUN, WORK)]),
    (0.2, [*START, (UNKNOWN, WORK), (RUN, QUEUE), (DONE, WORK)]),
    (0.1, [*START, (UNKNOWN, WORK)]),
    (0.4, [(NEW, NONE), (RUN, NONE), (DONE, WORK)]),
    (0.3, [*START, (DONE, NONE)]),
    (0.2, [(RUN, NONE), (FAIL, WORK), (DONE, TINY)]),
    (0.2, [(RUN, NONE), (DONE, WORK), (WAIT, TINY)]),
    (0.2, [(DONE, NONE), (RUN, QUEUE), (DONE, WORK)]),
]

#: Metainfo of running events that is not what one hopes for; {} is a node name.
ODD = [
    None, None, None, "", "not json", "[]", "null", '"gke-a100"', '{"gpu": 1}', '{"node_name": null}',
    '{"node_name": ""}', '{"node_name": 17}', '{"node_name": ["gke-a100"]}', '{"node_name": "gke-a100',
    '{"spec": {"node_name": "gke-a100"}}', '{"node_name": "gke\\u002dprod-gpu-a100-7f3c-00"}',
    '{"node_name": "quoted \\"l4\\""}', ' { "gpu" : 2 , "node_name" : "gke-prod-gpu-l4-52d0-03" } ',
]  # fmt: skip


class Events(NamedTuple):
    """Columns of events before they become text: status, service, node (-1: none) and odd are codes."""

    task: Ints
    status: Ints
    ts: Ints
    service: Ints
    node: Ints
    odd: Ints

    def take(self, index: Any) -> Events:
        """The rows at `index`, or those where it is true."""
        return Events(*(column[index] for column in self))


def creation_quantiles() -> tuple[Ints, Ints]:
    """Hour edges and the share of tasks created before each: busier by day and on weekdays."""
    edges = np.arange(START_US - LEAD_US, END_US + 1, HOUR_US)
    hour = edges[:-1] // HOUR_US
    weekday = (edges[:-1] // DAY_US + 3) % 7
    weight = (1.0 + 0.8 * np.sin((hour % 24 - 8) / 24 * 2 * np.pi)) * np.where(weekday < 5, 1.0, 0.45)
    return edges, np.concatenate([[0.0], np.cumsum(weight) / weight.sum()])


def draw_gaps(rng: np.random.Generator, gap: Ints, median_s: Ints) -> Ints:
    """Microseconds before each event. One back-off in twenty is longer than a day."""
    n = len(gap)
    normal = rng.standard_normal(n)
    work = median_s * np.exp(0.9 * normal)
    queue = 12.0 * np.exp(1.2 * normal)
    backoff = np.where(rng.random(n) < 0.05, 90_000.0 + 9_000 * np.abs(normal), 60.0 * np.exp(0.7 * normal))
    seconds = np.choose(gap, [queue, work, backoff, 0.4 * np.exp(normal), np.zeros(n)])
    return (seconds * SECOND_US).astype(np.int64)


def draw_tasks(rng: np.random.Generator, first: int, count: int, total: int) -> Events:
    """The events of tasks first .. first + count - 1, task by task, each in its own order."""
    edges, share = creation_quantiles()
    created = np.interp(np.sort(rng.random(count)) * (count / total) + first / total, share, edges).astype(np.int64)
    created = np.where(rng.random(count) < 0.01, created // SECOND_US * SECOND_US, created)
    weights = np.array([w for w, _ in SCRIPTS])
    kind = rng.choice(len(SCRIPTS), count, p=weights / weights.sum())
    length = np.array([len(s) for _, s in SCRIPTS])[kind]
    offsets = np.cumsum(length) - length
    row = np.repeat(np.arange(count), length)
    slot = np.arange(len(row)) - offsets[row]
    table = np.zeros((len(SCRIPTS), 8, 2), np.int64)
    for k, (_, script) in enumerate(SCRIPTS):
        table[k, : len(script)] = script
    said, gap = table[kind[row], slot].T
    service = rng.choice(len(SERVICES), count, p=np.array(SERVICE_WEIGHTS) / sum(SERVICE_WEIGHTS))
    waits = draw_gaps(rng, gap, np.array(SERVICE_SECONDS, float)[service[row]])
    waits[offsets] = created
    so_far = np.cumsum(waits)
    ts = so_far - (so_far - waits)[offsets][row]
    return Events(row + first, draw_status(rng, said), ts, service[row], draw_nodes(rng, said, row, service), said * 0)


def draw_status(rng: np.random.Generator, said: Ints) -> Ints:
    """Codes into STATUSES; a failure gets one of its spellings, an unknown status is sometimes `Running`."""
    failed = FAILED_AS[rng.integers(0, len(FAILED_AS), len(said))]
    unknown = np.where(rng.random(len(said)) < 0.3, STATUSES.index("Running"), UNKNOWN)
    return np.where(said == FAIL, failed, np.where(said == UNKNOWN, unknown, said))


def draw_nodes(rng: np.random.Generator, said: Ints, row: Ints, service: Ints) -> Ints:
    """A node for every attempt, some nodes far busier than others; -1 for events that wait."""
    count = len(service)
    u = rng.random(count)
    pool = np.where(rng.random(count) < 0.015, 2, (rng.random(count) >= np.array(SERVICE_A100)[service]).astype(int))
    runs = np.cumsum(said == RUN)
    start = np.searchsorted(row, np.arange(count))
    before = (runs - (said == RUN))[start][row]
    place = (u[row] + 0.618 * (runs - before)) % 1.0
    node = POOL_FIRST[pool[row]] + (POOL_SIZE[pool[row]] * place**1.8).astype(np.int64)
    return np.where(np.isin(said, (NEW, WAIT, PEND)), -1, node)


def metainfo(events: Events) -> pa.Array:
    """JSON text: a shared beginning, a number of its own, a shared end."""
    heads: list[str | None] = [f'{{"user": {u}, "priority": 5, "trace": "' for u in range(16)]
    heads += [f'{{"node_name": "{n}", "gpu": {g}, "pod": "gen-' for n in NODES for g in range(4)]
    heads += [f'{{"exit_code": 0, "node_name": "{n}", "peak_mb": "' for n in NODES]
    heads += ODD
    first_odd = len(heads) - len(ODD)
    running = events.status == RUN
    code = np.where(running, 16 + 4 * events.node + events.task % 4, 16 + 4 * len(NODES) + events.node)
    code = np.where(events.node < 0, events.task % 16, code)
    odd = events.odd > 0
    code = np.where(odd, first_odd + events.odd - 1, code)
    text = pa.array(heads, pa.string()).take(pa.array(code))
    number = pc.cast(pa.array((events.task * 2654435761 + events.ts) % 10**9), pa.string())
    tail = pc.if_else(pa.array(odd), "", pc.binary_join_element_wise(number, '"}', ""))
    whole = pc.binary_join_element_wise(text, tail, "")
    return pc.if_else(pa.array((events.node < 0) & (events.task % 3 == 0) & ~odd), pa.scalar(None, pa.string()), whole)


def table_of(events: Events, first_id: int, rng: np.random.Generator) -> pa.Table:
    """Rows in time order with their ids; a few are delivered twice, of those a few with other contents."""
    n = len(events.task)
    odd = np.where((events.status == RUN) & (rng.random(n) < 0.015), rng.integers(1, len(ODD) + 1, n), 0)
    events = events._replace(odd=odd)
    times = 1 + (rng.random(n) < 0.002).astype(np.int64)
    source = np.repeat(np.arange(n), times)
    again = np.concatenate([[False], source[1:] == source[:-1]])
    other = again & (rng.random(len(source)) < 0.2) & (source + first_id < 65_536)
    events = events.take(source)
    events = events._replace(
        ts=np.where(other & (source % 2 == 0), np.minimum(events.ts + SECOND_US, END_US - 1), events.ts),
        odd=np.where(other & (source % 2 == 1), 9, events.odd),
    )
    lost_id = (rng.random(len(source)) < 0.02) | (events.node < 0) | (again & other)
    node = pa.array(np.where(lost_id, 0, events.node), mask=lost_id)
    columns = [
        pa.array(source + first_id),
        pa.array(events.task + 1),
        pa.array(SERVICES, pa.string()).take(pa.array(events.service)),
        pa.array(STATUSES, pa.string()).take(pa.array(events.status)),
        pa.array(events.ts).cast(pa.timestamp("us", tz="UTC")),
        pa.array(NODE_IDS, pa.string()).take(node),
        metainfo(events),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def tables(tasks: int, seed: int) -> Iterator[pa.Table]:
    """The whole table in order, piece by piece: a piece ends where the next chunk's tasks begin."""
    edges, share = creation_quantiles()
    rest: list[Events] = []
    next_id = 1
    for first in range(0, tasks, CHUNK_TASKS):
        count = min(CHUNK_TASKS, tasks - first)
        rng = np.random.default_rng([seed, first])
        events = Events(*map(np.concatenate, zip(*rest, draw_tasks(rng, first, count, tasks), strict=True)))
        until = int(np.interp((first + count) / tasks, share, edges)) if first + count < tasks else END_US
        rest = [events.take((events.ts >= until) & (events.ts < END_US))]
        events = events.take(events.ts < until)
        events = events.take(np.argsort(events.ts, kind="stable"))
        yield table_of(events, next_id, rng)
        next_id += len(events.task)


def write_parquet(pieces: Iterator[pa.Table], path: Path) -> int:
    """Writes even row groups; returns the number of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, rest = 0, SCHEMA.empty_table()
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for piece in pieces:
            rows += len(piece)
            table = pa.concat_tables([rest, piece])
            whole = len(table) - len(table) % ROW_GROUP
            writer.write_table(table.slice(0, whole), row_group_size=ROW_GROUP)
            rest = table.slice(whole)
        writer.write_table(rest)
    return rows


def write_sqlite(events: Path, path: Path) -> None:
    """A table task_history with an index on creation_ts; times are ISO 8601 text with microseconds."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE task_history (event_id INTEGER, task_id INTEGER, service_name TEXT,"
            " status TEXT, creation_ts TEXT, node_id TEXT, metainfo TEXT)"
        )
        for batch in pq.ParquetFile(events).iter_batches(ROW_GROUP):
            text = pc.strftime(batch["creation_ts"], "%Y-%m-%d %H:%M:%S+00:00")
            columns = [c.to_pylist() for c in batch.set_column(4, "creation_ts", text).columns]
            db.executemany("INSERT INTO task_history VALUES (?,?,?,?,?,?,?)", zip(*columns, strict=True))
        db.execute("CREATE INDEX task_history_creation_ts ON task_history (creation_ts)")
        db.commit()


def write_postgres(events: Path, url: str) -> None:
    """A table task_history, filled by COPY, with a BRIN index on creation_ts. No primary key: rows may repeat."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DROP TABLE IF EXISTS task_history")
        db.execute(
            "CREATE TABLE task_history (event_id bigint, task_id bigint, service_name text, status text,"
            " creation_ts timestamptz, node_id text, metainfo text)"
        )
        with db.cursor().copy("COPY task_history FROM STDIN (FORMAT csv)") as copy:
            for batch in pq.ParquetFile(events).iter_batches(ROW_GROUP):
                text = io.BytesIO()
                pyarrow.csv.write_csv(batch, text, pyarrow.csv.WriteOptions(include_header=False))
                copy.write(text.getvalue())
        db.execute("CREATE INDEX task_history_creation_ts ON task_history USING brin (creation_ts)")
        db.execute("VACUUM ANALYZE task_history")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="the Parquet file to make (default: in the temporary folder)")
    parser.add_argument("--events", type=Path, help="do not make events: copy this file to --sqlite, --postgres")
    parser.add_argument("--sqlite", type=Path, help="also write this SQLite file")
    parser.add_argument("--postgres", metavar="URL", help="also fill task_history of this PostgreSQL database")
    args = parser.parse_args()
    path = args.events or args.out or default_dir() / f"tasks-{args.tasks}.parquet"
    if not args.events:
        rows = write_parquet(tables(args.tasks, args.seed), path)
        print(f"{path}: {args.tasks} tasks, {rows} events")
    if args.sqlite:
        write_sqlite(path, args.sqlite)
    if args.postgres:
        write_postgres(path, args.postgres)


if __name__ == "__main__":
    main()
