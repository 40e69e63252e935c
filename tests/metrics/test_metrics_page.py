"""The page: every series once, families whole, both formats and gzip the same, a cap that counts what it drops."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from gpucost.metrics.families import FAMILIES
from gpucost.metrics.operator import OperatorMetrics
from gpucost.metrics.page import MetricsPage
from gpucost.metrics.samples import ReportSamples, Row, samples_of
from metrics.pages import Series, families, golden, made, of_report, series
from prometheus import promtool


def small(max_series: int = 200_000) -> MetricsPage:
    """A page without metrics of a process, so that it says the same twice."""
    return MetricsPage(CollectorRegistry(), max_series)


def full() -> MetricsPage:
    """Two golden reports, one that was never computed, and everything that an operator can say of itself."""
    registry = CollectorRegistry()
    own = OperatorMetrics(registry, "0.1.0")
    own.watch_event("cronjobs", 1_750_000_000_123_456)
    own.queue_depth(3)
    own.queue_waited(0.3)
    own.database_error("DatabaseUnreachable")
    own.ledger_error()
    page = MetricsPage(registry)
    for name in ("open-period", "plain"):
        samples = samples_of(golden(name)).with_state(ready=True, last_success_us=1, data_until_us=1, compute_seconds=1)
        page.put("finops", name, samples)
    page.put("finops", "new", ReportSamples().with_state(ready=False))
    return page


def test_every_row_of_a_report_is_a_series() -> None:
    page, samples = small(), samples_of(golden("dense-now")).with_state(ready=True, compute_seconds=0.125)
    page.put("finops", "june", samples)
    expected = {}
    for family in FAMILIES:
        for row in samples.rows.get(family.name, ()):
            labels = dict(zip(family.labels, row.labels, strict=True)) | {"namespace": "finops", "report": "june"}
            expected[family.name, frozenset(labels.items())] = row.value
    assert of_report(page.encode(False), "june") == expected


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_family_stands_once_and_whole_and_in_the_same_order_whatever_came_first(openmetrics: bool) -> None:
    forth, back = small(), small()
    for page, order in ((forth, range(5)), (back, reversed(range(5)))):
        for i in order:
            page.put(f"team-{i % 2}", f"report-{i}", made())
    assert forth.encode(openmetrics) == back.encode(openmetrics)
    lines = forth.encode(openmetrics).decode().splitlines()
    names = [line.split("{")[0] for line in lines if line.startswith("gpucost_") and "{" in line]
    assert names == ["gpucost_report_ready"] * 5 + ["gpucost_service_cost"] * 15
    assert sum(line.startswith("# HELP gpucost_service_cost ") for line in lines) == 1
    assert not any("node_cost" in line for line in lines)  # no head without series


def test_both_formats_hold_the_same_series() -> None:
    page = full()
    text, openmetrics = page.encode(False), page.encode(True)
    assert openmetrics.endswith(b"# EOF\n")

    def ours(found: Series) -> Series:  # when a counter began is a gauge of its own in the text format
        return {key: v for key, v in found.items() if key[0].startswith("gpucost_") and "_created" not in key[0]}

    assert ours(series(text)) == ours(series(openmetrics, True))
    assert len(ours(series(text))) > 300


def test_kept_lines_are_what_prometheus_client_would_write_in_openmetrics() -> None:
    page = full()
    metrics = [m for m in families(page.encode(True), True) if m.name in {f.name for f in FAMILIES}]

    class Parsed:
        def collect(self) -> list[object]:
            return list(metrics)

    written = generate_openmetrics(Parsed()).removesuffix(b"# EOF\n")  # type: ignore[no-untyped-call]
    assert page.encode(True).startswith(written)


def test_gzip_is_one_member_of_the_same_page() -> None:
    page = small()
    assert gzip.decompress(page.encode(False, gzip=True)) == page.encode(False)
    for i in range(20):
        page.put("finops", f"report-{i}", made(services=i))
        for openmetrics in (False, True):
            assert gzip.decompress(page.encode(openmetrics, gzip=True)) == page.encode(openmetrics)


def test_promtool_finds_nothing() -> None:
    found = promtool("check", "metrics", stdin=full().encode(False).decode())
    assert (found.stdout, found.stderr) == ("", "")


def test_a_changed_report_replaces_its_series_and_leaves_the_others() -> None:
    page = small()
    page.put("finops", "june", made(services=3, value=1.0))
    page.put("finops", "july", made(services=2, value=7.0))
    july = of_report(page.encode(False), "july")
    page.put("finops", "june", made(services=1, value=2.0))
    assert sorted(of_report(page.encode(False), "june").values()) == [1.0, 2.0]
    assert of_report(page.encode(False), "july") == july


@pytest.mark.parametrize("compressed", [False, True])
def test_series_of_a_deleted_report_vanish_at_once(compressed: bool) -> None:
    page = small()
    page.put("finops", "june", made())
    page.put("other", "june", made())
    page.encode(False, gzip=compressed)
    page.remove("finops", "june")
    page.remove("finops", "never-there")
    shown = page.encode(False, gzip=compressed)
    shown = gzip.decompress(shown) if compressed else shown
    assert b"finops" not in shown
    assert shown.count(b'namespace="other"') == 4


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize(
    "name",
    ['say "hi"', "two\nlines", "back\\slash", "\\n", "vidéo-🎬", "a,b=c}{", "tab\tand\rreturn", " ", "", "# HELP x"],
)
def test_odd_names_survive(name: str, openmetrics: bool) -> None:
    page = small()
    page.put("finops", "june", ReportSamples({"gpucost_service_cost": (Row((name, "Success", "USD"), 1.0),)}))
    (labels,) = [dict(key[1]) for key in series(page.encode(openmetrics), openmetrics) if "service_cost" in key[0]]
    assert labels == {
        "namespace": "finops", "report": "june", "service": name, "outcome": "Success", "currency": "USD"
    }  # fmt: skip
    text = page.encode(False).decode()
    assert not promtool("check", "metrics", stdin=text).stdout


def test_a_name_that_utf8_cannot_hold_does_not_take_down_the_page() -> None:
    page = small()
    page.put("finops", "june", ReportSamples({"gpucost_attempts_skipped": (Row(("\ud800",), 1.0),)}))
    assert b'reason="?"' in page.encode(False)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), st.floats(0, 1e15), max_size=8))
def test_any_names_and_values_survive(costs: dict[str, float]) -> None:
    page = small()
    rows = tuple(Row((name, "Open", "EUR"), value) for name, value in costs.items())
    page.put("finops", "june", ReportSamples({"gpucost_service_cost": rows}))
    for openmetrics in (False, True):
        found = series(page.encode(openmetrics), openmetrics)
        assert {
            dict(key[1])["service"]: value for key, value in found.items() if key[0] == "gpucost_service_cost"
        } == costs


def dropped(page: MetricsPage) -> float:
    return series(page.encode(False))["gpucost_dropped_series", frozenset()]


def test_the_cap_leaves_out_families_of_whole_reports_from_the_end_and_counts_them() -> None:
    """Five reports of 1 + 3 series: with room for 12, all are ready, and two of them show their services."""
    page = small(max_series=12)
    for i in (4, 2, 0, 3, 1):
        page.put("finops", f"report-{i}", made(services=3))
    found = [len(of_report(page.encode(False), f"report-{i}")) for i in range(5)]
    assert found == [4, 4, 1, 1, 1]
    assert dropped(page) == page.dropped_series == 9
    page.remove("finops", "report-0")
    assert [len(of_report(page.encode(False), f"report-{i}")) for i in range(5)] == [0, 4, 4, 1, 1]
    assert dropped(page) == 6


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 30))
def test_series_shown_and_dropped_are_all_series(sizes: list[int], cap: int) -> None:
    page = small(max_series=cap)
    for i, services in enumerate(sizes):
        page.put("finops", str(i), made(services))
    shown = len(series(page.encode(False))) - 1  # the other one is gpucost_dropped_series
    assert shown <= cap
    assert shown + dropped(page) == sum(sizes) + len(sizes)
    assert gzip.decompress(page.encode(True, gzip=True)) == page.encode(True)


def test_within_the_cap_nothing_is_dropped() -> None:
    assert dropped(full()) == 0


def test_help_reads_the_same_in_both_formats() -> None:
    """OpenMetrics escapes quotes in HELP, the text format does not: kept heads serve both."""
    assert not [family.name for family in FAMILIES if set('"\\\n') & set(family.help)]
    assert json.dumps([family.help for family in FAMILIES]).isascii()
