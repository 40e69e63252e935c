"""CSV files as one table: DuckDB reads what is UTF-8 and RFC 4180; other encodings and backslashes before quotes are read here.

Nothing is guessed by likelihood. A byte order mark, or ``?encoding=NAME`` after the path, states an encoding. A backslash
escapes quotes only in a file that is wrong by RFC 4180 and right by this rule, in every row of its beginning.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

import duckdb

from gpucost.core.issues import counted, show
from gpucost.engine.source import SourceError, named
from gpucost.sources.text import one_line

if TYPE_CHECKING:
    import pyarrow as pa

LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of the longest row of a CSV file."""
BATCH_ROWS: Final = 16_384
_SAMPLE: Final = 4 * 1024 * 1024
"""Bytes of the beginning by which a file's rules are told."""
_SEPARATORS: Final = ",;\t|"
_ENCODING: Final = re.compile(r"\?encoding=([^?&=/]*)$", re.IGNORECASE)
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with UTF-16's mark
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEFORE_QUOTE: Final = re.compile(r'(\\+)"')
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MYSQL: Final = {'"': '""', "\\": "\\", "0": "\0", "\n": "\n", "\r": "\r"}
"""What MySQL's INTO OUTFILE writes after a backslash, as RFC 4180 has it."""
_NULL: Final = "\\N"
"""A null of MySQL, which no other tool writes."""

_MEND: Final = (
    "mend or remove that line: quotes within a field must be doubled or escaped by a backslash, in every row alike"
)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a file is written."""

    encoding: str = "utf-8"
    separator: str = ","
    unescape: Callable[[str], str] | None = None
    """Makes a line of RFC 4180 from one with backslashes; None: it is one."""
    null: str | None = None
    plain: bool = False
    """Whether DuckDB reads it right by itself."""


def split_encoding(path: str) -> tuple[str, str | None]:
    """A path and the encoding stated after it, as ``tasks.csv?encoding=latin-1``. A file of that very name is a path.

    Raises SourceError for an encoding that does not exist.
    """
    stated = _ENCODING.search(path)
    if stated is None or Path(path).is_file():
        return path, None
    try:
        "".encode(stated[1])
        name = codecs.lookup(stated[1]).name
    except (LookupError, ValueError):
        raise SourceError(
            f"{show(stated[1])} is no encoding that gpucost knows; it takes utf-8, utf-16, latin-1, windows-1252 and more"
        ) from None
    return path[: stated.start()], name


def view_csv(con: duckdb.DuckDBPyConnection, files: Sequence[str], name: str, encoding: str | None) -> None:
    """All files as one view, all columns as text, for a guess by the first rows may turn keys into floats.

    Raises SourceError for what can't be decoded, and rows without as many fields as the header.
    """
    forms = {file: _form_of(file, encoding) for file in files}
    plain = [file for file, form in forms.items() if form.plain]
    if not _can_split(con, plain):  # line ends of two kinds, or a row that does not fit, which is then named
        forms |= {file: _Form(separator=_separator_of(file), plain=False) for file in plain}
        plain = []
    parts = [_read_csv(plain)] if plain else []
    for number, (file, form) in enumerate(forms.items()):
        if not form.plain:
            _pull(con, file, form, f"{name}_{number}")
            parts.append(f"SELECT * FROM {name}_{number}")
    con.execute(f"CREATE VIEW {name} AS {' UNION ALL BY NAME '.join(parts)}")


def _can_split(con: duckdb.DuckDBPyConnection, files: Sequence[str]) -> bool:
    """Whether DuckDB finds the separator of plain files by itself. Raises its error of bytes that are no UTF-8."""
    if not files:
        return True
    try:
        columns = [str(column) for column, *_ in con.execute(f"DESCRIBE {_read_csv(files)}").fetchall()]
    except duckdb.InvalidInputException as error:
        if "sniffing file" not in str(error) or "not utf-8 encoded" in str(error):
            raise
        return False
    return len(columns) > 1 or not any(mark in columns[0] for mark in _SEPARATORS)


def _separator_of(file: str) -> str:
    """The separator that splits the header into most columns."""
    with _bytes(file) as raw:
        return _find_separator([raw.readline().decode(errors="replace")])


def _read_csv(files: Sequence[str]) -> str:
    """Of the format only the separator is guessed."""
    names = ", ".join(f"'{escaped}'" for escaped in (file.replace("'", "''") for file in files))
    rules = (
        "header = true, all_varchar = true, union_by_name = true, skip = 0, comment = '', quote = '\"', escape = '\"'"
    )
    return f"SELECT * FROM read_csv([{names}], {rules}, max_line_size = {LINE_LIMIT})"


def _form_of(file: str, encoding: str | None) -> _Form:
    """How a file is written, by its mark and its beginning."""
    with _bytes(file) as raw:
        beginning = raw.read(_SAMPLE)
    encoding = encoding or next((name for mark, name in _MARKS if beginning.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in beginning[:100] and beginning[:1].isascii():
        raise SourceError(
            f"{file} is no text in UTF-8: it has bytes of zero, as UTF-16 without a byte order mark does; "
            f"state what it is, such as {file}?encoding=utf-16-le"
        )
    if encoding == "utf-8" and b'\\"' not in beginning:
        return _Form(plain=True)
    text = beginning.decode(encoding, errors="replace")
    if len(beginning) == _SAMPLE:  # the last line is cut
        text = text[: text.rfind("\n") + 1]
    lines = text.splitlines(keepends=True)
    separator = _find_separator(lines)
    if '\\"' not in text or _is_right(lines, separator, None):
        return _Form(encoding, separator, plain=encoding == "utf-8")
    unescape = _unescape_mysql if _has_null(lines, separator) else _unescape_quotes
    if not _is_right(lines, separator, unescape):
        return _Form(encoding, separator, plain=encoding == "utf-8")  # wrong by either rule, as DuckDB will say
    return _Form(encoding, separator, unescape, _NULL if unescape is _unescape_mysql else None)


def _find_separator(lines: Sequence[str]) -> str:
    csv.field_size_limit(LINE_LIMIT)
    return max(_SEPARATORS, key=lambda mark: len(next(csv.reader(lines, delimiter=mark), [])))


@contextmanager
def _bytes(file: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked. Raises SourceError where they are damaged."""
    try:
        with cast("IO[bytes]", gzip.open(file)) if file.lower().endswith(".gz") else open(file, "rb") as raw:
            yield raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(
            f"{file} can't be unpacked: {one_line(error)}; its name ends in .gz, so it must be a whole gzip file. Copy or "
            "export it again, or rename it if it is not compressed"
        ) from None


def _is_right(lines: Sequence[str], separator: str, unescape: Callable[[str], str] | None) -> bool:
    """Whether every row has as many fields as the first, and quotes only where RFC 4180 has them."""
    rows = _rows(lines, separator, unescape)
    try:
        width = len(next(rows, []))
        return all(len(row) == width for row in rows if row)
    except csv.Error as error:
        return "end of data" in str(error) and unescape is None  # the beginning may end within a row


def _rows(
    lines: Iterator[str] | Sequence[str], separator: str, unescape: Callable[[str], str] | None
) -> Iterator[list[str]]:
    csv.field_size_limit(LINE_LIMIT)
    return csv.reader(map(unescape, lines) if unescape else lines, delimiter=separator, strict=True)


def _has_null(lines: Sequence[str], separator: str) -> bool:
    """Whether a field is MySQL's null, which stands without quotes."""
    mark = re.escape(separator)
    return any(re.search(rf"(^|{mark})\\N({mark}|\r?\n|$)", line) for line in lines)


def _unescape_quotes(line: str) -> str:
    """A line by Spark's rule: a backslash escapes a quote, and before a quote itself; elsewhere it is a character."""
    return _BEFORE_QUOTE.sub(lambda found: "\\" * (len(found[1]) // 2) + '"' * (1 + len(found[1]) % 2), line)


def _unescape_mysql(line: str) -> str:
    """A line by MySQL's rule: a backslash escapes itself, quotes and ends of line; zero is ``\\0``."""
    return _ESCAPED.sub(lambda found: _MYSQL.get(found[1], found[0]), line)


def _pull(con: duckdb.DuckDBPyConnection, file: str, form: _Form, table: str) -> None:
    """Bring a file that DuckDB would not read right to a table, batch by batch."""
    batches = _batches(file, form)
    with named(con, "gpucost_batch", next(batches)):
        con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM gpucost_batch")
    for batch in batches:
        with named(con, "gpucost_batch", batch):
            con.execute(f"INSERT INTO {table} SELECT * FROM gpucost_batch")


def _batches(file: str, form: _Form) -> Iterator[pa.Table]:
    """The rows of a file as tables of texts; the first has no rows."""
    import pyarrow as pa  # a fifth of a second that other files don't need

    with _bytes(file) as raw, io.TextIOWrapper(raw, encoding=form.encoding, newline="") as lines:
        rows = _rows(lines, form.separator, form.unescape)
        try:
            names = [name.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}") for name in next(rows, [])]
            schema = pa.schema([(name, pa.string()) for name in names])
            yield schema.empty_table()
            filled = (_filled(row, len(names), file, rows) for row in rows if row)
            while batch := list(islice(filled, BATCH_ROWS)):
                columns = (
                    [None if text in ("", form.null) else text for text in column]
                    for column in zip(*batch, strict=True)
                )
                yield pa.table([pa.array(column, pa.string()) for column in columns], schema=schema)
        except csv.Error as error:
            line = rows.line_num  # type: ignore[attr-defined]
            raise SourceError(f"{file} can't be read: line {line:,}: {error}; {_MEND}") from None
        except UnicodeDecodeError:
            told = explain_bytes(file, form.encoding) or f"{file} can't be read as {form.encoding}"
            raise SourceError(told) from None


def _filled(row: list[str], width: int, file: str, rows: Iterator[list[str]]) -> list[str]:
    if len(row) != width:
        line = rows.line_num  # type: ignore[attr-defined]
        raise SourceError(
            f"{file} can't be read: line {line:,} has {counted(len(row), 'field')}, and its header {width}; {_MEND}"
        )
    return row


def explain_bytes(file: str, encoding: str = "utf-8") -> str | None:
    """A sentence on the first byte of a file that is not of an encoding: which, where, and what to do; None: all are."""
    decoder, place, line = codecs.getincrementaldecoder(encoding)(), 0, 1
    with _bytes(file) as raw:
        while piece := raw.read(1 << 20):
            pending = len(decoder.getstate()[0])
            try:
                line += decoder.decode(piece).count("\n")
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                wrong, place = error.object[error.start], place - pending + error.start
                return (
                    f"{file} can't be read as {encoding.upper()}: byte {place:,} (in line {line:,}) is 0x{wrong:02X}. "
                    f"State the encoding after the path, such as {file}?encoding=latin-1, or convert the file: "
                    "iconv -f LATIN1 -t UTF-8"
                )
            place += len(piece)
    return None
