"""gpucost doctor without a cluster: task databases of every kind, ledgers in a file, and the command itself."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from command import gpucost, manifest, write
from gpucost.doctor.database import Source, examine_database, grouped
from gpucost.doctor.findings import Finding, Level
from gpucost.doctor.ledger import LedgerFacts, examine_ledger, judge_ledger
from gpucost.ledger.ledger import Ledger
from gpucost.ledger.migrating import HEAD
from gpucost.sources.tasks import Limits

HEADER = "event_id,task_id,service_name,status,creation_ts,node_id,metainfo"
COLUMNS = HEADER.replace("creation_ts", "creation_ts TIMESTAMP").replace("event_id", "event_id INTEGER")
ROW = "(1, '1', 'a', 'done', '2025-06-01 00:00:00', '', '{}')"


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "GPUCOST_LEDGER", "GPUCOST_WATCH_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)


def levels(found: Sequence[Finding]) -> list[Level]:
    return [finding.level for finding in found]


def examined(url: str, **how: object) -> list[Finding]:
    return examine_database(Source("db", url, **how), Limits())  # type: ignore[arg-type]


# Task databases


def csv_of(folder: Path, *rows: str) -> str:
    path = folder / "events.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return str(path)


def duckdb_of(folder: Path) -> str:
    with duckdb.connect(str(folder / "t.duckdb")) as con:
        con.execute(
            "CREATE TABLE task_history (event_id INT, task_id VARCHAR, service_name VARCHAR, status VARCHAR, "
            "creation_ts TIMESTAMP, node_id VARCHAR, metainfo VARCHAR)"
        )
        con.execute(f"INSERT INTO task_history VALUES {ROW}")
    return f"duckdb:///{folder}/t.duckdb"


def sqlite_of(folder: Path, table: str = "task_history") -> str:
    with closing(sqlite3.connect(folder / "t.db")) as con, con:
        con.execute(f"CREATE TABLE {table} ({COLUMNS})")
        con.execute(f"INSERT INTO {table} VALUES {ROW}")
    return f"sqlite:///{folder}/t.db"


def test_files_and_embedded_databases_are_well(tmp_path: Path) -> None:
    csv = csv_of(tmp_path, "1,1,a,done,2025-06-01T00:00:00Z,,{}")
    for url in (csv, duckdb_of(tmp_path), sqlite_of(tmp_path)):
        assert levels(examined(url)) == [Level.OK, Level.OK], url


def test_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    (found,) = examined(sqlite_of(tmp_path, "events"))
    assert (found.level, "no such table: task_history" in found.what) == (Level.PROBLEM, True)
    assert "spec.tasks.query" in found.remedy
    (found,) = examined(f"sqlite:///{tmp_path}/t.db", query="SELECT * FROM events; DELETE FROM events")
    assert "must be exactly one SELECT" in found.what
    assert levels(examined(f"sqlite:///{tmp_path}/t.db", query="SELECT * FROM events -- all\n;")) == [Level.OK] * 2
    found = examined(csv_of(tmp_path, "1,1,a,done,1750000000,,{}"))[0]
    assert "its unit is not guessed" in found.what
    assert found.remedy.startswith("set spec.tasks.epochUnit")
    assert examined(csv_of(tmp_path))[0].level is Level.WARNING, "there is no row"
    assert "is no task database" in examined("mysql://h/d")[0].what


def test_a_file_that_is_not_there_is_no_question_of_tables(tmp_path: Path) -> None:
    (found,) = examined(f"sqlite:///{tmp_path / 'missing.db'}")
    assert found.what.endswith("missing.db does not exist")
    assert found.remedy == "check the path given with --db"


def test_no_finding_shows_a_password() -> None:
    for url in (
        "postgresql://u:s3cret@127.0.0.1:1/d",
        "mysql://u:s3cret@h/d",
        "postgresql://u:s3c/ret@h/d",
        "u:s3cret@h",
    ):
        (found,) = examined(url)
        assert found.level is Level.PROBLEM
        assert "s3c" not in found.what + found.remedy


def test_a_database_is_looked_at_once_for_each_way_to_read_it() -> None:
    one, same, other = Source("a", "x"), Source("b", "x"), Source("c", "x", epoch_unit="Seconds")
    assert grouped([one, same, other]) == [one, other]


# Ledgers


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_ledger_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    (found,) = examine_ledger(f"sqlite:///{tmp_path}/new/folder/ledger.db")
    assert (found.level, "makes its tables when it starts" in found.what) == (Level.OK, True)
    assert list(tmp_path.iterdir()) == []


def test_looking_at_a_closed_ledger_changes_no_file(tmp_path: Path) -> None:
    Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "test").close()
    before = contents(tmp_path), tmp_path.stat().st_mtime_ns  # the folder's own: no file came and went either
    (found,) = examine_ledger(f"sqlite:///{tmp_path}/ledger.db")
    assert (found.level, "is migrated" in found.what) == (Level.OK, True)
    assert (contents(tmp_path), tmp_path.stat().st_mtime_ns) == before


def test_looking_at_the_ledger_of_a_killed_operator_changes_none_of_its_files(tmp_path: Path) -> None:
    """All that it wrote may stand in the write-ahead log still."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/live/ledger.db", "test")
    shutil.copytree(tmp_path / "live", tmp_path / "dead")
    ledger.close()
    before = contents(tmp_path / "dead")
    assert before["ledger.db-wal"]
    (found,) = examine_ledger(f"sqlite:///{tmp_path}/dead/ledger.db")
    assert (found.level, "is migrated" in found.what) == (Level.OK, True)
    after = contents(tmp_path / "dead")
    assert {name: after.get(name) for name in before if not name.endswith("-shm")} == {
        name: data for name, data in before.items() if not name.endswith("-shm")
    }
    Ledger.open(f"sqlite:///{tmp_path}/dead/ledger.db", "test").close()


def test_a_lock_is_neither_taken_nor_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    held = Ledger.open(url, "first")
    assert "held by first" in examine_ledger(url)[1].what
    held.confirm(1)
    held.close()
    assert len(examine_ledger(url)) == 1
    Ledger.open(url, "second").close()


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        (LedgerFacts("x", None, "0000"), Level.WARNING, "of an older release"),
        (LedgerFacts("x", None, HEAD), Level.OK, "is migrated"),
        (LedgerFacts("x", None, "9999"), Level.PROBLEM, "by a newer release"),
        (LedgerFacts("x", None, None, ("task_history",)), Level.WARNING, "tables of something else (task_history)"),
    ],
)
def test_the_revision_of_a_ledger(facts: LedgerFacts, level: Level, words: str) -> None:
    (found,) = judge_ledger(facts)
    assert (found.level, words in found.what) == (level, True)


def test_a_database_of_something_else_is_no_ledger(tmp_path: Path) -> None:
    (found,) = examine_ledger(sqlite_of(tmp_path))
    assert (found.level, "task_history" in found.what) == (Level.WARNING, True)


def test_urls_that_are_no_ledger(tmp_path: Path) -> None:
    for url in ("sqlite://", "mysql://u:s3cret@h/d", "postgresql://u:s3c/ret@h/d", f"sqlite:///{tmp_path}"):
        (found,) = examine_ledger(url)
        assert found.level is Level.PROBLEM
        assert found.remedy
        assert "s3c" not in found.what + found.remedy


# The command


def test_wrong_usage(tmp_path: Path) -> None:
    assert "name the database too" in gpucost("doctor", "-f", write(tmp_path / "r.yaml", manifest())).sentence(2)
    for account in ("operator", "a/b/c", "/b", "a/", "a:b/c"):
        assert "NAMESPACE/SERVICEACCOUNT" in gpucost("doctor", "--as-operator", account).sentence(2)


def test_without_a_cluster_the_rest_is_looked_at(tmp_path: Path) -> None:
    words = ("--db", sqlite_of(tmp_path), "--ledger", f"sqlite:///{tmp_path}/ledger.db")
    ran = gpucost("doctor", *words)
    assert (ran.code, ran.err) == (0, "")
    assert "- skipped  API server" in ran.out
    assert "0 problems, 0 warnings, 3 ok, 1 skipped" in ran.out


def test_without_anything_to_look_at_the_cluster_is_missed(tmp_path: Path) -> None:
    ran = gpucost("doctor")
    assert ran.code == 1
    assert "X problem  API server" in ran.out
    assert gpucost("doctor", "--kubeconfig", tmp_path / "none", "--ledger", f"sqlite:///{tmp_path}/l.db").code == 1


def test_the_manifest_says_how_the_database_is_read(tmp_path: Path) -> None:
    url = csv_of(tmp_path, "1,1,a,done,1750000000,,{}")
    assert gpucost("doctor", "--db", url).code == 1
    report = write(tmp_path / "r.yaml", manifest(tasks={"epochUnit": "Seconds"}))
    assert gpucost("doctor", "--db", url, "-f", report).code == 0
