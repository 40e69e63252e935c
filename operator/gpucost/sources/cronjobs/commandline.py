"""The pools and node counts that a container's command line sets, read without running anything.

Tools that scale nodes have a table each in ``scalers``. They are read plain, behind wrappers such as ``env`` or
``timeout``, and in shell scripts, which ``shell`` follows: in ``sh -c``, in here-documents, in mounted files.

Nothing is guessed. What scales nodes, but not certainly each pool to one count, becomes an UnreadCommand with the
reason; so does what only looks like node scaling. Scaling of pods is passed over, and what has nothing to do with
scaling is no part of the reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gpucost.sources.cronjobs.options import UNKNOWN
from gpucost.sources.cronjobs.readings import Reading, ScalingCommand, UnreadCommand, combine
from gpucost.sources.cronjobs.recognition import find_mention, find_sign, read_image
from gpucost.sources.cronjobs.shell.expansion import LONGEST_VALUE, expand_references
from gpucost.sources.cronjobs.shell.flow import Flow
from gpucost.sources.cronjobs.shell.process import Shell
from gpucost.sources.cronjobs.shell.scope import Scope
from gpucost.sources.cronjobs.shell.work import TooMuchWork, Work

__all__ = [
    "ELSEWHERE",
    "LONGEST_VALUE",
    "Reading",
    "ScalingCommand",
    "UnreadCommand",
    "combine",
    "expand_references",
    "read_scaling_commands",
]

ELSEWHERE: Final = UNKNOWN
"""Stands in ``env`` for a value that the manifest doesn't hold: one from a ConfigMap, a Secret or the pod."""


def read_scaling_commands(
    command: str | Sequence[str],
    env: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    image: str = "",
    *,
    is_env_whole: bool = True,
) -> Reading:
    """What a shell script (text) or a container's ``command`` + ``args`` (a sequence) sets.

    ``env`` holds the literal values of the container's environment, and ELSEWHERE for those that aren't literal;
    unless ``is_env_whole`` there may be more of them (``envFrom``), so that no default, ``${N:-4}``, is certain. As
    Kubernetes does, ``$(NAME)`` in a sequence is replaced from ``env``; ``$NAME`` means something only to a shell.
    ``files`` holds scripts that are mounted, by their absolute path in the container, and ``image`` is the
    container's image, which counts where the command says nothing. Never raises for any text.
    """
    variables = dict(env or {})
    words = [command] if isinstance(command, str) else [_expand(word, variables) for word in command]
    work = Work(dict(files or {}), " ".join(words), image)
    arguments: list[str] | None = None if isinstance(command, str) else []
    shell = Shell(work, Scope(variables, arguments, is_whole=is_env_whole), Flow())
    try:
        if isinstance(command, str):
            shell.run_text(command)
        elif words:
            work.count_step(words)
            shell.call_program(words)
        shell.finish()
        reading = work.finish()
    except TooMuchWork:
        reading = _refuse(work)
    return reading if reading != Reading() else read_image(image)


def _expand(word: str, env: Mapping[str, str]) -> str:
    return expand_references(word, {name: value for name, value in env.items() if UNKNOWN not in value})


def _refuse(work: Work) -> Reading:
    """A script that takes too much work matters only if it seems to scale nodes."""
    text = "\n".join([work.context, *work.files.values()])
    found = find_mention(text, work.context) or find_sign(text)
    if not found and work.is_empty:
        return Reading()
    return Reading(unread=UnreadCommand("the script is too long to be read: it takes too many steps"))
