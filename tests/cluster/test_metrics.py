"""What Prometheus learns of a live operator is what the statuses say."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from live import Place, condition, cost_report, cron_job, fill, operator, place, reads, secret

import postgres as databases
from gpucost.core.instants import parse_instant
from kubernetes_server import Cluster
from metrics.pages import of_report, series
from operator_process import Operator
from processes import Missing, skip, wait_until
from prometheus import Prometheus, StartPrometheus, promtool

TWO_TYPES = {
    "types": [
        {"name": "a100", "match": ["*a100*"], "gpusPerNode": 8, "prices": [{"pricePerHour": "11"}]},
        {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "0.123456789"}]},
    ]
}


@dataclass
class Site:
    """An operator with reports with and without tasks, all computed."""

    place: Place
    operator: Operator
    reports: dict[str, dict[str, Any]]
    """The statuses, by name."""


@pytest.fixture(scope="module")
def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(databases.running())
        except Missing as why:
            skip("PostgreSQL", why)
        fill(server, server.url, tasks=24)
        here = stack.enter_context(place(cluster))
        here.create(secret("tasks", server.url), cron_job("up"), cron_job("l4", 3, "gpu-l4"))
        here.create(
            cost_report("with-tasks", tasks=reads("tasks"), nodePools=TWO_TYPES),
            cost_report("two-services", tasks=reads("tasks"), outputs={"topServices": 1}),
            cost_report("separate", tasks=reads("tasks"), allocation={"idle": "Separate"}, currency="EUR"),
            cost_report("nodes", nodePools=TWO_TYPES),
            cost_report("fails", tasks=reads("absent")),
            cost_report("asleep", suspend=True),
        )
        live = stack.enter_context(operator(here, tmp_path_factory.mktemp("operator")))
        reports = {name: here.wait_for(name) for name in ("with-tasks", "two-services", "separate", "nodes")}
        reports |= {"fails": here.wait_for("fails", "SecretUnreadable"), "asleep": here.wait_for("asleep", "Suspended")}
        yield Site(here, live, reports)
        assert "unexpected" not in live.log


def test_promtool_likes_the_page(site: Site) -> None:
    checked = promtool("check", "metrics", stdin=site.operator.metrics())
    assert (checked.stdout, checked.stderr) == ("", "")


def asked(prometheus: Prometheus, expression: str, label: str = "report") -> dict[str, Decimal]:
    return {sample.labels[label]: sample.value for sample in prometheus.query(expression)}


def stated(site: Site, *path: str) -> dict[str, Decimal]:
    """A figure of each status that has it, as Prometheus would show the nearest float."""
    found = {}
    for name, status in site.reports.items():
        value: Any = status
        for part in path:
            value = (value or {}).get(part)
        if value is not None:
            found[name] = Decimal(repr(float(value)))
    return found


def rounded(found: dict[str, Decimal]) -> dict[str, Decimal]:
    """Sums of floats of different size: to the ninth decimal, that of the status."""
    return {name: round(value, 9) for name, value in found.items()}


def instants(site: Site, *path: str) -> dict[str, float]:
    texts: dict[str, Any] = {}
    for name, status in site.reports.items():
        value: Any = status
        for part in path:
            value = (value or {}).get(part)
        if value is not None:
            texts[name] = value
    return {name: (parse_instant(text) or 0) / 1e6 for name, text in texts.items()}


def test_prometheus_answers_what_the_statuses_say(site: Site, start_prometheus: StartPrometheus) -> None:
    prometheus = start_prometheus(f"{site.operator.url}/metrics")
    prometheus.wait_scraped()
    for metric, figure in (
        ("gpucost_report_node_cost", "nodeCost"),
        ("gpucost_report_allocated_cost", "allocatedCost"),
        ("gpucost_report_unallocated_cost", "unallocatedCost"),
        ("gpucost_report_idle_cost", "idleCost"),
    ):
        sums = asked(prometheus, f"sum by (report) ({metric})")
        assert rounded(sums) == rounded(stated(site, "summary", figure)), metric
        assert sums, metric
    seconds = asked(prometheus, "sum by (report) (gpucost_report_node_seconds) / 3600")
    assert {n: round(v, 6) for n, v in seconds.items()} == {
        n: round(v, 6) for n, v in stated(site, "summary", "nodeHours").items()
    }
    assert asked(prometheus, "gpucost_report_ready") == {
        name: Decimal(condition(status)["status"] == "True") for name, status in site.reports.items()
    }
    assert {
        (sample.labels["report"], sample.labels["reason"])
        for sample in prometheus.query("gpucost_report_ready_reason == 1")
    } == {(name, condition(status)["reason"]) for name, status in site.reports.items()}
    for metric, path in (
        ("gpucost_report_last_success_timestamp_seconds", ("lastSuccessTime",)),
        ("gpucost_report_data_until_timestamp_seconds", ("period", "dataUntil")),
    ):
        found = asked(prometheus, metric)
        assert {name: float(value) for name, value in found.items()} == instants(site, *path)
        assert found.keys() == {"with-tasks", "two-services", "separate", "nodes"}


def test_prometheus_answers_by_type_and_service(site: Site, start_prometheus: StartPrometheus) -> None:
    prometheus = start_prometheus(f"{site.operator.url}/metrics")
    prometheus.wait_scraped()
    status = site.reports["with-tasks"]
    for metric, figure in (("coverage", "coverageRatio"), ("utilization", "utilizationRatio")):
        ratios = asked(prometheus, f'gpucost_report_{metric}_ratio{{report="with-tasks"}}', "node_type")
        assert ratios == {
            row["name"]: Decimal(row[figure]) if float(row[figure]) else Decimal(0) for row in status["nodeTypes"]
        }
    for name in ("with-tasks", "two-services", "separate"):
        services = {row["name"]: row for row in site.reports[name]["services"]}
        costs = asked(prometheus, f'sum by (service) (gpucost_service_cost{{report="{name}"}})', "service")
        assert rounded(costs) == rounded({key: Decimal(row["allocatedCost"]) for key, row in services.items()})
        attempts = asked(prometheus, f'sum by (service) (gpucost_service_attempts{{report="{name}"}})', "service")
        assert attempts == {key: Decimal(row["attempts"]) for key, row in services.items()}
        per_success = asked(prometheus, f'gpucost_cost_per_success{{report="{name}"}}', "service")
        assert per_success == {
            key: Decimal(row["costPerSuccess"]).normalize() for key, row in services.items() if "costPerSuccess" in row
        }
    outcomes = asked(prometheus, 'sum by (outcome) (gpucost_service_cost{report="with-tasks"})', "outcome")
    summary = status["summary"]
    parts = {"Success": "success", "Failure": "failure", "Interrupted": "interrupted", "Open": "open"}
    assert rounded(outcomes) == rounded({key: Decimal(summary[f"{part}Cost"]) for key, part in parts.items()})
    assert set(site.reports["two-services"]["services"][1]) >= {"name"}
    assert site.reports["two-services"]["services"][1]["name"] == "other"
    now = asked(prometheus, 'gpucost_node_pool_scheduled_nodes{report="nodes"}', "node_pool")
    assert now == {"gpu-a100": Decimal(2), "gpu-l4": Decimal(3)}
    hourly = asked(prometheus, 'gpucost_node_pool_cost_per_hour{report="nodes"}', "node_pool")
    assert hourly == {"gpu-a100": Decimal(22), "gpu-l4": Decimal("0.370370367")}


def test_openmetrics_and_gzip_say_the_same(site: Site) -> None:
    plain = site.operator.page("/metrics")
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    open_metrics = site.operator.page("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert open_metrics.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.text.endswith("# EOF\n")
    zipped = site.operator.page("/metrics", {"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    for name in site.reports:
        expected = of_report(plain.body, name)
        assert expected
        assert of_report(gzip.decompress(zipped.body), name) == expected
        opened = series(open_metrics.body, openmetrics=True)
        assert {key: value for key, value in opened.items() if ("report", name) in key[1]} == expected


def test_after_a_restart_the_series_are_there_before_any_computation(site: Site) -> None:
    """Those of the statuses, out of the ledger: nothing is computed and nothing is written."""
    here, live = site.place, site.operator
    before = {name: of_report(live.metrics().encode(), name) for name in site.reports}
    versions = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in here.list("CostReport")}
    assert live.stop() == 0
    live.start()
    live.wait_ready()
    wait_until(lambda: 'report="with-tasks"' in live.metrics(), 5, "series of a report")
    wait_until(lambda: 'report="fails"' in live.metrics(), 5, "series of a report that fails")
    for name in site.reports:
        after = wait_until(lambda: of_report(live.metrics().encode(), name), 5, f"series of {name}")  # noqa: B023
        changed = {key[0] for key in before[name].keys() | after.keys() if before[name].get(key) != after.get(key)}
        assert changed == set(), name
    assert {
        item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in here.list("CostReport")
    } == versions


def test_series_of_a_deleted_report_vanish(site: Site) -> None:
    """At once, and others' stay; one of the same name begins anew."""
    here, live = site.place, site.operator
    here.create(cost_report("short-lived"))
    here.wait_for("short-lived")
    wait_until(lambda: of_report(live.metrics().encode(), "short-lived"), 10, "its series follow the status")
    here.delete("CostReport", "short-lived")
    wait_until(lambda: not of_report(live.metrics().encode(), "short-lived"), 10, "no series of a deleted report")
    assert of_report(live.metrics().encode(), "nodes")
    here.create(cost_report("short-lived", suspend=True))
    here.wait_for("short-lived", "Suspended")
    wait_until(lambda: of_report(live.metrics().encode(), "short-lived"), 10, "series of the new report")
    told = of_report(live.metrics().encode(), "short-lived")
    assert {key[0] for key in told} == {"gpucost_report_ready", "gpucost_report_ready_reason"}
    here.delete("CostReport", "short-lived")


def test_series_of_a_report_that_was_deleted_meanwhile_are_gone(site: Site) -> None:
    here, live = site.place, site.operator
    here.create(cost_report("away"))
    here.wait_for("away")
    assert live.stop() == 0
    here.delete("CostReport", "away")
    live.start()
    live.wait_ready()
    wait_until(lambda: of_report(live.metrics().encode(), "nodes"), 5, "series")
    assert not of_report(live.metrics().encode(), "away")


def test_the_operators_own_metrics(site: Site) -> None:
    found = {(name, labels): value for (name, labels), value in series(site.operator.metrics().encode()).items()}
    names = {name for name, _ in found}
    assert {"gpucost_build_info", "gpucost_work_queue_depth", "gpucost_work_queue_latency_seconds_count"} <= names
    heard = {dict(labels)["resource"] for name, labels in found if name == "gpucost_watch_last_event_timestamp_seconds"}
    assert heard == {"costreports", "cronjobs", "jobs"}
    assert found[("gpucost_dropped_series", frozenset())] == 0
    assert found[("gpucost_operator_ready", frozenset())] == 1
