"""Which CronJobs a report reads, out of all that the ledger knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Final

from gpucost.api.costreport import ClockSource, CostReport
from gpucost.computing import Pools, namespaces_of
from gpucost.controller.queue import Key
from gpucost.controller.store import SHARE_LABEL, SeenCronJob, SeenReport
from gpucost.core.issues import NOT_SHARED, Issue, shorten
from gpucost.core.period import Period
from gpucost.core.zones import Zone
from gpucost.ledger.ledger import History
from gpucost.report.build import resolve_period
from gpucost.report.revision import stated_parts
from gpucost.sources.cronjobs.selectors import selects

LATE_US: Final = 3_600_000_000
"""How long after its period a report still looks at every Job that ends: one may be told late."""


@dataclass(frozen=True, slots=True)
class Past:
    """All that the ledger knows of CronJobs, by namespace and in the order of their names: gathered once for each change of
    it, for a thousand reports may ask."""

    histories: Mapping[Key, History]
    by_namespace: Mapping[str, Sequence[History]]

    @classmethod
    def of(cls, histories: Mapping[Key, History]) -> Past:
        """What a ledger's histories say."""
        found: dict[str, list[History]] = {}
        for key in sorted(histories):
            if histories[key].known:
                found.setdefault(key[0], []).append(histories[key])
        return cls(histories, found)

    def chosen(self, report: CostReport, troubled: Mapping[Key, SeenCronJob], sharing: Collection[str]) -> Pools:
        """What the CronJobs that a report chooses say, those that are gone as well: by the labels that they had last.

        ``troubled``: CronJobs of now with which something is wrong. ``sharing``: namespaces that reports of others may read.
        """
        wanted = sorted(set(namespaces_of(report)))
        namespaces = [name for name in wanted if name == report.namespace or name in sharing]
        past = (history for name in namespaces for history in self.by_namespace.get(name, ()))
        known = tuple(h.known for h in past if chooses(report, h.labels))
        here = (troubled[key] for key in sorted(troubled) if key[0] in namespaces)
        issues = (issue for seen in here if chooses(report, seen.sighting.labels) for issue in seen.issues)
        refused = (_not_shared(name) for name in wanted if name not in namespaces)
        return Pools(known, (), (*refused, *issues))


def chooses(report: CostReport, labels: Mapping[str, str]) -> bool:
    """Whether a report reads a CronJob with these labels."""
    selector = report.spec.node_pools.cron_jobs.selector
    return selector is None or selects(selector, labels)


def _not_shared(namespace: str) -> Issue:
    """Says the same whether the namespace exists or not."""
    message = (
        f"namespace {shorten(namespace)} does not share its schedules with this one, so they are not read; its owner may allow "
        f"it: kubectl label namespace {shorten(namespace)} {SHARE_LABEL}=true (an operator that watches some namespaces only "
        "can't see labels: start it with --share-namespace, and --watch-namespace, for this one)"
    )
    return Issue(NOT_SHARED, message)


def keys_of(pools: Pools) -> tuple[Key, ...]:
    """The CronJobs that a report reads, those that are gone as well."""
    versions = (history[-1].version for history in pools.histories)
    return tuple((version.namespace, version.name) for version in versions)


def _waits_for_jobs(report: CostReport, period: Period, computed_us: int) -> bool:
    """Whether a Job that ends now can change what is billed; drift alone waits for the next refresh."""
    return report.spec.node_pools.source is ClockSource.ACTUATED and computed_us < period.end_us + LATE_US


@cache
def _own_version() -> str:
    return version("gpucost")  # read from a file each time


def fingerprint(
    seen: SeenReport, report: CostReport, pools: Pools, marks: Mapping[Key, str], zone: Zone, computed_us: int
) -> str:
    """A hash of all that a computation at an instant rested on, but for the task database: if it is the same, and no
    refresh is due, there is nothing to compute. ``marks``: of the CronJobs' Jobs."""
    period = resolve_period(report.spec, Zone.parse(report.spec.time_zone), computed_us)
    parts = [
        _own_version(),
        seen.generation,
        seen.refresh,
        stated_parts(report.spec, pools.histories, zone, period.end_us),
        [(issue.reason, issue.message) for issue in pools.issues],
        [marks.get(key) for key in keys_of(pools)] if _waits_for_jobs(report, period, computed_us) else [],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
