"""A command's words: positional ones and options, as all tools that scale nodes take them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gpucost.core.issues import UNREADABLE_SCALING_COMMAND, shorten

UNKNOWN: Final = "\0"
"""Stands around a reference that can't be resolved, so that it is seen wherever it ends up."""


class Unreadable(Exception):
    """Why a command that scales nodes can't be read. Caught before anything leaves ``recognition``."""

    def __init__(self, reason: str, kind: str = UNREADABLE_SCALING_COMMAND) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Line:
    """A command's words: positional ones, and options in order (None: an option without a value)."""

    positional: list[str] = field(default_factory=list)
    options: list[tuple[str, str | None]] = field(default_factory=list)

    def has(self, *flags: str) -> str | None:
        """The first of the flags that is given."""
        return next((name for name, _ in self.options if name in flags), None)

    def texts(self, *flags: str) -> list[str]:
        """The values of options by any of these names, literal or not."""
        return [value for name, value in self.options if name in flags and value is not None]

    def value(self, *flags: str) -> str | None:
        """The one literal value of an option, by any of its names; None if it isn't given. Unreadable for others."""
        values = {value for name, value in self.options if name in flags}
        if len(values) > 1:
            raise Unreadable(f"gives {flags[0]} more than one value")
        for value in values:
            return require_literal(value, flags[0])
        return None


def require_literal(value: str | None, what: str) -> str:
    """The value itself; Unreadable if something would still have to be put in by a shell or a template."""
    if value is None:
        raise Unreadable(f"gives {what} no value")
    if not is_literal(value):
        shown = shorten(value.replace(UNKNOWN, ""))
        raise Unreadable(f"takes {what} from {shown}, which is no literal value of the container's environment")
    return value


def is_literal(value: str) -> bool:
    """Whether nothing has to be put in by a shell or a template any more."""
    return re.search(r"[\0$`]|\{\{", value) is None


def parse_line(words: Sequence[str], switches: frozenset[str]) -> Line:
    """Options as the tools take them: ``--flag value``, ``--flag=value``, ``-f value``, ``-fvalue``, ``--``.

    ``switches`` are the options without a value; every ``--no-...`` is one too. All others take the next word.
    """
    line, rest = Line(), list(words)[::-1]
    while rest:
        word = rest.pop()
        if word == "--":
            line.positional.extend(reversed(rest))
            break
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            _take_option(line, name, value if equals else None, rest, switches)
        elif word.startswith("-") and len(word) > 1:
            _take_short(line, word, rest, switches)
        else:
            line.positional.append(word)
    return line


def _take_option(line: Line, name: str, value: str | None, rest: list[str], switches: frozenset[str]) -> None:
    """Add an option; one without an attached value takes the next word, unless it is a switch."""
    is_bare = name in switches or name.startswith("--no-") or not rest or rest[-1].startswith("--")
    line.options.append((name, rest.pop() if value is None and not is_bare else value))


def _take_short(line: Line, word: str, rest: list[str], switches: frozenset[str]) -> None:
    name, attached = word[:2], word[2:]
    if name in switches and attached:
        line.options.append((name, None))
        rest.append("-" + attached)
    else:
        _take_option(line, name, attached.removeprefix("=") if attached else None, rest, switches)
