"""Listening on one address, for whatever application."""

from __future__ import annotations

import os
from typing import Final

from aiohttp import web

from gpucost.web.access import server_log

SHUTDOWN_SECONDS: Final = 5.0
"""How long open requests may take once the server stops: well under Kubernetes' 30 s of grace."""


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Listen on one address only; port 0 takes a free one, see ``runner.addresses``. The caller cleans the runner up.

    Raises OSError with one sentence where the address can't be had.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, logger=server_log())
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise OSError(f"can't listen on {address(host, port)}: {_why(error)}; free it or choose another") from error
    return runner


def _why(error: OSError) -> str:
    """The system's own words: asyncio's repeat the address. A host that can't be resolved has a negative number."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def address(host: str, port: int) -> str:
    """Host and port as in a URL: ``127.0.0.1:8080``, ``[::1]:8080``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
