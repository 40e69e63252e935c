"""What the pages' server answers without a browser: status and sentence of odd requests, headers, static files."""

from __future__ import annotations

import gzip
import http.client
import re
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from browser.samples import Samples, samples  # noqa: F401  (a fixture)
from browser.server import Site, site  # noqa: F401  (a fixture)

REPORT: Final = "/reports/demo/demo/"
BIG: Final = "9" * 400


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Server:
    """The server of the sample reports, asked over bare HTTP: paths go out as they are."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


@pytest.fixture
def server(site: Site) -> Server:  # noqa: F811
    return Server(site.url)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/reports/demo/nothing/", "there is no CostReport nothing in namespace demo"),
        ("/reports/nowhere/demo/", "there is no CostReport demo in namespace nowhere"),
        ("/reports/demo/demo/service?name=nothing", "the report has no service 'nothing'; it has "),
        ("/reports/demo/demo/service", "the report has no service ''"),
        ("/reports/demo/demo/day?name=2024-01-01", "the report has no day '2024-01-01'"),
        ("/reports/demo/demo/day?name=tomorrow", "the report has no day 'tomorrow'"),
        ("/reports/demo/demo/pool?name=%00", "the report has no pool"),
        ("/reports/demo/demo/task?name=nothing", "the report has no charged task 'nothing'"),
        ("/reports/demo/nodes/task?name=1", "the report has no spec.tasks"),
        ("/reports/demo/nodes/attempts", "the report has no spec.tasks"),
        ("/reports/demo/nodes/spread", "the report has no spec.tasks"),
        ("/reports/demo/demo/attempts?service=nothing", "the report has no service 'nothing'"),
        ("/reports/demo/demo/attempts?date=nothing", "the report has no day 'nothing'"),
        ("/reports/demo/demo/compare?with=nothing", "there is no CostReport"),
        ("/reports/demo/demo/compare?with=demo/nothing", "there is no CostReport nothing in namespace demo"),
        ("/reports/demo/demo/download", "format must be one of csv, "),
        ("/reports/demo/demo/download?table=services&format=exe", "format must be one of csv, "),
        ("/reports/demo/demo/download?table=nothing&format=csv", "'nothing' can't be had as 'csv'"),
        ("/reports/demo/demo/download?table=../../etc/passwd&format=csv", "'../../etc/passwd' can't be had as 'csv'"),
        ("/reports/demo/demo/artifacts/2025-01-01T00:00:00Z/report.html", "no file 2025-01-01T00:00:00Z/report.html"),
        ("/reports/demo/demo/artifacts/..%2f..%2fetc/passwd", "no file ../../etc/passwd is kept"),
        ("/static/page-000000000000.css", "no such file"),
        ("/static/..%2fpage.py", "no such file"),
        ("/nothing", "Not Found"),
    ],
)
def test_what_is_not_there_is_a_404_with_a_sentence(server: Server, path: str, sentence: str) -> None:
    """For machines the sentence alone, for browsers a page that has it."""
    plain, page = server.ask(path), server.ask(path, Accept="text/html")
    assert (plain.status, page.status) == (404, 404)
    assert sentence in plain.text
    assert plain.headers["Content-Type"].startswith("text/plain")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<h1>404" in page.text


@pytest.mark.parametrize("page", ["-1", "0", "99999999999999", BIG, "", "x", "1.5", "²", "٣", "1e3", "null"])
def test_a_page_number_that_is_none_is_taken_for_the_nearest(server: Server, page: str) -> None:
    answer = server.ask(f"{REPORT}attempts?page={quote(page)}")
    assert answer.status == 200
    assert re.search(r"page [\d,]+ of [\d,]+\.", answer.text)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("tomorrow", "never"),
        ("2025-08-11", "2025-08-04"),
        ("2025-08-04", "2025-08-04"),
        ("2025-08-04", ""),
        ("", "2025-08-04"),
        ("2025-02-30", "2025-03-01"),
        ("-0001-01-01", "2025-01-01"),
        ("2025-08-04", "2025-08-05T00:00:00Z"),
        (BIG, BIG),
        ("%00", "\n"),
    ],
)
def test_dates_that_are_none_are_a_sentence(server: Server, start: str, end: str) -> None:
    answer = server.ask(f"{REPORT}compare?start={quote(start)}&end={quote(end)}")
    assert answer.status == 400
    assert "spec.period" in answer.text
    assert len(answer.text) < 500


def test_a_period_of_ages_is_a_sentence(server: Server) -> None:
    answer = server.ask(f"{REPORT}compare?start=0001-01-01&end=9999-12-31")
    assert answer.status in (400, 503)
    assert answer.text == "spec.period must be at most 7,320 days long"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.:80", "", "a b", "[::2]"])
@pytest.mark.parametrize("path", ["/", REPORT])
def test_whoever_asks_for_another_host_is_sent_away(server: Server, path: str, host: str) -> None:
    """DNS rebinding: a web page elsewhere has its own name lead here."""
    answer = server.ask(path, Host=host)
    assert answer.status in (400, 421)
    assert "demo" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", REPORT, f"{REPORT}compare"])
def test_nothing_can_be_changed(server: Server, method: str, path: str) -> None:
    assert server.ask(path, method).status == 405


@pytest.mark.parametrize("path", ["/", REPORT, f"{REPORT}schedule", f"{REPORT}service?name=video"])
def test_head_is_get_without_a_body(server: Server, path: str) -> None:
    got, head = server.ask(path), server.ask(path, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.body))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        REPORT,
        f"{REPORT}schedule",
        f"{REPORT}attempts",
        f"{REPORT}spread",
        f"{REPORT}compare",
        f"{REPORT}pool?name=l4-pool",
        "/nothing",
    ],
)
def test_every_page_says_what_a_browser_may_do_with_it(server: Server, path: str) -> None:
    headers = server.ask(path, Accept="text/html").headers
    policy = {part.split()[0]: part.split()[1:] for part in headers["Content-Security-Policy"].split(";")}
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Server" not in headers


@pytest.mark.parametrize(
    "path", [f"{REPORT}download?table=services&format=csv", f"{REPORT}download?table=x&format=csv"]
)
def test_a_download_is_no_page(server: Server, path: str) -> None:
    headers = server.ask(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert not headers["Content-Type"].startswith("text/html")


def test_head_of_a_download_makes_nothing_of_it(server: Server) -> None:
    """So its length is not known."""
    got, head = (server.ask(f"{REPORT}download?table=days&format=csv", method) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Content-Disposition", "Cache-Control"):
        assert head.headers[name] == got.headers[name]


def test_a_download_has_a_plain_name(server: Server) -> None:
    answer = server.ask(f"{REPORT}download?table=services&format=csv")
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="demo-demo-2025-08-04_2025-08-31-services.csv"'
    )


def test_static_files_are_named_by_their_content_and_kept_for_ever(server: Server) -> None:
    page = server.ask(REPORT).text
    found = re.findall(r'(?:src|href)="../../../(static/[^"]+)"', page)
    assert [re.sub(r"-.*\.", ".", path) for path in found] == [
        "static/page.css",
        "static/charts.js",
        "static/page.js",
    ]
    for path in found:
        plain, zipped = server.ask(f"/{path}"), server.ask(f"/{path}", Accept_Encoding="gzip")
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(zipped.body) == plain.body


def test_pages_are_zipped_where_the_client_takes_it(server: Server) -> None:
    plain, zipped = server.ask(REPORT), server.ask(REPORT, Accept_Encoding="gzip")
    assert zipped.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(zipped.body) == plain.body


def test_a_page_is_the_same_until_the_report_is_another(server: Server) -> None:
    assert server.ask(REPORT).body == server.ask(REPORT).body


@pytest.mark.parametrize("path", [REPORT[:-1], "/reports/demo/", "/reports/", "//", "/reports/demo/demo/schedule/"])
def test_half_an_address_is_a_404_or_leads_to_the_whole(server: Server, path: str) -> None:
    assert server.ask(path).status in (404, 308, 301)
