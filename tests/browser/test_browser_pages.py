"""The pages of reports in a browser: ways down to an attempt and back, sorting, comparing, downloads that re-sum."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page

from browser.chromium import StartVisit, violations
from browser.samples import HOSTILE
from browser.server import Site
from gpucost.core.money import shown_money
from gpucost.report.comparison import compare
from gpucost.report.comparisontables import comparison_node_types, comparison_services
from gpucost.report.report import total
from gpucost.report.status import display_of
from operator_process import PROGRAM
from processes import Process

# Ways


def test_from_the_list_down_to_an_attempt_and_back(visit: StartVisit, site: Site) -> None:
    """Report, service, day, attempts, task: each by a click, and the last says what it was charged for."""
    found = visit()
    page = found.page
    found.go(site.url + "/")
    page.get_by_role("link", name="demo/demo").click()
    assert page.locator(".facts dd a").first.inner_text() == display_of(site.report("demo"))["nodeCost"]

    page.locator("#table-services").get_by_role("link", name="video").click()
    assert page.locator("h1").inner_text() == "Service video"
    day = found.column("days", "day")[0]
    page.locator("#table-days").get_by_role("link", name=day).click()
    assert page.locator("h1").inner_text() == f"Attempts of video charged on {day}"
    task, allocated = found.column("attempts", "task")[0], found.column("attempts", "allocated")[0]
    page.locator("#table-attempts").get_by_role("link", name=task, exact=True).first.click()
    assert page.locator("h1").inner_text() == f"Task {task}"
    assert allocated in found.column("section-1", "allocated")
    frame = site.report("demo").frame("attempts")
    charged = frame[frame.task_id == task].allocated_cost.sum()
    assert dict(found.table("section-0"))["allocated"] == f"{charged:.9f}".rstrip("0").rstrip(".")

    for title in (
        f"Attempts of video charged on {day}",
        "Service video",
        "demo/demo",
        "Cost reports",
    ):
        page.go_back()
        assert page.locator("h1").inner_text() == title


def test_a_day_leads_to_its_attempts_and_they_to_their_tasks(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("demo"))
    found.page.locator("#table-days").get_by_role("link", name="2025-08-20").click()
    assert found.page.locator("h1").inner_text() == "Day 2025-08-20"
    found.page.get_by_role("link", name="attempts charged on 2025-08-20").click()
    shown = int(found.page.locator("main p").first.inner_text().split()[0].replace(",", ""))
    assert len(found.column("attempts", "task")) == min(shown, 200)


def test_a_task_is_found_by_its_id(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("demo"))
    task = str(site.report("demo").frame("attempts").task_id[0])
    found.page.get_by_label("Task id").fill(task)
    found.page.get_by_role("button", name="Explain").click()
    assert found.page.locator("h1").inner_text() == f"Task {task}"


def test_the_crumbs_lead_back(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("demo", "schedule"))
    found.drawn()
    found.page.get_by_role("link", name="demo/demo").click()
    found.page.get_by_role("link", name="gpucost", exact=True).click()
    assert found.column("reports", "report") == ["demo/demo", "demo/nodes", "demo/services"]


def test_without_scripts_the_ways_are_the_same(visit: StartVisit, site: Site) -> None:
    found = visit(java_script_enabled=False)
    found.go(site.url + "/")
    found.page.get_by_role("link", name="demo/demo").click()
    found.page.locator("#table-services").get_by_role("link", name="video").click()
    assert found.page.locator("h1").inner_text() == "Service video"


def test_what_is_not_there_is_said_on_a_page(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("nothing"), status=404)
    assert "there is no CostReport nothing in namespace demo" in found.text()
    found.page.get_by_role("link", name="gpucost", exact=True).click()
    assert found.page.locator("h1").inner_text() == "Cost reports"


def test_every_link_of_a_report_s_page_leads_somewhere(visit: StartVisit, site: Site) -> None:
    """Of each kind of link the first."""
    found = visit()
    found.go(site.page("demo"))
    hrefs = found.page.locator("main a, nav a").evaluate_all("all => all.map(a => a.href)")
    firsts = {href.partition("=")[0]: href for href in reversed(hrefs) if "download" not in href}
    assert len(firsts) > 8
    for href in firsts.values():
        found.go(href) if "#" not in href else found.page.locator(f"[id='{href.partition('#')[2]}']").count()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "schedule",
        "service?name=video",
        "day?date&name=2025-08-20",
        "attempts",
        "spread",
        "compare",
        "pool?name=l4-pool",
    ],
)
def test_everybody_can_use_the_pages(visit: StartVisit, site: Site, path: str) -> None:
    found = visit(width=320)
    found.go(site.page("demo", path))
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert violations(found.page) == []


# Tables


def test_a_click_sorts_numbers_as_numbers(visit: StartVisit, site: Site) -> None:
    """As texts, 1,049 would come before 123."""
    found = visit()
    found.go(site.page("demo"))
    head = found.page.locator("#table-services").get_by_role("columnheader", name="attempts")
    assert head.get_attribute("aria-sort") is None
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert found.column("services", "attempts") == ["1,049", "488", "408", "123"]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert found.column("services", "attempts") == ["123", "408", "488", "1,049"]
    assert found.table("services")[-1][0] == "total"


def test_the_keyboard_sorts_too_and_one_column_at_a_time(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("demo"))
    table = found.page.locator("#table-services")
    table.get_by_role("button", name="attempts").click()
    table.get_by_role("button", name="service").focus()
    found.page.keyboard.press("Enter")
    assert found.column("services", "service") == ["img2img", "text2img", "upscale", "video"]
    sorts = table.locator("th[aria-sort]").evaluate_all("all => all.map(h => [h.textContent, h.ariaSort])")
    assert sorts == [["service", "ascending"]]


def test_unknown_figures_stay_at_the_end(visit: StartVisit, site: Site) -> None:
    """A service without failures has no cost per failed second, which is not the least one."""
    found = visit()
    found.go(site.page("services"))
    button = found.page.locator("#table-services").get_by_role("button", name="per failed s")
    for descending in (True, False):
        button.click()
        figures = found.column("services", "per failed s")
        known = [float(figure) for figure in figures if figure != "–"]
        assert figures[len(known) :] == ["–"] * 5
        assert known == sorted(known, reverse=descending)


def test_a_filter_leaves_the_rows_with_its_words(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("demo"))
    search = found.page.locator("#table-days").get_by_role("searchbox")
    search.fill("monday")
    assert found.column("days", "day") == ["2025-08-04", "2025-08-11", "2025-08-18", "2025-08-25"]
    search.fill("")
    assert len(found.column("days", "day")) == 28


# Comparing


def test_a_period_is_compared_with_the_one_before(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("demo"))
    found.page.get_by_role("link", name="Compare").click()
    assert found.page.get_by_label("Period from").input_value() == "2025-07-07"
    assert found.page.get_by_label("to, not included").input_value() == "2025-08-04"
    found.page.get_by_role("button", name="Compare periods").click()
    assert found.column("comparison_totals", "") == ["before", "after", "change"]


def test_the_effects_sum_to_the_change(visit: StartVisit, site: Site) -> None:
    """Of the first week against all four: exactly in the tables, and to the cent of each summand on the page."""
    found, after = visit(), site.report("demo")
    found.go(site.page("demo", "compare"))
    found.page.get_by_label("Period from").fill("2025-08-04")
    found.page.get_by_label("to, not included").fill("2025-08-11")
    found.page.get_by_role("button", name="Compare periods").click()

    sample = site.samples["demo", "demo"]
    period = {"range": {"start": "2025-08-04", "end": "2025-08-11"}}
    manifest = {**sample.manifest, "spec": {**sample.manifest["spec"], "period": period}}
    before = sample.compute(manifest)
    change = compare(before, after)
    nodes, spent = comparison_node_types(change).frame(), comparison_services(change).frame()
    node_effects = ["volume_effect", "efficiency_effect", "schedule_effect", "price_effect"]
    service_effects = ["volume_effect", "efficiency_effect", "rate_effect"]
    assert nodes[node_effects].sum().sum() == money(total(after.grid.node_cost) - total(before.grid.node_cost))
    assert spent[service_effects].sum().sum() == money(total(after.grid.allocated) - total(before.grid.allocated))

    for name, frame, effects in (
        ("comparison_node_types", nodes, node_effects),
        ("comparison_services", spent, service_effects),
    ):
        for column in ("change", *effects):
            shown = found.column(name, column.removesuffix("_effect"))
            assert shown == [shown_money(int(value * 10**9)) for value in frame[column]]


def test_two_reports_are_compared(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("demo", "compare"))
    found.page.get_by_label("Report").select_option("demo/services")
    found.page.get_by_role("button", name="Compare reports").click()
    assert found.column("comparison_totals", "period") == ["2025-01-01..01-06", "2025-08-04..08-31", "–"]


def money(nano: int) -> Decimal:
    return Decimal(nano).scaleb(-9)


# Downloads


def saved(page: Page, link: str, folder: Path) -> Path:
    """The file behind a link, by clicking it."""
    if not page.get_by_role("link", name=link, exact=True).is_visible():
        page.locator("summary", has_text="One table").click()
    with page.expect_download() as coming:
        page.get_by_role("link", name=link, exact=True).click()
    target = folder / coming.value.suggested_filename
    coming.value.save_as(target)
    return target


def test_the_sum_of_a_file_is_the_total_of_the_page(visit: StartVisit, site: Site, tmp_path: Path) -> None:
    """To the nano-unit the report's, and rounded to the cent the page's."""
    found, report = visit(), site.report("demo")
    found.go(site.page("demo"))
    head, *_, foot = found.table("services")
    on_page = foot[head.index("allocated")]

    with saved(found.page, "services, CSV", tmp_path).open(encoding="utf-8", newline="") as file:
        in_csv = sum(Decimal(row["allocated_cost"]) for row in csv.DictReader(file))
    in_parquet = sum(pq.read_table(saved(found.page, "services, PARQUET", tmp_path))["allocated_cost"].to_pylist())
    assert in_csv == in_parquet == money(total(report.grid.allocated))
    assert shown_money(total(report.grid.allocated)) == on_page

    book = openpyxl.load_workbook(saved(found.page, "all tables as one workbook, XLSX", tmp_path), read_only=True)
    columns = list(zip(*book["services"].iter_rows(values_only=True), strict=True))
    (allocated,) = [column[1:] for column in columns if column[0] == "allocated_cost"]
    assert f"{sum(value for value in allocated if value is not None):,.2f}" == on_page


def test_the_sum_of_focus_charges_is_the_node_cost_of_the_page(visit: StartVisit, site: Site, tmp_path: Path) -> None:
    found, report = visit(), site.report("demo")
    found.go(site.page("demo"))
    with saved(found.page, "FOCUS charges, CSV", tmp_path).open(encoding="utf-8", newline="") as file:
        charged = sum(Decimal(row["BilledCost"]) for row in csv.DictReader(file))
    assert charged == money(total(report.grid.node_cost))
    assert found.page.locator(".facts dd a").first.inner_text() == f"{charged:,.2f} USD"


# Names of somebody who wants to do harm


def test_hostile_names_are_shown_as_they_are_and_their_links_work(visit: StartVisit, site: Site) -> None:
    """On the way from the report to the attempts; that nothing ran is seen by every visit."""
    found = visit()
    found.go(site.page("services"))
    found.drawn()
    assert set(found.column("services", "service")) == set(HOSTILE)
    cells = found.page.locator("#table-services tbody th a")
    ways = dict(cells.evaluate_all("all => all.map(a => [a.textContent, a.href])"))
    for name in HOSTILE:
        found.go(ways[name])
        assert found.page.locator("h1").text_content() == f"Service {name}"
        found.page.locator("#table-days a").first.click()
        assert name in str(found.page.locator("h1").text_content())
        assert len(found.column("attempts", "task")) == 1
    assert found.page.locator("img").count() == 0


def test_hostile_names_are_compared_as_they_are(visit: StartVisit, site: Site) -> None:
    found = visit()
    found.go(site.page("services", "compare", start="2025-01-01", end="2025-01-03"))
    assert set(found.column("comparison_services", "service")) == set(HOSTILE)


# The command


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Process]:
    """``gpucost demo --serve`` on a free port."""
    words = [str(PROGRAM), "demo", "--serve", "--tasks=100", "--port=0"]
    found = Process(words, tmp_path / "demo.log")
    found.start()
    try:
        yield found
    finally:
        found.kill()


def test_the_command_says_where_to_look(visit: StartVisit, command: Process) -> None:
    command.wait_for(lambda: "Ctrl-C" in command.log, 30, "the URL")
    url = next(word for word in command.log.split() if word.startswith("http://127.0.0.1:"))
    found = visit()
    found.go(url)
    found.drawn()
    assert found.page.locator("h1").inner_text() == "demo/demo"
