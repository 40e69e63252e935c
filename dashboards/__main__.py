"""Write the dashboards: ``python -m dashboards [FOLDER]``, by default into the chart."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.health import health
from dashboards.overview import overview
from dashboards.report import report

FOLDER: Final = Path(__file__).parents[1] / "charts" / "gpucost" / "dashboards"


def write(folder: Path) -> None:
    """A JSON file for each dashboard, named by its uid; the same bytes each time."""
    for found in (overview(), report(), health()):
        text = json.dumps(found, cls=JSONEncoder, indent=1, sort_keys=True)
        (folder / f"{found.uid}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(*sys.argv[1:]) if sys.argv[1:] else FOLDER)
