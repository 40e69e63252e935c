"""One READ ONLY statement inside PostgreSQL; only the rollup comes back.

PostgreSQL 15 cannot try a cast, so a regular expression admits JSON (objects and arrays up to four deep) to the cast.

    python bench/rivals/postgres_pushdown.py --postgres postgresql://127.0.0.1:5433/bench
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import psycopg

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
)

UNKNOWN_STATUS, LOST, NEVER_RAN, SUSPECT = 4, 5, 6, 7  # further codes beside those of outcomes
K_RUN = 1
BYTES = 'COLLATE "C"'


def json_pattern(depth: int) -> str:
    """A regular expression of JSON values, without the escapes that PostgreSQL's text cannot hold."""
    string = r'"(?:[^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4})*"'
    value = rf"(?:{string}|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)"
    scalar, space = value, r"[ \t\n\r]*"
    for _ in range(depth):
        pair = f"{space}{string}{space}:{space}{value}{space}"
        items = f"{space}{value}{space}"
        many = rf"\[(?:{items}(?:,{items})*|{space})\]"
        value = rf"(?:{scalar}|\{{(?:{pair}(?:,{pair})*|{space})\}}|{many})"
    return f"^{space}{value}{space}$"


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def among(values: tuple[str, ...]) -> str:
    """A list of SQL strings."""
    return ", ".join(map(literal, values))


NODE_KEY = """CASE WHEN name <> '' THEN 'n' || name WHEN node_id <> '' THEN 'i' || node_id ELSE 't' || task_id END"""
# the long pattern costs 0.4 ms a row, the plain one a few microseconds
PLAIN_PAIR = r'"[^"\\\x01-\x1f]*" ?: ?(?:"[^"\\\x01-\x1f]*"|-?(?:0|[1-9][0-9]*)|true|false|null)'
PLAIN = rf"^\{{{PLAIN_PAIR}(?:, ?{PLAIN_PAIR})*\}}$"
FOUND = f"""CASE WHEN status = '{RUNNING}' THEN CASE WHEN metainfo ~ {literal(PLAIN)} THEN metainfo::json -> 'node_name'
    WHEN metainfo ~ {literal(json_pattern(4))} THEN metainfo::json -> 'node_name' END END"""
NODE_NAME = "CASE WHEN found::text LIKE '\"%' THEN found #>> '{}' END"
NODE_TYPE = (
    "CASE WHEN node NOT LIKE 'n%' THEN 2"
    + "".join(f" WHEN lower(node) LIKE '{g.replace('*', '%')}' THEN {TYPES.index(t)}" for t, g in TYPE_GLOBS.items())
    + " ELSE 2 END"
)


def slim(rows: str) -> str:
    """Events as numbers; service and node of running ones only."""
    return f"""
        SELECT task_id, event_id, us, k, CASE WHEN k = {K_RUN} THEN coalesce(nullif(service_name, ''),
                '{UNKNOWN_SERVICE}') END AS service,
            CASE WHEN k = {K_RUN} THEN {NODE_KEY} END AS node
        FROM (
            SELECT task_id, event_id, (extract(epoch FROM creation_ts) * {SECOND_US})::bigint AS us, service_name,
                node_id, {NODE_NAME} AS name,
                CASE WHEN status = '{RUNNING}' THEN {K_RUN} WHEN status IN ({among(WAITING)}) THEN 0
                    WHEN status IN ({among(FAILURE)}) THEN 2 WHEN status IN ({among(SUCCESS)}) THEN 3 ELSE 4 END AS k
            FROM (SELECT *, {FOUND} AS found FROM ({rows}) AS row OFFSET 0) AS parsed) AS event"""


def attempts(events: str) -> str:
    """Sort and shift; see the DuckDB rival."""
    return f"""
        SELECT task_id, us AS s, service, node, suspect,
            CASE WHEN NOT starts THEN CASE WHEN suspect THEN {SUSPECT} ELSE {NEVER_RAN} END
                WHEN next_task = task_id AND next_k <> {K_RUN} THEN
                    (ARRAY[{INTERRUPTED}, -1, {FAILED}, {SUCCEEDED}, {UNKNOWN_STATUS}])[next_k + 1]
                WHEN {NOW_US} - CASE WHEN next_task = task_id THEN next_us ELSE us END >= {STALE_US} THEN {LOST}
                ELSE {OPEN} END AS outcome,
            CASE WHEN next_task = task_id AND next_k <> {K_RUN} THEN next_us ELSE {NOW_US} END AS e,
            before_task = task_id AND us - before_us <= {STALE_US} AS retry
        FROM (
            SELECT *, lag(task_id, 1, -1::bigint) OVER o AS before_task, lag(us) OVER o AS before_us,
                lead(task_id, 1, -1::bigint) OVER o AS next_task, lead(us) OVER o AS next_us, lead(k) OVER o AS next_k
            FROM (
                SELECT *, k = {K_RUN} AND (pt <> task_id OR pk <> {K_RUN}) AS starts,
                    pt = task_id AND event_id <= pe AS suspect
                FROM (
                    SELECT *, lag(task_id, 1, -1::bigint) OVER o AS pt, lag(k, 1, 0) OVER o AS pk,
                        lag(event_id, 1, -1::bigint) OVER o AS pe, lead(task_id, 1, -1::bigint) OVER o AS nt
                    FROM {events} WINDOW o AS (ORDER BY task_id, us, event_id)) AS all_events
                WHERE (k = {K_RUN}) <> (pt = task_id AND pk = {K_RUN}) OR nt <> task_id
                    OR (pt = task_id AND event_id <= pe)) AS edge
            WINDOW o AS (ORDER BY task_id, us, event_id)) AS shifted
        WHERE starts OR suspect OR before_task <> task_id"""


def by_hour(intervals: str, keys: str, extra: str) -> str:
    """Sums by keys and (first hour, last hour), then by hour; the end counts in the last hour."""
    return f"""
        SELECT {keys}, hour, sum(CASE WHEN hour = h1 THEN e ELSE n * {HOUR_US} END
                - CASE WHEN hour = h0 THEN s ELSE 0 END)::bigint AS us,
            sum(CASE WHEN hour = h1 THEN n ELSE 0 END)::bigint AS ended,
            sum(CASE WHEN hour = h1 THEN retries ELSE 0 END)::bigint AS retries
        FROM (
            SELECT {keys}, h0, h1, count(*) AS n, {extra} AS retries, sum(s - h0 * {HOUR_US}) AS s,
                sum(e - h1 * {HOUR_US}) AS e
            FROM (SELECT *, s / {HOUR_US} AS h0, greatest((e - 1) / {HOUR_US}, s / {HOUR_US}) AS h1
                FROM {intervals}) AS i
            GROUP BY {keys}, h0, h1) AS cell
        CROSS JOIN LATERAL generate_series(h0, h1) AS hour
        GROUP BY {keys}, hour"""


def statement() -> str:
    """The whole reduction."""
    until = f"creation_ts <= to_timestamp({NOW_US // SECOND_US})"
    order = ", ".join(
        ["creation_ts", *(f"coalesce({c}, '') {BYTES}" for c in ("status", "service_name", "node_id", "metainfo"))]
    )
    first = f"""SELECT DISTINCT ON (task_id, event_id) * FROM task_history
        WHERE {until} AND task_id IN (SELECT task_id FROM suspect) ORDER BY task_id, event_id, {order}"""
    return f"""
        WITH event AS ({slim(f"SELECT * FROM task_history WHERE {until}")}),
        attempt AS MATERIALIZED ({attempts("event")}),
        suspect AS MATERIALIZED (SELECT DISTINCT task_id FROM attempt WHERE suspect),
        once AS ({slim(first)}),
        touching AS MATERIALIZED (
            SELECT task_id, greatest(s - {START_US}, 0) AS s, e - {START_US} AS e, service, node, outcome, retry,
                {NODE_TYPE} AS type
            FROM (SELECT * FROM attempt WHERE task_id NOT IN (SELECT task_id FROM suspect)
                UNION ALL SELECT * FROM ({attempts("once")}) AS again) AS found
            WHERE CASE WHEN outcome = {NEVER_RAN} THEN s >= {START_US} AND s < {NOW_US}
                ELSE s < {NOW_US} AND (e > {START_US} OR (s = e AND s >= {START_US})) END),
        charged AS (SELECT * FROM touching WHERE outcome < {UNKNOWN_STATUS}),
        part AS (
            SELECT type, greatest(s, reached) AS s, e FROM (
                SELECT type, s, e, coalesce(max(e) OVER (PARTITION BY node ORDER BY s
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS reached
                FROM charged WHERE s < e) AS ordered
            WHERE e > reached)
        SELECT 'cell' AS what, type, service, outcome, hour, us, ended, retries
            FROM ({by_hour("charged", "type, service, outcome", "count(*) FILTER (WHERE retry)")}) AS c
        UNION ALL SELECT 'busy', type, NULL, NULL, hour, us, NULL, NULL FROM ({by_hour("part", "type", "0")}) AS b
        UNION ALL SELECT 'tally', NULL, service, outcome, NULL, count(*), NULL, NULL FROM touching
            GROUP BY service, outcome"""


def reduce(args: argparse.Namespace) -> Rollup:
    """Runs the statement and sorts its rows into the columns of the rollup."""
    with psycopg.connect(args.postgres) as db:
        db.read_only = True
        db.execute(f"SET LOCAL work_mem = '{args.work_mem}'")
        db.execute("SET LOCAL jit = off")
        if args.explain:
            plan = db.execute("EXPLAIN (ANALYZE, BUFFERS) " + statement()).fetchall()
            sys.exit("\n".join(line for (line,) in plan))
        rows = db.execute(statement()).fetchall()
    cells = [r[1:] for r in rows if r[0] == "cell"]
    busy = np.array([(r[4], r[1], r[5]) for r in rows if r[0] == "busy"], np.int64).reshape(-1, 3)
    tally = [(r[3], r[2], r[5]) for r in rows if r[0] == "tally"]
    services = sorted({s for _, s, _ in tally if s})
    code = {s: i for i, s in enumerate(services)}
    table = np.array([(h, t, code[s], o, us, n, r) for t, s, o, h, us, n, r in cells], np.int64).reshape(-1, 7)
    table[table[:, 3] == OPEN, 5:] = 0
    total = [sum(n for o, _, n in tally if o == c) for c in range(SUSPECT)]
    return Rollup(
        services,
        *table.T,
        *busy.T,
        charged=sum(total[:UNKNOWN_STATUS]),
        never_ran=total[NEVER_RAN],
        open_attempts={code[s]: n for o, s, n in tally if o == OPEN},
        skipped={"UnknownStatus": total[UNKNOWN_STATUS], "Lost": total[LOST]},
    )


def options() -> argparse.ArgumentParser:
    """Command line."""
    made = parser(__doc__)
    made.add_argument("--postgres", required=True, metavar="URL", help="a database that generate.py filled")
    made.add_argument("--work-mem", default="256MB")
    made.add_argument("--explain", action="store_true", help="print the plan with its times instead")
    return made


if __name__ == "__main__":
    run(options().parse_args(), reduce)
