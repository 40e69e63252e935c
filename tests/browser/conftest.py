"""The fixtures of the tests in a browser: the browser, sample reports, their files, and a server of their pages."""

from __future__ import annotations

from browser.chromium import browser, visit  # noqa: F401  (fixtures)
from browser.samples import samples  # noqa: F401  (a fixture)
from browser.server import site  # noqa: F401  (a fixture)
