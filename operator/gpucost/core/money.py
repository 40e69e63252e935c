"""Integers of money and time: exact products, rounding half up, splitting, and decimal text at the edge (section 1).

Money is nano-units of the currency, time is microseconds. The vectorised functions take and return int64 arrays.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

NANO: Final = 1_000_000_000
HOUR_US: Final = 3_600_000_000
SECOND_US: Final = 1_000_000
PRICE_LIMIT: Final = 1_000_000_000
"""Prices stay below this many units an hour, so that a rate of many nodes still fits 64 bits."""

_PRICE = re.compile(r"\d+(\.\d+)?", re.ASCII)


class PriceError(ValueError):
    """A price that is no exact amount of nano-units."""


def parse_price(text: object) -> int:
    """Nano-units of a price given as an integer or a decimal string with at most 9 decimals.

    Raises PriceError for floats (they are not exact), signs, exponents, more decimals, or absurd size.
    """
    if isinstance(text, bool) or not isinstance(text, int | str):
        raise PriceError(f'must be an integer or a decimal string such as "9.50", not {text!r}')
    digits = str(text).strip()
    if not _PRICE.fullmatch(digits):
        raise PriceError(f'must be a decimal number that is not negative, such as "9.50", not {str(text)[:40]!r}')
    whole, _, decimals = digits.partition(".")
    if len(decimals) > 9:
        raise PriceError(f"must have at most 9 decimals, {digits[:40]!r} has {len(decimals)}")
    if len(whole.lstrip("0")) > 9:
        raise PriceError(f"must be less than {PRICE_LIMIT:,} an hour, not {digits[:40]!r}")
    return int(whole) * NANO + int(decimals.ljust(9, "0"))


def round_half_up(numerator: int, denominator: int) -> int:
    """The nearest integer to an exact quotient; halves go up. The denominator is positive (section 1)."""
    return (2 * numerator + denominator) // (2 * denominator)


def multiply_divide(a: npt.ArrayLike, b: npt.ArrayLike, divisor: npt.ArrayLike) -> tuple[Ints, Ints]:
    """Floor and remainder of ``a * b / divisor``, exact although the product needs 128 bits.

    A float estimate of the quotient is off by at most a * b * 2**-51 / divisor. What is left, computed modulo 2**64, is
    therefore the true remainder plus a small multiple of the divisor, and one integer division corrects it. Exact while
    a * b < 2**112 and quotient, remainder and divisor fit 62 bits. All arguments are >= 0, the divisor > 0.
    """
    left, right, by = (np.asarray(x, dtype=np.int64) for x in (a, b, divisor))
    estimate = (left.astype(np.float64) * right / by).astype(np.int64)
    with np.errstate(over="ignore"):
        rest = left * right - estimate * by
    correction, remainder = np.divmod(rest, by)
    return estimate + correction, remainder


def multiply_divide_round(a: npt.ArrayLike, b: npt.ArrayLike, divisor: npt.ArrayLike) -> Ints:
    """``a * b / divisor`` rounded half up, exact; limits as in multiply_divide."""
    quotient, remainder = multiply_divide(a, b, divisor)
    half_up: Ints = quotient + (remainder >= np.asarray(divisor, dtype=np.int64) - remainder)
    return half_up


def split_groups(totals: Ints, weights: Ints, first: Ints) -> Ints:
    """Split one total per group over the group's weights by cumulative rounding (section 1).

    ``first`` holds the index of each group's first weight; groups are contiguous and not empty. Share i of a group is
    round(C * cum_i / S) - round(C * cum_(i-1) / S), so that the shares sum to C exactly. A group whose weights are all
    zero gets zeros: its money has nobody to go to. Returns an array as long as ``weights``.
    """
    if not len(weights):
        return np.zeros(0, dtype=np.int64)
    running = np.cumsum(weights)
    before = running[first] - weights[first]
    sizes = np.diff(np.append(first, len(weights)))
    within = running - np.repeat(before, sizes)
    whole = np.add.reduceat(weights, first)
    bounds = multiply_divide_round(np.repeat(totals, sizes), within, np.repeat(np.maximum(whole, 1), sizes))
    shares = np.diff(bounds, prepend=0)
    shares[first] = bounds[first]
    return shares


def group_starts(*keys: npt.NDArray[np.generic]) -> Ints:
    """Indices at which a new combination of the sorted key columns begins; empty for empty columns."""
    length = len(keys[0])
    if not length:
        return np.zeros(0, dtype=np.int64)
    changed = np.zeros(length, dtype=bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changed)


def check_range(what: str, bound: int) -> None:
    """Raise OverflowError where exact 64-bit arithmetic would not be exact any more."""
    if bound >= 2**62:
        raise OverflowError(f"{what} is too large to be counted exactly in 64 bits; take a shorter period")


def decimal_text(value: Fraction, digits: int, least: int = 0) -> str:
    """A rational as decimal text, rounded half up to ``digits``, with zeros cut down to ``least`` decimals."""
    scaled = round_half_up(value.numerator * 10**digits, value.denominator)
    sign = "-" if scaled < 0 else ""
    whole, decimals = divmod(abs(scaled), 10**digits)
    shown = f"{decimals:0{digits}d}".rstrip("0").ljust(least, "0")
    return f"{sign}{whole}.{shown}" if shown else f"{sign}{whole}"


def money_text(nano: int) -> str:
    """Nano-units as the digits they have, at least two decimals: ``75012.00``, ``449.333333333``."""
    return decimal_text(Fraction(nano, NANO), 9, 2)


def hours_text(microseconds: int) -> str:
    """Microseconds (of time or node time) as hours, rounded half up to 6 decimals."""
    return decimal_text(Fraction(microseconds, HOUR_US), 6)


def seconds_text(microseconds: int) -> str:
    """Microseconds as seconds, exactly."""
    return decimal_text(Fraction(microseconds, SECOND_US), 6)


def ratio_text(numerator: int, denominator: int) -> str | None:
    """A ratio to 6 decimals; None where the denominator is zero (section 4)."""
    return decimal_text(Fraction(numerator, denominator), 6) if denominator else None


def tariff_text(nano: int, count: int) -> str | None:
    """Money per unit to 9 decimals; None where there are no units (section 4)."""
    return decimal_text(Fraction(nano, NANO * count), 9, 2) if count else None


def price_text(nano: int, node_us: int) -> str | None:
    """Mean price of a node-hour to 9 decimals; None without node time."""
    return decimal_text(Fraction(nano * HOUR_US, NANO * node_us), 9, 2) if node_us else None


def failed_second_text(nano: int, microseconds: int) -> str | None:
    """Money per second of failed execution to 9 decimals; None without such time (section 4)."""
    return decimal_text(Fraction(nano * SECOND_US, NANO * microseconds), 9, 2) if microseconds else None


def shown_money(nano: int, currency: str = "") -> str:
    """Money for people: ``75,012.00 USD``."""
    cents = round_half_up(nano, 10_000_000)
    sign, whole = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{whole // 100:,}.{whole % 100:02d} {currency}".rstrip()


def shown_percent(numerator: int, denominator: int) -> str | None:
    """A ratio for people: ``98.4 %``; None where the denominator is zero."""
    if not denominator:
        return None
    return f"{decimal_text(Fraction(100 * numerator, denominator), 1, 1)} %"


def shown_hours(microseconds: int) -> str:
    """Hours for people: ``1,234.5``."""
    tenths = round_half_up(microseconds, HOUR_US // 10)
    return f"{tenths // 10:,}.{tenths % 10}"


def shown_tariff(nano: int | Fraction | None) -> str:
    """Money per unit for people, to six decimals: ``0.061770``; a dash where there is none."""
    if nano is None:
        return "-"
    millionths = round_half_up(nano.numerator, nano.denominator * 1000)
    return f"{millionths // 1_000_000:,}.{millionths % 1_000_000:06d}"
