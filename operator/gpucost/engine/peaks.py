"""The most nodes that were busy at once (section 5): a sweep over the starts and ends of busy pieces.

A sort of integers and a running sum in numpy: DuckDB's windows over the same rows take four times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from gpucost.core.money import Ints, group_starts
from gpucost.engine.session import Session

PIECES_AT_ONCE: Final = 250_000
"""Pieces that are swept at once, about: they take some 20 MB."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """The most nodes that were busy at one instant, by bucket and type; an attempt without a node counts as one."""

    bucket_us: Ints
    node_type: Ints
    nodes: Ints


def find_peaks(session: Session, lo_us: int, hi_us: int, width_us: int) -> Peaks:
    """Peaks of the session's table ``pieces`` on ``[lo_us, hi_us)``, part by part of the period; types as it numbers them."""
    (count,) = session.con.execute("SELECT count(*) FROM pieces").fetchone() or (0,)
    found = [
        (bucket, np.full(len(bucket), kind), nodes)
        for begin, end in _parts(lo_us, hi_us, width_us, 1 + count // PIECES_AT_ONCE)
        for kind, bucket, nodes in _sweep_part(session, begin, end, width_us)
    ]
    columns = zip(*found, strict=True) if found else [[np.zeros(0, dtype=np.int64)]] * 3
    return Peaks(*(np.concatenate(column) for column in columns))


def _parts(lo_us: int, hi_us: int, width_us: int, count: int) -> Iterator[tuple[int, int]]:
    """``[lo_us, hi_us)`` in at most so many parts that end at the ends of buckets."""
    length = -(-(hi_us - lo_us) // count // width_us) * width_us
    first = lo_us - lo_us % width_us
    for begin in range(first, hi_us, max(length, width_us)):
        yield max(begin, lo_us), min(begin + max(length, width_us), hi_us)


def _sweep_part(session: Session, begin: int, end: int, width_us: int) -> Iterator[tuple[int, Ints, Ints]]:
    text = session.text("busy_parts", **{"from": str(begin), "until": str(end)})
    rows = session.con.execute(text).fetchnumpy()
    kinds, starts, ends = (np.asarray(rows[name]) for name in ("type", "start", "until"))
    for kind in np.unique(kinds).tolist():
        mine = kinds == kind
        yield kind, *sweep(starts[mine], ends[mine], width_us)


def sweep(starts: Ints, ends: Ints, width_us: int) -> tuple[Ints, Ints]:
    """Buckets in which half-open pieces ``[start, end)`` lie, and the most pieces at one instant of each."""
    edges = np.concatenate(
        (2 * starts + 1, 2 * ends)
    )  # the last bit: 1 where a piece starts; at one instant ends come first
    edges.sort()
    times, level = edges >> 1, np.cumsum(2 * (edges & 1) - 1)
    lasting = np.flatnonzero((times[1:] > times[:-1]) & (level[:-1] > 0))
    since, until, level = times[lasting], times[lasting + 1], level[lasting]
    first, last = since // width_us, (until - 1) // width_us
    begins = group_starts(first)
    long = np.flatnonzero(last > first)  # few: a level that lasts is the level of the buckets that follow, too
    beyond = (last - first)[long]
    later = np.arange(beyond.sum()) - np.repeat(np.cumsum(beyond) - beyond, beyond) + 1
    bucket = np.concatenate((first[begins], np.repeat(first[long], beyond) + later))
    nodes = np.concatenate((np.maximum.reduceat(level, begins), np.repeat(level[long], beyond)))
    buckets, place = np.unique(bucket, return_inverse=True)
    most = np.zeros(len(buckets), dtype=np.int64)
    np.maximum.at(most, place, nodes)
    return buckets * width_us, most
