"""What notebooks show: frames that carry their units, and reports and comparisons as a little HTML.

The HTML takes colours and fonts from the notebook, so it fits light and dark themes; it has no scripts, and every text is
escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from gpucost.core.allocation import Outcome
from gpucost.core.money import price_text, shown_hours, shown_money, shown_percent, shown_tariff
from gpucost.report.columns import Kind, Table
from gpucost.report.comparison import Comparison, ServiceChange, TypeChange
from gpucost.report.lines import NodeLine, TaskLine, is_priced, node_line, ratio, top_lines, whole_line
from gpucost.report.report import Report
from gpucost.report.status import display_of
from gpucost.report.words import read_and_charged, state

if TYPE_CHECKING:
    import pandas as pd

TOP: Final = 10
"""Rows of a list that a notebook shows; frames have them all."""
ABSENT: Final = "-"

_UNITS: Final[Mapping[Kind, str]] = {
    Kind.MONEY: "{currency}",
    Kind.TARIFF: "{currency} per unit",
    Kind.SECONDS: "s",
    Kind.HOURS: "h",
}
"""Other kinds have no unit, or the column's name says it."""


def framed(table: Table, currency: str) -> pd.DataFrame:
    """A table as a pandas frame, with ``attrs["units"]`` and ``attrs["notes"]`` that say by column what it holds."""
    frame = table.frame()
    frame.attrs["units"] = {c.name: _UNITS[c.kind].format(currency=currency) for c in table.columns if c.kind in _UNITS}
    frame.attrs["notes"] = {c.name: c.note for c in table.columns if c.note}
    return frame


# A report


def report_html(report: Report) -> str:
    """A report as HTML: the answer, node types, the dearest services, and what a reader should know."""
    period = f"{display_of(report)['period']}, {state(report)}"
    services = "" if report.census is None else _services(report)
    issues = _list(f"{issue.reason}: {issue.message}" for issue in report.quality.issues)
    doubts = f"<p>{escape(read_and_charged(report))}</p>{issues}"
    caution = f"<p><b>{escape(report.caution)}</b></p>" if report.caution else ""
    return f"<div>{_title(report.name, period)}{caution}{_answer(report)}{_node_types(report)}{services}{doubts}</div>"


def _answer(report: Report) -> str:
    line, currency = node_line(report), report.spec.currency
    answer = f"<b>{escape(shown_money(line.node_cost, currency))}</b> for nodes"
    if report.census is None:
        return f"<p>{answer}.</p>"
    idle = shown_percent(line.idle_cost, line.node_cost) or ABSENT
    succeeded = whole_line(report).attempts_by[Outcome.SUCCESS]
    each = shown_tariff(ratio(line.node_cost, succeeded))
    return (
        f"<p>{answer}, {shown_money(line.idle_cost)} ({idle}) of it while they stood idle. "
        f"{succeeded:,} successes: <b>{each}</b> each, all nodes included.</p>"
    )


def _node_types(report: Report) -> str:
    header = ("Node type", "Node-hours", "Price", "Node cost", "Allocated", "Idle", "Utilization")
    lines = [(k, name, node_line(report, node_type=k)) for k, name in enumerate(report.types)]
    has_tasks = report.census is not None
    rows = [
        (
            name,
            shown_hours(line.node_us),
            _price(line) if is_priced(report, k) else "no price",
            shown_money(line.node_cost),
            *((shown_money(line.allocated), shown_money(line.idle_cost)) if has_tasks else ()),
            *((shown_percent(line.busy_us, line.node_us) or ABSENT,) if has_tasks else ()),
        )
        for k, name, line in lines
    ]
    return _table(header if has_tasks else header[:4], rows)


def _price(line: NodeLine) -> str:
    return price_text(line.node_cost, line.node_us) or ABSENT


def _services(report: Report) -> str:
    header = ("Service", "Succeeded", "Failed", "Executed hours", "Allocated", "Per success", "Failures included")
    return _table(header, [_service(name, line) for name, line in top_lines(report, TOP)])


def _service(name: str, line: TaskLine) -> tuple[str, ...]:
    succeeded = line.attempts_by[Outcome.SUCCESS]
    return (
        name,
        f"{succeeded:,}",
        f"{line.attempts_by[Outcome.FAILURE]:,}",
        shown_hours(line.executed_us),
        shown_money(line.cost),
        shown_tariff(ratio(line.cost_by[Outcome.SUCCESS], succeeded)),
        shown_tariff(ratio(line.effective_cost, succeeded)),
    )


# A comparison


def comparison_html(comparison: Comparison) -> str:
    """A comparison as HTML: the sentence, the effects by node type and by service, and what a reader should know."""
    before, after = comparison.before, comparison.after
    title = _title(
        *(" → ".join(dict.fromkeys(pair)) for pair in ((before.name, after.name), (before.period, after.period)))
    )
    return (
        f"<div>{title}<p>{escape(comparison.sentence)}</p>{_type_effects(comparison)}"
        f"{_service_effects(comparison)}{_list(comparison.notes)}</div>"
    )


def _type_effects(comparison: Comparison) -> str:
    header = ("Node type", "Before", "Volume", "Efficiency", "Schedule", "Price", "After")
    rows = [_type_row(change) for change in comparison.node_types]
    whole, cost = comparison.effects, (comparison.before.nodes.cost, comparison.after.nodes.cost)
    effects = whole.volume, whole.efficiency, whole.schedule, whole.price
    return _table(header, [*rows, ("All", *map(shown_money, (cost[0], *effects, cost[1])))])


def _type_row(change: TypeChange) -> tuple[str, ...]:
    x = change.effects
    money = change.before.cost, x.volume, x.efficiency, x.schedule, x.price, change.after.cost
    return _named(change), *map(shown_money, money)


def _service_effects(comparison: Comparison) -> str:
    if not comparison.services:
        return ""
    rows = [_service_row(change) for change in comparison.services[:TOP]]
    return _table(("Service", "Before", "Volume", "Efficiency", "Rate", "After"), rows)


def _service_row(change: ServiceChange) -> tuple[str, ...]:
    x = change.effects
    return _named(change), *map(shown_money, (change.before.cost, x.volume, x.efficiency, x.rate, change.after.cost))


def _named(change: TypeChange | ServiceChange) -> str:
    return f"{change.name} ({change.presence})" if change.presence else change.name


# Pieces


def _title(name: str, period: str) -> str:
    return f"<p><b>{escape(name)}</b> {escape(period)}</p>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text, and the others numbers."""
    body = "".join(f"<tr>{''.join(_cells('td', row))}</tr>" for row in rows)
    head = f"<thead><tr>{''.join(_cells('th', header))}</tr></thead>"
    return f'<table style="color:inherit;margin-bottom:1em">{head}<tbody>{body}</tbody></table>'


def _cells(tag: str, texts: Sequence[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        side = "right" if place else "left"
        yield f'<{tag} style="text-align:{side}">{escape(text)}</{tag}>'


def _list(sentences: Iterable[str]) -> str:
    """The first sentences, and how many more there are."""
    every = list(sentences)
    shown = every if len(every) <= TOP else [*every[:TOP], f"and {len(every) - TOP:,} more"]
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in shown)}</ul>" if shown else ""
