"""--fail-on: what makes a computed report a failure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from gpucost.api.costreport import SpecError
from gpucost.core.issues import shorten, show
from gpucost.core.money import HOUR_US, SECOND_US, decimal_text
from gpucost.report.doubts import Amount
from gpucost.report.report import Report, total

ANY: Final = "any"
_LIMIT: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?%?")


@dataclass(frozen=True, slots=True)
class Measure:
    """Something of which a report may have too much."""

    what: str
    """What is counted, as it stands in the message."""
    amount: Callable[[Report], Amount]
    unit: int = 1
    """How many of the amount make one of what is counted: microseconds an hour, say."""


def _uncovered(report: Report) -> Amount:
    length = report.period.until_us - report.period.start_us
    return Amount(report.quality.uncovered_us, length * len(report.pools))


def _unpriced(report: Report) -> Amount:
    return Amount(report.quality.unpriced_us, total(report.grid.node_us))


def _conflicts(report: Report) -> Amount:
    """Of all instants at which a node count changes, or is set twice."""
    changes = sum(len(line.pool.timeline.counts.starts) for line in report.pools)
    return Amount(len(report.quality.conflicts), max(changes, len(report.quality.conflicts)))


MEASURES: Final[Mapping[str, Measure]] = {
    "uncovered": Measure("seconds of unknown node count", _uncovered, SECOND_US),
    "unpriced": Measure("node-hours without a price", _unpriced, HOUR_US),
    "skipped": Measure("attempts skipped", lambda report: report.measured.skipped),
    "conflicts": Measure("schedule conflicts", _conflicts),
    "unusable": Measure("rows of the task database that can't be used", lambda report: report.measured.unusable),
    "unknown-status": Measure("events of an unknown status", lambda report: report.measured.unknown_status),
    "unknown-node": Measure("attempts on nodes of no listed type", lambda report: report.measured.unknown_node),
    "off-schedule": Measure("hours of work beyond billed nodes", lambda report: report.measured.off_schedule, HOUR_US),
    "never-ran": Measure("tasks that never ran", lambda report: report.measured.never_ran),
    "unread-scaler": Measure("CronJobs that scale nodes and can't be read", lambda report: report.measured.unread),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """The most that is allowed of a measure: a number, or per cent of the whole."""

    name: str
    limit: Fraction
    percent: bool = False

    def is_crossed(self, report: Report) -> bool:
        """Whether the report has more."""
        measure = MEASURES[self.name]
        amount = measure.amount(report)
        return (amount.share * 100 if self.percent else Fraction(amount.part, measure.unit)) > self.limit

    def explain(self, report: Report) -> str:
        """How much the report has, and what was allowed."""
        measure = MEASURES[self.name]
        amount = measure.amount(report)
        found = f"{decimal_text(Fraction(amount.part, measure.unit), 6)} {measure.what}"
        if self.percent:
            found += f" ({decimal_text(amount.share * 100, 6)} %)"
        return f"--fail-on {self.name}: {found}, more than {decimal_text(self.limit, 6)}{' %' if self.percent else ''}"


def parse_thresholds(texts: Iterable[str]) -> tuple[Threshold, ...]:
    """``name``, ``name=N`` or ``name=P%``; ``any`` stands for every name that is not given by itself. Raises SpecError."""
    found: dict[str, Threshold] = {}
    for text in texts:
        found |= {threshold.name: threshold for threshold in _parse(text)}
    several = found.pop(ANY, None)
    rest = {name: Threshold(name, several.limit, several.percent) for name in MEASURES} if several else {}
    return tuple({**rest, **found}.values())


def _parse(text: str) -> Iterator[Threshold]:
    name, equals, stated = text.partition("=")
    if name not in MEASURES and name != ANY:
        names = ", ".join((*MEASURES, ANY))
        raise SpecError(f"--fail-on {shorten(text)}: must be one of {names}, with or without =N or =P%")
    if equals and not _LIMIT.fullmatch(stated):
        raise SpecError(f"--fail-on {shorten(text)}: {show(stated)} must be a number such as 10, 0.5 or 2%")
    yield Threshold(name, Fraction(stated.removesuffix("%") or 0), percent=stated.endswith("%"))


def crossed(report: Report, thresholds: Iterable[Threshold]) -> list[str]:
    """A sentence for each threshold that the report is above of."""
    return [threshold.explain(report) for threshold in thresholds if threshold.is_crossed(report)]
