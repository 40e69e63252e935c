"""What ``[ ... ]`` and ``case`` decide, where both sides are known."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from gpucost.sources.cronjobs.options import UNKNOWN

_COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = MappingProxyType({
    "-eq": lambda a, b: a == b, "-ne": lambda a, b: a != b, "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b, "-gt": lambda a, b: a > b, "-ge": lambda a, b: a >= b,
})  # fmt: skip
_GLOB: Final = re.compile(r"[*?\[\\]")
MAX_GLOBS: Final = 3
"""Wildcards of a pattern that is compared: more take too long in the worst case."""


def evaluate_test(words: Sequence[str]) -> bool | None:
    """What a test of ``[``, ``[[`` or ``test`` decides, without the program and the closing bracket; None: unknown."""
    if words[:1] == ["!"] and len(words) > 1 and words[1] != "!":
        inner = evaluate_test(words[1:])
        return None if inner is None else not inner
    if any(UNKNOWN in word for word in words):
        return None
    match list(words):
        case ["-z", word]:
            return not word
        case ["-n", word]:
            return bool(word)
        case [left, "=" | "==", right] if not _GLOB.search(right):
            return left == right
        case [left, "!=", right] if not _GLOB.search(right):
            return left != right
        case [left, operator, right] if operator in _COMPARISONS:
            return _compare(left, operator, right)
    return None


def _compare(left: str, operator: str, right: str) -> bool | None:
    if not all(re.fullmatch(r"-?[0-9]{1,18}", word) for word in (left, right)):
        return None
    return _COMPARISONS[operator](int(left), int(right))


def match_pattern(subject: str, pattern: str) -> bool | None:
    """Whether a ``case`` pattern fits; None: unknown."""
    if UNKNOWN in subject or UNKNOWN in pattern:
        return True if pattern == "*" else None
    if not _GLOB.search(pattern):
        return subject == pattern
    if len(_GLOB.findall(pattern)) > MAX_GLOBS or "\\" in pattern:
        return None
    return fnmatch.fnmatchcase(subject, re.sub(r"\[\^", "[!", pattern))
