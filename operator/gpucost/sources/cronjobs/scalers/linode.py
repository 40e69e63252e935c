"""Akamai (Linode): ``linode-cli``. https://techdocs.akamai.com/linode-api/reference/put-lke-node-pool"""

from __future__ import annotations

from typing import Final

from gpucost.core.issues import SCALER_NOT_READ
from gpucost.sources.cronjobs.options import Unreadable, require_literal
from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import COMMON_SWITCHES, Call, Form, name_form, state_count

_SWITCHES: Final = COMMON_SWITCHES | {"--json", "--text", "--markdown", "--suppress-warnings"}
_BOUNDS: Final = ("--autoscaler.enabled", "--autoscaler.min", "--autoscaler.max")


def _read_update(call: Call) -> Reading:
    """The pool is known by its number only."""
    if any(name in _BOUNDS and value != "false" for name, value in call.line.options):
        raise Unreadable("sets bounds of an autoscaler", SCALER_NOT_READ)
    if not call.line.has("--count"):
        return Reading()  # it changes labels or taints, no count
    if len(call.names) != 2:
        raise Unreadable("names no cluster and pool")
    return state_count(require_literal(call.names[1], "the pool"), "pool", call.line.value("--count"), "--count")


FORMS: Final = (
    Form("linode-cli lke pool-update", _read_update, ("--count", *_BOUNDS), _SWITCHES),
    name_form("linode-cli lke pool-create|pool-delete|pool-recycle|node-delete|node-recycle",
              "creates or deletes nodes", switches=_SWITCHES),
    name_form("linode-cli linodes boot|shutdown|create|delete", "starts or stops machines", switches=_SWITCHES),
)  # fmt: skip
