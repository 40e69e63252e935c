"""The next status: what is written, what stays, and which conditions changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.controller.status import (
    Failure,
    failed_status,
    is_fresh,
    merge_patch,
    pending_status,
    ready_of,
    transitions,
)
from gpucost.report.conditions import DATABASE_UNREACHABLE, SUSPENDED

NINE, TEN = 1_760_000_000_000_000, 1_760_003_600_000_000


def condition(kind: str, status: str, reason: str, generation: int = 1) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "told",
        "lastTransitionTime": "2025-10-09T08:53:20Z",
        "observedGeneration": generation,
    }


GOOD: dict[str, Any] = {
    "observedGeneration": 1,
    "conditions": [
        condition("Ready", "True", "Computed"),
        condition("TasksReadable", "True", "AllRead"),
        condition("Conserved", "True", "LawsHold"),
    ],
    "lastSuccessTime": "2025-10-09T08:53:20Z",
    "nextRefreshTime": "2025-10-09T08:58:20Z",
    "summary": {"nodeCost": "75012.00"},
}
DOWN = Failure(DATABASE_UNREACHABLE, "the task database can't be reached", about_tasks=True)


class TestFailure:
    """The task database went away after a good computation."""

    def test_the_last_good_figures_stay_with_their_time(self) -> None:
        status = failed_status(DOWN, GOOD, 1, TEN)
        assert status["summary"] == {"nodeCost": "75012.00"}
        assert status["lastSuccessTime"] == "2025-10-09T08:53:20Z"

    def test_ready_says_why_and_how_old_the_figures_are(self) -> None:
        ready = ready_of(failed_status(DOWN, GOOD, 1, TEN))
        assert (ready["status"], ready["reason"]) == ("False", "DatabaseUnreachable")
        assert ready["message"] == ("the task database can't be reached; the figures shown are of 2025-10-09T08:53:20Z")

    def test_figures_of_an_older_spec_are_said_to_be(self) -> None:
        status = failed_status(DOWN, GOOD, 2, TEN)
        assert ready_of(status)["message"].endswith("are of 2025-10-09T08:53:20Z, for generation 1 of the spec")
        assert (status["observedGeneration"], ready_of(status)["observedGeneration"]) == (2, 2)

    def test_it_is_written_once_however_often_it_is_tried(self) -> None:
        once = failed_status(DOWN, GOOD, 1, NINE)
        assert merge_patch(once, failed_status(DOWN, once, 1, TEN)) == {}

    def test_the_condition_of_the_database_fails_too_but_no_other(self) -> None:
        kinds = {c["type"]: c["status"] for c in failed_status(DOWN, GOOD, 1, TEN)["conditions"]}
        assert kinds == {"Ready": "False", "TasksReadable": "False", "Conserved": "True"}
        calm = failed_status(Failure(SUSPENDED, "spec.suspend is true"), GOOD, 1, TEN)
        assert {c["type"]: c["status"] for c in calm["conditions"]}["TasksReadable"] == "True"

    def test_a_time_of_transition_stays_until_the_status_changes(self) -> None:
        once = failed_status(DOWN, GOOD, 1, NINE)
        other = failed_status(Failure("DatabaseTimeout", "slow", about_tasks=True), once, 1, TEN)
        assert ready_of(once)["lastTransitionTime"] == "2025-10-09T08:53:20Z"
        assert ready_of(other)["lastTransitionTime"] == "2025-10-09T08:53:20Z"
        assert ready_of(other)["reason"] == "DatabaseTimeout"

    def test_no_next_refresh_is_promised(self) -> None:
        assert "nextRefreshTime" not in failed_status(DOWN, GOOD, 1, TEN)


def test_figures_are_fresh_only_for_their_generation_and_while_ready() -> None:
    assert is_fresh(GOOD, 1)
    assert not is_fresh(GOOD, 2)
    assert not is_fresh(failed_status(DOWN, GOOD, 1, TEN), 1)
    assert not is_fresh({}, 1)


def test_a_first_visit_that_takes_time_is_unknown_not_false() -> None:
    status = pending_status({}, 1, NINE)
    assert [(c["type"], c["status"], c["reason"]) for c in status["conditions"]] == [("Ready", "Unknown", "Pending")]


class TestTransitions:
    def test_only_what_changed_its_status_or_reason_is_told(self) -> None:
        found = transitions(GOOD, failed_status(DOWN, GOOD, 1, TEN))
        assert [(t.kind, t.status, t.reason) for t in found] == [
            ("Ready", "False", "DatabaseUnreachable"),
            ("TasksReadable", "False", "DatabaseUnreachable"),
        ]
        assert transitions(GOOD, GOOD) == []

    def test_that_a_new_report_is_as_it_should_be_is_no_news(self) -> None:
        assert [t.kind for t in transitions({}, GOOD)] == ["Ready"]
        unpriced = {"conditions": [condition("Priced", "False", "Unpriced"), condition("Final", "False", "Running")]}
        assert [t.kind for t in transitions({}, unpriced)] == ["Priced"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


def without_null(value: Any) -> Any:
    """A merge patch can't write null: our statuses leave out what is unknown."""
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    return value


def merged(target: Any, patch: Any) -> Any:
    """What the API server does with a merge patch: RFC 7396, section by section."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(
    st.dictionaries(st.text(max_size=2), VALUES, max_size=4), st.dictionaries(st.text(max_size=2), VALUES, max_size=4)
)
def test_a_patch_turns_one_status_into_the_other_and_is_empty_where_they_are_equal(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    before, after = without_null(before), without_null(after)
    assert merged(before, merge_patch(before, after)) == after
    assert (merge_patch(before, after) == {}) == (
        json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    )


@pytest.mark.parametrize(("before", "after"), [({"a": True}, {"a": 1}), ({"a": "1"}, {"a": 1})])
def test_values_that_python_takes_for_equal_are_written_all_the_same(before: Any, after: Any) -> None:
    assert merge_patch(before, after) == after
