"""Whether the operator may do what it does: the server's own access reviews, which store nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gpucost.doctor.findings import Finding, ok, problem, skipped
from gpucost.kube.client import (
    CONFIG_MAPS,
    COST_REPORTS,
    CRON_JOBS,
    EVENTS,
    JOBS,
    NAMESPACES,
    SECRETS,
    ApiError,
    Cluster,
    Resource,
)
from gpucost.web.access import ACCESS_REVIEWS, TOKEN_REVIEWS

_REVIEWS: Final = "/apis/authorization.k8s.io/v1"
_WHO: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_ACCOUNT: Final = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose rights are looked at."""

    user: str
    """The name that the API server knows; empty where it does not say it."""
    is_self: bool = True

    @classmethod
    def of_account(cls, namespace: str, name: str) -> Subject:
        """A service account that somebody else asks about."""
        return cls(f"{_ACCOUNT}{namespace}:{name}", is_self=False)

    def __str__(self) -> str:
        account = self.user.removeprefix(_ACCOUNT).replace(":", "/")
        if self.user.startswith(_ACCOUNT):
            return f"service account {account}"
        return f"user {self.user}" if self.user else "the current user"

    def flag(self) -> str:
        """How kubectl binds a role to it."""
        if self.user.startswith(_ACCOUNT):
            return f"--serviceaccount={self.user.removeprefix(_ACCOUNT)}"
        return f"--user={self.user}" if self.user else "--serviceaccount=NAMESPACE:NAME"

    def review(self, attributes: dict[str, str]) -> tuple[str, dict[str, Any]]:
        """Path and body of the question whether it may do something."""
        spec: dict[str, Any] = {"resourceAttributes": attributes}
        if self.is_self:
            return f"{_REVIEWS}/selfsubjectaccessreviews", _body("SelfSubjectAccessReview", spec)
        namespace = self.user.removeprefix(_ACCOUNT).partition(":")[0]
        everyone = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        return f"{_REVIEWS}/subjectaccessreviews", _body(
            "SubjectAccessReview", {**spec, "user": self.user, "groups": everyone}
        )


def _body(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}


@dataclass(frozen=True, slots=True)
class Right:
    """Something that the operator does."""

    resource: Resource
    verbs: tuple[str, ...]
    why: str
    subresource: str = ""
    name: str = ""
    """Of one object; empty: of all."""
    namespace: str = ""
    """Empty: in all."""

    @property
    def kind(self) -> str:
        """The resource as kubectl writes it."""
        group = f".{self.resource.group}" if self.resource.group else ""
        return f"{self.resource.plural}{group}{f'/{self.subresource}' if self.subresource else ''}"

    def attributes(self, verb: str) -> dict[str, str]:
        """Of an access review."""
        return {
            "group": self.resource.group,
            "version": self.resource.version,
            "resource": self.resource.plural,
            "subresource": self.subresource,
            "name": self.name,
            "namespace": self.namespace,
            "verb": verb,
        }


_SEE: Final = ("get", "list", "watch")


def rights_of_operator(
    namespaces: Sequence[str],
    secrets: Iterable[tuple[str, str]],
    *,
    pages: bool = True,
    reads_config_maps: bool = False,
) -> list[Right]:
    """What the operator needs, as docs/operator.md lists it. ``namespaces``: those that it watches; none: all.
    ``secrets``: namespace and name of each Secret that a CostReport names. ``pages``: whether it serves them.
    ``reads_config_maps``: whether it reads those that CronJobs take scripts or variables from."""
    found = []
    for namespace in namespaces or ("",):
        found += [
            Right(COST_REPORTS, (*_SEE, "patch"), "what to compute", namespace=namespace),
            Right(COST_REPORTS, ("patch",), "the figures", "status", namespace=namespace),
            Right(CRON_JOBS, _SEE, "schedules", namespace=namespace),
            Right(JOBS, _SEE, "what became of their runs", namespace=namespace),
            Right(EVENTS, ("create", "patch"), "transitions of conditions", namespace=namespace),
        ]
        if reads_config_maps:
            found.append(Right(CONFIG_MAPS, ("get",), "scripts and variables of CronJobs", namespace=namespace))
    if not namespaces:
        found.append(Right(NAMESPACES, _SEE, "which of them share their schedules"))
    if pages:
        found.append(Right(TOKEN_REVIEWS, ("create",), "who asks for a page"))
        found.append(Right(ACCESS_REVIEWS, ("create",), "which pages he may see"))
    named = sorted(set(secrets))
    return found + [Right(SECRETS, ("get",), "the database URL", name=name, namespace=space) for space, name in named]


async def who_am_i(cluster: Cluster) -> Subject:
    """The user that the kubeconfig or the pod makes us."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = await cluster.request("POST", _WHO, body=body)
    except ApiError:  # a server before 1.28 does not have it
        return Subject("")
    return Subject(str(answer.get("status", {}).get("userInfo", {}).get("username", "")))


async def examine_rights(cluster: Cluster, subject: Subject, rights: Sequence[Right]) -> list[Finding]:
    """Ask the server about each right. Raises ApiError."""
    # Each is awaited, whatever another raises: a request that is cancelled amid a TLS handshake leaves its socket open.
    denied = await asyncio.gather(*(_denied(cluster, subject, right) for right in rights), return_exceptions=True)
    try:
        return [judge_right(subject, right, _verbs(found)) for right, found in zip(rights, denied, strict=True)]
    except ApiError as error:
        if error.status != 403:
            raise
        what = f"you may not ask for the rights of {subject}: {error}"
        return [skipped("rights", what, "run gpucost doctor as the operator: kubectl exec in its pod")]


def _verbs(found: list[str] | BaseException) -> list[str]:
    if isinstance(found, BaseException):
        raise found
    return found


async def _denied(cluster: Cluster, subject: Subject, right: Right) -> list[str]:
    """The verbs that are refused."""
    return [verb for verb in right.verbs if not await _may(cluster, *subject.review(right.attributes(verb)))]


async def _may(cluster: Cluster, path: str, body: dict[str, Any]) -> bool:
    answer = await cluster.request("POST", path, body=body)
    return (answer.get("status") or {}).get("allowed") is True


def judge_right(subject: Subject, right: Right, denied: Sequence[str]) -> Finding:
    """A finding about one kind of object."""
    check = f"right to {right.kind}{f' {right.namespace}/{right.name}' if right.name else ''}"
    place = f"namespace {right.namespace}" if right.namespace else "all namespaces"
    where = "it" if right.name else f"{right.kind} in {place}"
    if not denied:
        return ok(check, f"{subject} may {', '.join(right.verbs)} {where}")
    what = f"{subject} may not {', '.join(denied)} {where}; needed for {right.why}"
    return problem(check, what, f"allow it: {_allow(subject, right, denied)}")


def _allow(subject: Subject, right: Right, verbs: Sequence[str]) -> str:
    """Commands of kubectl that give a right, and nothing more."""
    cluster, place = ("", f" -n {right.namespace}") if right.namespace else ("cluster", "")
    name = "-".join(filter(None, ("gpucost", right.resource.plural, right.subresource, right.name)))
    only = f" --resource-name={right.name}" if right.name else ""
    role = f"kubectl create {cluster}role {name}{place} --verb={','.join(verbs)} --resource={right.kind}{only}"
    return f"{role} && kubectl create {cluster}rolebinding {name}{place} --{cluster}role={name} {subject.flag()}"
