"""The dashboards of the chart as the tests see them: panels, queries, variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path(__file__).parents[1] / "charts" / "gpucost" / "dashboards"
FILES: Final = tuple(sorted(FOLDER.glob("*.json")))
ALL: Final[Mapping[str, dict[str, Any]]] = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}


class Target(NamedTuple):
    """A query of a panel."""

    dashboard: str
    panel: str
    letter: str
    expression: str
    unit: str

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel} {self.letter}"


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Panels without the rows that head them."""
    yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


def _targets() -> Iterator[Target]:
    for name, dashboard in ALL.items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                unit = _unit_of(panel, target["refId"])
                yield Target(name, panel["title"], target["refId"], target["expr"], unit)


def _unit_of(panel: Mapping[str, Any], letter: str) -> str:
    """That of the panel, or of the column that the query fills."""
    renamed = {
        field: title
        for step in panel["transformations"]
        for field, title in step["options"].get("renameByName", {}).items()
    }
    column = renamed.get(f"Value #{letter}") or renamed.get("Value")
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"] == {"id": "byName", "options": column}:
            return next((one["value"] for one in override["properties"] if one["id"] == "unit"), "")
    return str(panel["fieldConfig"]["defaults"]["unit"])


TARGETS: Final = tuple(_targets())
"""Every query of every panel, with the unit in which it is shown."""


def variables(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {found["name"]: found for found in dashboard["templating"]["list"]}


def filled(expression: str, values: Mapping[str, str]) -> str:
    """An expression as Grafana sends it: variables replaced by values. Raises KeyError where one has none."""
    return re.sub(r"\$([a-z_]\w+)|\$\{(\w+)\}", lambda found: values[found[1] or found[2]], expression)


def values_of(query: str) -> str:
    """The expression whose series have the values of a variable: ``label_values(SERIES, LABEL)``."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert found, query
    return f"group by ({found[2]}) ({found[1]})"
