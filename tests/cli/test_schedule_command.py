"""gpucost schedule, report, explain and init on CronJobs of several pools, of none, and on those that are not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command import NOW, Ran, cron_job, gpucost, manifest, write

SEVERAL = {"gpucost.dev/node-counts": "gpu-l4=2, b-l4=4"}


def annotated(name: str, annotations: dict[str, str], **container: Any) -> dict[str, Any]:
    """A CronJob with these annotations, and a container."""
    job = cron_job(name)
    job["metadata"]["annotations"] = annotations
    pod = {"containers": [{"name": "c", "image": "tools", **container}]}
    job["spec"]["jobTemplate"] = {"spec": {"template": {"spec": pod}}}
    return job


WEB = annotated("web-up", {}, command=["kubectl", "scale", "deployment/web", "--replicas=3"])
SEVERAL_POOLS = annotated("both", SEVERAL)
IGNORED = annotated("left-out", {"gpucost.dev/ignore": "true", "gpucost.dev/node-pool": "x", "gpucost.dev/nodes": "9"})
UNREAD = annotated("secret", {}, image="registry.example/gpu-node-scaler:1")


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run a command on a report and some CronJobs."""

    def with_jobs(command: tuple[str, ...], *jobs: Any, options: tuple[str, ...] = ()) -> Ran:
        files = ("-f", write(tmp_path / "r.yaml", manifest()), "--cronjobs", write(tmp_path / "jobs.yaml", *jobs))
        return gpucost(*command, *files, "--now", NOW, *options)

    return with_jobs


def test_every_pool_of_a_cronjob_has_its_node_counts(run: Any) -> None:
    found = json.loads(run(("schedule",), SEVERAL_POOLS, options=("-o", "json")).out)
    assert [(row["node_pool"], row["nodes"], row["cause"]) for row in found["nodeCounts"]] == [
        ("b-l4", 4, "finops/both"),
        ("gpu-l4", 2, "finops/both"),
    ]


def test_explain_pool_names_the_cronjob_with_the_count_of_that_pool(run: Any) -> None:
    for pool, nodes in (("gpu-l4", "2"), ("b-l4", "4")):
        schedules = json.loads(run(("explain", "pool", pool), SEVERAL_POOLS, options=("-o", "json")).out)[1]
        assert [(row["stated by"], row["nodes"]) for row in schedules["rows"]] == [("finops/both", nodes)]


def test_wide_lists_what_is_passed_over(run: Any) -> None:
    ran = run(("schedule",), SEVERAL_POOLS, WEB, IGNORED, options=("-o", "wide"))
    assert "Passed over: no node count" in ran.out
    lines = [line.split(None, 1) for line in ran.out.splitlines() if line.strip().startswith("finops/")]
    assert [(name, what.rstrip()) for name, what in lines] == [
        ("finops/web-up", "kubectl scale deployment/web: pods, no nodes"),
        ("finops/left-out", "gpucost.dev/ignore says that it is to be left out"),
    ]
    assert "web-up" not in run(("schedule",), SEVERAL_POOLS, WEB).out


def test_json_lists_it_too(run: Any) -> None:
    assert json.loads(run(("schedule",), WEB, options=("-o", "json")).out)["passedOver"] == [
        {"cronJob": "finops/web-up", "what": "kubectl scale deployment/web: pods, no nodes"}
    ]


def test_nothing_is_passed_over_where_all_is_read(run: Any) -> None:
    ran = run(("schedule",), SEVERAL_POOLS, options=("-o", "wide"))
    assert "nothing" in ran.out.partition("Passed over")[2]


def test_pods_are_no_issue_and_an_ignored_cronjob_keeps_schedules_resolved(run: Any) -> None:
    status = run(("report",), SEVERAL_POOLS, WEB, IGNORED, options=("-o", "json")).status()
    assert [one["reason"] for one in status["quality"]["issues"]] == ["IgnoredCronJob", "AssumedHistory"]
    resolved = next(one for one in status["conditions"] if one["type"] == "SchedulesResolved")
    assert (resolved["status"], resolved["reason"]) == ("True", "AllResolved")


@pytest.mark.parametrize("jobs", [[UNREAD], [SEVERAL_POOLS, UNREAD]])
def test_what_is_not_read_is_in_issues_and_condition(run: Any, jobs: list[Any]) -> None:
    ran = run(("report",), *jobs, options=("-o", "json"))
    said = ran.issues()["ScalerNotRead"]
    assert said.startswith("CronJob finops/secret: ")
    assert "gpucost.dev/node-pool and gpucost.dev/nodes, or gpucost.dev/node-counts for several pools" in said
    resolved = next(one for one in ran.status()["conditions"] if one["type"] == "SchedulesResolved")
    assert (resolved["status"], resolved["reason"]) == ("False", "SchedulesUnread")
    assert resolved["message"].startswith("1 schedule can't be read; the first: CronJob finops/secret: ")


def test_init_says_the_whole_of_what_is_not_read(tmp_path: Path) -> None:
    ran = gpucost("init", "--cronjobs", write(tmp_path / "jobs.yaml", SEVERAL_POOLS, UNREAD))
    (line,) = [line for line in ran.out.splitlines() if line.startswith("# Not read: ")]
    assert line.endswith("(spec.nodePools.source: Observed)")
    assert "b-l4, gpu-l4" in ran.out
