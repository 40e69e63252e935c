"""report.html, the page that is mailed: one file that needs neither network nor server, and on most days no script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

from browser.chromium import StartVisit, Visit, violations
from browser.samples import HOSTILE, SAMPLES, Samples
from gpucost.report.status import display_of

MEGABYTE: Final = 10**6
A4_WIDTH: Final = 917
"""CSS pixels between the margins of an A4 page as Chromium lays it out, which then is shrunk to three quarters."""

every_sample = pytest.mark.parametrize("name", SAMPLES)
main_samples = pytest.mark.parametrize("name", ["demo", "without tasks", "1,000 services"])
"""The others have no parts that are not in one of these."""


def opened(visit: StartVisit, file: Path, **options: Any) -> Visit:
    """The file in a browser without a network."""
    found = visit(offline=True, **options)
    found.page.goto(file.as_uri())
    return found


@every_sample
def test_it_is_one_file_that_asks_for_nothing_and_breaks_no_rule_of_its_policy(
    visit: StartVisit, samples: Samples, name: str
) -> None:
    found = opened(visit, samples.file(name))
    if samples.report(name).charts:
        found.drawn()
    assert found.requests == [samples.file(name).as_uri()]


def test_a_year_of_a_thousand_services_can_be_mailed(samples: Samples) -> None:
    assert samples.file("1,000 services").stat().st_size <= 3 * MEGABYTE


def test_its_policy_runs_no_script_but_its_own(visit: StartVisit, samples: Samples) -> None:
    """A script that somebody has slipped in does nothing, and nothing can be fetched."""
    found = opened(visit, samples.file("without tasks"))
    found.page.evaluate(
        """() => {
          const slipped = document.createElement("script");
          slipped.textContent = "document.title = 'slipped in'";
          document.body.append(slipped);
          return fetch("https://elsewhere.invalid/").catch(() => null);
        }"""
    )
    assert found.page.title() == "demo/demo – gpucost"
    assert sorted(fault.partition(": ")[2].split()[0] for fault in found.faults if fault.startswith("policy: ")) == [
        "connect-src",
        "script-src-elem",
    ]
    found.faults.clear()


@every_sample
def test_the_answer_is_what_kubectl_shows(visit: StartVisit, samples: Samples, name: str) -> None:
    found, shown = opened(visit, samples.file(name), java_script_enabled=False), display_of(samples.report(name))
    figures = found.page.locator(".facts dd:first-of-type").all_inner_texts()
    wanted = [shown[key] for key in ("nodeCost", "allocatedCost", "idleCost") if shown.get(key)]
    assert figures[: len(wanted)] == wanted
    assert shown["period"] in found.page.locator(".lead").inner_text()


@main_samples
def test_every_link_leads_to_a_part_of_it(visit: StartVisit, samples: Samples, name: str) -> None:
    found = opened(visit, samples.file(name), java_script_enabled=False)
    hrefs = set(found.page.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))"))
    ids = found.page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert hrefs <= {f"#{one}" for one in ids}


def test_a_service_leads_to_what_it_was_charged_for(visit: StartVisit, samples: Samples) -> None:
    found = opened(visit, samples.file("demo"))
    found.page.locator("#table-services").get_by_role("link", name="video").click()
    proof = found.page.locator("details[open]")
    assert proof.locator("summary").inner_text() == "Service video"
    assert proof.get_by_role("table").first.is_visible()


@pytest.mark.parametrize("name", ["demo", "1,000 services"])
def test_without_scripts_every_table_and_every_picture_is_there(visit: StartVisit, samples: Samples, name: str) -> None:
    report = samples.report(name)
    found = opened(visit, samples.file(name), java_script_enabled=False)
    assert sorted(found.column("services", "service")) == sorted(service.strip() for service in report.services)
    assert found.column("days", "day") == [str(date) for date in report.dates]
    pictures = found.page.locator(".chart img")
    assert pictures.count() == len(report.charts)
    assert all(pictures.evaluate_all("all => all.map(i => i.checkVisibility() && i.complete && i.naturalWidth > 100)"))
    assert found.page.locator(".plot").evaluate_all("all => all.filter(p => p.checkVisibility())") == []


def test_with_scripts_the_charts_are_drawn_in_place_of_the_pictures(visit: StartVisit, samples: Samples) -> None:
    found = opened(visit, samples.file("demo"))
    found.drawn()
    assert found.page.locator(".plot svg").count() == len(samples.report("demo").charts)
    assert not found.page.locator(".still").first.is_visible()


@main_samples
def test_nothing_is_wider_than_a_small_phone(visit: StartVisit, samples: Samples, name: str) -> None:
    found = opened(visit, samples.file(name), width=320)
    found.drawn()
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 320


@main_samples
def test_it_prints_on_a4(visit: StartVisit, samples: Samples, name: str) -> None:
    found = opened(visit, samples.file(name), width=A4_WIDTH)
    found.drawn()
    printed = found.page.pdf(prefer_css_page_size=True)
    sizes = re.findall(rb"/MediaBox \[0 0 (\S+) (\S+)\]", printed)
    assert {(round(float(width)), round(float(height))) for width, height in sizes} == {(595, 842)}
    found.page.emulate_media(media="print")
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 1.2 * A4_WIDTH
    assert found.page.locator(".still").first.is_visible()
    assert not found.page.locator(".plot").first.is_visible()


@every_sample
def test_everybody_can_use_it_light_and_dark(visit: StartVisit, samples: Samples, name: str) -> None:
    """axe: WCAG 2.1 A and AA, and good practice; with the dark theme only contrasts are others."""
    found = opened(visit, samples.file(name), color_scheme="light")
    if samples.report(name).charts:
        found.drawn()
    assert violations(found.page, whole=name == "demo") == []
    found.page.emulate_media(color_scheme="dark")
    assert violations(found.page, rules=("color-contrast",)) == []


def test_names_are_shown_as_they_are_and_do_nothing(visit: StartVisit, samples: Samples) -> None:
    found = opened(visit, samples.file("1,000 services"))
    shown = found.column("services", "service")
    assert set(HOSTILE) <= set(shown)
    assert found.page.locator("img:not(.still)").count() == 0


def test_axe_finds_what_it_is_asked_for(visit: StartVisit) -> None:
    found = visit()
    found.page.set_content("<main><img src='data:,'><p style='color: #ccc; background: #fff'>pale</p></main>")
    assert {one.partition(":")[0] for one in violations(found.page)} >= {"image-alt", "color-contrast", "html-has-lang"}
