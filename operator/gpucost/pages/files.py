"""The page and the charts of a report as files: report.html, which needs nothing else, and SVG and PNG pictures."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Final

from gpucost.pages.frame import Frame
from gpucost.pages.overview import Extras, report_page
from gpucost.report.charts import charts
from gpucost.report.charts.render import png, svg
from gpucost.report.charts.theme import LIGHT
from gpucost.report.files import Content
from gpucost.report.report import Report

_LABELS: Final = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
WIDTH: Final = 720
"""Pixels of a picture: about what the width of an A4 page holds."""


def page_contents(report: Report) -> Iterator[Content]:
    """report.html, and every chart twice; paths and bytes as ``report.files.contents`` gives them."""
    drawn = {chart.name: svg(chart, LIGHT, WIDTH, background=True) for chart in charts(report)}
    yield "report.html", [report_file(report, drawn)]
    for chart in charts(report):
        yield f"charts/{chart.name}.svg", [drawn[chart.name].encode()]
        yield f"charts/{chart.name}.png", [png(chart, LIGHT, WIDTH, background=True)]


def count_pages(report: Report) -> int:
    """How many files ``page_contents`` gives."""
    return 1 + 2 * len(charts(report))


def report_file(report: Report, drawn: Mapping[str, str]) -> bytes:
    """report.html, with pictures (SVG by name of the chart) for paper and for readers without scripts."""
    stills = {name: data_address(picture) for name, picture in drawn.items()}
    return report_page(report, Frame(f"{report.namespace}/{report.name}"), extras=Extras(stills=stills)).encode()


def data_address(drawn: str) -> str:
    """An SVG as the address of an image: inside the page itself, its ids would meet those of others.

    Nobody hears the labels of its marks there, and they are most of it: they go.
    """
    bare = _LABELS.sub("", drawn)
    return f"data:image/svg+xml;base64,{base64.b64encode(bare.encode()).decode()}"
