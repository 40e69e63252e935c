"""What the figures of a report rest on, part by part, so that a later change can be named (law C10)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gpucost.api.costreport import CostReportSpec
from gpucost.core.nodes import Pool
from gpucost.core.scaling import ScheduleVersion
from gpucost.core.schedule import HeldSchedule
from gpucost.core.versions import KnownVersion
from gpucost.core.zones import Zone
from gpucost.engine.peaks import Peaks
from gpucost.engine.reduction import BusyTime, Counts, Executed, Rollup

METHOD_REVISION: Final = "2"
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
    if spec.tasks:
        stated["tasks"]["timeZone"] = spec.tasks.zone_name  # the same figures, whether it is stated or assumed
    parts = {f"spec.{name}": _short(value) for name, value in stated.items()}
    for history in histories:
        known = tuple(_before(v, end_us) for v in history if v.edited_us is None or v.edited_us < end_us)
        if known:
            parts[f"CronJob {known[-1].version.label}"] = _history(known)
    return {**parts, "cluster time zone": cluster_zone.name, "method": METHOD_REVISION}


@lru_cache(maxsize=1 << 14)
def _history(known: tuple[KnownVersion, ...]) -> str:
    """Kept, for many reports read the same CronJobs."""
    return _short([_known_text(version) for version in known])


_OF_VERSION: Final = ("schedule", "time_zone", "suspended", "starting_deadline_seconds", "created_us", "valid_from_us")
_OF_KNOWN: Final = ("edited_us", "ended_us", "seen_us", "edit_doubt_us", "end_doubt_us")


def _known_text(known: KnownVersion) -> str:
    """All of a version that figures rest on. It is written out, so that an upgrade which adds a field to it restates nothing:
    a new field is left out where it has its default."""
    return f"KnownVersion(version=ScheduleVersion({_version_text(known.version)}), {_named(known, _OF_KNOWN)})"


def _version_text(version: ScheduleVersion) -> str:
    """A version of one pool reads as before there were several."""
    counts = [(count.pool, count.nodes) for count in version.counts]
    sets = f"pool={counts[0][0]!r}, nodes={counts[0][1]!r}" if len(counts) == 1 else f"counts={counts!r}"
    return f"{_named(version, ('uid', 'namespace', 'name'))}, {sets}, {_named(version, _OF_VERSION)}"


def _named(value: object, names: Sequence[str]) -> str:
    return ", ".join(f"{name}={getattr(value, name)!r}" for name in names)


def _before(known: KnownVersion, end_us: int) -> KnownVersion:
    """A version as it was known at an instant: what ended it later is no input of an earlier period."""
    if known.ended_us is None or known.ended_us < end_us:
        return known
    return replace(known, ended_us=None, end_doubt_us=None)


def jobs_part(pools: Iterable[Pool]) -> dict[str, str]:
    """What Jobs did to the billed pools, in the period."""
    steps = [(pool.name, pool.timeline.counts.starts.tolist(), pool.timeline.counts.values.tolist()) for pool in pools]
    return {"outcomes of Jobs": _short(steps)}


def parts_of(stated: Mapping[str, str], rows: Sequence[HeldSchedule], rollup: Rollup | None) -> dict[str, str]:
    """The stated parts with what was read: rows of the schedule table, and what the period has of the task events."""
    read = dict(stated)
    if rows:
        read["k8s_nodes_scaling"] = _short(sorted(repr(row) for row in rows))
    if rollup:
        read[TASK_EVENTS] = _short(
            [_sum_of_rows(rollup, rows) for rows in (rollup.executed, rollup.counts, rollup.busy, rollup.peaks)]
        )
    return read


def _sum_of_rows(rollup: Rollup, rows: Executed | Counts | BusyTime | Peaks) -> int:
    """A checksum of rows that their order and the numbers of names do not change: a sum of row hashes, modulo 2**64."""
    names = {"service": _numbers(rollup.services), "node_type": _numbers(rollup.node_types)}
    found = np.zeros(len(rows.bucket_us), dtype=np.uint64)
    for field in fields(rows):
        values = getattr(rows, field.name)
        column = names[field.name][values] if field.name in names else values.astype(np.int64).view(np.uint64)
        found = (found ^ column) * _MIX
        found ^= found >> np.uint64(32)
    return int(found.sum(dtype=np.uint64))


def _numbers(names: Sequence[str]) -> npt.NDArray[np.uint64]:
    hashes = (hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8] for name in names)
    return np.array([int.from_bytes(found, "little") for found in hashes], dtype=np.uint64)


_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""An odd number without a pattern: 2**64 divided by the golden ratio (Knuth, The Art of Computer Programming, 6.4)."""


def revision(parts: Mapping[str, str]) -> str:
    """One hash over all parts."""
    return _short(sorted(parts.items()))


def _short(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
