"""The parts are real: what the other tests here rely on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from kubernetes_server import OPERATOR, Cluster
from processes import CommandFailed
from prometheus import StartPrometheus, promtool

METRICS = """\
# HELP gpucost_report_node_cost What the nodes cost.
# TYPE gpucost_report_node_cost gauge
gpucost_report_node_cost{namespace="finops",report="june",currency="USD"} 75012.000000001
"""


@pytest.fixture
def target() -> Iterator[str]:
    """The URL of metrics that never change."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(METRICS.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
        thread.join()


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"kept": "yes"}}


def cron_job(name: str, namespace: str, schedule: str) -> dict[str, Any]:
    container = {"name": "scale", "image": "scaler.invalid/scale:1", "command": ["scale"]}
    pod = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "schedule": schedule,
            "timeZone": "UTC",
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": pod}},
        },
    }


def test_kubectl_can_parse_the_servers_version(cluster: Cluster) -> None:
    run = cluster.kubectl("version")
    assert "Server Version: v1." in run.stdout
    assert run.stderr == ""


def test_what_is_applied_is_there_and_what_is_not_is_an_error(cluster: Cluster, namespace: str) -> None:
    cluster.apply(cron_job("scale-a100", namespace, "0 7 * * *"))
    assert (
        cluster.get("cronjob", "scale-a100", namespace)["spec"]["concurrencyPolicy"] == "Allow"
    )  # the server's default
    with pytest.raises(CommandFailed, match="not found"):
        cluster.get("cronjob", "scale-l4", namespace)


@pytest.mark.parametrize(
    ("verb", "group", "resource", "allowed"),
    [
        ("list", "gpucost.dev", "costreports", True),
        ("patch", "gpucost.dev", "costreports/status", True),
        ("delete", "gpucost.dev", "costreports", False),
        ("watch", "batch", "cronjobs", True),
        ("patch", "batch", "cronjobs", False),
        ("get", "", "secrets", True),
        ("list", "", "secrets", False),
        ("watch", "", "secrets", False),
        ("list", "", "pods", False),
    ],
)
def test_the_operator_may_do_what_its_role_says(
    cluster: Cluster, verb: str, group: str, resource: str, allowed: bool
) -> None:
    name, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": name, "subresource": subresource}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    answer = cluster.request(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {**review, "spec": {"resourceAttributes": attributes}},
        user=OPERATOR,
    )
    assert answer.json()["status"]["allowed"] is allowed


def test_the_server_refuses_the_operator_a_list_of_secrets(cluster: Cluster) -> None:
    answer = cluster.request("GET", "/api/v1/secrets", user=OPERATOR)
    assert answer.status == 403
    assert 'User "operator" cannot list resource "secrets"' in answer.json()["message"]


def test_a_due_cronjob_is_fired_and_its_job_completes(cluster: Cluster, namespace: str) -> None:
    """A run that was missed an hour ago is caught up, so that nobody has to wait for the next full minute."""
    cluster.apply(cron_job("scale-a100", namespace, "0 * * * *"))
    missed = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"/apis/batch/v1/namespaces/{namespace}/cronjobs/scale-a100"
    assert cluster.request("PATCH", f"{path}/status", {"status": {"lastScheduleTime": missed}}).status == 200
    with cluster.controller_manager():
        cluster.wait_until(lambda: cluster.finish_pods(namespace) == 1, 15, "the pod of the Job")
        cluster.kubectl("wait", "--for=condition=Complete", "job", "--all", "--namespace", namespace, "--timeout=15s")
        cluster.wait_until(
            lambda: cluster.request("GET", path).json()["status"].get("lastSuccessfulTime"), 15, "its success"
        )
    (job,) = cluster.request("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs").json()["items"]
    assert job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    assert job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"].endswith(":00:00Z")


def test_a_killed_server_comes_back_with_its_data(cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    made = cluster.request("POST", path, config_map("kept")).json()
    cluster.stop_api_server()
    with pytest.raises(OSError, match="refused"):
        cluster.request("GET", path)
    cluster.start_api_server()
    assert cluster.request("GET", f"{path}/kept").json() == made


def test_a_paused_server_is_silent_and_goes_on(cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    cluster.pause_api_server()
    with pytest.raises(OSError, match="timed out"):
        cluster.request("GET", path, timeout=0.5)
    cluster.resume_api_server()
    assert cluster.request("GET", path).status == 200


def test_a_watch_from_before_a_compaction_is_gone(cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    before = cluster.request("GET", path).json()["metadata"]["resourceVersion"]
    cluster.request("POST", path, config_map("later"))
    cluster.stop_api_server()
    cluster.compact_etcd()
    cluster.start_api_server()
    answer = cluster.request("GET", f"{path}?watch=1&timeoutSeconds=1&resourceVersion={before}")
    (event,) = answer.text.splitlines()
    assert '"code":410' in event


def test_a_namespace_is_gone_with_what_was_in_it(cluster: Cluster) -> None:
    cluster.create_namespace("short-lived")
    cluster.apply(cron_job("scale-a100", "short-lived", "0 7 * * *"))
    cluster.delete_namespace("short-lived")
    assert cluster.request("GET", "/api/v1/namespaces/short-lived").status == 404
    left = cluster.request("GET", "/apis/batch/v1/cronjobs").json()["items"]
    assert "short-lived" not in {item["metadata"]["namespace"] for item in left}


def test_prometheus_scrapes_and_answers(target: str, start_prometheus: StartPrometheus) -> None:
    prometheus = start_prometheus(target)
    prometheus.wait_scraped()
    (sample,) = prometheus.query('gpucost_report_node_cost{report="june"}')
    assert sample.value == Decimal("75012.000000001")
    assert (sample.labels["namespace"], sample.labels["currency"]) == ("finops", "USD")
    assert prometheus.query("gpucost_report_idle_cost") == []
    with pytest.raises(ValueError, match="parse error"):
        prometheus.query("sum(")


def test_promtool_reads_metrics_and_says_what_is_wrong() -> None:
    promtool("check", "metrics", stdin=METRICS)
    with pytest.raises(CommandFailed, match="no help text"):
        promtool("check", "metrics", stdin=METRICS.partition("\n")[2])
