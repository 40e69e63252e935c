"""What is read of ``metadata.managedFields``."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ledgers import at

from gpucost.ledger.sightings import Edit, edits_of

# As the API server writes it, shortened.
MANAGED: list[dict[str, Any]] = [
    {
        "manager": "kubectl-client-side-apply",
        "operation": "Update",
        "apiVersion": "batch/v1",
        "time": "2025-06-02T10:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {"f:annotations": {".": {}, "f:gpucost.dev/nodes": {}}, "f:labels": {"f:app": {}}},
            "f:spec": {"f:schedule": {}, "f:jobTemplate": {"f:spec": {"f:template": {"f:spec": {}}}}},
        },
    },
    {
        "manager": "kube-controller-manager",
        "operation": "Update",
        "apiVersion": "batch/v1",
        "time": "2025-06-02T10:05:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:status": {"f:lastScheduleTime": {}}},
        "subresource": "status",
    },
]


def test_what_a_manager_owns_of_spec_and_annotations() -> None:
    fields = {"metadata.annotations.gpucost.dev/nodes", "spec.schedule", "spec.jobTemplate"}
    assert edits_of(MANAGED) == (Edit(at("10:00"), frozenset(fields)),)


def test_malformed_entries_are_left_out() -> None:
    good = MANAGED[0]
    bad: list[Any] = [
        None,
        7,
        [],
        {},
        good | {"time": "soon"},
        good | {"time": 5},
        good | {"fieldsV1": None},
        good | {"time": None},
    ]
    assert edits_of([*bad, good]) == edits_of(MANAGED)
    assert edits_of([good | {"fieldsV1": {"f:spec": 5, "f:metadata": {"f:annotations": []}}}]) == (
        Edit(at("10:00"), frozenset()),
    )


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
ENTRIES = st.lists(
    ANY_JSON
    | st.fixed_dictionaries(
        {
            "time": st.just("2025-06-02T10:00:00Z") | ANY_JSON,
            "fieldsV1": ANY_JSON
            | st.dictionaries(
                st.sampled_from(["f:spec", "f:metadata"]), st.dictionaries(st.text(max_size=5), ANY_JSON)
            ),
        }
    )
)


@given(st.one_of(ANY_JSON, ENTRIES))
def test_no_json_raises(fields: object) -> None:
    assert isinstance(edits_of(fields), tuple)
