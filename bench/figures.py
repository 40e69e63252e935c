"""From a rollup to the figures that are compared: the same small tail for every rival, and their command line.

A rival's own work ends with a `Rollup`, columns by UTC hour. What follows costs milliseconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scenario import (
    DAY_US,
    HOUR_US,
    NOW_US,
    OPEN,
    OUTCOMES,
    START_US,
    TYPES,
    billed_by_hour,
    cost_by_day,
    default_dir,
    half_up,
)

Ints = np.ndarray[Any, np.dtype[np.int64]]
HOURS = (NOW_US - START_US) // HOUR_US


@dataclass(frozen=True, slots=True)
class Rollup:
    """Charged attempts by (hour, type, service, outcome) and busy time by (hour, type); hours count from the start.

    `ended` and `retries` belong to the hour that holds the end of the attempt. Types, services and outcomes are codes.
    Rows may repeat a key. `open_attempts` by service code; `skipped` by reason.
    """

    services: list[str]
    hour: Ints
    node_type: Ints
    service: Ints
    outcome: Ints
    executed_us: Ints
    ended: Ints
    retries: Ints
    busy_hour: Ints
    busy_type: Ints
    busy_us: Ints
    charged: int
    never_ran: int
    open_attempts: dict[int, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    def cube(self, values: Ints) -> Ints:
        """Sums of `values` in an array [hour, type, service, outcome]."""
        shape = (HOURS, len(TYPES), len(self.services), len(OUTCOMES))
        cube = np.zeros(shape, np.int64)
        np.add.at(cube, (self.hour, self.node_type, self.service, self.outcome), values)
        return cube

    def busy_cube(self) -> Ints:
        """Busy microseconds in an array [hour, type]."""
        cube = np.zeros((HOURS, len(TYPES)), np.int64)
        np.add.at(cube, (self.busy_hour, self.busy_type), self.busy_us)
        return cube


def split(cost: int, weights: list[int]) -> list[int]:
    """Cumulative rounding: integer shares that sum to `cost` exactly. All weights zero: nothing is shared out."""
    total, so_far, before, shares = sum(weights), 0, 0, []
    for weight in weights:
        so_far += weight
        upto = half_up(cost * so_far, total) if total else 0
        shares.append(upto - before)
        before = upto
    return shares


def allocate(executed: Ints, services: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Node cost of every (day, type), split over (service, outcome); the rest by type.

    :param executed: microseconds, [day, type, service, outcome]
    """
    order = sorted(range(len(services)), key=lambda i: services[i].encode())
    keys = [(s, o) for s in order for o in range(len(OUTCOMES))]
    allocated = dict.fromkeys(keys, 0)
    rest = dict.fromkeys(TYPES, 0)
    for t, name in enumerate(TYPES):
        for day, cost in enumerate(cost_by_day(name).values()):
            cell = executed[day, t]
            shares = split(cost, [int(cell[key]) for key in keys])
            rest[name] += cost - sum(shares)
            for key, share in zip(keys, shares, strict=True):
                allocated[key] += share
    named = {f"{services[s]}/{OUTCOMES[o]}": v for (s, o), v in allocated.items() if executed[:, :, s, o].any()}
    return named, rest


def executed_figures(rollup: Rollup, executed: Ints) -> dict[str, Any]:
    """Executed time by (type, service, outcome), and its first moment over hours, which pins every hour."""
    moment = (executed * np.arange(HOURS)[:, None, None, None]).sum(0)
    total = executed.sum(0)
    keys = [k for k in np.ndindex(*total.shape) if total[k]]
    names = {k: f"{TYPES[k[0]]}/{rollup.services[k[1]]}/{OUTCOMES[k[2]]}" for k in keys}
    return {
        "executed_us": {names[k]: int(total[k]) for k in keys},
        "executed_us_times_hour": {names[k]: int(moment[k]) for k in keys},
    }


def count_figures(rollup: Rollup) -> dict[str, Any]:
    """Attempts and retries by (service, outcome): those that ended here, and the open ones that touch the period."""
    ended, retries = rollup.cube(rollup.ended).sum((0, 1)), rollup.cube(rollup.retries).sum((0, 1))
    counts = {
        f"{rollup.services[s]}/{OUTCOMES[o]}": {"attempts": int(ended[s, o]), "retries": int(retries[s, o])}
        for s, o in np.ndindex(*ended.shape)
        if ended[s, o]
    }
    for s, n in rollup.open_attempts.items():
        counts[f"{rollup.services[s]}/{OUTCOMES[OPEN]}"] = {"attempts": n, "retries": 0}
    return counts


def busy_figures(rollup: Rollup) -> dict[str, Any]:
    """Busy time by type: all of it, and what lies within the billed node time of each hour."""
    busy = rollup.busy_cube()
    billed = np.array([list(billed_by_hour(t).values()) for t in TYPES]).T
    moment = (busy * np.arange(HOURS)[:, None]).sum(0)
    return {
        name: {
            "uncapped": int(busy[:, t].sum()),
            "capped": int(np.minimum(busy, billed)[:, t].sum()),
            "uncapped_times_hour": int(moment[t]),
        }
        for t, name in enumerate(TYPES)
    }


def figures(rollup: Rollup) -> dict[str, Any]:
    """All figures of the scenario; equal for equal rollups, whatever the order of rows and services."""
    executed = rollup.cube(rollup.executed_us)
    days = executed.reshape(HOURS * HOUR_US // DAY_US, -1, *executed.shape[1:]).sum(1)
    allocated, rest = allocate(days, rollup.services)
    skipped = {k: v for k, v in rollup.skipped.items() if v}
    return {
        **executed_figures(rollup, executed),
        "counts": count_figures(rollup),
        "busy_us": busy_figures(rollup),
        "skipped": skipped,
        "charged": rollup.charged,
        "loaded": rollup.charged + sum(skipped.values()),
        "neverRan": rollup.never_ran,
        "node_cost_nano": {t: sum(cost_by_day(t).values()) for t in TYPES},
        "allocated_nano": allocated,
        "unallocated_nano": rest,
    }


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Options that every rival has."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--events", type=Path, default=default_dir() / "tasks-1m.parquet", help="Parquet file")
    made.add_argument("--time", action="store_true", help="seconds and peak memory to stderr")
    return made


def run(args: argparse.Namespace, reduce: Callable[[argparse.Namespace], Rollup]) -> None:
    """Prints the figures of one run as a JSON object."""
    started = time.perf_counter()
    rollup = reduce(args)
    reduced = time.perf_counter()
    made = figures(rollup)
    done = time.perf_counter()
    print(json.dumps(made, sort_keys=True, ensure_ascii=False))
    if args.time:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"reduce {reduced - started:.3f} s, figures {done - reduced:.3f} s, peak {peak} MiB", file=sys.stderr)
