"""The CustomResourceDefinition of a CostReport, made from the pydantic models of its spec and status.

A structural schema is a small part of JSON schema: without references and ``title``, ``nullable`` in place of a type
null, and every object either with named fields or with values of one kind. A keyword that this module does not know is
an error, so that nothing that a model says is lost silently. Kubernetes' own description:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from gpucost.api import rules
from gpucost.api.costreport import API_VERSION, KIND, CostReportSpec
from gpucost.api.status import CostReportStatus

Schema = dict[str, Any]

GROUP, VERSION = API_VERSION.split("/")
PLURAL: Final = "costreports"
NAMES: Final = {
    "kind": KIND,
    "listKind": f"{KIND}List",
    "plural": PLURAL,
    "singular": "costreport",
    "shortNames": ["gcr"],
    "categories": ["gpucost"],
}
_KEPT: Final = frozenset(
    ("type", "description", "enum", "format", "minimum", "maximum", "minLength", "maxLength", "maxItems", "pattern")
)

_CHOICE_LENGTH: Final = 64


def structural_schema(model: type[BaseModel], *, nullable: bool) -> Schema:
    """The structural schema of a model, by the names of manifests.

    ``nullable``: whether a field that may be None takes null; else the server drops the null, and the field is absent.
    """
    schema = model.model_json_schema(by_alias=True)
    return _Converter(schema.pop("$defs", {}), nullable).convert(schema)


class _Converter:
    """Turns a JSON schema of pydantic with its definitions into a structural schema."""

    def __init__(self, definitions: Mapping[str, Schema], nullable: bool) -> None:
        self._definitions = definitions
        self._nullable = nullable

    def convert(self, schema: Schema) -> Schema:
        """One schema and all that is in it."""
        whole = self._resolved(schema)
        converted: Schema = {}
        for keyword, value in whole.items():
            converted |= self._converted(keyword, value)
        return _with_default(converted, whole.get("default"))

    def _resolved(self, schema: Schema) -> Schema:
        """The schema with what it refers to; what stands beside a reference wins."""
        own = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
        if "$ref" in schema:
            return {**self._definitions[schema["$ref"].removeprefix("#/$defs/")], **own}
        if "anyOf" not in schema:
            return own
        (choice,) = (each for each in schema["anyOf"] if each != {"type": "null"})
        whole = {**self._resolved(choice), **own}
        return _nullable(whole) if self._nullable else whole

    def _converted(self, keyword: str, value: Any) -> Schema:
        match keyword:
            case "properties":
                return {keyword: {name: self.convert(field) for name, field in value.items()}}
            case "items":
                return {keyword: self.convert(value)}
            case "additionalProperties":  # false says no more than the named fields do, and may not stand beside them
                return {keyword: self.convert(value)} if value else {}
            case "title" | "default":
                return {}
        if keyword in _KEPT or keyword in ("required", "nullable") or keyword.startswith("x-kubernetes-"):
            return {keyword: value}
        raise ValueError(f"a structural schema has no {keyword!r}: {value!r}")


def _nullable(schema: Schema) -> Schema:
    """The schema with null as a further value. The server finds null in no enum, so that a rule takes an enum's place."""
    choices = schema.get("enum")
    if choices is None:
        return {**schema, "nullable": True}
    rule = rules.Rule(f"self in {choices}", f"must be {', '.join(choices[:-1])} or {choices[-1]}")
    kept = {keyword: value for keyword, value in schema.items() if keyword != "enum"}
    return {**kept, "nullable": True, "maxLength": _CHOICE_LENGTH, **rules.checked(rule)}


def _with_default(schema: Schema, default: object) -> Schema:
    """The schema with the default that the server fills in; None, and what is empty anyway, is left out.

    An object becomes ``{}``, which its fields' own defaults then fill.
    """
    if isinstance(default, dict):
        return {**schema, "default": {}} if _has_defaults(schema) else schema
    return schema if default is None or default == [] else {**schema, "default": default}


def _has_defaults(schema: Schema) -> bool:
    return any("default" in field for field in schema.get("properties", {}).values())


def _column(name: str, path: str, description: str, kind: str = "string", priority: int = 0) -> Schema:
    column = {"name": name, "type": kind, "jsonPath": path, "description": description}
    return {**column, "priority": priority} if priority else column


_READY: Final = '.status.conditions[?(@.type=="Ready")]'
COLUMNS: Final = (
    _column("Ready", f"{_READY}.status", "Whether the figures belong to this spec and the last refresh worked."),
    _column("Period", ".status.display.period", "The period, its last day included."),
    _column("Node-Cost", ".status.display.nodeCost", "What the nodes cost."),
    _column("Allocated", ".status.display.allocatedCost", "What of it tasks pay for."),
    _column("Idle-Cost", ".status.display.idleCost", "What of it was spent on idle nodes."),
    _column("Coverage", ".status.display.coverage", "Allocated cost / node cost."),
    _column("Utilization", ".status.display.utilization", "Busy node time / billed node time."),
    _column("Reason", f"{_READY}.reason", "Why the report is ready or not.", priority=1),
    _column("Refreshed", ".status.lastSuccessTime", "When the figures were computed.", "date", priority=1),
    _column("Age", ".metadata.creationTimestamp", "When the report was created.", "date"),
)
"""What ``kubectl get costreports`` shows."""


def cost_report_crd() -> Schema:
    """The CustomResourceDefinition of a CostReport."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": NAMES,
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": list(COLUMNS),
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": _object_schema()},
                }
            ],
        },
    }


def _object_schema() -> Schema:
    return {
        "type": "object",
        "description": "What scheduled GPU node pools cost over a period, exactly: by task, service, hour and idle time.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"The version of this format: {API_VERSION}."},
            "kind": {"type": "string", "description": f"The kind of the object: {KIND}."},
            "metadata": {"type": "object"},
            "spec": structural_schema(CostReportSpec, nullable=True),
            "status": structural_schema(CostReportStatus, nullable=False),
        },
    }
