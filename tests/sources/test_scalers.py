"""Which tools that scale nodes are read, which are named, and what is passed over."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from commandshapes import SHAPES, Shape
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucost.core.issues import SCALER_NOT_READ
from gpucost.sources.cronjobs.commandline import ELSEWHERE, Reading, ScalingCommand, combine, read_scaling_commands
from gpucost.sources.cronjobs.scalers import FORMS
from gpucost.sources.cronjobs.scalers.base import Form

SCALE = "kubectl scale md/gpu --replicas=4"
WRAPPERS: list[Callable[[str], str | list[str]]] = [
    lambda script: ["sh", "-c", script],
    lambda script: ["timeout", "60", "bash", "-lc", script],
    lambda script: ["env", "A=b", "sh", "-ec", script],
    lambda script: f"set -e\n{script}\ndate",
    lambda script: f"main() {{\n{script}\n}}\nmain",
    lambda script: f"if true; then\n{script}\nfi",
    lambda script: f"(\n{script}\n)",
    lambda script: f"bash -c {shlex.quote(script)}",
    lambda script: f"bash <<'END'\n{script}\nEND",
]


def read(shape: Shape) -> Reading:
    return read_scaling_commands(shape.command, shape.env, shape.files, shape.image)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.command or shape.image)[:60])
def test_each_shape_says_what_it_scales(shape: Shape) -> None:
    reading = read(shape)
    assert (reading.unread.kind if reading.unread else None) == shape.issue, reading
    if shape.issue:
        assert reading.unread is not None
        assert shape.names in reading.unread.reason
    else:
        assert {command.pool: command.nodes for command in reading.commands} == shape.counts
        assert all(command.per_zone == shape.per_zone for command in reading.commands)
    assert bool(reading.passed_over) == shape.has_pods


# Rule: nothing that looks like node scaling is silent, and nothing of pods is billed as nodes


def test_the_shapes_are_at_least_a_hundred_and_all_different() -> None:
    assert len({repr(shape) for shape in SHAPES}) == len(SHAPES) >= 100


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_no_wrapping_makes_node_scaling_silent_or_bills_pods(wrap: Callable[[str], str | list[str]]) -> None:
    for shape in SHAPES:
        if not isinstance(shape.command, str) or not shape.command or shape.image:
            continue
        reading = read_scaling_commands(wrap(shape.command), shape.env, shape.files)
        if shape.is_unrelated or (shape.has_pods and not shape.counts):
            assert reading.commands == (), shape
            assert reading.unread is None, shape
        else:
            assert reading.commands or reading.unread, shape
            assert reading.unread or {command.pool: command.nodes for command in reading.commands} == shape.counts


# Rule: containers of one CronJob are read together


def test_containers_set_their_pools_together() -> None:
    up, down, web = (
        read_scaling_commands(command)
        for command in (SCALE, "kubectl scale md/a --replicas=0", "kubectl scale deployment/web --replicas=3")
    )
    both = combine([up, web, down, up])
    assert both == Reading((ScalingCommand("a", 0), ScalingCommand("gpu", 4)), None, ("kubectl scale deployment/web",))


def test_one_pool_set_to_two_counts_is_unread() -> None:
    reading = combine([read_scaling_commands(SCALE), read_scaling_commands(SCALE.replace("4", "2"))])
    assert reading.unread is not None
    assert reading.unread.reason == "it scales in more than one way (gpu to 2, gpu to 4)"


def test_a_count_of_each_zone_is_no_count_of_the_whole() -> None:
    resize = "gcloud container clusters resize c --node-pool gpu --num-nodes 4"
    reading = combine([read_scaling_commands(resize), read_scaling_commands(f"{resize} --region europe-west4")])
    assert reading.unread is not None


# Rule: docs/cli.md lists every form, and what it says of a form is so


def list_rows() -> list[tuple[str, str]]:
    """Each form of the table in docs/cli.md with the word behind it."""
    section = Path("docs/cli.md").read_text().partition("## Scaling tools\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")][2:]
    return [(form, row[-1].strip()) for row in rows for form in re.findall(r"`([^`]+)`", " ".join(row[:-1]))]


ROWS = list_rows()
PLACEHOLDERS = {"POOL": "gpu", "N": "4", "MIN": "0", "MAX": "8", "REGION": "europe-west4", "ZONE": "europe-west4-a"}


def fill_in(form: str) -> str:
    return re.sub(r"\b[A-Z]+\b", lambda found: PLACEHOLDERS.get(found[0], found[0]), form)


@pytest.mark.parametrize(("form", "word"), ROWS, ids=[form[:60] for form, _ in ROWS])
def test_each_row_of_the_docs_is_so(form: str, word: str) -> None:
    reading = read_scaling_commands(fill_in(form))
    if word.startswith("read"):
        assert reading == Reading((ScalingCommand("gpu", 4, per_zone="per zone" in word),))
    elif word == "named":
        assert reading.unread is not None
        assert reading.unread.kind == SCALER_NOT_READ
    else:
        assert (word, reading.commands, reading.unread) == ("passed over", (), None)
        assert reading.passed_over


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.title)
def test_each_form_has_a_row(form: Form) -> None:
    lines = [shlex.split(fill_in(row)) for row, _ in ROWS if not row.startswith("curl")]
    programs = [words for words in lines if words[0] in form.programs]
    assert any(form.match(words[0], words[1:], {}, "") for words in programs)


# Rule: any text has a reading, in bounded work

WORDS = sorted({word for shape in SHAPES for word in shlex.join([*shape.command] or [""]).split()} | {"\n", "\0", "é"})
TEXTS = st.sampled_from([" ".join(shape.command) for shape in SHAPES])


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=30), st.sampled_from(["", " ", "\n"]))
@settings(max_examples=200, deadline=None)
def test_any_words_have_a_reading(words: list[str], between: str) -> None:
    for command in (words, between.join(words), ["bash", "-c", between.join(words)]):
        read_scaling_commands(command, {"N": "4", "M": ELSEWHERE}, {"/scripts/up.sh": between.join(words)}, "x/y:1")


@given(TEXTS, TEXTS, st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=200, deadline=None)
def test_any_torn_script_has_a_reading(first: str, second: str, begin: int, end: int) -> None:
    read_scaling_commands(first[begin:] + second[:end])
    read_scaling_commands(["sh", "-c", second[:begin] + first[end:]])


@pytest.mark.parametrize(
    "script",
    [
        "for a in 1 2 3 4 5 6 7 8 9; do " * 8 + f"{SCALE}; " + "done; " * 8,
        "while true; do " * 30 + f"{SCALE}; " + "done; " * 30,
        f"f() {{ {SCALE}; f; f; }}; f",
        "A=xxxxxxxxxx; " + "A=$A$A$A$A; " * 40 + f"echo $A; {SCALE}",
        f"{SCALE}; " + "( " * 300 + ") " * 300,
        f"eval 'eval \"eval {SCALE}\"'; " + "$(" * 50 + ")" * 50,
        f"{SCALE}; " + "kubectl scale " * 700,
        "env " * 2_000 + SCALE,
        f"{SCALE}; " + "command " * 1_000 + "true; " + "busybox " * 1_000,
        f"{SCALE}; [ " + "! " * 4_000 + "x ]",
        f"{SCALE}; f() {{ g; }}; g() {{ f; }}; f",
        "${A:-" * 500 + "}" * 500 + f"; {SCALE}",
        f"{SCALE}; " + "gcloud container clusters --num-nodes " * 250,
        f'{SCALE}; echo "' + "$(echo " * 100 + ")" * 100 + '"',
    ],
    ids=lambda script: script[:30],
)
def test_hostile_scripts_are_bounded_and_not_silent(script: str) -> None:
    reading = read_scaling_commands(["sh", "-c", script])
    assert reading.commands or reading.unread


def test_a_variable_from_elsewhere_has_no_default() -> None:
    command = ["sh", "-c", "kubectl scale md/gpu --replicas=${N:-4}"]
    assert read_scaling_commands(command).commands == (ScalingCommand("gpu", 4),)
    for reading in (
        read_scaling_commands(command, {"N": ELSEWHERE}),
        read_scaling_commands(command, is_env_whole=False),
    ):
        assert reading.unread is not None
        assert "takes --replicas from ${N:-4}" in reading.unread.reason
