"""A shell script's words and operators.

Words stay as written, quotes and references included. Redirections are dropped, except for here-documents and
here-strings.
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_03
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


class ShellSyntaxError(Exception):
    """What can't be understood of a script."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a command reads from a here-document or a here-string."""

    text: str
    is_expanded: bool
    """Whether the shell puts its variables in."""
    is_word: bool = False
    """A here-string's word, still with its quotes."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word as written, an operator, or a document (which stands where its redirection stood)."""

    text: str
    is_operator: bool = False
    document: Document | None = None


_OPERATOR: Final = re.compile(r"&&|\|\||\|&|;;&|;;|;&|[;|&\n()]")
_REDIRECTION: Final = re.compile(r"(?:&>>|&>|[0-9]*(?:<<<|<<-|<<|>>|>\||<>|>&|<&|<|>))")
_BLANK: Final = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_PLAIN: Final = re.compile(r"[^\s\\'\"`$;|&<>()]+")


def read_tokens(text: str) -> list[Token]:
    """A script's words and operators, without comments and redirections. ShellSyntaxError where quotes don't match."""
    tokens: list[Token] = []
    pending: list[tuple[str, bool, int]] = []  # documents that begin behind this line: tag, tabs cut, token
    at = 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
        elif text[at] == "#":
            at = _end_of_line(text, at)
        elif redirection := _match_redirection(text, at):
            at = _read_redirection(text, redirection, tokens, pending)
        elif text.startswith("((", at) and text.endswith("))", at, end := find_closing(text, at)):
            tokens.append(Token(text[at:end]))  # arithmetic, where < and > redirect nothing
            at = end
        elif operator := _OPERATOR.match(text, at):
            tokens.append(Token(operator[0], is_operator=True))
            at = operator.end()
            if operator[0] == "\n" and pending:
                at = _read_documents(text, at, pending, tokens)
        else:
            end = find_word_end(text, at)
            tokens.append(Token(text[at:end]))
            at = end
    return tokens


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _match_redirection(text: str, at: int) -> re.Match[str] | None:
    found = _REDIRECTION.match(text, at)
    is_substitution = found is not None and text[found.end() - 1] in "<>" and text[found.end() : found.end() + 1] == "("
    return None if is_substitution else found


def _read_redirection(
    text: str, found: re.Match[str], tokens: list[Token], pending: list[tuple[str, bool, int]]
) -> int:
    blank = _BLANK.match(text, found.end())
    begin = blank.end() if blank else found.end()
    end = find_word_end(text, begin)
    operator, word = found[0].lstrip("0123456789"), text[begin:end]
    if not word:
        raise ShellSyntaxError("a redirection without a target")
    if operator == "<<<":
        tokens.append(Token("", document=Document(word, is_expanded=True, is_word=True)))
    elif operator in ("<<", "<<-"):
        pending.append((word, operator == "<<-", len(tokens)))
        tokens.append(Token("", document=Document("", is_expanded=False)))
    return end


def _read_documents(text: str, at: int, pending: list[tuple[str, bool, int]], tokens: list[Token]) -> int:
    for word, cuts_tabs, index in pending:
        tag = re.sub(r"['\"\\]", "", word)
        lines: list[str] = []
        while at < len(text):
            end = _end_of_line(text, at)
            line, at = text[at:end], end + 1
            line = line.lstrip("\t") if cuts_tabs else line
            if line.rstrip("\r") == tag:
                break
            lines.append(line)
        tokens[index] = Token("", document=Document("\n".join(lines), is_expanded=tag == word))
    pending.clear()
    return min(at, len(text))


def split_words(text: str) -> list[str]:
    """The words of a text, such as those between the brackets of an array, each as written."""
    return [token.text for token in read_tokens(text) if not token.is_operator and not token.document]


def find_word_end(text: str, at: int) -> int:
    """Where the word that begins here ends; quotes, ``$(...)``, ``${...}`` and backticks are taken as a whole."""
    begin = at
    while at < len(text):
        char = text[at]
        if plain := _PLAIN.match(text, at):
            at = plain.end()
        elif char in "<>" and text[at + 1 : at + 2] == "(":  # <(...)
            at = find_closing(text, at + 1)
        elif char == "(" and at > begin and text[at - 1] == "=":  # a bash array
            at = find_closing(text, at)
        elif char in " \t\r\n;|&<>()":
            break
        else:
            at = skip_quoted(text, at)
    return at


def skip_quoted(text: str, at: int) -> int:
    """Where the quoted text or reference that begins here ends; one character where it is neither."""
    char = text[at]
    if char == "\\":
        return min(at + 2, len(text))
    if char == "'":
        return _find(text, "'", at + 1) + 1
    if char == '"':
        return _skip_double(text, at + 1)
    if char == "`":
        return _skip_backticks(text, at + 1)
    if char == "$" and text[at + 1 : at + 2] in ("(", "{"):
        return find_closing(text, at + 1)
    if char == "$" and text[at + 1 : at + 2] == "'":
        return _skip_escaped(text, at + 2)
    return at + 1


def _find(text: str, char: str, at: int) -> int:
    found = text.find(char, at)
    if found < 0:
        raise ShellSyntaxError("quotes don't match")
    return found


_DOUBLE: Final = re.compile(r'[^"\\`$]+')


def _skip_double(text: str, at: int) -> int:
    while at < len(text):
        if plain := _DOUBLE.match(text, at):
            at = plain.end()
        elif text[at] == '"':
            return at + 1
        elif text[at] == "$" and text[at + 1 : at + 2] == "'":  # no quote of its own inside double quotes
            at += 1
        else:
            at = skip_quoted(text, at)
    raise ShellSyntaxError("quotes don't match")


def _skip_backticks(text: str, at: int) -> int:
    while at < len(text):
        if text[at] == "`":
            return at + 1
        at += 2 if text[at] == "\\" else 1
    raise ShellSyntaxError("quotes don't match")


def _skip_escaped(text: str, at: int) -> int:
    while at < len(text):
        if text[at] == "'":
            return at + 1
        at += 2 if text[at] == "\\" else 1
    raise ShellSyntaxError("quotes don't match")


def find_closing(text: str, at: int) -> int:
    """Where what the bracket at this place opens ends: after its closing bracket, quotes inside taken as a whole."""
    pairs = {"(": ")", "{": "}"}
    expected = [pairs[text[at]]]
    at += 1
    while at < len(text):
        char = text[at]
        if char == expected[-1]:
            expected.pop()
            at += 1
            if not expected:
                return at
        elif char == '"':
            at = _skip_flat_double(text, at + 1)
        elif char in pairs and (char == "(" or text[at - 1] == "$"):
            expected.append(pairs[char])
            at += 1
        elif char in "\\'`":
            at = skip_quoted(text, at)
        elif char == "#" and expected[-1] == ")" and text[at - 1] in " \t\n;":
            at = _end_of_line(text, at)
        else:
            at += 1
    raise ShellSyntaxError("brackets don't match")


def _skip_flat_double(text: str, at: int) -> int:
    """As ``_skip_double``, without recursion: quotes inside ``$(...)`` inside quotes are paired by depth."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == '"' and depth == 0:
            return at + 1
        elif char == "$" and text[at + 1 : at + 2] in ("(", "{"):
            depth += 1
            at += 1
        elif char in ")}" and depth:
            depth -= 1
        at += 1
    raise ShellSyntaxError("quotes don't match")
