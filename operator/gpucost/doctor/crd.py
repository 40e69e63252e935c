"""Whether the CustomResourceDefinition is there, established, and the one that ``gpucost crds`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from gpucost.api.crd import GROUP, PLURAL, VERSION, cost_report_crd
from gpucost.core.issues import shorten
from gpucost.doctor.findings import Finding, ok, problem, skipped, warning
from gpucost.kube.client import COST_REPORTS, ApiError, Cluster, Fields, Resource

CHECK: Final = "CRD"
NAME: Final = f"{PLURAL}.{GROUP}"
APPLY: Final = "gpucost crds | kubectl apply -f -"
CRDS: Final = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
NAMED: Final = 5
"""Differences that a finding names."""
_CONTAINERS: Final = frozenset(("properties", "schema", "openAPIV3Schema"))


class Kind(StrEnum):
    """How a place differs."""

    LACKS = "lacks"
    ADDS = "adds"
    CHANGES = "changes"


class Difference(NamedTuple):
    """A place in which the installed CRD is not ours."""

    kind: Kind
    path: str
    is_text: bool
    """Only a description."""


async def examine_crd(cluster: Cluster) -> list[Finding]:
    """Look at the CRD, as far as we may. Raises ApiError."""
    try:
        page = await cluster.request("GET", CRDS.path(), query={"fieldSelector": f"metadata.name={NAME}"})
    except ApiError as error:
        if error.status != 403:
            raise
        return [await _served(cluster)]
    return [judge_crd(next(iter(page.get("items") or ()), None))]


async def _served(cluster: Cluster) -> Finding:
    """Who may not see CRDs may still see which kinds the server knows."""
    try:
        answer = await cluster.request("GET", f"/apis/{GROUP}/{VERSION}")
    except ApiError as error:
        if not error.not_found:
            raise
        return _missing()
    if all(kind.get("name") != COST_REPORTS.plural for kind in answer.get("resources") or ()):
        return _missing()
    return skipped(
        CHECK, f"{NAME} is installed; you may not see whether it is current", f"ask somebody who may, or: {APPLY}"
    )


def _missing() -> Finding:
    return problem(CHECK, f"{NAME} is not installed", f"install it: {APPLY}")


def judge_crd(installed: Fields | None) -> Finding:
    """Whether an installed CRD is there, established and ours."""
    if installed is None:
        return _missing()
    conditions = {c.get("type"): c for c in (installed.get("status") or {}).get("conditions") or ()}
    if conditions.get("Established", {}).get("status") != "True":
        said = conditions.get("NamesAccepted", {}).get("message") or "the server gives no reason"
        remedy = f"kubectl describe crd {NAME} says more; another CRD may have its names: remove that one"
        return problem(CHECK, f"{NAME} is not established: {shorten(said, 300)}", remedy)
    ours = cost_report_crd()["spec"]["versions"][0]
    theirs = next((v for v in installed["spec"]["versions"] if v.get("name") == VERSION), None)
    if theirs is None or not theirs.get("served"):
        return problem(CHECK, f"{NAME} is installed, but not its version {VERSION}", f"replace it: {APPLY}")
    return _judge_differences(list(differences(ours, theirs)))


def _judge_differences(found: Sequence[Difference]) -> Finding:
    wrong = [d for d in found if d.kind is not Kind.ADDS and not d.is_text]
    more = [d for d in found if d.kind is Kind.ADDS and not d.is_text]
    if wrong:
        remedy = f"{APPLY}; if it is that of a newer release, run that release"
        return problem(CHECK, f"{NAME} is of another version: it {_told(wrong)}. What it lacks is dropped", remedy)
    if more:
        what = f"{NAME} is of a newer version: it {_told(more)}, which this release does not know"
        return warning(CHECK, what, f"run the newer release, or: {APPLY}")
    if found:
        return warning(CHECK, f"{NAME} explains its fields in words of another version", APPLY)
    return ok(CHECK, f"{NAME} is installed, established and current")


def _told(found: Sequence[Difference]) -> str:
    parts = []
    for kind in Kind:
        paths = [d.path for d in found if d.kind is kind]
        more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
        parts += [f"{kind} {', '.join(paths[:NAMED])}{more}"] if paths else []
    return "; ".join(parts)


def differences(ours: object, theirs: object, path: str = "") -> Iterator[Difference]:
    """Where an installed schema is not ours, by the paths of manifests."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in sorted({*ours, *theirs}):
            yield from _at(ours, theirs, key, _step(path, key))
    elif ours != theirs:
        yield Difference(Kind.CHANGES, path, False)


def _at(ours: Mapping[str, Any], theirs: Mapping[str, Any], key: str, path: str) -> Iterator[Difference]:
    is_text = key == "description" and isinstance(ours.get(key, theirs.get(key)), str)
    if key not in theirs:
        yield Difference(Kind.LACKS, path, is_text)
    elif key not in ours:
        yield Difference(Kind.ADDS, path, is_text)
    elif is_text:
        yield from [Difference(Kind.CHANGES, path, True)] if ours[key] != theirs[key] else []
    else:
        yield from differences(ours[key], theirs[key], path)


def _step(path: str, key: str) -> str:
    if key in _CONTAINERS:
        return path
    return f"{path}[]" if key == "items" else f"{path}.{key}".removeprefix(".")
