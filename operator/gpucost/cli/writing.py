"""--out: every file of a report in a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from gpucost.cli.stages import show_stages
from gpucost.core.progress import Stage
from gpucost.pages.files import count_pages, page_contents
from gpucost.report.files import Content, contents, count_contents, write_files
from gpucost.report.report import Report


def write_all(report: Report, manifest: Mapping[str, Any], folder: Path, inputs: Iterable[Content] = ()) -> None:
    """Write every file of a report, and its inputs, with a word on stderr. Raises OSError."""
    first = list(inputs)
    found = chain(first, contents(report, manifest), page_contents(report))
    count = len(first) + count_contents(report) + count_pages(report)
    with show_stages(f"writing {folder}") as tell:
        for done, _ in enumerate(write_files(found, folder), 1):
            tell(Stage.WRITING, done, count)
    print(f"gpucost: wrote {count} files to {folder}", file=sys.stderr)
