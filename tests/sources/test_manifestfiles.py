"""--cronjobs: files, folders and globs, in the order in which they are named, each file once."""

from __future__ import annotations

from pathlib import Path

import pytest

import gpucost
from command import NOW, cron_job, manifest, write
from gpucost.sources.manifestfiles import find_files, load_all
from gpucost.sources.yamlfiles import ManifestError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Manifests in a tree, beside what is none."""
    for path in (
        "b.yaml",
        "a/z.yml",
        "a/deep/c.json",
        "a.yaml",
        "README.md",
        ".git/x.yaml",
        "..data/a.yaml",
        "b.yaml.bak",
    ):
        file = tmp_path / "jobs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}", encoding="utf-8")
    return tmp_path / "jobs"


def names(folder: Path, source: str | Path) -> list[str]:
    return [str(Path(path).relative_to(folder)) for path in find_files(str(source))]


def test_a_folder_is_read_with_all_below_it_in_the_order_of_names(folder: Path) -> None:
    """Without hidden files: a mounted ConfigMap has each file once more in ..data."""
    assert names(folder, folder) == ["a/deep/c.json", "a/z.yml", "a.yaml", "b.yaml"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.yaml", ["a.yaml", "b.yaml"]),
        ("[ab].yaml", ["a.yaml", "b.yaml"]),
        ("**/*.yml", ["a/z.yml"]),
        ("a", ["a/deep/c.json", "a/z.yml"]),
        ("?", ["a/deep/c.json", "a/z.yml"]),
        ("b.yaml.bak", ["b.yaml.bak"]),
    ],
)
def test_globs_and_names(pattern: str, found: list[str], folder: Path) -> None:
    assert names(folder, folder / pattern) == found


def test_a_file_whose_name_looks_like_a_glob(folder: Path) -> None:
    (folder / "[1].yaml").write_text("{}", encoding="utf-8")
    assert names(folder, folder / "[1].yaml") == ["[1].yaml"]


def test_what_is_not_there_is_said(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(ManifestError, match=r"empty: holds no file that ends in \.yaml, \.yml, \.json"):
        load_all([str(folder / "empty")])
    with pytest.raises(ManifestError, match=r"\*\.toml: no file matches this glob"):
        load_all([str(folder / "*.toml")])
    with pytest.raises(ManifestError, match=r"none\.yaml: cannot be read: No such file"):
        load_all([str(folder / "none.yaml")])


def test_a_link_that_leads_back_is_no_endless_folder(folder: Path) -> None:
    (folder / "a" / "back").symlink_to(folder, target_is_directory=True)
    assert names(folder, folder) == ["a/deep/c.json", "a/z.yml", "a.yaml", "b.yaml"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", cron_job())
    assert load_all([str(path), str(tmp_path), str(tmp_path / "*.yaml")]) == [cron_job()]


def test_compute_takes_the_same(tmp_path: Path) -> None:
    """A path, a folder, a glob, several of them, or documents: one node for two days."""
    path = write(tmp_path / "a.yaml", cron_job())
    for jobs in (path, str(path), tmp_path, str(tmp_path / "*.yaml"), [path], [str(path), tmp_path], [cron_job()]):
        report = gpucost.compute(manifest(), jobs, now=NOW)
        assert report.pools[0].node_us == 48 * 3_600_000_000
