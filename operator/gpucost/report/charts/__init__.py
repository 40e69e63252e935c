"""Charts of a report: each defined once, as a Vega-Lite document that pages, files and notebooks render."""

from gpucost.report.charts.registry import CHARTS, Definition, available, chart, charts

__all__ = ["CHARTS", "Definition", "available", "chart", "charts"]
