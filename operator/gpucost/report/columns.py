"""Tables as typed columns: one definition for pandas frames, CSV and Parquet files.

Everything is exact. Money is decimal(38, 9) in the report's currency; time and node time are decimal(38, 6) seconds, hours
are rounded to 6 decimals; ratios have 6 and tariffs 9 decimals, null where the denominator is zero.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gpucost.core.money import Ints, round_half_up

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Kind(StrEnum):
    """What a column holds, and so its type in frames and files."""

    MONEY = "money"
    """From integer nano-units."""
    SECONDS = "seconds"
    """From integer microseconds."""
    HOURS = "hours"
    """From integer microseconds, rounded half up to 6 decimals."""
    RATIO = "ratio"
    """From rationals, rounded half up to 6 decimals."""
    SHARE = "share"
    """A ratio given as integer millionths."""
    TARIFF = "tariff"
    """Money per unit, from rationals of nano-units, rounded half up to 9 decimals."""
    COUNT = "count"
    TEXT = "text"
    FLAG = "flag"


_SCALE = {Kind.MONEY: 9, Kind.SECONDS: 6, Kind.HOURS: 6, Kind.RATIO: 6, Kind.SHARE: 6, Kind.TARIFF: 9}


@dataclass(frozen=True, slots=True)
class Coded(Sequence[str | None]):
    """Texts of few sorts in many rows: row i holds ``texts[codes[i]]``. Costs an integer a row, whatever the texts."""

    texts: Sequence[str | None]
    codes: Ints

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, row: int) -> str | None: ...
    @overload
    def __getitem__(self, row: slice) -> Coded: ...
    def __getitem__(self, row: int | slice) -> str | Coded | None:
        return Coded(self.texts, self.codes[row]) if isinstance(row, slice) else self.texts[self.codes[row]]

    def mapped(self, change: Callable[[str], str]) -> Coded:
        """The same rows with other texts; null stays null."""
        return Coded([None if text is None else change(text) for text in self.texts], self.codes)


@dataclass(frozen=True, slots=True)
class Column:
    """A named column; ``None`` among the values is null. The note says what it is, for the docs."""

    name: str
    kind: Kind
    values: Sequence[Any] | np.ndarray
    """A list, or for many rows an array; an array of money, seconds or shares holds scaled integers, masked where null."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A named table of columns of equal length."""

    name: str
    columns: tuple[Column, ...]

    def arrow(self) -> pa.Table:
        """The table as Arrow, with each column's note as metadata."""
        import pyarrow as pa

        arrays = [_array(column) for column in self.columns]
        fields = [
            pa.field(column.name, array.type, metadata={"note": column.note, "kind": str(column.kind)})
            for column, array in zip(self.columns, arrays, strict=True)
        ]
        return pa.table(arrays, schema=pa.schema(fields))

    def where(self, name: str, wanted: Collection[object]) -> Table:
        """The rows whose column of that name, a list, has one of the values."""
        key = next(column.values for column in self.columns if column.name == name)
        rows = [place for place, value in enumerate(key) if value in wanted]
        return Table(
            self.name, tuple(Column(c.name, c.kind, [c.values[i] for i in rows], c.note) for c in self.columns)
        )

    def frame(self) -> pd.DataFrame:
        """The table as a pandas frame with Arrow dtypes: decimals stay exact."""
        import pandas as pd

        frame: pd.DataFrame = self.arrow().to_pandas(types_mapper=pd.ArrowDtype)
        return frame


def _array(column: Column) -> pa.Array:
    import pyarrow as pa

    if isinstance(column.values, Coded):
        return _coded(column.values)
    if column.kind is Kind.TEXT:
        return pa.array(column.values, pa.string())
    if column.kind is Kind.FLAG:
        return pa.array(column.values, pa.bool_())
    if column.kind is Kind.COUNT:
        return pa.array(column.values, pa.int64())
    return _decimals(column)


def _coded(values: Coded) -> pa.Array:
    """As a dictionary of different texts: Arrow's Parquet writer pads one that repeats itself with memory it never set."""
    import pyarrow as pa

    absent = np.array([text is None for text in values.texts], dtype=bool)
    different = {text: number for number, text in enumerate(dict.fromkeys(text or "" for text in values.texts))}
    codes = np.array([different[text or ""] for text in values.texts], dtype=np.int32)
    indices = pa.array(codes[values.codes], mask=absent[values.codes])
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(different), pa.string()))


def _decimals(column: Column) -> pa.Array:
    import pyarrow as pa

    kind = pa.decimal128(38, _SCALE[column.kind])
    if isinstance(column.values, np.ndarray):
        # Scaled integers of an array: the 128 bits of each decimal are its 64 bits and their sign.
        scaled = np.ma.getdata(column.values)
        bits = np.stack([scaled, scaled >> 63], axis=1)
        valid = pa.array(~np.ma.getmaskarray(column.values), pa.bool_()).buffers()[1]
        return pa.Array.from_buffers(kind, len(bits), [valid, pa.py_buffer(bits.tobytes())])
    exact = decimal.Context(prec=38)
    rounded = [_scaled(column.kind, value) for value in column.values]
    return pa.array([None if v is None else exact.scaleb(decimal.Decimal(v), -kind.scale) for v in rounded], kind)


def _scaled(kind: Kind, value: int | Fraction | None) -> int | None:
    if value is None:
        return None
    if kind is Kind.HOURS:
        return round_half_up(int(value) * 10, 36_000)
    if kind is Kind.RATIO:
        exact = Fraction(value) * 10**6
        return round_half_up(exact.numerator, exact.denominator)
    if kind is Kind.TARIFF:
        exact = Fraction(value)
        return round_half_up(exact.numerator, exact.denominator)
    return int(value)
