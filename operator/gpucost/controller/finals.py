"""Final reports: their figures are kept, and a later change of them is a restatement that says what and why (law C10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gpucost.ledger.ledger import Ledger
from gpucost.ledger.records import FinalReport, Restatement
from gpucost.report.report import Report
from gpucost.report.revision import TASK_EVENTS

FIGURES: Final = ("summary", "nodeTypes", "nodePools", "services", "dayTypes", "quality")
"""Parts of a status that hold figures, the most important first."""
MOST: Final = 10
"""Restatements that one change makes at most; the totals come first."""
SHOWN: Final = 10
"""Restatements that a status shows: the last ones."""
_WORDS: Final = {TASK_EVENTS: "task events came late or changed", "method": "the method was revised"}


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be kept of a report: its final figures where they are new, and all restatements to be shown."""

    final: FinalReport | None
    new: tuple[Restatement, ...]
    shown: tuple[Restatement, ...]


def settle(ledger: Ledger, report: Report, uid: str, status: Mapping[str, Any]) -> Settled:
    """Compare a report's figures, as its status shows them, with those that were final. In the ledger's thread.

    A report that is not final restates nothing. Raises LedgerError.
    """
    start, end = report.period.start_us, report.period.end_us
    past = ledger.restatements(uid, start, end)
    if not report.final:
        return Settled(None, (), past)
    before = ledger.final_of(uid, start, end)
    figures = {name: value for name, value in status.items() if name in FIGURES}
    if before is not None and before.input_revision == report.input_revision and before.status == figures:
        return Settled(None, (), past)
    # The same inputs give the same figures (law C10): what differs then is how much of them is shown.
    same = before is None or before.input_revision == report.input_revision
    new = () if before is None or same else tuple(restated(before, figures, report.inputs, report.now_us))[:MOST]
    final = final_report(
        report, uid, figures, computed_us=report.now_us, revision=report.input_revision, inputs=report.inputs
    )
    return Settled(final, new, (*past, *new)[-SHOWN:])


def final_report(
    report: Report, uid: str, status: Mapping[str, Any], *, computed_us: int, revision: str, inputs: Mapping[str, str]
) -> FinalReport:
    """Final figures of a report's period: those of the report itself, or earlier ones."""
    return FinalReport(
        report_uid=uid,
        namespace=report.namespace,
        name=report.name,
        start_us=report.period.start_us,
        end_us=report.period.end_us,
        computed_us=computed_us,
        input_revision=revision,
        inputs=dict(inputs),
        status=status,
    )


def restated(
    before: FinalReport, status: Mapping[str, Any], inputs: Mapping[str, str], now_us: int
) -> Iterator[Restatement]:
    """Every figure that differs from what was final, with the inputs that changed meanwhile."""
    why = _why(before.inputs, inputs)
    old, new = dict(_flat(before.status)), dict(_flat(status))
    for field in [*old, *(field for field in new if field not in old)]:
        if old.get(field) != new.get(field):
            what = field, old.get(field), new.get(field), why
            yield Restatement(before.report_uid, before.start_us, before.end_us, now_us, *what)


def _why(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    told = [_WORDS.get(name, f"{name} {_change(name, before, after)}") for name in changed]
    return "; ".join(told[:5]) or "computed anew from the same inputs"


def _change(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    return "was added" if name not in before else "is gone" if name not in after else "changed"


def _flat(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Figures by path, such as ``summary.nodeCost`` and ``services[video].allocatedCost``."""
    for part in FIGURES:
        yield from _leaves(part, status.get(part))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("name", "issues", "futureEvents"):
                yield from _leaves(f"{path}.{name}", inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            label = inner.get("name", inner.get("reason", place)) if isinstance(inner, Mapping) else place
            yield from _leaves(f"{path}[{label}]", inner)
    elif value is not None:
        yield path, str(value)
