"""Notes for the ledger: written in order, each with the time at which it was noticed; kept while it can't be written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from examples import only_nodes, utc, version
from gpucost.controller import recorder as recording
from gpucost.controller.recorder import Confirmed, Gone, Recorder, Seen
from gpucost.controller.threads import Threads
from gpucost.ledger.errors import LedgerError
from gpucost.ledger.ledger import Ledger
from gpucost.ledger.sightings import Sighting

NINE, TEN, ELEVEN = utc("2025-06-02T09:00"), utc("2025-06-02T10:00"), utc("2025-06-02T11:00")
KEY = ("finops", "morning")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", "the test")
    yield found
    found.close()


def sighting(nodes: int) -> Sighting:
    stated = version("0 8 * * *", nodes, name="morning")
    return Sighting("uid", *KEY, {}, stated, None, ())


def run(ledger: Ledger, notes: Sequence[Any], *, told: list[str] | None = None) -> Recorder:
    async def story() -> Recorder:
        threads = Threads(1)
        recorder = Recorder(ledger, threads)
        if told is not None:
            recorder.troubled = lambda: told.append(recorder.failure or "works again")
            recorder.changed = lambda keys: told.extend(name for _, name in sorted(keys))
        work = asyncio.ensure_future(recorder.work())
        for note in notes:
            recorder.note(note)
        await asyncio.wait_for(recorder.settled(), 20)
        work.cancel()
        threads.close()
        return recorder

    return asyncio.run(story())


def test_edits_are_versions_from_when_they_were_noticed(ledger: Ledger) -> None:
    told: list[str] = []
    run(
        ledger,
        [Confirmed(NINE), Seen((sighting(2),), NINE), Seen((sighting(4),), TEN), Gone(KEY, "uid", ELEVEN)],
        told=told,
    )
    known = ledger.histories()[KEY].known
    assert [(only_nodes(k.version), k.edited_us, k.ended_us) for k in known] == [(2, None, TEN), (4, TEN, ELEVEN)]
    assert told == ["morning", "morning", "morning"]


def test_what_can_t_be_written_is_kept_with_its_time_and_written_later(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger's disk is full at ten, and free again at the third try: the edit still counts from ten."""
    monkeypatch.setattr(recording, "RETRY_SECONDS", (0.01,))
    real, tries = ledger.observe, 0

    def full(*args: Any, **options: Any) -> set[tuple[str, str]]:
        nonlocal tries
        tries += 1
        if 2 <= tries <= 3:
            raise LedgerError("the ledger can't be used: disk full")
        return real(*args, **options)

    monkeypatch.setattr(ledger, "observe", full)
    told: list[str] = []
    recorder = run(ledger, [Seen((sighting(2),), NINE), Seen((sighting(4),), TEN)], told=told)
    assert [(only_nodes(k.version), k.edited_us) for k in ledger.histories()[KEY].known] == [(2, None), (4, TEN)]
    assert told == ["morning", "the ledger can't be used: disk full", "morning", "works again"]
    assert recorder.failure is None
