"""The chart's files agree with the rest of the project: version, CRDs, settings; every value has a type and a sentence."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import typer.main
import yaml

from chart.helm import CHART, ROOT
from gpucost.cli.commands import app

CRDS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "crds").glob("*.yaml")}
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
OF_THE_CHART = {
    "GPUCOST_ARTIFACTS_FOLDER",
    "GPUCOST_LEDGER",
    "GPUCOST_LISTEN",
    "GPUCOST_PAGES",
    "GPUCOST_PROTECT_METRICS",
    "GPUCOST_READ_CONFIGMAPS",
    "GPUCOST_SPILL_FOLDER",
    "GPUCOST_WATCH_NAMESPACE",
}
"""Settings of the operator that follow from other values."""


def test_the_charts_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == project["version"]


def test_the_charts_crds_are_those_of_the_project() -> None:
    copies = {path.name: path.read_text(encoding="utf-8") for path in (CHART / "files" / "crds").iterdir()}
    assert copies == CRDS, "run: cp crds/*.yaml charts/gpucost/files/crds/"


def test_every_setting_of_the_operator_is_a_value() -> None:
    command: Any = typer.main.get_command(app)
    variables = {one.envvar for one in command.commands["operator"].params if one.envvar}
    assert set(map(variable, VALUES["settings"])) == variables - OF_THE_CHART


def variable(setting: str) -> str:
    """clusterTimezone is GPUCOST_CLUSTER_TIMEZONE."""
    return "GPUCOST_" + "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in setting).upper()


def values(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every value that a schema knows, by its path."""
    for name, found in schema.get("properties", {}).items():
        yield f"{path}{name}", found
        yield from values(found, f"{path}{name}.")
        yield from values(found.get("items", {}), f"{path}{name}[].")


@pytest.mark.parametrize(("path", "schema"), [pytest.param(*found, id=found[0]) for found in values(SCHEMA)])
def test_every_value_has_a_type_and_a_sentence(path: str, schema: Mapping[str, Any]) -> None:
    assert schema["description"].endswith("."), path
    assert schema["type"]
    assert "properties" not in schema or schema["additionalProperties"] is False
    assert schema["type"] != "array" or schema["items"]


def test_values_and_schema_have_the_same_names() -> None:
    def names(found: object, schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
        if isinstance(found, dict) and "properties" in schema:
            for name, inner in found.items():
                yield f"{path}{name}"
                yield from names(inner, schema["properties"].get(name, {}), f"{path}{name}.")

    known = {path for path, _ in values(SCHEMA) if "[]" not in path and path not in {"global"}}
    assert set(names(VALUES, SCHEMA)) == known
    assert SCHEMA["additionalProperties"] is False


def test_values_in_the_docs_exist() -> None:
    """Those of the table, those after --set, and those in a sentence."""
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    known = {path for path, _ in values(SCHEMA)}
    table = re.findall(r"^\| `([\w.]+)` \|", text, re.M)
    stated = [re.sub(r"\[\d+\]", "[]", key) for words in re.findall(r"--set '?([^\s']+)", text) for key in _keys(words)]
    spoken = re.findall(rf"`((?:{'|'.join(SCHEMA['properties'])})\b[\w.]*)", text)
    assert len(table) > 10
    assert {*table, *stated, *spoken} <= known


def _keys(words: str) -> list[str]:
    return [pair.partition("=")[0] for pair in words.split(",")]
