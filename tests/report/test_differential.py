"""Random cases: the product and the slow simulation agree in every figure."""

from typing import Any

from hypothesis import HealthCheck, given, settings

from casereport import figures, report_of
from simulation.cases import cases
from simulation.simulate import simulate


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_random_cases_agree_with_the_simulation(case: dict[str, Any]) -> None:
    found, expected = figures(report_of(case)), simulate(case)
    assert {name: found[name] for name in expected} == expected
