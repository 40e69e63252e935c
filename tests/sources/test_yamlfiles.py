"""Manifests from YAML and JSON text."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.sources.yamlfiles import ManifestError, flatten_lists, load_manifests, parse_documents


def problem(text: str) -> str:
    """The error of a text that can't be read."""
    with pytest.raises(ManifestError) as caught:
        parse_documents(text, "cronjobs.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2025-06-01", "2025-06-01"),
        ("2025-06-01T00:00:00Z", "2025-06-01T00:00:00Z"),
        ("2025-06-01 08:00:00 +02:00", "2025-06-01 08:00:00 +02:00"),
        ("!!timestamp 2025-06-01", "2025-06-01"),
        ("12:30", "12:30"),  # 750 in YAML 1.1
        ("=", "="),
        ("4", 4),
        ("0x1f", 31),
        ("9.50", 9.5),
        ("true", True),
        ("~", None),
    ],
)
def test_dates_and_times_without_quotes_are_text(written: str, read: object) -> None:
    assert parse_documents(f"field: {written}") == [{"field": read}]


def test_several_documents_and_empty_ones() -> None:
    assert parse_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n") == [{"a": 1}, {"b": 2}]
    assert parse_documents("") == []


def test_json_one_value_or_several() -> None:
    assert parse_documents('\ufeff {"a": 1}') == [{"a": 1}]
    assert parse_documents('{"a": 1}\n{"b": 2} {"c": 3}') == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_yaml_that_begins_with_a_bracket() -> None:
    assert parse_documents("{a: 1, b: [2, 3,]}") == [{"a": 1, "b": [2, 3]}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", "line 2, column 2: unreadable YAML: did not find expected ',' or ']'"),
        ("a:\n  b: 1\n  b: 2", "line 3, column 3: unreadable YAML: the key 'b' stands twice in a map"),
        ('{"a": 1,\n "a": 2}', "line 2, column 2: unreadable YAML: the key 'a' stands twice in a map"),
        ('{"a": 1,\n "b": }x', "line 2, column 7: unreadable JSON: Expecting value"),
        ("a: x\nb: \x01", "line 2, column 4: unreadable YAML: control characters are not allowed"),
        ("a: !!python/name:os.system x", "line 1, column 4: unreadable YAML: could not determine a constructor"),
        ("a: *b", "line 1, column 4: unreadable YAML: found undefined alias"),
    ],
)
def test_an_error_names_the_file_and_the_place(text: str, message: str) -> None:
    assert problem(text).startswith(f"cronjobs.yaml, {message}")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 100_000, '{"a":' * 100_000, "a: " + "9" * 5000, "{a: " + "[" * 9999]
)
def test_texts_that_would_end_the_process_are_errors(text: str) -> None:
    problem(text)


def test_depth_by_indentation_is_limited_too() -> None:
    assert "nested more than 200 levels deep" in problem("".join(" " * level + "a:\n" for level in range(300)))
    assert len(parse_documents("\n".join(f"- '[{{ {number}'" for number in range(1000)))) == 1  # brackets in text


def test_merge_keys_are_no_duplicates() -> None:
    text = "{base: &a {k: 1, l: 1}, one: &b {<<: *a, k: 2}, two: {<<: *b, k: 3}}"
    assert parse_documents(text) == [{"base": {"k": 1, "l": 1}, "one": {"k": 2, "l": 1}, "two": {"k": 3, "l": 1}}]


def test_lists_are_flattened() -> None:
    """``kubectl get -o yaml`` gives a List; the API's own CronJobList leaves out the kind of its items."""
    documents = parse_documents("""
kind: List
items: [{kind: CronJob, metadata: {name: a}}, {kind: NodePrice}]
---
kind: CronJobList
apiVersion: batch/v1
items: [{metadata: {name: b}}]
---
kind: List
""")
    assert list(flatten_lists(documents)) == [
        {"kind": "CronJob", "metadata": {"name": "a"}},
        {"kind": "NodePrice"},
        {"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": "b"}},
    ]


def test_a_list_that_holds_itself_ends() -> None:
    assert list(flatten_lists(parse_documents("&l {kind: List, items: [*l, 1]}"))) == [1]


def test_a_file_and_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "cronjobs.yaml"
    path.write_text("kind: List\nitems: [{a: ü}]", encoding="utf-8")
    assert load_manifests(str(path)) == [{"a": "ü"}]
    assert load_manifests("-", stdin=io.StringIO("a: 1")) == [{"a": 1}]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere\.yaml: cannot be read: No such file or directory"):
        load_manifests(str(tmp_path / "nowhere.yaml"))
    (tmp_path / "latin.yaml").write_bytes(b"a: \xfc")
    with pytest.raises(ManifestError, match="not UTF-8"):
        load_manifests(str(tmp_path / "latin.yaml"))
    with pytest.raises(ManifestError, match="cannot be read"):
        load_manifests(str(tmp_path))
    with pytest.raises(ManifestError, match="standard input, line 1"):
        load_manifests("-", stdin=io.StringIO("a: ]"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON.filter(lambda value: isinstance(value, dict | list)))
def test_json_reads_back_as_it_was_written(value: object) -> None:
    assert parse_documents(json.dumps(value)) == [value]


@given(st.text(st.sampled_from("ab:-?[]{}&*!|>'\"#%@,= \n\t\x00\ud8001_.+"), max_size=40) | st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ManifestError):
        parse_documents(text)
