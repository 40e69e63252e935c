"""Tables of section 5 that look at every attempt: tasks, attempts, durations, distributions, gaps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np

from gpucost.core.allocation import Outcome
from gpucost.core.gaps import gaps_of
from gpucost.core.instants import instant_text
from gpucost.core.money import SECOND_US, Ints, round_half_up
from gpucost.core.statistics import QUANTILES, Distribution, distribution
from gpucost.engine.reduction import STILL_OPEN
from gpucost.report.columns import Column, Kind, Table
from gpucost.report.lines import Mask, ratio
from gpucost.report.report import OUTCOMES, Details, Report

ALL_SERVICES: Final = "(all)"
_OUTCOME_NAMES: Final = np.array([str(outcome) for outcome in OUTCOMES], dtype=object)


class NoDetails(ValueError):
    """The report does not know single attempts."""


def details_of(report: Report) -> Details:
    """The attempts of a report. Raises NoDetails where it was computed without them."""
    if report.census is None:
        raise NoDetails("the report has no spec.tasks, so it knows no tasks and no attempts")
    if report.details is None:
        raise NoDetails("the report was computed without its attempts: compute it with details=True")
    return report.details


def attempts(report: Report) -> Table:
    """Every charged attempt that touches the period, by task id and start, with its money in the period."""
    details = details_of(report)
    rows = details.attempts
    return Table(
        "attempts",
        (
            Column("task_id", Kind.TEXT, rows.task_ids[rows.task]),
            Column("user_id", Kind.TEXT, rows.users[rows.task]),
            Column("service_name", Kind.TEXT, names(report.services)[rows.service]),
            Column("node_type", Kind.TEXT, names(report.types)[rows.node_type]),
            Column("node", Kind.TEXT, [node.partition(" ")[2] or None for node in rows.node], "name or id of the node"),
            Column("outcome", Kind.TEXT, _OUTCOME_NAMES[rows.outcome]),
            Column("retry", Kind.FLAG, rows.retry.astype(bool)),
            Column("started", Kind.TEXT, [instant_text(at) for at in rows.started_us.tolist()], "UTC"),
            Column(
                "ended",
                Kind.TEXT,
                [None if at == STILL_OPEN else instant_text(at) for at in rows.ended_us.tolist()],
                "UTC",
            ),
            Column("counted", Kind.FLAG, rows.counted.astype(bool), "ended in the period"),
            Column("executed_seconds", Kind.SECONDS, details.executed_us, "in the period"),
            Column("allocated_cost", Kind.MONEY, details.cost, "in the period"),
        ),
    )


def names(values: tuple[str, ...]) -> np.ndarray:
    """Names as an array that numbers can index."""
    return np.array([*values, ""], dtype=object)[:-1]


class _Group(NamedTuple):
    service: str
    rows: Mask


def _groups(report: Report) -> list[_Group]:
    """Counted attempts of each service, and of all of them."""
    rows = details_of(report).attempts
    counted = rows.counted.astype(bool)
    mine = [_Group(report.services[s], counted & (rows.service == s)) for s in np.unique(rows.service)]
    return [*mine, _Group(ALL_SERVICES, counted)]


def durations(report: Report) -> Table:
    """How long attempts ran that ended in the period (from start to end, also outside it), and how many succeeded."""
    details = details_of(report)
    rows = details.attempts
    groups = [group for group in _groups(report) if group.rows.any()]
    lengths = [(rows.ended_us - rows.started_us)[group.rows] for group in groups]
    good = [int((rows.outcome[group.rows] == OUTCOMES.index(Outcome.SUCCESS)).sum()) for group in groups]
    medians = [_median(values) / SECOND_US for values in lengths]
    return Table(
        "durations",
        (
            Column("service_name", Kind.TEXT, [group.service for group in groups]),
            Column("count", Kind.COUNT, [len(values) for values in lengths], "attempts that ended in the period"),
            Column("sum_seconds", Kind.SECONDS, [int(values.sum()) for values in lengths]),
            Column("mean_seconds", Kind.RATIO, [ratio(int(v.sum()), len(v) * SECOND_US) for v in lengths]),
            Column("median_seconds", Kind.RATIO, medians),
            Column("success_ratio", Kind.RATIO, [ratio(n, len(v)) for n, v in zip(good, lengths, strict=True)]),
        ),
    )


def _median(values: Ints) -> Fraction:
    ordered = np.sort(values)
    return Fraction(int(ordered[(len(ordered) - 1) // 2]) + int(ordered[len(ordered) // 2]), 2)


def distributions(report: Report) -> Table:
    """Cost per success, and per failed second, of attempts that ended in the period: exact, not estimated.

    An attempt's cost per second is rounded to nano-units; attempts of zero seconds are left out there.
    """
    rows: list[tuple[str, str, Distribution]] = []
    for group in _groups(report):
        for measure, found in (
            ("cost_per_success", cost_per_attempt(report, group.rows, (Outcome.SUCCESS,))),
            ("cost_per_failed_second", cost_per_failed_second(report, group.rows)),
        ):
            if found is not None:
                rows.append((group.service, measure, found))
    return Table(
        "distributions",
        (
            Column("service_name", Kind.TEXT, [service for service, _, _ in rows]),
            Column("measure", Kind.TEXT, [measure for _, measure, _ in rows]),
            Column("count", Kind.COUNT, [d.count for _, _, d in rows]),
            Column("mean", Kind.TARIFF, [d.mean for _, _, d in rows]),
            Column("std", Kind.TARIFF, [d.std for _, _, d in rows], "of a sample: n - 1"),
            *(Column(name, Kind.TARIFF, [d.quantiles[name] for _, _, d in rows]) for name in QUANTILES),
            Column("weighted_mean", Kind.TARIFF, [d.weighted_mean for _, _, d in rows], "by 1, or by seconds"),
        ),
    )


def cost_per_attempt(report: Report, chosen: Mask, outcomes: Collection[Outcome]) -> Distribution | None:
    """The distribution of money per attempt of some outcomes, in nano-units, with weight 1."""
    details = details_of(report)
    mine = chosen & np.isin(details.attempts.outcome, [OUTCOMES.index(outcome) for outcome in outcomes])
    return distribution(details.cost[mine], np.ones(int(mine.sum()), dtype=np.int64))


def cost_per_failed_second(report: Report, chosen: Mask) -> Distribution | None:
    """The distribution of money per failed second, in nano-units, with the seconds as weights."""
    details = details_of(report)
    mine = chosen & (details.attempts.outcome == OUTCOMES.index(Outcome.FAILURE)) & (details.executed_us > 0)
    cost, executed = details.cost[mine], details.executed_us[mine]
    tariffs = [tariff for tariff in per_second(cost, executed) if tariff is not None]
    return distribution(tariffs, executed, int(cost.sum()) * SECOND_US)


def per_second(cost: Ints, executed_us: Ints) -> list[int | None]:
    """Nano-units per second, rounded half up; None for zero seconds. Of microseconds that may be beyond 64 bits."""
    rows = zip(cost.tolist(), executed_us.tolist(), strict=True)
    return [round_half_up(money * SECOND_US, time) if time else None for money, time in rows]


def gaps(report: Report) -> Table:
    """Per node type: time with no task running while nodes > 0."""
    rows = details_of(report).attempts
    found = []
    for kind, use in enumerate(report.uses):
        mine = (rows.node_type == kind) & (rows.part_end_us > rows.part_start_us)
        edges = int(report.cells.edges[0]), int(report.cells.edges[-1])
        found.append(gaps_of(use, rows.part_start_us[mine], rows.part_end_us[mine], *edges))
    lengths = [gap.end_us - gap.start_us for gap in found]
    return Table(
        "gaps",
        (
            Column("node_type", Kind.TEXT, report.types),
            Column("count", Kind.COUNT, [len(values) for values in lengths]),
            Column("mean_seconds", Kind.RATIO, [ratio(int(v.sum()), len(v) * SECOND_US) for v in lengths]),
            Column("max_seconds", Kind.SECONDS, [int(v.max()) if len(v) else None for v in lengths]),
            Column("sum_seconds", Kind.SECONDS, [int(v.sum()) for v in lengths]),
            Column("node_cost", Kind.MONEY, [int(gap.cost.sum()) for gap in found], "node cost of the gaps"),
        ),
    )


TABLES: Final[tuple[Callable[[Report], Table], ...]] = (attempts, durations, distributions, gaps)
