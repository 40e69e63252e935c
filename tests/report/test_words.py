"""A report in words: how far its period is."""

from __future__ import annotations

from pathlib import Path

import pytest

import gpucost
from command import HEADER, cron_job, manifest
from gpucost.report.words import state

BERLIN = {"timeZone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("now", "spec", "said"),
    [
        ("2025-06-01T12:00:00Z", {}, "not begun"),
        ("2025-06-03T12:00:00Z", {}, "so far, until 2025-06-03T12:00:00Z"),
        ("2025-06-04T12:00:00Z", {}, "ended; figures may change until 5 June"),
        ("2025-06-04T12:00:00Z", BERLIN, "ended; figures may change until 5 June"),
        ("2025-06-04T23:00:00Z", BERLIN, "final"),
        ("2025-06-05T00:00:00Z", {}, "final"),
    ],
)
def test_the_state_of_two_days(now: str, spec: dict[str, str], said: str) -> None:
    """2 and 3 June: what ends later than a day after them is lost, so that nothing changes any more."""
    assert state(gpucost.compute(manifest(**spec), [cron_job()], now=now)) == said


def test_an_attempt_that_still_runs(tmp_path: Path) -> None:
    """It runs since 3 June, and its task gave a sign of life on the 7th: its end may be anywhere."""
    rows = [
        f'{i},1,draw,running,2025-06-0{day}T23:00:00Z,,"{{""node_name"": ""l4-0""}}"' for i, day in ((1, 3), (2, 7))
    ]
    path = tmp_path / "tasks.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    report = gpucost.compute(manifest(tasks={}), [cron_job()], str(path), now="2025-06-08T12:00:00Z")
    assert state(report) == "ended; attempts in it still run"
