"""gpucost: what every generation, failed second and idle hour of scheduled GPU node pools cost, exactly.

import gpucost
report = gpucost.compute("report.yaml", "cronjobs.yaml", "sqlite:///tasks.db")
report.frame("services")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpucost.computing import compute
    from gpucost.report.comparison import Comparison, compare
    from gpucost.report.report import Report

__all__ = ["Comparison", "Report", "compare", "compute"]


def __getattr__(name: str) -> Any:
    """Import on first use: the command line starts without pandas and DuckDB."""
    if name == "compute":
        from gpucost.computing import compute

        return compute
    if name in ("Comparison", "compare"):
        from gpucost.report import comparison

        return getattr(comparison, name)
    if name == "Report":
        from gpucost.report.report import Report

        return Report
    raise AttributeError(f"module 'gpucost' has no attribute {name!r}")
