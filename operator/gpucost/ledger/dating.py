"""When an edit happened that was noticed later: what ``metadata.managedFields`` proves of it (section 2).

The edit lies in ``(certain, noticed]``. A manager's entry says when it last changed any value that it owns, in whole
seconds, so it dates an edit only where nothing else can have been meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gpucost.core.money import SECOND_US
from gpucost.core.scaling import ScheduleVersion
from gpucost.ledger.sightings import Edit

TOLERANCE_US: Final = 120 * SECOND_US
"""Nobody watched if the last moment of certainty is longer ago than this: twice the longest pause of a live watch."""

_ANNOTATIONS: Final = frozenset(
    f"metadata.annotations.gpucost.dev/{name}" for name in ("node-counts", "node-pool", "nodes", "ignore")
)
_TARGET: Final = _ANNOTATIONS | {"spec.jobTemplate"}
"""Pools and counts: annotations, environment variables or a command line; whichever is owned by the edit is what changed."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which an edit happened: after ``certain_us``, when the old state stood, up to ``noticed_us``."""

    certain_us: int
    noticed_us: int
    tolerance_us: int = TOLERANCE_US

    def doubt_us(self, at_us: int) -> int | None:
        """Since when something may have happened that counts from an instant; None: watched, so that it is certain."""
        return self.certain_us if at_us - self.certain_us > self.tolerance_us else None

    def holds(self, at_us: int) -> bool:
        """Whether a time in whole seconds can be that of the edit."""
        return self.certain_us - SECOND_US < at_us <= self.noticed_us


@dataclass(frozen=True, slots=True)
class Dated:
    """When an edit counts from."""

    at_us: int
    doubt_us: int | None
    """It happened at an unknown instant after this one and up to ``at_us``; None: it is certain."""


def date_edit(
    old: ScheduleVersion | None,
    new: ScheduleVersion | None,
    edits: Sequence[Edit],
    raised: int | None,
    window: Window,
) -> Dated:
    """Date the edit that made a version of another one; None is a CronJob that states no pool or can't be read.

    ``raised`` is by how much the generation rose, None where that is unknown. Proven is the time of a manager's entry
    if it is the only one in the window of those that own what changed, and the generation rose once for a change of the
    spec, not at all for one of annotations. Else the edit counts from when it was noticed.
    """
    proven_us = _proven_us(_changes(old, new), [edit for edit in edits if window.holds(edit.at_us)], raised)
    if proven_us is None:
        return Dated(window.noticed_us, window.doubt_us(window.noticed_us))
    # The entry's time is cut to seconds: at the moment of certainty, which may be later, the old state still stood.
    return Dated(min(max(proven_us, window.certain_us + 1), window.noticed_us), None)


def _changes(old: ScheduleVersion | None, new: ScheduleVersion | None) -> list[frozenset[str]]:
    """Per value that changed, the fields of which one states it."""
    if old is None or new is None:
        return [_TARGET]
    spec = (
        ("spec.schedule", old.schedule != new.schedule),
        ("spec.timeZone", old.time_zone != new.time_zone),
        ("spec.suspend", old.suspended != new.suspended),
        ("spec.startingDeadlineSeconds", old.starting_deadline_seconds != new.starting_deadline_seconds),
    )
    target = [_TARGET] if old.counts != new.counts else []
    return target + [frozenset({field}) for field, changed in spec if changed]


def _proven_us(changes: list[frozenset[str]], edits: Iterable[Edit], raised: int | None) -> int | None:
    if raised == 0:
        changes = [change & _ANNOTATIONS for change in changes]
    changed = frozenset[str]().union(*changes)
    owners = [edit for edit in edits if edit.fields & changed]
    owned = changed & frozenset[str]().union(*(edit.fields for edit in owners))
    times = {edit.at_us for edit in owners}
    whole = all(change & owned for change in changes)
    of_spec = any(field.startswith("spec.") for field in owned)
    return times.pop() if len(times) == 1 and whole and raised == int(of_spec) else None
