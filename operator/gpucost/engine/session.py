"""A DuckDB connection that runs steps of sql/reduction by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from importlib import resources
from typing import Any, Final

import duckdb
import numpy as np

from gpucost.core.money import Ints

SHARED: Final = "gpucost_reduction"
"""The catalogue in memory that all connections of a reduction share; what else they make is temporary and their own."""


class Session:
    """One connection, and the parameters that stand in the SQL as ``$name``: integers of our own, never a user's text."""

    def __init__(self, con: duckdb.DuckDBPyConnection, parameters: Mapping[str, str]) -> None:
        self.con = con
        self._parameters = parameters

    @contextmanager
    def fork(self) -> Iterator[Session]:
        """Another connection to the same database, at home in the shared catalogue."""
        with closing(self.con.cursor()) as con:
            con.execute(f"USE {SHARED}")
            yield Session(con, self._parameters)

    def text(self, name: str, **more: str) -> str:
        """A step's SQL with its parameters in place."""
        sql = read_sql(name)
        for parameter, value in {**self._parameters, **more}.items():
            sql = sql.replace(f"${parameter}", value)
        return sql

    def view(self, name: str, file: str | None = None, **more: str) -> None:
        """Make a step a temporary view of its name."""
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {self.text(file or name, **more)}")

    def table(self, name: str, file: str | None = None, **more: str) -> None:
        """Make a step's result a temporary table of its name."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {self.text(file or name, **more)}")

    def collect(self, name: str) -> None:
        """Add a step's result to the shared table ``all_name``."""
        self.con.execute(f"INSERT INTO {SHARED}.all_{name} {self.text(name)}")

    def columns(self, name: str) -> dict[str, Any]:
        """A step's result as arrays: int64 for integers (null as -1), everything else as it is."""
        found = self.con.execute(self.text(name)).fetchnumpy()
        return {column: _plain(values) for column, values in found.items()}

    def fill(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Make a table of some rows: a temporary one, or one of a catalogue that the name states."""
        kind = "TABLE" if "." in table else "TEMP TABLE"
        self.con.execute(f"CREATE OR REPLACE {kind} {table} ({columns})")
        self.insert(table, rows)

    def insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows to a table."""
        if rows:
            columns = {f"c{i}": list(column) for i, column in enumerate(zip(*rows, strict=True))}
            values = ", ".join(f"unnest(${name})" for name in columns)
            self.con.execute(f"INSERT INTO {table} SELECT {values}", columns)


def _plain(values: Any) -> Any:
    if values.dtype.kind in "iu":
        return _integers(values)
    return np.ma.getdata(values) if values.dtype.kind == "O" else values


def _integers(values: Any) -> Ints:
    filled = values.filled(-1) if isinstance(values, np.ma.MaskedArray) else values
    return np.asarray(filled, dtype=np.int64)


@cache
def read_sql(name: str) -> str:
    """The text of a step."""
    return (resources.files("gpucost") / "sql" / "reduction" / f"{name}.sql").read_text(encoding="utf-8")
