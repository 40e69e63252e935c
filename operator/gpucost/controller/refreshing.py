"""When a report is computed again: as its spec says, once a day when it is final, and ever later after failures."""

from __future__ import annotations

import datetime as dt
from typing import Final

from gpucost.core.cron import next_fire, parse_cron
from gpucost.core.instants import parse_duration
from gpucost.core.money import SECOND_US
from gpucost.core.period import local_date
from gpucost.core.zones import DAY_US, Zone
from gpucost.report.report import Report

SHORTEST_US: Final = 5 * SECOND_US
"""A spec that asks for more often is a load on its database, and no person reads faster."""
RETRY_SECONDS: Final = 2.0
LONGEST_RETRY_SECONDS: Final = 120.0


def next_refresh(report: Report, default_us: int) -> int | None:
    """The next instant at which a report is due; None if its schedule never fires again.

    A final report has its watermark checked once a day: nothing else can change it but its spec and schedules, which are
    watched. One whose period moves with the calendar is looked at when the next local day begins.
    """
    if report.final:
        return report.now_us + DAY_US if report.spec.period.range else _next_day(report)
    stated = report.spec.refresh
    if stated.schedule is not None:
        return next_fire(parse_cron(stated.schedule), Zone.parse(report.spec.time_zone), report.now_us)
    every = parse_duration(stated.every) if stated.every is not None else None
    return report.now_us + max(SHORTEST_US, every or default_us)


def _next_day(report: Report) -> int:
    zone = Zone.parse(report.spec.time_zone)
    return zone.day_start(local_date(zone, report.now_us) + dt.timedelta(days=1))


def retry_seconds(tries: int) -> float:
    """How long to wait after so many failures in a row."""
    return min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2.0 ** min(tries - 1, 10))
