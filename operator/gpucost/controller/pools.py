"""Which CronJobs a report reads, out of all that the ledger knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from gpucost.api.costreport import CostReport
from gpucost.computing import Pools, namespaces_of
from gpucost.controller.queue import Key
from gpucost.controller.store import SeenCronJob, SeenReport
from gpucost.core.zones import Zone
from gpucost.ledger.ledger import History
from gpucost.report.build import resolve_period
from gpucost.report.revision import stated_parts
from gpucost.sources.cronjobs import selects


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of CronJobs: their past from the ledger, their present from the cluster."""

    histories: Mapping[Key, History]
    present: Mapping[Key, SeenCronJob]

    def chosen(self, report: CostReport) -> Pools:
        """What the CronJobs that a report chooses say, those that are gone as well: by the labels that they had last."""
        past = [self.histories[key] for key in sorted(self.histories) if self._is_past(report, key)]
        here = [
            self.present[key] for key in sorted(self.present) if chooses(report, key, self.present[key].sighting.labels)
        ]
        issues = tuple(issue for seen in here for issue in seen.issues)
        return Pools(tuple(history.known for history in past), (), issues)

    def _is_past(self, report: CostReport, key: Key) -> bool:
        history = self.histories[key]
        return bool(history.known) and chooses(report, key, history.labels)


def chooses(report: CostReport, key: Key, labels: Mapping[str, str]) -> bool:
    """Whether a report reads the CronJob of this namespace and name."""
    selector = report.spec.node_pools.cron_jobs.selector
    return key[0] in namespaces_of(report) and (selector is None or selects(selector, labels))


def fingerprint(seen: SeenReport, report: CostReport, pools: Pools, zone: Zone, computed_us: int) -> str:
    """A hash of all that a computation at an instant rested on, but for the task database: if it is the same, and no
    refresh is due, there is nothing to compute."""
    period = resolve_period(report.spec, Zone.parse(report.spec.time_zone), computed_us)
    parts = [
        version("gpucost"),
        seen.generation,
        seen.refresh,
        stated_parts(report.spec, pools.histories, zone, period.end_us),
        [(issue.reason, issue.message) for issue in pools.issues],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
