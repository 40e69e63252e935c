"""What is known of a CronJob, and what a sighting of it adds (section 2).

Pure: the clock is a parameter. In one history times never go back, and every version has held for a microsecond at least.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from gpucost.core.money import SECOND_US
from gpucost.core.scaling import ScheduleVersion
from gpucost.core.schedule import SINCE_EVER
from gpucost.core.versions import KnownVersion
from gpucost.ledger.dating import TOLERANCE_US, Window, date_edit
from gpucost.ledger.sightings import Sighting

Known = tuple[KnownVersion, ...]
"""Versions in time order."""

_identity: Final = attrgetter("uid", "counts", "schedule", "time_zone", "suspended", "starting_deadline_seconds")
"""What makes a version. Labels, valid-from and the rest of a CronJob don't."""


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of the CronJobs of one namespace and name, of deleted and re-created ones too."""

    namespace: str
    name: str
    uid: str
    """Of the last one seen."""
    labels: Mapping[str, str]
    """As last seen."""
    present: bool
    """Whether it exists now."""
    known: Known
    """In time order; empty where it never stated a pool. The first one's ``valid_from_us`` is the one stated last."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A history, and what the next sighting is compared with."""

    history: History
    generation: int | None
    noticed_us: int
    """When anything of this was last recorded. The state was certain then."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of a sighting."""

    now_us: int
    confirmed_us: int | None = None
    """Until when the watch was live, so that no edit noticed later can be older; None: it never was."""
    tolerance_us: int = TOLERANCE_US

    def window(self, before: Remembered) -> Window:
        """When something happened that is noticed now."""
        certain = max(before.noticed_us, SINCE_EVER if self.confirmed_us is None else self.confirmed_us)
        return Window(certain, self.now_us, self.tolerance_us)


def seen(before: Remembered | None, sighting: Sighting, moment: Moment) -> Remembered:
    """What is known after a sighting: ``before`` itself, if that says nothing new."""
    known = _known_after(before, sighting, moment)
    history = History(sighting.namespace, sighting.name, sighting.uid, dict(sighting.labels), True, known)
    if before is not None and (before.generation, before.history) == (sighting.generation, history):
        return before
    return Remembered(history, sighting.generation, moment.now_us)


def gone(before: Remembered, moment: Moment, *, watched: bool) -> Remembered | None:
    """What is known after a CronJob was deleted: its count stays. None if nothing is worth remembering."""
    history = before.history
    if not history.known:
        return None
    doubt_us = None if watched else moment.window(before).doubt_us(moment.now_us)
    known = _ended(history.known, moment.now_us, doubt_us)
    return replace(before, history=replace(history, present=False, known=known), noticed_us=moment.now_us)


def _known_after(before: Remembered | None, sighting: Sighting, moment: Moment) -> Known:
    version = sighting.version
    if before is None or not before.history.known:
        missed = before is not None and before.history.uid == sighting.uid  # it was seen without a pool
        return _first(version, moment.now_us if missed else _first_seen_us(sighting, moment))
    window = moment.window(before)
    known, last = before.history.known, before.history.known[-1]
    present = last.version if last.ended_us is None else None
    if before.history.uid != sighting.uid:
        return _stated(_recreated(known, version, window), version, again=True)
    if _same(present, version):
        return _stated(known, version)
    raised = _raised(before.generation, sighting.generation)
    dated = date_edit(present, version, sighting.edits, raised, window)
    at = max(dated.at_us, _earliest_us(last))
    ended = _ended(known, at, dated.doubt_us if version is None else None)
    return _stated(_begun(ended, version, at, window.noticed_us, dated.doubt_us), version)


def _same(one: ScheduleVersion | None, other: ScheduleVersion | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(_identity(one) == _identity(other))


def _raised(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _first(version: ScheduleVersion | None, seen_us: int) -> Known:
    return () if version is None else (KnownVersion(version, seen_us=seen_us),)


def _first_seen_us(sighting: Sighting, moment: Moment) -> int:
    """Since when the first known version is recorded: since its creation, if nothing can have been missed of it.

    That is the microsecond after creation, for a CronJob fires strictly after it.
    """
    created = sighting.version.created_us if sighting.version else None
    if created is None or moment.confirmed_us is None or created <= moment.confirmed_us - SECOND_US:
        return moment.now_us
    watched = moment.now_us - moment.confirmed_us <= moment.tolerance_us
    untouched = sighting.generation == 1 and all(edit.at_us <= created + SECOND_US for edit in sighting.edits)
    return created + 1 if watched or untouched else moment.now_us


def _recreated(known: Known, version: ScheduleVersion | None, window: Window) -> Known:
    """One CronJob in place of another: the old one was gone by the new one's creation."""
    last = known[-1]
    created = None if version is None else version.created_us
    at = window.noticed_us if created is None else created + 1
    if last.ended_us is None and at < _earliest_us(last):
        at = window.noticed_us
    at = max(at, _earliest_us(last))
    return _begun(_ended(known, at, window.doubt_us(at)), version, at, window.noticed_us, None)


def _ended(known: Known, at_us: int, doubt_us: int | None) -> Known:
    """The same with the present version, if there is one, at its end."""
    last = known[-1]
    if last.ended_us is not None:
        return known
    return (*known[:-1], replace(last, ended_us=max(at_us, _earliest_us(last)), end_doubt_us=doubt_us))


def _begun(known: Known, version: ScheduleVersion | None, at_us: int, seen_us: int, doubt_us: int | None) -> Known:
    """The same with a further version, if there is one."""
    if version is None:
        return known
    later = replace(version, valid_from_us=None)  # it holds since its edit, whatever valid-from says
    return (*known, KnownVersion(later, edited_us=at_us, seen_us=seen_us, edit_doubt_us=doubt_us))


def _earliest_us(last: KnownVersion) -> int:
    """The first instant at which something can follow a version."""
    if last.ended_us is not None:
        return last.ended_us
    start = last.seen_us if last.edited_us is None else last.edited_us
    return SINCE_EVER if start is None else start + 1


def _stated(known: Known, version: ScheduleVersion | None, *, again: bool = False) -> Known:
    """The same with valid-from as last stated; a re-created CronJob only adds to the past, and takes nothing from it."""
    first, stated = known[0].version, None if version is None else version.valid_from_us
    if version is None or stated == first.valid_from_us or (again and not _adds(first, stated)):
        return known
    return _with_valid_from(known, stated)


def _adds(first: ScheduleVersion, stated_us: int | None) -> bool:
    """Whether a valid-from reaches further back than what was stated before, else than the first creation."""
    earliest = first.created_us if first.valid_from_us is None else first.valid_from_us
    return stated_us is not None and (earliest is None or stated_us < earliest)


def _with_valid_from(known: Known, stated_us: int | None) -> Known:
    first = known[0]
    return (replace(first, version=replace(first.version, valid_from_us=stated_us)), *known[1:])
