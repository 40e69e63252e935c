"""Downloads go out as they are made: a chunk when the one before is sent, and never half a file as a whole one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from gpucost.report.downloads import Download
from gpucost.web import rendering
from gpucost.web.listening import serve
from gpucost.web.rendering import streamed

CHUNK = b"x" * 1_000_000
LOCAL = "http://127.0.0.1:{}/"


@asynccontextmanager
async def serving(chunks: Iterator[bytes]) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A server of a file of these chunks: its port, and an event when an answer has ended, however it did."""
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await streamed(request, Download("a.csv", "text/csv", chunks))
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/", answer)
    runner = await serve(app, "127.0.0.1", 0)
    try:
        yield runner.addresses[0][1], ended
    finally:
        await runner.cleanup()


def test_a_file_comes_whole() -> None:
    async def run() -> bytes:
        async with (
            serving(iter([b"a,b\n", b"", b"1,2\n"])) as (port, _),
            aiohttp.request("GET", LOCAL.format(port)) as answer,
        ):
            assert answer.headers["Content-Disposition"] == 'attachment; filename="a.csv"'
            return await answer.read()

    assert asyncio.run(run()) == b"a,b\n1,2\n"


def test_what_fails_amid_a_file_leaves_no_whole_file() -> None:
    def chunks() -> Iterator[bytes]:
        yield CHUNK
        raise MemoryError

    async def run() -> None:
        async with serving(chunks()) as (port, _), aiohttp.request("GET", LOCAL.format(port)) as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()

    asyncio.run(run())


def test_who_takes_nothing_is_let_go_and_nothing_more_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunks that fill the network's buffers are made, but not the thousand that were asked for."""
    monkeypatch.setattr(rendering, "STALLED_SECONDS", 0.2)
    made: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(1_000):
            made.append(number)
            yield CHUNK

    async def run() -> None:
        async with serving(chunks()) as (port, ended):
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.wait_for(ended.wait(), 20)
            writer.close()

    asyncio.run(run())
    assert 0 < len(made) < 500
