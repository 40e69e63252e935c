"""A ledger in either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ledgers import Opener

from gpucost.ledger.ledger import Ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty ledger may be made."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").new_database())
    return f"sqlite:///{tmp_path}/state/ledger.db"


@pytest.fixture
def opened(url: str) -> Iterator[Opener]:
    """Opens the ledger, after closing it if it is open."""
    ledgers: list[Ledger] = []

    def open_again() -> Ledger:
        for ledger in ledgers:
            ledger.close()
        ledgers.append(Ledger.open(url, "the test"))
        return ledgers[-1]

    yield open_again
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(opened: Opener) -> Ledger:
    return opened()
