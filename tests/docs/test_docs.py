"""README.md and docs/ say what is so: examples run, generated parts are current, links resolve. ``make docs`` mends them."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from docs.generate import PAGES, ROOT, commands, demo_report, differences, fresh_folder, matches, renewed, trimmed
from gpucost.cli.commands import app
from gpucost.computing import compute
from gpucost.core import issues
from gpucost.report.conditions import REASONS, conditions
from gpucost.report.status import status_of

NAMES = [path.name for path in PAGES]
TEXT = {path.name: path.read_text(encoding="utf-8") for path in PAGES}
MISTAKES = ROOT / "tests" / "report" / "test_notebook_mistakes.py"


@pytest.mark.parametrize("name", [name for name in NAMES if re.search(r"^```(console|python)$", TEXT[name], re.M)])
def test_the_examples_of_a_page_print_what_it_shows(name: str, tmp_path: Path) -> None:
    found = list(differences(TEXT[name], fresh_folder(tmp_path / "page")))
    assert not found, "run make docs:\n" + "\n\n".join("\n".join((d.example.command, *d.output)) for d in found)


@pytest.mark.parametrize("name", [name for name in NAMES if "<!-- generated: " in TEXT[name]])
def test_generated_parts_are_what_the_code_says(name: str) -> None:
    assert renewed(TEXT[name]) == TEXT[name], "run make docs"


def test_a_line_of_dots_stands_for_any_lines() -> None:
    assert matches(["a", "...", "d"], ["a", "b", "c", "d"])
    assert matches(["a", "...", "b"], ["a", "b"])
    assert not matches(["a", "d"], ["a", "b", "d"])
    assert not matches(["a...", "d"], ["ab", "d"])


def test_output_is_trimmed_to_the_paragraphs_that_are_to_be_shown() -> None:
    output = ["Head", "", "First", "1", "2", "", "Other", "", "Last", "9"]
    assert trimmed(output, "First 2 | Last") == ["...", "", "First", "1", "...", "", "Last", "9"]
    assert trimmed(output, "3") == ["Head", "", "First", "..."]


@pytest.mark.parametrize("name", [name for name in commands() if name])
def test_every_command_is_documented_and_helps(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"### gpucost {name}\n" in TEXT["cli.md"]


@pytest.mark.parametrize("name", NAMES)
def test_commands_that_are_only_shown_have_these_options(name: str) -> None:
    """Blocks of sh are not run: they install something or need a cluster."""
    known = commands()
    everywhere = {"--debug", "--help", "-h"} | _options(known[""])
    for words in _shell_lines(TEXT[name], "gpucost"):
        command = next((word for word in words[1:] if not word.startswith("-")), "")
        assert command in known, words
        used = {word.partition("=")[0] for word in words[1:] if word.startswith("-") and word != "-"}
        assert used <= everywhere | _options(known[command]), words


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    wanted = {words[1] for text in TEXT.values() for words in _shell_lines(text, "make")}
    assert {"demo", "test"} <= wanted <= targets
    done = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "gpucost demo" in done.stdout


def _options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("-")}


def _shell_lines(text: str, program: str) -> Iterator[list[str]]:
    """Words of the commands of a program in blocks that are only shown, and in the text, each part of a pipe by itself."""
    blocks = [block.replace("\\\n", " ") for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)]
    spans = [span for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text) if " " in span and "..." not in span]
    for line in [*"\n".join(blocks).splitlines(), *spans]:
        for part in re.split(r"\||>|;|&&", line):
            words = part.split() if "'" in part else shlex.split(part, comments=True)
            if words and Path(words[0]).name == program and len(words) > 1:
                yield words


@pytest.mark.parametrize("name", NAMES)
def test_links_resolve(name: str) -> None:
    page = next(path for path in PAGES if path.name == name)
    text = re.sub(r"^```.*?^```$", "", TEXT[name], flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        if anchor:
            assert anchor in _anchors(file.read_text(encoding="utf-8")), target


def _anchors(text: str) -> set[str]:
    """Anchors of headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", [*NAMES, "CHANGELOG.md"])
def test_no_page_names_a_machine(name: str) -> None:
    text = TEXT.get(name) or (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"/(work|root|tmp|home)/|\.\./shared", text)


def test_every_reason_has_a_sentence_in_the_docs() -> None:
    reasons = {value for name, value in vars(issues).items() if name.isupper() and isinstance(value, str)}
    assert reasons == set(issues.SENTENCES)
    for reason in reasons:
        assert f"| `{reason}` |" in TEXT["cli.md"]
    for reason in REASONS:
        assert f"| `{reason}` |" in TEXT["operator.md"]


def test_conditions_have_documented_types_and_reasons() -> None:
    for condition in conditions(demo_report()):
        assert f"| `{condition['type']}` |" in TEXT["operator.md"]
        assert condition["reason"] in REASONS


def test_every_field_of_the_status_is_documented() -> None:
    """Of a report with tasks, skipped attempts and issues, and of one whose period contains now."""
    section = TEXT["cli.md"].partition("### Status")[2].partition("### Conditions")[0]
    folder = ROOT / "examples" / "summer"
    current = compute(folder / "report.yaml", folder / "cronjobs.yaml", now="2025-07-01T00:00:00Z")
    for report in (demo_report(10_000), current):
        status = status_of(report)
        assert set(status) <= set(re.findall(r"^\| `(\w+)(?:\[\])?` \|", section, re.M))
        for field in _fields(status):
            assert re.search(rf"\b{field}\b", section), field


def _fields(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _fields(item)
    elif isinstance(value, list):
        for item in value:
            yield from _fields(item)


def test_the_21_mistakes_are_documented_with_their_tests() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]*`test_[^|]*) \|$", TEXT["method.md"], re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 22))
    documented = [name for _, cell in rows for name in re.findall(r"`(test_\w+)`", cell)]
    assert all(f"test_{int(number):02d}_" in cell for number, cell in rows)
    tree = ast.parse(MISTAKES.read_text(encoding="utf-8"))
    tests = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert documented == tests


def test_sections_that_docstrings_refer_to_exist() -> None:
    known = {int(number) for number in re.findall(r"^## (\d+)\. ", TEXT["method.md"], re.M)}
    assert known == set(range(1, 9))
    for path in (ROOT / "operator" / "gpucost").rglob("*"):
        if path.suffix in (".py", ".sql"):
            used = {int(n) for n in re.findall(r"\bsections? (\d+)", path.read_text(encoding="utf-8"))}
            assert used <= known, path


def test_modules_named_in_the_architecture_exist() -> None:
    package = ROOT / "operator" / "gpucost"
    table = TEXT["architecture.md"].partition("## Where each rule lives")[2].partition("\n## ")[0]
    for name in re.findall(r"`([\w/]+\.(?:py|sql))`", table):
        places = (package / name, package / "sql" / "reduction" / name)
        assert any(place.is_file() for place in places), name


def test_the_sql_at_the_root_is_that_of_the_package() -> None:
    assert (ROOT / "sql").resolve() == (ROOT / "operator" / "gpucost" / "sql").resolve()
