"""What a person who waits sees on a terminal: the stage, how much of it is done, and for how long it has gone on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from gpucost.cli.render import console
from gpucost.core.progress import Progress, Stage, tell_nobody

UNITS: Final[Mapping[Stage, str]] = {Stage.READING: "events", Stage.WRITING: ""}
MILLION: Final = 1_000_000


@contextmanager
def show_stages(what: str) -> Iterator[Progress]:
    """A line on stderr that says what is done, ``what`` at first; nothing where stderr is no terminal."""
    err = console(stderr=True)
    if not err.is_terminal:
        yield tell_nobody
        return
    line = _Line(what)
    with Live(line, console=err, transient=True, refresh_per_second=8, redirect_stdout=False) as live:

        def tell(stage: Stage, done: int = 0, of: int = 0) -> None:
            line.begin(stage_text(stage, done, of), stage)
            live.refresh()

        yield tell


@dataclass(slots=True)
class _Line:
    """The line as it is right now."""

    text: str
    stage: Stage | None = None
    since: float = field(default_factory=time.monotonic)
    spinner: Spinner = field(default_factory=lambda: Spinner("dots"))

    def begin(self, text: str, stage: Stage) -> None:
        """Show another text; seconds count from the begin of a stage."""
        if stage is not self.stage:
            self.stage, self.since = stage, time.monotonic()
        self.text = text

    def __rich__(self) -> Spinner:
        seconds = int(time.monotonic() - self.since)
        self.spinner.update(text=Text(f"{self.text}, {seconds} s" if seconds else self.text))
        return self.spinner


def stage_text(stage: Stage, done: int, of: int) -> str:
    """A stage and its share: ``reading 4.1 of 9.8 M events``, ``writing files 12 of 88``."""
    if not of:
        return str(stage)
    unit = UNITS.get(stage, "")
    share = f"{done / MILLION:.1f} of {of / MILLION:.1f} M" if of >= MILLION else f"{done:,} of {of:,}"
    return f"{stage} {share} {unit}".rstrip()
