"""A shell script's statements as a tree: the part of POSIX sh and bash that scripts in CronJobs use.

Words stay as written, quotes and references included; ``expansion`` makes values of them. Redirections are dropped,
except for what a command reads from a here-document or a here-string.
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_10
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gpucost.sources.cronjobs.shell.tokens import Document, ShellSyntaxError, Token, read_tokens

MAX_NESTED_STATEMENTS: Final = 40


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: assignments and words."""

    words: tuple[str, ...]
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by ``|``, or one that is negated by ``!``."""

    parts: tuple[Node, ...]
    is_negated: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Pipelines joined by ``&&`` and ``||``, maybe in the background."""

    first: Node
    rest: tuple[tuple[str, Node], ...]
    in_background: bool


@dataclass(frozen=True, slots=True)
class Script:
    """Statements one after the other."""

    statements: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """``{ ...; }``, or ``( ... )``, which runs in a process of its own."""

    body: Script
    is_subshell: bool
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class If:
    """Conditions with what they guard, in order, and the else part."""

    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script | None


@dataclass(frozen=True, slots=True)
class While:
    """``while`` or ``until``."""

    condition: Script
    body: Script
    is_until: bool


@dataclass(frozen=True, slots=True)
class For:
    """``for NAME in WORDS``; ``words`` is None for the arguments, ``for NAME``; ``counter`` is ``((...))`` in bash."""

    name: str
    words: tuple[str, ...] | None
    counter: str | None
    body: Script


@dataclass(frozen=True, slots=True)
class Case:
    """``case WORD in``, with each branch's patterns."""

    subject: str
    branches: tuple[tuple[tuple[str, ...], Script], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function's definition."""

    name: str
    body: Node


Node = Command | Pipeline | Chain | Script | Group | If | While | For | Case | Function


def parse_script(text: str) -> Script:
    """The script's statements. ShellSyntaxError where it can't be understood; in time linear in its length."""
    parser = _Parser(read_tokens(text))
    script = parser.script(0)
    if parser.at < len(parser.tokens):
        raise ShellSyntaxError(f"unexpected '{parser.tokens[parser.at].text.strip() or 'line end'}'")
    return script


# Statements

_NAME: Final = re.compile(r"[A-Za-z_][\w.:-]*", re.ASCII)
_CLOSERS: Final = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}"})


class _Parser:
    """Takes statements from tokens by recursive descent, as deep as MAX_NESTED_STATEMENTS."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def script(self, depth: int) -> Script:
        """Statements up to a keyword or bracket that ends them."""
        if depth > MAX_NESTED_STATEMENTS:
            raise ShellSyntaxError("statements are nested too deep")
        statements: list[Node] = []
        self._skip(";", "\n", "&")
        while self.at < len(self.tokens) and not self._ends():
            statements.append(self._chain(depth))
            self._skip(";", "\n", "&")
        return Script(tuple(statements))

    def _ends(self) -> bool:
        token = self.tokens[self.at]
        return token.text in ((")", ";;", ";&", ";;&") if token.is_operator else _CLOSERS)

    def _skip(self, *operators: str) -> None:
        while self._is_operator(*operators):
            self.at += 1

    def _is_operator(self, *operators: str) -> bool:
        return (
            self.at < len(self.tokens) and self.tokens[self.at].is_operator and self.tokens[self.at].text in operators
        )

    def _is_word(self, *words: str) -> bool:
        return (
            self.at < len(self.tokens) and not self.tokens[self.at].is_operator and self.tokens[self.at].text in words
        )

    def _expect(self, *words: str) -> str:
        if not (self._is_word(*words) or self._is_operator(*words)):
            raise ShellSyntaxError(f"'{words[0]}' is missing")
        self.at += 1
        return self.tokens[self.at - 1].text

    def _take_word(self) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at].is_operator or self.tokens[self.at].document:
            raise ShellSyntaxError("a word is missing")
        self.at += 1
        return self.tokens[self.at - 1].text

    def _chain(self, depth: int) -> Node:
        first = self._pipeline(depth)
        rest: list[tuple[str, Node]] = []
        while self._is_operator("&&", "||"):
            joiner = self._expect("&&", "||")
            self._skip("\n")
            rest.append((joiner, self._pipeline(depth)))
        in_background = self._is_operator("&")
        return Chain(first, tuple(rest), in_background) if rest or in_background else first

    def _pipeline(self, depth: int) -> Node:
        is_negated = False
        while self._is_word("!"):
            is_negated = not is_negated
            self.at += 1
        parts = [self._statement(depth)]
        while self._is_operator("|", "|&"):
            self.at += 1
            self._skip("\n")
            parts.append(self._statement(depth))
        return Pipeline(tuple(parts), is_negated) if is_negated or len(parts) > 1 else parts[0]

    def _statement(self, depth: int) -> Node:
        if self._is_operator("("):
            return self._group(depth, "(", ")")
        if self._is_word("{"):
            return self._group(depth, "{", "}")
        if self._is_word("if"):
            return self._with_redirections(self._if(depth))
        if self._is_word("while", "until"):
            return self._with_redirections(self._while(depth))
        if self._is_word("for", "select"):
            return self._with_redirections(self._for(depth))
        if self._is_word("case"):
            return self._with_redirections(self._case(depth))
        if self._is_word("[["):
            return self._test()
        if self._is_arithmetic():
            self.at += 1
            return Command(("[[", "arithmetic", "]]"))  # a test of numbers, whose result is not known
        if self._is_word("function"):
            self.at += 1
            name = self._take_word()
            if self._is_operator("("):
                self.at += 1
                self._expect(")")
            return self._function(depth, name)
        return self._command(depth)

    def _with_redirections(self, node: Node) -> Node:
        self._document()
        return node

    def _document(self) -> Document | None:
        document = None
        while self.at < len(self.tokens) and self.tokens[self.at].document:
            document = self.tokens[self.at].document
            self.at += 1
        return document

    def _group(self, depth: int, opener: str, closer: str) -> Node:
        self._expect(opener)
        body = self.script(depth + 1)
        self._expect(closer)
        return Group(body, opener == "(", self._document())

    def _is_arithmetic(self) -> bool:
        return (
            self.at < len(self.tokens)
            and not self.tokens[self.at].is_operator
            and self.tokens[self.at].text.startswith("((")
        )

    def _if(self, depth: int) -> Node:
        branches = []
        self._expect("if")
        while True:
            condition = self.script(depth + 1)
            self._expect("then")
            branches.append((condition, self.script(depth + 1)))
            if not self._is_word("elif"):
                break
            self.at += 1
        otherwise = None
        if self._is_word("else"):
            self.at += 1
            otherwise = self.script(depth + 1)
        self._expect("fi")
        return If(tuple(branches), otherwise)

    def _while(self, depth: int) -> Node:
        is_until = self._expect("while", "until") == "until"
        condition = self.script(depth + 1)
        self._expect("do")
        body = self.script(depth + 1)
        self._expect("done")
        return While(condition, body, is_until)

    def _for(self, depth: int) -> Node:
        self._expect("for", "select")
        counter = name = None
        words: list[str] | None = None
        if self._is_arithmetic():
            counter, name = self._take_word(), "_"
        else:
            name = self._take_word()
            self._skip("\n")
            if self._is_word("in"):
                self.at += 1
                words = []
                while not self._is_operator(";", "\n"):
                    words.append(self._take_word())
        self._skip(";", "\n")
        closer = "}" if self._expect("do", "{") == "{" else "done"
        body = self.script(depth + 1)
        self._expect(closer)
        return For(name, None if words is None else tuple(words), counter, body)

    def _case(self, depth: int) -> Node:
        self._expect("case")
        subject = self._take_word()
        self._skip("\n")
        self._expect("in")
        self._skip("\n", ";")
        branches = []
        while not self._is_word("esac"):
            self._skip("(")
            patterns = [self._take_word()]
            while self._is_operator("|"):
                self.at += 1
                patterns.append(self._take_word())
            self._expect(")")
            branches.append((tuple(patterns), self.script(depth + 1)))
            self._skip(";;", ";&", ";;&", "\n", ";")
        self._expect("esac")
        return Case(subject, tuple(branches))

    def _function(self, depth: int, name: str) -> Node:
        self._skip("\n")
        if depth > MAX_NESTED_STATEMENTS:
            raise ShellSyntaxError("statements are nested too deep")
        return Function(name, self._statement(depth + 1))

    def _command(self, depth: int) -> Node:
        words: list[str] = []
        document = None
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.document:
                document = token.document
            elif token.is_operator:
                break
            else:
                words.append(token.text)
            self.at += 1
        if len(words) == 1 and self._is_operator("(") and _NAME.fullmatch(words[0]):
            self.at += 1
            self._expect(")")
            return self._function(depth, words[0])
        return Command(tuple(words), document)  # no words at all: a redirection alone, > /tmp/log

    def _test(self) -> Node:
        """``[[ ... ]]``, where operators and brackets are part of the test."""
        words: list[str] = []
        while not (words and words[-1] == "]]"):
            if self.at >= len(self.tokens):
                raise ShellSyntaxError("']]' is missing")
            words.append(self.tokens[self.at].text)
            self.at += 1
        return Command(tuple(words), self._document())
