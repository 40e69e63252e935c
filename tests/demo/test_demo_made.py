"""The made demonstration: the same data everywhere, a plausible week, and the leaks that its report should find."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml

from casereport import figures
from demo.demoreport import report_of, rows
from gpucost import compute
from gpucost.api.costreport import parse_cost_report
from gpucost.core.allocation import Outcome
from gpucost.core.money import Ints, shown_money
from gpucost.core.proposals import CronLine
from gpucost.core.scaling import PoolCount
from gpucost.demo import Demo, made_demo
from gpucost.demo.chance import below, choose, skewed
from gpucost.report.report import OUTCOMES, Report, total
from gpucost.sources.cronjobs.manifests import read_cronjobs

NANO = 10**9


@pytest.fixture(scope="module")
def usual() -> Report:
    return report_of(made_demo(200_000))


def utilisation(report: Report, node_type: str, cells: np.ndarray) -> float:
    kind = report.types.index(node_type)
    return float(report.grid.busy_us[kind][cells].sum() / report.grid.node_us[kind][cells].sum())


def weekends(report: Report) -> np.ndarray:
    return np.asarray(report.cells.weekend)[report.cells.day].astype(bool)


# The data


def test_the_data_is_the_same_on_every_machine_and_with_any_number_of_threads() -> None:
    digest = """SELECT md5(string_agg(concat_ws('|', event_id, task_id, service_name, status, epoch_us(creation_ts),
        coalesce(node_id, '-'), coalesce(metainfo, '-')), ';' ORDER BY event_id)) FROM task_history"""
    assert {rows(made_demo(3000), digest, threads)[0][0] for threads in (1, 3)} == {"809010e3ec3f766bf4bd41a2c62cb25f"}


def test_it_has_the_columns_of_task_history_and_three_events_a_task() -> None:
    demo = made_demo(20_000)
    described = rows(demo, "DESCRIBE task_history")
    names = ["event_id", "task_id", "service_name", "status", "creation_ts", "node_id", "metainfo"]
    assert [row[0] for row in described] == names
    assert described[4][1] == "TIMESTAMP WITH TIME ZONE"
    (counts,) = rows(demo, "SELECT count(*), count(DISTINCT event_id), count(DISTINCT task_id) FROM task_history")
    assert counts[0] == counts[1]
    assert counts[2] == 20_000
    assert 60_000 < counts[0] < 68_000


def test_filling_twice_replaces_the_table() -> None:
    demo = made_demo(5)
    with duckdb.connect() as con:
        assert demo.fill(con) == demo.fill(con) == "task_history"
        assert con.execute("SELECT count(DISTINCT task_id) FROM task_history").fetchone() == (5,)


def test_no_event_lies_after_the_present() -> None:
    demo = made_demo(70_000)
    assert rows(demo, f"SELECT count(*) FROM task_history WHERE epoch_us(creation_ts) >= {demo.now_us}") == [(0,)]


def test_statuses_of_both_spellings_and_put_backs_are_in_it() -> None:
    seen = {status for (status,) in rows(made_demo(20_000), "SELECT DISTINCT status FROM task_history")}
    assert seen == {
        "new", "waiting", "running", "done", "error", "error_cuda", "error_node", "error_params",
        "error_exec_timeout", "execution_timeout", "canceled", "cancelled",
    }  # fmt: skip


def test_running_events_name_their_node_and_queue_events_do_not() -> None:
    found = rows(made_demo(2000), "SELECT status, node_id, metainfo FROM task_history")
    for status, node, metainfo in found:
        if status == "new":
            assert (node, metainfo) == (None, None)
        if status == "running":
            assert json.loads(metainfo)["node_name"] == f"gke-studio-{node}"


# The manifests


def test_cron_jobs_state_their_pools_in_all_three_ways_and_one_is_suspended() -> None:
    demo = made_demo(200_000)
    found = read_cronjobs(demo.cronjobs)
    assert not found.issues
    assert {v.name: v.counts for v in found.versions if v.suspended} == {"l4-weekend-off": (PoolCount("l4-pool", 0),)}
    kinds = Counter(kind_of_statement(manifest) for manifest in demo.cronjobs)
    assert kinds == {"annotations": 3, "environment": 3, "command": 2}


def kind_of_statement(manifest: dict[str, Any]) -> str:
    container = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    if "annotations" in manifest["metadata"]:
        return "annotations"
    return "environment" if "env" in container else "command"


def test_nodes_grow_with_the_tasks() -> None:
    def most(tasks: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for version in read_cronjobs(made_demo(tasks).cronjobs).versions:
            for count in version.counts:
                found[count.pool] = max(count.nodes, found.get(count.pool, 0))
        return found

    assert most(200_000) == {"a100-pool": 6, "l4-pool": 8, "h100-pool": 1}
    assert most(1_000_000) == {"a100-pool": 30, "l4-pool": 40, "h100-pool": 5}
    assert most(0) == most(1000) == {"a100-pool": 1, "l4-pool": 1, "h100-pool": 1}


def test_the_manifests_survive_yaml() -> None:
    demo = made_demo(10)
    assert yaml.safe_load(yaml.safe_dump(demo.cronjobs)) == demo.cronjobs
    assert parse_cost_report(yaml.safe_load(yaml.safe_dump(demo.report))).spec.time_zone == "Europe/Berlin"


# The story


def test_it_spends_what_the_schedules_say(usual: Report) -> None:
    """a100: 20 working days of 12 x 6 and 12 x 2 nodes less the nights to Saturday and Monday, weekends of 1 node."""
    money = {name: int(usual.grid.node_cost[k].sum()) // NANO for k, name in enumerate(usual.types)}
    assert money == {"a100": 2080 * 11, "l4": 4186, "h100": 2 * 108 * 12}
    assert usual.conserved
    assert figures(usual)["uncoveredUs"] == figures(usual)["offScheduleUs"] == 0


def test_coverage_is_above_ninety_percent_and_nobody_uses_h100(usual: Report) -> None:
    found = figures(usual)
    assert 0.90 < found["allocated"] / found["nodeCost"] < 0.93
    assert found["unallocated"] == 2592 * NANO == usual.grid.node_cost[usual.types.index("h100")].sum()


@pytest.mark.parametrize("node_type", ["a100", "l4"])
def test_nodes_are_half_busy_at_working_hours_and_idle_at_night(usual: Report, node_type: str) -> None:
    hour, weekend = usual.cells.hour, weekends(usual)
    for at in range(9, 18):
        assert 0.30 < utilisation(usual, node_type, (hour == at) & ~weekend) < 0.75
    assert utilisation(usual, node_type, (hour < 7) & ~weekend) < 0.20


def test_l4_idles_through_its_weekends(usual: Report) -> None:
    assert utilisation(usual, "l4", weekends(usual)) < 0.03


def test_one_day_is_a_retry_storm(usual: Report) -> None:
    shares, days = usual.shares, [str(date) for date in usual.dates]
    failed = shares.outcome == OUTCOMES.index(Outcome.FAILURE)
    by_day = np.zeros(len(days), dtype=np.int64)
    np.add.at(by_day, shares.slot[failed] % len(days), shares.cost[failed])
    assert days[int(by_day.argmax())] == "2025-08-20"
    assert by_day.max() > 5 * np.sort(by_day)[-2]


def test_some_tasks_never_ran_some_are_lost_and_some_still_run(usual: Report) -> None:
    found = figures(usual)
    assert 500 < found["neverRan"] < 1500
    assert 10 < found["skippedAttempts"]["Lost"] < 100
    assert found["counts"]["Open"] == 4
    assert found["counts"]["retries"] > 5000


def test_the_report_says_what_to_do(usual: Report) -> None:
    names = {advice.name for advice in usual.recommendations}
    assert names == {"h100-remove", "l4-night-shut-down", "l4-weekend-shut-down", "l4-weekday-schedule"}
    assert {advice.confidence for advice in usual.recommendations} == {"High"}
    assert {issue.reason for issue in usual.quality.issues} == {"AssumedHistory", "LostAttempts"}


# Other sizes


@pytest.mark.parametrize("tasks", [0, 1, 7, 1000])
def test_any_number_of_tasks_makes_a_report(tasks: int) -> None:
    report = report_of(made_demo(tasks))
    assert report.conserved
    assert report.quality.charged >= tasks - tasks // 50
    assert figures(report)["nodeCost"] == (672 * 11 + 672 + 2592) * NANO


def test_a_negative_number_of_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 0 or more, not -1"):
        made_demo(-1)


def test_it_says_what_is_made_up() -> None:
    assert made_demo(1234).assumptions[0].startswith("The data is made: 1,234 tasks of 4 services")
    assert isinstance(made_demo(0), Demo)


# Chance


def test_chance_is_even_and_exact() -> None:
    number: Ints = np.arange(100_000, dtype=np.int64)
    assert below(number[:5], 1, 1000).tolist() == [428, 362, 165, 987, 577]
    for stream in (0, 1, 2, 40):
        counts = np.bincount(below(number, stream, 10), minlength=10)
        assert counts.min() > 9_600
        assert counts.max() < 10_400
    shares = np.bincount(choose(number, 3, [1, 0, 3]))
    assert shares[1] == 0
    assert abs(int(shares[0]) - 25_000) < 600
    parts = skewed(number, 4)
    assert parts.min() >= 32_768
    assert parts.max() <= 131_072
    assert abs(float(parts.mean()) / 65_536 - 1) < 0.01


def test_the_proposed_cronjobs_cost_exactly_the_savings_less(usual: Report) -> None:
    """The demo's own CronJobs with those of the type's pools replaced: node cost needs no tasks."""
    demo = made_demo(200_000)
    spec = {key: value for key, value in demo.report["spec"].items() if key != "tasks"}

    def node_cost(cronjobs: list[dict[str, Any]]) -> int:
        manifest = {**demo.report, "spec": spec}
        return total(compute(manifest, cronjobs, now=demo.now_us).grid.node_cost)

    assert node_cost(list(demo.cronjobs)) == total(usual.grid.node_cost)
    proposals = [advice for advice in usual.recommendations if not advice.name.endswith("-shut-down")]
    assert {advice.name for advice in proposals} == {"h100-remove", "l4-weekday-schedule"}
    for advice in proposals:
        pools = {line.pool.name for line in usual.pools if line.pool.node_type == advice.node_type}
        kept = [job for job in demo.cronjobs if not pools & set(read_cronjobs([job]).versions[0].pools)]
        assert len(kept) < len(demo.cronjobs)
        proposed = [annotated_line(f"proposed-{i}", line) for i, line in enumerate(advice.schedules)]
        assert node_cost([*kept, *proposed]) == total(usual.grid.node_cost) - advice.savings


def annotated_line(name: str, line: CronLine) -> dict[str, Any]:
    """A CronJob of a proposed schedule."""
    annotations = {"gpucost.dev/node-pool": line.pool, "gpucost.dev/nodes": str(line.nodes)}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": "demo", "annotations": annotations},
        "spec": {"schedule": line.schedule, "timeZone": line.time_zone},
    }


def test_all_idle_cost_of_weekdays_is_advised_about_or_said_to_be_needed(usual: Report) -> None:
    """Of each type: removed, or what fewer nodes save and what the peaks need, to the cent."""
    cells, grid = usual.cells, usual.grid
    work = (cells.weekend[cells.day] == 0) & (cells.hour >= 7)
    advised = {advice.name: advice for advice in usual.recommendations}
    for kind, name in enumerate(usual.types):
        idle = int(grid.idle_cost[kind][work].sum())
        scheduled = advised.get(f"{name}-weekday-schedule")
        if f"{name}-remove" in advised:
            continue
        if scheduled is not None:
            needed = shown_money(idle - scheduled.savings, "USD")
            assert f"Of {shown_money(idle, 'USD')} idle then, {needed} is needed for these peaks." in scheduled.message
        else:
            (sentence,) = [sentence for sentence in usual.needed if f"pool {name}-pool," in sentence]
            assert f"{shown_money(idle, 'USD')} of idle time is needed for these peaks" in sentence
