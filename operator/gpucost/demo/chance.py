"""Pseudo-random integers from a hash of a row's number: the same on every machine, in any order, at any size.

Nothing here is a float: the last bit of a float may depend on the processor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpucost.core.money import Ints


def draw(rows: Ints, stream: int) -> Ints:
    """32 random bits per row; each stream is independent of the others. SplitMix64 (Steele, Lea and Flood 2014)."""
    mixed = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stream * 0x632BE59BD9B4E019 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed >> np.uint64(32)).astype(np.int64)


def below(rows: Ints, stream: int, bound: int) -> Ints:
    """An integer in [0, bound) per row; the bound is at most 2**31."""
    return draw(rows, stream) * bound >> 32


def choose(rows: Ints, stream: int, weights: Sequence[int] | Ints) -> Ints:
    """An index per row, each as likely as its weight."""
    sums = np.cumsum(np.asarray(weights, dtype=np.int64))
    return np.searchsorted(sums, below(rows, stream, int(sums[-1])), side="right").astype(np.int64)


def skewed(rows: Ints, stream: int) -> Ints:
    """Parts of 65,536 around 1: from a half to two, smaller ones more often, one on average."""
    u = draw(rows, stream) >> 16
    return 32_768 + (3 * u * u >> 17)
