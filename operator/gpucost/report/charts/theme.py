"""Themes: what colours mean, in light and dark.

A colour has one meaning in all charts. Marks have a contrast of at least 3:1 with the page, texts of 4.5:1. Colours that
share a chart stay apart for readers who don't tell red, green or blue from each other (simulated after Machado 2009), and
labels, dashes or shapes always say the same once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class Hue(StrEnum):
    """What a colour stands for. Charts name these; a theme's document holds each as a parameter of its name."""

    NODE = "node"
    """Nodes as a whole."""
    BUSY = "busy"
    """Nodes while tasks run, and their cost once it is allocated; weekdays."""
    IDLE = "idle"
    """Nodes on which no task runs, and cost that nobody was charged."""
    SUCCESS = "success"
    FAILURE = "failure"
    INTERRUPTED = "interrupted"
    OPEN = "open"
    WEEKEND = "weekend"
    INK = "ink"
    """Texts and lines on the page."""
    SHADE = "shade"
    """Areas about which there is nothing to say, and the light end of colour ramps."""


FONT: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
TEXT_SIZE: Final = 12


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours for one kind of page. The background of a chart is transparent."""

    name: str
    page: str
    """The background that the colours are made for."""
    muted: str
    """Labels of axes and legends."""
    grid: str
    hues: Mapping[Hue, str]

    def parameters(self) -> list[dict[str, str]]:
        """The colours by meaning, as Vega-Lite parameters."""
        return [{"name": str(hue), "value": self.hues[hue]} for hue in Hue]

    def config(self) -> dict[str, Any]:
        """The Vega-Lite configuration: fonts, axes, legends."""
        words = {"labelColor": self.muted, "labelFontSize": TEXT_SIZE, "labelFontWeight": "normal"}
        lines = {"gridColor": self.grid, "domainColor": self.muted, "tickColor": self.muted}
        title = {"titleColor": self.muted, "titleFontSize": TEXT_SIZE, "titleFontWeight": "normal"}
        return {
            "background": "transparent",
            "font": FONT,
            "view": {"stroke": None},
            "axis": words | title | lines | {"labelOverlap": "parity", "labelSeparation": 6, "titlePadding": 8},
            "legend": words
            | title
            | {"orient": "top", "offset": 22, "symbolStrokeWidth": 2, "labelLimit": 220, "columnPadding": 14},
            "text": {"color": self.hues[Hue.INK], "fontSize": TEXT_SIZE},
            "title": {"color": self.hues[Hue.INK], "fontSize": 15, "anchor": "start", "offset": 12},
        }


LIGHT: Final = Theme(
    "light",
    page="#ffffff",
    muted="#55606b",
    grid="#e3e6ea",
    hues={
        Hue.NODE: "#59636e",
        Hue.BUSY: "#135ca8",
        Hue.IDLE: "#c18212",
        Hue.SUCCESS: "#0d7462",
        Hue.FAILURE: "#81130a",
        Hue.INTERRUPTED: "#622582",
        Hue.OPEN: "#5d94bd",
        Hue.WEEKEND: "#951f66",
        Hue.INK: "#1c2126",
        Hue.SHADE: "#eceef1",
    },
)
DARK: Final = Theme(
    "dark",
    page="#14171a",
    muted="#a9b4bf",
    grid="#2f363d",
    hues={
        Hue.NODE: "#97a3af",
        Hue.BUSY: "#75bef0",
        Hue.IDLE: "#fec733",
        Hue.SUCCESS: "#48bfa3",
        Hue.FAILURE: "#ce5135",
        Hue.INTERRUPTED: "#9455bd",
        Hue.OPEN: "#b9ebfe",
        Hue.WEEKEND: "#cc5492",
        Hue.INK: "#eef1f4",
        Hue.SHADE: "#262c32",
    },
)
THEMES: Final = {theme.name: theme for theme in (LIGHT, DARK)}
