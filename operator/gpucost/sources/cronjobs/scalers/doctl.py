"""DigitalOcean: ``doctl``. https://docs.digitalocean.com/reference/doctl/reference/kubernetes/cluster/node-pool/update/"""

from __future__ import annotations

from typing import Final

from gpucost.core.issues import SCALER_NOT_READ
from gpucost.sources.cronjobs.options import Unreadable, require_literal
from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import COMMON_SWITCHES, Call, Form, name_form, state_count

_SWITCHES: Final = COMMON_SWITCHES | {"--auto-scale", "--trace", "--force", "-f", "--interactive"}
_PATH: Final = "doctl kubernetes|kube|k8s|k cluster|clusters|c node-pool|node-pools|nodepool|nodepools|pool|pools|np|p"
_BOUNDS: Final = ("--auto-scale", "--min-nodes", "--max-nodes")


def _read_update(call: Call) -> Reading:
    if any(name in _BOUNDS and value != "false" for name, value in call.line.options):
        raise Unreadable("sets bounds of an autoscaler", SCALER_NOT_READ)
    if not call.line.has("--count"):
        return Reading()  # it changes labels, tags or taints, no count
    if len(call.names) != 2:
        raise Unreadable("names no cluster and pool")
    return state_count(require_literal(call.names[1], "the pool"), "pool", call.line.value("--count"), "--count")


FORMS: Final = (
    Form(f"{_PATH} update|u", _read_update, ("--count", *_BOUNDS), _SWITCHES),
    name_form(f"{_PATH} create|c|delete|d|rm|delete-node|dn|replace-node|rn", "creates or deletes nodes",
              switches=_SWITCHES),
    name_form("doctl compute droplet-action|da power-on|power-off|shutdown|power-cycle", "starts or stops machines",
              switches=_SWITCHES),
)  # fmt: skip
