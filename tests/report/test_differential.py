"""Random cases: the product and the slow simulation agree in every figure."""

from typing import Any

from hypothesis import given

from casereport import figures, report_of
from examples import slow
from simulation.cases import cases
from simulation.simulate import simulate


@slow(3)
@given(cases())
def test_random_cases_agree_with_the_simulation(case: dict[str, Any]) -> None:
    found, expected = figures(report_of(case)), simulate(case)
    assert {name: found[name] for name in expected} == expected
