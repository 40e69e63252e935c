"""Small parts of the controller: what was seen, Jobs, Secrets, times of refreshes."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from examples import utc
from gpucost.api.costreport import CostReport, SpecError, parse_spec
from gpucost.controller.jobs import outcome_of
from gpucost.controller.refreshing import LONGEST_RETRY_SECONDS, retry_seconds
from gpucost.controller.secrets import SecretError, database_url, url_in
from gpucost.controller.store import BURIED, Store
from gpucost.kube.client import ApiError, Cluster, Resource


def report(version: int, *, uid: str = "1", generation: int = 1, refresh: str = "", **status: Any) -> dict[str, Any]:
    annotations = {"gpucost.dev/refresh": refresh} if refresh else {}
    return {
        "metadata": {
            "namespace": "finops",
            "name": "summer",
            "uid": uid,
            "generation": generation,
            "resourceVersion": str(version),
            "annotations": annotations,
        },
        "spec": {"period": {"rolling": {"days": 7}}, "nodePools": {}},
        "status": status,
    }


class TestStore:
    def test_a_new_spec_or_annotation_asks_for_a_visit_and_a_status_does_not(self) -> None:
        store = Store()
        assert store.see_report(report(1), 0)
        assert not store.see_report(report(2, observedGeneration=1), 0)
        assert store.see_report(report(3, generation=2), 0)
        assert store.see_report(report(4, generation=2, refresh="now"), 0)

    def test_an_older_event_that_comes_late_is_ignored(self) -> None:
        store = Store()
        store.see_report(report(5, lastSuccessTime="new"), 0)
        store.see_report(report(4, lastSuccessTime="old"), 0)
        store.see_status(report(3, lastSuccessTime="older"))
        assert store.reports["finops", "summer"].status == {"lastSuccessTime": "new"}

    def test_numbers_are_compared_as_numbers(self) -> None:
        store = Store()
        store.see_report(report(9), 0)
        assert store.see_report(report(10, generation=2), 0)

    def test_a_list_that_began_before_a_deletion_does_not_bring_it_back(self) -> None:
        store = Store()
        store.see_report(report(1), 0)
        assert store.forget_report(report(2))
        assert not store.see_report(report(1), 0)
        assert store.reports == {}
        assert store.see_report(report(3, uid="2"), 0)  # made anew

    def test_a_late_deletion_leaves_the_one_that_was_made_anew(self) -> None:
        store = Store()
        store.see_report(report(3, uid="2"), 0)
        assert not store.forget_report(report(2, uid="1"))
        assert ("finops", "summer") in store.reports

    def test_deleted_objects_are_remembered_up_to_a_limit(self) -> None:
        store = Store()
        for number in range(BURIED + 1):
            store.forget_report(report(1, uid=str(number)))
        assert store.see_report(report(1, uid="0"), 0)
        assert not store.see_report(report(1, uid="1"), 0)

    def test_a_spec_that_makes_no_sense_is_kept_as_its_error(self) -> None:
        store = Store()
        store.see_report(report(1) | {"spec": {"period": {}, "nodePools": {}}}, 0)
        parsed = store.reports["finops", "summer"].parsed
        assert isinstance(parsed, SpecError)
        assert "spec.period" in str(parsed)
        assert list(store.readable()) == []

    def test_a_good_spec_is_read_once_per_generation(self) -> None:
        store = Store()
        store.see_report(report(1), 0)
        first = store.reports["finops", "summer"].parsed
        store.see_report(report(2, observedGeneration=1), 0)
        assert isinstance(first, CostReport)
        assert store.reports["finops", "summer"].parsed is first


class TestJobs:
    JOB: dict[str, Any] = {  # noqa: RUF012
        "metadata": {
            "uid": "j1",
            "namespace": "scaling",
            "name": "morning-29",
            "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2025-06-02T08:00:00+02:00"},
            "ownerReferences": [{"kind": "CronJob", "name": "morning", "uid": "c1"}],
        },
        "status": {
            "startTime": "2025-06-02T06:00:01Z",
            "completionTime": "2025-06-02T06:04:00Z",
            "conditions": [
                {"type": "SuccessCriteriaMet", "status": "True"},
                {"type": "Complete", "status": "True", "lastTransitionTime": "2025-06-02T06:04:01Z"},
            ],
        },
    }

    def test_when_it_was_meant_to_run_and_when_it_was_done(self) -> None:
        outcome = outcome_of(self.JOB)
        assert outcome is not None
        assert (outcome.cronjob, outcome.succeeded) == ("morning", True)
        assert (outcome.scheduled_us, outcome.ended_us) == (utc("2025-06-02T06:00"), utc("2025-06-02T06:04"))

    def test_a_failed_one_ends_at_its_condition(self) -> None:
        failed = [{"type": "Failed", "status": "True", "lastTransitionTime": "2025-06-02T06:09:00Z"}]
        outcome = outcome_of(self.JOB | {"status": {"conditions": failed}})
        assert outcome is not None
        assert (outcome.succeeded, outcome.ended_us) == (False, utc("2025-06-02T06:09"))

    def test_one_that_runs_has_no_end_and_one_of_nobody_is_none_of_ours(self) -> None:
        outcome = outcome_of(self.JOB | {"status": {}})
        assert outcome is not None
        assert (outcome.succeeded, outcome.ended_us) == (None, None)
        assert outcome_of({"metadata": {"uid": "j2"}}) is None


class TestSecrets:
    def test_the_url_is_decoded_and_trimmed(self) -> None:
        data = {"url": base64.b64encode(b"postgresql://me@db/tasks\n").decode()}
        assert url_in({"data": data}, "url", "Secret finops/db") == "postgresql://me@db/tasks"

    @pytest.mark.parametrize("data", [{"url": "!!"}, {"url": ""}, {"url": base64.b64encode(b"\xff\xfe").decode()}])
    def test_what_is_no_text_is_refused_without_showing_it(self, data: dict[str, str]) -> None:
        with pytest.raises(SecretError, match=r"^Secret finops/db: key url holds no text; it must be a URL"):
            url_in({"data": data}, "url", "Secret finops/db")

    def test_a_missing_key_is_named(self) -> None:
        with pytest.raises(SecretError, match=r"^Secret finops/db has no key url; add it"):
            url_in({"data": {"uri": ""}}, "url", "Secret finops/db")


@pytest.mark.parametrize(
    ("user", "who"),
    [
        ("system:serviceaccount:gpucost-system:gpucost", "--serviceaccount=gpucost-system:gpucost"),
        ("admin", "--user=admin"),
    ],
)
def test_a_secret_that_may_not_be_read_says_which_commands_allow_it(user: str, who: str) -> None:
    """The name stands in the API server's own refusal."""

    class Refuses(Cluster):
        def __init__(self) -> None: ...

        async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
            raise ApiError(403, "Forbidden", f'secrets "db" is forbidden: User "{user}" cannot get resource "secrets"')

    spec = {"period": {"rolling": {"days": 7}}, "nodePools": {}, "tasks": {"databaseSecretRef": {"name": "db"}}}
    wanted = CostReport(name="r", namespace="finops", manifest={}, spec=parse_spec(spec))
    with pytest.raises(SecretError) as refused:
        asyncio.run(database_url(Refuses(), wanted))
    assert str(refused.value) == (
        "Secret finops/db may not be read by the operator; allow it: kubectl create role gpucost-db -n finops --verb=get "
        "--resource=secrets --resource-name=db && kubectl create rolebinding gpucost-db -n finops --role=gpucost-db "
        + who
    )


def test_tries_come_ever_later_up_to_two_minutes() -> None:
    assert [retry_seconds(n) for n in (1, 2, 3, 4)] == [2, 4, 8, 16]
    assert retry_seconds(1000) == LONGEST_RETRY_SECONDS == 120
