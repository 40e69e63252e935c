"""The operator's pages in a real browser, on a real API server: who sees what, and that figures are those of the status."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from costreports import Place, cost_report, cron_job, ready, secret
from test_web_access import Site

from browser.chromium import StartVisit, Visit, browser, visit  # noqa: F401  (fixtures)
from kubernetes_server import ADMIN, OPERATOR, Cluster
from operator_process import Operator
from processes import wait_until

TASKS: Final = """\
event_id,task_id,service_name,status,creation_ts,node_id,metainfo
1,7,<b>video</b>,running,2025-06-10T08:00:00Z,,"{""node_name"": ""gpu-l4-0""}"
2,7,<b>video</b>,done,2025-06-10T09:00:00Z,,
3,8,text2img,running,2025-06-10T08:00:00Z,,"{""node_name"": ""gpu-l4-1""}"
4,8,text2img,error,2025-06-10T08:15:00Z,,
5,8,text2img,running,2025-06-10T09:00:00Z,,"{""node_name"": ""gpu-l4-1""}"
6,8,text2img,done,2025-06-10T09:15:00Z,,
"""
"""Three attempts of two tasks on one day of June 2025."""
KEPT: Final = 2


@dataclass
class Deployment:
    """An operator with pages, a namespace that it watches besides others, and browsers of different people."""

    place: Place
    theirs: Place
    visit: StartVisit
    site: Site
    tasks: Path
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def operator(self) -> Operator:
        return self.place.operator

    def page(self, name: str = "example", path: str = "", place: Place | None = None) -> str:
        return f"{self.operator.url}/reports/{(place or self.place).namespace}/{name}/{path}"

    def as_admin(self) -> Visit:
        return self.with_token(self.place.cluster.tokens[ADMIN])

    def as_viewer(self, *namespaces: str) -> Visit:
        """The browser of an account that may get reports of these namespaces only."""
        return self.with_token(self.site.viewer(f"v-{secrets.token_hex(3)}", *namespaces))

    def with_token(self, token: str) -> Visit:
        return self.visit(extra_http_headers={"Authorization": f"Bearer {token}"})

    def example(self, name: str = "example", **spec: Any) -> dict[str, Any]:
        """Create a report of two nodes around the clock in June 2025, 1,440 node-hours at 1 USD; the status."""
        self.place.create(cost_report(name, tasks={"databaseSecretRef": {"name": "task-db"}}, **spec))
        return self.place.computed(name)


@pytest.fixture(scope="module")
def installed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place, Path]]:
    folder = tmp_path_factory.mktemp("operator")
    data, artifacts = folder / "data", folder / "artifacts"
    data.mkdir()
    artifacts.mkdir()
    spaces = [f"{who}-{secrets.token_hex(3)}" for who in ("ours", "theirs")]
    for space in spaces:
        cluster.create_namespace(space)
    flags = (
        "--resync=1",
        f"--data-folder={data}",
        f"--artifacts-folder={artifacts}",
        f"--artifacts-keep={KEPT}",
        "--url=https://gpucost.example/",
    )
    with Operator(cluster.kubeconfig_for(OPERATOR), folder, flags) as running:
        running.wait_ready()
        ours, theirs = (Place(cluster, space, running) for space in spaces)
        tasks = data / "tasks.csv"
        tasks.write_text(TASKS, encoding="utf-8")
        ours.create(cron_job("two", 2, "0 0 * * *"), secret(str(tasks)))
        theirs.create(cron_job("one", 1, "0 0 * * *"))
        theirs.create(cost_report("theirs"))
        theirs.computed("theirs")
        yield ours, theirs, tasks
    for space in spaces:
        cluster.delete_namespace(space)


@pytest.fixture
def deployed(installed: tuple[Place, Place, Path], visit: StartVisit) -> Iterator[Deployment]:  # noqa: F811
    """The operator and its namespaces, without reports of an earlier test."""
    ours, theirs, tasks = installed
    yield Deployment(ours, theirs, visit, Site(ours.cluster, ours.namespace, theirs.namespace), tasks)
    if not ours.operator.process.running:
        ours.operator.start()
    for report in ours.items("CostReport"):
        ours.delete("CostReport", report["metadata"]["name"])
    tasks.write_text(TASKS, encoding="utf-8")


# Who sees what


def test_without_a_token_a_browser_is_told_how_to_open_the_pages(deployed: Deployment) -> None:
    deployed.example()
    for path in ("/", deployed.page().removeprefix(deployed.operator.url)):
        found = deployed.visit()
        answer = found.go(deployed.operator.url + path, status=401)
        assert answer.headers["www-authenticate"] == 'Bearer realm="gpucost"'
        assert "kubectl gpucost open" in found.text()
        assert "1,440.00" not in found.text()


def test_a_wrong_token_is_no_better(deployed: Deployment) -> None:
    deployed.example()
    found = deployed.with_token("wrong")
    found.go(deployed.page(), status=401)
    assert "1,440.00" not in found.text()


def test_who_has_no_right_sees_no_report(deployed: Deployment) -> None:
    """And is told the same, whether there is such a report or not."""
    deployed.example()
    found, told = deployed.as_viewer(), []
    for name in ("example", "nothing"):
        found.go(deployed.page(name), status=403)
        told.append(found.text().replace(name, "NAME"))
    assert told[0] == told[1]
    assert f"you may not get costreports.gpucost.dev in namespace {deployed.place.namespace}" in told[0]
    found.go(deployed.operator.url + "/")
    assert "There is no CostReport that you may see." in found.text()


def test_who_may_see_one_namespace_sees_that_one(deployed: Deployment) -> None:
    """In the list, among the reports to compare with, and by comparing with a report that he knows the name of."""
    deployed.example()
    found, theirs = deployed.as_viewer(deployed.place.namespace), f"{deployed.theirs.namespace}/theirs"
    found.go(deployed.operator.url + "/")
    assert found.column("reports", "report") == [f"{deployed.place.namespace}/example"]
    found.go(deployed.page(path="compare"))
    assert theirs not in str(found.page.content())
    found.go(deployed.page(path=f"compare?with={theirs}"), status=403)
    assert "1,440.00" not in found.text()

    both = deployed.as_viewer(deployed.place.namespace, deployed.theirs.namespace)
    both.go(deployed.page(path=f"compare?with={theirs}"))
    assert both.column("comparison_totals", "node cost") == ["720.00", "1,440.00", "720.00"]


# Figures


def test_figures_are_those_of_the_status_down_to_an_attempt(deployed: Deployment) -> None:
    """Of 48 USD on the tenth of June, the hour of one task and the half hour of the other pay 2 : 1."""
    shown = deployed.example()["display"]
    found = deployed.as_viewer(deployed.place.namespace)
    page = found.page
    found.go(deployed.operator.url + "/")
    listed = dict(zip(*found.table("reports")[:2], strict=True))
    assert listed["node cost"] == shown["nodeCost"] == "1,440.00 USD"
    page.get_by_role("link", name=f"{deployed.place.namespace}/example").click()
    figures = page.locator(".facts dd a").all_inner_texts()[:3]
    assert figures == [shown["nodeCost"], shown["allocatedCost"], shown["idleCost"]]
    assert found.column("services", "allocated") == ["32.00", "16.00"]

    page.get_by_role("link", name="<b>video</b>").first.click()
    page.locator("#table-days").get_by_role("link", name="2025-06-10").click()
    page.locator("#table-attempts").get_by_role("link", name="7").click()
    assert page.locator("h1").inner_text() == "Task 7"
    assert dict(found.table("section-0"))["allocated"] == "32.00"
    for _ in range(4):
        page.go_back()
    assert page.locator("h1").inner_text() == "Cost reports"


def test_quantiles_are_exact_from_the_attempts(deployed: Deployment) -> None:
    """Successes cost 32 and 8 USD: their median is between them, and the failed quarter of an hour cost 8 too."""
    deployed.example()
    found = deployed.as_viewer(deployed.place.namespace)
    found.go(deployed.page())
    found.page.get_by_role("link", name="Spread of costs").click()
    found.drawn()
    table = "cost_per_success"
    medians = dict(zip(found.column(table, "service"), found.column(table, "median"), strict=True))
    assert medians == {"(all)": "20.000000", "<b>video</b>": "32.000000", "text2img": "8.000000"}
    assert found.column("cost_per_failed_second", "p95")[0] == "0.008889"


def test_a_report_without_tasks_has_no_attempts_to_show(deployed: Deployment) -> None:
    found = deployed.as_admin()
    for path in ("attempts", "spread", "task?name=7"):
        found.go(deployed.page("theirs", path, deployed.theirs), status=404)
        assert "the report has no spec.tasks" in found.text()


def test_metrics_of_the_operator_add_up_to_the_page(deployed: Deployment) -> None:
    deployed.example()
    labels = f'namespace="{deployed.place.namespace}"', 'report="example"', 'node_type="l4"'
    rows = deployed.operator.metrics().splitlines()
    (cost,) = (row for row in rows if row.startswith("gpucost_report_node_cost{") and all(one in row for one in labels))
    found = deployed.as_admin()
    found.go(deployed.page())
    assert found.page.locator(".facts dd a").first.inner_text() == f"{float(cost.split()[-1]):,.2f} USD"


def test_a_page_is_whole_at_any_time_of_a_computation(deployed: Deployment) -> None:
    """Reloaded while a price changes again and again: always old figures or new ones."""
    deployed.example()
    found, seen = deployed.as_admin(), set()
    found.go(deployed.page())
    for price in (2, 3, 4):
        rule = {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": str(price)}]}
        deployed.place.edit("CostReport", "example", {"spec": {"nodePools": {"types": [rule]}}})
        wanted = f"{1440 * price:,}.00 USD"

        def reloaded(wanted: str = wanted) -> bool:
            answer = found.page.reload()
            assert answer is not None
            assert answer.status == 200
            assert found.page.locator("footer").is_visible()
            seen.add(found.page.locator(".facts dd a").first.inner_text())
            return wanted in seen

        wait_until(reloaded, 10, f"the figures of price {price}")
    assert seen <= {f"{1440 * price:,}.00 USD" for price in (1, 2, 3, 4)}


def test_old_figures_say_why_they_are_old(deployed: Deployment) -> None:
    """The database has gone away: the page keeps its figures, and the reason stands above them."""
    deployed.example()
    deployed.tasks.unlink()
    deployed.place.annotate("CostReport", "example", refresh="now")
    status = deployed.place.wait(lambda found: ready(found)["status"] == "False", "the database is missed")
    found = deployed.as_admin()
    found.go(deployed.page())
    assert found.page.get_by_role("status").inner_text() == ready(status)["message"]
    assert found.page.locator(".facts dd a").first.inner_text() == "1,440.00 USD"


def test_after_a_restart_a_page_has_the_figures_of_the_status(deployed: Deployment) -> None:
    """Nothing is in memory then: the page has its report computed."""
    shown = deployed.example()["display"]
    deployed.operator.stop()
    deployed.operator.start()
    deployed.operator.wait_ready()
    found = deployed.as_admin()
    found.go(deployed.page())
    figures = found.page.locator(".facts dd a").all_inner_texts()[:3]
    assert figures == [shown["nodeCost"], shown["allocatedCost"], shown["idleCost"]]
    assert deployed.place.status()["display"] == shown


def test_a_suspended_report_says_so(deployed: Deployment) -> None:
    """With its last figures, as long as they are known."""
    deployed.example()
    deployed.place.edit("CostReport", "example", {"spec": {"suspend": True}})
    deployed.place.wait(lambda found: ready(found)["reason"] == "Suspended", "it is suspended")
    found = deployed.as_admin()
    found.go(deployed.page())
    assert "suspend" in found.page.get_by_role("status").inner_text()
    assert found.page.locator(".facts dd a").first.inner_text() == "1,440.00 USD"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"suspend": True}, "spec.suspend is true: nothing is computed"),
        (
            {"tasks": {"databaseSecretRef": {"name": "task-db"}, "query": "DELETE FROM task_history"}},
            "spec.tasks.query",
        ),
        ({"tasks": {"databaseSecretRef": {"name": "none"}}}, "Secret"),
    ],
)
def test_a_report_without_figures_says_why(deployed: Deployment, spec: dict[str, Any], sentence: str) -> None:
    deployed.place.create(cost_report("odd", **spec))
    deployed.place.wait(lambda found: ready(found)["status"] == "False", "it is refused", "odd")
    found = deployed.as_admin()
    found.go(deployed.page("odd"), status=503)
    assert sentence in found.text()
    found.page.get_by_role("link", name="gpucost", exact=True).click()
    assert f"{deployed.place.namespace}/odd" in found.column("reports", "report")


# Files


def test_files_of_a_report_are_kept_listed_and_let_go(deployed: Deployment) -> None:
    """The page, the figures and FOCUS rows of the last two computations; each can be opened at its address."""
    deployed.example()
    listed = deployed.place.wait(lambda found: found.get("artifacts"), "files are kept")["artifacts"]
    assert [one["name"].partition("/")[2] for one in listed] == ["report.html", "report.json", "focus.csv"]
    found = deployed.as_admin()
    base = "https://gpucost.example/"
    assert all(one["url"].startswith(base) for one in listed)
    found.go(listed[0]["url"].replace(base, f"{deployed.operator.url}/"))
    found.drawn()
    assert found.page.locator(".facts dd a").first.inner_text() == "1,440.00 USD"

    first = listed[0]["name"]
    for price in (2, 3):
        rule = {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": str(price)}]}
        deployed.place.edit("CostReport", "example", {"spec": {"nodePools": {"types": [rule]}}})
        newest = f"{1440 * price}.00"
        deployed.place.wait(_newest(deployed, found, newest), f"files of price {price}")
    names = [one["name"] for one in deployed.place.status()["artifacts"]]
    assert len({name.partition("/")[0] for name in names}) == KEPT
    assert first not in names
    found.go(deployed.page(path=f"artifacts/{first}"), status=404)
    found.go(deployed.page())
    kept = found.page.locator("#downloads ~ ul").last.get_by_role("link").all_inner_texts()
    assert kept == names


def _newest(deployed: Deployment, found: Visit, cost: str) -> Callable[[Any], bool]:
    """Whether the newest listed figures have this node cost."""

    def holds(status: Any) -> bool:
        names = [one["name"] for one in status.get("artifacts") or () if one["name"].endswith(".json")]
        answer = found.page.request.get(deployed.page(path=f"artifacts/{names[0]}")) if names else None
        return answer is not None and answer.ok and answer.json()["status"]["summary"]["nodeCost"] == cost

    return holds
