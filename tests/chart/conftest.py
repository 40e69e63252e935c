"""The fixtures of the chart's tests that need no cluster."""

from __future__ import annotations

import pytest

from chart.helm import Helm, helm_program
from processes import Missing, skip


@pytest.fixture(scope="session")
def helm() -> Helm:
    try:
        return Helm(helm_program())
    except Missing as why:
        skip("helm", why)
