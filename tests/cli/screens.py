"""Tables as a person reads them from a screen: cells by the blanks between columns, whatever the widths of characters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

FIGURE = re.compile(r"-?[\d,]+(\.\d+)?( %)?")
_RULE = re.compile(r"^  [─-]+$")
_ABSENT = "not shown at this width: "


@dataclass(frozen=True)
class Screen:
    """A table: its columns' cells from top to bottom without empty ones, and the columns that it says are absent."""

    title: str
    columns: dict[str, list[str]]
    absent: set[str]

    def figures(self) -> dict[str, list[str]]:
        """The columns that hold a figure."""
        return {name: cells for name, cells in self.columns.items() if any(FIGURE.fullmatch(cell) for cell in cells)}


def tables(text: str) -> list[Screen]:
    """The tables of an output, each with a title above its head, and an empty line or notes after it."""
    lines = text.splitlines()
    return [_table(lines, at) for at, line in enumerate(lines) if _RULE.match(line)]


def _table(lines: Sequence[str], rule: int) -> Screen:
    width = cell_len(lines[rule])
    below = list(_until_blank(lines[rule + 1 :]))
    head = _cells_of(lines[rule - 1], width)
    rows, blank = [], [cell == " " for cell in head]
    for line in below:
        row = _cells_of(line, width)
        closer = [was and cell == " " for was, cell in zip(blank, row, strict=False)]
        if len(row) > width or line.startswith(f"  {_ABSENT}") or (rows and len(_spans(closer)) < len(_spans(blank))):
            break  # a note: it goes on where columns have blanks
        rows.append(row)
        blank = closer
    spans = _spans(blank)
    columns = {
        "".join(head[a:b]).strip(): [cell for row in rows if (cell := "".join(row[a:b]).strip())] for a, b in spans
    }
    note = " ".join(line.strip() for line in below[len(rows) :])
    return Screen(lines[rule - 2], columns, set(_absent(note)))


def _until_blank(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if not line:
            return
        yield line


def _absent(note: str) -> list[str]:
    if not note.startswith(_ABSENT):
        return []
    return note.removeprefix(_ABSENT).partition("; widen")[0].split(", ")


def _cells_of(line: str, width: int) -> list[str]:
    """One item a terminal cell: a wide character takes two, of which the second is empty."""
    found: list[str] = []
    for character in line:
        cells = cell_len(character)
        if cells == 0 and found:
            found[-1] += character
        else:
            found += [character, *[""] * (cells - 1)]
    return found + [" "] * (width - len(found))


def _spans(blank: Sequence[bool]) -> list[tuple[int, int]]:
    """Where columns begin and end: two blanks or more in every row are a gap."""
    marks = "".join(" " if is_blank else "x" for is_blank in blank)
    return [found.span() for found in re.finditer(r"x+( x+)*", marks)]
