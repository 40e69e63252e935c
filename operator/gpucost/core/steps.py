"""Right-continuous step functions of time and their integrals (section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpucost.core.money import Ints, check_range


@dataclass(frozen=True, slots=True)
class Steps:
    """``values[i]`` holds on ``[starts[i], starts[i + 1])``, the last one without end. Starts ascend, in microseconds."""

    starts: Ints
    values: Ints

    def at(self, instants: Ints) -> Ints:
        """Values at instants, none of them before the first start."""
        return self.values[np.searchsorted(self.starts, instants, side="right") - 1]

    def integral(self, until_us: int) -> Integral:
        """The running integral from the first start, good for instants up to ``until_us`` (value-microseconds)."""
        peak = int(np.abs(self.values).max(initial=0))
        check_range("node time", peak * max(0, until_us - int(self.starts[0])))
        areas = np.diff(self.starts) * self.values[:-1]
        return Integral(self, np.concatenate(([0], np.cumsum(areas))).astype(np.int64))

    def where(self, kept: np.ndarray) -> Steps:
        """The same steps with 0 in place of the values that are not kept."""
        return Steps(self.starts, np.where(kept, self.values, 0))


@dataclass(frozen=True, slots=True)
class Integral:
    """The integral of a step function: ``areas[i]`` is its value at ``steps.starts[i]``."""

    steps: Steps
    areas: Ints

    def at(self, instants: Ints) -> Ints:
        """Value-microseconds from the first start up to each instant."""
        i = np.searchsorted(self.steps.starts, instants, side="right") - 1
        area: Ints = self.areas[i] + self.steps.values[i] * (instants - self.steps.starts[i])
        return area

    def between(self, edges: Ints) -> Ints:
        """Value-microseconds of each cell between neighbouring edges; one fewer than edges."""
        return np.diff(self.at(edges))


def constant(value: int, start_us: int) -> Steps:
    """One value from an instant on."""
    return Steps(np.array([start_us], dtype=np.int64), np.array([value], dtype=np.int64))


def common_starts(functions: Sequence[Steps]) -> Ints:
    """Every start of several step functions, each once, ascending."""
    return np.unique(np.concatenate([f.starts for f in functions]))


def total(functions: Sequence[Steps]) -> Steps:
    """The sum of step functions that begin at the same instant."""
    starts = common_starts(functions)
    return Steps(starts, np.sum([f.at(starts) for f in functions], axis=0, dtype=np.int64))
