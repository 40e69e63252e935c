"""The actuated clock on the real API server: what Jobs did is billed, to the second, and kept when the Jobs are gone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from costreports import (
    GOES_ON,
    Manifest,
    Place,
    condition,
    cost_report,
    cron_job,
    hours_of,
    issues,
    microseconds,
)

from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator

START = "2025-06-01T00:00:00Z"


@pytest.fixture(scope="module")
def operator(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("operator")
    with Operator(cluster.kubeconfig_for(OPERATOR), folder, ["--resync=1"]) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def place(cluster: Cluster, namespace: str, operator: Operator) -> Place:
    return Place(cluster, namespace, operator)


def report(source: str = "Actuated", **pools: Any) -> Manifest:
    """What is going on, at 1 USD for a node-hour; a pool without a Job so far has 1 node."""
    l4 = {"name": "l4", "match": ["*l4*"], "initialNodes": 1, "prices": [{"pricePerHour": "1"}]}
    return cost_report(period=GOES_ON, nodePools={"source": source, "types": [l4], **pools})


def path(place: Place, kind: str, name: str = "") -> str:
    group = "/api/v1" if kind == "pods" else "/apis/batch/v1"
    return f"{group}/namespaces/{place.namespace}/{kind}/{name}".rstrip("/")


def start_by_hand(place: Place, cronjob: str, name: str) -> None:
    """kubectl create job --from=cronjob/NAME, with the real kubectl."""
    place.cluster.kubectl("create", "job", name, f"--from=cronjob/{cronjob}", "-n", place.namespace)


def end(place: Place, job: str, *, succeeded: bool = True) -> str:
    """Say in the place of controller and kubelet that a Job ended now; returns when."""
    now = datetime.now(UTC).replace(microsecond=0)
    text, begun = now.strftime("%Y-%m-%dT%H:%M:%SZ"), (now - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    kinds = ("SuccessCriteriaMet", "Complete") if succeeded else ("FailureTarget", "Failed")
    conditions = [
        {"type": kind, "status": "True", "lastProbeTime": text, "lastTransitionTime": text, "reason": "Told"}
        for kind in kinds
    ]
    status = {"startTime": begun, "conditions": conditions, **({"completionTime": text} if succeeded else {})}
    answer = place.cluster.request("PATCH", path(place, "jobs", job) + "/status", {"status": status})
    assert answer.status == 200, answer
    return text


def jobs_of(place: Place) -> list[str]:
    """Names of the Jobs that the ledger knows of a namespace."""
    with closing(sqlite3.connect(f"file:{place.operator.folder / 'ledger.db'}?mode=ro", uri=True)) as con:
        return [
            name for (name,) in con.execute("SELECT name FROM gpucost_jobs WHERE namespace = ?", (place.namespace,))
        ]


def pool(status: Any) -> Any:
    (found,) = status["nodePools"]
    return found


class TestBill:
    """A CronJob that asks for 4 nodes at midnight; its Jobs are made by hand."""

    @pytest.fixture
    def scaled(self, place: Place) -> Place:
        place.create(cron_job("four", 4, "0 0 * * *"), report())
        assert pool(place.computed())["nodesNow"] == 1
        return place

    def test_the_count_changes_when_a_job_has_succeeded(self, scaled: Place) -> None:
        start_by_hand(scaled, "four", "by-hand")
        ended = end(scaled, "by-hand")
        status = scaled.wait(lambda found: pool(found)["nodesNow"] == 4, "four nodes")
        until = status["period"]["dataUntil"]
        assert pool(status)["nodeHours"] == hours_of((1, START, ended), (4, ended, until))

    def test_a_failed_job_leaves_it_and_is_named(self, scaled: Place) -> None:
        start_by_hand(scaled, "four", "by-hand")
        end(scaled, "by-hand", succeeded=False)
        status = scaled.wait(lambda found: "FailedRuns" in issues(found), "the failed run is named")
        assert pool(status)["nodesNow"] == 1
        assert f"1 run of CronJob {scaled.namespace}/four failed" in issues(status)["FailedRuns"]

    def test_a_job_that_is_deleted_was_seen(self, scaled: Place) -> None:
        start_by_hand(scaled, "four", "by-hand")
        ended = end(scaled, "by-hand")
        scaled.wait(lambda found: pool(found)["nodesNow"] == 4, "four nodes")
        scaled.cluster.kubectl(
            "delete", "job", "by-hand", "-n", scaled.namespace, "--cascade=foreground", "--wait=false"
        )
        scaled.delete("CronJob", "four")
        scaled.operator.stop()
        scaled.operator.start()
        scaled.operator.wait_ready()
        status = scaled.refreshed()
        until = status["period"]["dataUntil"]
        assert pool(status)["nodeHours"] == hours_of((1, START, ended), (4, ended, until))

    def test_a_job_that_vanished_before_the_operator_came_back_is_an_issue(self, scaled: Place) -> None:
        """It ran when the operator stopped, and is gone when it starts: whether it succeeded, nobody can tell."""
        start_by_hand(scaled, "four", "by-hand")
        scaled.operator.process.wait_for(lambda: jobs_of(scaled) == ["by-hand"], 10, "the Job is known")
        scaled.operator.stop()
        gone = scaled.cluster.request("DELETE", path(scaled, "jobs", "by-hand") + "?propagationPolicy=Background")
        assert gone.status == 200
        scaled.operator.start()
        scaled.operator.wait_ready()
        told = (
            "1 run of CronJob "
            + scaled.namespace
            + "/four began, and their Jobs were deleted before their end was seen"
        )
        status = scaled.wait(lambda found: told in json.dumps(found), "the issue")
        assert pool(status)["nodesNow"] == 1

    def test_jobs_of_the_real_controller(self, place: Place) -> None:
        """kube-controller-manager runs one CronJob every minute. Its first Job succeeds, by its pod's status; then the count is
        edited, and the next Job fails: the count stays."""
        every_minute = cron_job("up", 4, "* * * * *")
        every_minute["spec"]["jobTemplate"]["spec"]["backoffLimit"] = 0
        place.create(every_minute, report())
        place.computed()
        missed = (datetime.now(UTC) - timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"status": {"lastScheduleTime": missed}}
        assert place.cluster.request("PATCH", path(place, "cronjobs", "up") + "/status", body).status == 200
        with place.cluster.controller_manager():  # it makes up for the missed run at once
            place.cluster.wait_until(lambda: place.cluster.finish_pods(place.namespace), 20, "a pod of the first Job")
            place.wait(lambda found: pool(found)["nodesNow"] == 4, "four nodes", seconds=20)
            place.annotate("CronJob", "up", nodes="7")
            place.cluster.wait_until(
                lambda: place.cluster.finish_pods(place.namespace, "Failed"), 90, "a pod of the next minute's Job"
            )
            status = place.wait(lambda found: "FailedRuns" in issues(found), "the failed run is named", seconds=20)
        jobs = place.cluster.request("GET", path(place, "jobs")).json()["items"]
        (ended,) = (job["status"]["completionTime"] for job in jobs if "completionTime" in job["status"])
        assert pool(status)["nodesNow"] == 4
        assert pool(status)["nodeHours"] == hours_of((1, START, ended), (4, ended, status["period"]["dataUntil"]))


class TestDrift:
    def test_drift_is_shown_whatever_is_billed(self, place: Place) -> None:
        """Scheduled are 4 nodes since ever; done are 6, since a Job of another CronJob succeeded: 2 more from then on."""
        place.create(
            cron_job("four", 4, "0 0 1 1 *"), cron_job("six", 6, "0 0 1 1 *", suspend=True), report("Schedule")
        )
        assert "drift" not in pool(place.computed())
        start_by_hand(place, "six", "by-hand")
        ended = end(place, "by-hand")
        place.cluster.wait_until(lambda: "drift" in pool(place.refreshed()), 10, "drift")
        status = place.refreshed()
        until = status["period"]["dataUntil"]
        assert pool(status)["drift"]["nodeHours"] == hours_of((2, ended, until))
        assert pool(status)["nodeHours"] == hours_of((4, START, until))
        text = place.operator.metrics()
        labels = f'{{namespace="{place.namespace}",node_pool="gpu-l4",report="example"}}'
        assert f"gpucost_node_pool_drift_seconds{labels}" in text
        seconds = float(text.split(f"gpucost_node_pool_drift_seconds{labels} ")[1].split()[0])
        assert seconds == 2 * (microseconds(until) - microseconds(ended)) / 1e6


class TestSeveralPools:
    def test_a_job_sets_all_pools_of_its_cronjob(self, place: Place) -> None:
        stated = {"gpucost.dev/node-pool": None, "gpucost.dev/node-counts": "a-l4=2, b-l4=4"}
        place.create(cron_job("both", None, "0 0 * * *", annotations=stated), report())
        place.computed()
        start_by_hand(place, "both", "by-hand")
        ended = end(place, "by-hand")
        status = place.wait(lambda found: [one["nodesNow"] for one in found["nodePools"]] == [2, 4], "both are set")
        until = status["period"]["dataUntil"]
        hours = [hours_of((1, START, ended), (nodes, ended, until)) for nodes in (2, 4)]
        assert [one["nodeHours"] for one in status["nodePools"]] == hours


class TestUnknown:
    def test_a_run_that_nobody_watched_is_an_issue_and_no_guess(self, place: Place) -> None:
        """Midnights before the operator came: whether these Jobs ran, nobody can tell."""
        place.create(cron_job("four", 4, "0 0 * * *"), report())
        status = place.computed()
        assert "may have happened: nobody watched" in issues(status)["UnknownRuns"]
        assert pool(status)["nodesNow"] == 1

    def test_without_initial_nodes_the_time_before_the_first_job_is_uncovered(self, place: Place) -> None:
        l4 = {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "1"}]}
        place.create(cron_job("four", 4, "0 0 * * *"), report(types=[l4]))
        status = place.computed()
        assert condition(status, "SchedulesResolved")["reason"] == "Uncovered"
        assert "nodesNow" not in pool(status)


def test_observed_is_refused_until_it_is_there(place: Place) -> None:
    place.create(cron_job("four", 4, "0 0 * * *"), report("Observed"))
    status = place.wait(lambda found: condition(found, "Ready")["status"] == "False", "it is refused")
    assert condition(status, "Ready")["reason"] == "InvalidSpec"
    assert "spec.nodePools.source: Observed is not there yet" in condition(status, "Ready")["message"]
