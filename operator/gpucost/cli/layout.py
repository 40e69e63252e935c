"""Tables, pairs and paragraphs as lines for a terminal or a pipe: a figure is shown whole or not at all.

On a terminal no line is longer than its width: columns are given up by rank, names get an ellipsis in their middle, sentences
wrap at words. In a pipe every name is whole, and a table is as wide as it needs to be. No line ends in blanks. Widths are
terminal cells, of which a CJK character or an emoji takes two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from gpucost.core.issues import shorten

INDENT: Final = 2
GAPS: Final = 3, 2
"""Blanks between columns: where there is room, and where there isn't."""
LEAST_NAME: Final = 20
"""To so many cells a name is shortened before a column is given up."""
MOST_NAME: Final = 60
"""Names longer than this are shortened on any terminal, lest figures stand far from short ones."""
LEAST_SENTENCE: Final = 24
_WORD: Final = re.compile(r"\S+(?: %(?!\S))?")
"""A percentage is one word: a figure doesn't end at the end of a line."""
_FIGURE: Final = re.compile(r"-?[\d,.]+( \S{1,3})?")
"""A number, and perhaps its currency or unit: half of it would be another number."""
_NUMBER: Final = re.compile(r"-?[\d,]+(\.\d+)?")


class Fit(Enum):
    """What a cell may suffer where room is short."""

    FIGURE = auto()
    """Nothing; to the right."""
    WHOLE = auto()
    """Nothing; to the left."""
    NAME = auto()
    """An ellipsis in its middle, on a terminal."""
    SENTENCE = auto()
    """Several lines."""


@dataclass(frozen=True, slots=True)
class Page:
    """What lines are laid out for."""

    width: int
    """Cells of a line; of a pipe, what sentences wrap at."""
    gives_up: bool = True
    """Whether a table that is wider than the page loses columns."""
    shortens: bool = True
    """Whether names and overlong words are shortened to fit: on a terminal, not in a pipe."""
    hint: str = ""
    """How all columns can be had, besides on a wider page."""
    rule: str = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
    ellipsis: str = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that wraps at words."""

    text: Text
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows of a name, a figure, and a note on it, which goes below where there is no room beside."""

    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table."""

    columns: tuple[tuple[str, Fit], ...]
    rows: tuple[tuple[Text, ...], ...]
    has_head: bool = True
    given_up: tuple[str, ...] = ()
    """Columns in the order in which they are given up; after them the last one goes first. The first one stays."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts one below the other."""

    parts: tuple[Part, ...]


Part = Paragraph | Pairs | Grid | Parts


def lay_out(part: Part, page: Page) -> Iterator[Text]:
    """The lines of a part."""
    match part:
        case Paragraph():
            yield from _indented(wrap(part.text, page.width - part.indent, page.shortens), part.indent)
        case Pairs():
            yield from _lay_out_pairs(part, page)
        case Grid():
            yield from _lay_out_grid(part, page)
        case Parts():
            for inner in part.parts:
                yield from lay_out(inner, page)


def printable(text: str) -> str:
    """A user's text on one line, whole: what can't be shown is replaced."""
    return shorten(text, len(text))


def shorten_middle(text: Text, cells: int, ellipsis: str) -> Text:
    """A text of at most so many cells: both ends, for names that begin alike often end apart, and an ellipsis between."""
    if cell_len(text.plain) <= cells:
        return text
    room = cells - len(ellipsis)
    left = _fitting(text.plain, room - room // 2)
    room -= cell_len(text.plain[:left])
    right = next(at for at in range(left, len(text) + 1) if cell_len(text.plain[at:]) <= room)
    return Text.assemble(text[:left], ellipsis, text[right:])


def _fitting(text: str, cells: int) -> int:
    """How many characters from the start fit into so many cells."""
    return next((count for count in range(len(text)) if cell_len(text[: count + 1]) > cells), len(text))


def wrap(text: Text, cells: int, breaks: bool) -> list[Text]:
    """Lines of at most so many cells, broken between words; ``breaks``: also within a word that is longer than that."""
    lines: list[Text] = []
    for paragraph in text.split("\n", allow_blank=True):
        lines += list(_wrap_line(paragraph, max(cells, 1), breaks)) or [Text()]
    return lines


def _wrap_line(text: Text, cells: int, breaks: bool) -> Iterator[Text]:
    start = end = 0
    for begin, word_end in _words(text.plain, cells, breaks):
        if end > start and cell_len(text.plain[start:word_end]) > cells:
            yield text[start:end]
            start = begin
        end = word_end
    if end > start:
        yield text[start:end]


def _words(text: str, cells: int, breaks: bool) -> Iterator[tuple[int, int]]:
    """Where words begin and end; with ``breaks`` those that are too long in pieces. Blanks in front belong to the first."""
    for number, word in enumerate(_WORD.finditer(text)):
        begin, end = (word.start() if number else 0), word.end()
        while breaks and cell_len(text[begin:end]) > cells:
            piece = begin + max(_fitting(text[begin:end], cells), 1)
            if piece >= end:
                break
            yield begin, piece
            begin = piece
        yield begin, end


def align_decimals(cells: Sequence[str]) -> list[str]:
    """Numbers with as many decimals as the one that has most of them; whatever is no plain number stays as it is."""
    decimals = [len(cell.partition(".")[2]) for cell in cells if _NUMBER.fullmatch(cell)]
    most = max(decimals, default=0)
    return [_with_decimals(cell, most) if most and _NUMBER.fullmatch(cell) else cell for cell in cells]


def _with_decimals(number: str, count: int) -> str:
    whole, _, decimals = number.partition(".")
    return f"{whole}.{decimals.ljust(count, '0')}"


def _indented(lines: Iterable[Text], indent: int) -> Iterator[Text]:
    for line in lines:
        yield _trimmed(Text(" " * indent).append_text(line))


def _trimmed(line: Text) -> Text:
    line.rstrip()
    return line


def _padded(cell: Text, cells: int, *, right: bool = False) -> Text:
    blanks = Text(" " * (cells - cell_len(cell.plain)))
    return Text.assemble(blanks, cell) if right else Text.assemble(cell, blanks)


# Pairs


def _lay_out_pairs(pairs: Pairs, page: Page) -> Iterator[Text]:
    """Name, figure and note in columns; the note below where it has no room; all three one below the other at worst."""
    if not pairs.rows:
        return
    names, figures = (max(cell_len(row[i]) for row in pairs.rows) for i in (0, 1))
    used = 2 * INDENT + names + figures
    room = page.width - used - INDENT
    for name, figure, note in pairs.rows:
        notes = wrap(Text(note, style="dim"), room, breaks=False) if note else []
        beside = all(cell_len(line.plain) <= room for line in notes) and room >= min(LEAST_SENTENCE, cell_len(note))
        if used > page.width:
            yield from _indented(wrap(Text(name), page.width - INDENT, page.shortens), INDENT)
            yield from _indented(_broken(Text(figure, style="bold"), page.width - 2 * INDENT, page), 2 * INDENT)
        else:
            head = Text.assemble(" " * INDENT, name.ljust(names), " " * INDENT, (figure.rjust(figures), "bold"))
            yield _trimmed(Text.assemble(head, " " * INDENT, notes[0]) if beside and notes else head)
        if beside and used <= page.width:
            yield from _indented(notes[1:], used + INDENT)
        elif note:
            yield from _indented(wrap(Text(note, style="dim"), page.width - 2 * INDENT, page.shortens), 2 * INDENT)


# Tables


def _lay_out_grid(grid: Grid, page: Page) -> Iterator[Text]:
    room = page.width - INDENT
    shown = _shown_columns(grid, room) if page.gives_up else list(range(len(grid.columns)))
    if not shown:
        yield from _stacked(grid, page)
        return
    gap = _gap(grid, shown, room)
    widths = _widths(grid, shown, room - gap * (len(shown) - 1), page.shortens)
    if grid.has_head:
        head = [Text(grid.columns[i][0], style="dim") for i in shown]
        yield from _row(grid, shown, head, widths, gap, page)
        yield Text(" " * INDENT + page.rule * (sum(widths) + gap * (len(widths) - 1)))
    for row in grid.rows:
        yield from _row(grid, shown, [row[i] for i in shown], widths, gap, page)
    absent = [name for i, (name, _) in enumerate(grid.columns) if i not in shown]
    if absent:
        note = f"not shown at this width: {', '.join(absent)}; widen{page.hint and f', or {page.hint}'}"
        yield from _indented(wrap(Text(note, style="dim"), room, page.shortens), INDENT)


def _need(grid: Grid, index: int) -> int:
    """Cells of the widest line of a column."""
    name = grid.columns[index][0] if grid.has_head else ""
    lines = (line for row in grid.rows for line in row[index].plain.split("\n"))
    return max((cell_len(name), *map(cell_len, lines)))


def _least(grid: Grid, index: int) -> int:
    """Cells without which a column can't be shown."""
    name, fit = grid.columns[index]
    need, head = _need(grid, index), cell_len(name) if grid.has_head else 0
    least = {Fit.NAME: LEAST_NAME, Fit.SENTENCE: LEAST_SENTENCE}.get(fit, need)
    return max(min(need, least), head)


def _shown_columns(grid: Grid, room: int) -> list[int]:
    """Columns that fit, by rank; none where not even the first one and a figure do."""
    shown = list(range(len(grid.columns)))
    least = {i: _least(grid, i) for i in shown}
    while sum(least[i] for i in shown) + GAPS[-1] * (len(shown) - 1) > room:
        if len(shown) <= min(2, len(grid.columns)):
            return []
        shown.remove(_next_given_up(grid, shown))
    return shown


def _next_given_up(grid: Grid, shown: Sequence[int]) -> int:
    by_name = {grid.columns[i][0]: i for i in shown[1:]}
    return next((by_name[name] for name in grid.given_up if name in by_name), shown[-1])


def _gap(grid: Grid, shown: Sequence[int], room: int) -> int:
    needs = sum(_need(grid, i) for i in shown)
    return next((gap for gap in GAPS if needs + gap * (len(shown) - 1) <= room), GAPS[-1])


def _widths(grid: Grid, shown: Sequence[int], room: int, shortens: bool) -> list[int]:
    """Cells of each column: figures have what they need, names and sentences share what is left, the smallest first."""
    needs = {i: _need(grid, i) for i in shown}
    if shortens:
        needs |= {i: min(needs[i], max(MOST_NAME, _least(grid, i))) for i in shown if grid.columns[i][1] is Fit.NAME}
    elastic = [i for i in shown if grid.columns[i][1] is Fit.SENTENCE or (shortens and grid.columns[i][1] is Fit.NAME)]
    least = {i: min(_least(grid, i), needs[i]) for i in elastic}
    spare = room - sum(needs[i] for i in shown if i not in elastic) - sum(least.values())
    widths = needs | least
    for place, i in enumerate(sorted(elastic, key=lambda i: needs[i] - least[i])):
        widths[i] += min(needs[i] - least[i], max(spare, 0) // (len(elastic) - place))
        spare -= widths[i] - least[i]
    if not shortens:  # a word stays whole
        widths |= {i: max(widths[i], _longest_word(grid, i)) for i in elastic}
    return [widths[i] for i in shown]


def _longest_word(grid: Grid, index: int) -> int:
    return max((cell_len(word) for row in grid.rows for word in _WORD.findall(row[index].plain)), default=0)


def _row(
    grid: Grid, shown: Sequence[int], cells: Sequence[Text], widths: Sequence[int], gap: int, page: Page
) -> Iterator[Text]:
    """The lines of a row: one, unless a sentence wraps."""
    fits = [grid.columns[i][1] for i in shown]
    columns = [
        wrap(cell, width, page.shortens) if fit is Fit.SENTENCE else [shorten_middle(cell, width, page.ellipsis)]
        for cell, fit, width in zip(cells, fits, widths, strict=True)
    ]
    for number in range(max(map(len, columns))):
        line = Text(" " * INDENT)
        for place, (lines, fit, width) in enumerate(zip(columns, fits, widths, strict=True)):
            cell = lines[number] if number < len(lines) else Text()
            line.append(" " * (gap if place else 0)).append_text(_padded(cell, width, right=fit is Fit.FIGURE))
        yield _trimmed(line)


def _stacked(grid: Grid, page: Page) -> Iterator[Text]:
    """Every cell of a row below the other, each with its column's name: where there is no room for two columns."""
    room = page.width - 2 * INDENT
    for row in grid.rows:
        yield from _indented(wrap(row[0], room + INDENT, page.shortens), INDENT)
        for (name, fit), cell in zip(grid.columns[1:], row[1:], strict=True):
            line = Text.assemble((name, "dim"), " " if name else "", cell)
            has_own_line = fit in (Fit.FIGURE, Fit.WHOLE) and cell_len(line.plain) > room
            for text in (Text(name, style="dim"), cell) if has_own_line else (line,):
                yield from _indented(_broken(text, room, page), 2 * INDENT)


def _broken(text: Text, cells: int, page: Page) -> list[Text]:
    """Lines of a text that has no room beside another; a figure is longer than a line before it's in two."""
    return [text] if _FIGURE.fullmatch(text.plain) else wrap(text, cells, page.shortens)
