"""Section 1 of the method: globs ignore case and match the whole name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.core.globs import Globs


@pytest.mark.parametrize(
    ("glob", "matches", "others"),
    [
        ("*a100*", ["a100", "gpu-A100-spot", "xa100"], ["a-100", ""]),
        ("l4", ["l4", "L4"], ["l4-batch", "xl4", "l4\n"]),
        ("L4-?", ["l4-1", "L4-é"], ["l4-", "l4-12"]),
        ("gpu-[a-c]*", ["gpu-a", "GPU-B2", "gpu-c"], ["gpu-d", "gpu-"]),
        ("gpu-[!a-c]", ["gpu-d", "gpu-1"], ["gpu-a", "GPU-A"]),
        ("GPU-[A-C]", ["gpu-a"], ["gpu-d"]),
        ("*", ["", "anything", "two\nlines"], []),
        ("?", ["x", "é"], ["", "xx"]),
        ("a.b", ["a.b", "A.B"], ["axb"]),
        ("[", ["["], ["", "[["]),  # an unclosed bracket stands for itself
        ("a[", ["a[", "A["], ["a"]),
        ("[]]", ["]"], ["[]]"]),
        ("ü*", ["Übung", "ü"], ["u"]),
        ("", [""], ["x"]),
    ],
)
def test_what_a_glob_matches(glob: str, matches: list[str], others: list[str]) -> None:
    globs = Globs.of([glob])
    assert [name for name in matches if not globs.match(name)] == []
    assert [name for name in others if globs.match(name)] == []


def test_any_of_several_will_do_and_none_matches_nothing() -> None:
    globs = Globs.of(["api-*", "*-ai"])
    assert [globs.match(name) for name in ("api-llm", "upscale-ai", "text2img")] == [True, True, False]
    assert not Globs.of([]).match("")


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("[]!*?-^&~|\\"), max_size=12), st.text(max_size=8))
def test_every_text_is_a_glob(text: str, name: str) -> None:
    assert Globs.of([text]).match(name) in (True, False)


@given(st.text(st.characters(codec="ascii", exclude_characters="*?["), max_size=12))
def test_a_text_without_wildcards_matches_itself_in_any_case(text: str) -> None:
    globs = Globs.of([text])
    assert globs.match(text)
    assert globs.match(text.upper())
    assert globs.match(text.lower())
    assert not globs.match(text + "x")
