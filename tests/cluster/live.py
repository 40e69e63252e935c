"""A namespace of a live operator as the tests see it: objects go in over bare HTTP, statuses and metrics come out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator
from postgres import Postgres
from processes import wait_until

PATHS: Final = {
    "CostReport": "/apis/gpucost.dev/v1alpha1/namespaces/{}/costreports",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Event": "/api/v1/namespaces/{}/events",
}
QUICK: Final = ("--resync=2", "--debounce=0.05", "--refresh=5")
"""Flags of an operator whose tests don't wait."""
SCHEMA: Final = (Path(__file__).parents[2] / "operator/gpucost/sql/task_history.postgresql.sql").read_text("utf-8")
TYPES: Final = ({"name": "a100", "match": ["*a100*"], "prices": [{"pricePerHour": "11"}]},)

Fields = dict[str, Any]


def cost_report(name: str, **spec: Any) -> Fields:
    """A CostReport of the last three days, of one node type at 11 an hour, that is not refreshed by itself."""
    fields = {
        "period": {"rolling": {"days": 3, "includeToday": True}},
        "refresh": {"every": "24h"},
        "nodePools": {"types": list(TYPES)},
        **spec,
    }
    return {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": name},
        "spec": {key: value for key, value in fields.items() if value is not None},
    }


def reads(secret: str, **tasks: Any) -> Fields:
    """spec.tasks of a report that reads the database of a Secret."""
    return {"databaseSecretRef": {"name": secret}, **tasks}


def cron_job(name: str, nodes: object = 2, pool: str = "gpu-a100", **spec: Any) -> Fields:
    """A CronJob that sets a pool's count at midnight, since 2025."""
    annotations = {
        "gpucost.dev/node-pool": pool,
        "gpucost.dev/nodes": str(nodes),
        "gpucost.dev/valid-from": "2025-01-01T00:00:00Z",
    }
    container = {"name": "scale", "image": "scaler.invalid/scale:1"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "schedule": "0 0 * * *",
            "timeZone": "UTC",
            "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}},
            **spec,
        },
    }


def nodes_of(nodes: object) -> Fields:
    """The patch that gives a CronJob another count."""
    return {"metadata": {"annotations": {"gpucost.dev/nodes": str(nodes)}}}


def secret(name: str, url: str) -> Fields:
    """A Secret that holds a database URL."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"url": url}}


@dataclass
class Place:
    """A namespace."""

    cluster: Cluster
    namespace: str
    _asked: int = field(default=0)

    def path(self, kind: str, name: str = "") -> str:
        """Where objects of a kind are, or one of them."""
        return PATHS[kind].format(self.namespace) + (f"/{name}" if name else "")

    def create(self, *manifests: Mapping[str, Any]) -> None:
        for manifest in manifests:
            answer = self.cluster.request("POST", self.path(manifest["kind"]), manifest)
            assert answer.status == 201, answer

    def patch(self, kind: str, name: str, body: Mapping[str, Any]) -> Fields:
        """Merge a patch into an object, and return what it is then."""
        answer = self.cluster.request("PATCH", self.path(kind, name), body)
        assert answer.status == 200, answer
        return answer.json()

    def delete(self, kind: str, name: str) -> None:
        answer = self.cluster.request("DELETE", self.path(kind, name))
        assert answer.status == 200, answer

    def get(self, kind: str, name: str) -> Fields:
        answer = self.cluster.request("GET", self.path(kind, name))
        assert answer.status == 200, answer
        return answer.json()

    def list(self, kind: str) -> list[Fields]:
        items: list[Fields] = self.cluster.request("GET", self.path(kind)).json()["items"]
        return items

    def refresh(self, name: str) -> None:
        """Ask for a computation now."""
        self._asked += 1
        self.patch("CostReport", name, {"metadata": {"annotations": {"gpucost.dev/refresh": str(self._asked)}}})

    def status(self, name: str) -> Fields:
        found: Fields = self.get("CostReport", name).get("status") or {}
        return found

    def wait_for(self, name: str, reason: str = "Computed", seconds: float = 10, after: str | None = None) -> Fields:
        """The status of a report once Ready has a reason, for the present spec; ``after``: computed later than that."""

        def there() -> Fields | None:
            body = self.get("CostReport", name)
            status: Fields = body.get("status") or {}
            ready = condition(status)
            fresh = ready.get("observedGeneration") == body["metadata"]["generation"]
            late = after is None or status.get("lastSuccessTime", "") > after
            self._last = ready
            return status if fresh and late and ready.get("reason") == reason else None

        try:
            return wait_until(there, seconds, f"{name} is {reason}")
        except AssertionError as error:
            raise AssertionError(f"{error}; Ready was {self._last}") from None

    _last: Fields = field(default_factory=dict)


def condition(status: Mapping[str, Any], kind: str = "Ready") -> Fields:
    """A condition of a status; empty where there is none."""
    return next((c for c in status.get("conditions") or () if c["type"] == kind), {})


@contextmanager
def place(cluster: Cluster) -> Iterator[Place]:
    """A fresh namespace, gone at the end with all that is in it."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.create_namespace(name)
    try:
        yield Place(cluster, name)
    finally:
        cluster.recover()
        cluster.delete_namespace(name)


@contextmanager
def operator(where: Place, folder: Path, *flags: str, ready: bool = True, **settings: Any) -> Iterator[Operator]:
    """An operator of one namespace with the rights of rbac.yaml, killed at the end."""
    kubeconfig = settings.pop("kubeconfig", where.cluster.kubeconfig_for(OPERATOR))
    stated = (*QUICK, f"--watch-namespace={where.namespace}", *flags)
    with Operator(kubeconfig, folder, stated, **settings) as found:
        if ready:
            found.wait_ready()
        yield found


def fill(server: Postgres, url: str, tasks: int = 6) -> None:
    """A task database with some tasks of two services that ran half an hour each within the last day."""
    now = datetime.now(UTC)
    rows = []
    for number in range(tasks):
        begin = now - timedelta(hours=2 + 2 * number)
        end = "done" if number % 3 else "error"
        for status, at in (("new", begin), ("running", begin), (end, begin + timedelta(minutes=30))):
            node = '{"node_name": "gpu-a100-1"}' if status == "running" else None
            rows.append((number, f"service-{number % 2}", status, at, node))
    insert = (
        "INSERT INTO task_history (task_id, service_name, status, creation_ts, metainfo) VALUES (%s, %s, %s, %s, %s)"
    )
    server.execute(url, SCHEMA, insert, rows=rows)
