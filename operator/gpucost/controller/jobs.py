"""What became of a CronJob's Job: Jobs vanish after a while, so a later bill by what really ran needs them remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gpucost.core.instants import parse_instant
from gpucost.ledger.records import JobOutcome

SCHEDULED_ANNOTATION: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""RFC 3339, in the CronJob's zone: https://kubernetes.io/docs/reference/labels-annotations-taints/"""


def outcome_of(body: Mapping[str, Any]) -> JobOutcome | None:
    """The outcome so far of a Job that a CronJob made; None for other Jobs."""
    metadata, status = body.get("metadata") or {}, body.get("status") or {}
    owner = next((o for o in metadata.get("ownerReferences") or () if o.get("kind") == "CronJob"), None)
    if owner is None:
        return None
    ended: Mapping[str, Any] = next((c for c in status.get("conditions") or () if _is_end(c)), {})
    return JobOutcome(
        uid=str(metadata.get("uid")),
        namespace=str(metadata.get("namespace")),
        name=str(metadata.get("name")),
        cronjob_uid=str(owner.get("uid")),
        cronjob=str(owner.get("name")),
        scheduled_us=_instant((metadata.get("annotations") or {}).get(SCHEDULED_ANNOTATION)),
        created_us=_instant(metadata.get("creationTimestamp")),
        started_us=_instant(status.get("startTime")),
        ended_us=_instant(status.get("completionTime") or ended.get("lastTransitionTime")),
        succeeded=ended.get("type") == "Complete" if ended else None,
    )


def _is_end(condition: Mapping[str, Any]) -> bool:
    return condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"


def _instant(text: object) -> int | None:
    return parse_instant(text) if isinstance(text, str) else None
