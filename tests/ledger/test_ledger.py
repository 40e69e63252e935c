"""The ledger in both databases: what is written is there again when it is opened again."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from ledgers import KEY, MINUTE, Opener, at, edit, known, seen_as, spans, stated
from test_history import lives

from examples import only_nodes, slow
from gpucost.core.scaling import order_counts
from gpucost.ledger.history import gone, seen
from gpucost.ledger.ledger import FinalReport, JobOutcome, Ledger, Restatement, Sighting, Snapshot

OTHER = ("dev", "down")


def other() -> Sighting:
    """CronJob dev/down, in another namespace."""
    version = replace(stated(uid="uid-o"), namespace="dev", name="down")
    return Sighting("uid-o", *OTHER, {}, version, 1, ())


class TestObserve:
    def test_an_edit_survives_opening_again(self, opened: Opener) -> None:
        ledger = opened()
        everything = {"time_zone": "Asia/Tokyo", "starting_deadline_seconds": 2**62, "valid_from_us": -7}
        assert ledger.observe([seen_as(stated(**everything), 1, team="a")], at("09:00")) == {KEY}
        ledger.confirm(at("10:00"))
        edited = seen_as(stated(nodes=4, suspended=True, pool="größer"), None, team="b")
        assert ledger.observe([edited], at("11:00")) == {KEY}
        before = ledger.histories()
        assert before[KEY].labels == {"team": "b"}
        assert spans(known(ledger)) == [(2, None, at("11:00")), (4, at("11:00"), None)]
        again = opened()
        assert again.histories() == before
        assert again.confirmed_us == at("10:00")
        assert again.observe([edited], at("12:00"), complete=True) == set()

    def test_the_whole_list_tells_what_is_gone(self, ledger: Ledger) -> None:
        assert ledger.observe([seen_as(stated()), other()], at("09:00"), complete=True) == {KEY, OTHER}
        assert ledger.observe([seen_as(stated())], at("09:01"), complete=True, namespaces=["ops"]) == set()
        assert ledger.observe([seen_as(stated())], at("11:00"), complete=True, namespaces=["ops", "dev"]) == {OTHER}
        assert not ledger.histories()[OTHER].present
        assert [(v.ended_us, v.end_doubt_us) for v in known(ledger, OTHER)] == [(at("11:00"), at("09:00"))]
        assert ledger.observe([seen_as(stated())], at("12:00"), complete=True) == set()
        assert ledger.observe([], at("12:00")) == set()

    def test_a_watched_deletion(self, opened: Opener) -> None:
        ledger = opened()
        ledger.observe([seen_as(stated())], at("09:00"))
        assert ledger.observe_deleted(*KEY, "uid-0", at("10:00")) == set()  # that was the one before
        assert ledger.observe_deleted("ops", "nobody", "uid-1", at("10:00")) == set()
        assert ledger.observe_deleted(*KEY, "uid-1", at("10:00")) == {KEY}
        assert ledger.observe_deleted(*KEY, "uid-1", at("10:01")) == set()
        ledger.observe([seen_as(stated(uid="uid-2", created_us=at("10:05")))], at("10:05"))
        assert spans(known(opened())) == [(2, None, at("10:00")), (2, at("10:05") + 1, None)]

    def test_one_that_never_stated_a_pool_is_forgotten(self, opened: Opener) -> None:
        ledger = opened()
        assert ledger.observe([seen_as(None)], at("09:00")) == {KEY}
        assert known(ledger) == ()
        assert ledger.observe_deleted(*KEY, "uid-1", at("10:00")) == {KEY}
        assert opened().histories() == {}

    def test_several_sightings_of_one_in_one_call(self, ledger: Ledger) -> None:
        ledger.observe([seen_as(stated(nodes=nodes)) for nodes in (1, 2, 2, 3)], at("09:00"))
        assert [only_nodes(v.version) for v in known(ledger)] == [1, 2, 3]

    def test_every_pool_of_a_version_is_remembered_and_a_dropped_one_ends(self, opened: Opener) -> None:
        """Their order doesn't matter, a count or a pool more or less is an edit."""
        ledger = opened()
        both, other = order_counts({"gpu-t4": 4, "gpu-l4": 2}), order_counts({"gpu-l4": 2, "gpu-t4": 5})
        ledger.observe([seen_as(stated(counts=both))], at("09:00"))
        assert ledger.observe([seen_as(stated(counts=order_counts({"gpu-l4": 2, "gpu-t4": 4})))], at("09:30")) == set()
        assert ledger.observe([seen_as(stated(counts=other))], at("10:00")) == {KEY}
        assert ledger.observe([seen_as(stated(counts=both[:1]))], at("11:00")) == {KEY}
        assert known(ledger) == known(opened())
        assert [(one.version.counts, one.edited_us, one.ended_us) for one in known(opened())] == [
            (both, None, at("10:00")),
            (other, at("10:00"), at("11:00")),
            (both[:1], at("11:00"), None),
        ]

    def test_an_edit_of_another_field_changes_no_history_but_counts_for_dating(self, opened: Opener) -> None:
        ledger = opened()
        ledger.observe([seen_as(stated(), 1)], at("09:00"))
        assert ledger.observe([seen_as(stated(), 2)], at("10:00")) == set()
        ledger = opened()
        ledger.observe([seen_as(stated(schedule="@daily"), 3, edit(at("10:20"), "schedule"))], at("11:00"))
        assert known(ledger)[1].edited_us == at("10:20")

    def test_what_was_read_stays_as_it_was(self, ledger: Ledger) -> None:
        """The loop's thread reads while the worker writes."""
        ledger.observe([seen_as(stated())], at("09:00"))
        before = ledger.histories()
        ledger.observe([seen_as(stated(nodes=4)), other()], at("10:00"))
        assert before.keys() == {KEY}
        assert len(before[KEY].known) == 1


class TestLives:
    """Random lives of a CronJob: what is loaded is what the pure rules say."""

    @slow(4)
    @given(life=lives())
    def test_in_sqlite(self, life: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.mktemp("life") / "ledger.db"
        expected = None
        with closing(Ledger.open(f"sqlite:///{path}", "the test")) as ledger:
            for sighting, moment in life:
                if moment.confirmed_us not in (None, ledger.confirmed_us):
                    ledger.confirm(moment.confirmed_us)
                ledger.observe([sighting] if sighting else [], moment.now_us, complete=True)
                if sighting:
                    expected = seen(expected, sighting, moment)
                elif expected and expected.history.present:
                    expected = gone(expected, moment, watched=False)
            there = ledger.histories()
            assert there == ({KEY: expected.history} if expected else {})
        with closing(Ledger.open(f"sqlite:///{path}", "the test")) as ledger:
            assert ledger.histories() == there
            for sighting, moment in life[-1:]:  # the caller lost the answer
                assert ledger.observe([sighting] if sighting else [], moment.now_us, complete=True) == set()


JOB = JobOutcome("job-1", "ops", "up-29", "uid-1", "up", at("08:00"), at("08:00"), None, None, None)


class TestJobs:
    def jobs(self, url: str, request: pytest.FixtureRequest) -> list[tuple[Any, ...]]:
        statement = "SELECT uid, scheduled_us, started_us, ended_us, succeeded FROM gpucost_jobs"
        if url.startswith("postgresql"):
            return list(request.getfixturevalue("postgres").execute(url, statement))
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(statement).fetchall()

    def test_an_outcome_is_completed_and_never_taken_back(
        self, ledger: Ledger, url: str, request: pytest.FixtureRequest
    ) -> None:
        done = replace(JOB, started_us=at("08:00", 1), ended_us=at("08:03"), succeeded=True)
        for outcomes in ([JOB], [done], [done, JOB], []):
            ledger.record_jobs(outcomes)
        assert self.jobs(url, request) == [("job-1", at("08:00"), at("08:00", 1), at("08:03"), True)]


FINAL = FinalReport(
    "r-1", "ops", "june", 0, 9, 10, "rev-1", {"tasks": "a1"}, {"z": {"b": "1.0", "a": [1, None]}, "a": 2}
)


SNAPSHOT = Snapshot("r-1", 1, "f", 10, b"")


def restatement(number: int) -> Restatement:
    return Restatement(
        "r-1", 0, 9, 100 + number, "summary.nodeCost", None if number else "1.00", f"{number}.00", "tasks came late"
    )


class TestReports:
    def test_a_final_report_keeps_its_figures_to_the_byte(self, opened: Opener) -> None:
        opened().save(SNAPSHOT, FINAL)
        ledger = opened()
        found = ledger.final_of("r-1", 0, 9)
        assert found == FINAL
        assert repr(found) == repr(FINAL)  # the order of keys too
        assert ledger.final_of("r-1", 0, 8) is None
        assert ledger.restatements("r-1", 0, 9) == ()

    def test_restatements_are_the_last_ones_oldest_first_and_each_once(self, opened: Opener) -> None:
        ledger = opened()
        for number in range(12):
            ledger.save(SNAPSHOT, replace(FINAL, input_revision=f"rev-{number}"), [restatement(number)])
        ledger.save(SNAPSHOT, FINAL, [restatement(11)])  # again, as the answer was lost
        ledger = opened()
        assert ledger.restatements("r-1", 0, 9) == tuple(map(restatement, range(2, 12)))
        assert ledger.restatements("r-1", 0, 8) == ()  # of another period
        assert ledger.restatements("r-1", 0, 9, limit=1) == (restatement(11),)
        assert ledger.final_of("r-1", 0, 9) == FINAL

    def test_snapshots_and_deleted_reports(self, opened: Opener) -> None:
        ledger = opened()
        one, two = Snapshot("r-1", 1, "f", 7, b"\x00\xff"), Snapshot("r-2", 1, "f", 7, b"")
        for snapshot in (one, two, replace(one, generation=2)):
            ledger.save(snapshot)
        ledger.save(replace(one, generation=2), FINAL, [restatement(0)])
        ledger = opened()
        assert ledger.snapshots() == {"r-1": replace(one, generation=2), "r-2": two}
        ledger.forget_report("r-1")
        assert ledger.snapshots() == {"r-2": two}
        ledger = opened()
        assert ledger.snapshots() == {"r-2": two}
        assert ledger.final_of("r-1", 0, 9) is None
        assert ledger.restatements("r-1", 0, 9) == ()


class TestSqlite:
    def test_its_owner_alone_may_read_it(self, tmp_path: Path) -> None:
        with closing(Ledger.open(f"sqlite:///{tmp_path}/a/b/ledger.db", "the test")) as ledger:
            ledger.confirm(1)
            modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "a/b").iterdir()}
        assert modes == {f"ledger.db{suffix}": 0o600 for suffix in ("", ".lock", "-wal", "-shm")}

    def test_it_is_durable(self, tmp_path: Path) -> None:
        names = ("journal_mode", "synchronous", "foreign_keys")
        opening = closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "the test"))
        with opening as ledger, ledger._transaction() as connection:
            found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
        assert found == ["wal", 2, 1]

    def test_five_thousand_cronjobs(self, tmp_path: Path) -> None:
        """The second sight of them writes nothing."""
        path = tmp_path / "ledger.db"
        sightings = [
            Sighting(f"u{i}", "ops", f"n{i}", {"app": "x"}, replace(stated(uid=f"u{i}"), name=f"n{i}"), 1, ())
            for i in range(5000)
        ]
        with closing(Ledger.open(f"sqlite:///{path}", "the test")) as ledger, closing(sqlite3.connect(path)) as watcher:
            start = time.perf_counter()
            assert len(ledger.observe(sightings, at("09:00"), complete=True)) == 5000
            first = time.perf_counter() - start
            before = watcher.execute("PRAGMA data_version").fetchone()
            start = time.perf_counter()
            assert ledger.observe(sightings, at("10:00"), complete=True) == set()
            second = time.perf_counter() - start
            assert watcher.execute("PRAGMA data_version").fetchone() == before
            ledger.confirm(at("10:00"))
            assert watcher.execute("PRAGMA data_version").fetchone() != before
        assert first < 2
        assert second < 0.3

    def test_a_backup_of_a_ledger_in_use(self, tmp_path: Path) -> None:
        """As docs/operator.md says: VACUUM INTO, then open the copy."""
        with closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "the test")) as ledger:
            ledger.observe([seen_as(stated())], at("09:00"))
            with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
                connection.execute("VACUUM INTO ?", (os.fspath(tmp_path / "copy.db"),))
            ledger.observe([seen_as(stated(nodes=4))], at("10:00") + MINUTE)
            with closing(Ledger.open(f"sqlite:///{tmp_path}/copy.db", "the test")) as copy:
                assert spans(known(copy)) == [(2, None, None)]
