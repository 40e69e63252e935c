"""EKS: ``eksctl``. https://github.com/eksctl-io/eksctl/blob/main/pkg/ctl/scale/nodegroup.go"""

from __future__ import annotations

from typing import Final

from gpucost.core.issues import SCALER_NOT_READ
from gpucost.sources.cronjobs.options import Unreadable, require_literal
from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import COMMON_SWITCHES, Call, Form, name_form, state_count

_SWITCHES: Final = (COMMON_SWITCHES - {"--verbose"}) | {"--wait", "-w", "--dumpLogs", "-d", "--cfn-disable-rollback"}
_GROUPS: Final = "nodegroup|nodegroups|ng"


def _read_nodegroup(call: Call) -> Reading:
    line, named = call.line, call.line.value("--name", "-n")
    pools = {require_literal(name, "the node group") for name in call.names} | ({named} if named is not None else set())
    if len(pools) > 1:
        raise Unreadable(f"names {len(pools)} node groups")
    nodes = line.value("--nodes", "-N")
    if nodes is None and line.has("--nodes-min", "-m", "--nodes-max", "-M"):
        raise Unreadable("sets bounds of an autoscaler and no count", SCALER_NOT_READ)
    return state_count(next(iter(pools), None), "--name", nodes, "--nodes")


FORMS: Final = (
    Form(
        f"eksctl scale {_GROUPS}",
        _read_nodegroup,
        ("--nodes", "-N", "--nodes-min", "-m", "--nodes-max", "-M"),
        _SWITCHES,
    ),
    name_form(f"eksctl create|delete|drain {_GROUPS}|cluster", "creates or deletes nodes", switches=_SWITCHES),
)
