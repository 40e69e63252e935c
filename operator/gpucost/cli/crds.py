"""The CustomResourceDefinitions as YAML, as ``kubectl apply`` takes them."""

from __future__ import annotations

import yaml

from gpucost.api.crd import cost_report_crd

_WIDTH = 120


class _Plain(yaml.SafeDumper):
    """Writes every value out: a reader of the file should not meet anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list under its key."""
        super().increase_indent(flow, indentless=False)


def crds_yaml() -> str:
    """All CRDs of this version."""
    text = yaml.dump(cost_report_crd(), Dumper=_Plain, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return f"# Printed by gpucost crds: made from the models in gpucost.api.\n---\n{text}"
