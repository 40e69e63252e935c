"""All checks, in the order in which one would look: the API server, the CRD, rights, reports, databases, the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gpucost.api.costreport import CostReport
from gpucost.doctor.clocks import judge_clock, now_us
from gpucost.doctor.crd import examine_crd
from gpucost.doctor.database import Source, examine_database, grouped
from gpucost.doctor.findings import Finding, from_sentence, ok, problem, skipped
from gpucost.doctor.ledger import examine_ledger
from gpucost.doctor.reports import examine_secret, judge_ready, list_reports, parse, secret_named
from gpucost.doctor.rights import Subject, examine_rights, rights_of_operator, who_am_i
from gpucost.doctor.schedules import CronJobs, examine_schedules
from gpucost.doctor.server import CHECK, judge_failure, judge_version, reach
from gpucost.kube.access import Access, AccessError, find_access
from gpucost.kube.client import ApiError, Cluster, Fields
from gpucost.sources.tasks import Limits


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at."""

    kubeconfig: str | None = None
    context: str | None = None
    namespaces: tuple[str, ...] = ()
    """Those that the operator watches; none: all."""
    pages: bool = True
    """Whether it serves pages."""
    reads_config_maps: bool = False
    """Whether it reads ConfigMaps that CronJobs take scripts or variables from."""
    account: tuple[str, str] | None = None
    """Namespace and name of the service account whose rights are looked at; None: our own."""
    shared: tuple[str, ...] = ()
    """Namespaces that share their schedules whatever their labels say."""
    needs_cluster: bool = True
    """Whether a cluster that does not answer is a problem: it was named, or nothing else was."""
    db: str | None = None
    report: CostReport | None = None
    """How the database of ``db`` is read; None: as a report does that says nothing."""
    ledger: str | None = None
    limits: Limits = field(default_factory=Limits)
    """Of a session on a task database; those of files hold for the databases that Secrets name."""


@dataclass(slots=True)
class _Seen:
    """What was found in the cluster, and the databases that its reports read."""

    findings: list[Finding] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)


def examine(asked: Asked) -> list[Finding]:
    """Run every check that can be run. It changes nothing."""
    seen = asyncio.run(_examine_cluster(asked))
    findings = seen.findings
    if asked.db is not None:
        findings += examine_database(_stated(asked.db, asked.report), _own(asked.limits))
    for source in grouped(seen.sources):
        findings += examine_database(source, asked.limits)
    if asked.ledger is not None:
        findings += examine_ledger(asked.ledger)
    return findings


def _own(limits: Limits) -> Limits:
    """What a user names on the command line may be any file of theirs."""
    return replace(limits, folders=None)


def _stated(url: str, report: CostReport | None) -> Source:
    return source_of("database of --db", url, report) if report else Source("database of --db", url)


def source_of(check: str, url: str, report: CostReport) -> Source:
    """How a report reads its database."""
    tasks, table = report.spec.tasks, report.spec.node_pools.schedule_table
    if tasks is None:
        return Source(check, url, events=False, table=table)
    unit = str(tasks.epoch_unit) if tasks.epoch_unit else None
    return Source(check, url, tasks.query, tasks.statuses.running, tasks.zone_name, unit, True, table)


async def _examine_cluster(asked: Asked) -> _Seen:
    seen = _Seen()
    try:
        access = find_access(asked.kubeconfig, asked.context)
    except AccessError as error:
        remedy = "name a kubeconfig with --kubeconfig, or run it in the operator's pod"
        seen.findings.append(_unreached(asked, from_sentence(CHECK, str(error), remedy)))
        return seen
    cluster = Cluster(access)
    try:
        await _examine_reached(cluster, access, asked, seen)
    except ApiError as error:
        seen.findings.append(_unreached(asked, judge_failure(error)))
    finally:
        await cluster.close()
    return seen


def _unreached(asked: Asked, finding: Finding) -> Finding:
    return finding if asked.needs_cluster else skipped(CHECK, finding.what, finding.remedy)


async def _examine_reached(cluster: Cluster, access: Access, asked: Asked, seen: _Seen) -> None:
    reached = await reach(cluster)
    seen.findings.append(judge_version(access.server, reached.version))
    if reached.clock:
        seen.findings.append(judge_clock(CHECK, reached.clock))
    seen.findings += await examine_crd(cluster)
    bodies, refused = await _reports(cluster, asked.namespaces)
    parsed = [(body, parse(body)) for body in bodies]
    reports = [(body, report) for body, report in parsed if isinstance(report, CostReport)]
    subject = Subject.of_account(*asked.account) if asked.account else await who_am_i(cluster)
    secrets = [named for _, report in reports if (named := secret_named(report))]
    rights = rights_of_operator(asked.namespaces, secrets, pages=asked.pages, reads_config_maps=asked.reads_config_maps)
    seen.findings += await examine_rights(cluster, subject, rights)
    seen.findings += [*refused, *(report for _, report in parsed if isinstance(report, Finding))]
    cronjobs = CronJobs(cluster, asked.shared, not asked.namespaces, asked.reads_config_maps)
    for body, report in reports:
        await _examine_report(cluster, cronjobs, body, report, seen)


async def _reports(cluster: Cluster, namespaces: Sequence[str]) -> tuple[list[Fields], list[Finding]]:
    """The CostReports, or why there are none to look at."""
    try:
        bodies = await list_reports(cluster, namespaces)
    except ApiError as error:
        if error.status == 403:
            return [], [skipped("reports", str(error), "name namespaces in which you may list them with --namespace")]
        if error.not_found:
            return [], [skipped("reports", "without the CRD there are none", "install the CRD first")]
        raise
    if bodies:
        return bodies, []
    return [], [ok("reports", "there is no CostReport yet; gpucost init makes a first one")]


async def _examine_report(cluster: Cluster, cronjobs: CronJobs, body: Fields, report: CostReport, seen: _Seen) -> None:
    seen.findings.append(judge_ready(body, now_us()))
    try:
        credentials = await examine_secret(cluster, report)
        seen.findings += credentials.findings
        seen.findings += await examine_schedules(cronjobs, report)
    except ApiError as error:
        where = f"report {report.namespace}/{report.name}"
        seen.findings.append(
            problem(where, f"the API server fails: {error}", "try again, and see the API server's log")
        )
        return
    if credentials.url is not None:
        seen.sources.append(source_of(f"database of {report.namespace}/{report.name}", credentials.url, report))
