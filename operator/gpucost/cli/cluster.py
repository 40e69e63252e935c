"""Commands that talk to a cluster: a report from what it holds now, and a refresh."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpucost.api.costreport import API_VERSION, KIND, CostReport, SpecError, parse_cost_report
from gpucost.computing import namespaces_of, read_report
from gpucost.controller.secrets import SecretError, database_url
from gpucost.controller.status import ready_of
from gpucost.controller.store import REFRESH_ANNOTATION, typed
from gpucost.core.instants import instant_text
from gpucost.kube.access import Access, AccessError, find_access
from gpucost.kube.client import COST_REPORTS, CRON_JOBS, Cluster, connected
from gpucost.kube.configmaps import get_config_maps
from gpucost.sources.cronjobs.manifests import find_config_maps

POLL_SECONDS: Final = 0.2
HISTORY_UNKNOWN: Final = (
    "CronJobs are taken as they stand now; the operator's ledger, not this command, knows how they were edited"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which cluster: as kubectl's options say."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a report needs of a cluster. ``cronjobs`` and ``url`` are None where they were given or are not needed."""

    report: CostReport
    cronjobs: list[Mapping[str, Any]] | None
    url: str | None


def find_inputs(place: Place, name: str | None, file: str | None, *, cronjobs: bool, url: bool) -> Found:
    """The report object (or a manifest from a file), its CronJobs and its database's URL, straight from a cluster.

    ``cronjobs``, ``url``: whether these are wanted. Raises AccessError, SpecError or ManifestError.
    """
    if (name is None) == (file is None):
        raise SpecError("name either a CostReport of the cluster or, with --file, a manifest")
    access = find_access(place.kubeconfig, place.context)
    if cronjobs:
        print(f"gpucost: {HISTORY_UNKNOWN}", file=sys.stderr)
    return asyncio.run(_find(access, place, name, file, cronjobs, url))


async def _find(access: Access, place: Place, name: str | None, file: str | None, cronjobs: bool, url: bool) -> Found:
    async with connected(access) as cluster:
        if file is not None:
            report = read_report(file)
        else:
            report = await _get(cluster, place.namespace or access.namespace, str(name))
        found = await _cronjobs(cluster, report) if cronjobs else None
        try:
            return Found(report, found, await database_url(cluster, report) if url else None)
        except SecretError as error:
            raise AccessError(f"{error}; or say where the database is with --db") from None


async def _get(cluster: Cluster, namespace: str, name: str) -> CostReport:
    body = await cluster.get(COST_REPORTS, namespace, name)
    body["metadata"].pop("managedFields", None)
    return parse_cost_report({**body, "apiVersion": API_VERSION, "kind": KIND})


async def _cronjobs(cluster: Cluster, report: CostReport) -> list[Mapping[str, Any]]:
    """CronJobs, and the ConfigMaps that they take scripts or variables from, as far as one may read them."""
    found = [typed(body) for namespace in namespaces_of(report) async for body in cluster.list(CRON_JOBS, namespace)]
    config_maps = await get_config_maps(cluster, {key for body in found for key in find_config_maps(body)})
    return [*found, *config_maps.values()]


def refresh(place: Place, name: str, seconds: float) -> str:
    """Have the operator compute a report now, and wait until it has. Returns a sentence with the result.

    Raises AccessError where the cluster refuses, or the operator does not answer in time.
    """
    return asyncio.run(_refresh(find_access(place.kubeconfig, place.context), place, name, seconds))


async def _refresh(access: Access, place: Place, name: str, seconds: float) -> str:
    namespace = place.namespace or access.namespace
    async with connected(access) as cluster:
        before = await cluster.get(COST_REPORTS, namespace, name)
        asked = {"metadata": {"annotations": {REFRESH_ANNOTATION: instant_text(time.time_ns() // 1000)}}}
        await cluster.patch(COST_REPORTS, namespace, name, asked)
        deadline = time.monotonic() + seconds
        while True:
            body = await cluster.get(COST_REPORTS, namespace, name)
            status = body.get("status") or {}
            if status.get("lastSuccessTime") != (before.get("status") or {}).get("lastSuccessTime"):
                return f"{namespace}/{name}: computed at {status['lastSuccessTime']}, {_shown(status)}"
            if time.monotonic() > deadline:
                told = ready_of(status).get("message") or "its status says nothing"
                raise AccessError(f"{namespace}/{name} was not computed within {seconds:g} s: {told}")
            await asyncio.sleep(POLL_SECONDS)


def _shown(status: Mapping[str, Any]) -> str:
    display = status.get("display") or {}
    return f"node cost {display.get('nodeCost', 'unknown')}"
