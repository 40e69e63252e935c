"""compute(): a report from a spec, CronJobs and a task database, with no cluster. The command line and notebooks call it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import duckdb

from gpucost.api.costreport import KIND, CostReport, CostReportSpec, SpecError, parse_cost_report, parse_spec
from gpucost.core.actuation import Records
from gpucost.core.instants import parse_instant
from gpucost.core.issues import CRON_JOBS_ELSEWHERE, Issue, shorten
from gpucost.core.progress import Progress, Stage, tell_nobody
from gpucost.core.scaling import PassedOver
from gpucost.core.schedule import HeldSchedule
from gpucost.core.versions import KnownVersion
from gpucost.core.zones import Zone
from gpucost.report.build import Inputs, Shared, build_report, check_length, resolve_period
from gpucost.report.report import Report
from gpucost.sources.cronjobs.manifests import read_cronjobs
from gpucost.sources.manifestfiles import load_all
from gpucost.sources.scheduletable import SCALING, read_schedule_table
from gpucost.sources.tasks import DEFAULT_LIMITS, EVENTS, Limits, TaskDatabase, open_database
from gpucost.sources.yamlfiles import flatten_lists, load_manifests

EARLIEST_US: Final = parse_instant("0002-01-01T00:00:00Z") or 0
LATEST_US: Final = parse_instant("9998-12-31T00:00:00Z") or 0
"""A year inside the calendar's own edges, so that every zone can show what is around the present."""

Documents = str | Path | Iterable[str | Path | Mapping[str, Any]]
"""Manifests: a YAML or JSON file, a folder or a glob of them (``-``: standard input), or several; or parsed documents."""


@dataclass(frozen=True, slots=True)
class Pools:
    """What states node pools: known versions of CronJobs, rows of the schedule table, and what could not be read."""

    histories: tuple[Sequence[KnownVersion], ...]
    rows: tuple[HeldSchedule, ...]
    issues: tuple[Issue, ...]
    records: Records | None = None
    """What became of the CronJobs' Jobs; None: nobody recorded them."""
    passed_over: tuple[PassedOver, ...] = ()
    """What was seen in CronJobs and sets no node count."""


def compute(
    spec: CostReport | CostReportSpec | Mapping[str, Any] | str | Path,
    cronjobs: Documents | None = None,
    db: str | duckdb.DuckDBPyConnection | None = None,
    *,
    now: str | int | None = None,
    cluster_timezone: str = "UTC",
    details: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = tell_nobody,
) -> Report:
    """Compute a report.

    ``spec``: a CostReport manifest or its spec, parsed or as a path. ``cronjobs``: manifests of scaling CronJobs.
    ``db``: the task database, a URL or a path, or a DuckDB connection that has task_history; only where the spec has
    tasks. ``now``: RFC 3339, or microseconds since 1970; default: the clock. ``details``: also every attempt, for tables of
    tasks and exact distributions. ``progress``: is told the stages. Raises SpecError, ManifestError or SourceError with one
    sentence that says what to do.
    """
    report = read_report(spec)
    now_us = resolve_now(now)
    zone = Zone.parse(cluster_timezone)
    with _database(report.spec, db, limits) as database:
        pools = find_pools(report, cronjobs)
        return compute_from(report, pools, database, now_us, zone, details=details, progress=progress)


def compute_from(
    report: CostReport,
    pools: Pools,
    database: TaskDatabase | None,
    now_us: int,
    cluster_zone: Zone,
    *,
    kept: KeptEvents | None = None,
    details: bool = False,
    progress: Progress = tell_nobody,
) -> Report:
    """Compute a report from what is known of its node pools and a task database within reach.

    ``kept``: events that are brought already. Raises SpecError, SourceError or OverflowError, each with one sentence that
    says what to do.
    """
    raw = None
    if database:
        progress(Stage.OPENING)
        pools = _with_table(report, pools, database)
        kept = kept or bring_events(report, database)
        raw = (database.con, kept.relation) if kept else None
    inputs = Inputs(
        name=report.name,
        namespace=report.namespace,
        spec=report.spec,
        histories=pools.histories,
        rows=pools.rows,
        issues=pools.issues,
        records=pools.records,
        passed_over=pools.passed_over,
        tasks=raw,
        cluster_zone=cluster_zone,
        shared=kept.shared if kept else Shared(),
    )
    return build_report(inputs, now_us, details=details, progress=progress)


@dataclass(frozen=True, slots=True)
class KeptEvents:
    """Task events in a DuckDB connection: the name of their relation, and what reports of them share."""

    relation: str
    shared: Shared = field(default_factory=Shared)


def bring_events(report: CostReport, database: TaskDatabase) -> KeptEvents | None:
    """Read a report's task events; None for a report of node cost only. Raises SourceError and SpecError."""
    tasks = report.spec.tasks
    return KeptEvents(database.bring(EVENTS, tasks.query, tasks.statuses.running)) if tasks else None


def read_report(spec: CostReport | CostReportSpec | Mapping[str, Any] | str | Path) -> CostReport:
    """A CostReport from a manifest or a spec, parsed or as a path. Raises SpecError or ManifestError."""
    if isinstance(spec, CostReport):
        return spec
    if isinstance(spec, str | Path):
        manifests = load_manifests(str(spec))
        found = [m for m in manifests if isinstance(m, Mapping) and m.get("kind") == KIND]
        if len(found) != 1:
            raise SpecError(f"{spec} must hold exactly one CostReport, not {len(found)}")
        return parse_cost_report(found[0])
    if isinstance(spec, Mapping) and "kind" in spec:
        return parse_cost_report(spec)
    return CostReport(name="report", namespace="default", manifest={}, spec=parse_spec(spec))


def without_tasks(report: CostReport) -> CostReport:
    """The same report of node cost only."""
    return report.model_copy(update={"spec": report.spec.model_copy(update={"tasks": None})})


def over_dates(report: CostReport, start: str, end: str) -> CostReport:
    """The same report over local dates or instants, the second exclusive. Raises SpecError where they are none."""
    stated = report.spec.model_dump(mode="json", by_alias=True)
    spec = parse_spec({**stated, "period": {"range": {"start": start, "end": end}}})
    check_length(resolve_period(spec, Zone.parse(spec.time_zone), resolve_now(None)))
    return report.model_copy(update={"spec": spec})


def resolve_now(now: str | int | None) -> int:
    """Microseconds of the present: the clock's, or as stated."""
    if now is None:
        return time.time_ns() // 1000
    instant = now if isinstance(now, int) else parse_instant(now)
    if instant is None or not EARLIEST_US <= instant <= LATEST_US:
        raise SpecError(f"now must be an RFC 3339 instant such as 2025-08-22T00:00:00Z, not {str(now)[:40]!r}")
    return instant


def find_pools(report: CostReport, cronjobs: Documents | None) -> Pools:
    """What states node pools: the chosen CronJobs among the documents.

    A manifest without a namespace counts as of the report's own, as if applied there.
    """
    chosen = report.spec.node_pools.cron_jobs
    namespaces = namespaces_of(report)
    manifests = [_placed(manifest, report.namespace) for manifest in flatten_lists(load_documents(cronjobs))]
    found = read_cronjobs(manifests, namespaces=namespaces, selector=chosen.selector)
    elsewhere = () if found.versions else _elsewhere(manifests, namespaces)
    histories = tuple((KnownVersion(version),) for version in found.versions)
    return Pools(histories, (), (*found.issues, *elsewhere), passed_over=found.passed_over)


def load_documents(documents: Documents | None) -> list[object]:
    """The manifests, read where they are named. Raises ManifestError."""
    listed = [documents] if isinstance(documents, str | Path) else list(documents or ())
    named = [str(one) for one in listed if isinstance(one, str | Path)]
    return [*load_all(named), *(one for one in listed if not isinstance(one, str | Path))]


def namespaces_of(report: CostReport) -> tuple[str, ...]:
    """The namespaces whose CronJobs a report reads: as stated, else its own."""
    stated = report.spec.node_pools.cron_jobs.namespaces
    return (report.namespace,) if stated is None else stated


def _with_table(report: CostReport, pools: Pools, database: TaskDatabase) -> Pools:
    """The pools with those of the schedule table, if it is enabled."""
    table = report.spec.node_pools.schedule_table
    if not table.enabled:
        return pools
    stated = {pool for history in pools.histories for known in history for pool in known.version.pools}
    rows = read_schedule_table(database, table, stated)
    return replace(pools, rows=rows.held, issues=(*pools.issues, *rows.issues))


def _placed(manifest: object, namespace: str) -> object:
    """A CronJob without a namespace, put into one."""
    if not isinstance(manifest, Mapping) or not isinstance(manifest.get("metadata"), Mapping):
        return manifest
    return {**manifest, "metadata": {"namespace": namespace, **manifest["metadata"]}}


def _elsewhere(manifests: Iterable[object], namespaces: Sequence[str]) -> tuple[Issue, ...]:
    """CronJobs state pools, but none in a namespace that is read: most often a slip."""
    found = read_cronjobs(manifests).versions
    if not found:
        return ()
    others = ", ".join(sorted({shorten(version.namespace) for version in found})[:5])
    message = (
        f"{len(found)} CronJobs state node pools, but in namespace {others}, where this report does not look "
        f"({', '.join(map(shorten, namespaces))}); see spec.nodePools.cronJobs"
    )
    return (Issue(CRON_JOBS_ELSEWHERE, message, len(found)),)


@contextmanager
def _database(
    spec: CostReportSpec, db: str | duckdb.DuckDBPyConnection | None, limits: Limits
) -> Iterator[TaskDatabase | None]:
    wanted = spec.tasks is not None or spec.node_pools.schedule_table.enabled
    if db is None:
        if wanted:
            raise SpecError("the report reads a task database; say where it is with --db (or db=)")
        yield None
    elif not wanted:
        raise SpecError("a task database is given, but the report has no spec.tasks; add it, or leave --db out")
    elif isinstance(db, str):
        with open_database(db, limits) as database:
            yield database
    else:
        try:
            yield TaskDatabase(db, "", limits)
        finally:
            for table in (EVENTS, SCALING):
                db.execute(f"DROP VIEW IF EXISTS temp.{table.relation}")
