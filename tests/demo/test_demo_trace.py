"""The trace demonstration: what is in the file is charged as it stands, on nodes that are assumed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from casereport import figures
from demo.demoreport import report_of, rows
from gpucost.demo import TraceError, trace_demo

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests" / "data" / "trace" / "small.csv"
REAL = Path(os.environ.get("GPUCOST_TRACE") or ROOT.parent / "shared" / "traces" / "genai_requests.csv")

HEADER = "gmt_create,predict_type,predict_status,exec_time_seconds,groupId\n"
SECOND_US, HOUR_US, NANO = 10**6, 3600 * 10**6, 10**9


def test_executed_time_is_that_of_the_file() -> None:
    found = figures(report_of(trace_demo(SMALL)))
    assert found["executedUs"] == (40 + 60 + 10 + 30 + 20 + 60 + 100 + 20 + 0) * SECOND_US
    assert found["counts"] == {"Success": 8, "Failure": 1, "retries": 0}
    assert (found["chargedAttempts"], found["skippedAttempts"], found["neverRan"]) == (9, {"Lost": 1}, 1)


def test_the_period_is_the_local_days_of_the_trace_and_the_report_is_final() -> None:
    demo = trace_demo(SMALL)
    assert demo.report["spec"]["period"]["range"] == {"start": "2025-03-03", "end": "2025-03-05"}
    report = report_of(demo)
    assert report.final
    assert report.conserved


def test_two_days_of_one_node_and_of_three_more_for_thirteen_hours_are_126_dollars() -> None:
    found = figures(report_of(trace_demo(SMALL)))
    assert found["nodeUs"] == 2 * (24 * 1 + 13 * 3) * HOUR_US
    assert found["nodeCost"] == found["allocated"] == 126 * NANO


def test_a_request_takes_the_first_free_node_or_shares_the_one_that_is_free_soonest() -> None:
    found = rows(trace_demo(SMALL), "SELECT node_id FROM task_history WHERE status = 'running' ORDER BY task_id")
    assert [node for (node,) in found] == [
        "l4-base-1",  # 16:00:00 to 16:00:40
        "l4-peak-1",  # 16:00:10 to 16:01:10
        "l4-peak-2",  # 16:00:20 to 16:00:30
        "l4-peak-3",  # 16:00:20 to 16:00:50
        "l4-peak-2",  # 16:00:25: all four are taken, this one until 16:00:30
        "l4-base-1",  # 23:59:30
        "l4-base-1",  # 09:00:00, outside the peak hours
        "l4-base-1",  # 09:00:30, shared: there is no other
        "l4-base-1",  # 11:00:00, never ended
        "l4-base-1",  # 12:00:00
    ]


def test_busy_time_is_the_union_on_each_node() -> None:
    found = figures(report_of(trace_demo(SMALL)))
    assert found["busyUs"] == (40 + 60 + 25 + 30 + 60 + 100) * SECOND_US
    assert found["offScheduleUs"] == 0


def test_services_statuses_users_and_task_ids_come_from_the_rows() -> None:
    columns = "task_id, service_name, status, user_id, creation_ts::VARCHAR"
    found = rows(trace_demo(SMALL), f"SELECT {columns} FROM task_history WHERE task_id IN (3, 9, 10)")
    assert sorted(found) == [
        (3, "TXT_2_IMG", "error", "ada", "2025-03-03 16:00:30"),
        (3, "TXT_2_IMG", "running", "ada", "2025-03-03 16:00:20"),
        (9, "TXT_2_IMG", "pending", "bob", "2025-03-04 10:00:00"),
        (10, "TXT_2_IMG", "running", "cem", "2025-03-04 11:00:00"),
    ]


def test_every_assumption_is_said() -> None:
    said = " ".join(trace_demo(SMALL).assumptions)
    for word in ("l4-base", "l4-peak", "16:00 to 05:00", "1 USD", "gmt_create", "UTC", "groupId", "2025-03-06", "lost"):
        assert word in said


def test_an_unknown_status_is_left_to_the_report(tmp_path: Path) -> None:
    trace = tmp_path / "odd.csv"
    trace.write_text(HEADER + "2025-03-03 16:00:00,TXT_2_IMG,ABORTED,2.5,ada\n")
    assert figures(report_of(trace_demo(trace)))["skippedAttempts"] == {"UnknownStatus": 1}


def test_requests_out_of_order_and_fractions_of_seconds_are_fine(tmp_path: Path) -> None:
    trace = tmp_path / "unordered.csv"
    late, early = "2025-03-03 16:00:05.5,A,SUCCEED,2.25,u\n", "2025-03-03 16:00:00,B,SUCCEED,10,u\n"
    trace.write_text(HEADER + late + early)
    found = rows(
        trace_demo(trace), "SELECT task_id, node_id FROM task_history WHERE status = 'running' ORDER BY task_id"
    )
    assert found == [(1, "l4-peak-1"), (2, "l4-base-1")]
    assert figures(report_of(trace_demo(trace)))["executedUs"] == 12_250_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no trace in CSV: Empty CSV file"),
        (HEADER, "there is no request in it"),
        (
            "gmt_create,predict_type\n1,2\n",
            "missing or repeated: predict_status, exec_time_seconds, groupId; the file has gmt_create",
        ),
        (HEADER.strip() + ",groupId\n2025-03-03 16:00:00,A,SUCCEED,1,u,u\n", "missing or repeated: groupId"),
        (HEADER + "2025-03-03 16:00:00,A,SUCCEED,1,u\nyesterday,A,SUCCEED,1,u\n", "column #0: Row #3: .*'yesterday'"),
        (HEADER + "2025-03-03 16:00:00,A,SUCCEED,soon,u\n", "column #3: Row #2: .*'soon'"),
        (HEADER + ",A,SUCCEED,1,u\n", "gmt_create of request 1 .* must be a date and time"),
        (HEADER + "0031-03-03 16:00:00,A,SUCCEED,1,u\n", "gmt_create of request 1 .* of the years 1970 to 2200"),
        (
            HEADER + "2025-03-03 16:00:00,A,SUCCEED,-1,u\n",
            "exec_time_seconds of request 1 .* must be seconds, 0 or more",
        ),
        (HEADER + "2025-03-03 16:00:00,A,FAILED,,u\n", "exec_time_seconds of request 1"),
        (HEADER + "2025-03-03 16:00:00,A,FAILED,inf,u\n", "exec_time_seconds of request 1"),
        (HEADER + "2025-03-03 16:00:00,A\n", "Expected 5 columns, got 2"),
    ],
)
def test_what_is_no_trace_is_refused_with_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    trace = tmp_path / "bad.csv"
    trace.write_text(text)
    with pytest.raises(TraceError, match=message) as raised:
        trace_demo(trace)
    assert str(raised.value).startswith(f"{trace}: ")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be read: No such file"):
        trace_demo(tmp_path / "none.csv")
    with pytest.raises(TraceError, match="cannot be read: Is a directory"):
        trace_demo(tmp_path)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(TraceError):
        trace_demo(binary)


@pytest.mark.skipif(not REAL.is_file(), reason="the real trace is not there; GPUCOST_TRACE=FILE names it")
def test_the_real_trace_is_charged_in_full() -> None:
    report = report_of(trace_demo(REAL))
    found = figures(report)
    assert found["executedUs"] == 768_803 * SECOND_US
    assert (found["chargedAttempts"], found["skippedAttempts"], found["neverRan"]) == (26_790, {"Lost": 3}, 30)
    assert found["counts"] == {"Success": 26_392, "Failure": 398, "retries": 0}
    assert report.services == ("IMG_2_IMG", "INPAINTING", "TXT_2_IMG")
    assert report.conserved
    assert report.final
    assert found["nodeCost"] == found["allocated"] == 24 * 63 * NANO
    assert found["offScheduleUs"] == 0
    assert report.details is not None
    assert len(set(report.details.attempts.users)) > 4000
