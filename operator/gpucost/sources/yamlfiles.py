"""Manifests from files: YAML or JSON, one document or several, a file or standard input.

What has to be made into manifests first, a Helm template or a kustomization, is refused with the command that does it.
Dates and times without quotes are text here (YAML 1.1 would make datetimes of ``2025-06-01`` and the number 750 of
``12:30``), and a key may stand only once in a map, as for ``kubectl apply`` with strict validation.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TextIO, cast

import yaml

from gpucost.core.issues import shorten, show

STANDARD_INPUT: Final = "-"
MAX_DEPTH: Final = 200
"""Nesting of a document. libyaml's composer recurses without a check: 100,000 open brackets end the process."""

_PREFIX: Final = "tag:yaml.org,2002:"
_RETYPED: Final = {_PREFIX + kind for kind in ("timestamp", "value", "int", "float")}
# PyYAML's own patterns of numbers, without base 60, which kubectl doesn't know either
_INT: Final = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$")
_FLOAT: Final = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$"
    r"|\.(?:nan|NaN|NAN)$"
)
_BRACKETS: Final = re.compile(r"[\[\]{}]")
_DEEP_BLOCK: Final = re.compile(rf"^[ \-?:]{{{MAX_DEPTH // 2},}}", re.MULTILINE)
_SPACE: Final = re.compile(r"\s*")


class ManifestError(ValueError):
    """A file that can't be read as manifests. The message is one sentence: the file, the place, what is wrong."""


class _DuplicateKey(ValueError):
    """A key that stands twice in one JSON object."""


def load_manifests(source: str, *, stdin: TextIO | None = None) -> list[object]:
    """The manifests of a file, or of standard input for ``-``; lists flattened. ManifestError says what is wrong."""
    if source == STANDARD_INPUT:
        text, name = _read_stdin(stdin or sys.stdin), "standard input"
    else:
        text, name = _read_file(source), source
    documents = list(flatten_lists(parse_documents(text, name)))
    _refuse_kustomization(source, documents)
    return documents


def parse_documents(text: str, name: str = "text") -> list[object]:
    """The documents of a YAML or JSON text, empty ones left out. ``name`` is what errors call the text."""
    text = text.removeprefix("\ufeff")
    try:
        documents = _parse(text, name)
    except ManifestError:
        _refuse_template(text, name)
        raise
    if any(map(_is_unrendered, documents)):
        _refuse_template(text, name)
    return documents


def _parse(text: str, name: str) -> list[object]:
    if text.lstrip()[:1] not in ("{", "["):
        return _parse_yaml(text, name)
    try:
        return list(_parse_json(text))
    except (ValueError, RecursionError) as json_error:
        return _parse_flow_yaml(text, name, json_error)


def flatten_lists(documents: Iterable[object]) -> Iterator[object]:
    """The documents with the items of ``kind: List``, ``CronJobList`` and ``ConfigMapList`` in place of the lists.

    The items of a typed list carry no kind of their own in the API's answers; they get the list's.
    """
    pending, seen = list(documents)[::-1], set[int]()
    while pending:
        document = pending.pop()
        items = _items(document)
        if items is None:
            yield document
        elif id(document) not in seen:  # a YAML alias can make a list an item of itself
            seen.add(id(document))
            pending.extend(reversed(items))


_TYPED_LISTS: Final = {"CronJobList": "CronJob", "ConfigMapList": "ConfigMap"}
"""Lists by their kind, and the kind of their items."""


def _items(document: object) -> list[object] | None:
    """The items of a list document; None for anything else."""
    if not isinstance(document, Mapping) or document.get("kind") not in ("List", *_TYPED_LISTS):
        return None
    items = document.get("items")
    kind = _TYPED_LISTS.get(document["kind"])
    known = {"kind": kind, "apiVersion": document.get("apiVersion")} if kind else {}
    return [_typed(item, known) for item in items] if isinstance(items, list) else []


def _typed(item: object, known: Mapping[str, object]) -> object:
    return {**known, **item} if known and isinstance(item, Mapping) and "kind" not in item else item


def _read_stdin(stream: TextIO) -> str:
    """Manifests are UTF-8, whatever the terminal's encoding is."""
    buffer = getattr(stream, "buffer", None)
    return _decode(buffer.read(), "standard input") if buffer else stream.read()


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ManifestError(f"{name}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def _read_file(path: str) -> str:
    try:
        return _decode(Path(path).read_bytes(), path)
    except ManifestError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ManifestError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


# What is no manifest yet


_ACTION: Final = re.compile(
    r"^[ \t-]*\{\{"  # on a line of its own, or as an item of a list
    r"|^[^#\n]*?:[ \t]+\{\{"  # as a value
    r"|\{\{-?[ \t]*(?:\.[A-Z]|\$|include|template|tpl|if|with|range|define|end|else|toYaml|/\*)"
    r"|\{%-?[ \t]*(?:if|for|set|include|extends|macro|end)",
    re.MULTILINE,
)
"""An action of a Helm template, or of another engine; a script may have ``{{`` in it without being one."""


def _refuse_template(text: str, name: str) -> None:
    found = _ACTION.search(text)
    if found:
        line = text[: found.end()].count("\n")
        shown = shorten(text.split("\n")[line].strip(), 60)
        raise ManifestError(
            f"{name}, line {line + 1}: this is a template ({shown}), not a manifest; render it first: "
            "helm template ... | gpucost schedule --cronjobs -"
        )


def _is_unrendered(document: object) -> bool:
    """Whether a document is a template that happens to be YAML: its actions stand in quotes."""
    fields = document if isinstance(document, Mapping) else {}
    parts = (fields.get("metadata"), fields.get("spec"))
    values = (value for part in parts if isinstance(part, Mapping) for value in part.values())
    return any("{{" in value for value in values if isinstance(value, str))


_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""Their names; kind and apiVersion may be left out."""


def _refuse_kustomization(source: str, documents: Iterable[object]) -> None:
    path = Path(source)
    kinds = (str(document.get("apiVersion")) for document in documents if isinstance(document, Mapping))
    if path.name in _KUSTOMIZATIONS or any(kind.startswith("kustomize.config.k8s.io/") for kind in kinds):
        folder = "DIR" if source == STANDARD_INPUT else shorten(str(path.parent))
        raise ManifestError(
            f"{'standard input' if source == STANDARD_INPUT else source}: this is a kustomization, not a manifest; build it "
            f"first: kustomize build {folder} | gpucost schedule --cronjobs - (or kubectl kustomize {folder})"
        )


# JSON


def _parse_json(text: str) -> Iterator[object]:
    """One JSON value after another, as ``kubectl get -o json`` writes them."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    at = _after_space(text, 0)
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        if value is not None:
            yield value
        at = _after_space(text, end)


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _DuplicateKey(f"the key {show(next(key for key in keys if keys.count(key) > 1))} stands twice in a map")
    return values


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _parse_flow_yaml(text: str, name: str, json_error: Exception) -> list[object]:
    """What begins with a bracket and is no JSON may still be YAML; if it isn't, the JSON error says more.

    A duplicate key in JSON is found again by the YAML reader, which knows its line.
    """
    try:
        return _parse_yaml(text, name)
    except ManifestError as yaml_error:
        if "stands twice" in str(yaml_error):
            raise
        raise ManifestError(_json_message(name, json_error)) from None


def _json_message(name: str, error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"{_place(name, error.lineno - 1, error.colno - 1)}: unreadable JSON: {error.msg}"
        case RecursionError():
            return f"{name}: unreadable JSON: nested too deeply"
    return f"{name}: unreadable JSON: {shorten(str(error))}"


# YAML


class _Checks:
    """A mixin for PyYAML's safe loaders: refuses a key that stands twice in a map."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)  # type: ignore[call-arg]
        self._checked: set[yaml.Node] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # PyYAML calls this before it builds a map, and again, with merged keys put in, where another map merges it.
        if node not in self._checked:
            self._checked.add(node)
            _refuse_duplicates(node)
        super().flatten_mapping(node)  # type: ignore[misc]


def _refuse_duplicates(node: yaml.MappingNode) -> None:
    seen = set[tuple[str, str]]()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen and key.tag != _PREFIX + "merge":
                problem = f"the key {show(key.value)} stands twice in a map"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add((key.tag, key.value))


def _build_loader() -> type[Any]:
    """The C loader where PyYAML has it (ten times faster), with our checks and without dates."""
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    kept = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _RETYPED]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    loader: Any = type("ManifestLoader", (_Checks, base), {"yaml_implicit_resolvers": kept})
    loader.add_implicit_resolver(_PREFIX + "float", _FLOAT, list("-+0123456789."))
    loader.add_implicit_resolver(_PREFIX + "int", _INT, list("-+0123456789"))
    loader.add_constructor(_PREFIX + "timestamp", base.construct_yaml_str)
    return cast(type[Any], loader)


_LOADER: Final = _build_loader()


def _parse_yaml(text: str, name: str) -> list[object]:
    try:
        if _may_be_deep(text):
            _refuse_deep(text)
        return [document for document in yaml.load_all(text, Loader=_LOADER) if document is not None]
    except yaml.YAMLError as error:
        raise ManifestError(_yaml_message(text, name, error)) from None
    except (ValueError, OverflowError, RecursionError) as error:  # a number of 5,000 digits
        raise ManifestError(f"{name}: unreadable YAML: {shorten(str(error))}") from None


def _may_be_deep(text: str) -> bool:
    """A quick look that never misses a deep document; brackets inside text may mislead it the other way."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
        depth = max(depth, 0)
    return deepest > MAX_DEPTH // 2 or _DEEP_BLOCK.search(text) is not None


def _refuse_deep(text: str) -> None:
    """Count the levels from the parser's events, which needs no recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            problem = f"nested more than {MAX_DEPTH} levels deep"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=cast(yaml.Mark, event.start_mark))


def _yaml_message(text: str, name: str, error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = _place(name, mark.line, mark.column) if mark else name
        return f"{place}: unreadable YAML: {shorten(error.problem or error.context or 'not YAML', 160)}"
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        place = _place(name, before.count("\n"), len(before) - before.rfind("\n") - 1)
        return f"{place}: unreadable YAML: {shorten(error.reason)}"
    return f"{name}: unreadable YAML: {shorten(str(error))}"


def _place(name: str, line: int, column: int) -> str:
    """A place in a text from line and column counted from 0."""
    return f"{name}, line {line + 1}, column {column + 1}"
