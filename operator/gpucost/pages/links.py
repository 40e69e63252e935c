"""Where the figures of a page lead: to other pages of the server, or to other parts of the same file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

Kind = Literal["pool", "service", "day", "task"]


@dataclass(frozen=True, slots=True)
class Links:
    """Links of a page. ``anchors``: parts of the same file; None: the server's pages, which lie beside the report's."""

    anchors: Mapping[tuple[str, str], str] | None = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether there is a server behind the page."""
        return self.anchors is None

    def to(self, kind: Kind) -> Callable[[str], str | None]:
        """Links to what explains a pool, service, day or task by its name."""
        return lambda name: self.href(kind, name)

    def href(self, kind: Kind, name: str) -> str | None:
        """The link to one of them; None where there is nothing to lead to."""
        if self.anchors is not None:
            anchor = self.anchors.get((kind, name))
            return f"#{anchor}" if anchor else None
        return query(kind, name=name)


def query(path: str, **parameters: str) -> str:
    """A relative link with parameters: names of services may hold anything, so they are never part of a path."""
    return f"{path}?{urlencode(parameters)}"


def report_path(namespace: str, name: str) -> str:
    """The page of a report, below the server's root."""
    return f"reports/{quote(namespace, safe='')}/{quote(name, safe='')}/"


SERVER = Links(None)
"""Links of the pages that a server gives."""
