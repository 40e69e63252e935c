"""Nodes of running events: a number and a type for each (section 3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np

from gpucost.core.money import Ints
from gpucost.core.nodes import UNKNOWN_TYPE
from gpucost.engine.metainfo import UNREADABLE

UNKNOWN: Final = "unknown"
"""The service of an event that names none."""


class Doubt(IntEnum):
    """Why a node's type may not be what it was."""

    NONE = 0
    UNREADABLE = 1
    """The event has metainfo that is no JSON object."""
    NO_RULE = 2
    """The event names a node, or has its id, and no rule of the spec fits it."""
    NOT_LISTED = 3
    """The event states a type that the spec does not list."""
    NO_NODE = 4
    """The event has neither a name nor an id of a node."""


class Node(NamedTuple):
    """A node as an event names it, and its number: two ways to write one node of one type have the same number."""

    text: str
    """A JSON text, ``id X``, ``unreadable X`` (its metainfo can't be read, its id is X, or nothing), or nothing."""
    stated: str
    """The node type that the event states, or nothing."""
    number: int
    """Counted from 0; negative for an attempt without a node, which is a node of its own."""
    type_number: int
    name: str
    """``name X``, ``id X``, or nothing."""
    place: int
    """The smallest number of the same name and type: the number itself, unless only the doubt tells them apart."""
    doubt: Doubt


class Nodes:
    """Numbers nodes and types as they turn up."""

    def __init__(self, node_type: Callable[[str], str], listed: Collection[str]) -> None:
        self._node_type = node_type
        self._listed = listed
        self._types: dict[str, int] = {}
        self._numbers: dict[tuple[int, str, Doubt], int] = {}
        self._nameless: dict[tuple[int, Doubt], int] = {}
        self._places: dict[tuple[int, str], int] = {}
        self._handed_out: set[int] = set()

    def number(self, text: str, stated: str) -> Node:
        """The node of a text and a stated type. Only a name tells a type; the stated one stands as it is."""
        name = _name_of(text)
        kind = stated or (self._node_type(name.removeprefix("name ")) if name.startswith("name ") else UNKNOWN_TYPE)
        doubt = self._doubt(text, stated, kind)
        type_number = self._types.setdefault(kind, len(self._types))
        if not name:
            number = -1 - self._nameless.setdefault((type_number, doubt), len(self._nameless))
            return Node(text, stated, number, type_number, name, number, doubt)
        number = self._numbers.setdefault((type_number, name, doubt), len(self._numbers))
        return Node(
            text, stated, number, type_number, name, self._places.setdefault((type_number, name), number), doubt
        )

    def _doubt(self, text: str, stated: str, kind: str) -> Doubt:
        if stated and stated not in self._listed:
            return Doubt.NOT_LISTED
        if text.startswith(UNREADABLE):
            return Doubt.UNREADABLE
        if kind != UNKNOWN_TYPE or stated:
            return Doubt.NONE
        return Doubt.NO_RULE if text else Doubt.NO_NODE

    def not_handed_out(self, nodes: Iterable[Node]) -> list[Node]:
        """Nodes whose numbers have not been handed out by this method before, each once."""
        fresh = {node.number: node for node in nodes if node.number not in self._handed_out}
        self._handed_out.update(fresh)
        return list(fresh.values())

    @property
    def count(self) -> int:
        """How many nodes have a number."""
        return len(self._numbers)

    @property
    def names(self) -> set[str]:
        """Names of the nodes that have one."""
        return {name.removeprefix("name ") for _, name, _ in self._numbers if name.startswith("name ")}

    def type_names(self) -> list[str]:
        """Types by their numbers."""
        return list(self._types)

    def sorted_types(self) -> tuple[tuple[str, ...], Ints]:
        """Types in the order of their names' bytes, and the place in it of each type by its number."""
        ordered = tuple(sorted(self._types, key=str.encode))
        places = {name: i for i, name in enumerate(ordered)}
        return ordered, np.array([places[name] for name in self._types] or [0], dtype=np.int64)


def _name_of(text: str) -> str:
    """``name X``, ``id X``, or nothing. A lone surrogate, which no database takes, is written as its escape."""
    if text.startswith('"'):
        return f"name {json.loads(text)}".encode(errors="backslashreplace").decode()
    unreadable, _, node_id = text.partition(" ")
    return text if unreadable != UNREADABLE else f"id {node_id}" if node_id else ""
