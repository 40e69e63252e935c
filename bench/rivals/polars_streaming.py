"""Polars, streaming engine: sort by (task_id, time, event_id), shift, keep boundary rows, shift again."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import polars as pl

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
CLASS = {RUNNING: K_RUN} | dict.fromkeys(WAITING, 0) | dict.fromkeys(FAILURE, 2) | dict.fromkeys(SUCCESS, 3)
ENDED_AS = {0: INTERRUPTED, 2: FAILED, 3: SUCCEEDED, 4: UNKNOWN_STATUS}
LOW = 44
USUAL = '{"node_name": "'  # a text that starts so and is JSON holds a string
NODES = pl.Categorical(pl.Categories("gpucost-nodes"))


def col(name: str) -> pl.Expr:
    """A column."""
    return pl.col(name)


def string_at_node_name(text: str) -> str | None:
    """The rare spellings of metainfo, one by one."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    name = found.get("node_name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else None


def odd_names(running: pl.LazyFrame) -> dict[str, str | None]:
    """Names in texts that do not start as usual, by text; few texts, so plain Python."""
    odd = running.select("metainfo").filter(~col("metainfo").str.starts_with(USUAL)).unique()
    texts = odd.collect(engine="streaming").to_series()
    return {text: string_at_node_name(text) for text in texts}


def node_key(odd: dict[str, str | None]) -> pl.Expr:
    """The node of a running event as text; what is not a name starts with a control character."""
    text = col("metainfo")
    parsed = pl.when(text.str.starts_with(USUAL)).then(text).str.json_path_match("$.node_name")
    rare = text.replace_strict(list(odd), list(odd.values()), default=None, return_dtype=pl.String) if odd else None
    name = pl.coalesce(parsed, rare)
    by_id = pl.when(col("node_id") != "").then("\x01i" + col("node_id"))
    own = "\x01t" + col("task_id").cast(pl.String)
    return pl.when(name != "").then(name).otherwise(pl.coalesce(by_id, own)).cast(NODES)


def events(rows: pl.LazyFrame, services: list[str]) -> pl.LazyFrame:
    """Slim events; running ones with service and node."""
    rows = rows.filter(col("creation_ts").dt.epoch("us") <= NOW_US)
    running, other = rows.filter(col("status") == RUNNING), rows.filter(col("status") != RUNNING)
    ids = [col("task_id"), col("event_id"), col("creation_ts").dt.epoch("us").alias("us")]
    k = col("status").replace_strict(CLASS, default=4, return_dtype=pl.Int8).alias("k")
    service = pl.when(col("service_name") != "").then(col("service_name")).otherwise(pl.lit(UNKNOWN_SERVICE))
    code = service.cast(pl.Enum(services)).to_physical().cast(pl.Int8).alias("service")
    one = running.select(*ids, pl.lit(K_RUN, pl.Int8).alias("k"), code, node_key(odd_names(running)).alias("node"))
    two = other.select(*ids, k, pl.lit(None, pl.Int8).alias("service"), pl.lit(None, NODES).alias("node"))
    return pl.concat([one, two])


def attempts(ordered: pl.LazyFrame) -> pl.LazyFrame:
    """From sorted events: attempts, tasks that never ran, and rows whose event id does not rise."""
    new = (col("task_id") != col("task_id").shift(1)).fill_null(True)
    last = (col("task_id") != col("task_id").shift(-1)).fill_null(True)
    ran = ~col("new") & (col("k").shift(1) == K_RUN)
    run_now = col("k") == K_RUN
    flagged = ordered.with_columns(
        new.alias("new"), last.alias("last"), (col("event_id") <= col("event_id").shift(1)).alias("falls")
    ).with_columns(ran.alias("ran"), (~col("new") & col("falls")).alias("suspect"))
    edges = flagged.filter((run_now != col("ran")) | col("last") | col("suspect")).select(
        "task_id", "us", "k", "service", "node", "suspect", (run_now & ~col("ran")).alias("starts")
    )
    here = (col("task_id") == col("task_id").shift(-1)).fill_null(False)
    ended = here & (col("k").shift(-1) != K_RUN)
    seen = pl.when(here).then(col("us").shift(-1)).otherwise(col("us"))
    outcome = (
        pl.when(~col("starts")).then(pl.when(col("suspect")).then(SUSPECT).otherwise(NEVER_RAN))
        .when(ended).then(col("k").shift(-1).replace_strict(ENDED_AS, default=None, return_dtype=pl.Int32))
        .otherwise(pl.when(NOW_US - seen >= STALE_US).then(LOST).otherwise(OPEN))
    )  # fmt: skip
    first = (col("task_id") != col("task_id").shift(1)).fill_null(True)
    return edges.select(
        "task_id", "service", "node", "suspect",
        col("us").alias("s"),
        pl.when(ended).then(col("us").shift(-1)).otherwise(NOW_US).alias("e"),
        outcome.cast(pl.Int8).alias("outcome"),
        (~first & (col("us") - col("us").shift(1) <= STALE_US)).fill_null(False).alias("retry"),
        (col("starts") | col("suspect") | first).alias("keep"),
    ).filter(col("keep"))  # fmt: skip


def again(args: argparse.Namespace, services: list[str], suspects: pl.Series) -> pl.LazyFrame:
    """Attempts of tasks that may hold a row twice: the first row of each event id, by the bytes of all columns."""
    order = ["task_id", "creation_ts", "event_id", "status", "service_name", "node_id", "metainfo"]
    rows = pl.scan_parquet(args.events).filter(col("task_id").is_in(suspects.implode())).collect(engine="streaming")
    rows = rows.sort(order).unique(["task_id", "event_id"], keep="first")
    return attempts(events(rows.lazy(), services).sort("task_id", "us", "event_id"))


def by_hour(cells: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Sums by (first hour, last hour) -> microseconds by hour; the end counts in the last hour."""
    spans = col("h1") > col("h0")
    zero = pl.lit(0, pl.Int64)
    last = cells.select(
        *keys, col("h1").alias("hour"), pl.when(spans).then(col("e")).otherwise(col("e") - col("s")).alias("us"),
        "ended", "retries",
    )  # fmt: skip
    first = cells.filter(spans).select(
        *keys, col("h0").alias("hour"), (col("n") * HOUR_US - col("s")).alias("us"), zero.alias("ended"),
        zero.alias("retries"),
    )  # fmt: skip
    hours = pl.int_ranges(col("h0") + 1, col("h1")).alias("hour")
    middle = (
        cells.filter(col("h1") > col("h0") + 1)
        .with_columns(hours)
        .explode("hour")
        .select(*keys, "hour", (col("n") * HOUR_US).alias("us"), zero.alias("ended"), zero.alias("retries"))
    )
    return pl.concat([last, first, middle])


def cells_of(intervals: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    """Counts and offsets by keys and (first hour, last hour)."""
    h0 = col("s") // HOUR_US
    hours = intervals.with_columns(h0.alias("h0"), pl.max_horizontal((col("e") - 1) // HOUR_US, h0).alias("h1"))
    return hours.group_by(*keys, "h0", "h1").agg(
        pl.len().cast(pl.Int64).alias("n"),
        col("retry").sum().cast(pl.Int64).alias("retries"),
        (col("s") - col("h0") * HOUR_US).sum(),
        (col("e") - col("h1") * HOUR_US).sum(),
    )


def types_of(found: pl.DataFrame) -> pl.DataFrame:
    """Node, its number and its type."""
    nodes = found.select(col("node").unique()).drop_nulls()
    key = col("node").cast(pl.String)
    named = [
        (i, ~key.str.starts_with("\x01") & key.str.to_lowercase().str.contains(TYPE_GLOBS[t].strip("*"), literal=True))
        for i, t in enumerate(TYPES[:-1])
    ]
    kind = pl.when(named[0][1]).then(named[0][0]).when(named[1][1]).then(named[1][0]).otherwise(len(TYPES) - 1)
    return nodes.with_columns(kind.cast(pl.Int8).alias("type"), pl.int_range(pl.len(), dtype=pl.Int64).alias("number"))


def busy(charged: pl.LazyFrame) -> pl.DataFrame:
    """Union of the intervals of each node, by hour and type: a running maximum over (node, start)."""
    base = col("number") * 2**LOW
    packed = charged.filter(col("s") < col("e")).select("type", col("s") + base, col("e") + base)
    reached = col("e").cum_max().shift(1, fill_value=0)
    union = packed.sort("s").with_columns(reached.alias("reached")).filter(col("e") > col("reached")).select(
        "type", (pl.max_horizontal("s", "reached") % 2**LOW).alias("s"), (col("e") % 2**LOW).alias("e"),
        pl.lit(False).alias("retry"),
    )  # fmt: skip
    cells = cells_of(union, ["type"]).with_columns(col("n").alias("ended")).collect(engine="streaming")
    return by_hour(cells, ["type"])


def touching(found: pl.DataFrame) -> pl.DataFrame:
    """What touches the period; instants now count from the start."""
    s, e = col("s"), col("e")
    never = (s >= START_US) & (s < NOW_US)
    touches = (s < NOW_US) & ((e > START_US) | ((s == e) & (s >= START_US)))
    kept = found.filter(pl.when(col("outcome") == NEVER_RAN).then(never).otherwise(touches))
    return kept.with_columns((s - START_US).clip(lower_bound=0), e - START_US)


def reduce(args: argparse.Namespace) -> Rollup:
    """Two passes: all tasks, then those with repeated rows once more."""
    names = pl.scan_parquet(args.events).select(col("service_name").unique()).collect(engine="streaming").to_series()
    services = sorted({*(n for n in names if n), UNKNOWN_SERVICE})
    ordered = events(pl.scan_parquet(args.events), services).sort("task_id", "us", "event_id")
    found = attempts(ordered).collect(engine="streaming")
    suspects = found.filter(col("suspect"))["task_id"].unique()
    if len(suspects):
        more = again(args, services, suspects).collect(engine="streaming")
        found = pl.concat([found.filter(~col("task_id").is_in(suspects.implode())), more])
    found = touching(found)
    tally = found.group_by("outcome", "service").len().rows()
    total = [sum(n for o, _, n in tally if o == code) for code in range(SUSPECT)]
    charged = found.lazy().filter(col("outcome") < UNKNOWN_STATUS).join(types_of(found).lazy(), on="node")
    closed = col("outcome") != OPEN
    cells = cells_of(charged, ["type", "service", "outcome"]).collect(engine="streaming")
    cells = cells.with_columns((col("n") * closed).alias("ended"), col("retries") * closed)
    hours, used = by_hour(cells, ["type", "service", "outcome"]), busy(charged)
    return Rollup(
        services,
        *(hours[c].cast(pl.Int64).to_numpy() for c in ("hour", "type", "service", "outcome", "us", "ended", "retries")),
        *(used[c].cast(pl.Int64).to_numpy() for c in ("hour", "type", "us")),
        charged=sum(total[:UNKNOWN_STATUS]),
        never_ran=total[NEVER_RAN],
        open_attempts={s: n for o, s, n in tally if o == OPEN},
        skipped={"UnknownStatus": total[UNKNOWN_STATUS], "Lost": total[LOST]},
    )


if __name__ == "__main__":
    run(parser(__doc__).parse_args(), reduce)
