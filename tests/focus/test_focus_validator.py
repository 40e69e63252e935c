"""The FinOps Foundation's own validator reads our files. Its newest release on PyPI has the rules of FOCUS 1.0.

``make`` installs it in an environment of its own (tests/focus/requirements.lock), for it needs older libraries.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from casereport import report_of
from focusfiles import GOLDEN, golden_case
from gpucost.report.csvtext import csv_chunks
from gpucost.report.focus import focus_rows

VALIDATOR = Path(os.environ.get("FOCUS_VALIDATOR") or Path(sys.prefix) / "focus-validator")
CONDITIONAL = {
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCategory",
    "RegionId",
    "RegionName",
    "SkuId",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
}
"""Columns that it always asks for, though the specification does so on a condition that does not hold."""
MISNAMED = {"InvoiceIssuer", "Provider", "Publisher", "ResourceID"}
"""Columns that the specification calls InvoiceIssuerName, ProviderName, PublisherName and ResourceId."""


REQUIRED = {f"{column}_Required" for column in CONDITIONAL | MISNAMED}

pytestmark = pytest.mark.skipif(not VALIDATOR.exists(), reason="focus-validator is not installed")


@pytest.mark.parametrize("name", ["dense", "open-period", "plain"])
def test_it_asks_for_absent_columns_and_finds_nothing_else(name: str, tmp_path: Path) -> None:
    assert failures(charges(name), tmp_path) == REQUIRED


def test_it_finds_what_is_wrong(tmp_path: Path) -> None:
    broken = charges("plain").replace(b",USD,", b",Dollars,").replace(b",Usage-Based,", b",Weekly,")
    assert failures(broken, tmp_path) - REQUIRED == {"BillingCurrency_IsCurrencyCode", "ChargeFrequency_Enum"}


def charges(name: str) -> bytes:
    (path,) = (path for path in GOLDEN if path.stem == name)
    return b"".join(csv_chunks(focus_rows(report_of(golden_case(path), details=False))))


def failures(data: bytes, folder: Path) -> set[str]:
    """The checks that it says failed. It looks for its list of currencies below the working directory."""
    path = folder / "focus.csv"
    path.write_bytes(data)
    (home,) = VALIDATOR.glob("lib/python*/site-packages")
    command = [VALIDATOR / "bin" / "focus-validator", "--data-file", path, "--validate-version", "1.0"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=120, check=False)
    assert "Validation" in done.stdout, done.stderr
    return set(re.findall(r"^(\w+) failed:$", done.stdout, re.M))
