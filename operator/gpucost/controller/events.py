"""Kubernetes Events on a CostReport: one for each transition of a condition, none for a quiet refresh."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from gpucost.api.costreport import API_VERSION, KIND
from gpucost.controller.status import Transition
from gpucost.controller.store import SeenReport
from gpucost.core.instants import instant_text
from gpucost.core.money import SECOND_US
from gpucost.report.conditions import FINAL

COMPONENT: Final = "gpucost"
MOST_CHARACTERS: Final = 1024
"""Of an Event's message, by the API's own limit."""


def event_of(seen: SeenReport, transition: Transition, now_us: int) -> Mapping[str, Any]:
    """The Event of a transition. A condition that is not True is a warning; one that is merely not final yet is not."""
    time = instant_text(now_us - now_us % SECOND_US)
    calm = transition.status == "True" or transition.kind == FINAL
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{seen.name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": seen.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": seen.namespace,
            "name": seen.name,
            "uid": seen.uid,
            "resourceVersion": seen.version,
        },
        "type": "Normal" if calm else "Warning",
        "reason": transition.reason,
        "message": f"{transition.kind} is {transition.status}: {transition.message}"[:MOST_CHARACTERS],
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
