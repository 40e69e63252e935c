"""What a demonstration consists of, and the pieces that both have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import pyarrow as pa

from gpucost.core.schedule import by_pool, pool_timeline
from gpucost.core.steps import Steps
from gpucost.core.versions import KnownVersion, held_schedules
from gpucost.core.zones import Zone
from gpucost.sources.cronjobs.manifests import read_cronjobs
from gpucost.sources.cronjobs.statements import NODES_ANNOTATION, NODES_VARIABLE, POOL_ANNOTATION, POOL_VARIABLE

RELATION: Final = "task_history"
NAMESPACE: Final = "demo"


@dataclass(frozen=True, slots=True)
class Demo:
    """A report to compute: its manifest, the schedules, the present, and task events, made when they are needed."""

    report: dict[str, Any]
    """The CostReport manifest."""
    cronjobs: list[dict[str, Any]]
    """CronJob manifests."""
    now_us: int
    assumptions: tuple[str, ...]
    """Sentences about what is made up or assumed."""
    events: Callable[[], pa.Table] = field(repr=False)
    """Makes the rows of task_history."""

    def fill(self, con: duckdb.DuckDBPyConnection) -> str:
        """Create (or replace) the table of task events in a connection, and return its name."""
        con.register("demo_events", self.events())
        try:
            con.execute(f"CREATE OR REPLACE TABLE {RELATION} AS FROM demo_events")
        finally:
            con.unregister("demo_events")
        return RELATION


@dataclass(frozen=True, slots=True)
class Scaling:
    """A schedule: at these times, so many nodes in this pool."""

    name: str
    pool: str
    nodes: int
    schedule: str
    suspend: bool = False
    created: str | None = None
    """RFC 3339; None: the schedule holds since ever."""


def cost_report(name: str, zone: str, dates: tuple[str, str], types: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The manifest of a report over local dates, the second exclusive, with all services and default settings."""
    return {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "period": {"range": {"start": dates[0], "end": dates[1]}},
            "timeZone": zone,
            "currency": "USD",
            "nodePools": {"types": [dict(kind) for kind in types]},
            "tasks": {"timeZone": zone},
        },
    }


def annotated(scaling: Scaling, zone: str) -> dict[str, Any]:
    """A CronJob that states pool and count by annotations."""
    notes = {POOL_ANNOTATION: scaling.pool, NODES_ANNOTATION: str(scaling.nodes)}
    return _cron_job(scaling, zone, {"image": "registry.example/scaler:2", "args": ["apply"]}, notes)


def by_environment(scaling: Scaling, zone: str) -> dict[str, Any]:
    """A CronJob that states pool and count by environment variables."""
    env = [{"name": POOL_VARIABLE, "value": scaling.pool}, {"name": NODES_VARIABLE, "value": str(scaling.nodes)}]
    return _cron_job(scaling, zone, {"image": "registry.example/scaler:1", "env": env})


def by_gcloud(scaling: Scaling, zone: str) -> dict[str, Any]:
    """A CronJob that states pool and count by a command line."""
    words = f"gcloud container clusters resize studio --node-pool {scaling.pool} --num-nodes {scaling.nodes}"
    command = [*words.split(), "--zone", "europe-west4-b", "--quiet"]
    return _cron_job(scaling, zone, {"image": "google/cloud-sdk:slim", "command": command})


def _cron_job(
    scaling: Scaling, zone: str, container: Mapping[str, Any], annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": scaling.name, "namespace": NAMESPACE}
    if scaling.created:
        metadata["creationTimestamp"] = scaling.created
    if annotations:
        metadata["annotations"] = dict(annotations)
    pod = {"restartPolicy": "Never", "containers": [{"name": "scale", **container}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": {
            "schedule": scaling.schedule,
            "timeZone": zone,
            "suspend": scaling.suspend,
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        },
    }


def node_counts(cronjobs: Sequence[Mapping[str, Any]], start_us: int, until_us: int) -> dict[str, Steps]:
    """How many nodes each pool has from an instant on, read from the manifests as a report reads them."""
    found = read_cronjobs(cronjobs)
    held = held_schedules([(KnownVersion(version),) for version in found.versions], Zone("UTC"), None)
    assert not found.issues + held.issues  # the manifests are our own
    return {
        name: pool_timeline(name, schedules, start_us, until_us, initial=0, origin="the demo").counts
        for name, schedules in by_pool(held.held).items()
    }
