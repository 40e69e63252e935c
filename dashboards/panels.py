"""The few kinds of panels that the dashboards are made of, with their units, colours and widths.

The grid of Grafana is 24 wide. Colours are of Okabe and Ito's palette, which the colour-blind can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

from grafana_foundation_sdk.builders import barchart, bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from gpucost.metrics.families import REPORT_LABELS

WIDTH: Final = 24
DATASOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
GOOD, DOUBT, BAD, PLAIN = "#009E73", "#E69F00", "#D55E00", "#0072B2"

_AnyPanel = TypeVar("_AnyPanel", stat.Panel, timeseries.Panel, table.Panel, bargauge.Panel, barchart.Panel)
Levels = Mapping[float, str]
"""From which value on which colour holds; PLAIN below the first."""
OF_IDLE: Final[Levels] = {0.0: GOOD, 0.3: DOUBT, 0.6: BAD}
OF_COVERAGE: Final[Levels] = {0.0: BAD, 0.3: DOUBT, 0.8: GOOD}
"""Shares of node cost; what is bad is what the chart's alerts tell of by default."""
Texts = Mapping[int, tuple[str, str]]
"""A word and its colour for each value."""
OF_READY: Final[Texts] = {0: ("not ready", BAD), 1: ("ready", GOOD)}


class Unit(Enum):
    """Units of Grafana's, each with its decimals. Money is a plain number: its currency stands beside it, for there are
    several; a success may cost a hundredth of a cent."""

    MONEY = ("locale", 2)
    TARIFF = ("locale", 6)
    COUNT = ("locale", 0)
    RATIO = ("percentunit", 1)
    NODE_HOURS = ("suffix:h", 1)
    SECONDS = ("s", 2)
    AGE = ("s", 1)
    BYTES = ("bytes", 0)
    PER_SECOND = ("ops", 2)
    CORES = ("suffix:cores", 2)

    def __init__(self, shown: str, decimals: int) -> None:
        self.shown = shown
        self.decimals = decimals


class Query(NamedTuple):
    """An expression, and what the legend calls its series."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what its head says, the expression of its values, and how they are shown; one without a title
    only brings its labels."""

    title: str
    expression: str
    unit: Unit
    levels: Levels | None = None
    texts: Texts | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A label that is a column of a table, and where a click on it leads."""

    name: str
    title: str
    url: str = ""


def number(
    title: str,
    says: str,
    query: Query,
    unit: Unit,
    *,
    span: int = 4,
    height: int = 4,
    levels: Levels | None = None,
    named: bool = False,
) -> stat.Panel:
    """One large number now; ``named``: the legend stands beside it, for there may be several."""
    mode = shapes.BigValueTextMode.VALUE_AND_NAME if named else shapes.BigValueTextMode.VALUE
    panel = stat.Panel().text_mode(mode).graph_mode(shapes.BigValueGraphMode.NONE)
    panel = panel.color_mode(shapes.BigValueColorMode.VALUE).with_target(_now(query, "A"))
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
    return _common(panel.reduce_options(reduced), title, says, unit, span, height).thresholds(_levels(levels or {}))


def words(title: str, says: str, query: Query, *, span: int = 4, texts: Texts) -> stat.Panel:
    """A word for each value that a query may have; without any, the legend is shown."""
    panel = number(title, says, query, Unit.COUNT, span=span)
    if not texts:
        return panel.text_mode(shapes.BigValueTextMode.NAME)
    return panel.mappings([_mapping(texts)])


def lines(
    title: str, says: str, queries: Sequence[Query], unit: Unit, *, span: int = 12, steps: bool = False
) -> timeseries.Panel:
    """Values over time; ``steps``: they hold until they change."""
    shape = shapes.LineInterpolation.STEP_AFTER if steps else shapes.LineInterpolation.LINEAR
    panel = timeseries.Panel().line_interpolation(shape).fill_opacity(0).line_width(2)
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.TABLE).show_legend(True)
    panel = panel.legend(legend.placement(shapes.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"]))
    panel = panel.tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        panel = panel.with_target(_query(query, letter).range())
    return _common(panel.min(0) if unit is not Unit.MONEY else panel, title, says, unit, span, 8)


def bars(title: str, says: str, query: Query, unit: Unit, *, span: int = 12) -> bargauge.Panel:
    """A horizontal bar for each series now."""
    panel = (
        bargauge.Panel().orientation(shapes.VizOrientation.HORIZONTAL).display_mode(shapes.BarGaugeDisplayMode.BASIC)
    )
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
    panel = panel.show_unfilled(True).reduce_options(reduced).with_target(_now(query, "A"))
    return _common(panel, title, says, unit, span, 8).thresholds(_levels({}))


def stacks(
    title: str, says: str, expression: str, unit: Unit, *, along: str, parts: str, span: int = 12
) -> barchart.Panel:
    """A bar for each value of one label now, made of those of another."""
    panel = barchart.Panel().stacking(shapes.StackingMode.NORMAL).orientation(shapes.VizOrientation.HORIZONTAL)
    panel = panel.show_value(shapes.VisibilityMode.NEVER).fill_opacity(80).x_field(f"{along}\\{parts}")
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST).show_legend(True)
    panel = panel.legend(legend.placement(shapes.LegendPlacement.BOTTOM).calcs([]))
    panel = panel.with_target(_rows(expression, "A")).with_transformation(_matrix(along, parts))
    return _common(panel, title, says, unit, span, 8)


def rows(
    title: str, says: str, labels: Sequence[Label], columns: Sequence[Column], *, span: int = WIDTH, height: int = 8
) -> table.Panel:
    """A row for each combination of labels, now."""
    letters = "ABCDEFGHIJKLMNOP"[: len(columns)]
    panel = _common(table.Panel(), title, says, Unit.COUNT, span, height)
    for letter, column in zip(letters, columns, strict=True):
        panel = panel.with_target(_rows(column.expression, letter))
        panel = panel.override_by_name(column.title, _column_properties(column))
    for label in labels:
        if label.url:
            link = {"title": "Open", "url": label.url}
            panel = panel.override_by_name(label.title, [model.DynamicConfigValue("links", [link])])
    values = [f"Value #{letter}" for letter in letters] if len(columns) > 1 else ["Value"]
    titles = {label.name: label.title for label in labels}
    titles |= {value: column.title for value, column in zip(values, columns, strict=True)}
    for step in (_transformed("merge"), _organized(titles)):
        panel = panel.with_transformation(step)
    return panel


def heat(title: str, says: str, expression: str, *, row: str, column: str, head: str) -> table.Panel:
    """Ratios as a matrix of coloured cells: a row and a column for each value of two labels, the columns in order."""
    panel = _common(table.Panel(), title, says, Unit.RATIO, WIDTH, 8).decimals(0).min(0).max(1)
    panel = panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.CONTINUOUS_BLUES))
    panel = panel.override_by_field_type(
        "number",
        [
            model.DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
            model.DynamicConfigValue("custom.minWidth", 50),
        ],
    )
    order = model.DataTransformerConfig("sortBy", options={"sort": [{"field": column, "desc": False}]})
    panel = panel.with_target(_rows(expression, "A")).with_transformation(order)
    panel = panel.with_transformation(_matrix(row, column))
    return panel.with_transformation(_organized({f"{row}\\{column}": head}))


# Parts


def _common(panel: _AnyPanel, title: str, says: str, unit: Unit, span: int, height: int) -> _AnyPanel:
    panel = panel.title(title).description(says).datasource(DATASOURCE).unit(unit.shown).decimals(unit.decimals)
    return panel.span(span).height(height)


def _query(query: Query, letter: str) -> prometheus.Dataquery:
    found = prometheus.Dataquery().expr(query.expression).ref_id(letter).datasource(DATASOURCE)
    return found.legend_format(query.legend or "__auto")


def _now(query: Query, letter: str) -> prometheus.Dataquery:
    return _query(query, letter).instant()


def _rows(expression: str, letter: str) -> prometheus.Dataquery:
    return _now(Query(expression), letter).format(PromQueryFormat.TABLE)


def _levels(levels: Levels) -> dashboard.ThresholdsConfig:
    steps = [model.Threshold(value=None, color=PLAIN), *(model.Threshold(*level) for level in sorted(levels.items()))]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _mapping(texts: Texts) -> model.ValueMap:
    return model.ValueMap({str(value): model.ValueMappingResult(*text) for value, text in texts.items()})


def _column_properties(column: Column) -> list[model.DynamicConfigValue]:
    properties: dict[str, Any] = {"unit": column.unit.shown, "decimals": column.unit.decimals}
    if column.levels:
        properties["thresholds"] = _levels(column.levels).build()
    if column.texts:
        properties["mappings"] = [_mapping(column.texts)]
    if column.levels or column.texts:
        properties["custom.cellOptions"] = {"type": "color-text"}
    return [model.DynamicConfigValue(name, value) for name, value in properties.items()]


def _transformed(name: str, **options: Any) -> model.DataTransformerConfig:
    return model.DataTransformerConfig(name, options=options)


def _matrix(row: str, column: str) -> model.DataTransformerConfig:
    return _transformed("groupingToMatrix", rowField=row, columnField=column, valueField="Value", emptyValue="null")


def _organized(titles: Mapping[str, str]) -> model.DataTransformerConfig:
    """Fields in the order of their titles, without the time, what has no title, and of which report they are."""
    shown = {name: title for name, title in titles.items() if title}
    hidden = {name: True for name in ("Time", *REPORT_LABELS, *titles) if name not in shown}
    order = {name: place for place, name in enumerate(shown)}
    return _transformed("organize", excludeByName=hidden, indexByName=order, renameByName=shown)
