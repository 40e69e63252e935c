"""The node's name in metainfo, read exactly: what the quick path of node_text.sql leaves to a parser (section 3)."""

from __future__ import annotations

import json
from functools import lru_cache
from threading import Lock
from typing import Any, Final

from gpucost.core.issues import MESSAGE_TEXT_LIMIT

UNREADABLE: Final = "unreadable"
"""In place of a name: the text holds no JSON object. A name itself is JSON, so it begins with a quote."""
_KEPT: Final = 2 * MESSAGE_TEXT_LIMIT
"""Characters of an example: a message cuts it further."""


class MetainfoReader:
    """Reads texts one by one, from several threads, and keeps the smallest that can't be read, as an example."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._example: str | None = None

    @property
    def example(self) -> str | None:
        """The beginning of an unreadable text; None where all could be read."""
        return self._example

    def __call__(self, text: str) -> str:
        """The node's name as JSON, an empty text where the object has none, or UNREADABLE."""
        found = read_node_name(text)
        if found == UNREADABLE:
            with self._lock:
                self._example = min(text[:_KEPT], text[:_KEPT] if self._example is None else self._example)
        return found


@lru_cache(maxsize=1 << 12)
def read_node_name(text: str) -> str:
    """The node's name in one metainfo, as JSON; an empty text where the object has none; UNREADABLE where there is no object.

    An object, or a JSON string that holds one. Of duplicate keys the last counts, and neither a lone surrogate nor a raw
    control character makes a string unreadable. NaN and infinities are read as Python and DuckDB write them.
    """
    try:
        found = _parse(text)
        if isinstance(found, str):
            found = _parse(found)
    except (ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(found, dict):
        return UNREADABLE
    name = found.get("node_name")
    return json.dumps(name) if isinstance(name, str) and name else ""


def _parse(text: str) -> Any:
    """JSON, with or without a byte order mark. Numbers stay texts: nothing looks at them, and long ones are refused."""
    return json.loads(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), strict=False, parse_int=str, parse_float=str)
