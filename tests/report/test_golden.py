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


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("texts", [False, True], ids=["numbers", "texts"])
def test_ranges_of_tasks_change_nothing(path: Path, texts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are reduced in ranges of their ids, numbers by size and texts by a hash; sizes here are of a few events."""
    monkeypatch.setattr("gpucost.engine.reduction.EVENTS_PER_RANGE", 20)
    monkeypatch.setattr("gpucost.engine.reduction.SLOW_RANGES", 2)
    golden = json.loads(path.read_text(encoding="utf-8"))
    if texts:
        golden["case"]["events"] = [event | {"task_id": f"t{event['task_id']}"} for event in golden["case"]["events"]]
    found = figures(report_of(golden["case"]))
    expected = golden["expected"]
    if texts:  # ids of other letters order otherwise, so that the split among tasks may differ by a nano-unit
        assert sum(found.pop("byTask").values()) == sum(expected.pop("byTask").values())
    assert {name: found[name] for name in expected} == expected
