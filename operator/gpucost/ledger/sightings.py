"""What the API server says of one CronJob at one moment: its version, and who owns which of its fields since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gpucost.core.instants import parse_instant
from gpucost.core.scaling import ScheduleVersion

_PARENTS = (("f:spec",), ("f:metadata", "f:annotations"))
"""Where the fields lie that make a version. What a manager owns below one of them is not told apart."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of ``metadata.managedFields``: when a manager last changed any of the values that it owns."""

    at_us: int
    """In whole seconds, cut."""
    fields: frozenset[str]
    """What it owns of the spec and of the annotations, such as ``spec.schedule``, ``spec.jobTemplate`` (any part of
    it) and ``metadata.annotations.gpucost.dev/nodes``."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the API server says of one CronJob at one moment."""

    uid: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    version: ScheduleVersion | None
    """None: it states no pool, or can't be read."""
    generation: int | None
    """The server raises it at every change of the spec, not of annotations; 1: the spec was never edited."""
    edits: tuple[Edit, ...]
    """Without those of the status."""


def edits_of(managed_fields: object) -> tuple[Edit, ...]:
    """The entries of ``metadata.managedFields``, without those of the status subresource.

    Never raises for any JSON; malformed entries are left out.
    """
    entries = managed_fields if isinstance(managed_fields, list) else []
    return tuple(edit for entry in entries if (edit := _edit(entry)) is not None)


def _edit(entry: object) -> Edit | None:
    if not isinstance(entry, Mapping) or entry.get("subresource") == "status":
        return None
    time, owned = entry.get("time"), entry.get("fieldsV1")
    at_us = parse_instant(time) if isinstance(time, str) else None
    if at_us is None or not isinstance(owned, Mapping):
        return None
    return Edit(at_us, frozenset(_paths(owned)))


def _paths(owned: Mapping[object, object]) -> Iterator[str]:
    for parent in _PARENTS:
        fields: object = owned
        for key in parent:
            fields = fields.get(key) if isinstance(fields, Mapping) else None
        prefix = ".".join(key[2:] for key in parent)
        for key in fields if isinstance(fields, Mapping) else ():
            if isinstance(key, str) and key.startswith("f:"):
                yield f"{prefix}.{key[2:]}"
