"""The chart's recording rules and alerts, by the real promtool: what is recorded, when an alert fires and when it does not,
what it says then, and where the runbook says what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import CollectorRegistry

from chart.helm import ROOT, Helm, named
from chart.test_chart_files import SCHEMA, VALUES
from gpucost.metrics.families import BY_NAME
from gpucost.metrics.operator import OperatorMetrics
from gpucost.metrics.page import MetricsPage
from processes import CommandFailed
from prometheus import promtool

RULES: Final = {"enabled": True, "force": True, "idleCost": {"USD": 1000, "EUR": 500.5}}
RUNBOOK: Final = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
NOT_OF_AN_ALERT: Final = {"A figure looks wrong"}
SUMMER: Final = {"namespace": "finops", "report": "summer"}
USD: Final = {**SUMMER, "currency": "USD"}
OPERATOR: Final = {"namespace": "gpucost-system", "job": "gpucost"}
BOTH: Final = 'namespace="finops",report="summer"'
GOES_ON: Final = {f"gpucost_report_data_until_timestamp_seconds{{{BOTH}}}": "0+60x3000"}
"""The period of a report moves with the time."""
IS_OVER: Final = {f"gpucost_report_data_until_timestamp_seconds{{{BOTH}}}": "-172800x3000"}
"""It ended two days before the first sample."""

Series = Mapping[str, str]


def rendered(helm: Helm, **rule: Any) -> list[dict[str, Any]]:
    """The rules of a release with these values of prometheusRule."""
    spec = named(helm.render(prometheusRule={**RULES, **rule}), "PrometheusRule")["spec"]
    (group,) = spec["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


@pytest.fixture(scope="module")
def rules(helm: Helm) -> list[dict[str, Any]]:
    return rendered(helm)


def alerts_of(rules: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def check(rules: list[dict[str, Any]], folder: Path, test: Mapping[str, Any], every: str = "1m") -> None:
    """promtool's verdict on one of its tests."""
    files = {
        "rules.yaml": {"groups": [{"name": "gpucost", "rules": rules}]},
        "test.yaml": {
            "rule_files": ["rules.yaml"],
            "evaluation_interval": every,
            "tests": [{"interval": every, **test}],
        },
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    promtool("test", "rules", str(folder / "test.yaml"))


def inputs(series: Series) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series.items()]


def of_a_pod(series: Series) -> Series:
    """The series with the label that a scrape adds, in which no alert may be: each restart gives the pod a new name, and else
    all alerts would begin anew."""
    return {name if "pod=" in name else f'{name[:-1]},pod="gpucost-1"}}': values for name, values in series.items()}


@dataclass(frozen=True)
class Fires:
    """Series, in promtool's notation with a sample a minute, that make an alert fire."""

    alert: str
    series: Series
    summary: str
    labels: Mapping[str, str] = field(default_factory=lambda: SUMMER)
    at: str = "90m"
    every: str = "1m"


@dataclass(frozen=True)
class Quiet:
    """Series of which an alert says nothing."""

    alert: str
    why: str
    series: Series
    at: str = "90m"
    every: str = "1m"


def of_report(metric: str, values: str, more: str = "") -> dict[str, str]:
    """A series of the report finops/summer."""
    return {f"{metric}{{{BOTH}{more}}}": values}


def ready(value: int, reason: str) -> dict[str, str]:
    state = of_report("gpucost_report_ready_reason", "1x300", f',reason="{reason}"')
    return {**of_report("gpucost_report_ready", f"{value}x300"), **state}


def costs(node: tuple[int, int], idle: tuple[int, int] = (0, 0), allocated: tuple[int, int] = (0, 0)) -> dict[str, str]:
    """Node, idle and allocated cost of two node types, in USD."""
    found: dict[str, str] = {}
    for metric, values in (("node", node), ("idle", idle), ("allocated", allocated)):
        for kind, value in zip(("a100", "l4"), values, strict=True):
            more = f',node_type="{kind}",currency="USD"'
            found |= of_report(f"gpucost_report_{metric}_cost", f"{value}x300", more)
    return found


def since_20_minutes(metric: str, before: int, after: int) -> dict[str, str]:
    """A cost out of 200 USD that was another until 20 minutes after the start."""
    more = ',node_type="l4",currency="USD"'
    node = of_report("gpucost_report_node_cost", "200x300", more)
    return {**node, **of_report(metric, f"{before}x20 {after}x300", more), **GOES_ON}


def of_service(
    before: float, after: float, successes: str = "20x5000", *, days: int = 7, service: str = "text2img"
) -> dict[str, str]:
    """What a success costs, a sample every five minutes: a price for some days, and another from then on."""
    label, samples = f",service={json.dumps(service)}", days * 288
    return {
        **of_report("gpucost_cost_per_success", f"{before}x{samples} {after}x2000", f'{label},currency="USD"'),
        **of_report("gpucost_service_attempts", successes, f'{label},outcome="Success"'),
        **of_report("gpucost_report_data_until_timestamp_seconds", "0+300x5000"),
    }


TEXT2IMG: Final = {**USD, "service": "text2img"}
WEEK: Final[dict[str, Any]] = {"at": "7d3h", "every": "5m"}
FIRING: Final = (
    Fires(
        "GpucostReportFailing",
        ready(0, "DatabaseUnreachable"),
        "CostReport finops/summer is not ready: DatabaseUnreachable.",
    ),
    Fires(
        "GpucostReportFailing",
        {
            f'gpucost_report_ready{{{BOTH},pod="old"}}': "0x40 stale",
            f'gpucost_report_ready{{{BOTH},pod="new"}}': "_x40 0x60",
        },
        "CostReport finops/summer is not ready: unknown.",
        at="45m",
    ),
    Fires(
        "GpucostFiguresStale",
        of_report("gpucost_report_last_success_timestamp_seconds", "-93600x300"),
        "The figures of CostReport finops/summer are 1d 3h 30m 0s old.",
    ),
    Fires(
        "GpucostWatchDeaf",
        {
            'gpucost_watch_last_event_timestamp_seconds{resource="jobs",namespace="gpucost-system",job="gpucost"}': "0x300"
        },
        "gpucost has not heard of jobs for 1h 30m 0s.",
        {**OPERATOR, "resource": "jobs"},
    ),
    Fires(
        "GpucostDatabaseFailing",
        {'gpucost_database_errors_total{reason="DatabaseTimeout",namespace="gpucost-system",job="gpucost"}': "0+1x300"},
        "Failed reads of task databases in 15 minutes: 15 (DatabaseTimeout).",
        {**OPERATOR, "reason": "DatabaseTimeout"},
    ),
    Fires(
        "GpucostLedgerFailing",
        {'gpucost_ledger_errors_total{namespace="gpucost-system",job="gpucost"}': "0+2x300"},
        "Failed reads and writes of gpucost's ledger in 15 minutes: 30.",
        OPERATOR,
    ),
    Fires(
        "GpucostScheduleConflict",
        {**of_report("gpucost_report_conflicts", "3x300"), **GOES_ON},
        "Conflicts of schedules in the period of CostReport finops/summer: 3.",
    ),
    Fires(
        "GpucostUnpricedNodes",
        {**of_report("gpucost_report_unpriced_seconds", "5400x300"), **IS_OVER},
        "1.5 node-hours of CostReport finops/summer have no price.",
    ),
    Fires(
        "GpucostIdleShareHigh",
        {**costs((150, 50), idle=(100, 30)), **GOES_ON},
        "65% of what the nodes of CostReport finops/summer cost was idle: 130.00 of 200.00 USD.",
        USD,
    ),
    Fires(
        "GpucostIdleSpendHigh",
        {**costs((5000, 5000), idle=(1000, 1)), **GOES_ON},
        "Idle nodes of CostReport finops/summer cost 1001.00 USD in its period so far.",
        USD,
    ),
    Fires(
        "GpucostCoverageLow",
        {**costs((150, 50), allocated=(20, 30)), **GOES_ON},
        "Only 25% of what the nodes of CostReport finops/summer cost is charged to tasks.",
        USD,
    ),
    Fires(
        "GpucostCostPerSuccessJumped",
        of_service(0.05, 0.08),
        "A success of text2img in CostReport finops/summer costs 60% more than a week ago: 0.08 USD.",
        TEXT2IMG,
        **WEEK,
    ),
    Fires(
        "GpucostCostPerSuccessJumped",
        of_service(0.05, 0.08, service='"}{{ $value }}\\'),
        'A success of "}{{ $value }}\\ in CostReport finops/summer costs 60% more than a week ago: 0.08 USD.',
        {**USD, "service": '"}{{ $value }}\\'},
        **WEEK,
    ),
    Fires(
        "GpucostDrift",
        {**of_report("gpucost_node_pool_drift_seconds", "39600x300", ',node_pool="gpu-l4"'), **GOES_ON},
        "Node pool gpu-l4 of CostReport finops/summer is +11.0 node-hours off its schedule.",
        {**SUMMER, "node_pool": "gpu-l4"},
    ),
    Fires(
        "GpucostDrift",
        {**of_report("gpucost_node_pool_drift_seconds", "-43200x300", ',node_pool="gpu-l4"'), **GOES_ON},
        "Node pool gpu-l4 of CostReport finops/summer is -12.0 node-hours off its schedule.",
        {**SUMMER, "node_pool": "gpu-l4"},
    ),
    Fires(
        "GpucostSeriesDropped",
        {'gpucost_dropped_series{namespace="gpucost-system",job="gpucost"}': "7x300"},
        "gpucost leaves out 7 series.",
        OPERATOR,
    ),
    Fires("GpucostDown", {}, "No gpucost is scraped.", {}),
)
NOT_FIRING: Final = (
    Quiet("GpucostReportFailing", "it is ready", ready(1, "Computed")),
    Quiet("GpucostReportFailing", "it is suspended", ready(0, "Suspended")),
    Quiet("GpucostReportFailing", "not for long enough", ready(0, "DatabaseTimeout"), at="14m"),
    Quiet("GpucostFiguresStale", "a day old", of_report("gpucost_report_last_success_timestamp_seconds", "-86400x300")),
    Quiet(
        "GpucostFiguresStale",
        "it is suspended",
        {**of_report("gpucost_report_last_success_timestamp_seconds", "-93600x300"), **ready(0, "Suspended")},
    ),
    Quiet("GpucostWatchDeaf", "heard", {'gpucost_watch_last_event_timestamp_seconds{resource="jobs"}': "0+60x300"}),
    Quiet("GpucostDatabaseFailing", "a few", {'gpucost_database_errors_total{reason="TableMissing"}': "0x80 5x300"}),
    Quiet("GpucostLedgerFailing", "long ago", {"gpucost_ledger_errors_total": "0x5 9x300"}),
    Quiet("GpucostScheduleConflict", "none", {**of_report("gpucost_report_conflicts", "0x300"), **GOES_ON}),
    Quiet("GpucostScheduleConflict", "of the past", {**of_report("gpucost_report_conflicts", "3x300"), **IS_OVER}),
    Quiet("GpucostUnpricedNodes", "all are priced", of_report("gpucost_report_unpriced_seconds", "0x300")),
    Quiet("GpucostIdleShareHigh", "60 % is allowed", {**costs((150, 50), idle=(100, 20)), **GOES_ON}),
    Quiet("GpucostIdleShareHigh", "of the past", {**costs((150, 50), idle=(150, 50)), **IS_OVER}),
    Quiet("GpucostIdleShareHigh", "no nodes, no share", {**costs((0, 0)), **GOES_ON}),
    Quiet("GpucostIdleShareHigh", "not for a day", since_20_minutes("gpucost_report_idle_cost", 20, 190)),
    Quiet("GpucostIdleSpendHigh", "as much is allowed", {**costs((5000, 5000), idle=(999, 1)), **GOES_ON}),
    Quiet("GpucostIdleSpendHigh", "of the past", {**costs((5000, 5000), idle=(1000, 1)), **IS_OVER}),
    Quiet("GpucostCoverageLow", "30 % will do", {**costs((150, 50), allocated=(30, 30)), **GOES_ON}),
    Quiet(
        "GpucostCoverageLow", "a report without tasks", {**of_report("gpucost_report_node_cost", "5x300"), **GOES_ON}
    ),
    Quiet("GpucostCoverageLow", "not for a day", since_20_minutes("gpucost_report_allocated_cost", 190, 20)),
    Quiet("GpucostCostPerSuccessJumped", "half as dear again", of_service(0.5, 0.75), **WEEK),
    Quiet("GpucostCostPerSuccessJumped", "no week to compare", of_service(0.05, 0.08, days=5), at="5d3h", every="5m"),
    Quiet("GpucostCostPerSuccessJumped", "few successes now", of_service(0.05, 0.08, "20x2016 19x999"), **WEEK),
    Quiet("GpucostCostPerSuccessJumped", "few a week ago", of_service(0.05, 0.08, "19x2016 20x999"), **WEEK),
    Quiet(
        "GpucostDrift",
        "less",
        {**of_report("gpucost_node_pool_drift_seconds", "-36000x300", ',node_pool="l4"'), **GOES_ON},
    ),
    Quiet("GpucostSeriesDropped", "none", {"gpucost_dropped_series": "0x300"}),
    Quiet("GpucostDown", "one is there", {'gpucost_build_info{version="1"}': "1x300"}),
)


def test_promtool_finds_no_mistake(rules: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}), encoding="utf-8")
    assert f"SUCCESS: {len(rules)} rules found" in promtool("check", "rules", str(tmp_path / "rules.yaml")).stdout


def test_every_alert_has_a_firing_and_a_quiet_case(rules: list[dict[str, Any]]) -> None:
    assert {case.alert for case in FIRING} == {case.alert for case in NOT_FIRING} == set(alerts_of(rules))


def told(text: str, labels: Mapping[str, str]) -> str:
    """A description: it names labels, and leaves figures to the summary."""
    for name, value in labels.items():
        text = text.replace(f"{{{{ $labels.{name} }}}}", value)
    assert "{{" not in text, text
    return text


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.alert} {case.summary}") for case in FIRING])
def test_an_alert_fires_with_its_figures(rules: list[dict[str, Any]], case: Fires, tmp_path: Path) -> None:
    rule = alerts_of(rules)[case.alert]
    expected = {
        "exp_labels": {**case.labels, **rule["labels"]},
        "exp_annotations": {
            "summary": case.summary,
            "description": told(rule["annotations"]["description"], case.labels),
            "runbook_url": f"docs/runbook.md#{case.alert.lower()}",
        },
    }
    test = {"alertname": case.alert, "eval_time": case.at, "exp_alerts": [expected]}
    check(rules, tmp_path, {"input_series": inputs(of_a_pod(case.series)), "alert_rule_test": [test]}, case.every)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.alert} {case.why}") for case in NOT_FIRING])
def test_an_alert_does_not_fire(rules: list[dict[str, Any]], case: Quiet, tmp_path: Path) -> None:
    test = {"alertname": case.alert, "eval_time": case.at, "exp_alerts": []}
    check(rules, tmp_path, {"input_series": inputs(case.series), "alert_rule_test": [test]}, case.every)


def test_what_is_recorded(rules: list[dict[str, Any]], tmp_path: Path) -> None:
    """A report of two node types, whose figures two pods tell for a moment: they count once, and currencies stay apart."""
    one = ',node_pool="l4"'
    euros = {'gpucost_report_node_cost{namespace="finops",report="other",node_type="l4",currency="EUR"}': "9x3000"}
    twice = {f'{name[:-1]},pod="new"}}': values for name, values in costs((150, 50), (100, 30), (60, 40)).items()}
    series = {
        **costs((150, 50), (100, 30), (60, 40)),
        **twice,
        **euros,
        **of_service(0.5, 0.75),
        **of_report("gpucost_node_pool_drift_seconds", "-5400x3000", one),
    }
    series = {name: re.sub(r"x300$", "x3000", values) for name, values in series.items()}
    report, money, service = BOTH, f'{BOTH},currency="USD"', f'{BOTH},service="text2img"'
    other = 'namespace="finops",report="other",currency="EUR"'
    expected: dict[str, dict[str, float]] = {
        "namespace_report:gpucost_report_data_age_seconds:moving": {report: 0},
        "namespace_report_currency:gpucost_report_node_cost:sum": {money: 200, other: 9},
        "namespace_report_currency:gpucost_report_idle_cost:sum": {money: 130},
        "namespace_report_currency:gpucost_report_allocated_cost:sum": {money: 100},
        "namespace_report_currency:gpucost_report_idle:ratio": {money: 0.65},
        "namespace_report_currency:gpucost_report_coverage:ratio": {money: 0.5},
        "namespace_report_node_pool:gpucost_node_pool_drift:node_hours": {f"{report}{one}": -1.5},
        "namespace_report_service:gpucost_service_successes:max": {service: 20},
        "namespace_report_service_currency:gpucost_cost_per_success:max": {f'{service},currency="USD"': 0.75},
        "namespace_report_service_currency:gpucost_cost_per_success:rise_1w": {f'{service},currency="USD"': 0.5},
    }
    assert set(expected) == {rule["record"] for rule in rules if "record" in rule}
    tests = [
        {
            "expr": name,
            "eval_time": "7d3h",
            "exp_samples": [{"labels": f"{name}{{{labels}}}", "value": value} for labels, value in found.items()],
        }
        for name, found in expected.items()
    ]
    check(rules, tmp_path, {"input_series": inputs(series), "promql_expr_test": tests}, "5m")


def test_alerts_say_how_grave_it_is_what_and_what_to_do(rules: list[dict[str, Any]]) -> None:
    for alert in alerts_of(rules).values():
        assert alert["labels"]["severity"] in ("warning", "critical")
        assert alert["annotations"]["summary"].endswith(".")
        assert len(alert["annotations"]["description"]) > 60
        assert alert["for"]


def test_rules_name_metrics_that_there_are(rules: list[dict[str, Any]]) -> None:
    registry = CollectorRegistry()
    MetricsPage(registry, max_series=1)
    OperatorMetrics(registry, "1")
    suffix = {"counter": "_total", "info": "_info"}
    own = {family.name + suffix.get(family.type, "") for family in registry.collect()}
    texts = [f"{rule['expr']} {rule.get('annotations', {}).get('summary', '')}" for rule in rules]
    used = set(re.findall(r"[\w:]*\bgpucost_[\w:]+", " ".join(texts)))
    recorded = {rule["record"] for rule in rules if "record" in rule}
    assert {name for name in used if ":" in name} == recorded
    assert {name for name in used if ":" not in name} <= own | set(BY_NAME)


def test_every_alert_has_its_part_of_the_runbook(rules: list[dict[str, Any]]) -> None:
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.M)
    assert headings == [*alerts_of(rules), *sorted(NOT_OF_AN_ALERT)]
    for name, alert in alerts_of(rules).items():
        page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert (ROOT / page).is_file()
        assert anchor == name.lower()  # as GitHub and mkdocs make it of a heading that is one word


def test_the_runbook_can_be_elsewhere(helm: Helm) -> None:
    for name, alert in alerts_of(rendered(helm, runbookUrl="https://wiki.example/gpucost")).items():
        assert alert["annotations"]["runbook_url"] == f"https://wiki.example/gpucost#{name.lower()}"


def test_alerts_can_be_left_out(helm: Helm, rules: list[dict[str, Any]]) -> None:
    few = alerts_of(rendered(helm, disabled=["GpucostDown", "GpucostDrift"], idleCost={}))
    assert set(alerts_of(rules)) - set(few) == {"GpucostDown", "GpucostDrift", "GpucostIdleSpendHigh"}
    names = SCHEMA["properties"]["prometheusRule"]["properties"]["disabled"]["items"]["enum"]
    assert names == list(alerts_of(rules))


@pytest.mark.parametrize(
    ("value", "alert", "part"),
    [
        ({"failingFor": "2h"}, "GpucostReportFailing", "2h"),
        ({"staleAfterSeconds": 7_200_000}, "GpucostFiguresStale", "> 7200000 "),
        ({"deafAfterSeconds": 1200}, "GpucostWatchDeaf", "> 1200"),
        ({"databaseErrors": 50}, "GpucostDatabaseFailing", "> 50"),
        ({"idleRatio": 0.25}, "GpucostIdleShareHigh", "> 0.25 "),
        ({"idleCost": {"JPY": 5_000_000}}, "GpucostIdleSpendHigh", '{currency="JPY"} > 5e+06 '),
        ({"coverageRatio": 0.9}, "GpucostCoverageLow", "< 0.9 "),
        ({"costPerSuccessRise": 2}, "GpucostCostPerSuccessJumped", ":rise_1w > 2 "),
        ({"minSuccesses": 7}, "GpucostCostPerSuccessJumped", ">= 7 and"),
        ({"driftNodeHours": 1.5}, "GpucostDrift", "< -1.5)"),
    ],
)
def test_thresholds_are_values(helm: Helm, value: dict[str, Any], alert: str, part: str) -> None:
    (name,) = value
    assert name in VALUES["prometheusRule"]
    rule = alerts_of(rendered(helm, **value))[alert]
    assert part in f"{rule['expr']} for {rule['for']}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"idleRatio": 60}, "/prometheusRule/idleRatio"),
        ({"idleCost": {"dollars": 5}}, "dollars"),
        ({"idleCost": {"USD": "much"}}, "/prometheusRule/idleCost/USD"),
        ({"disabled": ["Down"]}, "/prometheusRule/disabled/0"),
        ({"costPerSuccessRise": 0}, "/prometheusRule/costPerSuccessRise"),
        ({"runbookUrl": ""}, "/prometheusRule/runbookUrl"),
    ],
)
def test_thresholds_that_are_refused(helm: Helm, value: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        rendered(helm, **value)
    assert message in str(refused.value)
