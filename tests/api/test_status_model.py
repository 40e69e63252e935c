"""Every status that gpucost makes is one of the model: the server silently drops status fields that its schema lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api.manifests import WHOLE_STATUS, fields
from casereport import report_of
from command import installed
from docs.generate import demo_report
from gpucost.api.crd import cost_report_crd
from gpucost.api.status import CostReportStatus
from gpucost.report.status import status_of

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples"
CASES = sorted((TESTS / "data" / "golden").glob("*.json"))


def assert_is_of_the_model(status: dict[str, Any]) -> None:
    """Strictly: numbers are no text, and every field is known, by its name in manifests."""
    found = CostReportStatus.model_validate_json(json.dumps(status), strict=True, by_name=False)
    assert found.model_dump(by_alias=True, exclude_unset=True) == status


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_status_of_a_golden_case_is_of_the_model(path: Path) -> None:
    report = report_of(json.loads(path.read_text(encoding="utf-8"))["case"], details=False)
    assert_is_of_the_model(status_of(report))
    assert_is_of_the_model(status_of(report, top_services=1))


def test_the_status_of_the_demo_is_of_the_model() -> None:
    assert_is_of_the_model(status_of(demo_report()))


@pytest.mark.parametrize("now", ["2025-07-10T09:30:00Z", "2025-12-01T00:00:00Z"], ids=["in the period", "after it"])
def test_the_status_of_the_example_is_of_the_model(now: str) -> None:
    folder = EXAMPLES / "summer"
    run = installed(
        "report", "-f", folder / "report.yaml", "--cronjobs", folder / "cronjobs.yaml", "--now", now, "-o", "json"
    )
    assert_is_of_the_model(run.status())


def test_the_whole_interface_is_in_the_model_and_nothing_else() -> None:
    assert_is_of_the_model(WHOLE_STATUS)
    schema = cost_report_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert {path for path, _ in fields(schema, "")} == set(_paths(WHOLE_STATUS, ""))


def _paths(value: object, path: str) -> list[str]:
    """Paths of everything in a value, lists by their first item."""
    if isinstance(value, dict):
        return [path, *(inner for name, field in value.items() for inner in _paths(field, f"{path}.{name}"))]
    return [path, *_paths(value[0], f"{path}[]")] if isinstance(value, list) else [path]


@pytest.mark.parametrize(
    "wrong",
    [
        {"summary": {"nodeCost": 75012.0}},
        {"summary": {"nodeCost": "NaN"}},
        {"summary": {"nodeCost": "75,012.00"}},
        {"summary": {"nodeCost": "75012"}},
        {"summary": {"nodeHours": "1.1234567"}},
        {"summary": {"attempts": -1}},
        {"summary": {"nodecost": "1.00"}},
        {"nodePools": [{"nodeHours": "1"}]},
    ],
    ids=str,
)
def test_floats_display_texts_and_unknown_fields_are_not(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        assert_is_of_the_model(wrong)
