"""docs/cli.md names every threshold of --fail-on."""

from __future__ import annotations

import re
from pathlib import Path

from gpucost.cli.thresholds import MEASURES

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def test_every_threshold_is_documented() -> None:
    table = DOCS.read_text(encoding="utf-8").partition("| name | counts | per cent of |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.M)) == set(MEASURES)
