"""IBM Cloud: ``ibmcloud``. https://cloud.ibm.com/docs/containers?topic=containers-kubernetes-service-cli"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import COMMON_SWITCHES, Call, Form, name_form, state_count

_SWITCHES: Final = COMMON_SWITCHES | {"-f", "-s", "-q"}
_SERVICES: Final = "ks|cs|oc|kubernetes-service|openshift"


def _read_resize(call: Call) -> Reading:
    """The count is of each zone of the worker pool."""
    nodes = call.line.value("--size-per-zone")
    reading = state_count(call.line.value("--worker-pool", "-p"), "--worker-pool", nodes, "--size-per-zone")
    return Reading((replace(reading.commands[0], per_zone=True),))


FORMS: Final = (
    Form(f"ibmcloud|ic|bx {_SERVICES} worker-pool resize", _read_resize, ("--size-per-zone",), _SWITCHES),
    Form(f"ibmcloud|ic|bx {_SERVICES} worker-pool-resize", _read_resize, ("--size-per-zone",), _SWITCHES),
    name_form(f"ibmcloud|ic|bx {_SERVICES} worker-pool create|rm|rebalance|zone", "creates or deletes nodes",
              switches=_SWITCHES),
    name_form(f"ibmcloud|ic|bx {_SERVICES} worker add|rm|replace|reload", "creates or deletes nodes",
              switches=_SWITCHES),
)  # fmt: skip
