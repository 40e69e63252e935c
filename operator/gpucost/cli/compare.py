"""gpucost compare: what changed from one report to another, and by what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from gpucost.api.costreport import CostReport, SpecError
from gpucost.cli.layout import Paragraph, Part, Parts
from gpucost.cli.render import BLANK, print_document, print_parts, table
from gpucost.computing import over_dates, read_report
from gpucost.pages.comparing import comparison_grids, previous_dates
from gpucost.pages.grid import UNKNOWN, Cell, Grid, Head
from gpucost.report.columns import Table
from gpucost.report.comparison import Comparison, compare
from gpucost.report.comparisontables import TABLES
from gpucost.report.report import Report
from gpucost.sources.yamlfiles import STANDARD_INPUT


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared: the later report, and an earlier one, or the same over other dates; else over the period before."""

    after: CostReport
    before: CostReport | None = None
    dates: tuple[str, str] | None = None


def compare_sides(
    sides: Sides, compute_after: Callable[[CostReport], Report], compute_before: Callable[[CostReport], Report]
) -> Comparison:
    """Compute both reports and compare them. Raises SpecError where their currencies differ, and as computing does."""
    after = compute_after(sides.after)
    before = sides.before or over_dates(sides.after, *(sides.dates or previous_dates(after)))
    try:
        return compare(compute_before(before), after)
    except ValueError as error:
        raise SpecError(str(error)) from None


def read_sides(
    manifests: Sequence[str],
    file: str | None,
    against: str | None,
    period: str | None,
    *,
    previous: bool,
    has_plan: bool,
) -> Sides:
    """What the options name. ``has_plan``: other CronJobs are named, so that without more it is the same report that they are
    compared for. Raises SpecError and ManifestError."""
    if manifests and (len(manifests) != 2 or file or against or period or previous):
        raise SpecError(
            "name two manifests, before and after, and nothing else; or one with --file; see gpucost compare -h"
        )
    if not manifests and file is None:
        raise SpecError("name a manifest with --file, or two of them: gpucost compare BEFORE AFTER")
    if sum(map(bool, (against, period, previous))) > 1:
        raise SpecError("--against, --against-period and --previous each say what was before; use one of them")
    before, after = manifests or (against, file)
    if has_plan and not (before or period or previous):
        found = read_report(str(after))
        return Sides(found, found)
    if before == after == STANDARD_INPUT:
        raise SpecError("only one manifest can be standard input; write the other to a file")
    dates = parse_dates(period) if period else None
    return Sides(read_report(str(after)), read_report(before) if before else None, dates)


def parse_dates(text: str) -> tuple[str, str]:
    """``START..END`` as two texts. Raises SpecError."""
    start, dots, end = text.partition("..")
    if not (start and dots and end):
        raise SpecError(f"--against-period must be START..END such as 2025-07-01..2025-08-01, not {text[:60]!r}")
    return start, end


def print_comparison(found: Comparison, output: str) -> None:
    """Print a comparison as tables, or as an object."""
    if output == "json":
        print_document(document(found), output)
    else:
        print_parts(_parts(found))


def document(found: Comparison) -> dict[str, Any]:
    """A comparison for machines: the sentence, notes, and every table with decimals as texts."""
    tables = {name.removeprefix("comparison_"): _records(build(found)) for name, build in TABLES.items()}
    return {"currency": found.currency, "sentence": found.sentence, "notes": list(found.notes), **tables}


def _records(found: Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.arrow().to_pylist()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str) else format(value, "f")


def _parts(found: Comparison) -> Iterator[Part]:
    sides = f"{found.before.name}, {found.before.period}  ->  {found.after.name}, {found.after.period}"
    notes = [Paragraph(Text(note, style="yellow"), 2) for note in found.notes]
    yield Parts((Paragraph(Text(sides, style="bold")), BLANK, Paragraph(Text(found.sentence), 2), *notes))
    for grid in comparison_grids(found):
        yield BLANK
        yield _grid_part(grid)


def _grid_part(grid: Grid) -> Part:
    """A table without the columns of which nothing is known."""
    known = [i for i in range(len(grid.heads)) if any(row[i].text != UNKNOWN for row in grid.rows)]
    heads = [grid.heads[i] for i in known]
    rows = [[_shown(row[i], grid.heads[i]) for i in known] for row in grid.rows]
    texts = [head.label for head in heads if not head.numeric]
    return table(grid.title, *(head.label for head in heads), rows=rows, left=texts, note=grid.note)


def _shown(cell: Cell, head: Head) -> str:
    return cell.text if cell.text != UNKNOWN else "-" if head.numeric else ""
