"""The operator's own metrics."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from gpucost.engine import source
from gpucost.metrics.families import FAMILIES
from gpucost.metrics.operator import OperatorMetrics
from gpucost.report.conditions import REASONS
from metrics.pages import series


def test_what_was_told_is_what_shows() -> None:
    registry = CollectorRegistry()
    own = OperatorMetrics(registry, "1.2.3")
    own.watch_event("cronjobs", 1_750_000_000_500_000)
    own.watch_event("costreports", 1_750_000_001_000_000)
    own.queue_depth(7)
    own.queue_waited(0.3)
    own.queue_waited(400.0)
    own.database_error("DatabaseUnreachable")
    own.database_error("DatabaseUnreachable")
    own.ledger_error()
    found = {(name, tuple(sorted(dict(labels).values()))): value for (name, labels), value in all_of(registry).items()}
    assert found["gpucost_watch_last_event_timestamp_seconds", ("cronjobs",)] == 1_750_000_000.5
    assert found["gpucost_watch_last_event_timestamp_seconds", ("costreports",)] == 1_750_000_001.0
    assert found["gpucost_work_queue_depth", ()] == 7
    assert found["gpucost_work_queue_latency_seconds_bucket", ("0.5",)] == 1
    assert found["gpucost_work_queue_latency_seconds_bucket", ("300.0",)] == 1
    assert found["gpucost_work_queue_latency_seconds_count", ()] == 2
    assert found["gpucost_database_errors_total", ("DatabaseUnreachable",)] == 2
    assert found["gpucost_ledger_errors_total", ()] == 1
    assert found["gpucost_build_info", ("1.2.3",)] == 1
    assert found["process_resident_memory_bytes", ()] > 0


def test_nothing_is_said_before_it_is_known() -> None:
    registry = CollectorRegistry()
    OperatorMetrics(registry, "1.2.3")
    names = {name for name, _ in all_of(registry)}
    assert "gpucost_watch_last_event_timestamp_seconds" not in names


def test_errors_count_from_zero_so_that_the_first_one_is_an_increase() -> None:
    """Prometheus sees no increase where a counter appears at 1: every reason for which a read can fail is there at once."""
    registry = CollectorRegistry()
    OperatorMetrics(registry, "1.2.3")
    found = all_of(registry)
    total = {labels: value for (name, labels), value in found.items() if name == "gpucost_database_errors_total"}
    errors = {dict(labels)["reason"]: value for labels, value in total.items()}
    reasons = {value for name, value in vars(source).items() if name.isupper() and isinstance(value, str)}
    assert errors == dict.fromkeys(reasons & set(REASONS), 0)
    assert len(errors) == 5
    assert found["gpucost_ledger_errors_total", frozenset()] == 0


def test_readiness_is_asked_for_at_each_scrape() -> None:
    registry = CollectorRegistry()
    own, missing = OperatorMetrics(registry, "1.2.3"), ["the ledger is not open yet"]
    own.ready_when(lambda: not missing)
    assert all_of(registry)["gpucost_operator_ready", frozenset()] == 0
    missing.clear()
    assert all_of(registry)["gpucost_operator_ready", frozenset()] == 1


def test_two_operators_of_one_process_share_nothing() -> None:
    for _ in range(2):
        OperatorMetrics(CollectorRegistry(), "1.2.3").ledger_error()
    assert not [metric.name for metric in REGISTRY.collect() if metric.name.startswith("gpucost")]


def test_names_carry_their_prefix_and_unit() -> None:
    """One word, base units, no counter's suffix on a gauge."""
    for family in FAMILIES:
        assert re.fullmatch(r"gpucost_[a-z_]+", family.name)
        assert not family.name.endswith(("_total", "_info", "_count", "_sum", "_bucket", "_created"))
        assert family.help.endswith(".")
    modules = Path(__file__).parents[2] / "operator" / "gpucost" / "metrics"
    emitted = (modules / "samples.py").read_text(encoding="utf-8")
    constants = re.findall(r"^([A-Z_]+): Final = Family\(", (modules / "families.py").read_text(encoding="utf-8"), re.M)
    assert [name for name in constants if f"families.{name}" not in emitted] == []
    assert len(constants) == len(FAMILIES)


def all_of(registry: CollectorRegistry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return series(generate_latest(registry))
