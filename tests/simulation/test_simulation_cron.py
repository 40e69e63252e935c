"""The simulation's cron agrees with what Kubernetes does, on a sample of the recorded rows."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulation.clock import SECOND
from simulation.cron import CronError, Every, parse
from simulation.nodes import Job, fires, node_counts

CRON = Path(__file__).parents[1] / "data" / "cron"
ROWS = [json.loads(line) for line in (CRON / "fires.jsonl").read_text(encoding="utf-8").splitlines()]
REFUSED = [row["expr"] for row in ROWS if not row["k8s_create_ok"]]
EVERY = [row for row in ROWS if row["k8s_create_ok"] and row["expr"].startswith("@every")]
SHORT_SPAN = 40 * 86400
SHORT = [
    row for row in ROWS if row.get("wallclock_equal") and row["fires"] and row["fires"][-1] < row["start"] + SHORT_SPAN
]
MONTHS = json.loads((CRON / "node_hours.json").read_text(encoding="utf-8"))["cases"]


def fires_after(row: dict[str, Any], seconds: int) -> list[int]:
    """Epoch seconds of the fires after a row's start, as of a CronJob created then."""
    start = row["start"] * SECOND
    job = Job(0, parse(row["expr"]), row["tz"], False, start + 1, start)
    return [t // SECOND for t in fires(job, start, start + seconds * SECOND + 1)]


@pytest.mark.parametrize("expr", REFUSED)
def test_what_kubernetes_refuses_is_refused(expr: str) -> None:
    """The expressions that the API server rejects."""
    with pytest.raises(CronError):
        parse(expr)


def test_fires_are_those_of_kubernetes() -> None:
    """Rows where robfig itself reads wall clocks, those that end soon."""
    for row in SHORT[::25]:
        assert fires_after(row, row["fires"][-1] - row["start"]) == row["fires"], row["expr"]


@pytest.mark.parametrize("row", EVERY, ids=lambda row: f"{row['expr']} {row['tz']}")
def test_every_counts_from_creation(row: dict[str, Any]) -> None:
    """A step from creation on, whatever the local clock does."""
    assert isinstance(parse(row["expr"]), Every)
    assert fires_after(row, row["fires"][-1] - row["start"]) == row["fires"]


@pytest.mark.parametrize("month", MONTHS, ids=lambda month: f"{month['tz']} {month['start'][:10]}")
def test_months_have_the_recorded_node_time(month: dict[str, Any]) -> None:
    """Schedules of one pool, over months with and without clock changes."""
    start, end = month["start_epoch"] * SECOND, month["end_epoch"] * SECOND
    jobs = [
        Job(c["nodes"], parse(c["schedule"]), c.get("tz") or month["tz"], False, -(10**18), 0) for c in month["crons"]
    ]
    steps = node_counts(jobs, month["initial"], start, end)
    ends = [t for t, _ in steps[1:]] + [end]
    assert (
        sum((nodes or 0) * (b - a) for (a, nodes), b in zip(steps, ends, strict=True)) == month["node_seconds"] * SECOND
    )
