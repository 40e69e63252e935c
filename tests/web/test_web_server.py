"""The server over real sockets: formats, gzip, health, and what strangers get."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from gpucost.metrics.operator import OperatorMetrics
from gpucost.metrics.page import MetricsPage
from gpucost.web.encoding import takes_gzip
from gpucost.web.listening import serve
from gpucost.web.server import application
from metrics.pages import made
from prometheus import StartPrometheus, start_prometheus  # noqa: F401  (a fixture)

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROMETHEUS = (  # what Prometheus 3 asks for
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


Ask = Callable[..., Awaitable[Answer]]


def page_of_one() -> MetricsPage:
    page = MetricsPage(CollectorRegistry())
    page.put("finops", "june", made())
    return page


def served(use: Callable[[Ask, str], Awaitable[None]], page: MetricsPage | None = None, *unready: str) -> None:
    """Serve a page on a free port of the loopback interface while ``use`` asks for paths."""

    async def run() -> None:
        runner = await serve(application(page or page_of_one(), lambda: unready), "127.0.0.1", 0)
        url = "http://{}:{}".format(*runner.addresses[0])
        try:
            async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as session:

                async def ask(path: str, method: str = "GET", **headers: str) -> Answer:
                    names = {name.replace("_", "-"): value for name, value in headers.items()}
                    async with session.request(method, url + path, headers=names) as answer:
                        return Answer(answer.status, answer.headers, await answer.read())

                await use(ask, url)
        finally:
            await runner.cleanup()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, TEXT),
        ("*/*", TEXT),
        ("text/html", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("text/plain;version=1.0.0;escaping=underscores", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;version=x", TEXT),
        ("application/openmetrics-text;version=1.x;q=1, text/plain", TEXT),
        (",;=", TEXT),
        (PROMETHEUS, OPENMETRICS),
    ],
)
def test_metrics_come_in_the_format_that_the_client_asks_for(accept: str | None, expected: str) -> None:
    page = page_of_one()

    async def use(ask: Ask, _: str) -> None:
        answer = await (ask("/metrics", Accept=accept) if accept else ask("/metrics"))
        assert (answer.status, answer.headers["Content-Type"]) == (200, expected)
        assert answer.body == page.encode(expected == OPENMETRICS)
        assert "Content-Encoding" not in answer.headers

    served(use, page)


@pytest.mark.parametrize("accept", ["*/*", PROMETHEUS])
def test_metrics_are_zipped_where_the_client_takes_it(accept: str) -> None:
    page = page_of_one()

    async def use(ask: Ask, _: str) -> None:
        answer = await ask("/metrics", Accept=accept, Accept_Encoding="deflate, gzip;q=0.8")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"
        assert gzip.decompress(answer.body) == page.encode(accept == PROMETHEUS)

    served(use, page)


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip", True),
        ("gzip;q=0.1", True),
        ("gzip; q=1.0", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("br;q=1", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("x-gzip-not", False),
    ],
)
def test_gzip_is_taken_unless_refused(header: str, taken: bool) -> None:
    assert takes_gzip(header) is taken


def test_a_browser_and_a_client_that_unzips_see_the_same() -> None:
    page = page_of_one()

    async def use(_: Ask, url: str) -> None:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert await answer.read() == page.encode(False)

    served(use, page)


def test_healthy_and_ready() -> None:
    async def use(ask: Ask, _: str) -> None:
        for path in ("/healthz", "/readyz"):
            answer = await ask(path)
            assert (answer.status, answer.body) == (200, b"ok\n")

    served(use)


def test_what_is_not_ready_is_named_line_by_line_and_health_stays() -> None:
    async def use(ask: Ask, _: str) -> None:
        answer = await ask("/readyz")
        assert (answer.status, answer.body) == (503, b"the ledger is locked\nCronJobs are not listed yet\n")
        assert (await ask("/healthz")).status == 200
        assert (await ask("/metrics")).status == 200

    served(use, None, "the ledger is locked", "CronJobs are not listed yet")


def test_readiness_is_asked_anew_each_time() -> None:
    missing = ["the first list"]

    async def use() -> None:
        runner = await serve(application(page_of_one(), lambda: missing), "127.0.0.1", 0)
        url = "http://{}:{}/readyz".format(*runner.addresses[0])
        async with aiohttp.ClientSession() as session:
            async with session.get(url) as answer:
                assert answer.status == 503
            missing.clear()
            async with session.get(url) as answer:
                assert answer.status == 200
        await runner.cleanup()

    asyncio.run(use())


def test_the_root_lists_every_path() -> None:
    async def use(ask: Ask, _: str) -> None:
        answer = await ask("/")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert [line.split()[0] for line in answer.body.decode().splitlines()[2:]] == [
            "/metrics",
            "/healthz",
            "/readyz",
        ]
        for line in answer.body.decode().splitlines()[2:]:
            assert (await ask(line.split()[0])).status == 200

    served(use)


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz"])
def test_head_answers_like_get_without_a_body(path: str) -> None:
    async def use(ask: Ask, _: str) -> None:
        got, head = await ask(path), await ask(path, "HEAD")
        assert (head.status, head.body) == (200, b"")
        for name in ("Content-Type", "Content-Length", "Cache-Control"):
            assert head.headers[name] == got.headers[name]

    served(use)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/metrics/", 404),
        ("GET", "//metrics", 404),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/%2e%2e/%00", 404),
        ("GET", "/favicon.ico", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/", 405),
    ],
)
def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    async def use(ask: Ask, _: str) -> None:
        assert (await ask(path, method)).status == status

    served(use)


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz", "/nothing"])
def test_answers_are_sealed(path: str) -> None:
    async def use(ask: Ask, _: str) -> None:
        headers = (await ask(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers

    served(use)


def test_a_taken_port_is_one_sentence() -> None:
    async def use() -> None:
        first = await serve(application(page_of_one(), list), "127.0.0.1", 0)
        port = first.addresses[0][1]
        with pytest.raises(
            OSError, match=rf"^can't listen on 127\.0\.0\.1:{port}: Address already in use; free it or"
        ) as caught:
            await serve(application(page_of_one(), list), "127.0.0.1", port)
        assert "\n" not in str(caught.value)
        await first.cleanup()
        again = await serve(application(page_of_one(), list), "127.0.0.1", port)
        await again.cleanup()

    asyncio.run(use())


@pytest.mark.parametrize(("host", "shown"), [("192.0.2.1", "192.0.2.1:8080"), ("no.such.host.invalid", "no.such")])
def test_a_foreign_address_is_one_sentence(host: str, shown: str) -> None:
    async def use() -> None:
        with pytest.raises(OSError, match=f"^can't listen on {shown}"):
            await serve(application(page_of_one(), list), host, 8080)

    asyncio.run(use())


def test_only_the_asked_address_listens() -> None:
    async def use() -> None:
        runner = await serve(application(page_of_one(), list), "127.0.0.1", 0)
        ((host, port),) = runner.addresses
        assert host == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.2", port)
        await runner.cleanup()

    asyncio.run(use())


def test_a_changed_report_shows_in_the_next_scrape() -> None:
    page = page_of_one()

    async def use(ask: Ask, _: str) -> None:
        assert b'report="june"' in (await ask("/metrics")).body
        page.remove("finops", "june")
        assert b'report="june"' not in (await ask("/metrics")).body

    served(use, page)


def test_prometheus_reads_the_values(start_prometheus: StartPrometheus) -> None:  # noqa: F811
    """Over its own content negotiation, which is OpenMetrics with gzip."""
    registry = CollectorRegistry()
    own, page = OperatorMetrics(registry, "0.1.0"), MetricsPage(registry)
    own.queue_waited(0.3)
    odd = 'vidéo "x"\\\n'
    page.put("finops", "june", made(value=0.1 + 0.2, name=odd))

    async def use(_: Ask, url: str) -> None:
        def asked() -> dict[str, Any]:
            server = start_prometheus(f"{url}/metrics")
            server.wait_scraped()
            rows = server.query('gpucost_service_cost{report="june"}')
            (info,) = server.query("gpucost_build_info")
            (waited,) = server.query("gpucost_work_queue_latency_seconds_sum")
            return {
                "cost": {row.labels["service"]: float(row.value) for row in rows},
                "version": info.labels["version"],
                "waited": float(waited.value),
            }

        assert await asyncio.to_thread(asked) == {
            "cost": {f"{odd}-{i}": 0.1 + 0.2 + i for i in range(3)},
            "version": "0.1.0",
            "waited": 0.3,
        }

    served(use, page)
