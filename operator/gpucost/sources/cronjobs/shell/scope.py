"""What a shell knows of its variables, arrays and arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from gpucost.sources.cronjobs.options import UNKNOWN
from gpucost.sources.cronjobs.shell.expansion import Variables

ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.DOTALL | re.ASCII)
"""A word that assigns: name, ``+`` if it appends, value."""


class Scope:
    """The variables of one shell process. What is assigned without certainty is not known afterwards."""

    def __init__(self, values: Mapping[str, str], arguments: Sequence[str] | None, *, is_whole: bool) -> None:
        self.values = dict(values)
        self.lists: dict[str, list[str]] = {}
        self.arguments = arguments
        """None: not known."""
        self.name = "sh"
        self.is_whole = is_whole
        """Whether nothing that wasn't read may have set further variables."""
        self._exported = set(values)
        self._locals: dict[str, str | None] | None = None

    def copy(self) -> Scope:
        """The same variables for a process of its own."""
        child = Scope(self.values, self.arguments, is_whole=self.is_whole)
        child.lists, child.name, child._exported = dict(self.lists), self.name, set(self._exported)
        return child

    @property
    def variables(self) -> Variables:
        """For expansion."""
        return Variables(self.values, self.arguments, self.name, self.lists, self.is_whole)

    @property
    def environment(self) -> dict[str, str]:
        """What other programs see."""
        return {name: value for name, value in self.values.items() if name in self._exported}

    @property
    def is_function(self) -> bool:
        """Whether the present statement is a function's."""
        return self._locals is not None

    def assign(self, name: str, value: str, *, is_certain: bool = True) -> None:
        """Set a variable, in place of what it held."""
        self.values[name] = value if is_certain or self.values.get(name) == value else _hide(name)

    def forget(self, name: str) -> None:
        """A variable's value isn't known any more."""
        self.values[name] = _hide(name)

    def forget_all(self) -> None:
        """Any variable may hold anything."""
        self.values.clear()
        self.lists.clear()
        self.is_whole = False

    def unset(self, name: str, *, is_certain: bool) -> None:
        """``unset NAME``"""
        self.lists.pop(name, None)
        if is_certain:
            self.values.pop(name, None)
        else:
            self.forget(name)

    def shift(self, words: Sequence[str], *, is_certain: bool) -> None:
        """``shift N``"""
        count = int(words[0]) if words and re.fullmatch(r"[0-9]{1,4}", words[0]) else 1
        is_known = self.arguments is not None and is_certain and (not words or words[0].isdigit())
        self.arguments = list(self.arguments or [])[count:] if is_known else None

    def declare(self, builtin: str, words: Sequence[str], *, is_certain: bool) -> None:
        """``export``, ``readonly``, ``local``, ``declare`` or ``typeset``, with words ``NAME`` and ``NAME=VALUE``."""
        if builtin == "export" and "-f" in words:
            return
        for word in words:
            found = ASSIGNMENT.fullmatch(word)
            name = found[1] if found else word
            if self._locals is not None and builtin != "export":
                self._locals.setdefault(name, self.values.get(name))
            if found:
                self.assign(name, found[3], is_certain=is_certain)
            elif builtin in ("local", "declare", "typeset") and self._locals is not None:
                self.values.pop(name, None)
            if builtin == "export" or "-x" in words:
                self._exported.add(name)

    @contextmanager
    def enter_function(self, arguments: Sequence[str] | None) -> Iterator[None]:
        """A function's arguments and locals, while it runs."""
        before = self.arguments, self._locals
        self.arguments, self._locals = arguments, {}
        yield
        for name, value in self._locals.items():
            if value is None:
                self.values.pop(name, None)
            else:
                self.values[name] = value
        self.arguments, self._locals = before


def _hide(name: str) -> str:
    return f"{UNKNOWN}${name}{UNKNOWN}"
