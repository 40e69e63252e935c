"""Manifests by name: files, folders with everything below them, and globs, in the order in which they are named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Final

from gpucost.core.issues import shorten
from gpucost.sources.yamlfiles import STANDARD_INPUT, ManifestError, load_manifests

SUFFIXES: Final = (".yaml", ".yml", ".json")


def load_all(sources: Sequence[str]) -> list[object]:
    """The manifests of files, folders and globs; ``-`` is standard input. Raises ManifestError."""
    paths = dict.fromkeys(path for source in sources for path in find_files(source))
    return [manifest for path in paths for manifest in load_manifests(path)]


def find_files(source: str) -> Iterator[str]:
    """The files of a source. Raises ManifestError where a folder or a glob has none."""
    if source == STANDARD_INPUT or "\0" in source or os.path.isfile(source):
        yield source
    elif os.path.isdir(source):
        yield from _files_in(source)
    elif has_magic(source) and not os.path.exists(source):
        yield from _matches(source)
    else:
        yield source  # whoever reads it says what is wrong


def _files_in(folder: str) -> list[str]:
    found = sorted(_walk(Path(folder)))
    if not found:
        raise ManifestError(f"{folder}: holds no file that ends in {', '.join(SUFFIXES)}, nor does a folder in it")
    return [str(path) for path in found]


def _walk(folder: Path) -> Iterator[Path]:
    """Files of a folder and below. Hidden ones are left out: a mounted ConfigMap holds each file once more in one."""
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        raise ManifestError(f"{folder}: cannot be read: {error.strerror or error}") from None
    for path in inside:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from () if path.is_symlink() else _walk(path)  # a link may lead back
        elif path.suffix in SUFFIXES:
            yield path


def _matches(pattern: str) -> Iterator[str]:
    found = sorted(glob(pattern, recursive=True))
    if not found:
        raise ManifestError(f"{shorten(pattern, len(pattern))}: no file matches this glob")
    for path in found:
        yield from find_files(path)
