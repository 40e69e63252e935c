"""Charts as SVG and PNG files, and the JavaScript with which a page draws them itself. No browser, no network."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

from gpucost.report.charts.chart import Chart
from gpucost.report.charts.theme import Theme

VEGA_LITE: Final = "6.4"
"""The version that draws, here and in the bundle."""
NETWORK: Final[list[str]] = []
"""Base addresses from which a document may load data: none."""


def svg(chart: Chart, theme: Theme, width: int, *, background: bool = False) -> str:
    """The chart as SVG with its title, ``width`` pixels wide. ``background``: on the page's colour, not transparent."""
    import vl_convert  # starts a V8 of some 100 MB

    document = _standing_alone(chart, theme, width, background)
    text: str = vl_convert.vegalite_to_svg(document, vl_version=VEGA_LITE, allowed_base_urls=NETWORK)
    return text


def png(chart: Chart, theme: Theme, width: int, scale: float = 2, *, background: bool = False) -> bytes:
    """The chart as PNG with its title, ``width * scale`` pixels wide."""
    import vl_convert

    document = _standing_alone(chart, theme, width, background)
    data: bytes = vl_convert.vegalite_to_png(document, vl_version=VEGA_LITE, scale=scale, allowed_base_urls=NETWORK)
    return data


def _standing_alone(chart: Chart, theme: Theme, width: int, background: bool) -> dict[str, Any]:
    document = chart.document(theme, width, titled=True)
    return document | {"background": theme.page} if background else document


_PRINT_BUNDLE: Final = "import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle(vl_version=sys.argv[1]))"


def bundle() -> str:
    """The JavaScript that draws documents in a page: ``vegaEmbed(element, document, {ast: true, actions: false})``.

    With ``ast`` it evaluates no code, so a page may forbid that (no ``unsafe-eval``). Making it takes 170 MB for a
    second or two, so a process that ends does it: keep the text.
    """
    made = subprocess.run(
        [sys.executable, "-c", _PRINT_BUNDLE, VEGA_LITE], check=True, capture_output=True, encoding="utf-8"
    )
    return made.stdout
