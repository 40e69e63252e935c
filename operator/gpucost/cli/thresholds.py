"""--fail-on: what makes a computed report a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from gpucost.api.costreport import SpecError
from gpucost.core.money import HOUR_US, SECOND_US, decimal_text
from gpucost.report.report import Report

UNITS: Final[Mapping[str, str]] = {
    "uncovered": "seconds of unknown node count",
    "unpriced": "node-hours without a price",
    "skipped": "attempts skipped",
    "conflicts": "schedule conflicts",
}


def parse_thresholds(texts: Iterable[str]) -> dict[str, Fraction]:
    """``name`` or ``name=N`` -> N (default 0). Raises SpecError."""
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in UNITS:
            raise SpecError(f"--fail-on {text}: must be one of {', '.join(UNITS)}, with or without =N")
        try:
            found[name] = Fraction(number or 0)
        except (ValueError, ZeroDivisionError):
            raise SpecError(f"--fail-on {text}: {number!r} must be a number") from None
    return found


def crossed(report: Report, thresholds: Mapping[str, Fraction]) -> list[str]:
    """A sentence for each threshold that the report is above of."""
    quality = report.quality
    values = {
        "uncovered": Fraction(quality.uncovered_us, SECOND_US),
        "unpriced": Fraction(quality.unpriced_us, HOUR_US),
        "skipped": Fraction(sum(quality.skipped.values())),
        "conflicts": Fraction(len(quality.conflicts)),
    }
    return [
        f"--fail-on {name}: {decimal_text(values[name], 6)} {UNITS[name]}, more than {decimal_text(limit, 6)}"
        for name, limit in thresholds.items()
        if values[name] > limit
    ]
