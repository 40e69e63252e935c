"""Keeps README.md and docs/ true: runs their examples, and writes their generated parts. ``make docs`` rewrites the pages.

A page holds these kinds of blocks:

- ``console``: lines that start with ``$ `` are run by bash in a folder of the page's own that has examples/; what follows
  is their output, in which a line ``...`` stands for any lines.
- ``python``: run in the same folder; a ``text`` block right after it is the output.
- ``sh``: not run, because it installs something or needs a cluster; its commands and options must exist.
- ``<!-- generated: NAME -->`` to ``<!-- end -->``: written by the function of that name in GENERATED.

``<!-- show: First line | Another 5 -->`` above a block says which paragraphs of the output stay when it is written anew:
those whose first line starts with such a text, the second with its first 5 lines only. ``<!-- show: 12 -->``: the first
12 lines.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer.main

from gpucost.api.costreport import CostReportSpec
from gpucost.cli.commands import app
from gpucost.computing import compute
from gpucost.core.issues import SENTENCES
from gpucost.demo import made_demo
from gpucost.report.columns import Column, Kind, Table
from gpucost.report.conditions import CONDITIONS, REASONS
from gpucost.report.notebook import FILES
from gpucost.report.report import Report
from gpucost.report.tables import TABLES, node_columns, task_columns
from gpucost.sources.tasks import engine

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
ANY: Final = "..."
SECONDS: Final = 120

_FENCE = re.compile(
    r"(?:^<!-- show: (?P<show>[^\n]*) -->\n)?^```(?P<kind>console|python|sh)\n(?P<body>.*?)^```\n"
    r"(?:\n```text\n(?P<output>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_PART = re.compile(r"(?P<head><!-- generated: (?P<name>[\w ]+) -->\n)(?P<body>.*?)(?P<tail><!-- end -->)", re.DOTALL)
_SHOWN = re.compile(r"(?P<first>.*?)(?: (?P<lines>\d+))?")


# Examples


@dataclass(frozen=True, slots=True)
class Example:
    """Something to run in a page's folder, and the output that the page shows."""

    command: str
    arguments: tuple[str, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """An example whose output is not what the page shows."""

    example: Example
    output: tuple[str, ...]


def console_examples(body: str) -> Iterator[Example]:
    """Commands of a console block; one that ends in a backslash goes on in the next line."""
    for text in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        lines = text.splitlines()
        last = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
        command = "\n".join(lines[: last + 1])
        yield Example(command, ("bash", "-c", command), tuple(lines[last + 1 :]))


def run(example: Example, folder: Path) -> tuple[str, ...]:
    """The lines that an example prints on stdout and stderr, without trailing blanks. Raises RuntimeError if it fails."""
    bin_folder = Path(sys.executable).parent
    keep = {name: value for name, value in os.environ.items() if name in ("LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR")}
    environment = {**keep, "PATH": f"{bin_folder}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        example.arguments,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{example.command}\nfailed with exit code {done.returncode}:\n{done.stdout}")
    return tuple(line.rstrip() for line in done.stdout.rstrip().splitlines())


def matches(shown: Sequence[str], output: Sequence[str]) -> bool:
    """Whether shown lines are the output, where ``...`` stands for any lines (also none)."""
    pattern = "".join(r"(?:[^\n]*\n)*?" if line.strip() == ANY else re.escape(line) + r"\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in output)) is not None


def differences(page: str, folder: Path) -> Iterator[Difference]:
    """Run every example of a page, in order, and yield those whose output the page does not show."""
    for block in _FENCE.finditer(page):
        for example in _examples(block):
            output = run(example, folder)
            if not matches(example.shown, output):
                yield Difference(example, output)


def _examples(block: re.Match[str]) -> Iterator[Example]:
    if block["kind"] == "console":
        yield from console_examples(block["body"])
    elif block["kind"] == "python":
        shown = tuple((block["output"] or "").splitlines())
        yield Example(block["body"], (sys.executable, "-W", "error", "-c", block["body"]), shown)


def fresh_folder(folder: Path) -> Path:
    """A folder for the examples of one page: it has examples/ and nothing else."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def rewritten(page: str, folder: Path) -> str:
    """The page with the outputs that its examples have now."""
    return _FENCE.sub(lambda block: _rewrite(block, folder), page)


def _rewrite(block: re.Match[str], folder: Path) -> str:
    text = block[0]
    for example in _examples(block):
        output = run(example, folder)
        if matches(example.shown, output):
            continue
        if ANY in example.shown and block["show"] is None:
            raise ValueError(f"{example.command}\nhas another output; say with <!-- show: ... --> what to keep of it")
        new = trimmed(output, block["show"]) if block["show"] else output
        old_lines, new_lines = ("".join(f"{line}\n" for line in lines) for lines in (example.shown, new))
        before = f"$ {example.command}\n" if block["kind"] == "console" else "```text\n"
        text = text.replace(before + old_lines, before + new_lines, 1)
    return text


def trimmed(output: Sequence[str], show: str) -> list[str]:
    """The output without the paragraphs that are not to be shown; ``...`` stands for them."""
    if show.isdecimal():
        return [*output[: int(show)], *([ANY] if len(output) > int(show) else [])]
    wanted = [_SHOWN.fullmatch(text.strip()) for text in show.split(" | ")]
    kept: list[list[str]] = []
    for paragraph in "\n".join(output).split("\n\n"):
        lines = paragraph.splitlines()
        found = next((w for w in wanted if w and paragraph.lstrip().startswith(w["first"])), None)
        if found:
            limit = int(found["lines"] or len(lines))
            kept.append([*lines[:limit], *([ANY] if len(lines) > limit else [])])
        elif not kept or kept[-1][-1] != ANY:
            kept.append([ANY])
    return "\n\n".join("\n".join(lines) for lines in kept).splitlines()


# Generated parts


def renewed(page: str) -> str:
    """The page with its generated parts as the code has them now."""
    return _PART.sub(lambda part: f"{part['head']}\n{GENERATED[part['name']]()}\n{part['tail']}", page)


def _row(*cells: object) -> str:
    texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |\n"


def _grid(header: Sequence[str], rows: Iterator[Sequence[object]]) -> str:
    return _row(*header) + _row(*("---" for _ in header)) + "".join(_row(*row) for row in rows)


def commands() -> dict[str, Any]:
    """The commands by name; an empty name for gpucost itself."""
    whole: Any = typer.main.get_command(app)
    return {"": whole, **whole.commands}


def options_of(command: Any) -> Iterator[tuple[str, str, str]]:
    """Names, default and help of each argument and option; --help is left out."""
    for parameter in command.params:
        if "--help" in parameter.opts:
            continue
        names = ", ".join(f"`{name}`" for name in sorted((*parameter.opts, *parameter.secondary_opts), key=len))
        if parameter.param_type_name == "argument":
            names = f"`{parameter.name.upper()}`"
        default = "" if parameter.required else _default(parameter.default)
        yield names, "required" if parameter.required else default, parameter.help or ""


def _default(value: object) -> str:
    plain = value is None or value is False or value in ((), []) or callable(value)
    return "" if plain else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def command_options() -> str:
    """Every command with its options."""
    parts = []
    for name, command in commands().items():
        title = f"### gpucost {name}" if name else "### Options of every command"
        text = " ".join((command.help or "").split()) if name else ""
        options = list(options_of(command))
        table = _grid(("option", "default", "what it does"), iter(options)) if options else ""
        parts.append("\n\n".join(part for part in (title, text, table) if part))
    return "\n".join(f"{part.rstrip()}\n" for part in parts)


def spec_fields() -> str:
    """Every field of a CostReport's spec."""
    schema = CostReportSpec.model_json_schema(by_alias=True)
    return _grid(("field", "default", "what it says"), _fields(schema, schema["$defs"], ""))


def _fields(part: Mapping[str, Any], known: Mapping[str, Any], path: str) -> Iterator[Sequence[object]]:
    for name, field in part.get("properties", {}).items():
        kinds = [field, *field.get("anyOf", ()), field.get("items", {})]
        names = [kind["$ref"].rpartition("/")[2] for kind in kinds if "$ref" in kind]
        inner: Mapping[str, Any] = known[names[0]] if names else {}
        list_of = "[]" if "items" in field else ""
        default = "required" if name in part.get("required", ()) else _json(field.get("default"))
        yield f"`{path}{name}{list_of}`", default, _meaning(field, inner)
        yield from _fields(inner, known, f"{path}{name}{list_of}.")


def _json(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(f"`{item}`" for item in value)
    text = str(value).lower() if isinstance(value, bool) else value
    return "" if value is None or isinstance(value, dict) else f"`{text}`"


def _meaning(field: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    text = str(field.get("description", inner.get("description", "")))
    every = [str(choice) for choice in inner.get("enum", ())]
    choices = [] if all(choice in text for choice in every) else every
    return f"{text} {'One of' if choices else ''} {', '.join(choices)}{'.' if choices else ''}"


def demo_report(tasks: int = 200) -> Report:
    """A small report that has every table."""
    demo = made_demo(tasks)
    with engine() as con:
        demo.fill(con)
        return compute(demo.report, demo.cronjobs, con, now=demo.now_us)


KINDS: Final[Mapping[Kind, str]] = {
    Kind.MONEY: "an amount in the report's currency",
    Kind.SECONDS: "time, or node time (two nodes for a second are two seconds)",
    Kind.HOURS: "the same in hours, rounded half up",
    Kind.RATIO: "a quotient, or a mean of seconds, rounded half up",
    Kind.SHARE: "a part of a whole, rounded half up",
    Kind.TARIFF: "money per unit, rounded half up",
    Kind.COUNT: "a number of things",
    Kind.TEXT: "UTF-8 text",
    Kind.FLAG: "true or false",
}


def column_kinds() -> str:
    """What the types of columns are called, and their dtype."""
    empty = Table("kinds", tuple(Column(kind, kind, []) for kind in Kind)).arrow().schema
    rows = ((kind, str(empty.field(kind).type).replace("decimal128", "decimal"), KINDS[kind]) for kind in Kind)
    return _grid(("type", "Arrow dtype", "what it holds"), rows)


def table_columns() -> str:
    """Every table with its columns; the groups that many have in common are listed once."""
    report = demo_report()
    nodes, tasks = Table("node columns", node_columns([])), Table("task columns", task_columns([]))
    parts = [
        _described(nodes, "Node time and money of some types in some hours.", ()),
        _described(tasks, "Counts, money and tariffs of some attempts.", ()),
    ]
    for name, build in (*TABLES.items(), *((build.__name__, build) for build in FILES)):
        title = name if build not in FILES else f"{name}.csv"
        parts.append(_described(build(report), build.__doc__ or "", (nodes, tasks), title))
    return "\n".join(parts)


def _described(table: Table, text: str, groups: Sequence[Table], title: str = "") -> str:
    names = {column.name for column in table.columns}
    inside = [group for group in groups if {column.name for column in group.columns} <= names]
    covered = {column.name for group in inside for column in group.columns}
    rows: list[tuple[str, str, str]] = []
    for column in table.columns:
        if column.name not in covered:
            rows.append((f"`{column.name}`", column.kind, column.note))
        elif inside and column.name in {c.name for c in inside[0].columns}:
            group = inside.pop(0)
            rows.append((f"the [{group.name}](#{group.name.replace(' ', '-')})", "", ""))
    return f"### {title or table.name}\n\n{inspect.cleandoc(text)}\n\n{_grid(('column', 'type', 'what it is'), iter(rows))}"


def issue_reasons() -> str:
    """Every reason of an issue with its sentence."""
    return _grid(("reason", "what it means"), ((f"`{reason}`", text) for reason, text in SENTENCES.items()))


def condition_types() -> str:
    """Every condition with what it says."""
    return _grid(("condition", "True means"), ((f"`{kind}`", text) for kind, text in CONDITIONS.items()))


def operator_settings() -> str:
    """Every flag of gpucost operator with its environment variable."""
    command = commands()["operator"]
    variables = {option: p.envvar for p in command.params for option in p.opts}
    rows = ((*row[:1], _variable(variables, str(row[0])), *row[1:]) for row in options_of(command))
    return _grid(("flag", "environment", "default", "what it does"), rows)


def _variable(variables: Mapping[str, str | None], flag: str) -> str:
    names = (variables.get(option.strip("` ")) for option in flag.split(","))
    return next((f"`{name}`" for name in names if name), "")


def condition_reasons() -> str:
    """Every reason of a condition with its sentence."""
    return _grid(("reason", "what it means"), ((f"`{reason}`", text) for reason, text in REASONS.items()))


GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "commands": command_options,
    "spec": spec_fields,
    "kinds": column_kinds,
    "tables": table_columns,
    "issues": issue_reasons,
    "conditions": condition_types,
    "reasons": condition_reasons,
    "settings": operator_settings,
}


def main() -> None:
    """Rewrite every page in place."""
    for path in PAGES:
        old = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            new = rewritten(renewed(old), fresh_folder(Path(folder)))
        if new != old:
            path.write_text(new, encoding="utf-8")
        sys.stderr.write(f"{path.relative_to(ROOT)}: {'as it was' if new == old else 'rewritten'}\n")


if __name__ == "__main__":
    main()
