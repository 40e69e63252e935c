"""Grafana's dashboards: their files are those that the code writes, the chart ships them, and they hold together."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from chart.helm import ROOT, Helm, Manifest
from dashboards_of_chart import ALL, FILES, FOLDER, TARGETS, Target, panels, variables
from gpucost.metrics.families import BY_NAME
from processes import CommandFailed

NAMES: Final = ("gpucost-operator", "gpucost-overview", "gpucost-report")
WIDTH: Final = 24
BUILT_IN: Final = {"__rate_interval", "__range", "datasource"}


def test_the_files_are_those_that_the_code_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "dashboards", tmp_path], cwd=ROOT, check=True, timeout=60)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in FILES}, f"run: python -m dashboards, for {FOLDER.name}"


def config_maps(helm: Helm, **values: Any) -> list[Manifest]:
    rendered = helm.render(grafana={"dashboards": {"enabled": True, **values}})
    return [one for one in rendered if one["kind"] == "ConfigMap"]


def test_each_dashboard_is_a_config_map_as_it_was_written(helm: Helm) -> None:
    """Helm leaves the braces of legends alone."""
    found = {name: text for one in config_maps(helm) for name, text in one["data"].items()}
    assert found == {path.name: path.read_text(encoding="utf-8") for path in FILES}
    assert "{{namespace}}/{{report}}" in found["gpucost-overview.json"]
    assert all(len(json.dumps(text)) < 200_000 for text in found.values())  # kubectl apply notes the object in 256 KiB


def test_the_sidecar_finds_them(helm: Helm) -> None:
    for one in config_maps(helm):
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == "gpucost"
        assert one["metadata"]["annotations"] == {"grafana_folder": "gpucost"}
        assert one["metadata"]["namespace"] == "gpucost-system"
    names = [one["metadata"]["name"] for one in config_maps(helm)]
    assert names == ["gpucost-operator-dashboard", "gpucost-overview-dashboard", "gpucost-report-dashboard"]


def test_the_sidecar_may_look_elsewhere_and_for_other_labels(helm: Helm) -> None:
    stated = {
        "namespace": "monitoring",
        "labels": {"grafana_dashboard": None, "dashboards": "yes"},
        "annotations": {"grafana_folder": None},
    }
    for one in config_maps(helm, **stated):
        assert one["metadata"]["namespace"] == "monitoring"
        assert one["metadata"]["labels"]["dashboards"] == "yes"
        assert "grafana_dashboard" not in one["metadata"]["labels"]
        assert "annotations" not in one["metadata"]


def test_nobody_gets_them_unasked(helm: Helm) -> None:
    assert not [one for one in helm.render() if one["kind"] == "ConfigMap"]


def test_a_label_is_a_text(helm: Helm) -> None:
    with pytest.raises(CommandFailed) as refused:
        config_maps(helm, labels={"grafana_dashboard": 1})
    assert "/grafana/dashboards/labels/grafana_dashboard': got number, want string" in str(refused.value)


def test_dashboards_have_fixed_names_and_lead_to_each_other() -> None:
    assert tuple(ALL) == NAMES
    for name, dashboard in ALL.items():
        assert dashboard["uid"] == name
        assert "id" not in dashboard  # Grafana's own
        led_to = [re.fullmatch(r"/d/([\w-]+)\?\$\{datasource:queryparam\}", link["url"]) for link in dashboard["links"]]
        assert sorted([name, *(found[1] for found in led_to if found)]) == list(NAMES)
        assert all(link["keepTime"] for link in dashboard["links"])


def test_a_row_of_the_overview_opens_its_report() -> None:
    urls = set(re.findall(r'"url": "(/d/gpucost-report[^"]*var-[^"]*)"', json.dumps(ALL["gpucost-overview"])))
    (url,) = urls
    wanted = set(variables(ALL["gpucost-report"])) - {"datasource"}
    assert {f"var-{name}" for name in wanted} == set(re.findall(r"var-\w+", url))
    for panel in panels(ALL["gpucost-overview"]):
        if any("var-report" in json.dumps(one) for one in panel["fieldConfig"]["overrides"]):
            titles = panel["transformations"][-1]["options"]["renameByName"].values()
            assert set(re.findall(r"__data\.fields\.(\w+)", url)) <= set(titles)


@pytest.mark.parametrize("name", NAMES)
def test_panels_say_what_they_show_and_in_which_unit(name: str) -> None:
    for panel in panels(ALL[name]):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert "decimals" in panel["fieldConfig"]["defaults"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    titles = [panel["title"] for panel in panels(ALL[name])]
    assert len(titles) == len(set(titles))
    numbers = [panel["id"] for panel in ALL[name]["panels"]]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("name", NAMES)
def test_panels_fill_the_grid_and_none_lies_on_another(name: str) -> None:
    places = [panel["gridPos"] for panel in ALL[name]["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert set(cells) == {(x, y) for x in range(WIDTH) for y in range(max(y for _, y in cells) + 1)}


@pytest.mark.parametrize("name", NAMES)
def test_the_data_source_is_a_variable_and_every_variable_is_used(name: str) -> None:
    found = variables(ALL[name])
    assert found["datasource"]["type"] == "datasource"
    assert found["datasource"]["query"] == "prometheus"
    texts = " ".join(target.expression for target in TARGETS if target.dashboard == name)
    texts += " ".join(str(one.get("query")) for one in found.values())
    assert set(re.findall(r"\$([a-z_]\w+)", texts)) - BUILT_IN == set(found) - BUILT_IN
    assert all(one["datasource"]["uid"] == "${datasource}" for one in found.values() if one["type"] == "query")


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_money_keeps_its_currency_and_its_report(target: Target) -> None:
    """Reports may overlap, and a currency is not another: what is shown as money is by both, or by node pool."""
    used = set(re.findall(r"\bgpucost_\w+", target.expression))
    money = {name for name in used if "currency" in BY_NAME.get(name, BY_NAME["gpucost_report_ready"]).labels}
    if target.unit == "locale" and money and "group_left" not in target.expression and "count" not in target.expression:
        for by in re.findall(r"\b(?:sum|max) by \(([^)]*)\)", target.expression):
            labels = set(by.split(", "))
            assert "currency" in labels
            assert {"namespace", "report"} <= labels or target.panel == "Node pools now"


def test_the_code_and_the_docs_have_the_same_dashboards() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    for dashboard in ALL.values():
        assert f"**{dashboard['title'].removeprefix('gpucost / ')}**" in page
