"""crds/ is what ``gpucost crds`` prints, says what every field means, and is a structural schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, Field

from api.manifests import fields
from command import installed
from gpucost.api.crd import cost_report_crd, structural_schema

FILE = Path(__file__).parents[2] / "crds" / "gpucost.dev_costreports.yaml"
VERSION = cost_report_crd()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
EVERY_FIELD = dict(fields(SCHEMA, "costreport"))


def test_the_file_is_what_the_command_prints() -> None:
    run = installed("crds")
    assert (run.code, run.err) == (0, "")
    assert FILE.read_text(encoding="utf-8") == run.out, f"run gpucost crds > crds/{FILE.name}"
    assert yaml.safe_load(run.out) == cost_report_crd()


def test_every_field_of_every_level_has_a_description() -> None:
    bare = [path for path, schema in EVERY_FIELD.items() if not schema.get("description")]
    assert bare == ["costreport.metadata"]


def test_descriptions_are_sentences() -> None:
    odd = [
        schema["description"]
        for path, schema in EVERY_FIELD.items()
        if path != "costreport.metadata"
        and not (schema["description"].endswith(".") and "``" not in schema["description"])
    ]
    assert not odd


def test_every_text_and_list_with_a_rule_has_a_greatest_length() -> None:
    """Else the server refuses the rule's cost."""
    for path, schema in EVERY_FIELD.items():
        if "x-kubernetes-validations" in schema and schema.get("type") != "object":
            assert "maxLength" in schema or "maxItems" in schema, path


def test_messages_of_rules_say_what_must_be() -> None:
    stated = [rule for schema in EVERY_FIELD.values() for rule in schema.get("x-kubernetes-validations", ())]
    assert len(stated) > 20
    assert all("must " in rule["message"] for rule in stated)


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("timeZone", "UTC"),
        ("currency", "USD"),
        ("suspend", False),
        ("nodePools.source", "Schedule"),
        ("nodePools.scheduleTable", {}),
        ("nodePools.scheduleTable.dayTypeSource", "Cron"),
        ("tasks.staleAfter", "24h"),
        ("tasks.statuses.waiting", ["new", "waiting", "pending"]),
        ("outputs.topServices", 20),
    ],
)
def test_what_is_left_out_has_a_default(path: str, default: object) -> None:
    assert EVERY_FIELD[f"costreport.spec.{path}"]["default"] == default


@pytest.mark.parametrize(
    "path",
    ["refresh", "tasks", "nodePools.cronJobs", "nodePools.assumeSchedulesFrom", "tasks.epochUnit", "tasks.query"],
)
def test_what_may_be_absent_has_none(path: str) -> None:
    assert "default" not in EVERY_FIELD[f"costreport.spec.{path}"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("spec.nodePools.types", "name"),
        ("status.conditions", "type"),
        ("status.nodeTypes", "name"),
        ("status.services", "name"),
        ("status.quality.attempts.skipped", "reason"),
    ],
)
def test_lists_whose_items_have_a_key_are_maps(path: str, key: str) -> None:
    schema = EVERY_FIELD[f"costreport.{path}"]
    assert schema["x-kubernetes-list-type"] == "map"
    assert schema["x-kubernetes-list-map-keys"] == [key]
    assert key in schema["items"]["required"]


def test_no_number_is_a_float() -> None:
    assert {schema.get("type") for schema in EVERY_FIELD.values()} == {
        "object",
        "array",
        "string",
        "integer",
        "boolean",
        None,
    }


class Chosen(BaseModel):
    """A model of odd fields."""

    few: float = Field(gt=0, description="A keyword without a place in a structural schema.")


def test_a_keyword_without_a_place_is_an_error_and_not_lost() -> None:
    with pytest.raises(ValueError, match="exclusiveMinimum"):
        structural_schema(Chosen, nullable=True)


def test_columns_are_those_of_the_interface() -> None:
    shown: list[dict[str, Any]] = VERSION["additionalPrinterColumns"]
    always = [column["name"] for column in shown if not column.get("priority")]
    assert always == ["Ready", "Period", "Node-Cost", "Allocated", "Idle-Cost", "Coverage", "Utilization", "Age"]
    assert [column["name"] for column in shown if column.get("priority")] == ["Reason", "Refreshed"]
