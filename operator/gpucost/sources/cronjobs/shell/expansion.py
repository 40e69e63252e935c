"""What a shell makes of a word: variables put in, quotes removed, fields split.

What can't be known, such as the output of a command, stands between two UNKNOWN in the field that it ends up in.
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_06
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gpucost.sources.cronjobs.options import UNKNOWN
from gpucost.sources.cronjobs.shell.tokens import skip_quoted

LONGEST_VALUE: Final = 65_536
"""Characters of an expanded variable or word; a command that scales nodes takes a few hundred."""
MAX_NESTED_DEFAULTS: Final = 8


@dataclass(frozen=True, slots=True)
class Variables:
    """What a shell knows: its variables and its arguments."""

    values: Mapping[str, str]
    """A value with UNKNOWN in it isn't known."""
    arguments: Sequence[str] | None
    """``$1`` and so on; None: not known."""
    name: str = "sh"
    """``$0``."""
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Arrays of bash."""
    is_whole: bool = True
    """Whether a name without a value has none for certain; else something that wasn't read may have set it."""

    def find(self, name: str) -> str | None:
        """A variable's value, ``""`` or an unset one as None; UNKNOWN where it isn't known."""
        if name.isdigit():
            return self._argument(int(name))
        if name == "#":
            return UNKNOWN if self.arguments is None else str(len(self.arguments))
        if name in ("@", "*"):
            return UNKNOWN if self.arguments is None else " ".join(self.arguments)
        if name in "?!$-":
            return UNKNOWN
        return self.values.get(name, None if self.is_whole else UNKNOWN)

    def _argument(self, number: int) -> str | None:
        if number == 0:
            return self.name
        if self.arguments is None:
            return UNKNOWN
        return self.arguments[number - 1] if number <= len(self.arguments) else None


@dataclass(slots=True)
class _Fields:
    """The fields of a word while it is taken apart."""

    done: list[str] = field(default_factory=list)
    text: str = ""
    has_begun: bool = False

    def add(self, text: str) -> None:
        self.text, self.has_begun = (self.text + text)[:LONGEST_VALUE], True

    def end(self) -> None:
        if self.has_begun:
            self.done.append(self.text)
        self.text, self.has_begun = "", False

    def add_split(self, text: str) -> None:
        """Add what the shell splits at blanks."""
        if UNKNOWN in text:
            self.add(text)
            return
        words = text.split()
        if text[:1].isspace():
            self.end()
        for number, word in enumerate(words):
            if number:
                self.end()
            self.add(word)
        if words and text[-1:].isspace():
            self.end()


@dataclass(frozen=True, slots=True)
class Expanded:
    """What a word became."""

    fields: tuple[str, ...]
    substitutions: tuple[str, ...]
    """Scripts inside ``$(...)`` and backticks, which run as well."""
    assigned: Mapping[str, str]
    """What ``${NAME:=VALUE}`` assigned."""


def expand_word(word: str, variables: Variables) -> Expanded:
    """A word's fields: none for an unquoted empty variable, several where a variable's value holds blanks."""
    expansion = _Expansion(variables)
    expansion.take(word, is_quoted=False)
    expansion.fields.end()
    return Expanded(tuple(expansion.fields.done), tuple(expansion.substitutions), expansion.assigned)


def expand_text(text: str, variables: Variables, *, is_document: bool = False) -> Expanded:
    """A word that is not split, such as an assignment's value; or a here-document, where quotes mean nothing."""
    expansion = _Expansion(variables)
    expansion.take(text, is_quoted=is_document, splits=False)
    expansion.fields.end()
    return Expanded(tuple(expansion.fields.done) or ("",), tuple(expansion.substitutions), expansion.assigned)


_PARAMETER: Final = re.compile(r"\$([A-Za-z_]\w*|[0-9@*#?!$-])", re.ASCII)
_BRACED: Final = re.compile(r"\{([A-Za-z_]\w*|[0-9]+|[@*#?!$-])(?:(:?[-=?+])(.*))?\}", re.DOTALL | re.ASCII)
_ELEMENT: Final = re.compile(r"\{([A-Za-z_]\w*)\[([@*]|[0-9]{1,3})\]\}", re.ASCII)
_CUT: Final = re.compile(r"\{([A-Za-z_]\w*|[0-9]+)(##?|%%?)(.*)\}", re.DOTALL | re.ASCII)
_PLAIN: Final = re.compile(r"[^\\'\"`$]+")
_PLAIN_QUOTED: Final = re.compile(r"[^\\\"`$]+")


class _Expansion:
    """Takes a word apart, piece by piece."""

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self.fields = _Fields()
        self.substitutions: list[str] = []
        self.assigned: dict[str, str] = {}

    def take(self, text: str, *, is_quoted: bool, splits: bool = True, depth: int = 0) -> None:
        """Add a text; ``is_quoted``: inside double quotes or a here-document."""
        at = 0
        plain = _PLAIN_QUOTED if is_quoted else _PLAIN
        while at < len(text):
            if found := plain.match(text, at):
                self._add_plain(found[0], is_quoted)
                at = found.end()
                continue
            end = self._end(text, at, is_quoted)
            self._take_piece(text[at:end], is_quoted, splits, depth)
            at = end

    def _end(self, text: str, at: int, is_quoted: bool) -> int:
        if text[at] == "$" and (found := _PARAMETER.match(text, at)):
            return found.end()
        if is_quoted and (text[at] == '"' or text[at : at + 2] == "$'"):
            return at + 1
        return skip_quoted(text, at)

    def _add_plain(self, text: str, is_quoted: bool) -> None:
        braces = not is_quoted and re.search(r"\{[^{}]*(?:,|\.\.)[^{}]*\}", text)
        self.fields.add(_hide(text) if braces else text)

    def _take_piece(self, piece: str, is_quoted: bool, splits: bool, depth: int) -> None:
        if piece[0] == "\\":
            self._take_escape(piece, is_quoted)
        elif piece[0] == "'" and len(piece) > 1 and not is_quoted:
            self.fields.add(piece[1:-1])
        elif piece[0] == '"' and len(piece) > 1 and not is_quoted:
            self._take_double(piece[1:-1], depth)
        elif piece[0] == "`" or piece.startswith("$("):
            self._take_substitution(piece)
        elif piece.startswith("${"):
            self._take_braced(piece, is_quoted, splits, depth)
        elif piece[0] == "$" and len(piece) > 1 and piece[1] not in "'\"":
            self._take_value(piece, piece[1:], is_quoted, splits)
        elif piece.startswith("$'"):
            self.fields.add(piece[2:-1] if "\\" not in piece else _hide(piece))
        else:
            self.fields.add(piece)

    def _take_escape(self, piece: str, is_quoted: bool) -> None:
        if piece[1:] == "\n":
            return
        keeps = is_quoted and piece[1:] not in ("$", "`", '"', "\\")
        self.fields.add(piece if keeps else piece[1:])

    def _take_double(self, text: str, depth: int) -> None:
        several = self._list_elements(text)
        if several is not None:
            for number, element in enumerate(several):
                if number:
                    self.fields.end()
                self.fields.add(element)
            return
        self.fields.add("")
        self.take(text, is_quoted=True, depth=depth)

    def _list_elements(self, text: str) -> Sequence[str] | None:
        """What ``"$@"`` or ``"${NAME[@]}"`` stands for; None for any other text, and where it isn't known."""
        if text in ("$@", "${@}"):
            return self.variables.arguments
        found = _ELEMENT.fullmatch(text[1:]) if text[:1] == "$" else None
        return self.variables.lists.get(found[1]) if found and found[2] == "@" else None

    def _take_substitution(self, piece: str) -> None:
        is_arithmetic = piece.startswith("$((")
        script = re.sub(r"\\([\\`$])", r"\1", piece[1:-1]) if piece[0] == "`" else piece[2:-1]
        if not is_arithmetic:
            self.substitutions.append(script)
        self.fields.add(_hide(piece))

    def _take_braced(self, piece: str, is_quoted: bool, splits: bool, depth: int) -> None:
        if value := self._find_part(piece):
            self._add_value(piece, value, is_quoted, splits)
            return
        found = _BRACED.fullmatch(piece[1:])
        if not found or (found[2] and depth >= MAX_NESTED_DEFAULTS):
            self.fields.add(_hide(piece))
        elif not found[2]:
            self._take_value(piece, found[1], is_quoted, splits)
        else:
            self._take_default(piece, found[1], found[2], found[3], is_quoted, splits, depth)

    def _take_default(
        self, piece: str, name: str, operator: str, word: str, is_quoted: bool, splits: bool, depth: int
    ) -> None:
        """``${NAME:-WORD}`` and its kin."""
        value = self.variables.find(name)
        is_missing = value is None or (value == "" and operator.startswith(":"))
        if value is not None and UNKNOWN in value:
            self.fields.add(_hide(piece))
        elif operator.endswith("+"):
            if not is_missing:
                self.take(word, is_quoted=is_quoted, splits=splits, depth=depth + 1)
        elif not is_missing:
            self._take_value(piece, name, is_quoted, splits)
        elif operator.endswith("?"):
            self.fields.add(_hide(piece))  # the script ends here
        else:
            if operator.endswith("="):
                self.assigned[name] = UNKNOWN if re.search(r"[$`'\"\\]", word) else word
            has_quotes = is_quoted and '"' in word  # they are removed, as outside of quotes
            self.take(word, is_quoted=is_quoted and not has_quotes, splits=splits and not has_quotes, depth=depth + 1)

    def _take_value(self, piece: str, name: str, is_quoted: bool, splits: bool) -> None:
        value = self.variables.find(name)
        if value is None or UNKNOWN in value:
            self.fields.add(_hide(piece))
        else:
            self._add_value(piece, value, is_quoted, splits)

    def _find_part(self, piece: str) -> str | None:
        """Elements of an array, or a value without a prefix or suffix; None for anything else."""
        if element := _ELEMENT.fullmatch(piece[1:]):
            elements = self.variables.lists.get(element[1], ())
            if element[2] in "@*":
                return " ".join(elements) or None
            return elements[int(element[2])] if int(element[2]) < len(elements) else None
        cut = _CUT.fullmatch(piece[1:])
        value = self.variables.find(cut[1]) if cut else None
        return _cut_value(value, cut[2], cut[3]) if cut and value and UNKNOWN not in value else None

    def _add_value(self, piece: str, value: str, is_quoted: bool, splits: bool) -> None:
        if is_quoted or not splits:
            self.fields.add(value)
        elif "IFS" in self.variables.values and not value.isalnum():
            self.fields.add(_hide(piece))
        else:
            self.fields.add_split(value)


def _cut_value(value: str, operator: str, pattern: str) -> str | None:
    """``${NAME#*:}`` and its kin, with a literal text and at most the one ``*`` that matters; None for others.

    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_06_02
    """
    is_prefix, is_long = operator[0] == "#", len(operator) == 2
    star = pattern[:1] == "*" if is_prefix else pattern[-1:] == "*"
    text = (pattern[1:] if is_prefix else pattern[:-1]) if star else pattern
    if not text or re.search(r"[*?\[\]\\$`'\"]", text):
        return None
    if not star:
        return value.removeprefix(text) if is_prefix else value.removesuffix(text)
    if text not in value:
        return value
    before, _, after = value.rpartition(text) if is_prefix == is_long else value.partition(text)
    return after if is_prefix else before


def _hide(piece: str) -> str:
    return UNKNOWN + piece.replace(UNKNOWN, "") + UNKNOWN


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
