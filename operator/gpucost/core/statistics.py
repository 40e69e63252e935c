"""Distributions of whole numbers, exactly (section 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from gpucost.core.money import Ints

QUANTILES: Final = {name: Fraction(int(name[1:]), 100) for name in ("p05", "p25", "p50", "p75", "p90", "p95")}


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of n values: mean, sample standard deviation (n - 1; None for one value), quantiles, weighted mean."""

    count: int
    mean: Fraction
    std: Fraction | None
    """Rounded to 9 digits: a root need not be a rational."""
    quantiles: dict[str, Fraction]
    weighted_mean: Fraction | None
    """None where the weights are all zero."""


def distribution(values: Sequence[int] | Ints, weights: Ints, weighted_sum: int | None = None) -> Distribution | None:
    """The distribution of values; None of none. ``weighted_sum``: sum of value * weight, where it is known exactly."""
    if not len(values):
        return None
    whole_numbers = [int(value) for value in values]
    ordered = sorted(whole_numbers)
    total, whole = sum(ordered), int(weights.sum())
    product = sum(map(int.__mul__, whole_numbers, weights.tolist())) if weighted_sum is None else weighted_sum
    return Distribution(
        count=len(ordered),
        mean=Fraction(total, len(ordered)),
        std=_deviation(ordered, total),
        quantiles={name: quantile(ordered, p) for name, p in QUANTILES.items()},
        weighted_mean=Fraction(product, whole) if whole else None,
    )


def quantile(ordered: Sequence[int], p: Fraction) -> Fraction:
    """Linear between order statistics: at position (n - 1) * p, counted from 0."""
    position = (len(ordered) - 1) * p
    below = int(position)
    rest = position - below
    return ordered[below] + rest * (ordered[below + 1] - ordered[below]) if rest else Fraction(ordered[below])


def _deviation(ordered: Sequence[int], total: int) -> Fraction | None:
    """sqrt((n * sum(x^2) - sum(x)^2) / (n * (n - 1))), to 9 digits, half up."""
    n = len(ordered)
    if n < 2:
        return None
    squares = n * sum(x * x for x in ordered) - total * total
    scale = 10**9
    doubled = math.isqrt(4 * scale * scale * squares // (n * (n - 1)))
    return Fraction((doubled + 1) // 2, scale)
