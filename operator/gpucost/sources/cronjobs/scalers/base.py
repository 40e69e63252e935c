"""The base of every tool's table: a form of a command line, and what it says about node pools."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gpucost.core.issues import SCALER_NOT_READ, UNREADABLE_SCALING_COMMAND, show
from gpucost.core.scaling import parse_node_count, parse_pool_name
from gpucost.sources.cronjobs.options import Line, Unreadable, parse_line
from gpucost.sources.cronjobs.readings import Reading, ScalingCommand, UnreadCommand
from gpucost.sources.cronjobs.scalers.signals import looks_like_scaler

COMMON_SWITCHES: Final = frozenset({"--help", "-h", "--debug", "--verbose", "--quiet", "-q"})
LONGEST_GAP: Final = 300
"""Characters between two words of a command that another program's text mentions; several options."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    title: str
    """The program and its subcommands: ``kubectl scale``."""
    line: Line
    names: Sequence[str]
    """The positional words after the subcommands."""
    env: Mapping[str, str]
    """The environment that the tool sees, as far as it is known."""
    context: str
    """All text of the container's command and scripts."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a tool's command line. ``read`` is given calls of this form only."""

    command: str
    """The program and its subcommands, ``gcloud container node-pools create|delete``; alternatives behind ``|``."""
    read: Callable[[Call], Reading]
    """What a call says. An Unreadable says why it can't be read."""
    marks: tuple[str, ...] = ()
    """Options of which one is given in every call that scales; none: the subcommands alone tell."""
    switches: frozenset[str] = COMMON_SWITCHES
    prefixes: frozenset[str] = field(default=frozenset())
    """Words that may stand before the subcommands: ``beta``."""
    is_about_nodes: Callable[[str, str], bool] = lambda nearby, context: True
    """Whether a mention may be about nodes, by the text near it and by all text of the container."""
    kind: str = UNREADABLE_SCALING_COMMAND
    """The issue where a call can't be followed: SCALER_NOT_READ if no call of this form is read."""

    @property
    def programs(self) -> tuple[str, ...]:
        """The program's names."""
        return tuple(self.command.partition(" ")[0].split("|"))

    @property
    def title(self) -> str:
        """The command in its first spelling."""
        return " ".join(verb.partition("|")[0] for verb in self.command.split())

    def match(self, program: str, words: Sequence[str], env: Mapping[str, str], context: str) -> Call | None:
        """The call, if the words after the program are of this form."""
        line = parse_line(words, self.switches)
        is_prefixed = bool(line.positional) and line.positional[0] in self.prefixes
        positional = line.positional[1:] if is_prefixed else line.positional
        verbs = self.command.split()[1:]
        if len(positional) < len(verbs):
            return None
        if any(word not in verb.split("|") for word, verb in zip(positional, verbs, strict=False)):
            return None
        title = " ".join((program, *positional[: len(verbs)]))
        return Call(title, line, positional[len(verbs) :], env, context)

    def is_mentioned(self, text: str, context: str) -> bool:
        """Whether the text has the command's words, in order and near each other."""
        verbs = [*self.command.split(), *(["|".join(self.marks)] if self.marks else [])]
        first, *rest = (re.compile(rf"(?<![\w-])(?:{verb})(?![\w])") for verb in verbs)
        for found in first.finditer(text):
            end = _follow(text, found.end(), rest)
            if end and self.is_about_nodes(text[found.start() : end + LONGEST_GAP], context):
                return True
        return False


def _follow(text: str, at: int, verbs: Sequence[re.Pattern[str]]) -> int | None:
    """Where the last of the verbs ends, each near the one before."""
    for verb in verbs:
        found = verb.search(text, at, at + LONGEST_GAP)
        if not found:
            return None
        at = found.end()
    return at


def name_form(
    command: str,
    what: str,
    marks: tuple[str, ...] = (),
    switches: frozenset[str] = COMMON_SWITCHES,
    prefixes: frozenset[str] = frozenset(),
) -> Form:
    """A form that changes nodes in a way that no count can be read from: always named, with what it does.

    Where it has marks, calls without any of them have nothing to do with node counts.
    """

    def read(call: Call) -> Reading:
        if marks and not call.line.has(*marks):
            return Reading()
        raise Unreadable(what, SCALER_NOT_READ)

    return Form(command, read, marks, switches, prefixes, kind=SCALER_NOT_READ)


def name_runner(
    command: str, switches: frozenset[str] = COMMON_SWITCHES, prefixes: frozenset[str] = frozenset()
) -> Form:
    """A form that runs something which is not at hand: named if it is called after node scaling."""

    def read(call: Call) -> Reading:
        words = [*call.names, *(value for _, value in call.line.options if value is not None)]
        named = next((word for word in words if looks_like_scaler(word)), None)
        if named is None:
            return Reading()
        raise Unreadable(f"runs {show(named)}, which looks like node scaling", SCALER_NOT_READ)

    def is_about_nodes(nearby: str, _: str) -> bool:
        return any(map(looks_like_scaler, nearby.split()))

    return Form(command, read, (), switches, prefixes, is_about_nodes, SCALER_NOT_READ)


def state_count(pool: str | None, pool_flag: str, nodes: str | None, nodes_flag: str) -> Reading:
    """One pool set to one count; Unreadable if either is missing or can't be one."""
    if pool is None:
        raise Unreadable(f"names no {pool_flag}")
    if nodes is None:
        raise Unreadable(f"states no {nodes_flag}")
    try:
        name, count = parse_pool_name(pool), parse_node_count(nodes)
    except ValueError as error:
        raise Unreadable(f"can't be used: {error}") from None
    if re.search(r"[,\s]", name):
        raise Unreadable(f"names {show(name)}, which is not the name of one pool")
    return Reading((ScalingCommand(name, count),))


def state_bounds(call: Call, least_flag: str, most_flag: str) -> str | None:
    """The count that equal bounds state. Unreadable (ScalerNotRead) where they leave the count to an autoscaler."""
    least, most = call.line.value(least_flag), call.line.value(most_flag)
    if least is None and most is None:
        return None
    if least is None or least != most:
        shown = " and ".join(
            f"{flag} {value}" for flag, value in ((least_flag, least), (most_flag, most)) if value is not None
        )
        raise Unreadable(f"sets bounds of an autoscaler ({shown}) and no count", SCALER_NOT_READ)
    return least


def read_call(form: Form, call: Call) -> Reading:
    """What a call of a form says. Never raises for any words."""
    try:
        return form.read(call)
    except Unreadable as problem:
        return Reading(unread=UnreadCommand(f"'{call.title}' {problem.reason}", problem.kind))
