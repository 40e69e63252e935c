"""Which CronJobs a label selector chooses, as Kubernetes does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gpucost.core.issues import show
from gpucost.sources.cronjobs.fields import Fields


class LabelExpression(Protocol):
    """One requirement of a label selector."""

    @property
    def key(self) -> str:
        """The label."""

    @property
    def operator(self) -> str:
        """In, NotIn, Exists or DoesNotExist."""

    @property
    def values(self) -> Sequence[str]:
        """For In and NotIn."""


class LabelSelector(Protocol):
    """A Kubernetes label selector; all its requirements hold."""

    @property
    def match_labels(self) -> Mapping[str, str]:
        """Labels with these very values."""

    @property
    def match_expressions(self) -> Sequence[LabelExpression]:
        """Further requirements."""


def selects(selector: LabelSelector, labels: Fields) -> bool:
    """Whether a label selector chooses these labels, as Kubernetes does (NotIn chooses objects without the label)."""
    return all(key in labels and labels[key] == value for key, value in selector.match_labels.items()) and all(
        _meets(labels, expression) for expression in selector.match_expressions
    )


def _meets(labels: Fields, expression: LabelExpression) -> bool:
    match expression.operator:
        case "In":
            return expression.key in labels and labels[expression.key] in expression.values
        case "NotIn":
            return expression.key not in labels or labels[expression.key] not in expression.values
        case "Exists":
            return expression.key in labels
        case "DoesNotExist":
            return expression.key not in labels
    raise ValueError(f"unknown operator {show(expression.operator)} in a label selector")
