"""The best DuckDB by hand: integer codes, ranges of task_id, one sort, streaming windows, hours expanded last.

1. Services become codes by position in a list; nodes by a dictionary that a sample starts and each range completes.
2. `--way sort` (fastest): a range's events are sorted once by (task_id, time, event_id); lag and lead OVER () then
   stream over the sorted rows, which costs a tenth of the sort. Only boundary rows survive to the second round.
   `--way hash`: tasks with one attempt by hash aggregation (strict inequalities, and fingerprints of event ids that
   prove them distinct; whatever fails goes the other way), all others as above.
3. A task whose event ids do not rise with time may hold a row twice: it is done again after removing repeats. Rows
   that share an event id and a time but differ are read again from the source, all columns, to find the first.
4. Attempts are summed by (first hour, last hour) and expanded to hours afterwards.
5. Busy time: one sort of (node, start) packed into a BIGINT; a running maximum of packed ends needs no partition,
   because a later node's ends are larger than all of an earlier one's.

Two workers take ranges in turn, so that one's serial streaming overlaps with the other's parallel scan.
"""

from __future__ import annotations

import argparse
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from figures import Rollup, parser, run
from scenario import (
    FAILED,
    FAILURE,
    HOUR_US,
    INTERRUPTED,
    NOW_US,
    OPEN,
    RUNNING,
    SECOND_US,
    STALE_US,
    START_US,
    SUCCEEDED,
    SUCCESS,
    TYPE_GLOBS,
    TYPES,
    UNKNOWN_SERVICE,
    WAITING,
    default_dir,
)

UNKNOWN_STATUS, LOST, NEVER_RAN, SUSPECT = 4, 5, 6, 7  # further codes beside those of outcomes
K_WAIT, K_RUN, K_FAIL, K_DONE, K_OTHER = range(5)  # classes of events
TASKS_PER_RANGE = 500_000
LOW = 44  # bits of a packed instant, in microseconds from the start: half a year


def quoted(values: tuple[str, ...] | list[str]) -> str:
    """A list of SQL literals."""
    return ", ".join("'" + v.replace("'", "''") + "'" for v in values)


EVENT_CLASS = f"""(CASE WHEN status IN ({quoted(WAITING)}) THEN {K_WAIT}
    WHEN status IN ({quoted(SUCCESS)}) THEN {K_DONE}
    WHEN status IN ({quoted(FAILURE)}) THEN {K_FAIL} WHEN status = '{RUNNING}' THEN {K_RUN}
    ELSE {K_OTHER} END)::UTINYINT"""
ENDED_AS = (
    f"CASE %s WHEN {K_WAIT} THEN {INTERRUPTED} WHEN {K_FAIL} THEN {FAILED} WHEN {K_DONE} THEN {SUCCEEDED}"
    f" ELSE {UNKNOWN_STATUS} END"
)
# json text of a string starts with a quote; other keys get a letter in front, so namespaces stay apart
NODE_TEXT = "CASE WHEN json_valid(metainfo) THEN json_extract(metainfo, '$.node_name')::VARCHAR END"
NODE_KEY = """CASE WHEN name LIKE '"%' AND name <> '""' THEN name WHEN node_id <> '' THEN 'i' || node_id
    ELSE 't' || task_id END"""
NODE_TYPE = (
    "CASE WHEN key[1] <> '\"' THEN 2"
    + "".join(f" WHEN lower(key) LIKE '{g.replace('*', '%')}' THEN {TYPES.index(t)}" for t, g in TYPE_GLOBS.items())
    + " ELSE 2 END"
)


class Reduction:
    """One database in memory, filled range by range."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.way = args.way
        self.source = f"read_parquet('{args.events}')"
        self.db = duckdb.connect()
        spill = default_dir() / "spill"
        self.db.execute(
            f"SET threads = {args.threads}; SET preserve_insertion_order = false; SET temp_directory = '{spill}'"
        )
        if args.memory_limit:
            self.db.execute(f"SET memory_limit = '{args.memory_limit}'")
        self.lock = threading.Lock()
        self.prepare()

    def prepare(self) -> None:
        """Dictionaries and the tables that ranges add to."""
        names = [s for (s,) in self.db.execute(f"SELECT DISTINCT service_name FROM {self.source}").fetchall() if s]
        self.services = sorted({*names, UNKNOWN_SERVICE})
        unknown = self.services.index(UNKNOWN_SERVICE)
        self.service_code = f"coalesce(list_position([{quoted(self.services)}], service_name) - 1, {unknown})::UTINYINT"
        self.db.execute(f"""
            CREATE TABLE node (key VARCHAR, node INTEGER, type UTINYINT);
            INSERT INTO node SELECT key, row_number() OVER (), {NODE_TYPE}
            FROM (SELECT DISTINCT {NODE_KEY} AS key FROM (
                SELECT task_id, node_id, {NODE_TEXT} AS name
                FROM (SELECT * FROM {self.source} WHERE status = '{RUNNING}' LIMIT 20000)));
            CREATE TABLE busy (s BIGINT, e BIGINT);
            CREATE TABLE cell (type UTINYINT, service UTINYINT, outcome UTINYINT, h0 INTEGER, h1 INTEGER,
                n BIGINT, retries BIGINT, s BIGINT, e BIGINT);
            CREATE TABLE tally (service UTINYINT, outcome UTINYINT, n BIGINT)""")

    def ranges(self, count: int) -> list[str]:
        """Conditions on task_id; the file's statistics answer this."""
        found = self.db.execute(f"SELECT min(task_id), max(task_id) FROM {self.source}").fetchone()
        lo, hi = found if found and found[0] is not None else (0, 0)
        count = count or 1 + (hi - lo) // TASKS_PER_RANGE
        cuts = [lo + (hi + 1 - lo) * i // count for i in range(count + 1)]
        return [f"task_id >= {a} AND task_id < {b}" for a, b in pairwise(cuts)] if count > 1 else ["true"]

    def reduce_range(self, where: str) -> None:
        """Events of a range of tasks -> busy intervals, cells and tallies."""
        with self.db.cursor() as db:
            self.load(db, where)
            attempts = self.hash_first(db) if self.way == "hash" else self.streamed(db, "event", "attempt")
            attempts = self.without_repeats(db, attempts, where)
            self.sum_up(db, attempts)

    def load(self, db: duckdb.DuckDBPyConnection, where: str) -> None:
        """Slim events. Only running ones have service and node, and only theirs is metainfo parsed."""
        where = f"creation_ts <= to_timestamp({NOW_US // SECOND_US}) AND {where}"
        db.execute(f"""
            CREATE TEMP TABLE known AS
            SELECT task_id, event_id, us, service, node, CASE WHEN node IS NULL THEN key END AS key
            FROM (SELECT task_id, event_id, us, service, {NODE_KEY} AS key FROM (
                    SELECT task_id, event_id, epoch_us(creation_ts) AS us, {self.service_code} AS service, node_id,
                        {NODE_TEXT} AS name
                    FROM {self.source} WHERE {where} AND status = '{RUNNING}'))
            LEFT JOIN (SELECT key, node FROM node) USING (key);
            CREATE TEMP TABLE other AS SELECT task_id, event_id, epoch_us(creation_ts) AS us, {EVENT_CLASS} AS k
            FROM {self.source} WHERE {where} AND status <> '{RUNNING}'""")
        with self.lock:
            db.execute(f"""INSERT INTO node SELECT key, (SELECT count(*) FROM node) + row_number() OVER (), {NODE_TYPE}
                FROM (SELECT DISTINCT key FROM known WHERE key IS NOT NULL) ANTI JOIN node USING (key)""")
        db.execute(f"""
            CREATE TEMP TABLE late AS SELECT task_id, event_id, us, {K_RUN}::UTINYINT AS k, service, n.node
                FROM known JOIN node AS n USING (key);
            CREATE TEMP VIEW event AS
                SELECT task_id, event_id, us, {K_RUN}::UTINYINT AS k, service, node FROM known WHERE node IS NOT NULL
                UNION ALL FROM late UNION ALL SELECT *, NULL::UTINYINT, NULL::INTEGER FROM other""")

    def streamed(self, db: duckdb.DuckDBPyConnection, events: str, into: str) -> str:
        """Sort and shift. Boundary rows: an attempt's start, its end, a task's last row, an id that does not rise."""
        db.execute(f"""CREATE TEMP TABLE {into} AS
            SELECT task_id, us AS s, service, node,
                CASE WHEN NOT starts THEN CASE WHEN suspect THEN {SUSPECT} ELSE {NEVER_RAN} END
                    WHEN next_task = task_id AND next_k <> {K_RUN} THEN {ENDED_AS % "next_k"}
                    WHEN {NOW_US} - CASE WHEN next_task = task_id THEN next_us ELSE us END >= {STALE_US} THEN {LOST}
                    ELSE {OPEN} END::UTINYINT AS outcome,
                CASE WHEN next_task = task_id AND next_k <> {K_RUN} THEN next_us ELSE {NOW_US} END AS e,
                before_task = task_id AND us - before_us <= {STALE_US} AS retry, suspect
            FROM (
                SELECT *, lag(task_id, 1, -1) OVER () AS before_task, lag(us) OVER () AS before_us,
                    lead(task_id, 1, -1) OVER () AS next_task, lead(us) OVER () AS next_us, lead(k) OVER () AS next_k
                FROM (
                    SELECT *, k = {K_RUN} AND (pt <> task_id OR pk <> {K_RUN}) AS starts,
                        pt = task_id AND event_id <= pe AS suspect
                    FROM (
                        SELECT *, lag(task_id, 1, -1) OVER () AS pt, lag(k, 1, 0) OVER () AS pk,
                            lag(event_id) OVER () AS pe, lead(task_id, 1, -1) OVER () AS nt
                        FROM (FROM {events} ORDER BY task_id, us, event_id))
                    WHERE (k = {K_RUN}) <> (pt = task_id AND pk = {K_RUN}) OR nt <> task_id
                        OR (pt = task_id AND event_id <= pe)))
            WHERE starts OR suspect OR before_task <> task_id""")
        return f"SELECT task_id, s, service, node, outcome, e, retry, suspect FROM {into}"

    def hash_first(self, db: duckdb.DuckDBPyConnection) -> str:
        """One attempt at most and no doubt about the order: aggregates. The rest is sorted."""
        packed = "us * 256 + (hash(event_id) & 31)::BIGINT * 8 + k"
        db.execute(f"""
            CREATE TEMP TABLE task AS
            SELECT task_id, count(*) AS n, max(w) AS w, min(r) AS r, min(e) AS e, min(service) AS service,
                min(node) AS node
            FROM (SELECT task_id, service, node, CASE WHEN k = {K_WAIT} THEN p END AS w,
                    CASE WHEN k = {K_RUN} THEN p END AS r, CASE WHEN k > {K_RUN} THEN p END AS e
                FROM (SELECT *, {packed} AS p FROM event))
            GROUP BY task_id;
            CREATE TEMP TABLE slow AS SELECT task_id FROM task WHERE NOT coalesce(CASE WHEN r IS NOT NULL
                THEN n = 1 + (w IS NOT NULL)::INT + (e IS NOT NULL)::INT
                    AND (w IS NULL OR (w >> 8 < r >> 8 AND (w & 248) <> (r & 248)))
                    AND (e IS NULL OR (r >> 8 < e >> 8 AND (e & 248) <> (r & 248)))
                    AND (w IS NULL OR e IS NULL OR (w & 248) <> (e & 248))
                ELSE n = 1 OR (n = 2 AND (w & 248) <> (e & 248)) END, false);
            CREATE TEMP TABLE rest AS FROM event SEMI JOIN slow USING (task_id)""")
        return f"""{self.streamed(db, "rest", "attempt")} UNION ALL
            SELECT task_id, coalesce(r, greatest(w, e)) >> 8 AS s, service, node,
                CASE WHEN r IS NULL THEN {NEVER_RAN} WHEN e IS NOT NULL THEN {ENDED_AS % "e & 7"}
                    WHEN {NOW_US} - (r >> 8) >= {STALE_US} THEN {LOST} ELSE {OPEN} END::UTINYINT AS outcome,
                coalesce(e >> 8, {NOW_US}) AS e, false AS retry, false AS suspect
            FROM task ANTI JOIN slow USING (task_id)"""

    def without_repeats(self, db: duckdb.DuckDBPyConnection, attempts: str, where: str) -> str:
        """Suspect tasks again, each event id once: the first row by time, then by the bytes of all columns."""
        db.execute("""
            CREATE TEMP TABLE suspect AS SELECT DISTINCT task_id FROM attempt WHERE suspect;
            CREATE TEMP TABLE doubt AS SELECT event.* FROM event SEMI JOIN suspect USING (task_id)""")
        unclear = db.execute("""
            SELECT event_id FROM (SELECT *, min(us) OVER (PARTITION BY task_id, event_id) AS first FROM doubt)
            WHERE us = first GROUP BY task_id, event_id
            HAVING count(DISTINCT {'k': k, 's': service, 'n': node}) > 1""").fetchall()
        ids = ", ".join(str(i) for (i,) in unclear) or "NULL"
        db.execute(f"""CREATE TEMP TABLE once AS
            SELECT task_id, event_id, min(us) AS us, arg_min(k, us) AS k, arg_min(service, us) AS service,
                arg_min(node, us) AS node
            FROM doubt WHERE (event_id IN ({ids})) IS NOT TRUE GROUP BY task_id, event_id""")
        if unclear:
            db.execute(f"""INSERT INTO once
                SELECT task_id, event_id, us, k, service, node FROM (
                    SELECT task_id, event_id, epoch_us(creation_ts) AS us, {EVENT_CLASS} AS k,
                        {self.service_code} AS service, {NODE_KEY} AS key
                    FROM (SELECT *, {NODE_TEXT} AS name FROM {self.source} WHERE {where} AND event_id IN ({ids}))
                    QUALIFY row_number() OVER (PARTITION BY task_id, event_id
                        ORDER BY us, status, coalesce(service_name, ''), coalesce(node_id, ''), coalesce(metainfo, '')) = 1)
                LEFT JOIN node USING (key)""")
        again = self.streamed(db, "once", "again")
        return f"(FROM ({attempts}) ANTI JOIN suspect USING (task_id)) UNION ALL {again}"

    def sum_up(self, db: duckdb.DuckDBPyConnection, attempts: str) -> None:
        """Keeps what touches the period; instants now count from the start."""
        db.execute(f"""
            CREATE TEMP TABLE touching AS
            SELECT greatest(s - {START_US}, 0) AS s, e - {START_US} AS e, service, node, outcome, retry
            FROM ({attempts})
            WHERE CASE WHEN outcome = {NEVER_RAN} THEN s >= {START_US} AND s < {NOW_US}
                ELSE s < {NOW_US} AND (e > {START_US} OR (s = e AND s >= {START_US})) END;
            INSERT INTO tally SELECT service, outcome, count(*) FROM touching GROUP BY ALL;
            INSERT INTO cell
                SELECT type, service, outcome, h0, h1, count(*), count(CASE WHEN retry THEN 1 END),
                    sum(s - h0 * {HOUR_US}), sum(e - h1 * {HOUR_US})
                FROM (SELECT *, s // {HOUR_US} AS h0, greatest((e - 1) // {HOUR_US}, s // {HOUR_US}) AS h1
                    FROM touching WHERE outcome < {UNKNOWN_STATUS}) JOIN (SELECT node, type FROM node) USING (node)
                GROUP BY ALL;
            INSERT INTO busy SELECT (node::BIGINT << {LOW}) + s, (node::BIGINT << {LOW}) + e
                FROM touching WHERE outcome < {UNKNOWN_STATUS} AND s < e""")

    def finish(self) -> Rollup:
        """Union of intervals, hours, and the columns of the rollup."""
        self.db.execute(f"""
            CREATE TABLE busy_cell AS
            SELECT type, s // {HOUR_US} AS h0, (e - 1) // {HOUR_US} AS h1, count(*) AS n, sum(s % {HOUR_US}) AS s,
                sum(e - (e - 1) // {HOUR_US} * {HOUR_US}) AS e
            FROM (SELECT s >> {LOW} AS node, greatest(s, reached) & {(1 << LOW) - 1} AS s, e & {(1 << LOW) - 1} AS e
                FROM (SELECT s, e, lag(upto, 1, 0) OVER () AS reached
                    FROM (SELECT s, e, max(e) OVER (ROWS UNBOUNDED PRECEDING) AS upto FROM (FROM busy ORDER BY s)))
                WHERE e > reached)
            JOIN (SELECT node, type FROM node) USING (node) GROUP BY ALL""")
        cells = self.fetch(f"""
            SELECT h AS hour, type, service, outcome, sum(us)::BIGINT AS us,
                sum(CASE WHEN outcome <> {OPEN} THEN ended ELSE 0 END)::BIGINT AS ended,
                sum(CASE WHEN outcome <> {OPEN} THEN retried ELSE 0 END)::BIGINT AS retried
            FROM ({by_hour("cell", "type, service, outcome, retries")}) GROUP BY ALL""")
        used = by_hour("busy_cell", "type, 0 AS retries")
        busy = self.fetch(f"SELECT h AS hour, type, sum(us)::BIGINT AS us FROM ({used}) GROUP BY ALL")
        tally = self.db.execute("SELECT outcome, service, sum(n)::BIGINT FROM tally GROUP BY ALL").fetchall()
        total = [sum(n for o, _, n in tally if o == code) for code in range(SUSPECT)]
        return Rollup(
            self.services,
            *(cells[c] for c in ("hour", "type", "service", "outcome", "us", "ended", "retried")),
            *(busy[c] for c in ("hour", "type", "us")),
            charged=sum(total[:UNKNOWN_STATUS]),
            never_ran=total[NEVER_RAN],
            open_attempts={s: n for o, s, n in tally if o == OPEN},
            skipped={"UnknownStatus": total[UNKNOWN_STATUS], "Lost": total[LOST]},
        )

    def fetch(self, query: str) -> dict[str, Any]:
        """Columns as numpy arrays of int64."""
        return {k: v.astype("int64") for k, v in self.db.execute(query).fetchnumpy().items()}


def by_hour(table: str, keys: str) -> str:
    """Sums by (first hour, last hour) -> microseconds by hour; the end counts in the last hour."""
    names = ", ".join(k.split(" AS ")[-1] for k in keys.split(", "))
    return f"""
        SELECT {names}, h1 AS h, CASE WHEN h0 = h1 THEN e - s ELSE e END AS us, n AS ended, retries AS retried
            FROM (SELECT {keys}, h0, h1, n, s, e FROM {table})
        UNION ALL SELECT {names}, h0, n * {HOUR_US} - s, 0, 0
            FROM (SELECT {keys}, h0, h1, n, s FROM {table}) WHERE h1 > h0
        UNION ALL SELECT {names}, unnest(generate_series(h0 + 1, h1 - 1)), n * {HOUR_US}, 0, 0
            FROM (SELECT {keys}, h0, h1, n FROM {table}) WHERE h1 > h0 + 1"""


def reduce(args: argparse.Namespace) -> Rollup:
    """All ranges, by `--workers` at a time."""
    reduction = Reduction(args)
    ranges = reduction.ranges(args.ranges)
    with ThreadPoolExecutor(args.workers) as pool:
        list(pool.map(reduction.reduce_range, ranges))
    return reduction.finish()


def options() -> argparse.ArgumentParser:
    """Command line."""
    made = parser(__doc__)
    made.add_argument("--way", choices=["sort", "hash"], default="sort")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--workers", type=int, default=2, help="ranges at a time")
    made.add_argument("--ranges", type=int, default=0, help="of task_id; default: one for each 500,000 ids")
    made.add_argument("--memory-limit", help="DuckDB's, such as 512MB; the rest spills")
    return made


if __name__ == "__main__":
    run(options().parse_args(), reduce)
