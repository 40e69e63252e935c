"""The pool and the node count that a container's command line sets, read without running anything.

Five commands are known: ``gcloud container clusters resize``, ``eksctl scale nodegroup``,
``aws eks update-nodegroup-config``, ``az aks nodepool scale`` and ``kubectl scale`` (its pool is the resource's name);
plain, behind wrappers such as ``env`` or ``timeout``, or inside a shell's ``-c`` script.

Nothing is guessed. A command that scales, but not certainly one pool to one count, becomes an UnreadCommand with the
reason; so does text that merely mentions such a command where it can't be followed (``eval``, ``xargs``, Python).
Only what certainly has nothing to do with scaling is None.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gpucost.core.issues import shorten, show
from gpucost.core.scaling import parse_node_count, parse_pool_name
from gpucost.sources.cronjobs.readings import Reading, ScalingCommand, UnreadCommand, combine

__all__ = ["Reading", "ScalingCommand", "UnreadCommand", "combine", "expand_references", "read_scaling_commands"]

MAX_SCRIPT_CHARACTERS: Final = 10_000
"""A longer script is not read: a limit on the work that one CronJob can cause."""
MAX_NESTED_SHELLS: Final = 4

_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh"})
_WRAPPERS: Final = frozenset(
    {"command", "env", "exec", "nice", "ionice", "nohup", "setsid", "stdbuf", "sudo", "time"}
) | {
    "dumb-init",
    "timeout",
    "tini",
}
_SPEAKERS: Final = frozenset({"echo", "printf", "logger", ":", "true"})
_TESTS: Final = frozenset({"[", "[[", "test", "grep", "egrep", "false"})
_ENDS: Final = {"fi": ("if",), "done": ("for", "select", "while", "until"), "esac": ("case",), "}": ("{",)}
_SETTERS: Final = frozenset({"export", "readonly", "local", "declare", "typeset"})
_UNSETTERS: Final = frozenset({"read", "unset", "getopts", "mapfile", "readarray", "let"})
_EVALUATORS: Final = frozenset({"source", ".", "eval"})

_UNKNOWN: Final = "\0"
"""Stands around a reference that can't be resolved, so that it is seen wherever it ends up."""


Outcome = ScalingCommand | UnreadCommand | None


def read_scaling_commands(
    command: str | Sequence[str],
    env: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    image: str = "",
) -> Reading:
    """What a shell script (text) or a container's ``command`` + ``args`` (a sequence) sets.

    ``env`` holds the literal values of the container's environment. As Kubernetes does, ``$(NAME)`` in a sequence is
    replaced from it; ``$NAME`` and ``${NAME}`` mean something only to a shell. ``files`` holds scripts by their
    absolute path in the container, ``image`` is the container's image. Never raises for any text.
    """
    variables = dict(env or {})
    if isinstance(command, str):
        outcome = _read_script(command, variables, 0)
    else:
        outcome = _read_words([expand_references(word, variables) for word in command], variables, 0)
    if isinstance(outcome, UnreadCommand):
        return Reading(unread=outcome)
    return Reading((outcome,) if outcome else ())


def expand_references(text: str, env: Mapping[str, str]) -> str:
    """``$(NAME)`` replaced as Kubernetes does it: unknown names stay as they are, ``$$`` is a dollar sign.

    https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/

    Cut at LONGEST_VALUE characters: a few variables that each name the one before twice would else fill the memory.
    """
    parts, length, last = [], 0, 0
    for found in re.finditer(r"\$(?:\$|\(([^()]*)\))", text):
        value = "$" if found[1] is None else env.get(found[1], found[0])
        parts += [text[last : found.start()], value]
        length, last = length + found.start() - last + len(value), found.end()
        if length > LONGEST_VALUE:
            break
    return "".join((*parts, text[last:]))[:LONGEST_VALUE]


LONGEST_VALUE: Final = 65_536
"""Characters of an expanded variable or word; a command that scales nodes takes a few hundred."""


class _Unreadable(Exception):
    """Raised inside this module only, with an UnreadCommand's reason."""


# The five commands


@dataclass(frozen=True, slots=True)
class _Line:
    """A command's words: positional ones, and options in order (None: an option without a value)."""

    positional: list[str] = field(default_factory=list)
    options: list[tuple[str, str | None]] = field(default_factory=list)

    def has(self, *flags: str) -> str | None:
        """The first of the flags that is given."""
        return next((name for name, _ in self.options if name in flags), None)

    def value(self, *flags: str) -> str | None:
        """The one literal value of an option, by any of its names; None if it isn't given."""
        values = {value for name, value in self.options if name in flags}
        if len(values) > 1:
            raise _Unreadable(f"gives {flags[0]} more than one value")
        for value in values:
            return _literal(value, flags[0])
        return None


def _literal(value: str | None, what: str) -> str:
    """The value itself, unless something would still have to be put in by a shell or a template."""
    if value is None:
        raise _Unreadable(f"gives {what} no value")
    if re.search(r"[\0$`]|\{\{", value):
        shown = shorten(value.replace(_UNKNOWN, ""))
        raise _Unreadable(f"takes {what} from {shown}, which is no literal value of the container's environment")
    return value


def _scaling(pool: str | None, pool_flag: str, nodes: str | None, nodes_flag: str) -> ScalingCommand:
    if pool is None:
        raise _Unreadable(f"names no {pool_flag}")
    if nodes is None:
        raise _Unreadable(f"states no {nodes_flag}")
    try:
        return ScalingCommand(parse_pool_name(pool), parse_node_count(nodes))
    except ValueError as error:
        raise _Unreadable(f"can't be used: {error}") from None


def _gcloud(line: _Line, _: Sequence[str]) -> ScalingCommand:
    """https://cloud.google.com/sdk/gcloud/reference/container/clusters/resize"""
    nodes = line.value("--num-nodes", "--size")
    command = _scaling(line.value("--node-pool"), "--node-pool", nodes, "--num-nodes")
    return ScalingCommand(command.pool, command.nodes, per_zone=_is_regional(line))


def _is_regional(line: _Line) -> bool:
    """Whether the location is a region: zones end in a letter, such as ``europe-west4-a``."""
    location = next((value for name, value in line.options if name == "--location" and value), "")
    return line.has("--region") is not None or re.search(r"\d$", location) is not None


def _eksctl(line: _Line, names: Sequence[str]) -> ScalingCommand:
    """https://github.com/eksctl-io/eksctl/blob/main/pkg/ctl/scale/nodegroup.go"""
    named = line.value("--name", "-n")
    pools = {_literal(name, "the node group") for name in names} | ({named} if named is not None else set())
    if len(pools) > 1:
        raise _Unreadable(f"names {len(pools)} node groups")
    return _scaling(next(iter(pools), None), "--name", line.value("--nodes", "-N"), "--nodes")


def _aws(line: _Line, _: Sequence[str]) -> ScalingCommand | None:
    """https://docs.aws.amazon.com/cli/latest/reference/eks/update-nodegroup-config.html"""
    file = line.has("--cli-input-json", "--cli-input-yaml")
    if file:
        raise _Unreadable(f"takes its values from {file}")
    config = line.value("--scaling-config")
    if config is None:
        return None  # it changes labels, taints or the update strategy, no count
    return _scaling(line.value("--nodegroup-name"), "--nodegroup-name", _desired_size(config), "desiredSize")


def _desired_size(config: str) -> str | None:
    """desiredSize from ``minSize=0,desiredSize=4`` or from JSON."""
    if not config.lstrip().startswith("{"):
        pairs = [part.partition("=") for part in config.split(",")]
        return ", ".join(value.strip() for key, _, value in pairs if key.strip() == "desiredSize") or None
    try:
        size = json.loads(config).get("desiredSize")
    except (ValueError, RecursionError):
        raise _Unreadable("has a --scaling-config that is neither key=value pairs nor JSON") from None
    return None if size is None else str(size) if type(size) is int else show(size)


def _az(line: _Line, _: Sequence[str]) -> ScalingCommand:
    """https://learn.microsoft.com/cli/azure/aks/nodepool#az-aks-nodepool-scale

    Without --node-count the tool takes 3; that is refused here, since nobody stated it.
    """
    pool = line.value("--name", "-n", "--nodepool-name")
    return _scaling(pool, "--name", line.value("--node-count", "-c"), "--node-count")


def _kubectl(line: _Line, resources: Sequence[str]) -> ScalingCommand:
    """https://kubernetes.io/docs/reference/kubectl/generated/kubectl_scale/"""
    _refuse_kubectl(line)
    names = _resource_names([_literal(resource, "the resource") for resource in resources])
    if len(names) > 1:
        raise _Unreadable(f"names {len(names)} resources")
    return _scaling(next(iter(names), None), "resource", line.value("--replicas"), "--replicas")


def _refuse_kubectl(line: _Line) -> None:
    chooser = line.has("-f", "--filename", "-k", "--kustomize", "-l", "--selector", "--all")
    if chooser:
        raise _Unreadable(f"chooses its resource by {chooser}")
    if any(name == "--dry-run" and value not in ("none", "false") for name, value in line.options):
        raise _Unreadable("is a dry run, which scales nothing")
    if line.has("--resource-version") or line.value("--current-replicas") not in (None, "-1"):
        raise _Unreadable("scales only under a precondition")


def _resource_names(resources: Sequence[str]) -> list[str]:
    """The names in ``TYPE/NAME ...`` or ``TYPE NAME ...``; several types at once count as several names."""
    if any("/" in resource for resource in resources):
        return [part.partition("/")[2] for resource in resources for part in resource.split(",")]
    types = resources[0].split(",") if resources else []
    return [name for _ in types for names in resources[1:] for name in names.split(",")]


@dataclass(frozen=True, slots=True)
class _Tool:
    """One of the five commands."""

    verbs: tuple[str, ...]
    """The program and its subcommands; alternatives separated by ``|``."""
    read: Callable[[_Line, Sequence[str]], ScalingCommand | None]
    count_flags: tuple[str, ...]
    switches: frozenset[str]
    """Options without a value; every ``--no-...`` is one too. All others take the next word."""

    @property
    def title(self) -> str:
        return " ".join(verb.partition("|")[0] for verb in self.verbs)

    def match(self, words: Sequence[str]) -> tuple[_Line, list[str]] | None:
        """The line and its words after the subcommands, if the words (without the program) are this command."""
        line = _parse_line(words, self.switches)
        positional = line.positional
        if self.verbs[0] == "gcloud" and positional[:1] and positional[0] in ("alpha", "beta", "preview"):
            positional = positional[1:]
        wanted = self.verbs[1:]
        if len(positional) < len(wanted):
            return None
        if any(word not in verb.split("|") for word, verb in zip(positional, wanted, strict=False)):
            return None
        return line, positional[len(wanted) :]

    def is_mentioned(self, text: str) -> bool:
        """Whether the text has the command's words, in order, and whatever else between them."""
        at = 0
        for verb in (*self.verbs, "(?:" + "|".join(self.count_flags) + ")"):
            found = re.compile(rf"(?<![\w-])(?:{verb})(?![\w])").search(text, at)
            if not found:
                return False
            at = found.end()
        return True


_HELP: Final = frozenset({"--help", "-h", "--debug", "--verbose", "--quiet", "-q"})
_TOOLS: Final = (
    _Tool(("gcloud", "container", "clusters", "resize"), _gcloud, ("--num-nodes", "--size"),
          _HELP | {"--async", "--log-http", "--user-output-enabled", "--version", "-v"}),
    _Tool(("eksctl", "scale", "nodegroup|nodegroups|ng"), _eksctl, ("--nodes", "-N"),
          (_HELP - {"--verbose"}) | {"--wait", "-w", "--dumpLogs", "-d", "--cfn-disable-rollback"}),
    _Tool(("aws", "eks", "update-nodegroup-config"), _aws, ("--scaling-config", "--cli-input-json", "--cli-input-yaml"),
          _HELP | {"--cli-auto-prompt"}),
    _Tool(("az", "aks", "nodepool", "scale"), _az, ("--node-count", "-c"),
          _HELP | {"--only-show-errors", "--yes", "-y"}),
    _Tool(("kubectl", "scale"), _kubectl, ("--replicas",),
          frozenset({"--help", "-h", "--all", "--dry-run", "--record", "--recursive", "-R", "--warnings-as-errors",
                     "--allow-missing-template-keys", "--show-managed-fields", "--insecure-skip-tls-verify",
                     "--match-server-version", "--disable-compression", "--add-dir-header", "--alsologtostderr",
                     "--logtostderr", "--one-output", "--skip-headers", "--skip-log-headers"})),
)  # fmt: skip
_PROGRAMS: Final = {tool.verbs[0]: tool for tool in _TOOLS}


def _parse_line(words: Sequence[str], switches: frozenset[str]) -> _Line:
    """Options as all five tools take them: ``--flag value``, ``--flag=value``, ``-f value``, ``-fvalue``, ``--``."""
    line, rest = _Line(), list(words)[::-1]
    while rest:
        word = rest.pop()
        if word == "--":
            line.positional.extend(reversed(rest))
            break
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            _take_option(line, name, value if equals else None, rest, switches)
        elif word.startswith("-") and len(word) > 1:
            _take_short(line, word, rest, switches)
        else:
            line.positional.append(word)
    return line


def _take_option(line: _Line, name: str, value: str | None, rest: list[str], switches: frozenset[str]) -> None:
    """Add an option; one without an attached value takes the next word, unless it is a switch."""
    is_bare = name in switches or name.startswith("--no-") or not rest or rest[-1].startswith("--")
    line.options.append((name, rest.pop() if value is None and not is_bare else value))


def _take_short(line: _Line, word: str, rest: list[str], switches: frozenset[str]) -> None:
    name, attached = word[:2], word[2:]
    if name in switches and attached:
        line.options.append((name, None))
        rest.append("-" + attached)
    else:
        _take_option(line, name, attached.removeprefix("=") if attached else None, rest, switches)


# Words: what a single command does


def _read_words(words: Sequence[str], variables: Mapping[str, str], depth: int) -> Outcome:
    """What one command does. ``variables`` are those that a nested shell would see."""
    command, assigned = _unwrap(words)
    if not command:
        return _mentioned(words)
    program = _basename(command[0])
    if program in _SHELLS:
        return _read_shell(command, {**variables, **assigned}, depth)
    if program in _PROGRAMS:
        return _read_tool(_PROGRAMS[program], command[1:])
    return None if program in _SPEAKERS else _hidden(command) or _mentioned(command)


def _basename(word: str) -> str:
    return word.rpartition("/")[2]


def _unwrap(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command behind assignments and wrappers, and what those assign; nothing if it can't be told apart."""
    rest, assigned = list(words), dict[str, str]()
    while rest and (pair := _assignment(rest[0])):
        assigned.update([pair])
        rest.pop(0)
    if not rest or _basename(rest[0]) not in _WRAPPERS:
        return rest, assigned
    at = next((i for i, word in enumerate(rest) if _basename(word) in _PROGRAMS or _basename(word) in _SHELLS), None)
    assigned.update(pair for word in rest[:at] if (pair := _assignment(word)))
    return rest[at:] if at is not None else [], assigned


def _assignment(word: str) -> tuple[str, str] | None:
    match = re.fullmatch(r"([A-Za-z_]\w*)=(.*)", word, re.DOTALL | re.ASCII)
    return (match[1], match[2]) if match else None


def _read_tool(tool: _Tool, words: Sequence[str]) -> Outcome:
    found = tool.match(words)
    if found is None:
        return _mentioned(words)  # kubectl exec, gcloud compute ssh
    try:
        return tool.read(*found)
    except _Unreadable as problem:
        return UnreadCommand(f"'{tool.title}' {problem}")


def _hidden(command: Sequence[str]) -> UnreadCommand | None:
    """A tool's arguments behind a program that isn't named: an image's own entry point, or a variable."""
    words = command[1:] if _UNKNOWN in command[0] else command
    for tool in _TOOLS:
        found = tool.match(words)
        if found and found[0].has(*tool.count_flags):
            return UnreadCommand(f"it looks like '{tool.title}', but the program is not named in the manifest")
    return None


def _mentioned(words: Iterable[str]) -> UnreadCommand | None:
    """A scaling command somewhere in the words of another program."""
    text = " ".join(words).replace(_UNKNOWN, "")[: 10 * MAX_SCRIPT_CHARACTERS]
    for tool in _TOOLS:
        if tool.is_mentioned(text):
            return UnreadCommand(f"'{tool.title}' is called in a way that can't be followed")
    return None


# Shells: a script's statements, in order


def _read_shell(command: Sequence[str], variables: Mapping[str, str], depth: int) -> Outcome:
    """``sh -ec SCRIPT NAME ARGUMENTS``; a shell that runs a file is opaque, and None unless it mentions a tool."""
    at, is_script = 1, False
    while at < len(command) and command[at][:1] in ("-", "+") and command[at] != "--":
        letters = "" if command[at].startswith("--") else command[at][1:]
        is_script |= "c" in letters
        at += 2 if letters.endswith("o") else 1
    rest = command[at + (command[at : at + 1] == ["--"]) :]
    if not is_script or not rest:
        return _mentioned(command)
    arguments = {str(number): word for number, word in enumerate(rest[1:])}
    return _read_script(rest[0], {**variables, **arguments}, depth + 1) or _mentioned(rest[1:])


def _read_script(text: str, variables: Mapping[str, str], depth: int) -> Outcome:
    if len(text) > MAX_SCRIPT_CHARACTERS or depth > MAX_NESTED_SHELLS:
        return _mentioned([text]) and UnreadCommand("the script is too long to be read")
    plain, documents = _cut_documents(text)
    shell = _Shell(variables, has_functions=re.search(r"\w\s*\(\s*\)", plain) is not None)
    certain = _combine([*(shell.step(joiner, raw, depth) for joiner, raw in _statements(plain)), _mentioned(documents)])
    if isinstance(certain, UnreadCommand) or all(command == certain for command in shell.uncertain):
        return certain
    return UnreadCommand("it scales only under a condition")


def _combine(outcomes: Iterable[Outcome]) -> Outcome:
    """The one outcome of several commands: a failure if any failed, or if they don't agree on one pool and count."""
    found = [outcome for outcome in outcomes if outcome is not None]
    for outcome in found:
        if isinstance(outcome, UnreadCommand):
            return outcome
    commands = {(command.pool, command.nodes): command for command in found if isinstance(command, ScalingCommand)}
    if len(commands) > 1:
        ways = ", ".join(f"{shorten(pool, 40)} to {nodes}" for pool, nodes in list(commands)[:3])
        return UnreadCommand(f"it scales in more than one way ({ways}); a CronJob sets one pool to one count")
    return next(iter(commands.values()), None)


@dataclass(frozen=True, slots=True)
class _Block:
    """An open ``if``, ``while``, ``until``, ``for``, ``select``, ``case``, brace or parenthesis."""

    kind: str
    is_certain: bool
    """Whether its present part runs for certain, once the block is reached."""
    chained: bool
    """The outer statement's state, for when the block ends."""
    variables: dict[str, str]
    """What the variables were before the block: a subshell, ``(...)``, leaves them as they were."""


class _Shell:
    """Follows a script's statements: what its variables hold, and whether a statement is certain to run."""

    def __init__(self, variables: Mapping[str, str], *, has_functions: bool) -> None:
        self.variables = dict(variables)
        self.earlier = dict(variables)  # before the last statement
        self.exported = {name for name in variables if not name.isdigit()}
        self.has_functions = has_functions
        self.piped = False
        if has_functions:
            self._forget_arguments()  # inside a function they are the function's
        self.blocks: list[_Block] = []
        self.chained = False  # behind a test and &&, or behind ||
        self.after_test = False
        self.may_have_ended = False
        self.uncertain: list[ScalingCommand] = []
        """Commands that may or may not run: harmless only where they repeat one that does."""

    def step(self, joiner: str, raw: str, depth: int) -> Outcome:
        """Take the next statement; what it scales for certain."""
        self._chain(joiner)
        try:
            words = shlex.split(_expand(raw, self.variables))
        except ValueError:
            return _mentioned([raw]) and UnreadCommand("the script's quotes don't match")
        command = self._keywords(words)
        self.earlier = dict(self.variables)
        if not command:
            return None
        self.after_test = "!" in words[: len(words) - len(command)] or command[0] in _TESTS
        outcome = self._run(command, depth) or _mentioned(_substitutions(command))
        if isinstance(outcome, ScalingCommand) and not self._certain:
            self.uncertain.append(outcome)
            return None
        return outcome

    @property
    def _certain(self) -> bool:
        return not (self.chained or self.may_have_ended or any(not block.is_certain for block in self.blocks))

    def _chain(self, joiner: str) -> None:
        """Take note of the operator before the next statement."""
        if joiner in ("|", "&"):
            self.variables = self.earlier  # the last statement ran in a process of its own
        self.piped = joiner == "|"
        if joiner == "||":
            self.chained = True
        elif joiner == "&&":
            self.chained = self.chained or self.after_test
        elif joiner == "(":
            self._open("(")
        elif joiner == ")":
            self._close("(")
        elif joiner != "|":
            self.chained = False

    def _open(self, kind: str) -> None:
        is_certain = kind != "case" and not self.chained
        self.blocks.append(_Block(kind, is_certain, self.chained, dict(self.variables)))
        self.chained = False

    def _close(self, *kinds: str) -> None:
        if self.blocks and self.blocks[-1].kind in kinds:  # a case's pattern ends in a parenthesis too
            block = self.blocks.pop()
            self.chained = block.chained
            if block.kind == "(":
                self.variables = dict(block.variables)

    def _keywords(self, words: list[str]) -> list[str]:
        """Open and close the blocks that begin or end here; the words after the keywords."""
        for at, word in enumerate(words):
            if word in ("for", "select", "case"):
                self._open(word)
                self._forget(words[at + 1 : at + 2])
                return []
            if word in ("if", "while", "until", "{"):
                self._open(word)
            elif word in ("then", "elif", "else", "do"):
                self._enter(word)
            elif word in _ENDS:
                self._close(*_ENDS[word])
            elif word != "!":
                return words[at:]
        return []

    def _enter(self, part: str) -> None:
        """Enter a part of the innermost block. A for loop's body runs; all others depend on the condition."""
        if self.blocks:
            block = self.blocks.pop()
            is_certain = block.is_certain and block.kind == "for" and part == "do"
            self.blocks.append(replace(block, is_certain=is_certain))
            self.chained = False

    def _run(self, words: list[str], depth: int) -> Outcome:
        program = words[0]
        if program in _SETTERS or all(_assignment(word) for word in words):
            self._assign(words)
            return None
        if program in _UNSETTERS:
            self._forget(re.split(r"\W", word)[0] for word in words[1:])
        elif program in _EVALUATORS:
            self.variables.clear()
        elif program == "shift" or words[:2] == ["set", "--"]:
            self._forget_arguments()
        elif program in ("exit", "return"):  # a conditional failure makes the Job fail: it is no way not to scale
            self.may_have_ended |= self._certain or words[1:2] in ([], ["0"])
        inherited = {name: value for name, value in self.variables.items() if name in self.exported}
        return _read_words(words, inherited, depth)

    def _assign(self, words: Sequence[str]) -> None:
        is_in_function = self.has_functions and any(block.kind == "{" for block in self.blocks)
        is_certain = self._certain and not self.piped and not is_in_function
        for word in words:
            name, value = _assignment(word) or (word, self.variables.get(word, _UNKNOWN))
            if _UNKNOWN in value or not is_certain:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value
        if words[0] == "export" and is_certain:
            self.exported.update(word.partition("=")[0] for word in words)

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.variables.pop(name, None)

    def _forget_arguments(self) -> None:
        """From here on ``$1``, ``$2`` and so on are something else."""
        self._forget([name for name in self.variables if name.isdigit()])


def _substitutions(words: Iterable[str]) -> list[str]:
    """The commands inside ``$(...)`` and backticks, which run as well."""
    return [text for word in words for text in re.findall(r"\0((?:\$\(|`)[^\0]*)\0", word)]


# Shell text

_HERE_DOCUMENT: Final = re.compile(
    r"(?<!<)<<-?[ \t]*['\"\\]?(?P<tag>[A-Za-z_]\w*)['\"]?(?P<rest>[^\n]*)\n"
    r"(?P<body>.*?)(?:(?:^|\n)[ \t]*(?P=tag)[ \t]*(?=\n|$)|\Z)",
    re.DOTALL,
)
_OPAQUE: Final = r"\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`"
_BREAK: Final = r"(?<![^\s;|&()])"
_PIECE: Final = re.compile(
    rf"""
      (?P<continued>\\\n)
    | (?P<text>\\.|'[^']*'|"(?:\\.|[^"\\])*"|{_OPAQUE}|\$\{{[^}}]*\}})
    | (?P<redirection>(?:{_BREAK}\d+)?(?:&>>?|>>|>\||[<>]&|<<<|<>|[<>])[ \t]*(?:"[^"]*"|'[^']*'|[^\s;|&()<>"'])+)
    | (?P<comment>{_BREAK}\#[^\n]*)
    | (?P<joiner>&&|\|\||;;|[;|&\n()])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_REFERENCE: Final = (
    rf"(?P<opaque>{_OPAQUE})|\$(?P<plain>[A-Za-z_]\w*|[0-9@*#?!-])"
    r"|\$\{(?P<name>[A-Za-z_]\w*|[0-9]+)(?P<default>:?[-=?][^}]*)?\}|(?P<other>\$\{[^}]*\})"
)
_UNQUOTED: Final = re.compile(
    rf"""(?P<kept>\\.|'[^']*')|(?P<double>"(?:\\.|[^"\\])*")|{_REFERENCE}""", re.DOTALL | re.ASCII
)
_QUOTED: Final = re.compile(rf"(?P<kept>\\.)|{_REFERENCE}", re.DOTALL | re.ASCII)


def _cut_documents(text: str) -> tuple[str, list[str]]:
    """A script without its here-documents, and those."""
    documents = [match["body"] for match in _HERE_DOCUMENT.finditer(text)]
    return _HERE_DOCUMENT.sub(lambda match: match["rest"] + "\n", text), documents


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """Each simple command, maybe empty, with the operator before it; without comments and redirections, quotes kept."""
    joiner, raw = ";", ""
    for piece in _PIECE.finditer(text):
        kind = piece.lastgroup
        if kind == "joiner" and (piece[0] != "\n" or raw.strip()):  # a newline may follow && and ||
            yield joiner, raw
            joiner, raw = piece[0], ""
        elif kind in ("text", "other"):
            raw += piece[0]
        elif kind != "continued":
            raw += " "
    yield joiner, raw


def _expand(raw: str, variables: Mapping[str, str]) -> str:
    """A statement with its variables put in, still quoted; what can't be known stands between two _UNKNOWN."""

    def unquoted(match: re.Match[str]) -> str:
        if match["kept"]:
            return match[0]
        if match["double"]:
            return '"' + _QUOTED.sub(quoted, match[0][1:-1]) + '"'
        value = _resolve(match, variables)
        words = [value] if _UNKNOWN in value else value.split()  # the shell splits at blanks here
        return shlex.join(words)

    def quoted(match: re.Match[str]) -> str:
        if match["kept"]:  # shlex keeps the backslash of all but \" and \\
            return {"\\$": "$", "\\`": "`", "\\\n": ""}.get(match[0], match[0])
        return re.sub(r'(["\\])', r"\\\1", _resolve(match, variables))

    return _UNQUOTED.sub(unquoted, raw)


def _resolve(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name = match["plain"] or match["name"]
    value = variables.get(name) if name else None
    if value is None or (match["default"] and not value):
        return _UNKNOWN + match[0] + _UNKNOWN
    return value
