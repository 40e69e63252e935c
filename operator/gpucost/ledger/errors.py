"""Why the ledger can't be used: one sentence that says what, where and what to do, and no password."""

from __future__ import annotations

import re
from typing import Final

from gpucost.sources.text import one_line, redacted

_REMEDIES: Final = (
    (r"disk is full|no space left|could not extend|disk quota|file too large", "free or add space on its volume"),
    (r"not a database|malformed|Can't locate revision", "restore it from its backup, or run the release that wrote it"),
    (
        r"read-?only|permission denied|unable to open|not a directory|file exists|no such file",
        "let the operator write to it and its folder",
    ),
    (r"authentication|role .* does not exist", "check user and password in its URL"),
    (r"disk I/O error", "look at its volume: it is full or broken"),
    (r"database .* does not exist|no such schema|selected to create in", "create it, or mend its URL"),
)


class LedgerError(Exception):
    """The ledger can't be reached, read or written now: one sentence without a password."""


class LedgerBusy(LedgerError):
    """Another instance holds the ledger's lock; the sentence says which, and what to do."""


def busy(url: str, holder: str) -> LedgerBusy:
    """Another instance has it."""
    who = holder.strip() or "another instance"
    return LedgerBusy(
        f"the ledger {redacted(url)} is held by {who}: run one operator for each ledger, or wait for that one to end"
    )


def unusable(url: str, error: BaseException) -> LedgerError:
    """An error of the database, of its driver or of the file system, as one sentence."""
    said = one_line(getattr(error, "orig", None) or error, url)
    remedy = next(
        (what for said_so, what in _REMEDIES if re.search(said_so, said, re.I)), "check that it can be reached"
    )
    return LedgerError(f"the ledger {redacted(url)} can't be used: {said}; {remedy}")
