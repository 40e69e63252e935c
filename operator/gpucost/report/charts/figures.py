"""What charts are drawn from: the columns of a report's tables, each computed once for all charts, and numbers as floats."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Final

from gpucost.core.allocation import Outcome
from gpucost.core.money import HOUR_US, NANO, decimal_text, round_half_up, shown_money, shown_percent
from gpucost.report import tables
from gpucost.report.columns import Table
from gpucost.report.lines import NodeLine, TaskLine, by_cost, node_line, sum_lines, task_lines
from gpucost.report.report import OUTCOMES, Report

Columns = Mapping[str, Sequence[Any]]

TOP: Final = 10
"""Services, types or pools that a chart of bars shows; its summary says what is left out."""
NAME_LENGTH: Final = 80
"""Letters of a name that a chart holds; what fits is drawn."""


@dataclass(frozen=True)
class Figures:
    """The tables of a report that several charts need, computed when first wanted."""

    report: Report

    @property
    def currency(self) -> str:
        """The unit of money, an ISO 4217 code."""
        return self.report.spec.currency

    @property
    def has_tasks(self) -> bool:
        """Whether the report knows tasks; without them nothing is known to be busy, idle or allocated."""
        return self.report.census is not None

    @cached_property
    def days(self) -> Columns:
        """Table ``days``."""
        return columns_of(tables.days(self.report))

    @cached_property
    def weekdays(self) -> Columns:
        """Table ``weekdays``."""
        return columns_of(tables.weekdays(self.report))

    @cached_property
    def hours(self) -> Columns:
        """Table ``hours``."""
        return columns_of(tables.hours(self.report))

    @cached_property
    def services(self) -> list[tuple[str, TaskLine]]:
        """Services, the dearest first."""
        return by_cost(task_lines(self.report))

    @cached_property
    def nodes(self) -> NodeLine:
        """Node time and money of the period."""
        return node_line(self.report)

    @cached_property
    def tasks(self) -> TaskLine:
        """Attempts of the period."""
        return sum_lines([line for _, line in self.services])

    def money(self, nano: int) -> str:
        """Money for people: ``75,012.00 USD``."""
        return shown_money(nano, self.currency)

    def tariff(self, nano: Fraction) -> str:
        """Money per unit for people, with as many digits as tell something: ``0.001235 USD``."""
        return f"{short_tariff(nano)} {self.currency}"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a chart can't do without."""

    words: str
    """For the docs: what a report must have."""
    lacking: str
    """Why a report has not the chart, after "the report"."""
    met: Callable[[Report], bool]


NODE_TIME: Final = Need("nodes", "has no node time", lambda report: bool(report.grid.node_us.any()))
NODE_COST: Final = Need("node cost", "has no node cost", lambda report: bool(report.grid.node_cost.any()))
TASKS: Final = Need("tasks", "has no spec.tasks", lambda report: report.census is not None)
RAN: Final = Need("an attempt", "has no charged attempt", lambda report: bool(report.touching.attempts.any()))
SUCCESS: Final = Need("a success", "has no success", lambda report: _ended(report, Outcome.SUCCESS))
FAILURE: Final = Need("a failed second", "has no failed second", lambda report: _executed(report, Outcome.FAILURE))
DETAILS: Final = Need(
    "details", "was computed without its attempts: compute it with details=True", lambda report: bool(report.details)
)


def _ended(report: Report, outcome: Outcome) -> bool:
    """Whether an attempt ended so in the period."""
    return bool(report.ended.attempts[report.ended.outcome == OUTCOMES.index(outcome)].any())


def _executed(report: Report, outcome: Outcome) -> bool:
    """Whether attempts of that outcome executed in the period."""
    return bool(report.shares.executed_us[report.shares.outcome == OUTCOMES.index(outcome)].any())


def columns_of(table: Table) -> Columns:
    """The columns of a table by their names."""
    return {column.name: list(column.values) for column in table.columns}


def units(nano: int) -> float:
    """Money as a float, for a plot."""
    return nano / NANO


def in_hours(microseconds: int) -> float:
    """Hours as a float, for a plot."""
    return round(microseconds / HOUR_US, 6)


def share(value: Fraction | None) -> float | None:
    """A ratio as a float with the digits of the tables."""
    return None if value is None else round_half_up(value.numerator * 10**6, value.denominator) / 10**6


def tariff(value: Fraction) -> float:
    """Money per unit as a float with the digits of the tables."""
    return round_half_up(value.numerator, value.denominator) / NANO


def short_tariff(nano: Fraction) -> str:
    """Money per unit with two decimals, or so many that there are four digits, at most nine."""
    digits = len(str(int(nano)))
    decimals = min(9, max(2, 13 - digits)) if nano < NANO else 2
    return f"{int(nano / NANO):,}{decimal_text(nano % NANO / NANO, decimals, 2)[1:]}"


def counted(count: int, noun: str) -> str:
    """How many of something there are: ``1 day``, ``1,200 days``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(numerator: int, denominator: int) -> str:
    """A share for people, in brackets after a figure."""
    return f"({shown_percent(numerator, denominator) or 'no share'})"


def shown_name(name: str) -> str:
    """A name from the data, as a chart may hold it: one line, no control characters, not endless."""
    clean = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSEEN else c for c in name[:NAME_LENGTH]
    )
    return clean + "…" if len(name) > NAME_LENGTH else clean or '""'


_UNSEEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Control, format (such as those that turn the direction of writing), surrogates, not assigned, breaks."""
