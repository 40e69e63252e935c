"""FOCUS files keep the rules of the published specification, read from it and written down here once more.

Version 1.2 (columns, and the attributes Column Handling, Currency, Date/Time, Key-Value, Null, Numeric and Unit Format), and
of version 1.3 the five columns of split cost allocation. Nothing here comes from the exporter: rows are read as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from casereport import report_of
from focusfiles import GOLDEN, Row, golden_case, rows_of
from gpucost.ledger.records import FinalReport
from gpucost.report.focus import correction_rows, focus_rows
from gpucost.report.status import status_of

MANDATORY = {
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
}
RECOMMENDED = {"AllocatedMethodDetails", "ChargeFrequency", "InvoiceId", "ServiceSubcategory"}
CONDITIONS = {
    "measures usage": {"ConsumedQuantity", "ConsumedUnit"},
    "bills provisioned resources": {"ResourceId", "ResourceName", "ResourceType"},
    "splits costs": {"AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags"},
}
"""Conditional columns whose condition holds."""
NOT_NULL = {
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
}
NUMERIC = {
    "BilledCost",
    "ConsumedQuantity",
    "ContractedCost",
    "EffectiveCost",
    "ListCost",
    "PricingQuantity",
}
DATES = {"BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"}
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"Correction", None},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
}
COMPUTE = {
    "Containers",
    "End User Computing",
    "Quantum Compute",
    "Serverless Compute",
    "Virtual Machines",
    "Other (Compute)",
}
"""Subcategories of the service category Compute."""
NUMBER = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?", re.ASCII)
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
NAME = re.compile(r"(x_)?([A-Z][a-z]+)+", re.ASCII)
UNIT = re.compile(r"[A-Z][a-z]+-(Years|Months|Days|Hours|Minutes|Seconds)", re.ASCII)
PROVIDER_TAG = "gpucost/"


def violations(rows: list[Row]) -> Iterator[str]:
    """What a file does against the specification, in words."""
    names = set(rows[0])
    wanted = MANDATORY | RECOMMENDED | set().union(*CONDITIONS.values())
    if wanted - names:
        yield from (f"{name} is missing" for name in sorted(wanted - names))
        return
    yield from (
        f"{name} is no column of FOCUS, and not prefixed x_" for name in sorted(names - wanted) if name[:2] != "x_"
    )
    yield from (f"{name} is not in Pascal case" for name in sorted(names) if not NAME.fullmatch(name))
    for row in rows:
        for rule in RULES:
            yield from rule(row)


def _cells(row: Row) -> Iterator[str]:
    for name, value in row.items():
        if value is None:
            if name in NOT_NULL:
                yield f"{name} is null"
        elif not value.strip() or value in ("Not Applicable", "N/A", "null", "None"):
            yield f"{name} is a placeholder: {value!r}"
        elif name in NUMERIC and not NUMBER.fullmatch(value):
            yield f"{name} is no number: {value}"
        elif name in DATES and not DATE.fullmatch(value):
            yield f"{name} is no instant: {value}"
    for name, allowed in ALLOWED.items():
        if row[name] not in allowed:
            yield f"{name} is {row[name]}"


def _currency(row: Row) -> Iterator[str]:
    if not re.fullmatch("[A-Z]{3}", row["BillingCurrency"] or ""):
        yield "BillingCurrency is no ISO 4217 code"


def _service(row: Row) -> Iterator[str]:
    if row["ServiceCategory"] != "Compute" or row["ServiceSubcategory"] not in COMPUTE:
        yield f"{row['ServiceSubcategory']} is not of {row['ServiceCategory']}"


def _periods(row: Row) -> Iterator[str]:
    for kind in ("Billing", "Charge"):
        if not str(row[f"{kind}PeriodStart"]) < str(row[f"{kind}PeriodEnd"]):
            yield f"the {kind.lower()} period ends before it begins"
    if not str(row["BillingPeriodStart"]) <= str(row["ChargePeriodStart"]) <= str(row["ChargePeriodEnd"]):
        yield "the charge period begins before the billing period"
    if str(row["ChargePeriodEnd"]) > str(row["BillingPeriodEnd"]):
        yield "the charge period ends after the billing period"


def _quantities(row: Row) -> Iterator[str]:
    for kind in ("Pricing", "Consumed"):
        quantity, unit = row[f"{kind}Quantity"], row[f"{kind}Unit"]
        if (quantity is None) != (unit is None):
            yield f"{kind}Unit is null where {kind}Quantity is not, or the other way"
        if quantity is None and row["ChargeClass"] != "Correction":
            yield f"{kind}Quantity is null in a charge of usage"
        if unit is not None and not UNIT.fullmatch(unit):
            yield f"{kind}Unit is not of the unit format: {unit}"


def _costs(row: Row) -> Iterator[str]:
    """Without unit prices, list and contracted cost are the billed cost."""
    costs = [str(row[name]) for name in ("BilledCost", "ListCost", "ContractedCost")]
    if all(map(NUMBER.fullmatch, costs)) and len(set(map(Decimal, costs))) > 1:
        yield "ListCost or ContractedCost differs from BilledCost, and no unit price says why"


def _resource(row: Row) -> Iterator[str]:
    if (row["ResourceId"] is None) != (row["ResourceType"] is None):
        yield "ResourceType is null where ResourceId is not, or the other way"
    if row["ResourceId"] is None and row["ResourceName"] is not None:
        yield "ResourceName without ResourceId"
    if row["ResourceId"] is not None and row["ResourceId"] == row["ResourceName"]:
        yield "ResourceName duplicates ResourceId"


def _allocation(row: Row) -> Iterator[str]:
    parts = ("AllocatedMethodDetails", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags")
    if row["AllocatedMethodId"] is None:
        yield from (f"{name} without AllocatedMethodId" for name in parts if row[name] is not None)
    if (row["AllocatedResourceId"] is None) != (row["AllocatedResourceName"] is None):
        yield "AllocatedResourceName is null where AllocatedResourceId is not, or the other way"


def _tags(row: Row) -> Iterator[str]:
    """A JSON object of plain values; tags that a provider defines have its prefix, and true where they have no value."""
    for key, value in json.loads(row["AllocatedTags"] or "{}", object_pairs_hook=_unique).items():
        if isinstance(value, dict | list):
            yield f"tag {key} is no plain value"
        if not key.startswith(PROVIDER_TAG):
            yield f"tag {key} has no prefix"


def _details(row: Row) -> Iterator[str]:
    if row["AllocatedMethodDetails"] is None:
        return
    details = json.loads(row["AllocatedMethodDetails"], object_pairs_hook=_unique)
    if not isinstance(details, dict) or set(details) != {"Elements"} or not details["Elements"]:
        yield "AllocatedMethodDetails is no object with Elements"
        return
    for element in details["Elements"]:
        if not isinstance(element.get("AllocatedRatio"), int | float) or not 0 <= element["AllocatedRatio"] <= 1:
            yield "AllocatedRatio is no ratio"
        if set(element) - {"AllocatedRatio", "UsageUnit", "UsageQuantity"}:
            yield "Elements have keys that FOCUS does not define"
        if "UsageQuantity" in element and "UsageUnit" not in element:
            yield "UsageQuantity without UsageUnit"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "keys must be unique"
    return dict(pairs)


RULES: tuple[Callable[[Row], Iterator[str]], ...] = (
    _cells,
    _currency,
    _service,
    _periods,
    _quantities,
    _costs,
    _resource,
    _allocation,
    _tags,
    _details,
)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_case_keeps_every_rule(path: Path) -> None:
    rows = rows_of(focus_rows(report_of(golden_case(path), details=False)))
    assert sorted(set(violations(rows))) == []
    assert {row["ChargeClass"] for row in rows} == {None}


def test_parts_of_one_cost_have_the_same_dimensions() -> None:
    """Split Cost Allocation Handling: what is no sum and no allocation is that of the charge that was split."""
    rows = rows_of(focus_rows(report_of(golden_case(GOLDEN[0]), details=False)))
    origins: dict[Any, set[Any]] = {}
    for row in rows:
        same = tuple(value for name, value in row.items() if name not in NUMERIC and not name.startswith("Allocated"))
        origins.setdefault((row["ChargePeriodStart"], row["ResourceId"]), set()).add(same)
    assert {len(found) for found in origins.values()} == {1}


def test_corrections_keep_every_rule() -> None:
    case = golden_case(GOLDEN[-1])
    then, now = report_of(case, details=False), report_of(case | {"events": case["events"][::2]}, details=False)
    period, status = then.period, status_of(then, top_services=1)
    before = FinalReport("u", "default", "case", period.start_us, period.end_us, then.now_us, "r", {}, status)
    rows = rows_of(correction_rows(now, before))
    assert sorted(set(violations(rows))) == []
    assert {row["ChargeClass"] for row in rows} == {"Correction"}


BROKEN = {
    "BilledCost": ["1,5", "+1", "$1", "1.5E+8", "1 1/2", None],
    "BillingCurrency": ["usd", "US Dollar", None],
    "ChargePeriodStart": ["2025-06-02", "2025-06-02T00:00:00+00:00", "2025-06-02 00:00:00Z", None],
    "ChargePeriodEnd": ["2024-01-01T00:00:00Z", "2999-01-01T00:00:00Z"],
    "ChargeCategory": ["usage", None],
    "ChargeClass": ["Restated"],
    "ListCost": ["0.000000001"],
    "PricingQuantity": [None],
    "PricingUnit": ["node-seconds", "s", None],
    "ProviderName": ["Not Applicable", " ", None],
    "ResourceType": [None],
    "ServiceSubcategory": ["Generative AI", None],
    "AllocatedMethodId": [None],
    "AllocatedMethodDetails": ["[]", '{"Elements": []}', '{"Elements": [{"AllocatedRatio": 2}]}'],
    "AllocatedTags": ['{"outcome": "Success"}', '{"gpucost/outcome": ["Success"]}'],
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_rules_find_what_breaks_them(name: str) -> None:
    rows = rows_of(focus_rows(report_of(golden_case(GOLDEN[-1]), details=False)))
    for value in BROKEN[name]:
        assert list(violations([rows[0] | {name: value}])), f"{name} = {value!r}"
    without = {key: value for key, value in rows[0].items() if key != name}
    assert list(violations([without])) == [f"{name} is missing"]


def test_the_page_says_what_each_column_is() -> None:
    """With its feature level: a mandatory column is shown as such, and no column is left out."""
    page = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(\w+)` \| (\w+)(?: \(1\.3\))? \| (.*) \|$", page, re.M)
    found = focus_rows(report_of(golden_case(GOLDEN[-1]), details=False)).columns
    assert [(name, note) for name, _, note in shown] == [(column.name, column.note) for column in found]
    assert {name for name, level, _ in shown if level == "Mandatory"} == MANDATORY
    assert {name for name, level, _ in shown if level == "Recommended"} == RECOMMENDED
