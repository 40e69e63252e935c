"""Azure: ``az aks`` and ``az vmss``.

https://learn.microsoft.com/cli/azure/aks#az-aks-scale
https://learn.microsoft.com/cli/azure/aks/nodepool#az-aks-nodepool-scale
https://learn.microsoft.com/cli/azure/aks/nodepool#az-aks-nodepool-update
https://learn.microsoft.com/cli/azure/vmss#az-vmss-scale
"""

from __future__ import annotations

import re
from typing import Final

from gpucost.core.issues import SCALER_NOT_READ, show
from gpucost.sources.cronjobs.options import Unreadable
from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import (
    COMMON_SWITCHES,
    Call,
    Form,
    name_form,
    name_runner,
    state_bounds,
    state_count,
)
from gpucost.sources.cronjobs.scalers.signals import find_request

_SWITCHES: Final = COMMON_SWITCHES | {"--only-show-errors", "--yes", "-y"}
_AUTOSCALERS: Final = (
    "--enable-cluster-autoscaler",
    "-e",
    "--update-cluster-autoscaler",
    "-u",
    "--disable-cluster-autoscaler",
    "-d",
)
_BOUNDS: Final = ("--min-count", "--max-count")


def _read_pool(call: Call) -> Reading:
    """Without --node-count the tool takes 3; that is refused here, since nobody stated it."""
    pool = call.line.value("--name", "-n", "--nodepool-name")
    return state_count(pool, "--name", call.line.value("--node-count", "-c"), "--node-count")


def _read_cluster(call: Call) -> Reading:
    """Here --name is the cluster; a cluster with one pool needs no --nodepool-name, and doesn't say which it is."""
    pool = call.line.value("--nodepool-name")
    return state_count(pool, "--nodepool-name", call.line.value("--node-count", "-c"), "--node-count")


def _read_bounds(call: Call) -> Reading:
    """The bounds of a pool's autoscaler, which state a count where they are equal."""
    nodes = state_bounds(call, *_BOUNDS)
    if nodes is None and call.line.has(*_AUTOSCALERS):
        raise Unreadable("switches a pool's autoscaler", SCALER_NOT_READ)
    if nodes is None:
        return Reading()  # it changes labels, taints or the like, no count
    if call.line.has("--disable-cluster-autoscaler", "-d"):
        raise Unreadable("switches a pool's autoscaler off and states bounds", SCALER_NOT_READ)
    return state_count(call.line.value("--name", "-n", "--nodepool-name"), "--name", nodes, "count")


def _read_scale_set(call: Call) -> Reading:
    """A scale set is a pool of its own name; that of an AKS pool is ``aks-POOL-DIGITS-vmss``."""
    name = call.line.value("--name", "-n")
    pool = re.fullmatch(r"aks-(?P<pool>[a-z0-9]+)-\d{8}-vmss", name or "")
    if name is not None and not pool and name.startswith("aks"):
        raise Unreadable(f"scales {show(name)}, a set of an AKS pool whose name can't be told from it")
    return state_count(pool["pool"] if pool else name, "--name", call.line.value("--new-capacity"), "--new-capacity")


def _read_request(call: Call) -> Reading:
    words = [word for name, value in call.line.options for word in (name, value or "")]
    request = find_request(["az", *words])
    if request:
        raise Unreadable(request, SCALER_NOT_READ)
    return Reading()


def _read_resource(call: Call) -> Reading:
    words = " ".join(value or "" for _, value in call.line.options)
    if re.search(r"agentPools|virtualMachineScaleSets|managedClusters", words, re.IGNORECASE):
        raise Unreadable("changes node pools without a tool of theirs", SCALER_NOT_READ)
    return Reading()


FORMS: Final = (
    Form("az aks nodepool scale", _read_pool, ("--node-count", "-c"), _SWITCHES),
    Form("az aks scale", _read_cluster, ("--node-count", "-c"), _SWITCHES),
    Form("az aks nodepool update", _read_bounds, (*_BOUNDS, *_AUTOSCALERS), _SWITCHES | set(_AUTOSCALERS)),
    Form("az vmss scale", _read_scale_set, ("--new-capacity",), _SWITCHES),
    name_form("az aks update", "changes the bounds of an autoscaler", (*_BOUNDS, *_AUTOSCALERS),
              switches=_SWITCHES | set(_AUTOSCALERS)),
    name_form("az aks nodepool add|delete|start|stop|delete-machines|manual-scale", "creates, deletes or stops nodes",
              switches=_SWITCHES),
    name_form("az aks create|delete|start|stop", "creates, deletes or stops nodes", switches=_SWITCHES),
    name_form("az vmss start|stop|deallocate|create|delete|delete-instances|update", "changes the machines of a set",
              switches=_SWITCHES),
    name_runner("az automation runbook start", _SWITCHES),
    name_runner("az pipelines run", _SWITCHES),
    Form("az rest", _read_request, ("--method", "-m"), _SWITCHES, kind=SCALER_NOT_READ),
    Form("az resource update", _read_resource, (), _SWITCHES, kind=SCALER_NOT_READ),
    name_form("az vm start|stop|deallocate|create|delete", "starts or stops machines", switches=_SWITCHES),
)  # fmt: skip
