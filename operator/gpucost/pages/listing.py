"""The list of reports, as their statuses have them; and pages that only say something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gpucost.pages.frame import Frame, render
from gpucost.pages.grid import UNKNOWN, Cell, Grid, Head
from gpucost.pages.links import report_path
from gpucost.report.conditions import READY


class Listed(NamedTuple):
    """A CostReport and its status; an empty one before the first visit."""

    namespace: str
    name: str
    status: Mapping[str, Any]
    fresh: bool = True
    """Whether the figures are those of the present spec, and the last due refresh worked."""


_DISPLAY = (
    ("period", "period", False),
    ("nodeCost", "node cost", True),
    ("allocatedCost", "allocated", True),
    ("idleCost", "idle", True),
    ("coverage", "coverage", True),
    ("utilization", "utilization", True),
)


def listing_page(reports: Iterable[Listed], frame: Frame) -> str:
    """All reports that a viewer may see, with their figures and whatever is wrong."""
    return render("listing.html.j2", frame, grid=_grid(reports, frame), charts={})


def last_figures_page(reports: Iterable[Listed], frame: Frame) -> str:
    """What is still known of a report that can't be computed: the figures of its status. The frame's notice says why."""
    return render("figures.html.j2", frame, grid=_grid(reports, frame), charts={})


def _grid(reports: Iterable[Listed], frame: Frame) -> Grid:
    rows = [_row(one, frame) for one in sorted(reports, key=lambda one: (one.namespace, one.name))]
    heads = (
        Head("report", "", False),
        *(Head(label, "", numeric) for _, label, numeric in _DISPLAY),
        Head("computed", "", False),
        Head("ready", "", False),
        Head("to look at", "conditions that are not as they should be", False),
    )
    return Grid("reports", "Reports", heads, rows)


def _row(one: Listed, frame: Frame) -> tuple[Cell, ...]:
    shown = one.status.get("display") or {}
    conditions = {condition["type"]: condition for condition in one.status.get("conditions") or ()}
    ready = conditions.pop(READY, {})
    wrong = [
        f"{name}: {c.get('reason')}" for name, c in conditions.items() if name != "Final" and c["status"] != "True"
    ]
    return (
        Cell(f"{one.namespace}/{one.name}", (frame.root or "") + report_path(one.namespace, one.name)),
        *(Cell(shown.get(key) or UNKNOWN) for key, _, _ in _DISPLAY),
        Cell(one.status.get("lastSuccessTime") or "not yet"),
        Cell(_ready(one, ready)),
        Cell(", ".join(wrong)),
    )


def _ready(one: Listed, ready: Mapping[str, Any]) -> str:
    if ready.get("status") != "True":
        return f"no: {ready.get('reason') or 'not visited yet'}"
    return "yes" if one.fresh else "no: the spec has changed"


def message_page(frame: Frame, message: str) -> str:
    """A page that says one thing, such as why there is nothing to see."""
    return render("message.html.j2", frame, message=message, charts={})
