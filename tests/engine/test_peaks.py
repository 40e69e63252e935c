"""The most nodes busy at once, per bucket: a sweep, compared with counting at every instant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.engine.peaks import sweep


def peaks(*pieces: tuple[int, int], width: int = 10) -> dict[int, int]:
    starts, ends = (np.array(column, dtype=np.int64) for column in zip(*pieces, strict=True))
    return dict(zip(*(column.tolist() for column in sweep(starts, ends, width)), strict=True))


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([(0, 5), (2, 4)], {0: 2}),
        ([(0, 5), (5, 9)], {0: 1}),  # at 5 one ends and one starts: never both
        ([(3, 35), (12, 14)], {0: 1, 10: 2, 20: 1, 30: 1}),  # a level that lasts is that of later buckets, too
        ([(3, 10), (4, 10), (10, 12)], {0: 2, 10: 1}),  # what ends at a bucket's start is not in it
        ([(-15, -5)], {-20: 1, -10: 1}),  # before 1970
    ],
)
def test_examples(pieces: list[tuple[int, int]], expected: dict[int, int]) -> None:
    assert peaks(*pieces) == expected


@given(st.lists(st.builds(lambda at, length: (at, at + length), st.integers(-40, 60), st.integers(1, 35)), min_size=1))
def test_it_is_what_counting_at_every_instant_finds(pieces: list[tuple[int, int]]) -> None:
    expected: dict[int, int] = {}
    for instant in range(-40, 100):
        level = sum(start <= instant < end for start, end in pieces)
        if level:
            bucket = instant // 10 * 10
            expected[bucket] = max(expected.get(bucket, 0), level)
    assert peaks(*pieces) == expected
