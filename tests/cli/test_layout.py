"""A figure is shown whole or not at all, at any width and beside whatever names."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from gpucost.cli.layout import (
    Fit,
    Grid,
    Page,
    Pairs,
    Paragraph,
    Part,
    align_decimals,
    lay_out,
    printable,
    shorten_middle,
    wrap,
)

WIDTHS = (60, 80, 100, 120, 200)
HOSTILE = (
    "a" * 253,
    "very-long-team-name/" + "model-service-with-a-long-name-" * 3 + "01",
    "画像生成サービス" * 12,
    "🚀🔥" * 40,
    "שירות-ארוך-מאוד-" * 8,
    "a b c " * 30,
    "",
    "tab\tand\nline\x1b[31m",
)
MONEY = ("123,456,789,012,345.67", "-98,765,432,109,876.54", "0.00", "-0.01")
COLUMNS = ("attempts", "succeeded", "failed", "executed h", "allocated", "per success", "per failed s", "effective")
RANK = ("executed h", "per failed s", "effective")


def lines(part: Part, page: Page) -> list[str]:
    return [line.plain for line in lay_out(part, page)]


def services(names: Sequence[str], figures: Sequence[str]) -> Grid:
    """A table of services in which each row has other figures."""
    columns = (("service", Fit.NAME), *((name, Fit.FIGURE) for name in COLUMNS))
    rows = tuple(
        (Text(printable(name)), *(Text(figures[(i + k) % len(figures)]) for k in range(len(COLUMNS))))
        for i, name in enumerate(names)
    )
    return Grid(columns, rows, given_up=RANK)


def absent(found: Sequence[str]) -> list[str]:
    """The columns that a note says aren't shown."""
    note = " ".join(line.strip() for line in found).partition("not shown at this width: ")[2].partition("; widen")[0]
    return note.split(", ") if note else []


def test_columns_go_by_rank_and_the_reader_is_told() -> None:
    """Three columns are too many for 66 cells; before one goes, gaps of three blanks become two."""
    assert lines(services(["video"], ["1,234.56"]), Page(66, hint="-o json")) == [
        "  service  attempts  succeeded    failed  allocated  per success",
        "  ──────────────────────────────────────────────────────────────",
        "  video    1,234.56   1,234.56  1,234.56   1,234.56     1,234.56",
        "  not shown at this width: executed h, per failed s, effective;",
        "  widen, or -o json",
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_figure_is_cropped_and_no_line_is_too_long(width: int) -> None:
    grid = services(HOSTILE, MONEY)
    found = lines(grid, Page(width))
    assert max(map(cell_len, found)) <= width
    shown = len(COLUMNS) - len(absent(found))
    for i, row in enumerate(found[2 : 2 + len(HOSTILE)]):
        kept = [name for name in COLUMNS if name not in absent(found)]
        expected = [grid.rows[i][1 + COLUMNS.index(name)].plain for name in kept]
        assert row.split()[-shown:] == expected


def test_a_pipe_has_every_name_and_figure_whole() -> None:
    found = lines(services(HOSTILE, MONEY), Page(120, gives_up=False, shortens=False))
    for name, row in zip(HOSTILE, found[2:], strict=True):
        assert row.startswith(f"  {printable(name)} ")
        assert row.count(".67") + row.count(".54") + row.count(".00") + row.count(".01") == len(COLUMNS)
    assert not absent(found)


def test_a_pipe_with_a_stated_width_gives_up_columns_but_cuts_no_name() -> None:
    found = lines(services(["a" * 80], ["1.00"]), Page(60, shortens=False))
    assert found[2].split()[0] == "a" * 80
    assert absent(found)
    assert absent(found) == absent(lines(services(["a" * 80], ["1.00"]), Page(60)))


def test_names_that_begin_alike_are_told_apart() -> None:
    names = [f"very-long-team-name/model-service-with-a-long-name-{i:02d}" for i in range(20)]
    found = lines(services(names, ["1,234.56"]), Page(60))[2:22]
    assert len(set(found)) == 20
    assert all("…" in row for row in found)


def test_an_ellipsis_stands_in_the_middle() -> None:
    assert shorten_middle(Text("abcdefghij"), 7, "…").plain == "abc…hij"
    assert shorten_middle(Text("abcdefghij"), 7, "...").plain == "ab...ij"
    assert shorten_middle(Text("abcdefghij"), 10, "…").plain == "abcdefghij"
    assert shorten_middle(Text("画像生成サービス"), 8, "…").plain == "画像…ス"


@pytest.mark.parametrize("width", [8, 12, 20, 30])
def test_where_two_columns_have_no_room_a_row_is_stacked(width: int) -> None:
    found = lines(services(["画像生成サービス", "video"], ["1,234,567.89"]), Page(width))
    assert sum(line.count("1,234,567.89") for line in found) == 2 * (len(COLUMNS) - len(absent(found)))


def test_a_sentence_wraps_at_words_beside_its_figure() -> None:
    grid = Grid(
        (("recommendation", Fit.SENTENCE), ("saves", Fit.FIGURE)),
        ((Text("Pool l4 is busy for 0.8 % of the node time; shut it down then."), Text("190.48")),),
    )
    assert lines(grid, Page(42)) == [
        "  recommendation                     saves",
        "  ────────────────────────────────────────",
        "  Pool l4 is busy for 0.8 % of the  190.48",
        "  node time; shut it down then.",
    ]


def test_a_percentage_is_one_word() -> None:
    assert [line.plain for line in wrap(Text("it is 12.5 % of all"), 10, breaks=True)] == ["it is", "12.5 % of", "all"]


def test_a_pipe_breaks_no_word() -> None:
    url = "postgresql://database.internal.example.com:5432/tasks"
    found = lines(Paragraph(Text(f"see {url} for more")), Page(20, gives_up=False, shortens=False))
    assert found == ["see", url, "for more"]
    assert max(map(len, lines(Paragraph(Text(url)), Page(20)))) == 20


def test_the_note_of_a_pair_goes_below_where_it_has_no_room() -> None:
    pairs = Pairs(
        (("Node cost", "10,656.00 USD", "1,560.0 node-hours"), ("Idle nodes", "9,604.04 USD", "90.1 % of it"))
    )
    assert lines(pairs, Page(80)) == [
        "  Node cost   10,656.00 USD  1,560.0 node-hours",
        "  Idle nodes   9,604.04 USD  90.1 % of it",
    ]
    assert lines(pairs, Page(44)) == [
        "  Node cost   10,656.00 USD",
        "    1,560.0 node-hours",
        "  Idle nodes   9,604.04 USD  90.1 % of it",
    ]
    assert lines(pairs, Page(20))[:2] == ["  Node cost", "    10,656.00 USD"]


def test_decimals_of_a_column_are_as_many_and_digits_stay() -> None:
    assert align_decimals(["1.5", "20.25", "3", "none"]) == ["1.50", "20.25", "3.00", "none"]
    assert align_decimals(["1", "-20", ""]) == ["1", "-20", ""]
    assert align_decimals(["75012.00", "449.333333333"]) == ["75012.000000000", "449.333333333"]
    assert align_decimals(["1,234.5", "-2"]) == ["1,234.5", "-2.0"]


@given(
    name=st.integers(1, 90),
    sentence=st.integers(1, 90),
    other=st.integers(1, 90),
    width=st.integers(30, 200),
)
def test_names_and_sentences_share_what_figures_leave(name: int, sentence: int, other: int, width: int) -> None:
    texts = Text("n" * name), Text("s " * sentence), Text("o" * other), Text("1,234.56")
    columns = ("name", Fit.NAME), ("sentence", Fit.SENTENCE), ("other", Fit.NAME), ("figure", Fit.FIGURE)
    found = lines(Grid(columns, (texts,)), Page(width))
    assert max(map(cell_len, found)) <= width
    assert "figure" in absent(found) or "1,234.56" in " ".join(found).split()


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), max_size=60)
FIGURES = st.decimals(-(10**15), 10**15, places=2).map("{:,}".format)


@given(
    names=st.lists(NAMES, min_size=1, max_size=6),
    figures=st.lists(FIGURES, min_size=1, max_size=9),
    width=st.integers(20, 200),
    is_terminal=st.booleans(),
)
def test_whatever_is_shown_no_figure_is_cropped(
    names: list[str], figures: list[str], width: int, is_terminal: bool
) -> None:
    """Each figure of a column that isn't named as absent is in its row, whole; lines fit a terminal and end in no blank."""
    grid = services(names, figures)
    found = lines(grid, Page(width, shortens=is_terminal))
    if is_terminal and width > 40:  # a figure of 15 digits has no room beside its name, nor alone below 24
        assert max(map(cell_len, found)) <= width
    assert not [line for line in found if line != line.rstrip()]
    gone, words = absent(found), " ".join(found).split()
    for row in grid.rows:
        for name, cell in zip(COLUMNS, row[1:], strict=True):
            assert name in gone or cell.plain in words
