"""Style and scripts of pages, and the policy under which a browser runs them."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from importlib.resources import files
from typing import Final

CHARTS: Final = "charts.js"
"""The charts' runtime, made when it is first needed; the other assets are files of the package."""
MEDIA_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True)
class Asset:
    """A style sheet or script."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 in base64, as content security policies name it."""
        return base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()

    @property
    def path(self) -> str:
        """Its address below the server's root; another content has another address, so it may be cached for ever."""
        stem, _, ending = self.name.rpartition(".")
        return f"static/{stem}-{hashlib.sha256(self.text.encode()).hexdigest()[:12]}.{ending}"

    @cached_property
    def zipped(self) -> bytes:
        """Its text as gzip."""
        return gzip.compress(self.text.encode(), mtime=0)

    @property
    def media_type(self) -> str:
        """For the header Content-Type."""
        return MEDIA_TYPES[self.name.rpartition(".")[2]]


@cache
def asset(name: str) -> Asset:
    """An asset by its name: page.css, page.js, charts.js."""
    if name == CHARTS:
        from gpucost.report.charts.render import bundle

        return Asset(name, bundle().replace("</script", "<\\/script"))  # it also stands inside a page
    return Asset(name, (files("gpucost.pages") / "static" / name).read_text(encoding="utf-8"))


def charts_path() -> str:
    """The address of the charts' runtime, by what it is made of: it is made only when a browser asks for it."""
    return f"static/charts-{version('vl-convert-python')}-{version('gpucost')}.js"


SERVED_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Of the server's pages: nothing inline, nothing from elsewhere, no frames."""


def file_policy(*inline: Asset) -> str:
    """Of a page that is one file: only these scripts and styles, and no network at all."""
    scripts = " ".join(f"'sha256-{one.digest}'" for one in inline if one.name.endswith(".js"))
    styles = " ".join(f"'sha256-{one.digest}'" for one in inline if one.name.endswith(".css"))
    return f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; form-action 'none'; base-uri 'none'"
