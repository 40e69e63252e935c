"""Kubernetes itself: ``kubectl`` and ``oc``.

https://kubernetes.io/docs/reference/kubectl/generated/kubectl_scale/
https://kubernetes.io/docs/reference/kubectl/generated/kubectl_patch/

Only resources that are nodes count: those of Cluster API, OpenShift's machine API, HyperShift, Karpenter and node
groups of Crossplane. Everything else that has replicas has pods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import yaml

from gpucost.core.issues import SCALER_NOT_READ, shorten, show
from gpucost.sources.cronjobs.options import UNKNOWN, Unreadable, is_literal, require_literal
from gpucost.sources.cronjobs.readings import Reading, combine
from gpucost.sources.cronjobs.scalers.base import Call, Form, name_form, state_count
from gpucost.sources.cronjobs.scalers.signals import looks_like_scaler

POOL_TYPES: Final = re.compile(
    r"(?:machinedeployments?|md|machinesets?|ms|\w*machinepools?|mp|nodepools?|nodegroups?|ng)(?:\..+)?", re.IGNORECASE
)
"""Types whose replicas are nodes, in the singular, the plural, short, and with an API version and group."""
_NODE_TYPES: Final = re.compile(
    r"(?:nodes?|no|machines?|nodeclaims?|provisioners?|machine(?:autoscaler|healthcheck)s?|clusterautoscalers?"
    r"|\w*controlplanes?|kcp|agentpools?)(?:\..+)?",
    re.IGNORECASE,
)
_POOL_WORDS: Final = re.compile(
    r"(?<![a-z])(?:machine-?deployments?|machine-?sets?|\w*machine-?pools?|node-?pools?|node-?groups?)(?![a-z])"
    r"|(?<![\w-])m[dsp](?=[/ ])",
    re.IGNORECASE,
)
_NODE_WORDS: Final = re.compile(r"(?<![a-z-])(?:nodes?|machines?|nodeclaims?|provisioners?)(?![a-z-])", re.IGNORECASE)
_POD_WORDS: Final = re.compile(
    r"(?<![a-z])(?:deploy(?:ments?)?|sts|statefulsets?|rs|replicasets?|rc|replicationcontrollers?|\w+services?|pods?"
    r"|rollouts?|sparkapplications?|rayclusters?|hpa|scaledobjects?)(?![a-z])",
    re.IGNORECASE,
)
_POD_QUERY: Final = re.compile(
    r"(?:get|scale)\s[^|;&\n]{0,80}?(?<![a-z])(?:deploy(?:ments?)?|sts|statefulsets?|rs|replicasets?|rollouts?)(?![a-z])",
    re.IGNORECASE,
)
"""``kubectl get deployments -o name``, whose output another command scales."""
_NODE_QUERY: Final = re.compile(
    r"get\s[^|;&\n]{0,80}?(?<![a-z])(?:nodes?|no|machine\w*|md|nodeclaims?|node-?pools?|node-?groups?)(?![a-z])",
    re.IGNORECASE,
)
_POOL_QUERY: Final = re.compile(
    r"get\s[^|;&\n]{0,80}?(?:machine-?(?:deployment|set|pool)|node-?(?:pool|group)|md\s)", re.IGNORECASE
)
_SWITCHES: Final = frozenset({
    "--help", "-h", "--all", "--dry-run", "--record", "--recursive", "-R", "--warnings-as-errors", "-A", "--force",
    "--allow-missing-template-keys", "--show-managed-fields", "--insecure-skip-tls-verify", "--overwrite", "--now",
    "--match-server-version", "--disable-compression", "--add-dir-header", "--alsologtostderr", "--server-side",
    "--all-namespaces", "--logtostderr", "--one-output", "--skip-headers", "--skip-log-headers", "--local", "--list",
    "--ignore-daemonsets", "--delete-emptydir-data", "--delete-local-data", "--ignore-not-found", "--wait",
})  # fmt: skip
MAX_PATCH_CHARACTERS: Final = 4_000
"""A patch of replicas takes a few dozen."""
_CHOOSERS: Final = ("-f", "--filename", "-k", "--kustomize", "-l", "--selector", "--all")


def _read_scale(call: Call) -> Reading:
    """Each resource by itself: ``kubectl scale machinedeployment/a deployment/b`` sets one pool."""
    resources = list(_list_resources(call.names))
    unknown = [kind for kind, _ in resources if not is_literal(kind)]
    if (unknown or not resources) and not _may_be_pool(call):
        return _pass_over(call, call.names)
    if unknown:
        require_literal(unknown[0], "the resource")
    if any(_NODE_TYPES.fullmatch(kind) for kind, _ in resources):
        raise Unreadable("scales machines that are of no node pool", SCALER_NOT_READ)
    pods = [f"{kind}/{name}" if name else kind for kind, name in resources if not POOL_TYPES.fullmatch(kind)]
    pools = [name for kind, name in resources if POOL_TYPES.fullmatch(kind)]
    passed_over = [_pass_over(call, pods)] if pods else []
    if pods and not pools:
        return passed_over[0]
    _refuse_conditions(call)
    replicas = call.line.value("--replicas")
    if not pools and not call.line.has("--replicas"):
        return Reading()  # --help
    if not pools:
        raise Unreadable("names no resource")
    counts = [state_count(_require_name(name), "resource", replicas, "--replicas") for name in pools]
    return combine([*passed_over, *counts])


def _require_name(name: str | None) -> str | None:
    return require_literal(name, "the resource") if name else None


def _pass_over(call: Call, resources: Sequence[str]) -> Reading:
    shown = " ".join(resource.replace(UNKNOWN, "") for resource in resources) or call.context.replace(UNKNOWN, "")
    return Reading(passed_over=(shorten(f"{call.title} {shown}"),))


def _may_be_pool(call: Call) -> bool:
    """Whether a resource that is not stated may be nodes, by the words of the command and of all scripts around it."""
    return _may_mean_pools(" ".join([*call.names, *(value or "" for _, value in call.line.options)]), call.context)


def _may_mean_pools(nearby: str, context: str) -> bool:
    if _POOL_WORDS.search(nearby):
        return True
    if _POD_WORDS.search(nearby):
        return False
    return _POOL_WORDS.search(context) is not None or _POD_QUERY.search(context) is None


def _refuse_conditions(call: Call) -> None:
    line = call.line
    chooser = line.has(*_CHOOSERS)
    if chooser:
        raise Unreadable(f"chooses its resource by {chooser}")
    if any(name == "--dry-run" and value not in ("none", "false") for name, value in line.options):
        raise Unreadable("is a dry run, which scales nothing")
    if line.has("--resource-version") or line.value("--current-replicas") not in (None, "-1"):
        raise Unreadable("scales only under a precondition")


def _list_resources(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Type and name of each resource in ``TYPE/NAME ...`` or ``TYPE NAME ...``; None where no name is given."""
    if any("/" in word for word in words):
        for word in words:
            kind, slash, name = word.partition("/")
            yield (kind, name) if slash else (word, None)
        return
    names: list[str | None] = [*words[1:]] or [None]
    for kind in words[0].split(",") if words else ():
        yield from ((kind, name) for name in names)


def _read_patch(call: Call) -> Reading:
    """The replicas that a merge patch or a JSON patch sets."""
    resources = list(_list_resources(call.names))
    kinds = [kind for kind, _ in resources]
    text = " ".join(call.line.texts("-p", "--patch"))
    pools = [name for kind, name in resources if POOL_TYPES.fullmatch(kind)]
    if not pools:
        return _pass_over_patch(call, kinds, text)
    file = call.line.has("--patch-file")
    if file:
        raise Unreadable(f"takes its patch from {file}")
    if len(pools) > 1:
        raise Unreadable(f"names {len(pools)} resources")
    patch = _parse_patch(require_literal(call.line.value("--patch", "-p"), "--patch"))
    replicas = _find_replicas(patch)
    if replicas is None and re.fullmatch(r"labels|", _find_section(patch)):
        return Reading()
    if replicas is None:
        what = "changes a node pool's limits or bounds" if re.search(r"limit|min|max|size", text) else "changes a pool"
        raise Unreadable(f"{what} and states no replicas", SCALER_NOT_READ)
    _refuse_conditions(call)
    return state_count(_require_name(pools[0]), "resource", replicas, "replicas")


def _pass_over_patch(call: Call, kinds: Sequence[str], text: str) -> Reading:
    if any(_NODE_TYPES.fullmatch(kind) for kind in kinds):
        raise Unreadable("changes nodes or machines themselves", SCALER_NOT_READ)
    if re.search(r"cluster-autoscaler|workerPoolsConfig|karpenter\.sh", text):
        raise Unreadable("changes an autoscaler", SCALER_NOT_READ)
    if re.search(r"hibernation", text):  # Gardener's shoots
        raise Unreadable("puts a cluster to sleep or wakes it", SCALER_NOT_READ)
    if _POOL_WORDS.search(text):
        raise Unreadable("changes node pools of a cluster", SCALER_NOT_READ)
    if any(not is_literal(kind) for kind in kinds) and "replicas" in text and _may_be_pool(call):
        raise Unreadable("patches replicas of a resource that is not stated")
    return _pass_over(call, call.names) if "replicas" in text else Reading()


def _parse_patch(text: str) -> object:
    if len(text) > MAX_PATCH_CHARACTERS:
        raise Unreadable("has a patch that is too long to be read")
    try:
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError, OverflowError):
        raise Unreadable("has a patch that is neither JSON nor YAML") from None


def _find_replicas(patch: object) -> str | None:
    """``spec.replicas`` of a merge patch, or the value of a JSON patch's operation on ``/spec/replicas``."""
    if isinstance(patch, Mapping):
        spec = patch.get("spec")
        return _show_count(spec["replicas"]) if isinstance(spec, Mapping) and "replicas" in spec else None
    operations = [operation for operation in patch if isinstance(operation, Mapping)] if isinstance(patch, list) else []
    if any(operation.get("op") == "test" for operation in operations):
        raise Unreadable("scales only under a precondition")
    found = [operation for operation in operations if operation.get("path") == "/spec/replicas"]
    if any(operation.get("op") not in ("replace", "add") for operation in found) or len(found) > 1:
        raise Unreadable("has a patch that does more to the replicas than to set them")
    return _show_count(found[0].get("value")) if found else None


def _show_count(value: object) -> str:
    return str(value) if type(value) is int and value.bit_length() < 64 else show(value)


def _find_section(patch: object) -> str:
    """``labels`` for a patch of labels only, which changes no nodes; empty for an empty patch, else anything."""
    if not isinstance(patch, Mapping):
        return "operations"
    metadata = patch.get("metadata")
    is_labels = set(patch) == {"metadata"} and isinstance(metadata, Mapping) and set(metadata) == {"labels"}
    return "labels" if is_labels else "other" if patch else ""


def _read_job(call: Call) -> Reading:
    """``kubectl create job --from=cronjob/NAME`` runs another CronJob."""
    source = next(iter(call.line.texts("--from")), "")
    if looks_like_scaler(source):
        raise Unreadable(f"runs {show(source)}, which looks like node scaling", SCALER_NOT_READ)
    return Reading()


def _read_change(call: Call) -> Reading:
    """``annotate``, ``delete``, ``autoscale`` and ``edit``: whatever they do to nodes or pools, no count is stated."""
    kinds = [kind for kind, _ in _list_resources(call.names)]
    words = " ".join([*call.names, *(value or "" for _, value in call.line.options)])
    is_unknown = any(not is_literal(kind) for kind in kinds)
    is_node = any(POOL_TYPES.fullmatch(kind) or _NODE_TYPES.fullmatch(kind) for kind in kinds) or (
        is_unknown and _NODE_QUERY.search(call.context) is not None
    )
    is_autoscaler = re.search(r"cluster-autoscaler|cluster-api-autoscaler|karpenter\.sh", words) is not None
    if is_node and (is_autoscaler or not call.title.endswith("annotate")):
        raise Unreadable("changes nodes, machines or node pools without a count", SCALER_NOT_READ)
    if is_autoscaler or any(POOL_TYPES.fullmatch(kind) for kind in kinds):
        raise Unreadable("changes an autoscaler", SCALER_NOT_READ)
    if call.line.has("-f", "--filename", "-k", "--kustomize"):
        return _read_manifest(call)
    return Reading()


def _read_manifest(call: Call) -> Reading:
    """``apply``, ``create``, ``replace`` and ``delete`` of a file, which is not at hand: only its name can be judged."""
    files = [
        word for word in call.line.texts("-f", "--filename", "-k", "--kustomize", "--raw") if _POOL_WORDS.search(word)
    ]
    if files:
        raise Unreadable(f"applies {show(files[0])}, which looks like node pools", SCALER_NOT_READ)
    if "-" in call.line.texts("-f", "--filename") and _POOL_QUERY.search(call.context):
        raise Unreadable("applies what another command made of node pools", SCALER_NOT_READ)
    return Reading()


def _means_nodes(nearby: str, context: str) -> bool:
    if _POOL_WORDS.search(nearby) or _NODE_WORDS.search(nearby):
        return True
    return not _POD_WORDS.search(nearby) and _NODE_QUERY.search(context) is not None


FORMS: Final = (
    Form("kubectl|oc scale", _read_scale, ("--replicas",), _SWITCHES, is_about_nodes=_may_mean_pools),
    Form("kubectl|oc patch", _read_patch, ("-p", "--patch", "--patch-file"), _SWITCHES, is_about_nodes=_means_nodes),
    Form("kubectl|oc annotate|delete|autoscale|edit", _read_change, (), _SWITCHES, is_about_nodes=_means_nodes,
         kind=SCALER_NOT_READ),
    Form("kubectl|oc create job", _read_job, ("--from",), _SWITCHES, is_about_nodes=_means_nodes, kind=SCALER_NOT_READ),
    Form("kubectl|oc apply|create|replace", _read_manifest, (), _SWITCHES, is_about_nodes=_means_nodes,
         kind=SCALER_NOT_READ),
    name_form("kubectl|oc drain|cordon|uncordon", "takes nodes out of use or back", switches=_SWITCHES),
    name_form("oc adm drain|cordon|uncordon", "takes nodes out of use or back", switches=_SWITCHES),
)  # fmt: skip
