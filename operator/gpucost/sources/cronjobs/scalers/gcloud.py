"""Google Cloud: ``gcloud``.

https://cloud.google.com/sdk/gcloud/reference/container/clusters/resize
https://cloud.google.com/sdk/gcloud/reference/compute/instance-groups/managed/resize
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from gpucost.core.issues import show
from gpucost.sources.cronjobs.options import Unreadable, is_literal, require_literal
from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import COMMON_SWITCHES, Call, Form, name_form, name_runner, state_count

REGION_VARIABLE: Final = "CLOUDSDK_COMPUTE_REGION"
ZONE_VARIABLE: Final = "CLOUDSDK_COMPUTE_ZONE"
"""gcloud's properties ``compute/region`` and ``compute/zone`` as environment variables.

https://cloud.google.com/sdk/docs/properties#setting_properties_using_environment_variables
"""

_SWITCHES: Final = COMMON_SWITCHES | {"--async", "--log-http", "--user-output-enabled", "--version", "-v"}
_AUTOSCALING: Final = (
    "--enable-autoscaling",
    "--no-enable-autoscaling",
    "--min-nodes",
    "--max-nodes",
    "--total-min-nodes",
    "--total-max-nodes",
    "--enable-autoprovisioning",
    "--no-enable-autoprovisioning",
    "--autoprovisioning-config-file",
    "--num-nodes",
)
_RELEASES: Final = frozenset({"alpha", "beta", "preview"})


def _read_resize(call: Call) -> Reading:
    nodes = call.line.value("--num-nodes", "--size")
    reading = state_count(call.line.value("--node-pool"), "--node-pool", nodes, "--num-nodes")
    command = replace(reading.commands[0], per_zone=_may_be_regional(call))
    return Reading((command,))


def _may_be_regional(call: Call) -> bool:
    """Whether the location is a region, or may be one: zones end in a letter, such as ``europe-west4-a``.

    Without a location gcloud takes the property compute/zone, then compute/region, from the environment or from
    ``gcloud config set``.
    """
    line = call.line
    if line.has("--region"):
        return True
    if line.has("--zone", "-z"):
        return False
    for location in line.texts("--location"):
        return not is_literal(location) or re.search(r"\d$", location) is not None
    return not _has_property(call, "zone", ZONE_VARIABLE) and _has_property(call, "region", REGION_VARIABLE)


def _has_property(call: Call, name: str, variable: str) -> bool:
    return bool(call.env.get(variable)) or re.search(rf"config\s+set\s+compute/{name}\b", call.context) is not None


def _read_instance_group(call: Call) -> Reading:
    """A managed instance group is a pool of its own name.

    GKE calls the group of a pool's zone ``gke-CLUSTER-POOL-HASH-grp`` and cuts long names, so that the pool can't be
    told from it.
    """
    names = [require_literal(name, "the instance group") for name in call.names]
    if len(names) > 1:
        raise Unreadable(f"names {len(names)} instance groups")
    if names and re.fullmatch(r"gke-.*-grp", names[0]):
        raise Unreadable(f"resizes {show(names[0])}, a group of a GKE pool whose name can't be told from it")
    return state_count(next(iter(names), None), "instance group", call.line.value("--size"), "--size")


FORMS: Final = (
    Form("gcloud container clusters resize", _read_resize, ("--num-nodes", "--size"), _SWITCHES, _RELEASES),
    Form("gcloud compute instance-groups managed resize", _read_instance_group, ("--size",), _SWITCHES, _RELEASES),
    name_form(
        "gcloud container clusters|node-pools update",
        "changes the bounds of an autoscaler",
        _AUTOSCALING,
        switches=_SWITCHES | {"--enable-autoscaling", "--enable-autoprovisioning"},
        prefixes=_RELEASES,
    ),
    name_form("gcloud container clusters|node-pools create|create-auto|delete", "creates or deletes nodes",
              switches=_SWITCHES, prefixes=_RELEASES),
    name_form(
        "gcloud compute instance-groups managed set-autoscaling|update-autoscaling|stop-autoscaling|create|delete"
        "|create-instance|delete-instances|start-instances|stop-instances|suspend-instances|resume-instances",
        "changes the instances of a group",
        switches=_SWITCHES,
        prefixes=_RELEASES,
    ),
    name_runner("gcloud scheduler|run jobs run|execute", _SWITCHES, _RELEASES),
    name_runner("gcloud workflows|functions run|execute|call", _SWITCHES, _RELEASES),
    name_runner("gcloud builds triggers run", _SWITCHES, _RELEASES),
    name_form("gcloud compute instances start|stop|suspend|resume|create|delete", "starts or stops machines",
              switches=_SWITCHES, prefixes=_RELEASES),
)  # fmt: skip
