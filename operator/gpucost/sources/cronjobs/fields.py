"""Fields of manifests, of whose kinds nothing is known before they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpucost.core.issues import UNREADABLE_CRON_JOB, show

Fields = Mapping[Any, object]
"""A map of a manifest. Nothing is known of its keys and values before they are looked at."""


class Refused(Exception):
    """Why one CronJob can't be used: the issue's reason, and what to say after the CronJob's name."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what


def malformed(path: str, value: object, expected: str) -> Refused:
    """What to raise for a field of a wrong kind."""
    return Refused(UNREADABLE_CRON_JOB, f"{path} is {show(value)}, expected {expected}; correct the manifest")


def read_map(parent: Fields, key: str, path: str) -> Fields:
    """A map of the manifest; an empty one if it is absent. Raises Refused."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise malformed(path, value, "a map")
    return value


def read_maps(parent: Fields, key: str, path: str) -> list[Fields]:
    """A list of maps; an empty one if it is absent. Raises Refused."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise malformed(path, value, "a list of maps")
    return value


def read_words(container: Fields, key: str) -> list[str]:
    """The words of a container's command or args; none if they are absent. Raises Refused."""
    value = container.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) or type(item) is int for item in value):
        raise malformed(f"a container's {key}", value, "a list of words")
    return [item if isinstance(item, str) else show(item) for item in value]


def read_text(parent: Fields, key: str, path: str) -> str | None:
    """A text of the manifest that UTF-8 can hold; None if it is absent. Raises Refused."""
    value = parent.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not is_utf8(value):
        raise malformed(path, value, "text")
    return value


def is_utf8(text: str) -> bool:
    """Whether no half of a surrogate pair is left over from JSON's escapes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)
