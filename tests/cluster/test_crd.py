"""The CRD on a real API server: good reports come in with their defaults, bad ones are refused in words that help."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest
import yaml
from hypothesis import given

from api.manifests import (
    CRONS,
    DATES,
    DURATIONS,
    INSTANTS,
    PRICES,
    SHARES,
    SPECS,
    WHOLE_STATUS,
    ZONES,
    example,
    mended,
)
from casereport import spec_of
from command import manifest
from gpucost.api.costreport import SpecError, parse_spec
from kubernetes_server import Cluster

ROOT = Path(__file__).parents[2]
CRD = ROOT / "crds" / "gpucost.dev_costreports.yaml"
EXAMPLES = sorted((ROOT / "examples").glob("*/report.yaml"))
CASES = sorted((ROOT / "tests" / "data" / "golden").glob("*.json"))
SHOWN = ["PERIOD", "NODE-COST", "ALLOCATED", "IDLE-COST", "COVERAGE", "UTILIZATION"]
A_DAY = len(INSTANTS) // len(DATES)
ANYWHERE = "/apis/gpucost.dev/v1alpha1/namespaces/default/costreports"


def kubectl(cluster: Cluster, *words: str, report: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """kubectl with a report on its standard input; what it says on stderr is for the test to judge."""
    return cluster.kubectl(*words, "-f", "-", stdin=json.dumps(report), check=False)


def refusal(cluster: Cluster, spec: object) -> str | None:
    """Why the server refuses a spec that is posted as it stands; None if it takes it. Nothing is stored."""
    report = {"apiVersion": "gpucost.dev/v1alpha1", "kind": "CostReport", "metadata": {"name": "tried"}, "spec": spec}
    answer = cluster.request("POST", f"{ANYWHERE}?dryRun=All&fieldValidation=Strict", report)
    assert answer.status in (201, 400, 422), answer
    return None if answer.status == 201 else str(answer.json()["message"])


@pytest.fixture(scope="module")
def documented(cluster: Cluster) -> dict[str, Any]:
    """What the server says about the kind. It publishes that piece by piece, a moment after the CRD is established."""
    cluster.wait_until(
        lambda: cluster.kubectl("explain", "costreport", check=False).returncode == 0, 20, "kubectl explains the kind"
    )
    schemas = cluster.request("GET", "/openapi/v3/apis/gpucost.dev/v1alpha1").json()["components"]["schemas"]
    found: dict[str, Any] = schemas["dev.gpucost.v1alpha1.CostReport"]
    return found


def test_the_server_takes_the_crd_as_structural(cluster: Cluster) -> None:
    status = cluster.get("crd", "costreports.gpucost.dev")["status"]
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions
    assert status["acceptedNames"]["shortNames"] == ["gcr"]
    assert status["acceptedNames"]["categories"] == ["gpucost"]


def test_applying_the_crd_again_changes_nothing(cluster: Cluster) -> None:
    before = cluster.get("crd", "costreports.gpucost.dev")
    assert "unchanged" in cluster.kubectl("apply", "-f", str(CRD)).stdout
    assert cluster.get("crd", "costreports.gpucost.dev") == before


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "What scheduled GPU node pools cost over a period, exactly"),
        ("spec", "Which time the report is about"),
        ("spec.period", "exactly one of range, calendar and rolling"),
        ("spec.period.range.end", "exclusive"),
        ("spec.nodePools.types", "the first match wins"),
        ("spec.nodePools.types.prices.pricePerHour", "at most 9 decimals"),
        ("spec.tasks.epochUnit", "Seconds, Milliseconds, Microseconds or Nanoseconds"),
        ("spec.allocation", "enum: Day, Hour"),
        ("status", "what is absent is unknown"),
        ("status.summary.coverageRatio", "Allocated cost / node cost."),
        ("status.quality.attempts", "loaded = charged + skipped"),
    ],
)
@pytest.mark.usefixtures("documented")
def test_kubectl_explains(cluster: Cluster, path: str, words: str) -> None:
    said = cluster.kubectl("explain", f"costreport.{path}".rstrip(".")).stdout
    assert words in " ".join(said.split())
    assert "<empty>" not in said


def test_every_field_is_explained(documented: dict[str, Any]) -> None:
    parts = documented["properties"]
    assert not [path for part in ("spec", "status") for path in _unexplained(parts[part], part)]


def _unexplained(schema: dict[str, Any], path: str) -> Iterator[str]:
    if not schema.get("description"):
        yield path
    for name, field in schema.get("properties", {}).items():
        yield from _unexplained(field, f"{path}.{name}")
    if "items" in schema:
        yield from _unexplained(schema["items"], f"{path}[]")


def test_the_whole_example_is_taken_and_stays_as_it_was_written(cluster: Cluster, namespace: str) -> None:
    written = example(tasks__epochUnit="Seconds")
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=yaml.safe_dump(written))
    kept = cluster.get("gcr", "example", namespace)["spec"]
    assert _without_nulls(kept) == _without_nulls(written["spec"])
    assert parse_spec(kept) == parse_spec(written["spec"])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(field) for key, field in value.items() if field is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("how", [("apply",), ("create",), ("apply", "--server-side")], ids=" ".join)
def test_null_is_taken_where_a_field_may_be_absent(cluster: Cluster, namespace: str, how: tuple[str, ...]) -> None:
    report = example(
        period__calendar=None, refresh__schedule=None, nodePools__types__0__prices__0__validFrom=None,
        nodePools__types__0__initialNodes=None, nodePools__cronJobs={"namespaces": None, "selector": None},
    )  # fmt: skip
    run = kubectl(cluster, *how, "-n", namespace, report=report)
    assert (run.returncode, run.stderr) == (0, "")
    parse_spec(cluster.get("gcr", "example", namespace)["spec"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_examples_are_taken(cluster: Cluster, path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("namespace: finops", "namespace: default")
    assert "created" in cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=text).stdout


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_specs_of_golden_cases_are_taken(cluster: Cluster, path: Path) -> None:
    assert refusal(cluster, spec_of(json.loads(path.read_text(encoding="utf-8"))["case"])) is None


def test_the_server_fills_in_what_the_parser_assumes(cluster: Cluster, namespace: str) -> None:
    report = manifest(tasks={"statuses": {"success": ["ok"]}})
    report["metadata"]["namespace"] = namespace
    cluster.apply(report)
    spec = cluster.get("costreport", "june", namespace)["spec"]
    assert (spec["timeZone"], spec["currency"], spec["suspend"]) == ("UTC", "USD", False)
    assert spec["nodePools"]["source"] == "Schedule"
    assert spec["tasks"]["statuses"]["success"] == ["ok"]
    assert spec["tasks"]["statuses"]["running"] == ["running"]
    assert spec["tasks"]["staleAfter"] == "24h"
    assert "refresh" not in spec
    assert parse_spec(spec) == parse_spec(report["spec"])


def test_whole_numbers_are_prices_too(cluster: Cluster, namespace: str) -> None:
    report = example(nodePools__types__0__prices=[{"pricePerHour": 11}])
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(report))
    spec = cluster.get("gcr", "example", namespace)["spec"]
    assert spec["nodePools"]["types"][0]["prices"] == [{"pricePerHour": 11}]


BAD: list[tuple[dict[str, object], str]] = [
    ({"period": {}}, "spec.period: Invalid value: must hold exactly one of range, calendar and rolling"),
    ({"period__calendar": {"unit": "Month"}}, "must hold exactly one of range, calendar and rolling"),
    ({"period": {"calendar": {"unit": "Fortnight"}}}, '"Day", "Week", "Month", "Quarter", "Year"'),
    ({"period": {"calendar": {"unit": "Month", "offset": 1}}}, "should be less than or equal to 0"),
    ({"period": {"rolling": {"days": 0}}}, "should be greater than or equal to 1"),
    ({"period": {"rolling": {}}}, "spec.period.rolling.days: Required value"),
    ({"period__range__end": "2025-06-01"}, "spec.period.range: Invalid value: end must be after start"),
    ({"period__range__end": "2025-09-01T00:00:00Z"}, "start and end must be both local dates, or both instants"),
    ({"period__range__end": "September"}, "must be a local date such as 2025-06-01, or an RFC 3339 instant"),
    ({"period__range__end": "2025-06-31"}, "spec.period.range.end"),
    (
        {"period": {"range": {"start": "2025-06-01T02:00:00+02:00", "end": "2025-06-01T00:00:00Z"}}},
        "end must be after start",
    ),
    ({"timeZone": "Central European Time"}, "must be the name of an IANA time zone, such as Europe/Berlin"),
    ({"currency": "$"}, "must be an ISO 4217 code of three capital letters, such as USD"),
    ({"currency": "usd"}, "three capital letters"),
    ({"refresh__schedule": "0 6 * * *"}, "spec.refresh: Invalid value: must hold either every or schedule, not both"),
    ({"refresh__every": "5 minutes"}, "must be a duration longer than zero, such as 24h, 90m or 1h30m"),
    ({"refresh__every": "0s"}, "longer than zero"),
    ({"refresh": {"schedule": "6:00"}}, "must be a cron schedule of five fields"),
    ({"refresh": {"schedule": "CRON_TZ=UTC 0 6 * * *"}}, "its time zone is spec.timeZone"),
    ({"nodePools": ...}, "spec.nodePools: Required value"),
    ({"nodePools__source": "schedule"}, '"Schedule", "Actuated", "Observed"'),
    ({"nodePools__assumeSchedulesFrom": "2025-02-29T00:00:00Z"}, "must be an RFC 3339 instant with its offset"),
    ({"nodePools__assumeSchedulesFrom": "2025-07-01"}, "must be an RFC 3339 instant with its offset"),
    ({"nodePools__types__0__name": "unknown"}, "must not be unknown: that is what no rule matches"),
    ({"nodePools__types__0__name": ""}, "at least 1 char"),
    (
        {"nodePools__types": [{"name": "l4", "match": []}] * 2},
        'spec.nodePools.types[1]: Duplicate value: {"name":"l4"}',
    ),
    ({"nodePools__types": [{"name": f"t{i}", "match": []} for i in range(33)]}, "must have at most 32 items"),
    ({"nodePools__types__0__initialNodes": -1}, "should be greater than or equal to 0"),
    ({"nodePools__types__0__match": "*a100*"}, "must be of type array"),
    ({"nodePools__types__0__prices__0__pricePerHour": "-11"}, 'not negative, such as 11 or "9.50"'),
    ({"nodePools__types__0__prices__0__pricePerHour": -11}, 'not negative, such as 11 or "9.50"'),
    ({"nodePools__types__0__prices__0__pricePerHour": "$11"}, "must be a decimal number"),
    ({"nodePools__types__0__prices__0__pricePerHour": 9.5}, "must be of type integer,string"),
    ({"nodePools__types__0__prices__0__pricePerHour": "0.0000000001"}, "must have at most 9 decimals"),
    ({"nodePools__types__0__prices__0__pricePerHour": "1000000000"}, "must be less than 1,000,000,000 an hour"),
    ({"nodePools__types__0__prices__0__validFrom": "2025-07-01T00:00:00Z"}, "must have different validFrom instants"),
    ({"nodePools__types__0__prices__1__validFrom": ...}, "at most one can be without"),
    ({"tasks__databaseSecretRef__name": ...}, "spec.tasks.databaseSecretRef.name: Required value"),
    ({"tasks__epochUnit": "Days"}, "must be Seconds, Milliseconds, Microseconds or Nanoseconds"),
    ({"tasks__statuses__waiting": ["new", "running"]}, "must name each status once"),
    ({"tasks__statuses": {"failure": ["done"]}}, "must name each status once"),
    ({"tasks__staleAfter": "1 day"}, "must be a duration"),
    ({"tasks__executionTime": "Wall"}, '"RunningOnly", "FirstRunToEnd"'),
    ({"allocation__bucket": "Week"}, '"Day", "Hour"'),
    ({"recommendations__nightShutDownBelow": "10 %"}, "must be a share from 0 to 1"),
    ({"recommendations__nightShutDownBelow": 0.1}, "must be of type string"),
    ({"outputs__topServices": 0}, "should be greater than or equal to 1"),
    ({"outputs__topService": 5}, 'unknown field "spec.outputs.topService"'),
    ({"period__range__End": "2025-09-01"}, 'unknown field "spec.period.range.End"'),
]


@pytest.mark.parametrize(("changes", "words"), BAD, ids=lambda value: str(value)[:60])
def test_a_mistake_is_refused_in_words_that_help(
    cluster: Cluster, namespace: str, changes: dict[str, object], words: str
) -> None:
    report = example(**changes)
    run = kubectl(cluster, "apply", "-n", namespace, report=report)
    assert run.returncode == 1, run.stdout
    assert words in run.stderr
    assert "no such key" not in run.stderr
    assert "^" not in run.stderr, "a bare pattern"
    with pytest.raises(SpecError):
        parse_spec(report["spec"])


def test_every_mistake_is_named_at_once(cluster: Cluster) -> None:
    said = refusal(cluster, example(timeZone="?", currency="?", tasks__staleAfter="?")["spec"])
    assert said
    assert [path for path in ("spec.timeZone", "spec.currency", "spec.tasks.staleAfter") if path not in said] == []


def test_a_report_without_a_spec_is_refused(cluster: Cluster) -> None:
    assert "spec: Required value" in str(refusal(cluster, None))


def test_columns_show_the_figures(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(example()))
    path = f"/apis/gpucost.dev/v1alpha1/namespaces/{namespace}/costreports/example/status"
    assert cluster.request("PATCH", path, {"status": WHOLE_STATUS}).status == 200
    header, row = cluster.kubectl("get", "costreports", "-n", namespace).stdout.splitlines()
    assert header.split() == ["NAME", "READY", *SHOWN, "AGE"]
    assert "True" in row
    assert "2025-06-01..08-31   75,012.00 USD   73,811.81 USD   42,681.83 USD   98.4 %     43.1 %" in row
    wide, row = cluster.kubectl("get", "gpucost", "-n", namespace, "-o", "wide").stdout.splitlines()
    assert wide.split()[-3:] == ["REASON", "REFRESHED", "AGE"]
    assert "Computed" in row


def test_the_server_keeps_every_field_of_the_status(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(example()))
    path = f"/apis/gpucost.dev/v1alpha1/namespaces/{namespace}/costreports/example/status"
    assert cluster.request("PATCH", f"{path}?fieldValidation=Strict", {"status": WHOLE_STATUS}).status == 200
    kept = cluster.get("gcr", "example", namespace)
    assert kept["status"] == WHOLE_STATUS
    assert kept["metadata"]["generation"] == 1
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(example(currency="EUR")))
    changed = cluster.get("gcr", "example", namespace)
    assert (changed["metadata"]["generation"], changed["status"]) == (2, WHOLE_STATUS)


def test_the_largest_report_is_taken(cluster: Cluster) -> None:
    """Every list and text at its bound: neither cost nor size stands in the way."""
    prices = [
        {"pricePerHour": f"{i:09}.123456789", "validFrom": f"20{i:02}-07-01T00:00:00.123456+02:00"} for i in range(64)
    ]
    types = [{"name": f"type-{i}", "match": [f"*{i}*"] * 256, "prices": prices} for i in range(32)]
    statuses = {
        name: [f"{name}{i}".ljust(128, "x") for i in range(64)] for name in ("running", "success", "failure", "waiting")
    }
    spec = example(nodePools__types=types, tasks__statuses=statuses, tasks__query="x" * 65_536)["spec"]
    parse_spec(spec)
    assert refusal(cluster, spec) is None


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("timeZone", (*ZONES, *sorted(available_timezones()))),
        ("tasks__staleAfter", DURATIONS),
        ("refresh", tuple({"schedule": text} for text in CRONS)),
        ("nodePools__types__0__prices__0__pricePerHour", PRICES),
        ("recommendations__nightReduceBelow", SHARES),
        ("nodePools__assumeSchedulesFrom", INSTANTS),
        (
            "period__range",
            tuple({"start": start, "end": end} for start, end in zip(INSTANTS[A_DAY:], INSTANTS, strict=False)),
        ),
    ],
)
def test_the_server_takes_each_odd_text_that_the_parser_takes(
    cluster: Cluster, path: str, values: Sequence[object]
) -> None:
    specs = [(value, example(**{path: value})["spec"]) for value in values]
    good = [(value, spec) for value, spec in specs if _parses(spec)]
    assert len(good) > 4
    assert [(value, why) for value, spec in good if (why := refusal(cluster, spec))] == []


def _parses(spec: dict[str, Any]) -> bool:
    try:
        parse_spec(spec)
    except SpecError:
        return False
    return True


@given(made=SPECS)
def test_the_server_takes_what_the_parser_takes(cluster: Cluster, made: dict[str, Any]) -> None:
    spec = mended(made)
    parse_spec(spec)
    assert refusal(cluster, spec) is None
