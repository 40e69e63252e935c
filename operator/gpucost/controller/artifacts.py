"""Files of reports that the operator keeps on its volume: the page, the figures, rows for FinOps tools. Newest few of each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gpucost.core.instants import instant_text, parse_instant
from gpucost.ledger.records import FinalReport
from gpucost.pages.frame import Frame
from gpucost.pages.overview import report_page
from gpucost.report.csvtext import csv_chunks
from gpucost.report.downloads import FOCUS as FOCUS_ROWS
from gpucost.report.downloads import download, manifest_of
from gpucost.report.files import json_chunks
from gpucost.report.focus import correction_rows
from gpucost.report.report import Report
from gpucost.report.status import cost_report

REVISION: Final = "revision"
"""A file beside the others: the inputs that they were made from."""
PAGE, FIGURES, FOCUS, CORRECTIONS = FILES = "report.html", "report.json", "focus.csv", "corrections.csv"
"""Corrections only where figures were kept that were final before, and differ."""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """A folder with one folder per report (its uid) and computation (its instant). Any thread may call it, one at a time."""

    folder: Path
    keep: int
    """Computations of a report that are kept."""
    max_bytes: int
    """Of all files together; the oldest go first."""
    every_us: int
    """How often those of a report that is not final are made."""

    def is_due(self, uid: str, report: Report) -> bool:
        """Whether files of this computation are wanted: of a final report for other inputs, else after a while."""
        newest = next(iter(self._computations(uid)), None)
        if newest is None:
            return True
        if (newest / REVISION).read_text("utf-8") == report.input_revision:
            return False
        made_us = parse_instant(newest.name) or 0
        return report.final or report.now_us - made_us >= self.every_us

    def write(self, uid: str, report: Report) -> None:
        """Write the files of a computation, whole or not at all, and let go of older ones. Raises OSError."""
        target = self.folder / uid / instant_text(report.now_us)
        partial = self.folder / f".{uid}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        contents = {
            PAGE: report_page(report, Frame(f"{report.namespace}/{report.name}")).encode(),
            FIGURES: b"".join(json_chunks(cost_report(report, manifest_of(report)))),
            FOCUS: download(report, FOCUS_ROWS, "csv").content,
            REVISION: report.input_revision.encode(),
        }
        before = self._final_before(uid, report)
        if before is not None:
            contents[CORRECTIONS] = b"".join(csv_chunks(correction_rows(report, before)))
        for name, content in contents.items():
            (partial / name).write_bytes(content)
        target.parent.mkdir(exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        for old in self._computations(uid)[self.keep :]:
            shutil.rmtree(old)
        self._make_room()

    def names(self, uid: str) -> Sequence[str]:
        """The files that are kept of a report, as ``INSTANT/FILE``, the newest first."""
        made = self._computations(uid)
        return [f"{path.name}/{file}" for path in made for file in FILES if (path / file).is_file()]

    def read(self, uid: str, name: str) -> bytes | None:
        """A file that ``names`` has; None for any other."""
        return (self.folder / uid / name).read_bytes() if name in self.names(uid) else None

    def _final_before(self, uid: str, report: Report) -> FinalReport | None:
        """The last figures of the same period that were final and rested on other inputs."""
        if not report.final:
            return None
        statuses = (json.loads((path / FIGURES).read_bytes())["status"] for path in self._computations(uid))
        finals = (final_of(uid, report, status) for status in statuses)
        found = next((final for final in finals if final is not None), None)
        return None if found is None or found.input_revision == report.input_revision else found

    def forget_others(self, uids: Collection[str]) -> None:
        """Remove the files of reports that are not there any more."""
        for folder in self._reports():
            if folder.name not in uids:
                shutil.rmtree(folder)

    def _reports(self) -> list[Path]:
        return [path for path in self.folder.glob("*") if path.is_dir()]

    def _computations(self, uid: str) -> list[Path]:
        """The newest first."""
        found = [path for path in (self.folder / uid).glob("*") if parse_instant(path.name) is not None]
        return sorted(found, key=lambda path: parse_instant(path.name) or 0, reverse=True)

    def _make_room(self) -> None:
        made = [path for report in self._reports() for path in self._computations(report.name)]
        sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in made}
        total = sum(sizes.values())
        for path in sorted(made, key=lambda path: parse_instant(path.name) or 0):
            if total <= self.max_bytes:
                return
            shutil.rmtree(path)
            total -= sizes[path]


def final_of(uid: str, report: Report, status: Mapping[str, Any]) -> FinalReport | None:
    """The final figures of a report's period as a status has them; None where it is of another period, or was not final."""
    period = status["period"]
    start_us, end_us = parse_instant(period["start"]), parse_instant(period["end"])
    if not period["final"] or (start_us, end_us) != (report.period.start_us, report.period.end_us):
        return None
    return FinalReport(
        report_uid=uid,
        namespace=report.namespace,
        name=report.name,
        start_us=report.period.start_us,
        end_us=report.period.end_us,
        computed_us=parse_instant(status["lastSuccessTime"]) or 0,
        input_revision=status["inputRevision"],
        inputs={},
        status=status,
    )
