"""Command lines that run another one: ``env``, ``timeout``, and shells themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gpucost.sources.cronjobs.recognition import INTERPRETERS, SPEAKERS, get_basename
from gpucost.sources.cronjobs.scalers import FORMS_BY_PROGRAM
from gpucost.sources.cronjobs.scalers.signals import REQUESTERS
from gpucost.sources.cronjobs.shell.scope import ASSIGNMENT

SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh"})
_WRAPPERS: Final = frozenset(
    {"env", "nice", "ionice", "nohup", "setsid", "stdbuf", "sudo", "time", "dumb-init", "timeout", "tini"}
) | {"flock", "doas", "gosu", "su-exec", "unbuffer", "busybox"}


def unwrap_command(words: Sequence[str], files: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command behind assignments and wrappers, and what those assign; all words if it can't be told apart."""
    rest, assigned = list(words), dict[str, str]()
    while rest:
        at = _find_inner(rest, files)
        if at == 0:
            break
        assigned.update((found[1], found[3]) for word in rest[:at] if (found := ASSIGNMENT.fullmatch(word)))
        rest = rest[at:]
    return rest or list(words), assigned


def _find_inner(words: Sequence[str], files: Mapping[str, str]) -> int:
    """Where the next command inside begins; 0 where the first word is it."""
    if ASSIGNMENT.fullmatch(words[0]):
        return 1
    if get_basename(words[0]) not in _WRAPPERS:
        return 0
    return next((at for at, word in enumerate(words) if at and _is_program(word, files)), 0)


def _is_program(word: str, files: Mapping[str, str]) -> bool:
    name = get_basename(word)
    known = name in FORMS_BY_PROGRAM or name in SHELLS or name in SPEAKERS or name in REQUESTERS or name in _WRAPPERS
    return known or word in files or INTERPRETERS.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class ShellCall:
    """A shell's command line."""

    script: str | None
    """``-c SCRIPT``"""
    operands: list[str]
    """Behind the options: a file and its arguments, or what follows SCRIPT, or the arguments of ``-s``."""
    reads_input: bool
    """``-s``, or no operands."""
    fails_on_error: bool
    """``-e``"""


def parse_shell_call(words: Sequence[str]) -> ShellCall:
    """``sh -ec SCRIPT NAME ARGUMENTS``, ``sh FILE ARGUMENTS`` or ``sh -s ARGUMENTS``."""
    at, letters = 1, ""
    while at < len(words) and words[at][:1] in ("-", "+") and words[at] not in ("--", "-"):
        flags = "" if words[at].startswith("--") else words[at][1:]
        letters += flags
        at += 2 if flags.endswith("o") or words[at] in ("--rcfile", "--init-file") else 1
    rest = list(words[at:])
    operands = rest[1:] if rest[:1] in (["--"], ["-"]) else rest
    if "c" in letters and operands:
        return ShellCall(operands[0], operands[1:], reads_input=False, fails_on_error="e" in letters)
    return ShellCall(None, operands, "s" in letters or not operands, "e" in letters)
