"""Final reports: their figures are kept, and a later change of them is a restatement that says what and why (law C10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gpucost.ledger.ledger import Ledger
from gpucost.ledger.records import FinalReport, Restatement
from gpucost.report.report import Report
from gpucost.report.revision import TASK_EVENTS
from gpucost.report.status import status_of

FIGURES: Final = ("summary", "nodeTypes", "nodePools", "services", "dayTypes", "quality")
"""Parts of a status that hold figures, the most important first."""
MOST: Final = 10
"""Restatements that one change makes at most; the totals come first."""
_WORDS: Final = {TASK_EVENTS: "task events came late or changed", "method": "the method was revised"}


def settle(ledger: Ledger, report: Report, uid: str) -> tuple[Restatement, ...]:
    """Keep a final report's figures, restate what changed, and return the last restatements. In the ledger's thread.

    A report that is not final has neither. Raises LedgerError.
    """
    if report.final:
        start, end = report.period.start_us, report.period.end_us
        before = ledger.final_of(uid, start, end)
        status = {name: value for name, value in status_of(report).items() if name in FIGURES}
        if before is None or before.input_revision != report.input_revision or before.status != status:
            changed = () if before is None else tuple(restated(before, status, report.inputs, report.now_us))[:MOST]
            ledger.save_final(_final(report, uid, status), changed)
    return ledger.restatements(uid)


def _final(report: Report, uid: str, status: Mapping[str, Any]) -> FinalReport:
    return FinalReport(
        report_uid=uid,
        namespace=report.namespace,
        name=report.name,
        start_us=report.period.start_us,
        end_us=report.period.end_us,
        computed_us=report.now_us,
        input_revision=report.input_revision,
        inputs=dict(report.inputs),
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
            yield Restatement(before.report_uid, now_us, field, old.get(field), new.get(field), why)


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
            if name not in ("name", "issues"):
                yield from _leaves(f"{path}.{name}", inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            label = inner.get("name", inner.get("reason", place)) if isinstance(inner, Mapping) else place
            yield from _leaves(f"{path}[{label}]", inner)
    elif value is not None:
        yield path, str(value)
