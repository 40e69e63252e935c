"""A chart: what it shows in a sentence or two, and its Vega-Lite document."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from gpucost.report.charts.theme import LIGHT, Theme

Document = Mapping[str, Any]
Row = Mapping[str, Any]
Width = int | Literal["container"]

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
NOTEBOOK_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
NOTEBOOK_MIME: Final = "application/vnd.vegalite.v5+json"
"""What every JupyterLab since 3.3 can draw; the documents are valid in both versions of Vega-Lite."""
NOTEBOOK_WIDTH: Final = 760
TITLE_LETTER: Final = 9
"""Pixels of a letter of a title, about."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart without a theme: ``document`` gives it one."""

    name: str
    """As in ``report.chart("daily_cost")`` and the names of files."""
    title: str
    summary: str
    """Sentences that say the figures: a caption, and what a screen reader reads."""
    spec: Document
    """Vega-Lite without data, width and theme. Colours are parameters with the names of ``Hue``."""
    rows: Sequence[Row]
    """The data points: money in units of the currency, time in hours or seconds, as floats; None where there is none."""

    def document(self, theme: Theme, width: Width = "container", *, titled: bool = False) -> dict[str, Any]:
        """The whole Vega-Lite document, data included. ``width``: pixels of all of it, or as wide as its container.

        ``titled``: with its title, for a picture that stands alone.
        """
        return {
            "$schema": SCHEMA,
            "description": self.summary,
            **({"title": self._title(width)} if titled else {}),
            "width": width,
            "autosize": {"type": "fit-x", "contains": "padding"},
            "padding": 4,
            "params": theme.parameters(),
            "config": theme.config(),
            "data": {"values": self.rows},
            **self.spec,
        }

    def _title(self, width: Width) -> str | list[str]:
        return self.title if width == "container" else textwrap.wrap(self.title, max(10, width // TITLE_LETTER))

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: the document, a PNG for viewers that can't draw it, and the summary as text."""
        from gpucost.report.charts.render import png  # starts a V8, and only notebooks want it

        makers: dict[str, Callable[[], Any]] = {
            NOTEBOOK_MIME: self._notebook_document,
            "image/png": lambda: png(self, LIGHT, NOTEBOOK_WIDTH, background=True),
            "text/plain": lambda: f"{self.title}. {self.summary}",
        }
        wanted = [mime for mime in makers if (include is None or mime in include) and mime not in (exclude or ())]
        return {mime: makers[mime]() for mime in wanted}

    def _notebook_document(self) -> dict[str, Any]:
        """The document on a light page, whatever the notebook's colours."""
        document = self.document(LIGHT, NOTEBOOK_WIDTH, titled=True)
        return document | {"$schema": NOTEBOOK_SCHEMA, "background": LIGHT.page}
