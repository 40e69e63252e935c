"""What the figures of a report rest on, part by part, so that a later change can be named (law C10)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from gpucost.api.costreport import CostReportSpec
from gpucost.core.nodes import Pool
from gpucost.core.schedule import HeldSchedule
from gpucost.core.versions import KnownVersion
from gpucost.core.zones import Zone
from gpucost.engine.reduction import Census

METHOD_REVISION: Final = "1"
"""Changes when the same inputs may give other figures."""
TASK_EVENTS: Final = "task events"
_WITHOUT_FIGURES: Final = {"refresh", "suspend", "outputs"}
"""Parts of a spec that change no figure."""


def stated_parts(
    spec: CostReportSpec, histories: Iterable[Sequence[KnownVersion]], cluster_zone: Zone, end_us: int
) -> dict[str, str]:
    """A short hash of each part that is known without reading the task database: the spec field by field, each CronJob as far
    as it was known to hold before the period's end, the cluster's zone, the method."""
    stated = spec.model_dump(mode="json", by_alias=True, exclude=_WITHOUT_FIGURES)
    parts = {f"spec.{name}": _short(value) for name, value in stated.items()}
    for history in histories:
        known = tuple(_before(v, end_us) for v in history if v.edited_us is None or v.edited_us < end_us)
        if known:
            parts[f"CronJob {known[-1].version.label}"] = _history(known)
    return {**parts, "cluster time zone": cluster_zone.name, "method": METHOD_REVISION}


@lru_cache(maxsize=1 << 14)
def _history(known: tuple[KnownVersion, ...]) -> str:
    """Kept, for many reports read the same CronJobs."""
    return _short([repr(version) for version in known])


def _before(known: KnownVersion, end_us: int) -> KnownVersion:
    """A version as it was known at an instant: what ended it later is no input of an earlier period."""
    if known.ended_us is None or known.ended_us < end_us:
        return known
    return replace(known, ended_us=None, end_doubt_us=None)


def jobs_part(pools: Iterable[Pool]) -> dict[str, str]:
    """What Jobs did to the billed pools, in the period."""
    steps = [(pool.name, pool.timeline.counts.starts.tolist(), pool.timeline.counts.values.tolist()) for pool in pools]
    return {"outcomes of Jobs": _short(steps)}


def parts_of(stated: Mapping[str, str], rows: Sequence[HeldSchedule], census: Census | None) -> dict[str, str]:
    """The stated parts with what was read: rows of the schedule table, and the watermark of the task events."""
    read = dict(stated)
    if rows:
        read["k8s_nodes_scaling"] = _short(sorted(repr(row) for row in rows))
    if census:
        read[TASK_EVENTS] = _short([int(census.events.sum()), census.last_us])
    return read


def revision(parts: Mapping[str, str]) -> str:
    """One hash over all parts."""
    return _short(sorted(parts.items()))


def _short(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
