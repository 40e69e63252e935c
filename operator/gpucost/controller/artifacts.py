"""Files of reports that the operator keeps on its volume: the page, the figures, rows for FinOps tools. Newest few of each.

``FOLDER/reports/UID/INSTANT/FILE``: a folder per report and computation. Whatever else lies in the folder is left alone.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from gpucost.controller.finals import final_report
from gpucost.core.instants import instant_text, parse_instant
from gpucost.ledger.records import FinalReport
from gpucost.pages.frame import Frame
from gpucost.pages.overview import report_page
from gpucost.report.csvtext import csv_chunks
from gpucost.report.downloads import manifest_of
from gpucost.report.files import json_chunks
from gpucost.report.focus import correction_rows, focus_rows
from gpucost.report.report import Report
from gpucost.report.status import cost_report

MADE: Final = "made.json"
"""A file beside the others, written last: what the files were made from. A folder without it is no computation."""
PAGE, FIGURES, FOCUS, CORRECTIONS = FILES = "report.html", "report.json", "focus.csv", "corrections.csv"
"""Corrections only where figures were kept that were final before, and differ."""
UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Made(NamedTuple):
    """A kept computation."""

    folder: Path
    at_us: int
    revision: str
    final: bool


@dataclass(slots=True)
class Artifacts:
    """The folder. One thread at a time may change it; ``names`` may be called beside."""

    folder: Path
    keep: int
    """Computations of a report that are kept."""
    max_bytes: int
    """Of all files together; the oldest go first."""
    every_us: int
    """How often those of a report that is not final are made."""
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By uid: what is there, so that nobody who asks needs the disk."""

    def open(self) -> None:
        """Take note of what is there. Raises OSError."""
        for uid in self._uids():
            self._note(uid)

    def is_due(self, uid: str, report: Report) -> bool:
        """Whether files of this computation are wanted: of a final report for other inputs, else after a while."""
        newest = next(iter(self._made(uid)), None)
        if newest is None or newest.at_us > report.now_us:  # the clock was wrong once
            return True
        if report.final:
            return not newest.final or newest.revision != report.input_revision
        return report.now_us - newest.at_us >= self.every_us

    def write(self, uid: str, report: Report) -> set[str]:
        """Write the files of a computation, whole or not at all, and let go of older ones; the uids whose files changed.

        Raises OSError.
        """
        contents = dict(self._contents(uid, report))
        touched = {uid} | self._make_room(sum(map(len, contents.values())))
        partial = self._root / f".{uid}"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for name, content in contents.items():
                (partial / name).write_bytes(content)
            self._put(partial, self._root / uid / instant_text(report.now_us))
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        later = [one for one in self._made(uid) if one.at_us > report.now_us]
        for one in (*later, *[one for one in self._made(uid) if one not in later][self.keep :]):
            _remove(one.folder)
        self._note(uid)
        return touched

    def names(self, uid: str) -> Sequence[str]:
        """The files that are kept of a report, as ``INSTANT/FILE``, the newest first."""
        return self._names.get(uid, ())

    def read(self, uid: str, name: str) -> bytes | None:
        """A file that ``names`` has; None for any other."""
        with suppress(FileNotFoundError):  # it may just go
            return (self._root / uid / name).read_bytes() if name in self.names(uid) else None
        return None

    def forget_others(self, uids: Collection[str]) -> None:
        """Remove the files of reports that are not there any more."""
        for uid in self._uids():
            if uid not in uids:
                self._names.pop(uid, None)
                _remove(self._root / uid)

    @property
    def _root(self) -> Path:
        return self.folder / "reports"

    def _contents(self, uid: str, report: Report) -> Iterator[tuple[str, bytes]]:
        yield PAGE, report_page(report, Frame(f"{report.namespace}/{report.name}")).encode()
        yield FIGURES, b"".join(json_chunks(cost_report(report, manifest_of(report))))
        yield FOCUS, b"".join(csv_chunks(focus_rows(report)))
        before = self._final_before(uid, report)
        if before is not None:
            yield CORRECTIONS, b"".join(csv_chunks(correction_rows(report, before)))
        yield MADE, json.dumps({"revision": report.input_revision, "final": report.final}).encode()

    def _final_before(self, uid: str, report: Report) -> FinalReport | None:
        """The last figures of the same period that were final, if they rested on other inputs."""
        if not report.final:
            return None
        finals = (_final_of(one, uid, report) for one in self._made(uid) if one.final)
        found = next((final for final in finals if final is not None), None)
        return None if found is None or found.input_revision == report.input_revision else found

    def _uids(self) -> list[str]:
        return [path.name for path in self._root.glob("*") if UID.fullmatch(path.name) and path.is_dir()]

    def _made(self, uid: str) -> list[Made]:
        """Whole computations, the newest first."""
        found = [made for path in (self._root / uid).glob("*") if (made := _made_of(path)) is not None]
        return sorted(found, key=lambda made: made.at_us, reverse=True)

    def _note(self, uid: str) -> None:
        made = self._made(uid)
        self._names[uid] = tuple(
            f"{one.folder.name}/{file}" for one in made for file in FILES if (one.folder / file).is_file()
        )

    def _put(self, partial: Path, target: Path) -> None:
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            _remove(target)
        partial.rename(target)

    def _make_room(self, wanted: int) -> set[str]:
        """Let go of the oldest computations until so many bytes more fit; the uids that lost some."""
        made = sorted((one for uid in self._uids() for one in self._made(uid)), key=lambda one: one.at_us)
        sizes = [sum(file.stat().st_size for file in one.folder.iterdir()) for one in made]
        total, touched = sum(sizes) + wanted, set()
        for one, size in zip(made, sizes, strict=True):
            if total <= self.max_bytes:
                break
            _remove(one.folder)
            touched.add(one.folder.parent.name)
            total -= size
        for uid in touched:
            self._note(uid)
        return touched


def _made_of(path: Path) -> Made | None:
    """A computation, or None for anything else: half of one, or a stranger's folder."""
    at_us = parse_instant(path.name)
    try:
        made = json.loads((path / MADE).read_bytes())
        return None if at_us is None else Made(path, at_us, str(made["revision"]), bool(made["final"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _final_of(made: Made, uid: str, report: Report) -> FinalReport | None:
    """The figures of a kept computation that was final; None where it is of another period, or can't be read."""
    try:
        status: Mapping[str, Any] = json.loads((made.folder / FIGURES).read_bytes())["status"]
        period = parse_instant(status["period"]["start"]), parse_instant(status["period"]["end"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if period != (report.period.start_us, report.period.end_us):
        return None
    return final_report(report, uid, status, computed_us=made.at_us, revision=made.revision, inputs={})


def _remove(folder: Path) -> None:
    """Remove a folder: at once for whoever looks, even if the removal itself breaks off."""
    gone = folder.parent / f".gone-{folder.name}"
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
