"""CostReports: whether their specs are understood, their Secrets hold a URL, and an operator computes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gpucost.api.costreport import API_VERSION, KIND, CostReport, SpecError, parse_cost_report
from gpucost.controller.secrets import SecretError, url_in
from gpucost.controller.status import instant_in, ready_of
from gpucost.core.instants import instant_text
from gpucost.core.issues import shorten
from gpucost.core.money import SECOND_US
from gpucost.doctor.findings import Finding, Level, from_sentence, ok, problem, skipped, warning
from gpucost.kube.client import COST_REPORTS, SECRETS, ApiError, Cluster, Fields
from gpucost.report.conditions import PENDING, REASONS, SUSPENDED

OVERDUE_US: Final = 600 * SECOND_US
"""A refresh may wait for others, but not for so long."""
MESSAGE: Final = 400
_RUNS: Final = "see that gpucost operator runs, watches this namespace, and what its log and /readyz say"


async def list_reports(cluster: Cluster, namespaces: Sequence[str]) -> list[Fields]:
    """CostReports of some namespaces; of none named: of all. Raises ApiError."""
    places: Sequence[str | None] = namespaces or (None,)
    return [body for place in places async for body in cluster.list(COST_REPORTS, place)]


def name_of(body: Mapping[str, Any]) -> str:
    """``namespace/name``."""
    return f"{body['metadata'].get('namespace')}/{body['metadata'].get('name')}"


def parse(body: Fields) -> CostReport | Finding:
    """The report, or why it is not understood."""
    try:
        return parse_cost_report({**body, "apiVersion": API_VERSION, "kind": KIND})
    except SpecError as error:
        where = name_of(body)
        remedy = f"mend it: kubectl edit costreport -n {where.replace('/', ' ')}"
        return problem(f"report {where}", f"its spec is not understood: {str(error)[:MESSAGE]}", remedy)


def judge_ready(body: Fields, now_us: int) -> Finding:
    """Whether an operator computes a report, by its status."""
    check, status = f"report {name_of(body)}", body.get("status") or {}
    ready = ready_of(status)
    state, reason = ready.get("status"), str(ready.get("reason", ""))
    if not ready:
        return warning(check, "its spec is understood, but no operator has looked at it yet", _RUNS)
    if state == "False" and reason != SUSPENDED:
        message = shorten(str(ready.get("message", "")), MESSAGE)
        return problem(check, f"Ready is False, {reason}: {message}", REASONS.get(reason, _RUNS))
    if status.get("observedGeneration") != body["metadata"].get("generation"):
        return warning(check, "its status belongs to an older spec", _RUNS)
    return _judge_age(check, status, reason, now_us)


def _judge_age(check: str, status: Mapping[str, Any], reason: str, now_us: int) -> Finding:
    if reason in (SUSPENDED, PENDING):
        return ok(check, f"{reason}: {REASONS[reason]}")
    due_us = instant_in(status, "nextRefreshTime")
    if due_us is not None and due_us < now_us - OVERDUE_US:
        return warning(check, f"it was to be computed at {instant_text(due_us)}, and was not", _RUNS)
    return ok(check, f"Ready, computed at {status.get('lastSuccessTime', 'an unknown time')}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a report's Secret gave: the URL, if there is one, and findings."""

    url: str | None
    findings: tuple[Finding, ...]


def secret_named(report: CostReport) -> tuple[str, str] | None:
    """Namespace and name of the Secret that a report reads."""
    ref = report.spec.tasks.database_secret_ref if report.spec.tasks else None
    return (report.namespace, ref.name) if ref else None


async def examine_secret(cluster: Cluster, report: CostReport) -> Credentials:
    """Get the Secret of a report, if it names one. Raises ApiError."""
    check = f"report {report.namespace}/{report.name}"
    tasks = report.spec.tasks
    ref = tasks.database_secret_ref if tasks else None
    if ref is None:
        return Credentials(None, _without_secret(check, report))
    where = f"{report.namespace}/{ref.name}"
    try:
        secret = await cluster.get(SECRETS, report.namespace, ref.name)
    except ApiError as error:
        return Credentials(None, (_unread(where, report, ref.key, error),))
    return judge_secret(where, secret, ref.key)


def _without_secret(check: str, report: CostReport) -> tuple[Finding, ...]:
    if report.spec.tasks is None and not report.spec.node_pools.schedule_table.enabled:
        return ()
    remedy = "create a Secret with the database URL in its namespace, and name it there"
    return (problem(check, "spec.tasks.databaseSecretRef is missing", remedy),)


def _unread(where: str, report: CostReport, key: str, error: ApiError) -> Finding:
    check = f"secret {where}"
    if error.not_found:
        name = where.partition("/")[2]
        create = f"kubectl create secret generic {name} -n {report.namespace} --from-literal={key}=postgresql://..."
        return problem(check, f"it does not exist, but report {report.name} names it", f"create it: {create}")
    if error.status == 403:
        return skipped(check, "you may not get it, so its database is not looked at", "see the rights, or use --db")
    raise error


def judge_secret(where: str, secret: Fields, key: str) -> Credentials:
    """Whether a Secret holds a URL under a key."""
    check = f"secret {where}"
    try:
        url = url_in(secret, key, f"Secret {where}")
    except SecretError as error:
        return Credentials(None, (from_sentence(check, str(error), "put the database URL there", Level.PROBLEM),))
    return Credentials(url, (ok(check, f"it has the key {key}"),))
