"""When a report is computed again."""

from __future__ import annotations

from typing import Any

import pytest

from examples import shown, utc
from gpucost.api.costreport import parse_spec
from gpucost.controller.refreshing import next_refresh
from gpucost.report.build import Inputs, build_report
from gpucost.report.report import Report

FIVE_MINUTES = 300_000_000


def report(now: str, period: dict[str, Any], **spec: Any) -> Report:
    stated = parse_spec({"period": period, "nodePools": {}, **spec})
    return build_report(Inputs("r", "n", stated), utc(now))


JUNE: dict[str, Any] = {"range": {"start": "2025-06-01", "end": "2025-07-01"}}
LAST_MONTH: dict[str, Any] = {"calendar": {"unit": "Month", "offset": -1}}


@pytest.mark.parametrize(
    ("refresh", "due"),
    [
        ({}, "2025-06-10T12:05"),
        ({"every": "1h"}, "2025-06-10T13:00"),
        ({"every": "1ms"}, "2025-06-10T12:00:05"),
        ({"schedule": "0 6 * * *"}, "2025-06-11T06:00"),
    ],
)
def test_a_running_report_follows_its_spec(refresh: dict[str, str], due: str) -> None:
    found = next_refresh(report("2025-06-10T12:00", JUNE, refresh=refresh), FIVE_MINUTES)
    assert found is not None
    assert shown(found) == shown(utc(due))


def test_a_schedule_that_never_fires_again_makes_no_promise() -> None:
    never = report("2025-06-10T12:00", JUNE, refresh={"schedule": "0 0 30 2 *"})
    assert next_refresh(never, FIVE_MINUTES) is None


def test_a_final_report_is_looked_at_once_a_day_whatever_its_spec_says() -> None:
    final = report("2025-07-10T12:00", JUNE, refresh={"every": "5m"})
    assert final.final
    assert next_refresh(final, FIVE_MINUTES) == utc("2025-07-11T12:00")


def test_last_month_s_report_moves_on_when_the_month_does() -> None:
    """Computed on 30 June at 17:00 it shows May, and is final; on 1 July at midnight of its zone it shows June."""
    may = report("2025-06-30T15:00", LAST_MONTH, timeZone="Europe/Berlin")
    assert may.final
    assert next_refresh(may, FIVE_MINUTES) == utc("2025-06-30T22:00")
