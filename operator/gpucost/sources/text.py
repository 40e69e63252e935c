"""What a message may say of a task database: never a password."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def redacted(url: str) -> str:
    """A URL without its user, password and parameters."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def first_line(error: BaseException) -> str:
    """The first line of an error, at most 400 characters, without user and password where it repeats a URL."""
    text = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return re.sub(r"://[^@\s/]*@", "://", text)[:400]
