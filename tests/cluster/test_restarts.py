"""Restarts, deletions while nobody watches, and an operator that may see one namespace only."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from costreports import PATHS, Place, cost_report, cron_job, ready, secret

from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator
from postgres import Postgres

EVERY_DAY = "0 0 * * *"


@pytest.fixture(scope="module")
def operator(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("operator")
    with Operator(cluster.kubeconfig_for(OPERATOR), folder) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def place(cluster: Cluster, namespace: str, operator: Operator) -> Place:
    return Place(cluster, namespace, operator)


def series(place: Place, name: str) -> set[str]:
    """The names of a report's series on /metrics."""
    labels = f'namespace="{place.namespace}"', f'report="{name}"'
    lines = place.operator.metrics().splitlines()
    return {line.partition("{")[0] for line in lines if all(label in line for label in labels)}


def resource_versions(place: Place) -> dict[tuple[str, str], str]:
    """metadata.resourceVersion of every object of the namespace: any write changes one."""
    return {
        (kind, item["metadata"]["name"]): item["metadata"]["resourceVersion"]
        for kind in PATHS
        for item in place.items(kind)
    }


class TestRestart:
    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_with_nothing_changed_it_writes_nothing(self, place: Place, end: str) -> None:
        """Whatever became of the reports: computed, final, going on, suspended, refused, or without a Secret."""
        days = {"rolling": {"days": 7, "includeToday": True}}
        tasks = {"databaseSecretRef": {"name": "task-db", "key": "url"}}
        place.create(secret("postgresql://127.0.0.1:1/none", "other-db"), cron_job("two", 2, EVERY_DAY))
        place.create(cost_report("final"), cost_report("week", period=days), cost_report("asleep", suspend=True))
        place.create(cost_report("refused", timeZone="Mars/Olympus"), cost_report("keyless", tasks=tasks))
        outcomes = {
            "final": "Computed",
            "week": "Computed",
            "asleep": "Suspended",
            "refused": "InvalidSpec",
            "keyless": "SecretUnreadable",
        }
        for name, reason in outcomes.items():
            place.wait(lambda status, reason=reason: ready(status)["reason"] == reason, reason, name)
        place.cluster.wait_until(lambda: len(place.items("Event")) == 6, 5, "all Events")  # TasksReadable has its own
        before = resource_versions(place)
        figures = {name: series(place, name) for name in outcomes}

        getattr(place.operator, end)()
        place.operator.start()
        place.operator.wait_ready()
        for name in outcomes:
            place.cluster.wait_until(lambda name=name: series(place, name) >= figures[name], 10, f"series of {name}")
        place.create(cost_report("later"))
        place.computed("later")  # by now all visits of the start are over
        after = resource_versions(place)
        assert {key: version for key, version in after.items() if key in before} == before
        assert {name for _, name in after.keys() - before.keys() if not name.startswith("later")} == set()
        assert place.operator.log.count(f"{place.namespace}/final: Ready") == 1

    def test_a_spec_edited_meanwhile_is_computed_at_the_start(self, place: Place) -> None:
        place.create(cron_job("two", 2, EVERY_DAY), cost_report())
        place.computed()
        place.operator.stop()
        place.edit("CostReport", "example", {"spec": {"currency": "EUR"}})
        place.operator.start()
        assert place.computed(seconds=20)["display"]["nodeCost"] == "1,440.00 EUR"

    def test_without_its_ledger_the_figures_are_computed_anew(self, place: Place) -> None:
        """All that is lost is what happened before: CronJobs are assumed to have been as they are."""
        place.create(cron_job("two", 2, EVERY_DAY), cost_report())
        before = place.computed()
        place.operator.stop()
        for path in place.operator.folder.glob("ledger.db*"):
            path.unlink()
        place.operator.start()
        after = place.wait(lambda status: status["lastSuccessTime"] > before["lastSuccessTime"], "anew", seconds=20)
        assert after["summary"] == before["summary"]
        assert after["inputRevision"] != before["inputRevision"]  # the ledger saw the CronJob at another time
        assert "restatements" not in after


class TestStop:
    def test_a_signal_ends_it_at_once(self, place: Place) -> None:
        place.create(cron_job("two", 2, EVERY_DAY), cost_report())
        place.computed()
        started = time.monotonic()
        assert place.operator.stop() == 0
        assert time.monotonic() - started < 3
        place.operator.start()
        place.operator.wait_ready()

    def test_even_while_a_database_is_slow(self, place: Place, postgres: Postgres) -> None:
        """A statement that takes a minute is not waited for."""
        url = postgres.new_database()
        columns = "task_id text, service_name text, status text, creation_ts timestamp, node_id text, metainfo text"
        postgres.execute(url, f"CREATE TABLE task_history ({columns})")
        slow = "SELECT task_history.* FROM task_history RIGHT JOIN (SELECT pg_sleep(60)) AS pause ON true"
        tasks = {"databaseSecretRef": {"name": "task-db", "key": "url"}, "query": slow}
        place.create(secret(url), cron_job("two", 2, EVERY_DAY), cost_report(tasks=tasks))
        place.wait(lambda status: ready(status)["reason"] == "Pending", "the statement runs")
        assert place.operator.stop(5) == 0
        place.operator.start()
        place.operator.wait_ready()


class TestDeletion:
    def test_the_series_vanish_at_once(self, place: Place) -> None:
        place.create(cron_job("two", 2, EVERY_DAY), cost_report())
        place.computed()
        place.cluster.wait_until(lambda: "gpucost_report_node_cost" in series(place, "example"), 5, "its series")
        place.delete("CostReport", "example")
        place.cluster.wait_until(lambda: not series(place, "example"), 10, "its series vanish")

    def test_with_the_operator_down_kubectl_waits_for_nobody(self, place: Place) -> None:
        """There are no finalizers, so nobody is needed; the series and the memory of it go at the next start."""
        place.create(cron_job("two", 2, EVERY_DAY), cost_report(), cost_report("kept"))
        place.computed()
        place.computed("kept")
        assert "finalizers" not in place.get("CostReport", "example")["metadata"]
        place.operator.stop()
        started = time.monotonic()
        place.cluster.kubectl("delete", "costreport", "example", "--namespace", place.namespace, "--timeout=5s")
        assert time.monotonic() - started < 5
        assert [item["metadata"]["name"] for item in place.items("CostReport")] == ["kept"]
        place.operator.start()
        place.operator.wait_ready()
        place.cluster.wait_until(lambda: "gpucost_report_node_cost" in series(place, "kept"), 5, "the other's series")
        assert series(place, "example") == set()

    def test_one_of_the_same_name_begins_anew(self, place: Place) -> None:
        place.create(cron_job("two", 2, EVERY_DAY), cost_report())
        place.computed()
        place.delete("CostReport", "example")
        place.create(cost_report(currency="EUR"))
        status = place.computed()
        assert status["display"]["nodeCost"] == "1,440.00 EUR"
        assert "restatements" not in status


RIGHTS = [
    {"apiGroups": ["gpucost.dev"], "resources": ["costreports"], "verbs": ["get", "list", "watch", "patch"]},
    {"apiGroups": ["gpucost.dev"], "resources": ["costreports/status"], "verbs": ["patch"]},
    {"apiGroups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
]


class TestOneNamespace:
    @pytest.fixture
    def elsewhere(self, cluster: Cluster) -> Iterator[str]:
        name = f"test-{secrets.token_hex(4)}"
        cluster.create_namespace(name)
        yield name
        cluster.delete_namespace(name)

    @pytest.fixture
    def kubeconfig(self, cluster: Cluster, namespace: str, tmp_path: Path) -> Path:
        """Of a service account that has a Role in its namespace, and no rights in the cluster."""
        where, api = {"namespace": namespace}, "rbac.authorization.k8s.io/v1"
        cluster.apply(
            [
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gpucost", **where}},
                {"apiVersion": api, "kind": "Role", "metadata": {"name": "gpucost", **where}, "rules": RIGHTS},
                {
                    "apiVersion": api,
                    "kind": "RoleBinding",
                    "metadata": {"name": "gpucost", **where},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gpucost"},
                    "subjects": [{"kind": "ServiceAccount", "name": "gpucost", **where}],
                },
            ]
        )
        token = cluster.kubectl("create", "token", "gpucost", "--namespace", namespace).stdout.strip()
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        path = tmp_path / "kubeconfig.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    def test_a_role_is_enough_and_others_are_left_alone(
        self, cluster: Cluster, namespace: str, elsewhere: str, kubeconfig: Path, tmp_path: Path, operator: Operator
    ) -> None:
        operator.stop()  # it would serve both
        try:
            flags = [f"--watch-namespace={namespace}"]
            with Operator(kubeconfig, tmp_path / "operator", flags) as own:
                own.wait_ready()
                here, there = Place(cluster, namespace, own), Place(cluster, elsewhere, own, watched=False)
                for place in (there, here):
                    place.create(cron_job("two", 2, EVERY_DAY), cost_report())
                assert here.computed()["summary"]["nodeCost"] == "1440.00"
                here.annotate("CronJob", "two", valid_from="2025-06-16T00:00:00Z")
                here.wait(lambda status: status["summary"]["nodeCost"] == "720.00", "its watch of CronJobs works")
                assert there.status() == {}
                assert series(here, "example")
                assert not series(there, "example")
                assert "403" not in own.log
                assert "forbidden" not in own.log.lower()
        finally:
            operator.start()

    def test_a_report_of_another_namespaces_cronjobs(
        self, cluster: Cluster, namespace: str, elsewhere: str, tmp_path: Path, operator: Operator
    ) -> None:
        """Two namespaces are watched; a report in one reads the CronJobs of the other."""
        operator.stop()
        try:
            flags = [f"--watch-namespace={namespace}", f"--watch-namespace={elsewhere}"]
            flags.append(f"--share-namespace={elsewhere}")
            with Operator(cluster.kubeconfig_for(OPERATOR), tmp_path / "operator", flags) as own:
                own.wait_ready()
                here, there = Place(cluster, namespace, own), Place(cluster, elsewhere, own)
                report = cost_report()
                report["spec"]["nodePools"]["cronJobs"] = {"namespaces": [elsewhere]}
                there.create(cron_job("two", 2, EVERY_DAY))
                here.create(cron_job("three", 3, EVERY_DAY, pool="other-l4"), report)
                assert here.computed()["summary"]["nodeCost"] == "1440.00"
                there.annotate("CronJob", "two", valid_from="2025-06-16T00:00:00Z")
                here.wait(lambda status: status["summary"]["nodeCost"] == "720.00", "an edit elsewhere is noticed")
        finally:
            operator.start()
