"""Oracle Cloud: ``oci``. https://docs.oracle.com/iaas/tools/oci-cli/latest/oci_cli_docs/cmdref/ce/node-pool/update.html"""

from __future__ import annotations

from typing import Final

from gpucost.sources.cronjobs.options import Unreadable
from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import COMMON_SWITCHES, Call, Form, name_form, state_count

_SWITCHES: Final = COMMON_SWITCHES | {"--force", "-d", "--no-retry"}
_FILES: Final = ("--from-json",)
_COUNTS: Final = ("--size", "--quantity-per-subnet", "--node-config-details", *_FILES)


def _read_update(call: Call) -> Reading:
    """The pool is known by its id (OCID) only."""
    if call.line.has(*_FILES):
        raise Unreadable("takes its values from --from-json")
    if call.line.has("--quantity-per-subnet") and not call.line.has("--size"):
        raise Unreadable("states a count per subnet and no --size")
    if not call.line.has("--size") and "size" in (call.line.value("--node-config-details") or ""):
        raise Unreadable("states a size in --node-config-details and no --size")
    if not call.line.has("--size") and (call.line.value("--node-config-details") or "").startswith("file:"):
        raise Unreadable("takes its values from the file of --node-config-details")
    if not call.line.has("--size"):
        return Reading()  # it changes the image, labels or the like, no count
    return state_count(call.line.value("--node-pool-id"), "--node-pool-id", call.line.value("--size"), "--size")


FORMS: Final = (
    Form("oci ce node-pool update", _read_update, _COUNTS, _SWITCHES),
    name_form("oci ce node-pool create|delete", "creates or deletes nodes", switches=_SWITCHES),
    name_form("oci ce node delete", "creates or deletes nodes", switches=_SWITCHES),
    name_form("oci compute instance action|launch|terminate", "starts or stops machines", switches=_SWITCHES),
    name_form("oci compute-management instance-pool update|start|stop|softstop|reset|terminate",
              "changes the machines of a pool", switches=_SWITCHES),
)  # fmt: skip
