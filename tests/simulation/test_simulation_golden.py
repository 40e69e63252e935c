"""The simulation gives every figure of the golden cases."""

import json
from pathlib import Path

import pytest

from simulation.simulate import simulate

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_simulation_gives_every_golden_figure(path: Path) -> None:
    """Every key, exactly."""
    golden = json.loads(path.read_text(encoding="utf-8"))
    figures = simulate(golden["case"])
    assert figures.keys() == golden["expected"].keys()
    for name, expected in golden["expected"].items():
        assert figures[name] == expected, name
