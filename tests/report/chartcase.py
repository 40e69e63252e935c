"""A week small enough to be summed by hand, for charts."""

from __future__ import annotations

from typing import Any

from gpucost.core.instants import parse_instant

HOSTILE = (
    "<script>alert(1)</script>",
    "datum['x']",
    "a\nb\x00c",
    "\u202eevil",
    "null",
    "__proto__",
    "x" * 5000,
    "(all)",
)


def case(nodes: int = 2, services: tuple[str, ...] = ("text2img",), **changes: Any) -> dict[str, Any]:
    """A week in June 2025, $10 a node-hour, nodes from 08:00 to 20:00 on weekdays; each service has an hour on Monday."""
    running = [
        {
            "task_id": place,
            "service_name": name,
            "status": status,
            "creation_ts": parse_instant(f"2025-06-02T{hour}:00:00Z"),
        }
        | {"node_id": f"n{place}", "metainfo": '{"node_name": "gpu-1"}'}
        for place, name in enumerate(services)
        for status, hour in (("running", "09"), ("done", "10"))
    ]
    return {
        "period": {"start": "2025-06-02", "end": "2025-06-09"},
        "timeZone": "UTC",
        "now": "2025-06-10T00:00:00Z",
        "types": [{"name": "gpu", "match": ["gpu*"], "prices": [{"pricePerHour": "10"}]}],
        "cronJobs": [
            {"name": "on", "pool": "gpu-pool", "nodes": nodes, "schedule": "0 8 * * 1-5"},
            {"name": "off", "pool": "gpu-pool", "nodes": 0, "schedule": "0 20 * * *"},
        ],
        "events": running,
        "exclude": [],
        "executionTime": "RunningOnly",
        "staleAfterSeconds": 86_400,
        "bucket": "Day",
        "idle": "Distribute",
        **changes,
    }
