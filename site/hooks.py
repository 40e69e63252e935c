"""What the docs need to become a site: README.md is its first page, and links to the source are names, for a site has none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """The first page, and its picture's way to it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to files that are not part of the site become their text."""
    parts = _FENCE.split(markdown)
    return "".join(part if place % 2 else _LINK.sub(lambda link: _kept(link), part) for place, part in enumerate(parts))


def _kept(link: re.Match[str]) -> str:
    target = link["target"].partition("#")[0]
    if "://" in target or not target or (not target.startswith(".") and (ROOT / "docs" / target).is_file()):
        return link[0]
    return f"`{link['text']}`" if "`" not in link["text"] else link["text"]
