"""Tables as a page shows them: columns of a report's tables with a label, a form and links. Rounded for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple

from markupsafe import Markup, escape

from gpucost.core.money import decimal_text, shown_hours, shown_money, shown_tariff
from gpucost.report.columns import Column, Kind, Table
from gpucost.report.explain import TEXTS, Section

UNKNOWN: Final = "–"


class Cell(NamedTuple):
    """What a cell shows, and where it leads."""

    text: str
    href: str | None = None


class Head(NamedTuple):
    """A column's label, what it means, and whether it holds figures."""

    label: str
    note: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a page. ``name`` is its anchor, and its name among the report's tables."""

    name: str
    title: str
    heads: tuple[Head, ...]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] | None = None
    note: str = ""


class Pick(NamedTuple):
    """A column to show: its name in the table, and a label."""

    column: str
    label: str


def rows_html(rows: Sequence[Sequence[Cell]], heads: Sequence[Head]) -> Markup:
    """Rows as HTML, the first cell of each its heading. A template would take three times as long over thousands of cells."""
    opened = [
        ("<th scope=row" if place == 0 else "<td") + (" class=n>" if head.numeric else ">")
        for place, head in enumerate(heads)
    ]
    closed = ["</th>", *["</td>"] * (len(heads) - 1)]
    parts = []
    for row in rows:
        cells = zip(opened, row, closed, strict=True)
        parts.append("<tr>" + "".join([f"{begin}{_content(cell)}{end}" for begin, cell, end in cells]) + "</tr>\n")
    return Markup("".join(parts))


LONG: Final = 36
"""Letters of a text that may be broken into lines; shorter ones, instants above all, stay whole."""


def _content(cell: Cell) -> str:
    text = str(escape(cell.text))
    if len(cell.text) > LONG:
        text = f"<span class=w>{text}</span>"
    return f'<a href="{escape(cell.href)}">{text}</a>' if cell.href else text


def percent(ratio: Fraction | int) -> str:
    """A ratio as per cent with one digit."""
    return f"{decimal_text(100 * Fraction(ratio), 1, 1)} %"


FORMS: Final[Mapping[Kind, Callable[[Any], str]]] = {
    Kind.MONEY: shown_money,
    Kind.SECONDS: shown_hours,
    Kind.HOURS: shown_hours,
    Kind.RATIO: percent,
    Kind.TARIFF: shown_tariff,
    Kind.COUNT: "{:,}".format,
    Kind.TEXT: str,
    Kind.FLAG: lambda flag: "yes" if flag else "no",
}
"""How a value of each kind is shown: money to the cent, times in hours, ratios in per cent."""

Href = Callable[[str], str | None]


def grid(
    found: Table,
    picks: Sequence[Pick],
    title: str,
    *,
    hrefs: Mapping[str, Href] | None = None,
    total: Table | None = None,
    note: str = "",
) -> Grid:
    """Some columns of a table. ``hrefs`` gives links by column, ``total`` the row under them, from a table of one row."""
    columns = {column.name: column for column in found.columns}
    shown = [list(_cells(columns[pick.column], (hrefs or {}).get(pick.column))) for pick in picks]
    heads = tuple(_head(columns[pick.column], pick) for pick in picks)
    return Grid(found.name, title, heads, list(zip(*shown, strict=True)), _total(picks, total), note)


def _head(column: Column, pick: Pick) -> Head:
    return Head(pick.label, column.note, column.kind not in (Kind.TEXT, Kind.FLAG))


def _cells(column: Column, href: Href | None) -> Iterator[Cell]:
    form = FORMS[column.kind]
    for value in column.values:
        text = UNKNOWN if value is None else form(value)
        yield Cell(text, href(text) if href else None)


def _total(picks: Sequence[Pick], total: Table | None) -> tuple[Cell, ...] | None:
    if total is None:
        return None
    columns = {column.name: column for column in total.columns}
    return Cell("total"), *(
        next(_cells(columns[pick.column], None)) if pick.column in columns else Cell("") for pick in picks[1:]
    )


def section_grid(section: Section, name: str, hrefs: Mapping[str, Href], most: int) -> Grid:
    """A section of an explanation with at most so many rows; the note says how many there are."""
    links = [hrefs.get(column) for column in section.columns]
    rows = [
        [Cell(text, link(text) if link and text else None) for text, link in zip(row, links, strict=True)]
        for row in section.rows[:most]
    ]
    more = f"the first {most:,} of {len(section.rows):,} rows" if len(section.rows) > most else ""
    heads = tuple(Head(column, "", column not in TEXTS and column != "value") for column in section.columns)
    return Grid(name, section.title, heads, rows, None, "; ".join(filter(None, (section.note, more))))
