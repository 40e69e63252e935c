"""CostReports on a real API server: what kubectl shows, and that it is what the command line computes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from costreports import (
    GOES_ON,
    Manifest,
    Place,
    command_line,
    comparable,
    condition,
    cost_report,
    cron_job,
    issues,
    placed,
    ready,
    secret,
    summer,
)

from command import gpucost, installed, write
from gpucost.core.instants import parse_instant
from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator
from postgres import Postgres

COLUMNS = ["NAME", "READY", "PERIOD", "NODE-COST", "ALLOCATED", "IDLE-COST", "COVERAGE", "UTILIZATION", "AGE"]
TASK_TABLE = (
    "CREATE TABLE task_history "
    "(task_id text, service_name text, status text, creation_ts {}, node_id text, metainfo text)"
)
L4_NODE = '{"node_name": "l4-node-1"}'
JUNE_TASKS = (
    ("t1", "video", "running", "2025-06-02 10:00:00"),
    ("t1", "video", "done", "2025-06-02 13:00:00"),
    ("t2", "image", "running", "2025-06-02 12:30:00"),
    ("t2", "image", "error", "2025-06-02 13:00:00"),
    ("t3", "image", "running", "2025-06-08 23:00:00"),
    ("t3", "image", "done", "2025-06-09 01:00:00"),
    ("t4", "ünï", "running", "2025-06-10 09:00:00"),
    ("t4", "ünï", "waiting", "2025-06-10 09:20:00"),
    ("t5", "video", "new", "2025-06-11 09:00:00"),
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose task databases the operator may read."""
    return tmp_path_factory.mktemp("task-files")


@pytest.fixture(scope="module")
def operator(cluster: Cluster, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("operator")
    with Operator(cluster.kubeconfig_for(OPERATOR), folder, [f"--data-folder={files}", "--share=0"]) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def place(cluster: Cluster, namespace: str, operator: Operator) -> Place:
    return Place(cluster, namespace, operator)


def tasks(name: str = "task-db", **more: Any) -> Manifest:
    return {"databaseSecretRef": {"name": name, "key": "url"}, **more}


def june_in(server: Postgres, *, rows: tuple[tuple[str, ...], ...] = JUNE_TASKS) -> str:
    """The URL of a PostgreSQL database that has the tasks of June."""
    url = server.new_database()
    insert = f"INSERT INTO task_history VALUES (%s, %s, %s, %s, 'n1', '{L4_NODE}')"
    server.execute(url, TASK_TABLE.format("timestamp"), insert, rows=rows)
    return url


def june_file(path: Path) -> str:
    """The URL of a SQLite file that has the tasks of June."""
    with closing(sqlite3.connect(path)) as con, con:
        con.execute(TASK_TABLE.format("text"))
        con.executemany(f"INSERT INTO task_history VALUES (?, ?, ?, ?, 'n1', '{L4_NODE}')", JUNE_TASKS)
    return f"sqlite:///{path}"


def l4_jobs() -> list[Manifest]:
    return [cron_job("up", 6, "0 9 * * 1-5"), cron_job("down", 12, "0 15 * * 0,6")]


class TestGoldenSchedule:
    """Method section 7: 5,304 hours at 11 USD and 16,668 hours at 1 USD are 75,012 USD."""

    @pytest.fixture
    def applied(self, place: Place) -> Place:
        jobs, report = summer()
        place.cluster.apply(
            [{**m, "metadata": {**m["metadata"], "namespace": place.namespace}} for m in [*jobs, report]]
        )
        return place

    def test_kubectl_shows_75012_within_3_seconds_of_the_apply(self, applied: Place) -> None:
        started = time.monotonic()

        def shown() -> str:
            said = applied.cluster.kubectl("get", "costreports", "--namespace", applied.namespace).stdout
            return said if "75,012.00 USD" in said else ""

        table = applied.cluster.wait_until(shown, 3, "kubectl get costreports shows 75,012.00")
        assert time.monotonic() - started < 3
        header, row = table.splitlines()
        assert header.split() == COLUMNS
        assert row.split()[:5] == ["summer", "True", "2025-06-01..08-31", "75,012.00", "USD"]

    def computed(self, place: Place) -> Mapping[str, Any]:
        return place.wait(lambda status: "75,012.00 USD" in str(status.get("display")), "75,012.00 USD", "summer")

    def test_short_name_category_and_wide_columns(self, applied: Place) -> None:
        self.computed(applied)
        inside = ("--namespace", applied.namespace)
        assert "75,012.00 USD" in applied.cluster.kubectl("get", "gcr", *inside).stdout
        assert "75,012.00 USD" in applied.cluster.kubectl("get", "gpucost", *inside).stdout
        wide = applied.cluster.kubectl("get", "gcr", *inside, "-o", "wide").stdout.splitlines()
        assert wide[0].split() == [*COLUMNS[:-1], "REASON", "REFRESHED", "AGE"]
        assert wide[1].split()[5] == "Computed"

    def test_status_says_what_it_rests_on(self, applied: Place) -> None:
        """All of it lies before the ledger's first sight of the CronJobs, so all of it is assumed."""
        status = self.computed(applied)
        assert [(one["name"], one["nodeHours"], one["nodeCost"]) for one in status["nodeTypes"]] == [
            ("a100", "5304", "58344.00"),
            ("l4", "16668", "16668.00"),
        ]
        assert status["quality"]["assumedHours"] == "21972"
        assert {one["type"]: one["status"] for one in status["conditions"]} == {
            "Ready": "True",
            "SchedulesResolved": "True",
            "TasksReadable": "True",
            "Priced": "True",
            "Conserved": "True",
            "Final": "True",
        }
        assert {one["observedGeneration"] for one in status["conditions"]} == {1} == {status["observedGeneration"]}

    def test_it_equals_the_command_line(self, applied: Place, tmp_path: Path) -> None:
        jobs, report = summer()
        status = self.computed(applied)
        there = command_line(tmp_path, applied, report, jobs, now=status["lastSuccessTime"])
        assert comparable(status) == comparable(there)


class TestWithTasks:
    """The operator and the command line compute the same of the same inputs at the same moment, to the last digit."""

    def equal(self, place: Place, folder: Path, report: Manifest, jobs: list[Manifest], url: str) -> Mapping[str, Any]:
        place.create(secret(url), *jobs, report)
        status = place.computed()
        there = command_line(folder, place, report, jobs, "--db", url, now=status["lastSuccessTime"])
        assert comparable(status) == comparable(there)
        return status

    def test_in_postgresql(self, place: Place, tmp_path: Path, postgres: Postgres) -> None:
        status = self.equal(place, tmp_path, cost_report(tasks=tasks()), l4_jobs(), june_in(postgres))
        assert [one["name"] for one in status["services"]] == ["image", "video", "ünï"]
        assert status["summary"]["attempts"] == 4
        assert status["quality"]["neverRan"] == 1

    def test_in_a_sqlite_file_by_the_hour_and_idle_apart(self, place: Place, tmp_path: Path, files: Path) -> None:
        """Node n1 is busy for 3 h (t1, and beside it t2), 2 h (t3) and 20 min (t4), at 1 USD; the rest is idle."""
        url = june_file(files / "june.db")
        report = cost_report(tasks=tasks(), allocation={"bucket": "Hour", "idle": "Separate"})
        status = self.equal(place, tmp_path, report, l4_jobs(), url)
        assert status["summary"]["allocatedCost"] == status["summary"]["busyCost"] == "5.333333333"

    def test_a_file_outside_the_data_folder_is_refused(self, place: Place, tmp_path: Path) -> None:
        place.create(secret(june_file(tmp_path / "june.db")), *l4_jobs(), cost_report(tasks=tasks()))
        status = place.wait(lambda found: ready(found)["status"] == "False", "it is refused")
        assert ready(status)["reason"] == "TasksUnreadable"
        assert "--data-folder" in ready(status)["message"]
        assert str(tmp_path) not in json.dumps(status)

    def test_of_a_month_that_is_not_over(self, place: Place, tmp_path: Path, postgres: Postgres) -> None:
        """Only of the time since it saw the CronJobs does the operator know more: that is not assumed any more."""
        url = june_in(postgres)
        now = datetime.now(UTC)
        running = [("t9", "video", "running", (now - timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S"))]
        postgres.execute(url, f"INSERT INTO task_history VALUES (%s, %s, %s, %s, 'n1', '{L4_NODE}')", rows=running)
        jobs, report = l4_jobs(), cost_report(tasks=tasks(), period={"calendar": {"unit": "Month", "offset": 0}})
        place.create(secret(url), *jobs, report)
        status = place.computed()
        there = command_line(tmp_path, place, report, jobs, "--db", url, now=status["lastSuccessTime"])
        ours, theirs = comparable(status), comparable(there)
        assumed = [one.pop("quality") for one in (ours, theirs)]
        assert ours == theirs
        assert "nextChange" in ours["nodePools"][0]
        watched = Fraction(assumed[1]["assumedHours"]) - Fraction(assumed[0]["assumedHours"])
        assert 0 <= watched <= 12 * Fraction(15, 3600)
        for one in assumed:
            del one["assumedHours"]
            one["issues"] = [issue for issue in one["issues"] if issue["reason"] != "AssumedHistory"]
        assert assumed[0] == assumed[1]

    def test_with_the_schedule_table(self, place: Place, tmp_path: Path, postgres: Postgres) -> None:
        """Row: 3 nodes of a pool that no CronJob states, since 2 June."""
        url = june_in(postgres)
        postgres.execute(
            url,
            "CREATE TABLE k8s_nodes_scaling (id int, node_pool_name text, nodes_count int, is_weekend bool, "
            "time_cron text, creation_ts timestamp)",
            "INSERT INTO k8s_nodes_scaling VALUES (1, 'table-l4', 3, false, '0 0 * * *', '2025-06-02')",
        )
        report = cost_report(tasks=tasks())
        report["spec"]["nodePools"] |= {"scheduleTable": {"enabled": True}}
        report["spec"]["nodePools"]["types"][0]["initialNodes"] = 0
        status = self.equal(place, tmp_path, report, l4_jobs(), url)
        (pool,) = [one for one in status["nodePools"] if one["name"] == "table-l4"]
        assert pool["nodeHours"] == "2088"  # 29 days of 3 nodes

    def test_a_manifest_with_the_clusters_cronjobs(self, place: Place, tmp_path: Path) -> None:
        """A report that is not applied yet, of what the cluster holds."""
        place.create(cron_job("two", 2, "0 0 1 1 *"))
        file = write(tmp_path / "report.yaml", placed(place, cost_report()))
        ran = gpucost("report", "-f", file, "--kubeconfig", place.cluster.kubeconfig, "-o", "json")
        assert json.loads(ran.out)["status"]["summary"]["nodeCost"] == "1440.00"
        assert "operator's ledger" in ran.err

    def test_one_that_the_cluster_lacks_is_an_error(self, place: Place) -> None:
        where = ("-n", place.namespace, "--kubeconfig", place.cluster.kubeconfig)
        ran = gpucost("report", "nobody", *where)
        assert (ran.code, ran.out) == (1, "")
        assert '"nobody" not found' in ran.err.splitlines()[-1]

    def test_straight_from_the_cluster(self, place: Place, postgres: Postgres) -> None:
        """CronJobs and Secret come from the cluster; a sentence says that edits of the past are unknown to the command."""
        place.create(secret(june_in(postgres)), *l4_jobs(), cost_report(tasks=tasks()))
        status = place.computed()
        where = ("-n", place.namespace, "--kubeconfig", place.cluster.kubeconfig)
        ran = installed("report", "example", *where, "--now", status["lastSuccessTime"], "-o", "json")
        assert ran.code == 0, ran
        (sentence,) = ran.err.splitlines()
        assert "CronJobs are taken as they stand now" in sentence
        assert comparable(json.loads(ran.out)["status"]) == comparable(status)


class TestUnreadableSchedules:
    @pytest.mark.parametrize(
        ("annotations", "reason"),
        [
            ({"gpucost.dev/nodes": None}, "IncompleteCronJob"),
            ({"gpucost.dev/nodes": "four"}, "UnreadableCronJob"),
            ({"gpucost.dev/node-pool": None}, "IncompleteCronJob"),
        ],
    )
    def test_is_named_and_the_others_count(self, place: Place, annotations: dict[str, str | None], reason: str) -> None:
        """Two nodes since 2025 cost 2 USD in each of June's 720 hours."""
        broken = cron_job("broken", 9, "0 5 * * *", annotations=annotations)
        place.create(cron_job("good", 2, "0 0 1 1 *"), broken, cost_report())
        status = place.computed()
        assert f"{place.namespace}/broken" in issues(status)[reason]
        assert condition(status, "SchedulesResolved")["reason"] == "SchedulesUnread"
        assert condition(status, "SchedulesResolved")["status"] == "False"
        assert status["summary"]["nodeCost"] == "1440.00"

    def test_mended_it_counts_and_the_issue_is_gone(self, place: Place) -> None:
        place.create(cron_job("good", 2, "0 0 1 1 *"), cron_job("broken", None, "0 0 1 1 *", pool="other-l4"))
        place.create(cost_report())
        assert "IncompleteCronJob" in issues(place.computed())
        place.annotate("CronJob", "broken", nodes="3")
        status = place.wait(lambda found: "IncompleteCronJob" not in issues(found), "the issue is gone")
        assert condition(status, "SchedulesResolved")["status"] == "True"
        assert status["summary"]["nodeCost"] == "3600.00"  # 5 nodes, 720 h

    def test_two_counts_at_one_instant_are_a_conflict_and_the_largest_is_billed(self, place: Place) -> None:
        """Both fire on the 1st at midnight: once in June."""
        place.create(cron_job("low", 2, "0 0 1 * *"), cron_job("high", 3, "0 0 1 * *"), cost_report())
        status = place.computed()
        assert status["quality"]["conflicts"] == 1
        told = issues(status)["ScheduleConflict"]
        assert f"{place.namespace}/high (3)" in told
        assert f"{place.namespace}/low (2)" in told
        assert status["summary"]["nodeCost"] == "2160.00"

    def test_a_report_without_any_schedule_says_so(self, place: Place) -> None:
        place.create(cost_report())
        status = place.computed()
        assert condition(status, "SchedulesResolved")["reason"] == "NoNodePools"
        assert status["summary"]["nodeCost"] == "0.00"


class TestRefreshAndSpec:
    def test_a_new_value_of_the_annotation_computes_now(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report())
        first = place.computed()
        again = place.refreshed()
        assert again["lastSuccessTime"] > first["lastSuccessTime"]
        assert again["observedGeneration"] == 1
        assert again["summary"] == first["summary"]

    def test_the_command_refresh_waits_for_the_figures(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report())
        before = place.computed()["lastSuccessTime"]
        ran = installed("refresh", "example", "-n", place.namespace, "--kubeconfig", place.cluster.kubeconfig)
        after = place.status()["lastSuccessTime"]
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.strip() == f"{place.namespace}/example: computed at {after}, node cost 1,440.00 USD"
        assert after > before

    def test_the_command_refresh_says_why_nothing_is_computed(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report(suspend=True))
        place.wait(lambda status: ready(status)["reason"] == "Suspended", "it is suspended")
        where = ("-n", place.namespace, "--kubeconfig", place.cluster.kubeconfig)
        told = gpucost("refresh", "example", *where, "--timeout", "1").sentence(1)
        assert told.endswith("was not computed within 1 s: spec.suspend is true: nothing is computed")
        assert "not found" in gpucost("refresh", "nobody", *where).sentence(1)

    def test_a_quiet_refresh_writes_its_time_but_no_event_and_no_transition(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report())
        first = place.computed()
        place.cluster.wait_until(place.events, 5, "its Event")
        (event,) = place.events()
        assert event[:2] == ("Normal", "Computed")
        told = place.cluster.kubectl("describe", "costreport", "example", "--namespace", place.namespace).stdout
        assert "Ready is True: computed at" in told.partition("Events:")[2]
        since = {one["type"]: one["lastTransitionTime"] for one in first["conditions"]}
        again = place.refreshed()
        assert {one["type"]: one["lastTransitionTime"] for one in again["conditions"]} == since
        assert place.events() == [event]

    def test_suspended_the_figures_stay(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report())
        before = place.computed()
        place.edit("CostReport", "example", {"spec": {"suspend": True}})
        stopped = place.wait(lambda status: ready(status)["reason"] == "Suspended", "it is suspended")
        assert ready(stopped)["status"] == "False"
        assert ready(stopped)["observedGeneration"] == stopped["observedGeneration"] == 2
        assert before["lastSuccessTime"] in ready(stopped)["message"]
        for part in ("summary", "nodeTypes", "display", "lastSuccessTime", "quality", "inputRevision"):
            assert stopped[part] == before[part]
        place.edit("CostReport", "example", {"spec": {"suspend": False}})
        after = place.computed()
        assert after["lastSuccessTime"] > before["lastSuccessTime"]
        assert after["inputRevision"] == before["inputRevision"]
        assert [event[:2] for event in place.events()] == [
            ("Normal", "Computed"),
            ("Warning", "Suspended"),
            ("Normal", "Computed"),
        ]

    @pytest.mark.parametrize(
        ("wrong", "right", "path"),
        [
            ({"timeZone": "Mars/Olympus"}, {"timeZone": "UTC"}, "spec.timeZone"),
            (
                {"refresh": {"schedule": "61 * * * *"}},
                {"refresh": {"schedule": "1 * * * *"}},
                "spec.refresh.schedule",
            ),
        ],
    )
    def test_an_impossible_spec_is_named_and_recovers_when_mended(
        self, place: Place, wrong: Manifest, right: Manifest, path: str
    ) -> None:
        """The server can't know that; the figures of the spec before stay."""
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report())
        before = place.computed()
        place.edit("CostReport", "example", {"spec": wrong})
        refused = place.wait(lambda status: ready(status)["reason"] == "InvalidSpec", "it is refused")
        assert ready(refused)["status"] == "False"
        assert path in ready(refused)["message"]
        assert refused["observedGeneration"] == 2
        assert refused["summary"] == before["summary"]
        assert ready(refused)["lastTransitionTime"] > ready(before)["lastTransitionTime"]
        place.edit("CostReport", "example", {"spec": right})
        mended = place.computed()
        assert mended["observedGeneration"] == 3
        assert mended["summary"] == before["summary"]
        assert [reason for _, reason, _ in place.events()] == ["Computed", "InvalidSpec", "Computed"]

    def test_invalid_from_its_birth_it_has_no_figures(self, place: Place) -> None:
        place.create(cost_report(timeZone="Mars/Olympus"))
        status = place.wait(lambda found: ready(found)["reason"] == "InvalidSpec", "it is refused")
        assert status.keys() == {"conditions", "observedGeneration"}
        assert "figures" not in ready(status)["message"]

    def test_an_edit_of_the_spec_is_computed_before_its_refresh_is_due(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report(refresh={"every": "24h"}))
        place.computed()
        place.edit("CostReport", "example", {"spec": {"currency": "EUR"}})
        assert place.computed()["display"]["nodeCost"] == "1,440.00 EUR"

    def test_of_many_edits_in_a_row_the_last_one_stands(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report())
        for price in range(1, 31):
            dearer = {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": str(price)}]}
            place.edit("CostReport", "example", {"spec": {"nodePools": {"types": [dearer]}}})
        status = place.computed()
        assert status["observedGeneration"] == 30  # the first edit changed nothing
        assert status["summary"]["nodeCost"] == "43200.00"
        assert len(status.get("restatements", [])) <= 10

    def test_fifty_reports_of_one_apply(self, place: Place) -> None:
        reports = [cost_report(f"report-{n:02}") for n in range(50)]
        where = {"namespace": place.namespace}
        place.create(cron_job("two", 2, "0 0 1 1 *"))
        place.cluster.apply([{**one, "metadata": {**one["metadata"], **where}} for one in reports])

        def costs() -> list[str]:
            return [item.get("status", {}).get("summary", {}).get("nodeCost") for item in place.items("CostReport")]

        place.cluster.wait_until(lambda: costs() == ["1440.00"] * 50, 10, "all are computed")

    def test_the_next_refresh_is_as_the_spec_says(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"))
        place.create(cost_report("every", period=GOES_ON, refresh={"every": "7m"}))
        place.create(cost_report("daily", period=GOES_ON, timeZone="Asia/Tokyo", refresh={"schedule": "0 6 * * *"}))
        every, daily = place.computed("every"), place.computed("daily")
        assert between(every["lastSuccessTime"], every["nextRefreshTime"]) == timedelta(minutes=7)
        assert daily["nextRefreshTime"].endswith("T21:00:00Z")  # 6:00 in Tokyo
        assert timedelta(0) < between(daily["lastSuccessTime"], daily["nextRefreshTime"]) <= timedelta(days=1)

    def test_a_refresh_comes_by_itself(self, place: Place) -> None:
        """5 s are the shortest: a spec can't overload its database."""
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report(period=GOES_ON, refresh={"every": "1s"}))
        first = place.computed()
        assert between(first["lastSuccessTime"], first["nextRefreshTime"]) == timedelta(seconds=5)
        again = place.wait(lambda status: status["lastSuccessTime"] > first["lastSuccessTime"], "it is refreshed")
        assert between(first["nextRefreshTime"], again["lastSuccessTime"]) < timedelta(seconds=3)

    def test_while_a_first_computation_takes_long_ready_is_unknown(self, place: Place, postgres: Postgres) -> None:
        slow = "SELECT task_history.* FROM task_history, (SELECT pg_sleep(2)) AS pause"
        place.create(secret(june_in(postgres)), *l4_jobs(), cost_report(tasks=tasks(query=slow)))
        status = place.wait(lambda found: ready(found)["reason"] == "Pending", "it is under way")
        assert ready(status)["status"] == "Unknown"
        assert status.keys() == {"conditions", "observedGeneration"}
        assert place.computed()["summary"]["attempts"] == 4
        assert [reason for _, reason, _ in place.events()] == ["Pending", "Computed", "NotUnderstood"]


class TestRestatements:
    """Law C10: a final report recomputes to the same figures; where it doesn't, it says what, before, after and why."""

    def test_an_edited_price(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report())
        assert place.computed()["period"]["final"] is True
        dearer = {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "1.50"}]}
        place.edit("CostReport", "example", {"spec": {"nodePools": {"types": [dearer]}}})
        status = place.wait(lambda found: found.get("restatements"), "it is restated")
        told = {one["field"]: one for one in status["restatements"]}
        assert told["summary.nodeCost"]["before"] == "1440.00"
        assert told["summary.nodeCost"]["after"] == "2160.00"
        assert told["summary.nodeCost"]["why"] == "spec.nodePools changed"
        assert told["summary.nodeCost"]["time"] == status["lastSuccessTime"]
        assert told["nodeTypes[l4].pricePerHour"]["after"] == "1.50"

    def test_restatements_of_another_period_are_not_shown(self, place: Place) -> None:
        """What changed in June says nothing of July: neither after an edit of the period, nor when a month goes by."""
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report())
        place.computed()
        dearer = {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "1.50"}]}
        place.edit("CostReport", "example", {"spec": {"nodePools": {"types": [dearer]}}})
        assert place.computed()["restatements"]
        july = {"range": {"start": "2025-07-01", "end": "2025-08-01"}}
        place.edit("CostReport", "example", {"spec": {"period": july}})
        assert "restatements" not in place.computed()

    def test_a_late_event_in_the_database(self, place: Place, postgres: Postgres) -> None:
        """A failed attempt of an hour, written after the report was final."""
        url = june_in(postgres)
        place.create(secret(url), *l4_jobs(), cost_report(tasks=tasks()))
        assert "restatements" not in place.computed()
        late = [("t7", "late", "running", "2025-06-20 10:00:00"), ("t7", "late", "error", "2025-06-20 11:00:00")]
        postgres.execute(url, f"INSERT INTO task_history VALUES (%s, %s, %s, %s, 'n1', '{L4_NODE}')", rows=late)
        told = {one["field"]: one for one in place.refreshed()["restatements"]}
        assert (told["summary.busyHours"]["before"], told["summary.busyHours"]["after"]) == ("5.333333", "6.333333")
        assert {one["why"] for one in told.values()} == {"task events came late or changed"}
        assert len(told) <= 10

    def test_the_same_inputs_make_none(self, place: Place, postgres: Postgres) -> None:
        place.create(secret(june_in(postgres)), *l4_jobs(), cost_report(tasks=tasks()))
        first = place.computed()
        again = place.refreshed()
        assert "restatements" not in again
        assert again["inputRevision"] == first["inputRevision"]
        assert again["summary"] == first["summary"]

    def test_a_report_that_is_not_final_has_none(self, place: Place) -> None:
        place.create(cron_job("two", 2, "0 0 1 1 *"), cost_report(period=GOES_ON))
        place.computed()
        place.edit("CostReport", "example", {"spec": {"period": {"range": {"start": "2026-02-01"}}}})
        assert "restatements" not in place.computed()


class TestManyServices:
    @pytest.fixture
    def thousand(self, postgres: Postgres) -> str:
        """1,000 services with long names, each with one attempt of an hour or less."""
        rows = [
            (f"t{n}", f"service-{n:04}-{'x' * 40}", status, f"2025-06-02 {hour}:{n % 60:02}:00")
            for n in range(1000)
            for status, hour in (("running", 10), ("done", 11))
        ]
        return june_in(postgres, rows=tuple(rows))

    def test_the_status_stays_under_64_KiB_and_its_sums_hold(self, place: Place, thousand: str, files: Path) -> None:
        place.create(secret(thousand), *l4_jobs())
        place.create(cost_report(tasks=tasks(), outputs={"topServices": 1000}))
        status = place.computed()
        assert len(json.dumps(status, ensure_ascii=False).encode()) < 64 * 1024
        services = status["services"]
        assert services[-1]["name"] == "other"
        assert 50 < len(services) < 1000
        assert sum(one["attempts"] for one in services) == status["summary"]["attempts"] == 1000
        allocated = sum(Fraction(one["allocatedCost"]) for one in services)
        assert allocated == Fraction(status["summary"]["allocatedCost"]) > 0

    def test_20_are_shown_by_default(self, place: Place, thousand: str) -> None:
        place.create(secret(thousand), *l4_jobs(), cost_report(tasks=tasks()))
        services = place.computed()["services"]
        assert len(services) == 21
        assert services[-1] == {**services[-1], "name": "other", "attempts": 980, "succeeded": 980}

    def test_many_pools_and_issues_fit_too(self, place: Place) -> None:
        """300 pools, and as many CronJobs that state no count: the dearest are shown, and one row for the rest."""
        long = "x" * 150
        good = [cron_job(f"good-{n:03}", 1 + n, "0 0 1 1 *", pool=f"l4-pool-{n:03}-{long}") for n in range(300)]
        broken = [cron_job(f"broken-{n:03}-{'x' * 30}", None, "0 0 1 1 *") for n in range(300)]
        place.create(*good, *broken, cost_report())
        status = place.computed()
        assert len(json.dumps(status, ensure_ascii=False).encode()) < 64 * 1024
        pools = status["nodePools"]
        assert pools[0]["nodeCost"] == "216000.00"  # 300 nodes, 720 h
        assert pools[-1]["name"] == "other"
        assert sum(Fraction(one["nodeCost"]) for one in pools) == Fraction(status["summary"]["nodeCost"]) == 32508000
        assert sum(issue["count"] for issue in status["quality"]["issues"]) == 301
        assert status["quality"]["issues"][-1]["reason"] == "FurtherIssues"


def between(earlier: str, later: str) -> timedelta:
    return timedelta(microseconds=(parse_instant(later) or 0) - (parse_instant(earlier) or 0))
