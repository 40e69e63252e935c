"""Follows a shell script: which commands run for certain, and with which words.

Nothing is run. A command counts if it runs whenever the Job succeeds: an ordinary command before it is taken to
succeed (``login && scale``), for if it fails the Job does; a test whose result isn't known makes what depends on it
uncertain. Work is limited by MAX_STEPS, MAX_CHARACTERS and MAX_DEPTH, whatever the script.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gpucost.sources.cronjobs.options import UNKNOWN
from gpucost.sources.cronjobs.readings import Reading, UnreadCommand
from gpucost.sources.cronjobs.recognition import (
    INTERPRETERS,
    find_mention,
    find_sign,
    get_basename,
    name_script,
    read_program,
    read_text,
)
from gpucost.sources.cronjobs.scalers.signals import looks_like_scaler
from gpucost.sources.cronjobs.shell.compound import run_case, run_chain, run_for, run_if, run_pipeline, run_while
from gpucost.sources.cronjobs.shell.conditions import evaluate_test
from gpucost.sources.cronjobs.shell.expansion import Expanded, expand_text, expand_word
from gpucost.sources.cronjobs.shell.flow import Flow, Status
from gpucost.sources.cronjobs.shell.scope import ASSIGNMENT, Scope
from gpucost.sources.cronjobs.shell.syntax import (
    Case,
    Chain,
    Command,
    For,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Script,
    While,
    parse_script,
)
from gpucost.sources.cronjobs.shell.tokens import Document, ShellSyntaxError, split_words
from gpucost.sources.cronjobs.shell.work import (
    MAX_DEPTH,
    MAX_NESTED_SHELLS,
    MAX_SCRIPT_CHARACTERS,
    TooMuchWork,
    Work,
)
from gpucost.sources.cronjobs.shell.wrappers import SHELLS, parse_shell_call, unwrap_command

_DECLARERS: Final = frozenset({"export", "readonly", "local", "declare", "typeset"})
_FORGETTERS: Final = frozenset({"read", "getopts", "mapfile", "readarray", "let"})
_TESTS: Final = frozenset({"[", "[[", "test"})
_QUESTIONS: Final = frozenset({"grep", "egrep", "fgrep", "diff", "cmp", "pgrep", "which", "type", "hash", "expr"})
"""Programs that answer by their exit status: a failure is no failure of the script."""
NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(slots=True)
class _Definition:
    """A function: its body, or several where a condition decides which."""

    bodies: list[Node]
    is_certain: bool
    was_called: bool = False


class Shell:
    """One shell process: its variables and functions, and whether its next statement runs for certain."""

    def __init__(self, work: Work, scope: Scope, flow: Flow, nesting: int = 0) -> None:
        self.work = work
        self.scope = scope
        self.flow = flow
        self.nesting = nesting
        self.functions: dict[str, _Definition] = {}
        self.folder: str | None = None
        self.exit_scripts: list[str] = []

    def fork(self) -> Shell:
        """A process of its own with what this one knows; what it changes stays with it."""
        child = Shell(self.work, self.scope.copy(), self.flow.fork(), self.nesting)
        child.functions, child.folder = dict(self.functions), self.folder
        return child

    # Scripts and statements

    def run_text(self, text: str) -> Status:
        """Follow a script's text."""
        if len(text) > MAX_SCRIPT_CHARACTERS or self.nesting > MAX_NESTED_SHELLS:
            self._refuse(text, "the script is too long to be read")
            return Status.HOPED
        try:
            script = parse_script(text)
        except ShellSyntaxError as error:
            self._refuse(text, f"the script can't be read: {error}")
            return Status.HOPED
        return self.run(script)

    def finish(self) -> None:
        """Run what is left to the end: ``trap ... EXIT``, and functions that nothing seems to call, if nothing else."""
        self.run_exit_scripts()
        if self.work.is_empty:
            with self.flow.doubt():
                for definition in list(self.functions.values()):
                    if not definition.was_called:
                        self._run_function(definition, None)

    def run_exit_scripts(self) -> None:
        """Run what ``trap ... EXIT`` left to the end."""
        scripts, self.exit_scripts = self.exit_scripts, []
        self.flow.reach_end()
        for text in scripts:
            self.run_text(text)

    def _refuse(self, text: str, reason: str) -> None:
        """A text that isn't followed matters only if it seems to scale nodes."""
        found = find_mention(text, self.work.context) or find_sign(text)
        if found:
            self._add(Reading(unread=UnreadCommand(reason, found.kind)))

    def _add(self, reading: Reading) -> None:
        self.work.add(reading, is_certain=self.flow.is_certain)

    def run(self, node: Node) -> Status:
        """Run a statement; what is found is noted in ``work``. TooMuchWork beyond the limits."""
        self.work.depth += 1
        if self.work.depth > MAX_DEPTH:
            raise TooMuchWork
        try:
            return self._run_node(node)
        finally:
            self.work.depth -= 1

    def _run_node(self, node: Node) -> Status:
        match node:
            case Command():
                return self._run_command(node, None)
            case Script(statements):
                return [Status.SUCCESS, *(self.run(statement) for statement in statements)][-1]
            case Chain():
                return run_chain(self, node)
            case Pipeline():
                return run_pipeline(self, node)
            case Group():
                return self._run_group(node, None)
            case If():
                return run_if(self, node)
            case While():
                return run_while(self, node)
            case For():
                return run_for(self, node)
            case Case():
                return run_case(self, node)
            case Function(name, body):
                self._define(name, body)
                return Status.SUCCESS

    def run_part(self, part: Node, given: str | None) -> Status:
        """A part of a pipeline, with the text that it reads, if that is known."""
        match part:
            case Command():
                return self._run_command(part, given)
            case Group():
                return self._run_group(part, given)
        return self.run(part)

    def find_output(self, part: Node, given: str | None) -> str | None:
        """What ``echo``, ``printf`` or ``cat`` writes into a pipe; None if it isn't known."""
        if not isinstance(part, Command):
            return None
        words = [text for word in part.words for text in expand_word(word, self.scope.variables).fields]
        match words:
            case ["echo", *rest]:
                return " ".join(rest[1:] if rest and re.fullmatch(r"-[neE]+", rest[0]) else rest)
            case ["printf", text] | ["printf", "%s" | "%s\\n", text]:
                return text.replace("\\n", "\n")
            case ["cat"] | ["cat", "-"]:
                return self._expand_document(part.document) if part.document else given
            case ["cat", path]:
                return self._find_file(path)
        return None

    def _run_group(self, group: Group, given: str | None) -> Status:
        shell = self.fork() if group.is_subshell else self
        document = self._expand_document(group.document) if group.document else given
        if document is not None:
            self._add(read_text([document], self.work.context))
        status = shell.run(group.body)
        if group.is_subshell:
            shell.run_exit_scripts()
        return status

    # Functions

    def _define(self, name: str, body: Node) -> None:
        earlier = self.functions.get(name)
        if self.flow.is_certain or earlier is None:
            self.functions[name] = _Definition([body], self.flow.is_certain)
        else:
            self.functions[name] = _Definition([*earlier.bodies, body], is_certain=False)

    def _run_function(self, definition: _Definition, arguments: Sequence[str] | None) -> Status:
        definition.was_called = True
        status = Status.HOPED
        with self.scope.enter_function(arguments), self.flow.enter_function():
            with self.flow.doubt(not definition.is_certain):
                for body in definition.bodies:
                    status = self.run(body)
            return Status.OPEN if self.flow.has_returned else status

    # Words and variables

    def _take(self, expanded: Expanded) -> tuple[str, ...]:
        """A word's fields, after what its references run and assign."""
        for name, value in expanded.assigned.items():
            self._assign(name, value)
        for script in expanded.substitutions:
            child = self.fork()
            child.nesting += 1
            child.run_text(script)
            child.run_exit_scripts()
        return expanded.fields

    def expand(self, word: str) -> tuple[str, ...]:
        """A word's fields, after what its references run and assign."""
        return self._take(expand_word(word, self.scope.variables))

    def expand_whole(self, text: str) -> str:
        """A word that is not split, such as an assignment's value."""
        return self._take(expand_text(text, self.scope.variables))[0]

    def _expand_document(self, document: Document) -> str:
        if document.is_word:
            return self.expand_whole(document.text)
        if not document.is_expanded:
            return document.text
        return self._take(expand_text(document.text, self.scope.variables, is_document=True))[0]

    def _assign(self, name: str, value: str) -> None:
        self.scope.assign(name, value, is_certain=self.flow.is_certain)

    def _take_assignment(self, word: str) -> tuple[str, str] | None:
        """A word's name and value, if it is an assignment."""
        found = ASSIGNMENT.fullmatch(word)
        if not found:
            return None
        name, adds, raw = found.groups()
        earlier = self.scope.lists.pop(name, [])
        if raw.startswith("("):
            return name, self._take_list(name, raw, earlier if adds else [])
        value = self.expand_whole(raw)
        return name, self.scope.values.get(name, "") + value if adds else value

    def _take_list(self, name: str, raw: str, earlier: Sequence[str]) -> str:
        """Assign an array, ``NAME=(a b)``; what ``$NAME`` is, its first element."""
        words = [text for word in split_words(raw[1:-1]) for text in self.expand(word)]
        if not self.flow.is_certain or any(UNKNOWN in word or re.match(r"\[.*\]=", word) for word in words):
            return UNKNOWN
        self.scope.lists[name] = [*earlier, *words]
        return (self.scope.lists[name] or [UNKNOWN])[0]

    # Commands

    def _run_command(self, command: Command, given: str | None) -> Status:
        """A simple command; ``given``: what it reads from a pipe, if that is known."""
        rest, assigned = list(command.words), dict[str, str]()
        while rest and (pair := self._take_assignment(rest[0])):
            assigned.update([pair])
            rest.pop(0)
        words = self._expand_words(rest)
        self.work.count_step(words or assigned.values())
        if not words:
            for name, value in assigned.items():
                self._assign(name, value)
            return Status.HOPED if any("$(" in word or "`" in word for word in command.words) else Status.SUCCESS
        if command.document:
            given = self._expand_document(command.document)
        return self.call(words, assigned, given)

    def _expand_words(self, raw: Sequence[str]) -> list[str]:
        if raw[:1] and raw[0] in _DECLARERS:  # their assignments are not split
            words = [raw[0]]
            for word in raw[1:]:
                pair = self._take_assignment(word)
                words.append("=".join(pair) if pair else " ".join(self.expand(word)))
            return words
        return [text for word in raw for text in self.expand(word)]

    def call(self, words: Sequence[str], assigned: Mapping[str, str], given: str | None) -> Status:
        """Run a command of at least one word, with variables of its own and the text that it reads."""
        program = words[0]
        if program in self.functions:
            for name, value in assigned.items():
                self._assign(name, value)
            return self._run_function(self.functions[program], words[1:])
        if program == "read" and given is not None and self._read_line(words[1:], given, assigned.get("IFS")):
            return Status.SUCCESS
        builtin = self._run_builtin(program, words[1:], given)
        return self.call_program(words, assigned, given) if builtin is None else builtin

    def call_program(
        self, words: Sequence[str], assigned: Mapping[str, str] = NO_VARIABLES, given: str | None = None
    ) -> Status:
        """Run a program, as a container's own command and what stands behind a wrapper: no builtin, no function."""
        words, wrapped = unwrap_command(words, self.work.files)
        assigned = {**assigned, **wrapped}
        program = words[0]
        if get_basename(program) in SHELLS:
            return self._run_shell(words, assigned, given)
        path = self._resolve(program)
        if "/" in program and path in self.work.files:
            return self._run_file(path, words[1:], assigned)
        self._read(words, assigned, given)
        return Status.OPEN if program in _QUESTIONS else Status.HOPED

    def _read(self, words: Sequence[str], assigned: Mapping[str, str], given: str | None) -> None:
        """Ask what a program does, and what the text says that it reads, runs or writes."""
        work, program = self.work, get_basename(words[0])
        self._add(read_program(words, {**self.scope.environment, **assigned}, work.context, work.image))
        texts = [] if given is None else [given]
        if INTERPRETERS.fullmatch(program):
            texts += [work.files[path] for word in words[1:] if (path := self._resolve(word)) in work.files]
        self._add(read_text(texts, work.context))

    def _read_line(self, words: Sequence[str], given: str, separator: str | None) -> bool:
        """``read -r A B``, of a text that is known; whether it could be followed."""
        names = [word for word in words if word != "-r"]
        line = given.partition("\n")[0]
        if (
            not names
            or UNKNOWN in line
            or "\\" in line
            or not all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in names)
        ):
            return False
        if separator is not None and (len(separator) != 1 or separator.isspace()):
            return False
        values = line.split(separator, len(names) - 1)
        for number, name in enumerate(names):
            self._assign(name, values[number].strip() if number < len(values) else "")
        return True

    # Builtins

    def _run_builtin(self, name: str, words: Sequence[str], given: str | None) -> Status | None:
        """A command of the shell itself; None if it is none."""
        if name in (":", "true"):
            return Status.SUCCESS
        if name == "false":
            return Status.FAILURE
        if name in _TESTS:
            return _judge(evaluate_test(list(words[:-1] if name != "test" else words)))
        if name == "local" and not self.scope.is_function:
            return Status.FAILURE  # it is known in functions only
        if name in _DECLARERS or name in _FORGETTERS or name in ("unset", "shift", "set"):
            self._change_variables(name, words)
            return Status.OPEN if name in _FORGETTERS else Status.SUCCESS
        if name in ("exit", "return", "break", "continue"):
            self.flow.leave(name, words)
            return Status.HOPED
        if name in ("command", "builtin", "exec"):
            return self._run_command_builtin(name, words, given)
        if name == "eval":
            return self._run_eval(" ".join(words))
        if name in (".", "source") and words:
            return self._run_source(words[0], words[1:])
        if name == "trap":
            self._run_trap(words)
            return Status.SUCCESS
        if name == "cd":
            target = words[0] if words and UNKNOWN not in words[0] else None
            self.folder = posixpath.normpath(posixpath.join(self.folder or "", target)) if target else None
            return Status.HOPED
        return None

    def _change_variables(self, name: str, words: Sequence[str]) -> None:
        is_certain = self.flow.is_certain
        if name in _DECLARERS:
            self.scope.declare(name, words, is_certain=is_certain)
        elif name == "unset":
            for word in words:
                self.scope.unset(word, is_certain=is_certain)
        elif name in _FORGETTERS:
            for word in words:
                self.scope.forget(re.split(r"\W", word)[0])
        elif name == "shift":
            self.scope.shift(words, is_certain=is_certain)
        else:
            self._set_options(words)

    def _set_options(self, words: Sequence[str]) -> None:
        """``set -e``, ``set -o errexit``, ``set -- ARGUMENTS``"""
        at = 0
        while at < len(words) and words[at] != "--" and words[at][:1] in ("-", "+"):
            names_option = words[at].endswith("o")
            if re.fullmatch(r"-[a-z]*e[a-z]*", words[at]) or (names_option and words[at + 1 : at + 2] == ["errexit"]):
                self.flow.fails_on_error = True
            at += 2 if names_option else 1
        if at < len(words):
            rest = list(words[at + (words[at] == "--") :])
            self.scope.arguments = rest if self.flow.is_certain else None

    def _run_command_builtin(self, name: str, words: Sequence[str], given: str | None) -> Status:
        """``command`` and ``builtin``, and ``exec``, behind which nothing runs."""
        rest = list(words)
        while rest and (rest[0].startswith("-") or rest[0] in ("command", "builtin")):
            if name == "command" and re.fullmatch(r"-[vV]+", rest[0]):
                return Status.OPEN
            rest = rest[2:] if rest[0] == "-a" else rest[1:]
        if not rest:
            return Status.SUCCESS
        builtin = self._run_builtin(rest[0], rest[1:], given) if name != "exec" else None
        status = builtin or self.call_program(rest, given=given)
        if name == "exec":
            self.flow.end()
        return status

    def _run_eval(self, text: str) -> Status:
        self.nesting += 1
        status = self.run_text(text)
        self.nesting -= 1
        return status

    def _run_source(self, path: str, arguments: Sequence[str]) -> Status:
        text = self._find_file(path)
        if text is None:  # it may set any variable
            self.scope.forget_all()
            if looks_like_scaler(path):
                self._add(Reading(unread=name_script(path)))
            return Status.HOPED
        saved = self.scope.arguments
        self.scope.arguments = list(arguments) or saved
        status = self._run_eval(text)
        self.scope.arguments = saved
        return status

    def _run_trap(self, words: Sequence[str]) -> None:
        text, signals = (words[0], words[1:]) if len(words) > 1 else ("", [])
        if text in ("", "-"):
            self.exit_scripts = []
        elif {"EXIT", "0"} & set(signals) and self.flow.is_certain:
            self.exit_scripts = [text]
        else:
            with self.flow.doubt():
                self.fork().run_text(text)

    # Other shells and scripts

    def _run_shell(self, words: Sequence[str], assigned: Mapping[str, str], given: str | None) -> Status:
        """Another shell, with a script of its own, a file, or what it reads."""
        call = parse_shell_call(words)
        text, name, arguments = call.script, "sh", call.operands
        if text is not None:
            name, arguments = (*arguments[:1], "sh")[0], arguments[1:]
        elif call.reads_input:
            text = given
        else:
            name, arguments = arguments[0], arguments[1:]
            text = self._find_file(name)
            if text is None:
                self._read_operand(call.operands, assigned)
        if text is not None:
            self._run_nested(text, name, arguments, assigned, fails_on_error=call.fails_on_error)
        return Status.HOPED

    def _read_operand(self, words: Sequence[str], assigned: Mapping[str, str]) -> None:
        """A script that is not at hand: its name is all that can be judged."""
        if looks_like_scaler(words[0]):
            self._add(Reading(unread=name_script(words[0])))
        else:
            self._read(words, assigned, None)

    def _run_nested(
        self, text: str, name: str, arguments: Sequence[str], assigned: Mapping[str, str], *, fails_on_error: bool
    ) -> None:
        """A script in a new shell, which sees this one's environment."""
        scope = Scope({**self.scope.environment, **assigned}, arguments, is_whole=self.scope.is_whole)
        scope.name = name
        is_inside = self.nesting > 0 and not self.flow.fails_on_error
        flow = Flow(is_certain=self.flow.is_certain, fails_on_error=fails_on_error, is_inside=is_inside)
        child = Shell(self.work, scope, flow, self.nesting + 1)
        child.folder = self.folder
        child.run_text(text)
        child.finish()

    def _run_file(self, path: str, arguments: Sequence[str], assigned: Mapping[str, str]) -> Status:
        """A script that is mounted from a ConfigMap, by its own first line."""
        text = self.work.files[path]
        first = text.partition("\n")[0]
        self.work.add_context(text)
        if first.startswith("#!") and not re.search(r"\b(?:ba|da|a|k|z)?sh\b", first):
            self._add(read_text([text], self.work.context))
            return Status.HOPED
        fails_on_error = re.search(r"\s-\w*e", first) is not None
        self._run_nested(text, path, arguments, assigned, fails_on_error=fails_on_error)
        return Status.HOPED

    def _find_file(self, path: str) -> str | None:
        text = self.work.files.get(self._resolve(path))
        if text is not None:
            self.work.add_context(text)
        return text

    def _resolve(self, path: str) -> str:
        """A path in the container; a relative one from the last ``cd``."""
        return posixpath.normpath(posixpath.join(self.folder or "", path)) if path else path


def _judge(result: bool | None) -> Status:
    return Status.OPEN if result is None else Status.SUCCESS if result else Status.FAILURE
