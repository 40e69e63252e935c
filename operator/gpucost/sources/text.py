"""What a message may say of a task database: never a password."""

from __future__ import annotations

import re
from urllib.parse import unquote

_HIDDEN = "..."


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


def first_line(error: BaseException, url: str = "") -> str:
    """The first line of an error, at most 400 characters, without user and password, those of a URL as well."""
    text = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    for secret in _secrets(url):
        text = text.replace(secret, _HIDDEN)
    return re.sub(r"://[^@\s]*@", "://", text)[:400]


def _secrets(url: str) -> list[str]:
    """Texts of a URL that may be its password, longest first."""
    rest = url.partition("://")[2]
    before_host = rest.rpartition("@")[0]
    stated = [before_host, before_host.partition(":")[2], *re.findall(r"[?&](?:ssl)?password=([^&#]*)", rest)]
    return sorted({form for text in stated if text for form in (text, unquote(text))}, key=len, reverse=True)
