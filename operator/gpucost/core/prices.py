"""Prices: a step function of time per node type (section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpucost.core.steps import Steps


@dataclass(frozen=True, slots=True)
class PriceStep:
    """A price per node and hour in nano-units, from an instant on; without one, since ever."""

    nano_per_hour: int
    valid_from_us: int | None = None


@dataclass(frozen=True, slots=True)
class PriceCurve:
    """The price in nano-units an hour, 0 where unknown, and where it is known (1) or not (0)."""

    nano_per_hour: Steps
    known: Steps


def price_curve(prices: Sequence[PriceStep], start_us: int) -> PriceCurve:
    """Prices as step functions that begin at ``start_us``. Before the first validFrom there is no price."""
    ordered = sorted(prices, key=lambda p: (p.valid_from_us is not None, p.valid_from_us or 0))
    past = [p for p in ordered if p.valid_from_us is None or p.valid_from_us <= start_us]
    later = [p for p in ordered if p.valid_from_us is not None and p.valid_from_us > start_us]
    starts = np.array([start_us, *(p.valid_from_us or 0 for p in later)], dtype=np.int64)
    values = np.array([past[-1].nano_per_hour if past else 0, *(p.nano_per_hour for p in later)], dtype=np.int64)
    known = np.ones(len(starts), dtype=np.int64)
    known[0] = bool(past)
    return PriceCurve(Steps(starts, values), Steps(starts, known))
