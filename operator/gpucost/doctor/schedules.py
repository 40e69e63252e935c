"""Scaling CronJobs of a report: whether there are any, can be read, and stand in namespaces that share them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gpucost.api.costreport import CostReport
from gpucost.computing import find_pools, namespaces_of
from gpucost.controller.store import SHARE_LABEL, shares_schedules, typed
from gpucost.core.issues import (
    CONTRADICTORY_CRON_JOB,
    DUPLICATE_CRON_JOB,
    IGNORED_CRON_JOB,
    INCOMPLETE_CRON_JOB,
    SCALER_NOT_READ,
    UNREADABLE_CRON_JOB,
    UNREADABLE_SCALING_COMMAND,
    Issue,
    counted,
)
from gpucost.doctor.findings import Finding, ok, problem, skipped, warning
from gpucost.kube.client import CRON_JOBS, NAMESPACES, ApiError, Cluster
from gpucost.kube.configmaps import get_config_maps
from gpucost.sources.cronjobs.manifests import find_config_maps
from gpucost.sources.cronjobs.statements import REMEDY

NAMED: Final = 3
"""Issues that a finding repeats."""
LEFT_OUT: Final = frozenset(
    (
        UNREADABLE_CRON_JOB,
        INCOMPLETE_CRON_JOB,
        CONTRADICTORY_CRON_JOB,
        UNREADABLE_SCALING_COMMAND,
        SCALER_NOT_READ,
        DUPLICATE_CRON_JOB,
    )
)
"""Reasons for which a CronJob sets no count, so that the figures are wrong."""

Manifests = list[Mapping[str, Any]]


@dataclass(slots=True)
class CronJobs:
    """CronJobs of a cluster by namespace, each listed once; and whether reports of others may read them."""

    cluster: Cluster
    shared: Collection[str] = ()
    """Namespaces that share their schedules whatever their labels say."""
    labels_count: bool = True
    """An operator that watches some namespaces only sees no Namespace object, and so no label."""
    reads_config_maps: bool = False
    """Whether the operator reads ConfigMaps that CronJobs take scripts or variables from."""
    _listed: dict[str, Manifests] = field(default_factory=dict)
    _sharing: dict[str, bool] = field(default_factory=dict)

    async def of(self, namespace: str) -> Manifests:
        """All of a namespace, with the ConfigMaps that they take something from. Raises ApiError."""
        if namespace not in self._listed:
            found: Manifests = [typed(body) async for body in self.cluster.list(CRON_JOBS, namespace)]
            wanted = {key for body in found for key in find_config_maps(body)} if self.reads_config_maps else ()
            self._listed[namespace] = [*found, *(await get_config_maps(self.cluster, wanted)).values()]
        return self._listed[namespace]

    async def shares(self, namespace: str) -> bool:
        """Whether a namespace shares its schedules. Raises ApiError."""
        if namespace in self.shared or not self.labels_count:
            return namespace in self.shared
        if namespace not in self._sharing:
            self._sharing[namespace] = await self._is_labelled(namespace)
        return self._sharing[namespace]

    async def _is_labelled(self, namespace: str) -> bool:
        try:
            return shares_schedules(await self.cluster.request("GET", NAMESPACES.path(name=namespace)))
        except ApiError as error:
            if error.not_found:
                return False
            raise


async def examine_schedules(cronjobs: CronJobs, report: CostReport) -> list[Finding]:
    """Look at the CronJobs that a report reads."""
    check = f"schedules of {report.namespace}/{report.name}"
    wanted = sorted(set(namespaces_of(report)))
    try:
        refused = [name for name in wanted if name != report.namespace and not await cronjobs.shares(name)]
        manifests = [job for name in wanted if name not in refused for job in await cronjobs.of(name)]
    except ApiError as error:
        if error.status != 403:
            raise
        return [skipped(check, str(error), "see the rights")]
    notes = (_not_shared(check, name, cronjobs.labels_count) for name in refused)
    return [*notes, *judge_schedules(check, report, manifests)]


def _not_shared(check: str, namespace: str, labels_count: bool) -> Finding:
    remedy = f"its owner may allow it: kubectl label namespace {namespace} {SHARE_LABEL}=true"
    if not labels_count:
        remedy = f"start the operator with --watch-namespace {namespace} and --share-namespace {namespace} as well"
    return problem(check, f"namespace {namespace} does not share its schedules, so they are not read", remedy)


def judge_schedules(check: str, report: CostReport, manifests: Manifests) -> list[Finding]:
    """What the CronJobs of a report's namespaces say."""
    pools = find_pools(report, manifests)
    left_out = [issue for issue in pools.issues if issue.reason in LEFT_OUT]
    ignored = [issue for issue in pools.issues if issue.reason == IGNORED_CRON_JOB]
    others = [issue for issue in pools.issues if issue.reason not in LEFT_OUT | {IGNORED_CRON_JOB}]
    state = f"on each CronJob that scales nodes, {REMEDY}"
    found: list[Finding] = []
    if left_out:
        what = f"{counted(len(left_out), 'CronJob')} can't be read: {_first(left_out)}"
        found.append(problem(check, what, f"{state}; until then its nodes are missing from the figures"))
    if others:
        found.append(warning(check, _first(others), "do as it says, or leave it if that is what you mean"))
    if ignored:
        found.append(ok(check, f"{counted(len(ignored), 'CronJob')} left out, as wanted: {_first(ignored)}"))
    if pools.histories:
        found.append(
            ok(check, f"{counted(len(pools.histories), 'scaling CronJob')} can be read: {_pools(pools.histories)}")
        )
    elif not found and not report.spec.node_pools.schedule_table.enabled:
        where = ", ".join(namespaces_of(report))
        what = f"no CronJob states a node pool in namespace {where}, as spec.nodePools.cronJobs chooses them"
        found.append(warning(check, what, state))
    return found


def _first(issues: Sequence[Issue]) -> str:
    more = f" (and {len(issues) - NAMED} more)" if len(issues) > NAMED else ""
    return "; ".join(issue.message for issue in issues[:NAMED]) + more


def _pools(histories: Iterable[Sequence[Any]]) -> str:
    names = sorted({pool for history in histories for known in history for pool in known.version.pools})
    more = f" and {len(names) - NAMED} more pools" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
