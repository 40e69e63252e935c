"""What stands around every page: its title, the way to it, style and scripts. Templates escape everything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gpucost.pages.assets import CHARTS, asset, charts_path, file_policy
from gpucost.pages.grid import Grid, rows_html
from gpucost.report.charts.chart import Chart
from gpucost.report.charts.theme import DARK, LIGHT


@dataclass(frozen=True, slots=True)
class Frame:
    """How a page is placed. ``root``: the relative way to the server's root; None: the page is one file by itself."""

    title: str
    root: str | None = None
    crumbs: Sequence[tuple[str, str]] = ()
    """Where one is: texts and links, the outermost first, without the page itself."""
    notice: str = ""
    """What a reader must know before any figure, such as that they are old."""


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("gpucost.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["data"] = data_block
    found.globals |= {"themes": themes(), "rows": rows_html}
    return found


def render(template: str, frame: Frame, **content: Any) -> str:
    """A page. ``charts`` among the content asks for the charts' runtime."""
    return _environment().get_template(template).render(frame=frame, assets=_assets(frame, content), **content)


def sections_page(
    frame: Frame,
    title: str,
    grids: Sequence[Grid],
    intro: str = "",
    figures: Sequence[Chart] = (),
    ways: Sequence[tuple[str, str]] = (),
) -> str:
    """A page of charts and tables. ``ways``: texts and links to more of the same."""
    charts = chart_data(figures)
    return render(
        "sections.html.j2", frame, title=title, intro=intro, figures=figures, grids=grids, charts=charts, ways=ways
    )


def _assets(frame: Frame, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Style and scripts: addresses for a server's page, texts for a file."""
    style, scripts = asset("page.css"), [asset("page.js")]
    if content.get("charts") and frame.root is None:
        scripts.insert(0, asset(CHARTS))
    if frame.root is None:
        inline = Markup(style.text), [Markup(script.text) for script in scripts]
        return {"policy": file_policy(style, *scripts), "style": inline[0], "scripts": inline[1]}
    paths = [*([charts_path()] if content.get("charts") else ()), *(script.path for script in scripts)]
    return {"style": frame.root + style.path, "scripts": [frame.root + path for path in paths]}


_ESCAPES: Final = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def data_block(value: Any) -> Markup:
    """JSON that can stand in a script element of a data type, whatever its texts hold."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Markup(text.translate(_ESCAPES))


def chart_data(charts: Iterable[Chart]) -> Mapping[str, Mapping[str, Any]]:
    """Charts by name for the page's script, which gives them the theme that the reader has."""
    return {
        one.name: {key: value for key, value in one.document(LIGHT).items() if key not in ("params", "config")}
        for one in charts
    }


def themes() -> Mapping[str, Any]:
    """What a theme adds to a chart, by the theme's name."""
    return {theme.name: {"params": theme.parameters(), "config": theme.config()} for theme in (LIGHT, DARK)}
