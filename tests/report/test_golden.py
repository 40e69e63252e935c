"""Every figure of every golden case, to the nano-unit and the microsecond."""

import json
from pathlib import Path

import pytest

from casereport import figures, report_of

CASES = sorted((Path(__file__).parents[1] / "data" / "golden").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_figure_of_a_golden_case_matches(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    found = figures(report_of(golden["case"]))
    assert found.keys() == golden["expected"].keys()
    for name, expected in golden["expected"].items():
        assert found[name] == expected, name
