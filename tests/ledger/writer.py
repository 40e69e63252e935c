"""A process to be killed: opens a ledger and edits CronJobs for ever, saying what was written.

Each line on stdin makes it fork a child that does so, whose process id it says first. (Importing takes longest.)
"""

from __future__ import annotations

import os
import sys

from ledgers import at, known, seen_as, stated

from examples import only_nodes
from gpucost.ledger.ledger import FinalReport as Final
from gpucost.ledger.ledger import Ledger, Restatement, Snapshot


def write(url: str) -> None:
    """Count the nodes of ops/up upwards, one edit a second."""
    ledger = Ledger.open(url, "the writer")
    there = known(ledger) if ledger.histories() else ()
    number = only_nodes(there[-1].version) if there else 0
    say("open", number)
    while True:
        number += 1
        ledger.observe([seen_as(stated(nodes=number))], at("09:00", number))
        ledger.confirm(at("09:00", number))
        ledger.save(
            Snapshot("r", number, "f", number, b"x" * (number % 5000)),
            Final("r", "ops", "june", 0, 9, number, f"{number}", {}, {"number": number}),
            [Restatement("r", 0, 9, number, "number", f"{number - 1}", f"{number}", "it counts")],
        )
        say("wrote", number)


def say(*words: object) -> None:
    """At once: it may be the last words."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def main() -> None:
    """A child for each line."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            write(line.strip())
        say("child", child)
        os.waitpid(child, 0)
        say("dead", child)


main()
