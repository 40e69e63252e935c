"""Every query of every panel and variable, on a real Prometheus that scrapes a live operator, has data.

The site has what a bad day has: reports in two currencies, with and without tasks, one that is suspended, one whose Secret is
missing and one whose database is; schedules in conflict, Jobs that drift from them, nodes without a price, a pool of
unknown count, tasks where no node was billed, and tasks that were lost. Prometheus adds the labels of a ServiceMonitor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from live import Place, cost_report, cron_job, fill, operator, place, reads, secret

import postgres as databases
import prometheus as scraping
from dashboards_of_chart import ALL, TARGETS, Target, filled, values_of, variables
from kubernetes_server import Cluster
from postgres import Postgres
from processes import Missing, free_ports, skip, wait_until
from prometheus import Prometheus, Sample

TYPES: Final = [
    {"name": "a100", "match": ["*a100*"], "prices": [{"pricePerHour": "11"}]},
    {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "0.5"}]},
]
SCRAPED_AS: Final = {"namespace": "gpucost-system", "service": "gpucost", "pod": "gpucost-1"}
"""Labels of a target of a ServiceMonitor; two of them are labels of reports and services too."""
LOST: Final = """
INSERT INTO task_history (task_id, service_name, status, creation_ts, metainfo) VALUES (%s, 'service-0', %s, %s, %s)
"""
OFTEN: Final = {"every": "5s"}
AN_INSTANT: Final = Decimal("0.3")
"""What the 33 USD an hour of the site come to in half a minute."""


@dataclass(frozen=True)
class Site:
    """A namespace with reports, and a Prometheus that knows what the operator says of them."""

    place: Place
    prometheus: Prometheus
    main: dict[str, Any]
    """The status of the report that has everything."""

    def ask(self, expression: str, namespace: str | None = None) -> list[Sample]:
        """What Grafana would get, with the variables of the dashboards chosen by a user."""
        chosen = {"namespace": namespace or self.place.namespace, "report": "main", "job": "gpucost"}
        return self.prometheus.query(filled(expression, {**chosen, "__rate_interval": "30s", "__range": "5m"}))


@pytest.fixture(scope="module")
def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(databases.running())
            here = stack.enter_context(place(cluster))
            create(here, server)
            live = stack.enter_context(operator(here, tmp_path_factory.mktemp("operator"), "--share=0"))
            prometheus = stack.enter_context(scraping.running(f"{live.url}/metrics", SCRAPED_AS))
        except Missing as why:
            skip("PostgreSQL or Prometheus", why)
        settled(here)
        wait_until(lambda: drift_of_main(live.metrics()), 30, "what a Job did is compared")
        prometheus.wait_scraped()
        main = here.status("main")
        found = Site(here, prometheus, main)
        visits = next(target for target in TARGETS if target.panel == "Visits")
        live.process.wait_for(lambda: any(one.value for one in found.ask(visits.expression)), 30, "visits in the queue")
        yield found
        assert "unexpected" not in live.log


def create(here: Place, server: Postgres) -> None:
    """Objects of the site."""
    fill(server, server.url, tasks=24)
    long_ago = datetime.now(UTC) - timedelta(hours=30)
    now = datetime.now(UTC)
    on_l4 = '{"node_name": "gpu-l4-1"}'
    rows = [
        ("lost", "running", long_ago, '{"node_name": "gpu-a100-1"}'),
        ("beyond", "running", now - timedelta(hours=3), on_l4),
        ("beyond", "done", now - timedelta(hours=2), None),
    ]
    server.execute(server.url, LOST, rows=[(f"9{len(task)}", *rest) for task, *rest in rows])
    unknown = cron_job("new", 1, "gpu-a100-new")
    del unknown["metadata"]["annotations"]["gpucost.dev/valid-from"]
    away = f"postgresql://reader:secret@127.0.0.1:{free_ports(1)[0]}/tasks"
    here.create(secret("tasks", server.url), secret("away", away))
    here.create(
        cron_job("up"), cron_job("clash", 3), cron_job("l4", 0, "gpu-l4"), cron_job("h100", 1, "gpu-h100"), unknown
    )
    here.create(
        cost_report("main", tasks=reads("tasks"), nodePools={"types": TYPES}, refresh=OFTEN),
        cost_report("euro", tasks=reads("tasks"), nodePools={"types": TYPES}, currency="EUR"),
        cost_report("nodes", nodePools={"types": TYPES}),
        cost_report("no-secret", tasks=reads("absent")),
        cost_report("no-database", tasks=reads("away")),
        cost_report("asleep", suspend=True),
    )


def settled(here: Place) -> None:
    """All reports are visited, and a Job that was made by hand ends now."""
    for name in ("main", "euro", "nodes"):
        here.wait_for(name, seconds=20)
    for name, reason in (
        ("no-secret", "SecretUnreadable"),
        ("no-database", "DatabaseUnreachable"),
        ("asleep", "Suspended"),
    ):
        here.wait_for(name, reason)
    here.cluster.kubectl("create", "job", "by-hand", "--from=cronjob/up", "-n", here.namespace)
    succeeded(here, "by-hand")


def drift_of_main(page: str) -> list[str]:
    """Lines of a page of metrics."""
    drift = [line for line in page.splitlines() if line.startswith("gpucost_node_pool_drift_cost{")]
    return [line for line in drift if 'report="main"' in line]


def succeeded(here: Place, job: str) -> None:
    """Say in the place of controller and kubelet that a Job ended now."""
    now = datetime.now(UTC).replace(microsecond=0)
    text, begun = now.strftime("%Y-%m-%dT%H:%M:%SZ"), (now - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [
        {"type": kind, "status": "True", "lastProbeTime": text, "lastTransitionTime": text, "reason": "Told"}
        for kind in ("SuccessCriteriaMet", "Complete")
    ]
    status = {"startTime": begun, "completionTime": text, "conditions": conditions}
    answer = here.cluster.request("PATCH", here.path("Job", job) + "/status", {"status": status})
    assert answer.status == 200, answer


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_query_has_data(site: Site, target: Target) -> None:
    found = site.ask(target.expression)
    assert found, target.expression
    assert all(sample.value.is_finite() for sample in found), found


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_query_gives_each_series_once_in_a_panel(site: Site, target: Target) -> None:
    """What tells series apart is what the user sees: none has a label of the scrape, which a restart changes."""
    for sample in site.ask(target.expression):
        assert not {"pod", "endpoint", "instance", "exported_namespace"} & set(sample.labels)


CHOSEN: Final = [
    pytest.param(found["query"], id=f"{name} {variable}")
    for name, dashboard in ALL.items()
    for variable, found in variables(dashboard).items()
    if found["type"] == "query"
]


@pytest.mark.parametrize("query", CHOSEN)
def test_a_variable_has_values(site: Site, query: str) -> None:
    assert site.ask(values_of(query))


def expression(dashboard: str, panel: str, letter: str = "A") -> str:
    (found,) = [one.expression for one in TARGETS if one[:3] == (dashboard, panel, letter)]
    return found


def test_all_reports_are_of_all_namespaces(site: Site) -> None:
    of_all = site.ask(expression("gpucost-overview", "Reports"), namespace=".*")
    assert of_all == site.ask(expression("gpucost-overview", "Reports")) == [Sample({}, Decimal(6))]


def test_what_fails_is_told_with_its_reason_and_what_sleeps_is_no_failure(site: Site) -> None:
    assert [one.value for one in site.ask(expression("gpucost-overview", "Failing"))] == [2]
    assert [one.value for one in site.ask(expression("gpucost-overview", "Suspended"))] == [1]
    found = {
        one.labels["report"]: one.labels["reason"] for one in site.ask(expression("gpucost-overview", "Not ready"))
    }
    assert found == {
        "no-secret": "SecretUnreadable",
        "no-database": "DatabaseUnreachable",
        "asleep": "Suspended",
    }


def test_money_of_each_report_stays_by_itself_in_its_currency(site: Site) -> None:
    """Three reports bill the same nodes: nothing is added over them, and the 3 A100 that are known count once a currency."""
    spent = site.ask(expression("gpucost-overview", "What each report says"))
    assert {one.labels["report"]: one.labels["currency"] for one in spent} == {
        "main": "USD",
        "nodes": "USD",
        "euro": "EUR",
    }
    assert all(set(one.labels) == {"namespace", "report", "currency"} for one in spent)
    hourly = site.ask(expression("gpucost-overview", "Node pools now"))
    assert {one.labels["currency"]: one.value for one in hourly} == {"USD": Decimal(33), "EUR": Decimal(33)}


def test_the_answer_is_that_of_the_status(site: Site) -> None:
    """main is refreshed meanwhile: what it says is between two statuses."""
    for panel, field in (("Spent", "nodeCost"), ("Allocated", "allocatedCost"), ("Idle", "idleCost")):
        ((_, found),) = site.ask(expression("gpucost-report", panel))
        low, high = sorted(Decimal(status["summary"][field]) for status in (site.main, site.place.status("main")))
        assert low - AN_INSTANT <= found <= high + AN_INSTANT, panel


def test_hours_are_two_digits_so_that_columns_stand_in_order(site: Site) -> None:
    found = site.ask(expression("gpucost-report", "Utilisation by hour"))
    assert {one.labels["hour"] for one in found} == {f"{hour:02d}" for hour in range(24)}
    assert {one.labels["row"].split()[0] for one in found} >= {"a100"}
    assert all(0 <= one.value <= 1 for one in found)


def test_drift_has_hours_and_money_with_its_sign(site: Site) -> None:
    """The Job by hand set 2 nodes where the conflict's greatest, 3, is scheduled."""
    ((hours, drift),) = site.ask(expression("gpucost-report", "Drift in node time"))
    ((money, cost),) = site.ask(expression("gpucost-report", "Drift in money"))
    assert hours["node_pool"] == money["node_pool"] == "gpu-a100"
    assert money["currency"] == "USD"
    assert drift < 0
    assert abs(cost - 11 * drift) < Decimal("0.001")


def test_quality_is_told_in_hours_and_by_reason(site: Site) -> None:
    assert [one.labels["reason"] for one in site.ask(expression("gpucost-report", "Skipped attempts"))] == ["Lost"]
    ((_, unpriced),) = site.ask(expression("gpucost-report", "Unpriced"))
    assert unpriced > 24
    assert "gpu-l4" in json.dumps(site.main["nodePools"])
