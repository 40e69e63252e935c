"""Globs: ``*``, ``?``, ``[...]``; they ignore case and match the whole name (section 1)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Globs:
    """Several globs; a name matches when any of them does."""

    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Globs:
        """Compile globs. Every text is a valid glob: an unclosed bracket stands for itself."""
        return cls(tuple(re.compile(fnmatch.translate(text), re.IGNORECASE) for text in texts))

    def match(self, name: str) -> bool:
        """Whether any glob matches the whole name."""
        return any(pattern.match(name) for pattern in self.patterns)
