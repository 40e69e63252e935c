"""What fails around the operator: each fault is named in a condition, the last good figures stay, and it recovers alone."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from live import Place, condition, cost_report, cron_job, fill, nodes_of, operator, place, reads, secret
from wire import Wire

import postgres as databases
from gpucost.api.costreport import parse_cost_report
from gpucost.computing import Pools, compute_from
from gpucost.core.instants import parse_instant
from gpucost.core.zones import UTC
from gpucost.ledger.ledger import Ledger
from gpucost.report.status import status_of
from kubernetes_server import Cluster
from metrics.pages import of_report
from operator_process import Operator
from postgres import Postgres
from processes import Missing, skip, wait_until


@dataclass
class Site:
    """An operator, a namespace and a task database, shared by the tests of faults that leave them as they were."""

    place: Place
    operator: Operator
    database: Postgres


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    """The shared one; what a failed test left broken is mended."""
    yield shared
    here, server = shared.place, shared.database
    if server.stopped:
        server.start()
    server.execute(server.url, "ALTER TABLE IF EXISTS gone RENAME TO task_history")
    here.cluster.request("DELETE", here.path("Secret", "tasks"))
    here.create(secret("tasks", server.url))
    if condition(here.status("costs"))["reason"] != "Computed":
        here.refresh("costs")
        here.wait_for("costs")


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """CronJob ``up``, Secret ``tasks`` and report ``costs``, computed."""
    with ExitStack() as stack:
        server = stack.enter_context(a_server())
        fill(server, server.url)
        here = stack.enter_context(place(cluster))
        here.create(cron_job("up"), secret("tasks", server.url), cost_report("costs", tasks=reads("tasks")))
        folder = tmp_path_factory.mktemp("operator")
        live = stack.enter_context(operator(here, folder, "--timeout=1", "--log-level=debug"))
        here.wait_for("costs")
        yield Site(here, live, server)
        assert "unexpected" not in live.log
        assert "Traceback" not in live.log


def figures(status: dict[str, Any]) -> dict[str, Any]:
    return {name: status[name] for name in ("summary", "nodeTypes", "services", "period", "lastSuccessTime")}


def ready_in(live: Operator) -> float:
    found = of_report(live.metrics().encode(), "costs")
    return next(value for key, value in found.items() if key[0] == "gpucost_report_ready")


@contextmanager
def broken(site: Site, reason: str, *, about_tasks: bool = True, seconds: float = 10) -> Iterator[dict[str, Any]]:
    """Inside: the fault is there. On entering, the report says so and shows its last good figures; after the block, which
    ends the fault, it is computed again without anybody's doing."""
    here, live = site.place, site.operator
    before = here.status("costs")
    shown = of_report(live.metrics().encode(), "costs")
    here.refresh("costs")
    status = here.wait_for("costs", reason, seconds)
    ready = condition(status)
    assert ready["status"] == "False"
    assert ready["message"].endswith(f"; the figures shown are of {before['lastSuccessTime']}")
    assert ready["lastTransitionTime"] > condition(before)["lastTransitionTime"]
    readable = condition(status, "TasksReadable")
    assert (readable["status"], readable["reason"]) == (("False", reason) if about_tasks else ("True", "AllRead"))
    assert figures(status) == figures(before)
    wait_until(lambda: ready_in(live) == 0, 10, "the metric that says so")
    kept = of_report(live.metrics().encode(), "costs")
    changed = {key[0] for key in shown.keys() | kept.keys() if shown.get(key) != kept.get(key)}
    assert changed == {"gpucost_report_ready", "gpucost_report_ready_reason"}
    assert live.page("/healthz").status == 200
    yield status
    after = here.wait_for("costs", seconds=15)
    wait_until(lambda: ready_in(live) == 1, 10, "the metric that says so")
    assert after["lastSuccessTime"] > before["lastSuccessTime"]
    assert condition(after, "TasksReadable")["status"] == "True"
    assert after["summary"]["attempts"] == before["summary"]["attempts"]


def test_the_task_database_is_stopped(site: Site) -> None:
    site.database.stop()
    with broken(site, "DatabaseUnreachable") as status:
        assert "can't be reached" in condition(status)["message"]
        site.database.start()


def test_a_lock_makes_the_task_database_slow(site: Site) -> None:
    """Statements end after --timeout."""
    with psycopg.connect(site.database.url) as session, ExitStack() as stack:
        session.execute("LOCK TABLE task_history IN ACCESS EXCLUSIVE MODE")
        status = stack.enter_context(broken(site, "DatabaseTimeout"))
        assert "did not answer within 1 s" in condition(status)["message"]
        session.rollback()


def test_a_slow_query_never_gets_figures(site: Site) -> None:
    slow = reads("tasks", query="SELECT t.* FROM task_history t, pg_sleep(60)")
    site.place.create(cost_report("slow", tasks=slow))
    status = site.place.wait_for("slow", "DatabaseTimeout")
    assert "summary" not in status
    assert "the figures shown" not in condition(status)["message"]
    site.place.delete("CostReport", "slow")


def test_the_password_is_wrong(site: Site) -> None:
    """The Secret is read again at each try, so that mending it is all there is to do."""
    site.place.patch("Secret", "tasks", {"stringData": {"url": site.database.url_of(password="wrong")}})
    with broken(site, "AuthenticationFailed") as status:
        assert "password authentication failed" in condition(status)["message"]
        site.place.patch("Secret", "tasks", {"stringData": {"url": site.database.url}})


def test_the_password_was_changed_between_two_refreshes(site: Site) -> None:
    before = site.place.status("costs")["lastSuccessTime"]
    site.database.execute(site.database.url, f"ALTER ROLE {databases.SUPERUSER} PASSWORD 'another'")
    url = site.database.url_of(password="another")
    site.place.patch("Secret", "tasks", {"stringData": {"url": url}})
    site.place.refresh("costs")
    site.place.wait_for("costs", after=before)
    site.database.execute(url, f"ALTER ROLE {databases.SUPERUSER} PASSWORD '{databases.PASSWORD}'")
    site.place.patch("Secret", "tasks", {"stringData": {"url": site.database.url}})


def test_the_secret_is_missing(site: Site) -> None:
    site.place.delete("Secret", "tasks")
    with broken(site, "SecretUnreadable") as status:
        assert f"Secret {site.place.namespace}/tasks does not exist; create it" in condition(status)["message"]
        site.place.create(secret("tasks", site.database.url))


def test_the_table_is_dropped(site: Site) -> None:
    url = site.database.url
    site.database.execute(url, "ALTER TABLE task_history RENAME TO gone")
    with broken(site, "TableMissing") as status:
        assert "has no table task_history; name yours in spec.tasks.query" in condition(status)["message"]
        site.database.execute(url, "ALTER TABLE gone RENAME TO task_history")


def told_of(here: Place, name: str) -> list[tuple[str, str]]:
    """Reason and type of each Event of a report."""
    return [(event["reason"], event["type"]) for event in here.list("Event") if event["involvedObject"]["name"] == name]


def test_a_refresh_finds_the_fault_and_its_end(site: Site) -> None:
    """Nobody asks for anything: the report is computed every five seconds."""
    here = site.place
    here.create(cost_report("often", tasks=reads("tasks"), refresh={"every": "5s"}))
    here.wait_for("often")
    site.database.stop()
    failed = here.wait_for("often", "DatabaseUnreachable", seconds=12)
    site.database.start()
    here.wait_for("often", after=failed["lastSuccessTime"], seconds=12)
    wait_until(lambda: ("AllRead", "Normal") in told_of(here, "often"), 5, "the last Event")
    assert set(told_of(here, "often")) == {
        ("AllRead", "Normal"),
        ("Computed", "Normal"),
        ("DatabaseUnreachable", "Warning"),
    }
    assert (
        told_of(here, "often").count(("DatabaseUnreachable", "Warning")) == 2
    )  # of Ready and TasksReadable, once each
    here.delete("CostReport", "often")


def test_a_server_that_freezes_within_a_statement_is_a_timeout(site: Site) -> None:
    """Its own statement timeout is frozen as well, and its connection stays open: only we can end the wait."""
    here = site.place
    here.create(cost_report("frozen", tasks=reads("tasks", query="SELECT t.* FROM task_history t, pg_sleep(0.9)")))
    wait_until(lambda: statements(site.database, "pg_sleep"), 5, "a statement that runs")
    site.database.send(signal.SIGSTOP)
    try:
        here.wait_for("frozen", "DatabaseTimeout", seconds=20)
        here.refresh("costs")
        here.wait_for("costs", "DatabaseUnreachable", seconds=20)
    finally:
        site.database.send(signal.SIGCONT)
        here.delete("CostReport", "frozen")
        here.wait_for("costs", seconds=15)


def statements(server: Postgres, text: str) -> int:
    """How many statements with a text run now."""
    ask = f"SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{text}%' AND pid <> pg_backend_pid()"
    return len(server.execute(server.url, ask))


# The API server


def next_nodes(status: dict[str, Any]) -> int | None:
    """What the pool's next schedule asks for: an edit of the CronJob shows there at once."""
    (pool,) = status["nodePools"]
    return pool.get("nextChange", {}).get("nodes")


@pytest.fixture
def watched(cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Place, Operator]]:
    """CronJob ``up`` and report ``nodes`` of node cost, with an operator that hears of edits by its watch alone."""
    with place(cluster) as here:
        here.create(cron_job("up"), cost_report("nodes"))
        with operator(here, tmp_path, "--resync=3600") as live:
            here.wait_for("nodes")
            yield here, live
            assert "unexpected" not in live.log
            assert "Traceback" not in live.log


def edited(here: Place, nodes: int, seconds: float) -> None:
    """Edit the CronJob, and see it in the status."""
    here.patch("CronJob", "up", nodes_of(nodes))
    wait_until(lambda: next_nodes(here.status("nodes")) == nodes, seconds, f"{nodes} nodes in the status")


OUTAGE_SECONDS = float(os.environ.get("GPUCOST_OUTAGE_SECONDS", "6"))
"""Of the API server in a test; more gives longer waits between tries."""


def test_the_api_server_is_stopped(watched: tuple[Place, Operator]) -> None:
    here, live = watched
    before, pid = of_report(live.metrics().encode(), "nodes"), live.process.pid
    here.cluster.stop_api_server()
    until = time.monotonic() + OUTAGE_SECONDS
    while time.monotonic() < until:
        assert live.page("/healthz").status == 200
        assert of_report(live.metrics().encode(), "nodes") == before
        time.sleep(0.2)
    here.cluster.start_api_server()
    edited(here, 5, seconds=25)
    assert live.process.running
    assert live.process.pid == pid


def test_the_api_server_is_paused(watched: tuple[Place, Operator]) -> None:
    here, _ = watched
    here.cluster.pause_api_server()
    time.sleep(3)
    here.cluster.resume_api_server()
    edited(here, 6, seconds=10)


def test_what_the_watch_resumes_from_is_compacted_away(watched: tuple[Place, Operator]) -> None:
    """410 (Gone) makes it list everything anew; the edit was made while the watch was away."""
    here, _ = watched
    here.cluster.stop_api_server()
    here.cluster.compact_etcd()
    here.cluster.start_api_server()
    edited(here, 7, seconds=25)


def test_a_watch_goes_deaf(cluster: Cluster, tmp_path: Path) -> None:
    """Its connection stays open and nothing comes over it: the next full list has the edit."""
    with place(cluster) as here, Wire(cluster.port) as wire:
        here.create(cron_job("up"), cost_report("nodes"))
        with operator(here, tmp_path, kubeconfig=wire.kubeconfig(cluster, tmp_path)):
            here.wait_for("nodes")
            wait_until(lambda: wire.silent(2.5) >= 3, 10, "three watches that have nothing to say")
            assert wire.deafen(2.5) >= 3
            edited(here, 8, seconds=10)
            here.create(cost_report("new"))
            here.wait_for("new")


# The ledger


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        skip("small file system", Missing(f"mount: {mounted.stderr.strip()}"))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_the_ledgers_disk_is_full(cluster: Cluster, small_disk: Path, tmp_path: Path) -> None:
    """Edits that can't be written down wait, so that no figure misses one; all of them are there afterwards."""
    with place(cluster) as here:
        here.create(cron_job("up"), cost_report("nodes"))
        with operator(here, tmp_path, ledger=f"sqlite:///{small_disk}/ledger.db") as live:
            before = here.wait_for("nodes")
            fill_up(small_disk)
            for nodes in (3, 4, 5):
                here.patch("CronJob", "up", nodes_of(nodes))
            status = here.wait_for("nodes", "LedgerUnavailable")
            assert "disk is full; free or add space on its volume" in condition(status)["message"]
            assert condition(status)["message"].endswith(f"; the figures shown are of {before['lastSuccessTime']}")
            assert status["summary"] == before["summary"]
            ready = live.page("/readyz")
            assert ready.status == 503
            assert "disk is full; free or add space on its volume" in ready.text
            assert live.page("/healthz").status == 200
            (small_disk / "filler").unlink()
            after = here.wait_for("nodes", seconds=25)
            assert next_nodes(after) == 5
            assert live.ready()
            live.stop()
            versions = versions_in(small_disk / "ledger.db")["up"]
            assert [nodes for nodes, _, _ in versions] in ([2, 3, 4, 5], [2, 4, 5], [2, 3, 5], [2, 5])


def fill_up(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


Versions = dict[str, list[tuple[int, int | None, str]]]
"""Count, time and uid of each version, by the name of its CronJob."""


def versions_in(ledger: Path) -> Versions:
    """All that is in a ledger. Fails where the file is damaged."""
    with closing(sqlite3.connect(ledger)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        found: Versions = {}
        rows = (
            "SELECT name, nodes, edited_us, uid FROM gpucost_versions JOIN gpucost_counts USING (namespace, name, number) "
            "ORDER BY namespace, name, number"
        )
        for name, *version in connection.execute(rows):
            found.setdefault(name, []).append((version[0], version[1], version[2]))
        return found


def test_the_ledgers_database_is_stopped(cluster: Cluster, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(a_server("fsync=on", "synchronous_commit=on"))
        here = stack.enter_context(place(cluster))
        here.create(cron_job("up"), cost_report("nodes"))
        live = stack.enter_context(operator(here, tmp_path, ledger=server.url))
        here.wait_for("nodes")
        server.stop()
        status = here.wait_for("nodes", "LedgerUnavailable")
        assert databases.PASSWORD not in condition(status)["message"]
        assert live.page("/readyz").status == 503
        here.patch("CronJob", "up", nodes_of(9))
        server.start()
        wait_until(lambda: next_nodes(here.status("nodes")) == 9, 25, "the edit in the status")
        here.wait_for("nodes")
        live.process.wait_for(live.ready, 5, "the operator's /readyz")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_second_instance_waits_for_the_first(kind: str, cluster: Cluster, tmp_path: Path) -> None:
    """It names who holds the ledger, and takes over when that one is gone."""
    with ExitStack() as stack:
        url = stack.enter_context(a_server()).url if kind == "postgresql" else f"sqlite:///{tmp_path}/ledger.db"
        here = stack.enter_context(place(cluster))
        here.create(cron_job("up"), cost_report("nodes"))
        first = stack.enter_context(operator(here, tmp_path / "first", ledger=url))
        here.wait_for("nodes")
        second = stack.enter_context(operator(here, tmp_path / "second", ledger=url, ready=False))
        waits = second.process.wait_for(lambda: held(second), 10, "a sentence about the first")
        assert f"is held by gpucost operator (process {first.process.pid} on {socket.gethostname()}, since 20" in waits
        assert databases.PASSWORD not in waits + second.log
        assert second.page("/healthz").status == 200
        first.kill()
        second.wait_ready(10)
        here.patch("CronJob", "up", nodes_of(4))
        wait_until(lambda: next_nodes(here.status("nodes")) == 4, 10, "an edit in the status")


def held(second: Operator) -> str:
    try:
        page = second.page("/readyz")
    except OSError:
        return ""
    assert page.status == 503
    return page.text if "held" in page.text else ""


# Killed


class Load:
    """Edits of CronJobs and reports, one after the other until the block ends; each edit counts a CronJob's nodes up."""

    def __init__(self, here: Place, names: Sequence[str], seed: int) -> None:
        self._here, self._names, self._chance = here, names, random.Random(seed)
        self._thread = threading.Thread(target=self._work)
        self._over = threading.Event()
        self.edits: dict[str, list[tuple[int, float]]] = {name: [(0, time.time())] for name in names}
        """Count and time of each edit."""
        self.errors: list[BaseException] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert self.errors == []

    def _work(self) -> None:
        try:
            while not self._over.wait(0.02):
                self._edit(self._chance.choice(self._names))
                if self._chance.random() < 0.2:
                    price = str(self._chance.randrange(1, 100))
                    types = [{"name": "a100", "match": ["*a100*"], "prices": [{"pricePerHour": price}]}]
                    self._here.patch("CostReport", "nodes", {"spec": {"nodePools": {"types": types}}})
        except BaseException as error:
            self.errors.append(error)

    def _edit(self, name: str) -> None:
        nodes = self.edits[name][-1][0] + 1
        self.edits[name].append((nodes, time.time()))
        if self._chance.random() < 0.1:
            self._here.delete("CronJob", name)
            self._here.create(cron_job(name, nodes, f"pool-{name}-a100"))
        else:
            self._here.patch("CronJob", name, nodes_of(nodes))


KILLS, ROUNDS = 30, 3


def test_killed_at_random_moments_under_load(cluster: Cluster, tmp_path: Path) -> None:
    """The ledger stays whole: each edit is there once at most, in order, at its time; the status is right after a restart."""
    names = [f"up-{number}" for number in range(4)]
    chance = random.Random(2025)
    with place(cluster) as here:
        here.create(cost_report("nodes"), *(cron_job(name, 0, f"pool-{name}-a100") for name in names))
        with operator(here, tmp_path) as live:
            edits: dict[str, list[tuple[int, float]]] = {}
            for _ in range(ROUNDS):
                with Load(here, names, chance.randrange(1000)) as load:
                    load.edits |= {name: done[-1:] for name, done in edits.items()}
                    for _ in range(KILLS // ROUNDS):
                        time.sleep(chance.uniform(0.05, 2))  # while it starts, lists, or writes
                        live.kill()
                        versions_in(tmp_path / "ledger.db")
                        live.start()
                edits = {name: edits.get(name, [])[:-1] + load.edits[name] for name in names}
                live.wait_ready(10)
                wait_current(here, tmp_path, edits)
                check_versions(versions_in(tmp_path / "ledger.db"), edits)
            assert live.stop() == 0
            assert "unexpected" not in live.log
            assert "Traceback" not in live.log


def wait_current(here: Place, folder: Path, edits: dict[str, list[tuple[int, float]]]) -> None:
    try:
        wait_until(lambda: not stale(here, folder, edits), 15, "a status of the last edits")
    except AssertionError as error:
        raise AssertionError(f"{error}: {stale(here, folder, edits)}") from None


def stale(here: Place, folder: Path, edits: dict[str, list[tuple[int, float]]]) -> dict[str, Any]:
    """What of ledger and status isn't that of the last edits, or not what the ledger gives, computed afresh."""
    body = here.get("CostReport", "nodes")
    status = body.get("status") or {}
    if condition(status).get("observedGeneration") != body["metadata"]["generation"]:
        return {"Ready": condition(status)}
    versions = versions_in(folder / "ledger.db")
    late = {name: versions[name][-1] for name, done in edits.items() if versions[name][-1][0] != done[-1][0]}
    if late:
        return late
    fresh = computed_from(folder, here, body)
    parts = "summary", "nodeTypes", "nodePools", "quality", "period", "inputRevision"
    return {part: (status.get(part), fresh.get(part)) for part in parts if status.get(part) != fresh.get(part)}


def computed_from(folder: Path, here: Place, body: dict[str, Any]) -> dict[str, Any]:
    """The status by a copy of the ledger, at the moment of the status that is there."""
    copy = folder / "copy.db"
    with closing(sqlite3.connect(folder / "ledger.db")) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    with closing(Ledger.open(f"sqlite:///{copy}", "the test")) as ledger:
        histories = tuple(
            history.known for key, history in sorted(ledger.histories().items()) if key[0] == here.namespace
        )
    report = parse_cost_report({key: value for key, value in body.items() if key != "status"})
    now_us = parse_instant(body["status"]["lastSuccessTime"])
    assert now_us is not None
    return dict(status_of(compute_from(report, Pools(histories, (), ()), None, now_us, UTC), top_services=20))


def check_versions(found: Versions, edits: dict[str, list[tuple[int, float]]]) -> None:
    """Where a CronJob was made anew and edited before it was seen, its count holds since its creation: that is assumed."""
    for name, done in edits.items():
        versions, made = found[name], dict(done)
        counts = [nodes for nodes, _, _ in versions]
        times = [edited_us for _, edited_us, _ in versions if edited_us is not None]
        assert counts == sorted(set(counts)), f"{name}: a version stands twice or not in order"
        assert times == sorted(set(times)), f"{name}: times go back"
        assert len(times) == len(versions) - 1
        for (_, _, before), (nodes, edited_us, uid) in pairwise(versions):
            assert edited_us is not None
            early = made[nodes] - edited_us / 1e6
            assert early < 1.01 or before != uid, f"{name}: {nodes} nodes {early} s before the edit"
        assert counts[-1] == done[-1][0]


# Passwords


PASSWORD = "Kx7@Kx7/Kx7:Kx7?Kx7#Kx7 Kx7é"
"""Whatever a message takes for a part of a URL has the word in it."""
WORD = "Kx7"


def test_no_password_anywhere(cluster: Cluster, tmp_path: Path) -> None:
    """Not in the log, Events, statuses, metrics and health, with whatever is wrong; the ledger's own neither."""
    encoded = quote(PASSWORD, safe="")
    with ExitStack() as stack:
        server, here = stack.enter_context(a_server()), stack.enter_context(place(cluster))
        fill(server, server.url)
        server.execute(
            server.url,
            f"CREATE ROLE tenant LOGIN PASSWORD '{PASSWORD}'",
            "GRANT SELECT ON task_history TO tenant",
            "CREATE DATABASE ledger OWNER tenant",
        )
        good = server.url_of(user="tenant", password=encoded)
        where = f"127.0.0.1:{server.port}/postgres"
        cases = {
            "works": (good, "Computed", None),
            "wrong": (server.url_of(user="tenant", password=encoded + "x"), "AuthenticationFailed", None),
            "no-role": (server.url_of(user="nobody", password=encoded), "AuthenticationFailed", None),
            "no-database": (server.url_of("absent", "tenant", encoded), None, None),
            "no-server": (f"postgresql://tenant:{encoded}@127.0.0.1:1/postgres", "DatabaseUnreachable", None),
            "no-host": (f"postgresql://tenant:{encoded}@host.invalid/postgres", "DatabaseUnreachable", None),
            "slow": (good, "DatabaseTimeout", "SELECT t.* FROM task_history t, pg_sleep(60)"),
            "bad-sql": (good, None, "SELECT nonsense FROM task_history"),
            "no-select": (good, "InvalidSpec", "DELETE FROM task_history"),
            "other-query": (good, "TasksUnreadable", "SELECT 1 AS one"),
            "not-encoded": (f"postgresql://tenant:{PASSWORD}@{where}", None, None),
            "not-encoded-at": (f"postgresql://tenant:{WORD}@{WORD}@{where}", None, None),
            "parameter": (f"postgresql://tenant@{where}?password={encoded}x", "AuthenticationFailed", None),
            "bad-parameter": (f"postgresql://tenant:{encoded}@{where}?sslmode=never", None, None),
            "port": (f"postgresql://tenant:{encoded}@127.0.0.1:none/postgres", None, None),
            "words": (f"host=127.0.0.1 user=tenant password={WORD}", None, None),
            "other-kind": (f"mysql://tenant:{encoded}@{where}", "TasksUnreadable", None),
            "no-kind": (f"tenant:{WORD}@{where}", None, None),
            "user-only": (f"postgresql://{WORD}@{where}", None, None),
        }
        for name, (url, _, query) in cases.items():
            here.create(secret(name, url), cost_report(name, tasks=reads(name, query=query)))
        ledger = server.url_of("ledger", "tenant", encoded)
        flags = "--timeout=1", "--log-level=debug", "--workers=4"
        live = stack.enter_context(operator(here, tmp_path, *flags, ledger=ledger, log_format="text"))
        for name, (_, reason, _) in cases.items():
            if reason is None:
                wait_until(lambda: condition(here.status(name)).get("status") == "False", 20, name)  # noqa: B023
            else:
                here.wait_for(name, reason, seconds=20)
        pages = [live.metrics(), live.page("/readyz").text]
        server.stop()
        here.wait_for("works", "LedgerUnavailable", seconds=20)
        pages += [live.metrics(), live.page("/readyz").text]
        live.kill()
        live.start()  # with a ledger that it can't reach
        live.process.wait_for(lambda: "ledger" in unready(live), 20, "a sentence about the ledger")
        pages += [unready(live), live.log, json.dumps(here.list("Event")), json.dumps(here.list("CostReport"))]
        assert [page for page in pages if not page] == []
        for page in pages:
            leaks = [line for line in page.splitlines() if WORD in line or encoded in line]
            assert leaks == [], "\n".join(leaks)


def unready(live: Operator) -> str:
    try:
        return live.page("/readyz").text
    except OSError:
        return ""


def test_a_tenant_reads_no_file_and_learns_of_none(site: Site) -> None:
    """Whatever its URL says, a report reads no file of the operator's, not even whether there is one."""
    ledger = site.operator.ledger
    urls = [
        "/etc/passwd",
        "/etc/absent",
        "/etc/*",
        "sqlite:////etc/passwd",
        "sqlite:////etc/absent",
        ledger,
        ledger.replace("sqlite", "duckdb"),
        f"sqlite:///..{ledger.partition('://')[2]}",
        "duckdb:////etc/absent",
        "../../../../../../etc/passwd",
        "/proc/self/environ",
    ]
    here = site.place
    for number, url in enumerate(urls):
        here.create(secret(f"file-{number}", url), cost_report(f"file-{number}", tasks=reads(f"file-{number}")))
    found = {
        url: condition(here.wait_for(f"file-{number}", "TasksUnreadable"))["message"] for number, url in enumerate(urls)
    }
    told = (
        "the database URL names a file outside the folders that this operator may read; "
        "use postgresql://, or have the folder added to --data-folder"
    )
    assert found == dict.fromkeys(urls, told)
    for number in range(len(urls)):
        here.delete("CostReport", f"file-{number}")


@contextmanager
def a_server(*options: str) -> Iterator[Postgres]:
    try:
        context = databases.running(*options)
        server = context.__enter__()
    except Missing as why:
        skip("PostgreSQL", why)
    try:
        yield server
    finally:
        context.__exit__(None, None, None)
