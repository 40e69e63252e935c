"""The first mistakes that everybody makes: each is said before any figure, and nothing is advised on it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from command import gpucost

CRONJOBS = """
apiVersion: batch/v1
kind: CronJob
metadata:
  name: a100-up
  namespace: ops
  annotations: {gpucost.dev/node-pool: gpu-a100, gpucost.dev/nodes: "4"}
spec: {schedule: "0 0 * * *"}
"""
NODE = "gke-ml-gpu-a100-1"


def manifest(**tasks: Any) -> dict[str, Any]:
    types = [{"name": "a100", "match": ["*a100*"], "prices": [{"pricePerHour": "11"}]}]
    return {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": "r", "namespace": "ops"},
        "spec": {
            "period": {"range": {"start": "2025-06-02", "end": "2025-06-09"}},
            "nodePools": {"types": types},
            "tasks": {"timeZone": "UTC", **tasks},
        },
    }


def events(node: str = NODE, done: str = "done", tasks: int = 40, **more: str) -> list[dict[str, str]]:
    """A run of half an hour for each task, one after another."""
    rows = []
    for i in range(tasks):
        day, hour = 2 + i // 20, i % 20
        for status, minute in (("running", 0), (done, 30)):
            meta = json.dumps({"node_name": node}) if status == "running" else ""
            at = f"2025-06-{day:02d}T{hour:02d}:{minute:02d}:00Z"
            rows.append(
                {"task_id": f"t{i}", "service_name": "img", "status": status, "creation_ts": at, "node_id": ""}
                | {"metainfo": meta, **more}
            )
    return rows


def written(folder: Path, spec: dict[str, Any], rows: Iterable[dict[str, str]]) -> list[str | Path]:
    """The command's words for a report on these rows."""
    import csv

    rows = list(rows)
    with (folder / "tasks.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    (folder / "report.yaml").write_text(yaml.safe_dump(spec))
    (folder / "cronjobs.yaml").write_text(CRONJOBS)
    return [
        "report", "-f", folder / "report.yaml", "--cronjobs", folder / "cronjobs.yaml", "--db", str(folder / "tasks.csv"),
        "--now", "2025-07-01T00:00:00Z",
    ]  # fmt: skip


MISTAKES = {
    "statuses that are not mapped": (
        manifest(),
        events(done="SUCCESS"),
        "40 of 40 attempts are left out: status 'SUCCESS' (40 events) is in none of spec.tasks.statuses",
        "unknown-status",
    ),
    "one row per job": (
        manifest(),
        [row for row in events() if row["status"] == "done"],
        "40 of 40 tasks never ran: no event has the status running; is there one row per job? see docs/schemas.md",
        "never-ran",
    ),
    "A100 in place of a100": (
        manifest(),
        events(node_type="A100"),
        "The node type of 40 of 40 attempts is unknown: 40 attempts state a node_type that spec.nodePools.types does not "
        "list: 'A100' (did you mean a100?)",
        "unknown-node",
    ),
    "host names that no glob matches": (
        manifest(),
        events(node="ip-10-0-1-10.ec2.internal"),
        "The node type of 40 of 40 attempts is unknown: 40 attempts ran on 1 node that no rule of spec.nodePools.types "
        "fits, such as 'ip-10-0-1-10.ec2.internal'",
        "unknown-node",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_first_mistake_is_said_before_any_figure_and_nothing_is_advised(mistake: str, tmp_path: Path) -> None:
    spec, rows, sentence, threshold = MISTAKES[mistake]
    words = written(tmp_path, spec, rows)
    ran = gpucost(*words)
    head = " ".join(ran.out.partition("Node cost")[0].split())
    assert sentence in head, ran.out
    assert "AdviceWithheld: no advice for node types a100: " in " ".join(ran.out.split())
    status = gpucost(*words, "-o", "json").status()
    assert sentence in status["caution"]
    assert status["recommendations"] == []
    assert status["summary"]["potentialSavings"] == "0.00"
    assert [i["count"] for i in status["quality"]["issues"] if i["reason"] == "AdviceWithheld"] == [1]
    for name in ("any", threshold, f"{threshold}=39", f"{threshold}=49%", "any=1%"):
        assert gpucost(*words, "--fail-on", name).code == 3, name
    assert gpucost(*words, "--fail-on", f"{threshold}=100%").code == 0
    assert gpucost(*words, "--fail-on", "any=100%").code == 0


def test_without_a_mistake_there_is_advice_and_no_caution(tmp_path: Path) -> None:
    words = written(tmp_path, manifest(), events())
    status = gpucost(*words, "-o", "json").status()
    assert "caution" not in status
    assert {advice["name"] for advice in status["recommendations"]} >= {"a100-weekend-shut-down"}
    assert gpucost(*words, "--fail-on", "any").code == 0


@pytest.mark.parametrize(("wrong", "withheld"), [(1, False), (2, True)])
def test_one_per_cent_that_was_not_understood_is_tolerated(wrong: int, withheld: bool, tmp_path: Path) -> None:
    """Of 100 attempts one may end with a status that nobody knows; two are too many."""
    rows = events(tasks=100)
    for row in [row for row in rows if row["status"] == "done"][:wrong]:
        row["status"] = "odd"
    status = gpucost(*written(tmp_path, manifest(), rows), "-o", "json").status()
    assert ("caution" in status) is withheld
    assert (status["recommendations"] == []) is withheld


def test_a_table_without_an_event_gives_no_advice(tmp_path: Path) -> None:
    """Nobody knows that nodes are idle where no task is known at all."""
    rows = [row | {"creation_ts": row["creation_ts"].replace("2025", "2026")} for row in events(tasks=2)]
    status = gpucost(*written(tmp_path, manifest(), rows), "-o", "json").status()
    assert status["caution"] == "The task database holds no event up to now; check tasks.query and the database."
    assert status["recommendations"] == []


def test_events_of_another_period_give_no_advice(tmp_path: Path) -> None:
    rows = [row | {"creation_ts": row["creation_ts"].replace("2025", "2024")} for row in events(tasks=2)]
    status = gpucost(*written(tmp_path, manifest(), rows), "-o", "json").status()
    assert status["caution"].startswith("The task database has no event in this period; its last one is of 2024-06-02")
    assert status["recommendations"] == []


@pytest.mark.parametrize("length", [10, 16, 13])
def test_times_too_coarse_to_have_a_length_give_no_advice(length: int, tmp_path: Path) -> None:
    """Dates only, minutes and hours: an attempt that ends where it starts costs nothing, but its node was not idle."""
    rows = events(tasks=2)
    for row in rows:
        row["creation_ts"] = row["creation_ts"].replace(":30:", ":00:")[:length] + (":00" if length == 13 else "")
    status = gpucost(*written(tmp_path, manifest(), rows), "-o", "json").status()
    assert status["caution"].startswith(
        "2 charged attempts took no time at all in this period: does creation_ts hold dates without a time of day?"
    )
    assert status["recommendations"] == []


@pytest.mark.parametrize("done", ["2025-06-02T11:00:00Z", "2025-06-02 11:00"])
def test_a_unit_where_times_are_text_is_named(done: str, tmp_path: Path) -> None:
    """Nothing tells the reader to write what is there already."""
    rows = [row | {"creation_ts": done} for row in events(tasks=1)]
    status = gpucost(*written(tmp_path, manifest(epochUnit="Seconds"), rows), "-o", "json").status()
    (said,) = [i["message"] for i in status["quality"]["issues"] if i["reason"] == "UnusableRows"]
    assert f"such as '{done}'; spec.tasks.epochUnit is Seconds, so creation_ts takes numbers of that unit" in said
    assert "leave it out for times in ISO 8601" in said
    assert said.rstrip(".") in status["caution"]


def test_a_column_that_the_query_makes_up_is_named_with_the_query(tmp_path: Path) -> None:
    import sqlite3

    words = written(tmp_path, manifest(query="SELECT job AS task_id FROM task_history"), events(tasks=1))
    with sqlite3.connect(tmp_path / "tasks.db") as database:
        database.execute("CREATE TABLE task_history (task_id)")
    words[words.index("--db") + 1] = f"sqlite:///{tmp_path / 'tasks.db'}"
    assert gpucost(*words).sentence(1) == (
        f"the SQLite file {tmp_path / 'tasks.db'} by spec.tasks.query can't be read: no such column: job"
    )


def test_work_beyond_the_billed_nodes_gives_no_advice_for_its_type(tmp_path: Path) -> None:
    """Ten nodes were busy for half an hour where four were scheduled: 5 - 4 h."""
    rows = [row for i in range(10) for row in events(node=f"a100-{i}", tasks=1)]
    for i, row in enumerate(rows):
        row["task_id"] = f"t{i // 2}"
    words = written(tmp_path, manifest(), rows)
    status = gpucost(*words, "-o", "json").status()
    assert status["caution"].startswith("Nodes of type a100 were busy for 1 h beyond their billed node time;")
    assert status["recommendations"] == []
    assert gpucost(*words, "--fail-on", "off-schedule=1").code == 0
    ran = gpucost(*words, "--fail-on", "off-schedule=19%")
    assert (ran.code, ran.err) == (
        3,
        "gpucost: --fail-on off-schedule: 1 hours of work beyond billed nodes (20 %), more than 19 %\n",
    )


def test_an_unread_cronjob_makes_node_counts_doubtful(tmp_path: Path) -> None:
    """Without the CronJob that scales down, the pool seems to stand all night."""
    words = written(tmp_path, manifest(), events())
    more = CRONJOBS.replace("a100-up", "a100-down").replace('"4"', '"none"')
    (tmp_path / "cronjobs.yaml").write_text(CRONJOBS + "---" + more)
    status = gpucost(*words, "-o", "json").status()
    assert status["caution"].startswith("Node counts may be wrong: CronJob ops/a100-down: ")
    assert status["recommendations"] == []
    ran = gpucost(*words, "--fail-on", "unread-scaler")
    assert (ran.code, ran.err.strip()) == (
        3,
        "gpucost: --fail-on unread-scaler: 1 CronJobs that scale nodes and can't be read, more than 0",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("idle", "must be one of uncovered,"),
        ("any=-1", "'-1' must be a number"),
        ("any=x%", "'x%' must be a number"),
        ("any=%", "'%' must be"),
        ("any=1e400", "'1e400' must be"),
    ],
)
def test_thresholds_that_make_no_sense(text: str, told: str, tmp_path: Path) -> None:
    words = written(tmp_path, manifest(), events(tasks=1))
    assert told in gpucost(*words, "--fail-on", text).sentence(2)
