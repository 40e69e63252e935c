"""The page and the charts of a report as files: report.html, which needs nothing else, and SVG and PNG pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

from gpucost.pages.frame import Frame
from gpucost.pages.overview import Extras, report_page
from gpucost.report.charts import charts
from gpucost.report.charts.render import png, svg
from gpucost.report.charts.theme import LIGHT
from gpucost.report.files import Content
from gpucost.report.report import Report

WIDTH: Final = 720
"""Pixels of a picture: about what the width of an A4 page holds."""


def page_contents(report: Report) -> Iterator[Content]:
    """report.html, and every chart twice; paths and bytes as ``report.files.contents`` gives them."""
    stills = {}
    for chart in charts(report):
        drawn = svg(chart, LIGHT, WIDTH, background=True)
        stills[chart.name] = data_address(drawn)
        yield f"charts/{chart.name}.svg", [drawn.encode()]
        yield f"charts/{chart.name}.png", [png(chart, LIGHT, WIDTH, background=True)]
    frame = Frame(f"{report.namespace}/{report.name}")
    yield "report.html", [report_page(report, frame, extras=Extras(stills=stills)).encode()]


def data_address(drawn: str) -> str:
    """An SVG as the address of an image: inside the page itself, its ids would meet those of others."""
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
