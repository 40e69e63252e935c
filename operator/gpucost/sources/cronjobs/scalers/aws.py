"""AWS: ``aws eks`` and ``aws autoscaling``.

https://docs.aws.amazon.com/cli/latest/reference/eks/update-nodegroup-config.html
https://docs.aws.amazon.com/cli/latest/reference/autoscaling/set-desired-capacity.html
https://docs.aws.amazon.com/cli/latest/reference/autoscaling/update-auto-scaling-group.html
"""

from __future__ import annotations

import json
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

_SWITCHES: Final = COMMON_SWITCHES | {"--cli-auto-prompt", "--honor-cooldown", "--force", "--force-delete"}
_FILES: Final = ("--cli-input-json", "--cli-input-yaml")
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _refuse_files(call: Call) -> None:
    file = call.line.has(*_FILES)
    if file:
        raise Unreadable(f"takes its values from {file}")


def _read_nodegroup(call: Call) -> Reading:
    _refuse_files(call)
    config = call.line.value("--scaling-config")
    if config is None:
        return Reading()  # it changes labels, taints or the update strategy, no count
    desired = _desired_size(config)
    if desired is None and re.search("minSize|maxSize", config):
        raise Unreadable("sets bounds of an autoscaler and no desiredSize", SCALER_NOT_READ)
    return state_count(call.line.value("--nodegroup-name"), "--nodegroup-name", desired, "desiredSize")


def _desired_size(config: str) -> str | None:
    """desiredSize from ``minSize=0,desiredSize=4`` or from JSON."""
    if not config.lstrip().startswith("{"):
        pairs = [part.partition("=") for part in config.split(",")]
        return ", ".join(value.strip() for key, _, value in pairs if key.strip() == "desiredSize") or None
    try:
        size = json.loads(config).get("desiredSize")
    except (ValueError, RecursionError):
        raise Unreadable("has a --scaling-config that is neither key=value pairs nor JSON") from None
    return None if size is None else str(size) if type(size) is int else show(size)


def _read_group(call: Call) -> Reading:
    """An Auto Scaling group's desired capacity; without one, equal minimum and maximum, which force it."""
    _refuse_files(call)
    nodes = call.line.value("--desired-capacity")
    if nodes is None:
        nodes = state_bounds(call, "--min-size", "--max-size")
    if nodes is None and call.title.endswith("update-auto-scaling-group"):
        return Reading()  # it changes tags, subnets or a launch template, no count
    group = call.line.value("--auto-scaling-group-name")
    return state_count(None if group is None else _pool_of(group), "--auto-scaling-group-name", nodes, "capacity")


def _pool_of(group: str) -> str:
    """The node group that an Auto Scaling group belongs to, else the group itself, which is a pool of its own.

    EKS calls the group of a managed node group ``eks-NODEGROUP-UUID``; a pool that another CronJob scales by its node
    group must not look like a second one. eksctl's own groups are ``eksctl-CLUSTER-nodegroup-NODEGROUP-NodeGroup-ID``.
    https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
    """
    managed = re.fullmatch(rf"eks-(?P<name>.+)-{_UUID}", group)
    own = re.fullmatch(r"eksctl-.+-nodegroup-(?P<name>.+)-NodeGroup-\w+", group)
    found = managed or (own if group.count("-nodegroup-") == 1 else None)
    if found:
        return found["name"]
    if re.match(r"eks(?:ctl)?-", group):
        raise Unreadable(f"scales {show(group)}, a group of an EKS node group whose name can't be told from it")
    return group


_CAPACITY: Final = ("--desired-capacity", "--min-size", "--max-size", *_FILES)
FORMS: Final = (
    Form("aws eks update-nodegroup-config", _read_nodegroup, ("--scaling-config", *_FILES), _SWITCHES),
    Form("aws autoscaling set-desired-capacity", _read_group, ("--desired-capacity", *_FILES), _SWITCHES),
    Form("aws autoscaling update-auto-scaling-group", _read_group, _CAPACITY, _SWITCHES),
    name_form("aws eks create-nodegroup|delete-nodegroup|create-cluster|delete-cluster", "creates or deletes nodes",
              switches=_SWITCHES),
    name_form(
        "aws autoscaling put-scheduled-update-group-action|batch-put-scheduled-update-group-action"
        "|delete-scheduled-action|put-scaling-policy|execute-policy|create-auto-scaling-group"
        "|delete-auto-scaling-group|terminate-instance-in-auto-scaling-group|attach-instances|detach-instances"
        "|enter-standby|exit-standby|suspend-processes|resume-processes|start-instance-refresh",
        "changes the instances of an Auto Scaling group",
        switches=_SWITCHES,
    ),
    name_runner("aws lambda invoke", _SWITCHES),
    name_runner("aws stepfunctions|ssm|codebuild start-execution|start-automation-execution|send-command|start-build",
                _SWITCHES),
    name_form("aws ec2 start-instances|stop-instances|terminate-instances|run-instances|create-fleet|modify-fleet"
              "|modify-spot-fleet-request|request-spot-fleet", "starts or stops machines", switches=_SWITCHES),
)  # fmt: skip
