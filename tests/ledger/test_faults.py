"""Killed, refused, full, gone: the ledger stays whole, says why, and heals without a new object."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from ledgers import KEY, Opener, at, known, seen_as, spans, stated
from sqlalchemy import Connection, event

from examples import only_nodes
from gpucost.ledger.ledger import Ledger, LedgerBusy, LedgerError
from postgres import PASSWORD, Postgres

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Writer:
    """The process of writer.py."""

    process: subprocess.Popen[str]

    def start(self, url: str) -> int:
        """Its child's process id, when that has opened the ledger."""
        assert self.process.stdin
        self.process.stdin.write(url + "\n")
        self.process.stdin.flush()
        words = dict([self.hear(), self.hear()])
        assert words.keys() == {"child", "open"}
        return words["child"]

    def hear(self) -> tuple[str, int]:
        assert self.process.stdout
        word, number = self.process.stdout.readline().split()
        return word, int(number)


@pytest.fixture
def writer() -> Iterator[Writer]:
    path = os.pathsep.join(str(folder) for folder in (TESTS.parent / "operator", TESTS, TESTS / "ledger"))
    command = [sys.executable, "-W", "error", str(TESTS / "ledger" / "writer.py")]
    environment = os.environ | {"PYTHONPATH": path}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    with process:
        yield Writer(process)
        assert process.stdin
        process.stdin.close()


KILLS = 8


def test_killed_at_random_moments(url: str, writer: Writer) -> None:
    """What was said to be written is there, nothing is there twice, and the next one may open it at once."""
    chance = random.Random(7)
    for _ in range(KILLS):
        child = writer.start(url)
        for _ in range(chance.randrange(1, 8)):
            _, written = writer.hear()
        time.sleep(chance.random() * 0.01)  # somewhere within a transaction
        os.kill(child, signal.SIGKILL)
        while (said := writer.hear())[0] != "dead":
            written = said[1]
        with closing(Ledger.open(url, "the test")) as ledger:
            numbers = [only_nodes(v.version) for v in known(ledger)]
            assert numbers in (list(range(1, written + 1)), list(range(1, written + 2)))
            assert spans(known(ledger))[1:-1] == [(n, at("09:00", n), at("09:00", n + 1)) for n in numbers[1:-1]]
            final, restated = ledger.final_of("r", 0, 9), ledger.restatements("r", 0, 9, limit=KILLS * 50)
            assert final is not None
            assert final.computed_us in (written, written + 1)
            assert restated[-1].after == final.input_revision == str(final.status["number"])
            assert len({restatement.after for restatement in restated}) == len(restated)


def test_a_second_instance_is_refused_while_the_first_lives(url: str, writer: Writer) -> None:
    child = writer.start(url)
    said = rf"held by the writer \(process {child} on .*, since 20.*Z\): run one operator for each ledger, or wait"
    with pytest.raises(LedgerBusy, match=said) as busy:
        Ledger.open(url, "the test")
    assert PASSWORD not in str(busy.value)
    os.kill(child, signal.SIGKILL)
    while writer.hear()[0] != "dead":
        pass
    Ledger.open(url, "the test").close()


def test_a_closed_ledger_does_not_take_the_lock_again(ledger: Ledger) -> None:
    ledger.close()
    with pytest.raises(LedgerError, match="is closed"):
        ledger.confirm(1)


class TestDiskFull:
    """Nothing changes, in memory either, and the same call with the same time succeeds once there is space."""

    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        with closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "the test")) as ledger:
            ledger.observe([seen_as(stated())], at("09:00"))
            ledger.confirm(at("09:30"))
            yield ledger

    SAID = "can't be used: .*(full|I/O error).*; .* volume"

    def test_no_page_is_left(self, ledger: Ledger) -> None:
        def limit(pages: int) -> None:
            with ledger._transaction() as connection:
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        limit(1)  # SQLite makes it the number that there are
        before, long = ledger.histories(), seen_as(stated(schedule="0 8 * * 1" + ",1" * 5000, nodes=4))
        with pytest.raises(LedgerError, match="database or disk is full; free or add space on its volume"):
            ledger.observe([long], at("10:00"))
        assert ledger.histories() is before
        assert ledger.final_of("r", 0, 9) is None  # reading still works
        limit(100_000)
        assert ledger.observe([long], at("10:00")) == {KEY}
        assert known(ledger)[1].edited_us == at("10:00")

    def test_no_byte_can_be_written(self, ledger: Ledger) -> None:
        with no_file_may_be_longer_than(1):
            for _ in range(3):
                with pytest.raises(LedgerError, match=self.SAID):
                    ledger.confirm(at("10:00"))
            assert ledger.confirmed_us == at("09:30")
            with pytest.raises(LedgerError, match=self.SAID):
                ledger.observe([seen_as(stated(nodes=4))], at("10:00"))
            assert spans(known(ledger)) == [(2, None, None)]
            assert ledger.observe([seen_as(stated())], at("10:00")) == set()  # nothing to write
        assert ledger.observe([seen_as(stated(nodes=4))], at("10:00")) == {KEY}
        ledger.confirm(at("10:00"))
        assert known(ledger)[1].edit_doubt_us == at("09:30")


@contextmanager
def no_file_may_be_longer_than(size: int) -> Iterator[None]:
    """Bytes, for the files of this process; what lies beyond can't be overwritten either."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestServerGone:
    """PostgreSQL is restarted, or the network breaks: every connection ends."""

    @pytest.fixture
    def opened(self, postgres: Postgres) -> Iterator[Opener]:
        ledgers: list[Ledger] = []
        url = postgres.new_database()

        def another() -> Ledger:
            ledgers.append(Ledger.open(url, f"instance {len(ledgers) + 1}"))
            return ledgers[-1]

        yield another
        for ledger in ledgers:
            ledger.close()

    def hang_up(self, postgres: Postgres, *, refuse: bool = False) -> None:
        """From another database, for this one may be shut."""
        postgres.execute(
            postgres.url_of("template1"),
            f"ALTER DATABASE postgres ALLOW_CONNECTIONS {not refuse}",
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'postgres'",
        )

    def test_it_heals(self, opened: Opener, postgres: Postgres) -> None:
        ledger = opened()
        ledger.observe([seen_as(stated())], at("09:00"))
        self.hang_up(postgres)
        assert ledger.observe([seen_as(stated(nodes=4))], at("10:00")) == {KEY}
        try:
            self.hang_up(postgres, refuse=True)
            for _ in range(2):
                with pytest.raises(LedgerError, match="not currently accepting connections; check that it can") as down:
                    ledger.observe([seen_as(stated(nodes=6))], at("11:00"))
                assert PASSWORD not in str(down.value)
            assert [only_nodes(v.version) for v in known(ledger)] == [2, 4]
            assert ledger.observe([seen_as(stated(nodes=4))], at("11:00")) == set()  # nothing to write
        finally:
            self.hang_up(postgres)
        assert ledger.observe([seen_as(stated(nodes=6))], at("11:00")) == {KEY}
        assert spans(known(ledger))[1:] == [(4, at("10:00"), at("11:00")), (6, at("11:00"), None)]

    def test_in_the_middle_of_a_transaction(self, opened: Opener, postgres: Postgres) -> None:
        ledger = opened()

        def break_it(connection: Connection) -> None:
            self.hang_up(postgres)

        ledger._database.is_alive = lambda connection: True  # type: ignore[method-assign]  # it breaks after that
        event.listen(ledger._database.engine, "commit", break_it, once=True)
        with pytest.raises(LedgerError, match="can't be used"):
            ledger.confirm(at("09:00"))
        assert ledger.confirmed_us is None
        ledger.confirm(at("10:00"))
        assert ledger.confirmed_us == at("10:00")

    def test_a_commit_whose_answer_was_lost(self, opened: Opener, postgres: Postgres) -> None:
        """It may have happened. The caller calls again, and is told then what changed."""
        ledger = opened()
        ledger.observe([seen_as(stated())], at("09:00"))

        def lose_the_answer(connection: Connection) -> None:
            connection.connection.commit()
            self.hang_up(postgres)
            raise ConnectionResetError("nobody answers")

        edited = [seen_as(stated(nodes=4))]
        ledger._database.is_alive = lambda connection: True  # type: ignore[method-assign]  # it breaks after that
        event.listen(ledger._database.engine, "commit", lose_the_answer, once=True)
        with pytest.raises(LedgerError, match="nobody answers"):
            ledger.observe(edited, at("10:00"))
        assert len(known(ledger)) == 1
        assert ledger.observe(edited, at("10:00")) == {KEY}
        assert spans(known(ledger)) == [(2, None, at("10:00")), (4, at("10:00"), None)]
        assert ledger.observe(edited, at("10:00")) == set()

    def test_another_instance_took_over_meanwhile(self, opened: Opener, postgres: Postgres) -> None:
        """It has the lock and what is remembered; when it ends, what it wrote is read."""
        first = opened()
        first.observe([seen_as(stated())], at("09:00"))
        self.hang_up(postgres)
        second = opened()
        second.observe([seen_as(stated(nodes=4))], at("10:00"))
        with pytest.raises(LedgerBusy, match="held by instance 2"):
            first.confirm(at("11:00"))
        second.close()
        first.confirm(at("11:00"))
        assert first.observe([seen_as(stated(nodes=4))], at("11:00")) == {KEY}
        assert spans(known(first)) == [(2, None, at("10:00")), (4, at("10:00"), None)]


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("sqlite://", "names no file, and what is in memory is lost: write sqlite:////PATH"),
            ("sqlite:///:memory:", "names no file"),
            ("sqlite:///x.db?mode=memory", "names no file"),
            ("mysql://me:secret@db/x", "ledger's URL mysql://db/x names no database that it can be kept in"),
            ("ledger.db", "ledger.db names no database that it can be kept in: write sqlite:////PATH or postgresql://"),
        ],
    )
    def test_what_a_ledger_can_not_be_kept_in(self, url: str, said: str) -> None:
        with pytest.raises(LedgerError, match=re.escape(said)) as error:
            Ledger.open(url, "the test")
        assert "secret" not in str(error.value)

    @pytest.mark.parametrize("password", ["wrong-secret", "wr%40ng-secret", "wrong:secret"])
    def test_a_wrong_password(self, password: str, postgres: Postgres) -> None:
        with pytest.raises(LedgerError, match=r"authentication failed .*; check user and password in its URL") as error:
            Ledger.open(postgres.url_of(password=password), "the test")
        assert "secret" not in str(error.value)

    @pytest.mark.parametrize(
        "password", ["pa/secret", "pa#secret", "pa?secret", "pa@secret", "pa@x/secret", "secret%zz", "[secret"]
    )
    def test_passwords_that_were_not_quoted(self, password: str, postgres: Postgres) -> None:
        with pytest.raises(LedgerError) as error:
            Ledger.open(postgres.url_of(password=password), "the test")
        assert "secret" not in str(error.value)

    def test_urls_as_others_write_them(self, postgres: Postgres) -> None:
        url = postgres.new_database()
        for scheme in ("postgres", "postgresql+psycopg"):
            Ledger.open(url.replace("postgresql", scheme, 1), "the test").close()
        Ledger.open(f"postgresql://127.0.0.1:{postgres.port}/postgres?user=postgres&password={PASSWORD}", "me").close()

    def test_files_that_are_none(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("no database " * 1000, encoding="utf-8")
        with pytest.raises(LedgerError, match="not a database; restore it from its backup"):
            Ledger.open(f"sqlite:///{tmp_path}/text", "the test")
        with pytest.raises(LedgerError, match=r"File exists.*; let the operator write to it and its folder"):
            Ledger.open(f"sqlite:///{tmp_path}/text/ledger.db", "the test")
