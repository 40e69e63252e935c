"""CSV that spreadsheets may open: no text in it runs as a formula, and a machine gets every text back as it was.

A spreadsheet takes a cell for a formula that begins with ``=``, ``+``, ``-`` or ``@``, maybe after blanks or quotes (OWASP,
CSV Injection). Where it separates columns by semicolons or tabs, as in much of Europe, a text that holds one begins a cell
in its middle. So an apostrophe is put before whatever could begin a formula: at the start of a text, and after every ``;``,
tab or end of line in it; also before an apostrophe that stands there, so that one apostrophe less at each such place is the
text again. Numbers, flags and dates begin otherwise and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

import duckdb

from gpucost.report.columns import Column, Kind, Table

if TYPE_CHECKING:
    import pyarrow as pa

_UNSEEN: Final = (
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x20\\x7f-\\xa0\\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
)
"""Blanks, control and format characters, without tab and ends of lines."""
_FORMULA: Final = f"[{_UNSEEN}\"']*[=+\\-@＝＋－＠]"
_EDGE: Final = "[;\\t\\r\\n]"
"""What may end a cell in spite of its quotes."""
_FIND: Final = f"(?:\\A|{_EDGE})(?:{_FORMULA}|')|\\A[\\t\\r\\n]"
_PLACE: Final = re.compile(f"(?:\\A|(?<={_EDGE}))(?={_FORMULA}|')|\\A(?=[\\t\\r\\n])")
_ADDED: Final = re.compile(f"(?:\\A|(?<={_EDGE}))'")
_ROWS: Final = 16_384
"""Rows of one chunk."""


def guarded(text: str) -> str:
    """A text that no spreadsheet runs: an apostrophe before whatever could begin a formula."""
    return _PLACE.sub("'", text)


def unguarded(text: str) -> str:
    """The text that was guarded."""
    return _ADDED.sub("", text)


def csv_chunks(found: Table) -> Iterator[bytes]:
    """A table as UTF-8 CSV (RFC 4180, but lines end with a line feed): the header, then some thousand rows at a time.

    Decimals keep all their digits, null is empty, an empty text is ``""``, texts are guarded.
    """
    rows = _guarded_rows(found.arrow())  # noqa: F841  (DuckDB finds it by its name)
    cells = ", ".join(_cell(column) for column in found.columns)
    yield (",".join(column.name for column in found.columns) + "\n").encode()
    with _printer().cursor() as con:
        for batch in con.sql(f"SELECT concat_ws(',', {cells}) || chr(10) FROM rows").to_arrow_reader(_ROWS):
            yield "".join(batch.column(0).to_pylist()).encode()


@cache
def _printer() -> duckdb.DuckDBPyConnection:
    """DuckDB prints 0.000000015 where Arrow prints 1.5E-8. One for all tables: most are printed faster than one is opened."""
    return duckdb.connect()


def _cell(column: Column) -> str:
    """SQL of a cell: a text is quoted where it has to be."""
    text = f'"{column.name}"::VARCHAR'
    if column.kind is not Kind.TEXT:
        return f"coalesce({text}, '')"
    quoted = f"""'"' || replace({text}, '"', '""') || '"'"""
    return (
        f"""coalesce(CASE WHEN {text} = '' OR regexp_matches({text}, '[",\\r\\n]') THEN {quoted} ELSE {text} END, '')"""
    )


def _guarded_rows(rows: pa.Table) -> pa.Table:
    import pyarrow as pa

    return pa.table([_guarded(chunked.combine_chunks()) for chunked in rows.columns], names=rows.column_names)


def _guarded(column: pa.Array) -> pa.Array:
    """A column whose texts are guarded; few need it, so that these are found first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, _guarded(column.dictionary))
    if not pa.types.is_string(column.type):
        return column
    risky = pc.fill_null(pc.match_substring_regex(column, _FIND), False)
    texts = [guarded(text) for text in column.filter(risky).to_pylist()]
    return pc.replace_with_mask(column, risky, pa.array(texts, pa.string()))
