"""What all shells of one container share: what was found, and how much work is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gpucost.sources.cronjobs.readings import Reading, ScalingCommand, UnreadCommand, combine

MAX_SCRIPT_CHARACTERS: Final = 10_000
"""A longer script is not read: a limit on the work that one CronJob can cause."""
MAX_NESTED_SHELLS: Final = 4
MAX_STEPS: Final = 1_000
"""Simple commands that are followed, loops unrolled."""
MAX_CHARACTERS: Final = 200_000
"""Characters of all words that are followed."""
MAX_DEPTH: Final = 100
"""Statements and functions inside each other."""
MAX_ITERATIONS: Final = 100
"""Words of a for loop that is unrolled."""


class TooMuchWork(Exception):
    """A limit of the work was reached."""


@dataclass(slots=True)
class Work:
    """What all shells of one container share: its scripts, what was found, and how much work is left."""

    files: Mapping[str, str]
    context: str
    """All text that was seen: it tells what a resource without a type may be."""
    image: str = ""
    readings: list[Reading] = field(default_factory=list)
    uncertain: list[ScalingCommand] = field(default_factory=list)
    """Commands that may or may not run: harmless only where they repeat one that does."""
    steps: int = 0
    characters: int = 0
    depth: int = 0

    def count_step(self, words: Iterable[str]) -> None:
        """Count a command. TooMuchWork beyond the limits."""
        self.steps += 1
        self.characters += sum(map(len, words))
        if self.steps > MAX_STEPS or self.characters > MAX_CHARACTERS:
            raise TooMuchWork

    def add(self, reading: Reading, *, is_certain: bool) -> None:
        """Take note of what a command says."""
        if is_certain:
            self.readings.append(reading)
            return
        self.uncertain.extend(reading.commands)
        self.readings.append(Reading(unread=reading.unread, passed_over=reading.passed_over))

    def add_context(self, text: str) -> None:
        """Take note of a script's text."""
        if text not in self.context:
            self.context = f"{self.context}\n{text}"[: 10 * MAX_SCRIPT_CHARACTERS]

    def finish(self) -> Reading:
        """All that was found."""
        reading = combine(self.readings)
        certain = {(command.pool, command.nodes) for command in reading.commands}
        if reading.unread or all((command.pool, command.nodes) in certain for command in self.uncertain):
            return reading
        return combine([reading, Reading(unread=UnreadCommand("it scales only under a condition"))])

    @property
    def is_empty(self) -> bool:
        """Whether nothing about nodes was found."""
        return not self.uncertain and all(reading == Reading() for reading in self.readings)
