"""Which version of a CronJob, or row of the schedule table, held when (section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gpucost.core.cron import CronError, parse_cron, previous_fire, robfig_differs
from gpucost.core.instants import instant_text
from gpucost.core.issues import INVALID_SCHEDULE, ROBFIG_DIFFERS, UNDATED_EDIT, Issue, shorten
from gpucost.core.money import SECOND_US
from gpucost.core.scaling import ScheduleVersion
from gpucost.core.schedule import FOR_EVER, SINCE_EVER, HeldSchedule
from gpucost.core.zones import UTC, Zone, ZoneError


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version of a CronJob and the instants, in microseconds, at which it was edited in and out."""

    version: ScheduleVersion
    edited_us: int | None = None
    """None: the first known version, whose past is stated or assumed."""
    ended_us: int | None = None
    """When it was replaced or deleted; None: it is the present one."""
    seen_us: int | None = None
    """When a ledger first recorded it; None: no ledger did. Time before it is assumed."""
    edit_doubt_us: int | None = None
    """The edit in happened at an unknown instant after this one and up to ``edited_us``; None: that instant is certain."""
    end_doubt_us: int | None = None
    """The same for ``ended_us``."""


@dataclass(frozen=True, slots=True)
class Schedules:
    """Schedules that can be expanded, and what was wrong with the others."""

    held: tuple[HeldSchedule, ...]
    issues: tuple[Issue, ...]


def first_held_us(version: ScheduleVersion, assume_from_us: int | None, seen_us: int | None = None) -> int:
    """Since when the first known version holds: valid-from, else assumeSchedulesFrom (both inclusive), else creation
    (fires strictly after it), else since ever; from its first sight in a ledger at the latest."""
    created = SINCE_EVER if version.created_us is None else version.created_us + 1
    stated = next((at for at in (version.valid_from_us, assume_from_us) if at is not None), created)
    return stated if seen_us is None else min(stated, seen_us)


def held_schedules(
    histories: Iterable[Sequence[KnownVersion]], cluster_zone: Zone, assume_from_us: int | None
) -> Schedules:
    """Expand the known versions of CronJobs, each history in time order, over their own validity: one schedule for each pool
    of each version. An edit that drops a pool ends its schedule as a deletion does: the count stays."""
    held: list[HeldSchedule] = []
    issues: list[Issue] = []
    for history in histories:
        asleep_since: int | None = None
        before: KnownVersion | None = None
        for known in history:
            if before is None or not _follows(before, known):
                asleep_since = None
            before = known
            try:
                schedule = _hold(known, cluster_zone, assume_from_us)
            except (CronError, ZoneError) as error:
                issues.append(_invalid(known.version, error))
                held += _for_each_pool(_never(known), known.version)
                continue
            if schedule.suspended:  # edits while it is suspended do not end the suspension
                asleep_since = schedule.since_us if asleep_since is None else asleep_since
            elif asleep_since is not None:
                schedule = replace(schedule, extra_fires=tuple(_catch_up(known, schedule, asleep_since)))
                asleep_since = None
            held += _for_each_pool(schedule, known.version)
    return Schedules(tuple(held), tuple(issues))


def _for_each_pool(first: HeldSchedule, version: ScheduleVersion) -> Iterator[HeldSchedule]:
    """The schedule of a version's first pool, and the same for its other pools."""
    yield first
    for count in version.counts[1:]:
        yield replace(first, pool=count.pool, nodes=count.nodes)


def _follows(before: KnownVersion, known: KnownVersion) -> bool:
    """Whether a version is an edit of the one before: another CronJob of the same name, or one that could not be read for a
    while, catches up with nothing."""
    return before.version.uid == known.version.uid and before.ended_us == known.edited_us


def _hold(known: KnownVersion, cluster_zone: Zone, assume_from_us: int | None) -> HeldSchedule:
    version = known.version
    since = known.edited_us
    if since is None:
        since = first_held_us(version, assume_from_us, known.seen_us)
    base = since if version.created_us is None and since != SINCE_EVER else version.created_us
    return HeldSchedule(
        label=version.label,
        pool=version.counts[0].pool,
        nodes=version.counts[0].nodes,
        cron=parse_cron(version.schedule),
        zone=Zone.parse(version.time_zone) if version.time_zone is not None else cluster_zone,
        since_us=since,
        until_us=FOR_EVER if known.ended_us is None else known.ended_us,
        created_us=base,
        seen_us=_seen_us(known),
        suspended=version.suspended,
    )


def _seen_us(known: KnownVersion) -> int:
    """An edit was recorded when it happened; a first known version when a ledger first saw it, if one ever did."""
    if known.edited_us is not None:
        return known.edited_us
    return FOR_EVER if known.seen_us is None else known.seen_us


def _never(known: KnownVersion) -> HeldSchedule:
    """A schedule that can't be read still states its pool, whose count is then unknown or initial; it never fires."""
    version = known.version
    return HeldSchedule(
        version.label,
        version.counts[0].pool,
        version.counts[0].nodes,
        parse_cron("@yearly"),
        UTC,
        seen_us=_seen_us(known),
        suspended=True,
    )


def _catch_up(known: KnownVersion, schedule: HeldSchedule, suspended_us: int) -> Iterator[int]:
    """One fire at the instant of un-suspending, if a scheduled time was missed and the deadline allows it."""
    deadline = known.version.starting_deadline_seconds
    now = schedule.since_us
    since = suspended_us if deadline is None else max(suspended_us, now - deadline * SECOND_US)
    missed = previous_fire(schedule.cron, schedule.zone, now, since_us=since, created_us=schedule.created_us)
    if missed is not None:
        yield now


def _invalid(version: ScheduleVersion, error: CronError | ZoneError) -> Issue:
    where = f"CronJob {version.label}: "
    what = "spec.schedule" if isinstance(error, CronError) else "spec.timeZone"
    return Issue(
        INVALID_SCHEDULE, f"{where}{what} {shorten(str(error), 300)}; it sets no node count until it is mended"
    )


def undated_edits(histories: Iterable[Sequence[KnownVersion]], lo_us: int, hi_us: int) -> tuple[Issue, ...]:
    """Edits and deletions in ``[lo_us, hi_us)`` that nobody watched and nothing dates: they count from when they were
    noticed."""
    found = []
    for known in (known for history in histories for known in history):
        for what, doubt, at in (
            ("edited", known.edit_doubt_us, known.edited_us),
            ("deleted, or made unreadable,", known.end_doubt_us, known.ended_us),
        ):
            if doubt is not None and at is not None and doubt < hi_us and at > lo_us:
                message = (
                    f"CronJob {known.version.label} was {what} at an unknown time between {instant_text(doubt)} and "
                    f"{instant_text(at)}, while no operator watched; it counts from the latter"
                )
                found.append(Issue(UNDATED_EDIT, message))
    return tuple(found)


def zones_to_warn_of(schedules: Iterable[HeldSchedule], lo_us: int, hi_us: int) -> tuple[Issue, ...]:
    """Zones in whose clock changes Kubernetes' own scheduler misbehaves; it is not imitated."""
    labels: dict[Zone, set[str]] = {}
    for schedule in schedules:
        labels.setdefault(schedule.zone, set()).add(schedule.label)
    return tuple(
        Issue(
            ROBFIG_DIFFERS,
            f"zone {zone.name} changes its clock at midnight or by half an hour, where Kubernetes may fire at other times "
            f"than the schedules of {', '.join(sorted(names)[:3])} say; the schedules are billed as written",
            len(names),
        )
        for zone, names in labels.items()
        if robfig_differs(zone, lo_us, hi_us)
    )
