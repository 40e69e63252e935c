"""The page that Prometheus scrapes: the series of every report, and the operator's own.

A report is encoded once per change, by prometheus_client, which knows the escapes and the float format; its lines are
kept per family, plain and deflated. A scrape only strings them together: a deflated piece that ends in a sync flush
refers to nothing before it, so that pieces follow each other as they are (RFC 1951, RFC 1952). The operator's own
metrics are small and encoded at each scrape.

Lines of gauges are the same in the text format and in OpenMetrics, and so is HELP without quotes and backslashes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from gpucost.metrics.families import FAMILIES, REPORT_LABELS, Family
from gpucost.metrics.samples import ReportSamples, Row

MAX_SERIES: Final = 200_000
GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
"""Deflate, no name, no time, fastest, unknown system (RFC 1952, section 2.3)."""
LEVEL: Final = 1
"""Lines of one report repeat their labels; higher levels take time and save little."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive lines of the page, plain and as raw deflate, and how many series they hold."""

    lines: bytes
    deflated: bytes
    series: int


@dataclass(frozen=True, slots=True)
class Zipped:
    """Deflated lines, with the checksum and length of what they stand for."""

    deflated: bytes
    crc: int
    length: int


class _Shown:
    """What the page shows of the reports until the next change."""

    def __init__(self, pieces: list[Piece], held: int) -> None:
        self._pieces = pieces
        self.dropped_series = held - sum(piece.series for piece in pieces)

    @cached_property
    def lines(self) -> bytes:
        return b"".join([piece.lines for piece in self._pieces])

    @cached_property
    def zipped(self) -> Zipped:
        crc = length = 0
        for piece in self._pieces:
            crc, length = zlib.crc32(piece.lines, crc), length + len(piece.lines)
        return Zipped(b"".join([piece.deflated for piece in self._pieces]), crc, length)


class _One(Collector):
    """A collector of one metric family: what prometheus_client encodes."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


class MetricsPage(Collector):
    """Series of reports by namespace and name. To be used from one thread, the event loop's."""

    def __init__(self, registry: CollectorRegistry, max_series: int = MAX_SERIES) -> None:
        """``registry`` holds the operator's own metrics; the page adds gpucost_dropped_series to them.

        ``max_series`` caps the series of all reports together; what is beyond it is left out from the page's end.
        """
        self._registry = registry
        self._max_series = max_series
        self._heads = [_piece(_head_and_lines(family, (), ("", ""))[0], 0) for family in FAMILIES]
        self._reports: dict[Key, dict[str, Piece]] = {}
        self._shown: _Shown | None = None
        registry.register(self)

    def put(self, namespace: str, name: str, samples: ReportSamples) -> None:
        """Show a report's series in place of its former ones. Takes about 10 microseconds a series."""
        self._reports[namespace, name] = dict(encoded(namespace, name, samples))
        self._shown = None

    def remove(self, namespace: str, name: str) -> None:
        """Show a report no more; one that is not shown is no error."""
        if self._reports.pop((namespace, name), None) is not None:
            self._shown = None

    @property
    def dropped_series(self) -> int:
        """How many series of reports the cap leaves out."""
        return self._now_shown().dropped_series

    def collect(self) -> Iterator[Metric]:
        """The page's own metric, for the registry."""
        yield GaugeMetricFamily(
            "gpucost_dropped_series", "Series of reports that the cap leaves out.", value=self.dropped_series
        )

    def encode(self, openmetrics: bool, *, gzip: bool = False) -> bytes:
        """The whole page in OpenMetrics 1.0 or in the text format 0.0.4, as UTF-8 or as its gzip."""
        own = (generate_openmetrics if openmetrics else generate_latest)(self._registry)
        return _gzip(self._now_shown().zipped, own) if gzip else self._now_shown().lines + own

    def _now_shown(self) -> _Shown:
        if self._shown is None:
            held = sum(piece.series for pieces in self._reports.values() for piece in pieces.values())
            self._shown = _Shown(list(_capped(self._families(), self._max_series)), held)
        return self._shown

    def _families(self) -> Iterator[tuple[Piece, list[Piece]]]:
        """Head and pieces of every family, the pieces in the order of their reports' names."""
        ordered = [self._reports[key] for key in sorted(self._reports)]
        for family, head in zip(FAMILIES, self._heads, strict=True):
            yield head, [pieces[family.name] for pieces in ordered if family.name in pieces]


def encoded(namespace: str, name: str, samples: ReportSamples) -> Iterator[tuple[str, Piece]]:
    """A report's lines, by the name of their family."""
    for family in FAMILIES:
        if rows := samples.rows.get(family.name):
            _, lines = _head_and_lines(family, rows, (namespace, name))
            yield family.name, _piece(lines, len(rows))


def _head_and_lines(family: Family, rows: Iterable[Row], report: Key) -> tuple[bytes, bytes]:
    """HELP and TYPE, and the lines below them."""
    metric = GaugeMetricFamily(family.name, family.help, labels=(*REPORT_LABELS, *family.labels))
    for row in rows:
        metric.add_metric([_utf8(value) for value in (*report, *row.labels)], row.value)
    told, kind, lines = generate_latest(_One(metric)).split(b"\n", 2)
    return told + b"\n" + kind + b"\n", lines


def _utf8(text: str) -> str:
    """Text that UTF-8 can hold: half of a surrogate pair in one service's name must not take down the page."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _piece(lines: bytes, series: int) -> Piece:
    return Piece(lines, _deflate(lines, zlib.Z_SYNC_FLUSH), series)


def _deflate(lines: bytes, ending: int) -> bytes:
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(lines) + deflater.flush(ending)


def _gzip(kept: Zipped, own: bytes) -> bytes:
    """One gzip member: the kept lines, then the operator's own."""
    crc, length = zlib.crc32(own, kept.crc), (kept.length + len(own)) % 2**32
    trailer = crc.to_bytes(4, "little") + length.to_bytes(4, "little")
    return GZIP_HEADER + kept.deflated + _deflate(own, zlib.Z_FINISH) + trailer


def _capped(found: Iterable[tuple[Piece, list[Piece]]], room: int) -> Iterator[Piece]:
    """Each family's head and pieces, up to the first piece that does not fit: sums over a report's rows stay whole."""
    for head, pieces in found:
        fitting = _fitting(pieces, room)
        if fitting:
            yield head
            yield from fitting
        if len(fitting) < len(pieces):
            return
        room -= sum(piece.series for piece in pieces)


def _fitting(pieces: list[Piece], room: int) -> list[Piece]:
    for place, piece in enumerate(pieces):
        room -= piece.series
        if room < 0:
            return pieces[:place]
    return pieces
