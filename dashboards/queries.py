"""Every PromQL expression of the dashboards, by name.

Two rules keep the figures true. A series counts once although two pods of the operator overlap at a restart: the
greatest of the pods' values stands for it. And money is never added over currencies, nor over reports, whose periods
and node pools may overlap: sums keep the labels ``namespace``, ``report`` and ``currency``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gpucost.metrics import families
from gpucost.metrics.families import REPORT_LABELS, Family
from gpucost.report.conditions import COMPUTED, SUSPENDED

HOUR: Final = 3600
SHOWN_SERVICES: Final = 20
CURRENCY: Final = "currency"


@dataclass(frozen=True, slots=True)
class Reports:
    """Queries about the reports that a label selector chooses."""

    selector: str

    def each(self, family: Family, where: str = "") -> str:
        """A series for each report and each of the family's own labels; ``where`` chooses among these."""
        chosen = ", ".join(filter(None, (self.selector, where)))
        return f"max by ({_labels(family.labels)}) ({family.name}{{{chosen}}})"

    def total(self, family: Family, *by: str) -> str:
        """A family added up for each report, and for each of its own labels that are named."""
        return f"sum by ({_labels(by)}) ({self.each(family)})"

    def hours(self, family: Family, *by: str) -> str:
        """The same of a family in seconds, in hours."""
        return f"{self.total(family, *by)} / {HOUR}"

    def share(self, part: Family, whole: Family, *by: str) -> str:
        """One total by another; absent where the latter is zero."""
        return f"{self.total(part, *by)} / ({self.total(whole, *by)} > 0)"

    def age(self, family: Family) -> str:
        """Seconds since an instant that a family tells."""
        return f"time() - {self.each(family)}"

    def present(self, family: Family) -> str:
        """What is not zero."""
        return f"{self.each(family)} != 0"

    def present_hours(self, family: Family) -> str:
        """The same of a family in seconds, in hours."""
        return f"({self.present(family)}) / {HOUR}"

    def with_currency(self, expression: str) -> str:
        """An expression for each report, under the currency of its money: a report has one."""
        currency = f"group by ({_labels((CURRENCY,))}) ({families.NODE_COST.name}{{{self.selector}}})"
        return f"({expression}) * on ({_labels(())}) group_left (currency) {currency}"

    # Counts of reports: 0 where there are none

    @property
    def count(self) -> str:
        """All of them."""
        return _count(self.each(families.READY))

    @property
    def failing(self) -> str:
        """Not ready, and not because they are suspended."""
        suspended = self.each(families.READY_REASON, f'reason="{SUSPENDED}"')
        return _count(f"{self.each(families.READY)} == 0 unless on ({_labels(())}) {suspended}")

    @property
    def suspended(self) -> str:
        """Suspended ones."""
        return _count(self.each(families.READY_REASON, f'reason="{SUSPENDED}"'))

    # What is not a plain total

    @property
    def troubles(self) -> str:
        """Reports that are not ready, with the reason."""
        return self.each(families.READY_REASON, f'reason!="{COMPUTED}"')

    @property
    def oldest(self) -> str:
        """Age in seconds of the oldest figures."""
        return f"max({self.age(families.LAST_SUCCESS)})"

    @property
    def pools_per_hour(self) -> str:
        """Money an hour of all node pools now, by currency; a pool that several reports bill counts once, at the dearest."""
        each = f"max by (node_pool, currency) ({families.COST_PER_HOUR.name}{{{self.selector}}})"
        return f"sum by (currency) ({each})"

    @property
    def dearest_services(self) -> str:
        """Cost of the services that cost most."""
        return f"topk({SHOWN_SERVICES}, {self.total(families.SERVICE_COST, 'service', CURRENCY)})"

    @property
    def cost_by_outcome(self) -> str:
        """Cost of each service and outcome; the service is named with the currency."""
        cost = self.total(families.SERVICE_COST, "service", "outcome", CURRENCY)
        return f'label_join({cost}, "service", " ", "service", "currency")'

    @property
    def success_ratio(self) -> str:
        """Successes by ended attempts, of each service."""
        done = self.each(families.SERVICE_ATTEMPTS, 'outcome="Success"')
        ended = self.each(families.SERVICE_ATTEMPTS, 'outcome!="Open"')
        return f"sum by ({_labels(('service',))}) ({done}) / (sum by ({_labels(('service',))}) ({ended}) > 0)"

    @property
    def hour_grid(self) -> str:
        """Utilisation of each local hour, two digits, under ``row``: node type and weekday or weekend."""
        hours = self.each(families.HOUR_UTILIZATION_RATIO)
        padded = f'label_replace({hours}, "hour", "0$1", "hour", "(.)")'
        return f'max by (row, hour) (label_join({padded}, "row", " ", "node_type", "day_type"))'


ALL_REPORTS: Final = Reports('namespace=~"$namespace"')
ONE_REPORT: Final = Reports('namespace="$namespace", report="$report"')
OF_OPERATOR: Final = Reports('job=~"$job"')

# Values of template variables

JOBS: Final = "label_values(gpucost_build_info, job)"
NAMESPACES: Final = f"label_values({families.READY.name}, namespace)"
REPORTS: Final = f'label_values({families.READY.name}{{namespace="$namespace"}}, report)'

# The operator's own

_OWN: Final = '{job=~"$job"}'
_TARGETS: Final = f"on (job, instance) group by (job, instance) (gpucost_build_info{_OWN})"
"""Joined by ``and``, it chooses what Prometheus itself notes of the scraped operators."""

READY: Final = f"max by (job) (gpucost_operator_ready{_OWN})"
VERSION: Final = f"max by (job, version) (gpucost_build_info{_OWN})"
SILENCE: Final = f"time() - max by (resource) (gpucost_watch_last_event_timestamp_seconds{_OWN})"
DROPPED: Final = f"sum(gpucost_dropped_series{_OWN})"
QUEUE_DEPTH: Final = f"sum(gpucost_work_queue_depth{_OWN})"
DATABASE_ERRORS: Final = f"sum by (reason) (increase(gpucost_database_errors_total{_OWN}[$__rate_interval]))"
LEDGER_ERRORS: Final = f"sum(increase(gpucost_ledger_errors_total{_OWN}[$__rate_interval]))"
DATABASE_ERRORS_IN_RANGE: Final = f"sum(increase(gpucost_database_errors_total{_OWN}[$__range]))"
LEDGER_ERRORS_IN_RANGE: Final = f"sum(increase(gpucost_ledger_errors_total{_OWN}[$__range]))"
VISITS: Final = f"sum(rate(gpucost_work_queue_latency_seconds_count{_OWN}[$__rate_interval]))"
MEMORY: Final = f"max by (job) (process_resident_memory_bytes{_OWN})"
CPU: Final = f"sum by (job) (rate(process_cpu_seconds_total{_OWN}[$__rate_interval]))"
SCRAPE_SECONDS: Final = f"max by (job) (scrape_duration_seconds and {_TARGETS})"
SCRAPED_SERIES: Final = f"max by (job) (scrape_samples_scraped and {_TARGETS})"


def latency(quantile: float) -> str:
    """Seconds that reports waited for their computation; absent, not NaN, where none was computed."""
    buckets = f"sum by (le) (rate(gpucost_work_queue_latency_seconds_bucket{_OWN}[$__rate_interval]))"
    return f"histogram_quantile({quantile}, {buckets}) >= 0"


def _labels(own: tuple[str, ...]) -> str:
    return ", ".join((*REPORT_LABELS, *own))


def _count(expression: str) -> str:
    return f"count({expression}) or vector(0)"
