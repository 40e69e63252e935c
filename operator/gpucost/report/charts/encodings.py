"""Pieces of Vega-Lite that charts share: axes with units, tooltips, scales of days, legends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gpucost.core.calendar import EPOCH_ORDINAL
from gpucost.report.charts.theme import Hue

Spec = dict[str, Any]

MONEY: Final = ",.2f"
TARIFF: Final = ",.6~f"
HOURS: Final = ",.2f"
PERCENT: Final = ".1%"
COUNT: Final = ",d"
NUMBER: Final = ",.3~f"

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
DAY_UNIT: Final = "utcyearmonthdate"
"""Days are local dates; drawn as if they were UTC, no browser's own zone can move them."""
MOST_TICKS: Final = 10
MANY_DAYS: Final = 62
"""Above, days are narrower than marks should be."""


def colour(hue: Hue) -> Spec:
    """A colour by its meaning, whatever the theme."""
    return {"expr": str(hue)}


def number(field: str, title: str | None, style: str | None = None, **axis: Any) -> Spec:
    """A position by a number, from zero, on an axis with its unit."""
    look = {"title": title, **({"format": style} if style else {}), **axis}
    return {"field": field, "type": "quantitative", "axis": look}


def tip(field: str, title: str, style: str) -> Spec:
    """A line of a tooltip with a number."""
    return {"field": field, "type": "quantitative", "title": title, "format": style}


def text_tip(field: str, title: str) -> Spec:
    """A line of a tooltip with a text."""
    return {"field": field, "type": "nominal", "title": title}


def legend_of(names: Mapping[str, Hue], **legend: Any) -> Spec:
    """A colour by a name (of a field, or of a layer's datum), and a legend in one row: 260 pixels must do."""
    return {
        "scale": {"domain": list(names), "range": [colour(hue) for hue in names.values()]},
        "legend": {"title": None, **legend},
    }


def tick_count() -> Spec:
    """As many ticks on a horizontal axis as there is room for."""
    return {"expr": "max(2, floor(width / 90))"}


def time_axis(dates: Sequence[dt.date]) -> Spec:
    """Local time from left to right, of fields ``at`` in milliseconds of the wall's clock."""
    days, start = day_axis(dates), _ms(dates[0])
    hours = range(start, start + DAY_MS + 1, 6 * HOUR_MS)
    axis = {"format": "%H:%M", "values": _instants(hours)} if len(dates) == 1 else {}
    return {"field": "at", "type": "temporal", "scale": days["scale"], "axis": days["axis"] | axis}


def day_axis(dates: Sequence[dt.date]) -> Spec:
    """Days from left to right, each as a band of its own, with at most some eight labels."""
    first, last = dates[0], dates[-1]
    ticks, style = _day_ticks(first, last)
    return {
        "field": "date",
        "type": "temporal",
        "timeUnit": DAY_UNIT,
        "bandPosition": 0.5,
        "scale": {
            "type": "utc",
            "domainMin": {"expr": str(_ms(first))},
            "domainMax": {"expr": str(_ms(last) + DAY_MS)},
            "nice": False,
        },
        "axis": {"title": None, "grid": False, "values": _instants(map(_ms, ticks)), "format": style},
    }


def _instants(values: Iterable[int]) -> Spec:
    """Milliseconds as they are. Plain ones would become ``datetime(...)``, where the interpreter that pages use takes years."""
    return {"expr": f"[{', '.join(map(str, values))}]"}


def _day_ticks(first: dt.date, last: dt.date) -> tuple[list[dt.date], str]:
    """Every day, Mondays, first days of months, quarters or years; and how they are written."""
    days = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]
    mondays = [day for day in days if day.weekday() == 0]
    months = [day for day in days if day.day == 1]
    quarters = [day for day in months if day.month % 3 == 1]
    kinds = ((days, "%-d %b"), (mondays, "%-d %b"), (months, "%b %Y"), (quarters, "%b %Y"))
    found = next((kind for kind in kinds if len(kind[0]) <= MOST_TICKS), None)
    return found or ([day for day in quarters if day.month == 1], "%Y")


def _ms(date: dt.date) -> int:
    return (date.toordinal() - EPOCH_ORDINAL) * DAY_MS


DAY_TIP: Final[Spec] = {
    "field": "date",
    "type": "temporal",
    "timeUnit": DAY_UNIT,
    "title": "Day",
    "format": "%A %Y-%m-%d",
}


def day_bar(days: int, **mark: Any) -> Spec:
    """A bar for one of so many days; many stand without gaps, which would be all that one sees."""
    return {"type": "bar", "binSpacing": 0 if days > MANY_DAYS else 1, **mark}


def day_line(days: int, hue: Hue) -> Spec:
    """A line through so many days."""
    return {"type": "line", "color": colour(hue), "strokeWidth": 1 if days > MANY_DAYS else 2}


def day_point(days: int, **mark: Any) -> Spec:
    """A point for one of so many days."""
    return {"type": "point", "filled": True, "opacity": 1, "size": 6 if days > MANY_DAYS else 40, **mark}


NAMED_BAND: Final = 38
"""Pixels for a bar with its name above it."""


def named_bands(count: int, layers: Sequence[Spec]) -> Spec:
    """Marks in one band per ``rank``, below a name that has the whole width: readable however narrow, however long.

    Rows have ``rank`` and ``name``; those with a ``head`` draw the name, and the head on the right.
    """
    head = {"filter": "isValid(datum.head)"}
    name = {
        "type": "text",
        "align": "left",
        "yOffset": NAME_OFFSET,
        "limit": {"expr": f"max(60, width - {HEAD_WIDTH})"},
    }
    return {
        "height": NAMED_BAND * count,
        "encoding": {"y": {"field": "rank", "type": "ordinal", "axis": None, "scale": {"padding": 0}}},
        "layer": [
            *layers,
            {"transform": [head], "mark": name, "encoding": {"x": {"value": 0}, "text": {"field": "name"}}},
            {
                "transform": [head],
                "mark": {"type": "text", "align": "right", "yOffset": NAME_OFFSET},
                "encoding": {"x": {"value": "width"}, "text": {"field": "head"}},
            },
        ],
    }


NAME_OFFSET: Final = -8
BAR: Final = {"height": 13, "yOffset": 9}
"""A bar below its name."""
HEAD_WIDTH: Final = 130
"""Pixels on the right that a name leaves to the figure beside it."""
