"""Log lines as text or JSON, on stderr; one for each change of state, none for a quiet refresh."""

from __future__ import annotations

import json
import logging
import sys
from typing import Final

from gpucost.controller.settings import LogFormat, Settings
from gpucost.core.instants import instant_text

QUIET: Final = ("kopf", "aiohttp", "alembic", "sqlalchemy", "kubernetes", "asyncio")
"""Libraries that say of every object and request what they do with it: only their warnings are kept."""


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S%z")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object on one line."""
        line = {
            "time": instant_text(int(record.created * 1e6)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(settings: Settings) -> None:
    """Send all logging to stderr in the format and from the level that the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if settings.log_format is LogFormat.JSON else _Text())
    level = settings.log_level.upper()
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
