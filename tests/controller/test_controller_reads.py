"""Reports on the same database share one read, for a while, and never one that is older than what was asked for."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpucost.api.costreport import CostReport, parse_spec
from gpucost.computing import Pools
from gpucost.controller.reads import Job, Reads, Wanted
from gpucost.core.zones import UTC
from gpucost.engine.source import SourceError
from gpucost.sources.tasks import Limits

HOUR_US = 3_600_000_000
EVENT = "INSERT INTO task_history VALUES (?, 's', ?, ?, 'n1', '{}')"


def now_us() -> int:
    return time.time_ns() // 1000


def add_task(path: Path, task: str) -> None:
    with sqlite3.connect(path) as con:
        con.execute(EVENT, (task, "running", "2025-06-02T08:00:00Z"))
        con.execute(EVENT, (task, "done", "2025-06-02T08:10:00Z"))
    con.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.db"
    con = sqlite3.connect(path)
    con.execute("CREATE TABLE task_history (task_id, service_name, status, creation_ts, node_id, metainfo)")
    con.close()
    add_task(path, "one")
    return path


@pytest.fixture
def reads(path: Path) -> Iterator[Reads]:
    found = Reads(Limits(folders=(str(path.parent),)), HOUR_US, UTC)
    yield found
    found.release(older_than_us=0)


def job(path: Path, not_before_us: int = 0, **tasks: object) -> Job:
    spec = {
        "period": {"range": {"start": "2025-06-02", "end": "2025-06-03"}},
        "nodePools": {},
        "tasks": {"query": None, **tasks},
    }
    report = CostReport(name="r", namespace="n", manifest={}, spec=parse_spec(spec))
    return Job(report, Pools((), (), ()), f"sqlite:///{path}", Wanted(not_before_us))


def attempts(reads: Reads, work: Job) -> int:
    return reads.compute(work).quality.loaded


def test_a_second_report_sees_what_the_first_one_read(path: Path, reads: Reads) -> None:
    first = reads.compute(job(path))
    add_task(path, "two")
    second = reads.compute(job(path))
    assert (first.quality.loaded, second.quality.loaded) == (1, 1)
    assert first.now_us == second.now_us  # as of the read, not of the computation


def test_what_was_asked_for_after_the_read_is_read_anew(path: Path, reads: Reads) -> None:
    assert attempts(reads, job(path)) == 1
    add_task(path, "two")
    assert attempts(reads, job(path, not_before_us=now_us())) == 2


def test_another_query_or_other_running_statuses_are_another_read(path: Path, reads: Reads) -> None:
    assert attempts(reads, job(path)) == 1
    add_task(path, "two")
    assert attempts(reads, job(path, query="SELECT * FROM task_history")) == 2
    assert attempts(reads, job(path, statuses={"running": ["running", "started"]})) == 2


def test_a_read_that_is_too_old_is_let_go(path: Path, reads: Reads) -> None:
    assert attempts(reads, job(path)) == 1
    add_task(path, "two")
    reads.release()
    assert attempts(reads, job(path)) == 1  # still young
    reads.release(older_than_us=0)
    assert attempts(reads, job(path)) == 2


def test_a_failure_is_shared_too_until_somebody_asks_anew(path: Path, reads: Reads) -> None:
    away = path.rename(path.with_suffix(".away"))
    with pytest.raises(SourceError, match="does not exist"):
        attempts(reads, job(path))
    away.rename(path)
    with pytest.raises(SourceError, match="does not exist"):
        attempts(reads, job(path))
    assert attempts(reads, job(path, not_before_us=now_us())) == 1


def test_files_outside_the_data_folders_are_refused_without_a_word_on_whether_they_exist(path: Path) -> None:
    reads = Reads(Limits(folders=()), HOUR_US, UTC)
    said = []
    for place in (path, path.with_name("missing.db")):
        with pytest.raises(SourceError) as refused:
            attempts(reads, job(place))
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert "outside the folders" in said[0]


def test_a_report_without_tasks_needs_no_database(reads: Reads) -> None:
    spec = parse_spec({"period": {"rolling": {"days": 7}}, "nodePools": {}})
    report = CostReport(name="r", namespace="n", manifest={}, spec=spec)
    assert reads.compute(Job(report, Pools((), (), ()), None, Wanted(0))).census is None
