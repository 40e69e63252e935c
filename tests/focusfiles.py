"""FOCUS files as their readers see them: rows of text, summed with decimals."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from gpucost.core.money import NANO
from gpucost.report.columns import Table
from gpucost.report.csvtext import csv_chunks, unguarded

Row = dict[str, str | None]

GOLDEN = sorted((Path(__file__).parent / "data" / "golden").glob("*.json"))


def golden_case(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["case"]
    return case


def read_csv(chunks: Iterable[bytes]) -> list[Row]:
    """Rows of a CSV file, its texts as they were before they were guarded; an empty cell is None."""
    lines = csv.reader(io.StringIO(b"".join(chunks).decode(), newline=""))
    names = next(lines)
    return [{name: unguarded(cell) or None for name, cell in zip(names, line, strict=True)} for line in lines]


def rows_of(found: Table) -> list[Row]:
    return read_csv(csv_chunks(found))


def nano(text: str | None) -> int:
    """Nano-units of a decimal; fails where it has more digits."""
    scaled = Decimal(text or "nothing") * NANO
    assert scaled == scaled.to_integral_value()
    return int(scaled)


def sums(rows: Iterable[Row], key: Callable[[Row], Hashable], column: str = "BilledCost") -> dict[Hashable, int]:
    """Sums of a column in nano-units by key, without those that are 0."""
    found: dict[Hashable, int] = defaultdict(int)
    for row in rows:
        found[key(row)] += nano(row[column])
    return {name: value for name, value in found.items() if value}


def outcome(row: Row) -> str | None:
    """The outcome in a row's tags; None: allocated to nobody."""
    found: str | None = json.loads(row["AllocatedTags"] or "{}").get("gpucost/outcome")
    return found
