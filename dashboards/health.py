"""The operator: whether it is ready, how old its figures are, what it waits for, and what fails."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import queries
from dashboards.frame import OPERATOR, Group, any_of, framed
from dashboards.panels import BAD, DOUBT, GOOD, OF_READY, Query, Unit, lines, number, words
from gpucost.metrics import families

ASKED: Final = queries.OF_OPERATOR
ANY_IS_BAD: Final = {0.0: GOOD, 1e-9: BAD}
LEGEND: Final = "{{namespace}}/{{report}}"


def health() -> Dashboard:
    """The dashboard of the operator."""
    says = "The operator itself: if all is well here, reports that fail have a cause of their own."
    job = any_of("job", "Job", queries.JOBS)
    return framed(OPERATOR, says, [job], [_state(), _figures(), _queue(), _errors(), _process()])


def _state() -> Group:
    return "State", [
        words(
            "Ready",
            "As /readyz says: everything is listed, and the ledger can be written.",
            Query(queries.READY),
            span=3,
            texts=OF_READY,
        ),
        words("Version", "That runs.", Query(queries.VERSION, "{{version}}"), span=3, texts={}),
        number("Reports", "CostReports whose state is known.", Query(ASKED.count), Unit.COUNT, span=3),
        number(
            "Failing reports",
            "Without suspended ones.",
            Query(ASKED.failing),
            Unit.COUNT,
            span=3,
            levels=ANY_IS_BAD,
        ),
        number(
            "Silence",
            "Time since the operator last heard of each kind of object; it lists them every minute.",
            Query(queries.SILENCE, "{{resource}}"),
            Unit.AGE,
            span=8,
            levels={0.0: GOOD, 180.0: DOUBT, 600.0: BAD},
            named=True,
        ),
        number(
            "Dropped series",
            "Series of reports that settings.maxSeries leaves out.",
            Query(queries.DROPPED),
            Unit.COUNT,
            levels=ANY_IS_BAD,
        ),
    ]


def _figures() -> Group:
    return "Figures", [
        lines(
            "Age of figures",
            "Time since each report was computed.",
            [Query(ASKED.age(families.LAST_SUCCESS), LEGEND)],
            Unit.SECONDS,
        ),
        lines(
            "Computation",
            "How long each report's last computation took, reading its task database included.",
            [Query(ASKED.each(families.COMPUTE_SECONDS), LEGEND)],
            Unit.SECONDS,
        ),
    ]


def _queue() -> Group:
    waited = [Query(queries.latency(quantile), f"p{quantile * 100:.0f}") for quantile in (0.5, 0.95, 0.99)]
    return "Work queue", [
        lines(
            "Depth", "Reports that wait to be computed.", [Query(queries.QUEUE_DEPTH, "waiting")], Unit.COUNT, span=8
        ),
        lines("Wait", "How long reports waited for their computation to begin.", waited, Unit.SECONDS, span=8),
        lines(
            "Visits",
            "Reports that were taken out of the queue.",
            [Query(queries.VISITS, "visits")],
            Unit.PER_SECOND,
            span=8,
        ),
    ]


def _errors() -> Group:
    def total(title: str, expression: str) -> stat.Panel:
        says = "In the time range of the dashboard."
        return number(title, says, Query(expression), Unit.COUNT, height=8, levels=ANY_IS_BAD)

    database, ledger = "Failed reads of task databases", "Failed uses of the ledger"
    return "Errors", [
        total(database, queries.DATABASE_ERRORS_IN_RANGE),
        lines(
            f"{database}, by reason",
            "The reason is that of the report's condition Ready.",
            [Query(queries.DATABASE_ERRORS, "{{reason}}")],
            Unit.COUNT,
            span=8,
        ),
        total(ledger, queries.LEDGER_ERRORS_IN_RANGE),
        lines(
            f"{ledger}, over time",
            "Reads and writes.",
            [Query(queries.LEDGER_ERRORS, "errors")],
            Unit.COUNT,
            span=8,
        ),
    ]


def _process() -> Group:
    return "Process and scrapes", [
        lines("Memory", "Resident.", [Query(queries.MEMORY, "{{job}}")], Unit.BYTES, span=6),
        lines("CPU", "Cores that it keeps busy.", [Query(queries.CPU, "{{job}}")], Unit.CORES, span=6),
        lines("Scrape", "How long a scrape takes.", [Query(queries.SCRAPE_SECONDS, "{{job}}")], Unit.SECONDS, span=6),
        lines("Series", "In the last scrape.", [Query(queries.SCRAPED_SERIES, "{{job}}")], Unit.COUNT, span=6),
    ]
