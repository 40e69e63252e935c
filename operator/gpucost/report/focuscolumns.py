"""The columns of a FOCUS file: version 1.2 of the specification, and of version 1.3 those of split cost allocation.

The file has every mandatory and recommended column, and of the conditional ones those whose condition holds for a tool that
knows schedules and prices of nodes, but no invoices, contracts, accounts or regions: docs/exports.md says which and why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gpucost.core.instants import instant_text
from gpucost.core.money import SECOND_US, Ints
from gpucost.report.columns import Coded, Column, Kind, Table
from gpucost.report.report import Report
from gpucost.report.revision import METHOD_REVISION

ISSUER: Final = "gpucost"
"""Stands for provider, publisher and invoice issuer, which must have a name: who runs the nodes is not known here."""
NODE_SECONDS: Final = "Node-Seconds"
CORRECTION: Final = "Correction"
UNALLOCATED_TAG: Final = json.dumps({"gpucost/unallocated": True})


def outcome_tag(outcome: str) -> str:
    """The tag of an allocated part: how the attempts ended that it is charged to."""
    return json.dumps({"gpucost/outcome": outcome})


def method_id(report: Report) -> str:
    """The allocation method: its revision, and who pays for idle nodes."""
    return f"gpucost-method-{METHOD_REVISION}-{report.spec.allocation.idle}"


def second_from(instant_us: int) -> str:
    """The whole second in which something begins: FOCUS dates have no decimals."""
    return instant_text(instant_us - instant_us % SECOND_US)


def second_to(instant_us: int) -> str:
    """The whole second with which something is over."""
    return second_from(instant_us + SECOND_US - 1)


@dataclass(frozen=True, slots=True)
class FocusRows:
    """What differs between the rows of a file; all other columns follow from it or are the same in every row."""

    start: Coded
    end: Coded
    """Of the charge period, half-open."""
    node_type: Coded
    """None: the charge is of no one type."""
    description: Coded
    method: Coded
    """None: nothing was allocated."""
    service: Coded
    """To which the charge is allocated; None: to nobody."""
    tags: Coded
    details: Sequence[str | None]
    cost: Ints
    """Nano-units of the currency."""
    node_us: Ints
    """Node-microseconds; masked where only money is known."""
    charge_class: str | None = None


def focus_table(report: Report, rows: FocusRows) -> Table:
    """The rows as a table, its columns in alphabetical order, as the specification lists them."""
    columns = [*_account(report, rows), *_charge(rows), *_money(rows), *_resource(report, rows), *_allocation(rows)]
    return Table("focus", tuple(sorted(columns, key=lambda column: column.name)))


def _same(rows: FocusRows, text: str | None) -> Coded:
    return Coded([text], np.zeros(len(rows.cost), dtype=np.int64))


def _text(name: str, values: Sequence[str | None], note: str) -> Column:
    return Column(name, Kind.TEXT, values, note)


def _account(report: Report, rows: FocusRows) -> Iterator[Column]:
    period = report.period
    account, currency = f"{report.namespace}/{report.name}", report.spec.currency
    yield _text("BillingAccountId", _same(rows, account), "namespace and name of the CostReport")
    yield _text("BillingAccountName", _same(rows, report.name), "name of the CostReport")
    yield _text("BillingCurrency", _same(rows, currency), "of every amount, ISO 4217")
    yield _text("BillingPeriodStart", _same(rows, second_from(period.start_us)), "start of the report's period, UTC")
    yield _text("BillingPeriodEnd", _same(rows, second_to(period.end_us)), "end of the report's period, UTC, exclusive")
    yield _text("InvoiceId", _same(rows, None), "null: there are no invoices")
    yield _text("InvoiceIssuerName", _same(rows, ISSUER), "always gpucost")
    yield _text("ProviderName", _same(rows, ISSUER), "always gpucost")
    yield _text("PublisherName", _same(rows, ISSUER), "always gpucost")


def _charge(rows: FocusRows) -> Iterator[Column]:
    yield _text("ChargeCategory", _same(rows, "Usage"), "always Usage")
    yield _text("ChargeClass", _same(rows, rows.charge_class), "Correction: of figures that were final; else null")
    yield _text("ChargeDescription", rows.description, "the nodes, or which final figures are corrected")
    yield _text("ChargeFrequency", _same(rows, "Usage-Based"), "always Usage-Based")
    yield _text("ChargePeriodStart", rows.start, "start of the bucket in the period, UTC")
    yield _text("ChargePeriodEnd", rows.end, "end of the bucket in the period, UTC, exclusive")


def _money(rows: FocusRows) -> Iterator[Column]:
    unit = Coded([NODE_SECONDS, None], np.ma.getmaskarray(rows.node_us).astype(np.int64))
    yield Column("BilledCost", Kind.MONEY, rows.cost, "node cost of this part")
    for name in ("ContractedCost", "EffectiveCost", "ListCost"):
        yield Column(name, Kind.MONEY, rows.cost, "as BilledCost: the report knows one price")
    for name in ("ConsumedQuantity", "PricingQuantity"):
        yield Column(name, Kind.SECONDS, rows.node_us, "billed node time of this part; null in corrections")
    yield _text("ConsumedUnit", unit, "Node-Seconds")
    yield _text("PricingUnit", unit, "Node-Seconds")


def _resource(report: Report, rows: FocusRows) -> Iterator[Column]:
    account = f"{report.namespace}/{report.name}"
    yield _text("ResourceId", rows.node_type.mapped(lambda name: f"{account}/{name}"), "CostReport and node type")
    yield _text("ResourceName", rows.node_type, "node type: the pools of a type are one resource")
    yield _text("ResourceType", rows.node_type.mapped(lambda _: "Node Type"), "Node Type")
    yield _text("ServiceCategory", _same(rows, "Compute"), "always Compute")
    yield _text("ServiceName", _same(rows, "Kubernetes Nodes"), "always Kubernetes Nodes: what was paid for")
    yield _text(
        "ServiceSubcategory", _same(rows, "Virtual Machines"), "always Virtual Machines, which includes bare metal"
    )


def _allocation(rows: FocusRows) -> Iterator[Column]:
    yield _text("AllocatedMethodId", rows.method, "revision of the method, and who pays for idle; null: no tasks")
    yield _text("AllocatedMethodDetails", rows.details, "share of the bucket's and type's cost, and executed time")
    yield _text("AllocatedResourceId", rows.service, "service that is charged; null: nobody is")
    yield _text("AllocatedResourceName", rows.service, "its name")
    yield _text("AllocatedTags", rows.tags, "outcome of the attempts, or that the part is unallocated")
