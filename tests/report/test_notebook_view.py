"""In a notebook a report and a comparison show themselves, and frames say what their figures are."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest

import gpucost
from gpucost.demo import made_demo
from gpucost.report.report import Report
from gpucost.sources.tasks import engine

HOSTILE = '<script>alert("x")</script>&\'<img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """Reads HTML: how often each tag comes, the text, the cells of each row, and whether every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.text = ""
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
        assert {name for name, _ in attrs} <= {"style"}
        self.tags[tag] += 1
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def report_with(services: list[str], *, name: str = "week", nodes: int = 1) -> Report:
    """A day of so many nodes at 10 USD, on which each service has a success of an hour."""
    spec = {
        "period": {"range": {"start": "2025-06-02", "end": "2025-06-03"}},
        "nodePools": {"types": [{"name": "gpu", "match": ["gpu*"], "prices": [{"pricePerHour": "10"}]}]},
    }
    manifest = {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec | ({"tasks": {}} if services else {}),
    }
    with engine() as con:
        con.execute(
            "CREATE TABLE task_history (task_id VARCHAR, service_name VARCHAR, status VARCHAR, "
            "creation_ts TIMESTAMPTZ, node_id VARCHAR, metainfo VARCHAR)"
        )
        for i, service in enumerate(services):
            for status, hour in (("running", "08"), ("done", "09")):
                row = [f"t{i}", service, status, f"2025-06-02T{hour}:00:00Z", "n", '{"node_name": "gpu-0"}']
                con.execute("INSERT INTO task_history VALUES (?, ?, ?, ?, ?, ?)", row)
        return gpucost.compute(manifest, [_cron_job(nodes)], con if services else None, now="2025-06-09T00:00:00Z")


def _cron_job(nodes: int) -> dict[str, Any]:
    notes = {"gpucost.dev/node-pool": "gpu-pool", "gpucost.dev/nodes": str(nodes)}
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "scale", "image": "scaler"}]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nodes", "namespace": "default", "annotations": notes},
        "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": pod}}},
    }


@pytest.fixture(scope="module")
def demo() -> Report:
    made = made_demo(2_000)
    with engine() as con:
        made.fill(con)
        return gpucost.compute(made.report, made.cronjobs, con, now=made.now_us)


def test_a_report_says_its_answer_first_and_then_types_and_services() -> None:
    """A node for a day at 10 USD is 240 USD; two successes, 120 each; an hour of 24 is used."""
    page = Page(report_with(["draw", "movie"])._repr_html_())
    assert page.text.startswith("week 2025-06-02, final")
    assert "240.00 USD for nodes, 230.00 (95.8 %) of it while they stood idle." in page.text
    assert "2 successes: 120.000000 each, all nodes included." in page.text
    assert page.rows == [
        ["Node type", "Node-hours", "Price", "Node cost", "Allocated", "Idle", "Utilization"],
        ["gpu", "24.0", "10.00", "240.00", "240.00", "230.00", "4.2 %"],
        ["Service", "Succeeded", "Failed", "Executed hours", "Allocated", "Per success", "Failures included"],
        ["draw", "1", "0", "1.0", "120.00", "120.000000", "120.000000"],
        ["movie", "1", "0", "1.0", "120.00", "120.000000", "120.000000"],
    ]
    assert "All amounts reconcile to a billionth of a" in page.text


def test_a_report_without_tasks_shows_nodes_only() -> None:
    page = Page(report_with([])._repr_html_())
    assert "240.00 USD for nodes." in page.text
    assert page.rows == [["Node type", "Node-hours", "Price", "Node cost"], ["gpu", "24.0", "10.00", "240.00"]]


def test_ten_services_are_shown_and_the_rest_in_one_row() -> None:
    page = Page(report_with([f"s{i:02d}" for i in range(30)])._repr_html_())
    shown = [row for row in page.rows if len(row) == 7][3:]
    assert [row[0] for row in shown] == [*(f"s{i:02d}" for i in range(10)), "other"]
    assert sum(int(row[1]) for row in shown) == 30


def test_issues_are_told(demo: Report) -> None:
    page = Page(demo._repr_html_())
    for issue in demo.quality.issues:
        assert f"{issue.reason}: {issue.message}" in page.text


def test_a_comparison_shows_its_sentence_and_its_effects() -> None:
    found = gpucost.compare(report_with(["draw"], name="one"), report_with(["draw", "movie"], name="two", nodes=2))
    page = Page(found._repr_html_())
    assert page.text.startswith("one → two 2025-06-02")
    assert found.sentence in page.text
    assert page.rows == [
        ["Node type", "Before", "Volume", "Efficiency", "Schedule", "Price", "After"],
        ["gpu", "240.00", "240.00", "0.00", "0.00", "0.00", "480.00"],
        ["All", "240.00", "240.00", "0.00", "0.00", "0.00", "480.00"],
        ["Service", "Before", "Volume", "Efficiency", "Rate", "After"],
        ["movie (new)", "0.00", "240.00", "0.00", "0.00", "240.00"],
        ["draw", "240.00", "0.00", "0.00", "0.00", "240.00"],
    ]


def test_names_of_users_are_text_and_never_markup() -> None:
    """The parser refuses every tag and attribute that is not ours."""
    hostile, plain = report_with([HOSTILE]), report_with(["draw"])
    for html in (hostile._repr_html_(), gpucost.compare(plain, hostile)._repr_html_()):
        page = Page(html)
        assert HOSTILE in page.text
        assert "<script" not in html


def test_frames_say_their_units_and_notes() -> None:
    report = report_with(["draw"])
    attrs = report.frame("services").attrs
    assert attrs["units"]["allocated_cost"] == "USD"
    assert attrs["units"]["cost_per_success"] == "USD per unit"
    assert attrs["units"]["executed_seconds"] == "s"
    assert "attempts" not in attrs["units"]
    assert attrs["notes"]["cost_per_success"] == "success cost / succeeded"
    assert report.frame("node_types").attrs["units"]["node_hours"] == "h"
    assert gpucost.compare(report, report).frame("comparison_totals").attrs["units"]["price_effect"] == "USD"


def test_every_frame_has_units_for_its_money(demo: Report) -> None:
    for name in demo.frames:
        frame = demo.frame(name)
        units = frame.attrs["units"]
        assert set(units) | set(frame.attrs["notes"]) <= set(frame.columns)
        money = {column for column in frame.columns if column.endswith("_cost") and not column.startswith("days_")}
        assert {units[column] for column in money} <= {"USD", "USD per unit"}


def test_units_stay_when_a_frame_is_filtered_and_sorted(demo: Report) -> None:
    frame = demo.frame("services")
    kept = frame[frame["succeeded"] > 10].sort_values("allocated_cost")[["service_name", "allocated_cost"]]
    assert kept.attrs["units"]["allocated_cost"] == "USD"
