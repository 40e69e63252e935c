"""What the dashboards share: how they are named and found, their variables, and the links from one to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.panels import DATASOURCE

OVERVIEW, REPORT, OPERATOR = "gpucost-overview", "gpucost-report", "gpucost-operator"
"""Identities (uid), fixed so that links hold; also the names of the files."""
TITLES: Final[Mapping[str, str]] = {
    OVERVIEW: "gpucost / Overview",
    REPORT: "gpucost / One report",
    OPERATOR: "gpucost / Operator health",
}
EVERYTHING: Final = ".*"
OPEN_REPORT: Final = (
    f"/d/{REPORT}?${{datasource:queryparam}}&var-namespace=${{__data.fields.Namespace}}&var-report=${{__data.fields.Report}}"
    "&${__url_time_range}"
)
"""Where a row of a table with these two columns leads."""

Group = tuple[str, Sequence[Builder[model.Panel]]]
"""A row's title and its panels."""


def framed(
    uid: str, says: str, variables: Sequence[dashboard.QueryVariable], groups: Sequence[Group]
) -> model.Dashboard:
    """A dashboard of groups of panels, with a variable for the data source before its own."""
    found = dashboard.Dashboard(TITLES[uid]).uid(uid).description(says).tags(["gpucost"]).readonly()
    found = found.timezone("browser").time("now-24h", "now").refresh("1m").tooltip(model.DashboardCursorSync.CROSSHAIR)
    found = found.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for variable in variables:
        found = found.with_variable(variable)
    for other, title in TITLES.items():
        if other != uid:
            found = found.link(_link(other, title))
    for title, panels in groups:
        found = found.with_row(dashboard.Row(title))
        for panel in panels:
            found = found.with_panel(panel)
    return _numbered(found.build())


def one_of(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A variable with one value of a label."""
    found = dashboard.QueryVariable(name).label(label).datasource(DATASOURCE).query(query)
    return found.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)


def any_of(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A variable with several values of a label, at first all."""
    everything = model.VariableOption(selected=True, text="All", value="$__all")
    found = one_of(name, label, query).multi(True).include_all(True).all_value(EVERYTHING)
    return found.current(everything)


def _link(uid: str, title: str) -> dashboard.DashboardLink:
    found = dashboard.DashboardLink(title).type(model.DashboardLinkType.LINK).icon("dashboard")
    return found.url(f"/d/{uid}?${{datasource:queryparam}}").keep_time(True)


def _numbered(found: model.Dashboard) -> model.Dashboard:
    """Panels with numbers of their own: links to a panel hold as long as it keeps its place."""
    for number, panel in enumerate(found.panels or (), start=1):
        panel.id_val = number
    return found
