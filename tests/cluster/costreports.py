"""Small words for examples on a cluster: scaling CronJobs, CostReports, and waiting for what the operator makes of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from command import Ran, gpucost, write
from gpucost.core.instants import parse_instant
from gpucost.core.money import SECOND_US, hours_text
from kubernetes_server import Cluster
from operator_process import Operator

SUMMER: Final = Path(__file__).parents[2] / "examples" / "summer"
VALID_FROM: Final = "gpucost.dev/valid-from"
SINCE: Final = "2025-01-01T00:00:00Z"
SOON: Final = 10.0
"""Seconds in which the operator must have answered an edit, on a busy machine."""
GOES_ON: Final = {"range": {"start": "2025-06-01", "end": "2040-01-01"}}
"""A period that contains the present, for as long as a period may be."""

Manifest = dict[str, Any]
Status = Mapping[str, Any]


def cron_job(name: str, nodes: object, schedule: str, *, pool: str = "gpu-l4", **changes: Any) -> Manifest:
    """A CronJob that sets a pool's count; it holds since 2025. ``changes``: of the spec, or ``annotations``."""
    stated = {"gpucost.dev/node-pool": pool, "gpucost.dev/nodes": None if nodes is None else str(nodes)}
    annotations = {**stated, VALID_FROM: SINCE, **changes.pop("annotations", {})}
    pod = {"restartPolicy": "Never", "containers": [{"name": "scale", "image": "scaler.invalid/scale:1"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "annotations": {k: v for k, v in annotations.items() if v is not None}},
        "spec": {"schedule": schedule, "timeZone": "UTC", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
        | changes,
    }


def cost_report(name: str = "example", **spec: Any) -> Manifest:
    """A CostReport of June 2025 at 1 USD for a node-hour of L4, by default."""
    l4 = {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "1"}]}
    fields = {
        "period": {"range": {"start": "2025-06-01", "end": "2025-07-01"}},
        "nodePools": {"types": [l4]},
        **spec,
    }
    return {"apiVersion": "gpucost.dev/v1alpha1", "kind": "CostReport", "metadata": {"name": name}, "spec": fields}


def summer() -> tuple[list[Manifest], Manifest]:
    """The golden schedule of method.md section 7, since 2025, and its CostReport."""
    jobs = list(yaml.safe_load_all((SUMMER / "cronjobs.yaml").read_text()))
    for job in jobs:
        job["metadata"]["annotations"][VALID_FROM] = SINCE
    return jobs, yaml.safe_load((SUMMER / "report.yaml").read_text())


PATHS: Final = {
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "CostReport": "/apis/gpucost.dev/v1alpha1/namespaces/{}/costreports",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Event": "/api/v1/namespaces/{}/events",
}


@dataclass(frozen=True)
class Place:
    """A namespace, and the operator that watches it. Its requests are bare ones: faster than kubectl's."""

    cluster: Cluster
    namespace: str
    operator: Operator
    watched: bool = True
    """Whether the operator watches this namespace."""

    def create(self, *manifests: Manifest) -> None:
        """Create objects in this namespace; CostReports come last, when the operator has noticed the CronJobs, for what it
        is told of the two kinds comes over two watches, in any order."""
        reports = [manifest for manifest in manifests if manifest["kind"] == "CostReport"]
        others = [manifest for manifest in manifests if manifest["kind"] != "CostReport"]
        for manifest in others:
            self._post(manifest)
        jobs = {manifest["metadata"]["name"] for manifest in others if manifest["kind"] == "CronJob"}
        if jobs and self.watched and self.operator.process.running:
            self.operator.process.wait_for(lambda: self._known() >= jobs, SOON, f"{len(jobs)} CronJobs are known")
        for manifest in reports:
            self._post(manifest)

    def _post(self, manifest: Manifest) -> None:
        answer = self.cluster.request("POST", self._path(manifest["kind"]), placed(self, manifest))
        assert answer.status == 201, answer

    def _known(self) -> set[str]:
        rows = _ledger(self.operator, "SELECT name FROM gpucost_cronjobs WHERE namespace = ?", self.namespace)
        return {row["name"] for row in rows}

    def edit(self, kind: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Merge a patch into an object."""
        answer = self.cluster.request("PATCH", self._path(kind, name), patch)
        assert answer.status == 200, answer
        return answer.json()

    def annotate(self, kind: str, name: str, **annotations: str | None) -> Manifest:
        """Set annotations of gpucost.dev; underscores are dashes there."""
        full = {f"gpucost.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
        return self.edit(kind, name, {"metadata": {"annotations": full}})

    def delete(self, kind: str, name: str) -> None:
        assert self.cluster.request("DELETE", self._path(kind, name)).status == 200

    def get(self, kind: str, name: str) -> Manifest:
        answer = self.cluster.request("GET", self._path(kind, name))
        assert answer.status == 200, answer
        return answer.json()

    def items(self, kind: str) -> list[Manifest]:
        found: list[Manifest] = self.cluster.request("GET", self._path(kind)).json()["items"]
        return found

    def status(self, name: str = "example") -> Status:
        found: Status = self.get("CostReport", name).get("status") or {}
        return found

    def wait(
        self, holds: Callable[[Status], Any], what: str, name: str = "example", seconds: float = SOON
    ) -> dict[str, Any]:
        """The first status of a report of which something holds. Fails with the end of the operator's log."""
        last: dict[str, Any] = {}

        def there() -> bool:
            last.clear()
            last.update(self.status(name))
            return bool(holds(last))

        try:
            self.operator.process.wait_for(there, seconds, f"{self.namespace}/{name}: {what}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n--- status: {json.dumps(last)[:2000]}") from None
        return last

    def computed(self, name: str = "example", seconds: float = SOON) -> dict[str, Any]:
        """The status once it belongs to the spec as it is now."""
        generation = self.get("CostReport", name)["metadata"]["generation"]
        return self.wait(
            lambda status: status.get("observedGeneration") == generation and ready(status)["status"] == "True",
            "it is computed",
            name,
            seconds,
        )

    def refreshed(self, name: str = "example") -> dict[str, Any]:
        """The status of a computation that begins after this call."""
        before = self.status(name).get("lastSuccessTime", "")
        self.annotate("CostReport", name, refresh=f"after {before}")
        return self.wait(lambda status: status.get("lastSuccessTime", "") > before, "it is refreshed", name)

    def events(self, name: str = "example") -> list[tuple[str, str, str]]:
        """Kubernetes Events on a report in the order in which they were made: type, reason, and message."""
        found = [item for item in self.items("Event") if item["involvedObject"]["name"] == name]
        found.sort(key=lambda item: int(item["metadata"]["resourceVersion"]))
        return [(item["type"], item["reason"], item["message"]) for item in found]

    def version(self, kind: str, name: str) -> str:
        """metadata.resourceVersion: any write changes it."""
        return str(self.get(kind, name)["metadata"]["resourceVersion"])

    def _path(self, kind: str, name: str = "") -> str:
        return f"{PATHS[kind].format(self.namespace)}/{name}".rstrip("/")


def condition(status: Status, kind: str) -> Mapping[str, Any]:
    """A condition of a status; its status and reason are empty where there is none."""
    nothing = {"status": "", "reason": "", "message": ""}
    return next((one for one in status.get("conditions") or () if one["type"] == kind), nothing)


def ready(status: Status) -> Mapping[str, Any]:
    return condition(status, "Ready")


def issues(status: Status) -> dict[str, str]:
    """The message of each reason in quality."""
    return {issue["reason"]: issue["message"] for issue in status["quality"]["issues"]}


def hours_of(*spans: tuple[int, object, object]) -> str:
    """Node-hours by hand, as a status writes them: so many nodes from one instant to another."""
    return hours_text(sum(nodes * (microseconds(end) - microseconds(start)) for nodes, start, end in spans))


def microseconds(instant: object) -> int:
    """An RFC 3339 text, or microseconds already."""
    found = parse_instant(instant) if isinstance(instant, str) else instant
    assert isinstance(found, int), instant
    return found


def versions(place: Place, name: str) -> list[dict[str, Any]]:
    """What the ledger knows of a CronJob, oldest first; a row for each pool."""
    query = (
        "SELECT * FROM gpucost_versions JOIN gpucost_counts USING (namespace, name, number) "
        "WHERE namespace = ? AND name = ? ORDER BY number, pool"
    )
    return _ledger(place.operator, query, place.namespace, name)


def confirmed_us(place: Place) -> int:
    """Until when the ledger knows that somebody watched."""
    ((found,),) = [row.values() for row in _ledger(place.operator, "SELECT confirmed_us FROM gpucost_ledger")]
    return int(found)


def age(operator: Operator, seconds: int) -> int:
    """Have the ledger of a stopped operator believe that nobody watched for so long; returns the last certain instant."""
    assert not operator.process.running
    with closing(sqlite3.connect(operator.folder / "ledger.db")) as con, con:
        con.execute("UPDATE gpucost_ledger SET confirmed_us = confirmed_us - ?", (seconds * SECOND_US,))
        (found,) = con.execute("SELECT confirmed_us FROM gpucost_ledger").fetchone()
        con.execute("UPDATE gpucost_cronjobs SET noticed_us = min(noticed_us - ?, ?)", (seconds * SECOND_US, found))
    return int(found)


def _ledger(operator: Operator, query: str, *values: str) -> list[dict[str, Any]]:
    """Rows of the ledger; the file may be read while the operator has it."""
    with closing(sqlite3.connect(f"file:{operator.folder / 'ledger.db'}?mode=ro", uri=True)) as con:
        con.row_factory = sqlite3.Row
        return [dict(row) for row in con.execute(query, values)]


def secret(url: str, name: str = "task-db") -> Manifest:
    """A Secret with the URL of a task database."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"url": url}}


OPERATORS_OWN: Final = frozenset(
    {"observedGeneration", "restatements", "inputRevision", "nextRefreshTime", "artifacts"}
)
"""Parts of a status that the command line can't know."""


def comparable(status: Status) -> dict[str, Any]:
    """A status without what may differ between the operator and the command line."""
    found = {key: value for key, value in status.items() if key not in OPERATORS_OWN | {"lastSuccessTime"}}
    left_out = {"lastTransitionTime", "observedGeneration"}
    found["conditions"] = [
        {key: value for key, value in one.items() if key not in left_out} for one in status["conditions"]
    ]
    return found


def command_line(folder: Path, place: Place, report: Manifest, jobs: list[Manifest], *words: str, now: str) -> Status:
    """The status that ``gpucost report`` prints for the manifests as they were applied."""
    ran: Ran = gpucost(
        "report",
        "-f",
        write(folder / "report.yaml", placed(place, report)),
        "--cronjobs",
        write(folder / "cronjobs.yaml", *(placed(place, job) for job in jobs)),
        *words,
        "--now",
        now,
        "-o",
        "json",
    )
    return ran.status()


def placed(place: Place, manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": place.namespace}}
