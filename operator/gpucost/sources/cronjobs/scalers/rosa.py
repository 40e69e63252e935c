"""OpenShift on AWS: ``rosa`` and ``ocm``.

https://docs.redhat.com/en/documentation/red_hat_openshift_service_on_aws/4/html/rosa_cli/rosa-managing-objects-cli
https://pkg.go.dev/github.com/openshift-online/ocm-cli/cmd/ocm/edit/machinepool
"""

from __future__ import annotations

from typing import Final

from gpucost.core.issues import SCALER_NOT_READ
from gpucost.sources.cronjobs.options import Unreadable, require_literal
from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import COMMON_SWITCHES, Call, Form, name_form, state_count

_SWITCHES: Final = COMMON_SWITCHES | {"--yes", "-y", "--interactive", "-i", "--enable-autoscaling"}
_POOLS: Final = "machinepool|machinepools|machine-pool|machine-pools"
_BOUNDS: Final = ("--enable-autoscaling", "--min-replicas", "--max-replicas")


def _read_machine_pool(call: Call) -> Reading:
    if any(name in _BOUNDS and value != "false" for name, value in call.line.options):
        raise Unreadable("sets bounds of an autoscaler and no count", SCALER_NOT_READ)
    if not call.line.has("--replicas"):
        return Reading()  # it changes labels or taints, no count
    pools = [require_literal(name, "the machine pool") for name in call.names]
    pools += [name for name in [call.line.value("--machinepool")] if name is not None]
    if len(pools) > 1:
        raise Unreadable(f"names {len(pools)} machine pools")
    return state_count(next(iter(pools), None), "machine pool", call.line.value("--replicas"), "--replicas")


FORMS: Final = (
    Form(f"rosa edit {_POOLS}", _read_machine_pool, ("--replicas", *_BOUNDS), _SWITCHES),
    Form(f"ocm edit {_POOLS}", _read_machine_pool, ("--replicas", *_BOUNDS), _SWITCHES),
    name_form(f"rosa create|delete {_POOLS}|cluster|autoscaler", "creates or deletes nodes", switches=_SWITCHES),
    name_form(f"ocm create|delete {_POOLS}|cluster", "creates or deletes nodes", switches=_SWITCHES),
    name_form("rosa edit autoscaler", "changes the bounds of an autoscaler", switches=_SWITCHES),
)
