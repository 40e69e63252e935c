"""The example notebook runs from a clean kernel, in an empty folder, without a warning; its own assertions hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

NOTEBOOK = Path(__file__).parents[2] / "examples" / "unit-cost" / "unit-cost.ipynb"
CHARTS = ("image/png", "application/vnd.vegalite.v5+json")


def stored() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The notebook after its run. Kernel and notebook speak through files of the folder, not through ports."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = stored()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(folder / name.lower()))
        transport = Config(KernelManager={"transport": "ipc", "ip": str(folder / "kernel")})
        work = folder / "work"
        work.mkdir()
        resources = {"metadata": {"path": str(work)}}
        NotebookClient(notebook, kernel_name="python3", config=transport, timeout=120, resources=resources).execute()
        assert list(work.iterdir()) == []
        yield notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def shown(notebook: Any, kind: str) -> list[str]:
    return [output.data[kind] for output in outputs(notebook) if kind in output.get("data", {})]


def test_it_is_stored_without_outputs_and_names_no_machine() -> None:
    notebook = stored()
    nbformat.validate(notebook)
    assert not outputs(notebook)
    assert not any(cell.get("execution_count") for cell in notebook.cells)
    assert not re.search(r"(?<!\w)/(work|root|tmp|home)/", NOTEBOOK.read_text(encoding="utf-8"))
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_it_runs_without_errors_and_warnings(executed: Any) -> None:
    """A warning would be a stream of stderr; an assertion that fails would have ended the run."""
    assert [output.output_type for output in outputs(executed) if output.output_type != "execute_result"] == []
    assert sum("assert " in cell.source for cell in executed.cells) >= 5


def test_it_shows_a_report_two_comparisons_and_charts(executed: Any) -> None:
    pages = shown(executed, "text/html")
    assert "29,658.00 USD</b> for nodes" in pages[0]
    assert [page for page in pages if "fewer nodes for the same work" in page]
    assert [page for page in pages if "longer run time per success" in page]
    for kind in CHARTS:
        assert len(shown(executed, kind)) == 3


def test_its_answer_climbs_from_the_tariff_to_the_fully_loaded_cost(executed: Any) -> None:
    """29,658 USD for 194,955 successes: 0.152127 each; the planned schedule costs less."""
    answer = shown(executed, "text/plain")[-1]
    tariff, effective, loaded, planned = map(float, re.findall(r"(\d\.\d+)$", answer, re.M))
    assert tariff < effective < planned < loaded == 0.152127
