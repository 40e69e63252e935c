"""What a message may say of a task database: never a password."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote

_HIDDEN = "..."
_LINE_LIMIT: Final = 160
"""Characters of a line: the next may hold the reason."""
_REST: Final = re.compile(r"Possible [Ff]ix|Possible [Ss]olution|The search space used was|  file = |\(Background on")
"""Lines of DuckDB and SQLAlchemy after which nothing more is said of what happened."""
_WRAPPING: Final = re.compile(
    r"Invalid Input Error: reading the stream registered as '\w+' failed: |IOError: (?=\[libpq\])|"
    r"\[libpq\] Execution error \[\w+\]: |NOT_FOUND: Failed to prepare query: |(?<!\w)ERROR: +(?=\w)"
)
"""What the layers between PostgreSQL and us put before its own words."""
_STATEMENT: Final = re.compile(r"\s*(LINE \d+:|\[SQL|\^+\s*$)")


def redacted(url: str) -> str:
    """A URL without its user, password and parameters; without its host too where these can't be told apart."""
    scheme, separator, rest = url.partition("://")
    if not separator:  # a path, but perhaps a connection string of another kind
        return _HIDDEN if "@" in url or "password" in url.lower() else url
    if rest.startswith("/"):
        return url.partition("?")[0]
    place = re.split("[?#]", rest, maxsplit=1)[0]
    authority = place.partition("/")[0]
    if "@" in rest[len(authority) :]:  # a password with a / ? or # that should have been written as %2F and so on
        return f"{scheme}://{_HIDDEN}"
    return f"{scheme}://{place.rpartition('@')[2]}"


def one_line(error: BaseException, url: str = "") -> str:
    """An error on one line of at most 400 characters, without user and password, those of a URL as well.

    What it says and why; not the statement, nor settings and options of a driver that the reader has never seen.
    """
    text = _join(_telling_lines(str(error))) or type(error).__name__
    for secret in _secrets(url):
        text = text.replace(secret, _HIDDEN)
    return re.sub(r"://[^@\s]*@", "://", text)[:400]


def _telling_lines(text: str) -> Iterator[str]:
    """The lines before a driver lists options, without the statement and the arrow below it."""
    for line in text.splitlines():
        if _REST.match(line):
            return
        if line.strip() and not _STATEMENT.match(line):
            yield " ".join(_WRAPPING.sub("", line).split())[:_LINE_LIMIT]


def _join(lines: Iterable[str]) -> str:
    """Lines as one: a semicolon between those that end without a mark of their own."""
    text = ""
    for line in lines:
        text += ("" if not text else " " if text[-1] in ".:;!,?" else "; ") + line
    return text


def _secrets(url: str) -> list[str]:
    """Texts of a URL that may be its password, longest first."""
    rest = url.partition("://")[2]
    before_host = rest.rpartition("@")[0]
    stated = [before_host, before_host.partition(":")[2], *re.findall(r"[?&](?:ssl)?password=([^&#]*)", rest)]
    return sorted({form for text in stated if text for form in (text, unquote(text))}, key=len, reverse=True)
