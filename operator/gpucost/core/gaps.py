"""Gaps: time in which a type has nodes and no task runs (section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpucost.core.money import Ints
from gpucost.core.nodes import TypeUse


@dataclass(frozen=True, slots=True)
class Gaps:
    """Maximal intervals without a running task while nodes > 0, and the node cost of each, in nano-units."""

    start_us: Ints
    end_us: Ints
    cost: Ints


def gaps_of(use: TypeUse, start_us: Ints, end_us: Ints, lo_us: int, hi_us: int) -> Gaps:
    """The gaps of one type in ``[lo_us, hi_us)``, given the intervals in which its tasks ran, in any order."""
    order = np.argsort(start_us, kind="stable")
    begun, over = start_us[order], np.maximum.accumulate(end_us[order])
    edges = np.unique(np.concatenate(([lo_us, hi_us], begun, over, use.counts.starts)))
    edges = edges[(edges >= lo_us) & (edges <= hi_us)]
    left = edges[:-1]
    last = np.searchsorted(begun, left, side="right") - 1
    running = (last >= 0) & (np.append(over, 0)[last] > left)
    empty = ~running & (use.counts.at(left) > 0)
    turns = np.diff(np.concatenate(([False], empty, [False])).astype(np.int8))
    first, behind = edges[:-1][turns[:-1] == 1], edges[np.flatnonzero(turns == -1)]
    return Gaps(first, behind, use.cost.at(behind) - use.cost.at(first))
