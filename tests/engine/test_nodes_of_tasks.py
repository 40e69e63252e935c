"""What metainfo says of a node, and what a report says where it can't tell the node's type (section 3)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from duckdb.sqltypes import VARCHAR
from hypothesis import given
from hypothesis import strategies as st

from casereport import events_of
from command import NOW, Ran, cron_job, gpucost, manifest, write
from examples import slow
from gpucost.computing import compute
from gpucost.engine.metainfo import UNREADABLE, read_node_name
from gpucost.engine.session import read_sql
from postgres import Postgres
from simulation.attempts import SKIPPED, Attempt, read_tasks
from simulation.cases import cases
from simulation.clock import parse_instant
from taskdatabases import case_report, put

Report = Callable[..., Ran]
everywhere = pytest.mark.parametrize("engine", ["sqlite", "duckdb", "parquet", "csv", "postgresql"])
OBJECT = '{"node_name": "l4-0"}'


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Run the report of two days of June on a task database, in this process."""

    def run(db: object, **tasks: Any) -> Ran:
        path = write(tmp_path / "report.yaml", manifest(tasks=tasks), cron_job())
        return gpucost("report", "-f", path, "--cronjobs", path, "--db", str(db), "--now", NOW, "-o", "json")

    return run


@pytest.fixture
def server(engine: str, request: pytest.FixtureRequest) -> Postgres | None:
    return request.getfixturevalue("postgres") if engine == "postgresql" else None


def runs(metainfo: Sequence[Any], kind: pa.DataType | None = None, **columns: Sequence[str | None]) -> pa.Table:
    """A task for each metainfo, of half an hour; only its running event says it."""
    ids = [str(i) for i in range(len(metainfo)) for _ in range(2)]
    rows = {
        "task_id": ids,
        "service_name": ["s"] * len(ids),
        "status": ["running", "done"] * len(metainfo),
        "creation_ts": ["2025-06-02T08:00:00Z", "2025-06-02T08:30:00Z"] * len(metainfo),
        "metainfo": pa.array([each for text in metainfo for each in (text, None)], kind),
    }
    rows |= {
        name: pa.array([each for v in values for each in (v, None)], pa.string()) for name, values in columns.items()
    }
    return pa.table({"node_id": pa.nulls(len(ids), pa.string()), **rows})


def types_in(ran: Ran) -> dict[str, int]:
    """Attempts by node type."""
    return {line["name"]: line["attempts"] for line in ran.status()["nodeTypes"] if line["attempts"]}


def messages(ran: Ran, reason: str) -> list[str]:
    return [issue["message"] for issue in ran.status()["quality"]["issues"] if issue["reason"] == reason]


def count(ran: Ran, reason: str) -> int:
    return sum(issue["count"] for issue in ran.status()["quality"]["issues"] if issue["reason"] == reason)


READABLE = {
    "an object": OBJECT,
    "with space around": f" \r\n\t{OBJECT}\n ",
    "json.dumps of a text": json.dumps(OBJECT),
    "json.dumps of a text of an object in capitals of escapes": '"\\u007b\\"node_name\\": \\"l4-0\\"}"',
    "a byte order mark": f"\N{ZERO WIDTH NO-BREAK SPACE}{OBJECT}",
    "the last of two keys": '{"node_name": "a100-0", "node_name": "l4-0"}',
    "the last of three keys, one of another kind": '{"node_name": 7, "node_name": null, "node_name": "l4-0"}',
    "a key in escapes": '{"node\\u005fname": "l4-0"}',
    "the last, in escapes": '{"node_name": "a100-0", "node\\u005Fname": "l4-0"}',
    "the last, before one in escapes": '{"\\u006eode_name": "a100-0", "node_name": "l4-0"}',
    "one in another object": '{"node_name": "l4-0", "before": {"node_name": "a100-0"}}',
    "duplicates at depth": '{"k": {"node_name": 1, "node_name": 2}, "node_name": "l4-0"}',
    "a lone surrogate": '{"node_name": "l4-0", "prompt": "\\ud83d"}',
    "half of two surrogates": '{"prompt": "\\udc00\\ud83d x", "node_name": "l4-0"}',
    "a raw control character": '{"prompt": "a\tb\x01", "node_name": "l4-0"}',
    "a raw end of line": '{"prompt": "a\r\nb", "node_name": "l4-0"}',
    "no number": '{"loss": NaN, "best": -Infinity, "node_name": "l4-0"}',
    "a number of 5000 digits": '{"n": ' + "9" * 5000 + ', "node_name": "l4-0", "node_name": "l4-0"}',
    "a megabyte": json.dumps({"log": "x" * 1_000_000, "node_name": "l4-0"}),
    "a comma before a bracket, in a text": '{"prompt": "a, ]", "node_name": "l4-0"}',
}
NAMELESS = [
    "{}", '{"node": "l4-0"}', '{"node_name": ""}', '{"node_name": null}', '{"node_name": ["l4-0"]}',
    '{"node_name": "l4-0", "node_name": ""}', '{"k": {"node_name": "l4-0"}}', '"{}"', "", None,
]  # fmt: skip
UNREADABLES = [
    "{'node_name': 'l4-0'}", '["l4-0"]', "7", "null", '"l4-0"', json.dumps(json.dumps(OBJECT)), OBJECT[:-1],
    OBJECT + " x", '{"node_name": "l4-0",}', '{"node_name": "l4-0", "n": 01}', "node_name=l4-0", " ", "b'{}'", "{" * 5000,
]  # fmt: skip


@everywhere
def test_metainfo_that_holds_an_object(engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
    ran = report(put(engine, runs(list(READABLE.values())), tmp_path, server))
    assert types_in(ran) == {"l4": len(READABLE)}
    assert not {"UnreadableMetainfo", "UnknownNodeType"} & ran.issues().keys()


@everywhere
def test_metainfo_without_a_name(engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
    """It can be read: what is missing is the node."""
    ran = report(put(engine, runs(NAMELESS), tmp_path, server))
    assert types_in(ran) == {"unknown": len(NAMELESS)}
    assert "UnreadableMetainfo" not in ran.issues()
    (said,) = messages(ran, "UnknownNodeType")
    assert said.startswith("10 attempts name no node: metainfo has no node_name, and node_id is empty")


@everywhere
def test_metainfo_that_holds_no_object(engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
    """Counted in attempts, with the first in the order of bytes as an example."""
    ran = report(put(engine, runs([*UNREADABLES, OBJECT]), tmp_path, server))
    assert types_in(ran) == {"unknown": len(UNREADABLES), "l4": 1}
    (said,) = messages(ran, "UnreadableMetainfo")
    assert said.startswith("14 attempts have metainfo that is no JSON object, such as ' ', and so no node name; ")
    assert "UnknownNodeType" not in ran.issues()


def test_an_example_is_cut_and_on_one_line(tmp_path: Path, report: Report) -> None:
    ran = report(put("parquet", runs(["{'a':\n'" + "x" * 500]), tmp_path))
    (said,) = messages(ran, "UnreadableMetainfo")
    assert said.startswith("1 attempt has metainfo that is no JSON object, such as '{'a':\ufffd'xxx")
    assert "\n" not in said
    assert len(said) < 300


@pytest.mark.parametrize("engine", ["sqlite", "duckdb", "parquet", "postgresql"])
def test_metainfo_in_bytes(engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
    """As UTF-8; bytes that are none stand for one unreadable character, and UTF-16 is no object."""
    name = "l4-é".encode()
    texts = [
        OBJECT.encode(),
        b'{"node_name": "' + name + b'"}',
        b'{"node_name": "l4-0", "k": "\xff"}',
        json.dumps(OBJECT).encode(),
    ]
    bad = [OBJECT.encode("utf-16"), b"\x80\x04\x95}", b"\x01"]
    ran = report(put(engine, runs([*texts, *bad, b"", None], pa.binary()), tmp_path, server, {"metainfo": "bytea"}))
    assert types_in(ran) == {"l4": 4, "unknown": 5}
    assert count(ran, "UnreadableMetainfo") == 3


def test_jsonb_scalars_of_postgresql(postgres: Postgres, tmp_path: Path, report: Report) -> None:
    """An ORM that writes text into a jsonb column makes a JSON string of it."""
    for kind in ("json", "jsonb"):
        texts = [json.dumps(OBJECT), OBJECT, "[1]", "null", json.dumps(json.dumps(OBJECT))]
        ran = report(put("postgresql", runs(texts), tmp_path, postgres, {"metainfo": kind}))
        assert types_in(ran) == {"l4": 2, "unknown": 3}
        assert count(ran, "UnreadableMetainfo") == 3


def test_maps_structs_and_lists_of_typed_files(tmp_path: Path, report: Report) -> None:
    maps = runs([[("node_name", "l4-0")], [("k", "v")], None], pa.map_(pa.string(), pa.string()))
    structs = runs([{"node_name": "l4-0", "k": float("nan")}, {"node_name": None, "k": 1.0}, None])
    for table in (maps, structs):
        ran = report(put("parquet", table, tmp_path))
        assert types_in(ran) == {"l4": 1, "unknown": 2}
        assert "UnreadableMetainfo" not in ran.issues()
    lists = report(put("parquet", runs([["l4-0"], None]), tmp_path))
    assert count(lists, "UnreadableMetainfo") == 1


@pytest.mark.parametrize(
    ("node_name", "shown"), [("l4-\ud800", "l4-\\ud800"), ("l4-\u0000", "l4-\u0000"), ("l4-😀", "l4-😀")]
)
def test_names_that_databases_do_not_take(node_name: str, shown: str, tmp_path: Path) -> None:
    """A lone surrogate in a name is written as its escape."""
    table = runs([json.dumps({"node_name": node_name})])
    spec = manifest(tasks={})["spec"]
    found = compute(spec, [cron_job()], str(put("parquet", table, tmp_path)), now=NOW)
    assert found.details
    assert list(found.details.attempts.node) == [f"name {shown}"]


KEYS = st.sampled_from(["node_name", "k", "node_nam"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.just("l4-0"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
)


@given(VALUES)
def test_both_ways_of_reading_agree(value: Any) -> None:
    """DuckDB's quick path and the parser, on what json.dumps writes."""
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert _quick_name(text) == read_node_name(text)


def _quick_name(text: str) -> str:
    """The name by the macro of the engine, written as the parser writes it."""
    with duckdb.connect() as con:
        con.create_function("gpucost_read_metainfo", read_node_name, [VARCHAR], VARCHAR)
        con.execute(read_sql("node_text"))
        ((found,),) = con.execute("SELECT gpucost_name_in($1)", [text]).fetchall()
        con.remove_function("gpucost_read_metainfo")
    name = json.loads(found) if found not in ("", UNREADABLE) else None
    return found if found == UNREADABLE else json.dumps(name) if isinstance(name, str) and name else ""


HOSTS = ["ip-10-0-1-10.ec2.internal", "ip-10-0-1-9.ec2.internal", "ip-10-0-1-10.ec2.internal"]


@everywhere
def test_nodes_that_no_rule_fits(engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
    """Host names of EKS hold no pool: two of them, how many, and each way out."""
    ran = report(put(engine, runs([*(json.dumps({"node_name": name}) for name in HOSTS), OBJECT]), tmp_path, server))
    (said,) = messages(ran, "UnknownNodeType")
    assert said.startswith(
        "3 attempts ran on 2 nodes that no rule of spec.nodePools.types fits, such as 'ip-10-0-1-10.ec2.internal' and "
        "'ip-10-0-1-9.ec2.internal'; add a glob that matches such names to spec.nodePools.types[].match, or state the type"
    )
    assert "a host name of EKS holds no pool" in said
    assert count(ran, "UnknownNodeType") == 3


def test_nodes_of_which_only_an_id_is_known(tmp_path: Path, report: Report) -> None:
    ran = report(put("sqlite", runs(["{}", None], node_id=["17", "18"]), tmp_path))
    (said,) = messages(ran, "UnknownNodeType")
    assert "2 attempts ran on 2 nodes" in said
    assert "such as id 17 and id 18; an id tells no type: write node_name in metainfo" in said


def test_types_that_are_not_listed(tmp_path: Path, report: Report) -> None:
    """A stated type stands as it is; the listed one that may be meant is named."""
    table = runs([OBJECT, None, "{bad", OBJECT], node_type=["L4", "l40", "h100", "l4"])
    ran = report(put("csv", table, tmp_path))
    assert types_in(ran) == {"L4": 1, "l40": 1, "h100": 1, "l4": 1}
    (said,) = messages(ran, "UnknownNodeType")
    assert said.startswith(
        "3 attempts state a node_type that spec.nodePools.types does not list: 'L4' (did you mean l4?) and 'h100'. Types are "
        "compared exactly, case included"
    )
    assert "UnreadableMetainfo" not in ran.issues()


def test_only_charged_attempts_of_the_period_count(tmp_path: Path, report: Report) -> None:
    table = runs(["[]", "[]"])
    times = ["2025-05-01T08:00:00Z", "2025-05-01T08:30:00Z", "2025-06-02T08:00:00Z", "2025-06-02T08:30:00Z"]
    earlier = table.set_column(table.schema.get_field_index("creation_ts"), "creation_ts", pa.array(times))
    assert count(report(put("parquet", earlier, tmp_path)), "UnreadableMetainfo") == 1
    assert "UnreadableMetainfo" not in report(put("parquet", table, tmp_path), services={"exclude": ["s"]}).issues()


def two_nodes(*rows: tuple[str, str, str | None], task: str = "7") -> pa.Table:
    """Events of a task: time of a day in June, status, node."""
    names = [None if node is None else json.dumps({"node_name": node}) for *_, node in rows]
    return pa.table(
        {
            "task_id": [task] * len(rows),
            "service_name": ["s"] * len(rows),
            "status": [status for _, status, _ in rows],
            "creation_ts": [f"2025-06-02T{time}:00Z" for time, *_ in rows],
            "node_id": pa.nulls(len(rows), pa.string()),
            "metainfo": pa.array(names, pa.string()),
        }
    )


@everywhere
def test_a_task_on_two_nodes_at_once(engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
    """The attempt is charged for the node it started on; a heartbeat without a node between changes nothing."""
    table = two_nodes(
        ("08:00", "running", "l4-0"), ("08:10", "running", None), ("08:20", "running", "l4-1"), ("08:30", "done", None)
    )
    ran = report(put(engine, table, tmp_path, server))
    (said,) = messages(ran, "TwoNodesAtOnce")
    assert said.startswith(
        "1 task reports running on a second node while an attempt still runs, such as task '7' on 'l4-0' and 'l4-1'"
    )
    assert ran.status()["summary"]["busyHours"] == "0.5"


@pytest.mark.parametrize(
    "rows",
    [
        [
            ("08:00", "running", "l4-0"),
            ("08:20", "pending", None),
            ("08:20", "running", "l4-1"),
            ("08:30", "done", None),
        ],
        [("08:00", "running", "l4-0"), ("08:10", "running", None), ("08:30", "done", "l4-1")],
        [("08:00", "running", None), ("08:10", "running", "l4-1"), ("08:30", "done", None)],
        [("08:00", "running", "l4-0"), ("08:00", "running", "l4-0"), ("08:30", "done", None)],
    ],
)
def test_tasks_on_one_node_at_a_time(rows: Any, tmp_path: Path, report: Report) -> None:
    """Retries elsewhere, events without a node, an event delivered twice."""
    assert "TwoNodesAtOnce" not in report(put("duckdb", two_nodes(*rows), tmp_path)).issues()


def test_a_task_that_two_workers_took_at_the_same_instant(tmp_path: Path, report: Report) -> None:
    table = two_nodes(("08:00", "running", "l4-0"), ("08:00", "running", "l4-1"), ("08:30", "done", None))
    assert count(report(put("duckdb", table, tmp_path)), "TwoNodesAtOnce") == 1


@slow(30)
@given(case=cases())
def test_random_doubts_agree_with_the_simulation(case: dict[str, Any]) -> None:
    """Charged attempts of the period by what is wrong with their node, and tasks on two nodes."""
    found = case_report(case, _connected(events_of(case)))
    counts: Counter[str] = Counter()
    for issue in found.quality.issues:
        counts[issue.reason] += issue.count
    charged = _charged(case)
    assert counts["UnreadableMetainfo"] == sum(a.doubt == "UNREADABLE" for a in charged)
    assert counts["UnknownNodeType"] == sum(a.doubt in ("NO_RULE", "NOT_LISTED", "NO_NODE") for a in charged)
    assert counts["TwoNodesAtOnce"] == len({a.task for a in charged if a.moved})


def _charged(case: Mapping[str, Any]) -> list[Attempt]:
    zone = case["timeZone"]
    now = parse_instant(case["now"], zone)
    start, end = (parse_instant(case["period"][key], zone) for key in ("start", "end"))
    attempts = read_tasks(dict(case), now).attempts
    return [a for a in attempts if a.touches(start, max(start, min(end, now))) and a.outcome not in SKIPPED]


def _connected(table: pa.Table) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.register("task_history", table)
    return con
