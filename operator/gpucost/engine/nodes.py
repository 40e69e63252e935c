"""Nodes of running events: a number and a type for each (section 3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np

from gpucost.core.money import Ints
from gpucost.core.nodes import UNKNOWN_TYPE

UNKNOWN: Final = "unknown"
"""The service of an event that names none."""


class Node(NamedTuple):
    """A node as an event names it, and its number: two ways to write one node of one type have the same number."""

    text: str
    """A JSON text, ``id X``, or nothing."""
    stated: str
    """The node type that the event states, or nothing."""
    number: int
    """Counted from 0; negative for an attempt without a node, which is a node of its own."""
    type_number: int
    name: str
    """``name X``, ``id X``, or nothing."""


class Nodes:
    """Numbers nodes and types as they turn up."""

    def __init__(self, node_type: Callable[[str], str]) -> None:
        self._node_type = node_type
        self._types: dict[str, int] = {}
        self._numbers: dict[tuple[int, str], int] = {}
        self._listed: set[int] = set()

    def number(self, text: str, stated: str) -> Node:
        """The node of a text and a stated type. Only a name tells a type; the stated one stands as it is."""
        name = f"name {json.loads(text)}" if text.startswith('"') else text
        kind = stated or (self._node_type(name.removeprefix("name ")) if name.startswith("name ") else UNKNOWN_TYPE)
        type_number = self._types.setdefault(kind, len(self._types))
        if not name:
            return Node(text, stated, -1 - type_number, type_number, name)
        number = self._numbers.setdefault((type_number, name), len(self._numbers))
        return Node(text, stated, number, type_number, name)

    def not_listed(self, nodes: Iterable[Node]) -> list[Node]:
        """Nodes whose numbers have not been handed out by this method before, each once."""
        fresh = {node.number: node for node in nodes if node.number not in self._listed}
        self._listed.update(fresh)
        return list(fresh.values())

    @property
    def count(self) -> int:
        """How many nodes have a number."""
        return len(self._numbers)

    @property
    def names(self) -> list[str]:
        """Names of the nodes that have one."""
        return [name.removeprefix("name ") for _, name in self._numbers if name.startswith("name ")]

    def sorted_types(self) -> tuple[tuple[str, ...], Ints]:
        """Types in the order of their names' bytes, and the place in it of each type by its number."""
        ordered = tuple(sorted(self._types, key=str.encode))
        places = {name: i for i, name in enumerate(ordered)}
        return ordered, np.array([places[name] for name in self._types] or [0], dtype=np.int64)
