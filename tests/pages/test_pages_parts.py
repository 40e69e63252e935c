"""The parts that pages are made of: forms of values, links, data in scripts, policies, dates of the period before."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from fractions import Fraction
from typing import Any

import pytest

from gpucost.computing import compute
from gpucost.pages.assets import CHARTS, asset, charts_path, file_policy
from gpucost.pages.comparing import previous_dates
from gpucost.pages.frame import Frame, data_block
from gpucost.pages.grid import UNKNOWN, Cell, Pick, grid, section_grid
from gpucost.pages.links import SERVER, Links, query, report_path
from gpucost.pages.listing import Listed, listing_page, message_page
from gpucost.report.columns import Column, Kind, Table
from gpucost.report.explain import Section

HOSTILE = '</script><script>alert("1")</script>'


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Kind.MONEY, 1_234_567_891_000_000, "1,234,567.89"),
        (Kind.MONEY, -20_000_000, "-0.02"),
        (Kind.MONEY, 0, "0.00"),
        (Kind.SECONDS, 5_400_000_000, "1.5"),
        (Kind.RATIO, Fraction(1, 3), "33.3 %"),
        (Kind.TARIFF, Fraction(1_500_000_000, 7), "0.214286"),
        (Kind.COUNT, 1_234, "1,234"),
        (Kind.TEXT, HOSTILE, HOSTILE),
        (Kind.FLAG, False, "no"),
        (Kind.MONEY, None, UNKNOWN),
        (Kind.RATIO, None, UNKNOWN),
    ],
)
def test_a_cell_is_rounded_for_people_and_unknown_is_no_zero(kind: Kind, value: Any, shown: str) -> None:
    table = Table("t", (Column("x", kind, [value]),))
    assert grid(table, [Pick("x", "label")], "Title").rows == [(Cell(shown),)]


def test_a_total_has_a_cell_under_each_column_it_knows() -> None:
    table = Table("t", (Column("name", Kind.TEXT, ["a", "b"]), Column("cost", Kind.MONEY, [10**9, 2 * 10**9])))
    whole = Table("whole", (Column("cost", Kind.MONEY, [3 * 10**9]),))
    found = grid(table, [Pick("name", "name"), Pick("cost", "cost")], "Title", total=whole)
    assert found.total == (Cell("total"), Cell("3.00"))
    assert [head.numeric for head in found.heads] == [False, True]


def test_a_long_section_says_how_much_of_it_is_shown() -> None:
    section = Section("Long", ("task", "charged"), tuple((str(i), "0.00") for i in range(1_000)))
    found = section_grid(section, "long", {}, 200)
    assert len(found.rows) == 200
    assert found.note == "the first 200 of 1,000 rows"


def test_names_are_part_of_a_query_and_never_of_a_path() -> None:
    assert query("service", name="../a?b#c&d=e") == "service?name=..%2Fa%3Fb%23c%26d%3De"
    assert report_path("finops", "../..") == "reports/finops/..%2F../"


def test_a_file_links_to_its_own_parts_only() -> None:
    inside = Links({("pool", "gpu"): "proof-0"})
    assert (inside.href("pool", "gpu"), inside.href("day", "2025-06-01")) == ("#proof-0", None)
    assert SERVER.href("pool", "gpu") == "pool?name=gpu"
    assert (inside.live, SERVER.live) == (False, True)


def test_data_in_a_script_cannot_end_it() -> None:
    written = str(data_block({"name": HOSTILE, "line": "\u2028", "comment": "<!--"}))
    assert "<" not in written
    assert json.loads(written) == {"name": HOSTILE, "line": "\u2028", "comment": "<!--"}


def test_the_policy_of_a_file_names_its_scripts_by_their_hash() -> None:
    """As a browser hashes what stands between the tags."""
    page = message_page(Frame("Title"), "message")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        stated = re.search(rf"{directive} ([^;]*)", policy[1].replace("&#39;", "'"))
        assert stated is not None
        assert stated[1].split() == [f"'sha256-{one}'" for one in hashes]
    assert "unsafe" not in policy[1]
    assert "default-src 'none'" in file_policy()


def test_an_asset_has_the_address_of_its_content() -> None:
    digest = hashlib.sha256(asset("page.css").text.encode()).hexdigest()[:12]
    assert asset("page.css").path == f"static/page-{digest}.css"
    assert re.fullmatch(r"static/charts-[0-9a-z._-]+\.js", charts_path())
    assert "</script" not in asset(CHARTS).text


def test_text_of_others_is_escaped_wherever_it_stands() -> None:
    page = message_page(Frame(HOSTILE, "../", ((HOSTILE, "./"),), HOSTILE), HOSTILE)
    assert HOSTILE not in page
    assert page.count("&lt;/script&gt;&lt;script&gt;") == 5  # title, crumb, notice, heading, message


def test_the_list_shows_what_statuses_say_and_what_is_wrong() -> None:
    status = {
        "display": {"period": "2025-06-01..06-30", "nodeCost": "1,440.00 USD"},
        "lastSuccessTime": "2025-07-01T00:00:00Z",
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "Suspended"},
            {"type": "Priced", "status": "False", "reason": "Unpriced"},
            {"type": "Conserved", "status": "True", "reason": "AddsUp"},
            {"type": "Final", "status": "False", "reason": "Open"},
        ],
    }
    page = listing_page([Listed("b", "new", {}), Listed("a", "old", status)], Frame("Cost reports", ""))
    rows = [re.findall(r"<t[hd][^>]*>(?:<a[^>]*>)?([^<]*)", row) for row in re.findall(r"<tr><th scope.*?</tr>", page)]
    figures = ["2025-06-01..06-30", "1,440.00 USD", *[UNKNOWN] * 4]
    assert rows == [
        ["a/old", *figures, "2025-07-01T00:00:00Z", "no: Suspended", "Priced: Unpriced"],
        ["b/new", *[UNKNOWN] * 6, "not yet", "no: not visited yet", ""],
    ]


@pytest.mark.parametrize(
    ("start", "end", "before"),
    [
        ("2025-06-01", "2025-07-01", ("2025-05-01", "2025-06-01")),
        ("2025-01-01", "2025-04-01", ("2024-10-01", "2025-01-01")),
        ("2024-01-01", "2025-01-01", ("2023-01-01", "2024-01-01")),
        ("2025-06-02", "2025-06-09", ("2025-05-26", "2025-06-02")),
        ("2025-06-01", "2025-06-02", ("2025-05-31", "2025-06-01")),
    ],
)
def test_the_period_before_is_as_many_months_or_else_days(start: str, end: str, before: tuple[str, str]) -> None:
    spec = {"period": {"range": {"start": start, "end": end}}, "nodePools": {"types": []}}
    assert previous_dates(compute(spec, now="2025-12-01T00:00:00Z")) == before
