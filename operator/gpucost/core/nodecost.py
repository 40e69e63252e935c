"""From node counts and prices to node cost, anchored at the UTC quarter hour (section 1).

Let F(t, i) be the exact cost of pools 1..i of a type from the start of the quarter hour to t. The cost of a piece
``[a, b)`` inside the quarter is round F(b) - round F(a). Written as one running total G(t), which is the rounded quarters
before t plus round F(t), the cost of any piece is G(b) - G(a): costs add up over every cut in time because they are
differences of one function, and over pools because pool i gets G_i - G_(i-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gpucost.core.money import HOUR_US, Ints, check_range, multiply_divide
from gpucost.core.steps import Steps, common_starts, constant, total

QUARTER_US: Final = 900_000_000


def quarter_start(instant_us: int) -> int:
    """The start of the UTC quarter hour that holds an instant."""
    return instant_us - instant_us % QUARTER_US


@dataclass(frozen=True, slots=True)
class RunningCost:
    """G(t): the anchored cost of a rate from the quarter hour of the first start up to t, in nano-units.

    On segment i the rate is ``rates[i]`` nano-units an hour. ``booked[i]`` are the rounded quarter hours before that of
    ``starts[i]``; the quarter's exact cost so far is ``whole[i]`` nano-units and ``rest[i]`` / HOUR_US of another.
    """

    starts: Ints
    rates: Ints
    booked: Ints
    whole: Ints
    rest: Ints

    def at(self, instants: Ints) -> Ints:
        """G at instants not before the first start."""
        i = np.searchsorted(self.starts, instants, side="right") - 1
        origin = self.starts[i]
        here, later = origin - origin % QUARTER_US, instants - instants % QUARTER_US
        same = here == later
        first = _rounded(
            self.rates[i], np.where(same, instants, here + QUARTER_US) - origin, self.whole[i], self.rest[i]
        )
        quarters = np.where(same, 0, (later - here) // QUARTER_US - 1)
        last = np.where(same, 0, _rounded(self.rates[i], instants - later, 0, 0))
        whole_quarters = quarters * _rounded(self.rates[i], QUARTER_US, 0, 0)
        return np.asarray(self.booked[i] + first + whole_quarters + last, dtype=np.int64)

    def between(self, edges: Ints) -> Ints:
        """Cost of each cell between neighbouring edges, in nano-units; one fewer than edges."""
        return np.diff(self.at(edges))


def _rounded(rates: Ints, elapsed: Ints | int, whole: Ints | int, rest: Ints | int) -> Ints:
    """round(whole + rest / HOUR_US + rate * elapsed / HOUR_US), halves up."""
    quotient, remainder = multiply_divide(rates, elapsed, HOUR_US)
    rounded: Ints = whole + quotient + (remainder + rest + HOUR_US // 2) // HOUR_US
    return rounded


def running_cost(rates: Steps, until_us: int) -> RunningCost:
    """G of a rate in nano-units an hour, for instants from the first start (a quarter hour's start) to ``until_us``."""
    peak = int(rates.values.max(initial=0))
    check_range("node cost", peak * (until_us - int(rates.starts[0])) // HOUR_US + peak)
    booked = whole = rest = 0
    rows = []
    starts = rates.starts.tolist()
    for start, end, rate in zip(starts, [*starts[1:], starts[-1]], rates.values.tolist(), strict=True):
        rows.append((booked, whole, rest))
        booked, whole, rest = _advance(booked, whole * HOUR_US + rest, start, end, rate)
    columns = np.array(rows, dtype=np.int64).T
    return RunningCost(rates.starts, rates.values, columns[0], columns[1], columns[2])


def _advance(booked: int, accrued: int, start: int, end: int, rate: int) -> tuple[int, int, int]:
    """Carry the books over one segment; ``accrued`` is the quarter's exact cost times HOUR_US."""
    here, later = quarter_start(start), quarter_start(end)
    if here == later:
        accrued += rate * (end - start)
    else:
        booked += _half_up(accrued + rate * (here + QUARTER_US - start))
        booked += ((later - here) // QUARTER_US - 1) * _half_up(rate * QUARTER_US)
        accrued = rate * (end - later)
    return booked, *divmod(accrued, HOUR_US)


def _half_up(times_hour: int) -> int:
    return (times_hour + HOUR_US // 2) // HOUR_US


def rate_of(counts: Steps, prices: Steps) -> Steps:
    """Nodes times price, in nano-units an hour."""
    check_range("the price of a pool's nodes", int(counts.values.max(initial=0)) * int(prices.values.max(initial=0)))
    starts = common_starts([counts, prices])
    return Steps(starts, counts.at(starts) * prices.at(starts))


@dataclass(frozen=True, slots=True)
class TypeCost:
    """Node cost of one type, and of its pools (in the order they were given) as differences of running sums."""

    sums: tuple[RunningCost, ...]

    def between(self, edges: Ints) -> Ints:
        """Cost of the type in each cell between neighbouring edges, in nano-units."""
        return self.sums[-1].between(edges)

    def at(self, instants: Ints) -> Ints:
        """The type's running cost at instants, in nano-units."""
        return self.sums[-1].at(instants)

    def pool_between(self, index: int, edges: Ints) -> Ints:
        """Cost of pool number ``index`` in each cell between neighbouring edges, in nano-units."""
        cost: Ints = self.sums[index + 1].between(edges) - self.sums[index].between(edges)
        return cost


def type_cost(pools: Sequence[Steps], prices: Steps, start_us: int, until_us: int) -> TypeCost:
    """Cost of a type whose pools, ordered by name, have these node counts (unknown as 0) and one price.

    All steps begin at ``start_us``, the start of a quarter hour. A type without pools costs nothing.
    """
    sums = [constant(0, start_us)]
    for counts in pools:
        sums.append(total([sums[-1], counts]))
    return TypeCost(tuple(running_cost(rate_of(counts, prices), until_us) for counts in sums))
