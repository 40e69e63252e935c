"""The ledger at work on a real API server: an edit counts from when it was made, and changes nothing before."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from costreports import (
    GOES_ON,
    SINCE,
    Manifest,
    Place,
    Status,
    age,
    condition,
    confirmed_us,
    cost_report,
    cron_job,
    hours_of,
    issues,
    microseconds,
    versions,
)

from gpucost.core.instants import instant_text
from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator

START = "2025-06-01T00:00:00Z"
"""Of every period here; it goes on for years."""
EVERY_YEAR = "0 0 1 1 *"
MINUTE = 60


@pytest.fixture(scope="module")
def operator(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("operator")
    with Operator(cluster.kubeconfig_for(OPERATOR), folder, ["--resync=1"]) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def place(cluster: Cluster, namespace: str, operator: Operator) -> Place:
    return Place(cluster, namespace, operator)


def current(name: str = "example") -> Manifest:
    """A report of what is going on."""
    return cost_report(name, period=GOES_ON)


def until(status: Status) -> str:
    return str(status["period"]["dataUntil"])


def shown(status: Status) -> str:
    return str(status["summary"]["nodeHours"])


def now_and_next(status: Status) -> tuple[int, int | None, str | None]:
    """How many nodes there are, to how many they change next, and which CronJob does it (without its namespace)."""
    (pool,) = status["nodePools"]
    change = pool.get("nextChange") or {}
    return pool["nodesNow"], change.get("nodes"), (change.get("cronJob") or "").rpartition("/")[2] or None


def edited_us(place: Place, name: str) -> int:
    """When the last version of a CronJob began, as the ledger knows it."""
    return int(versions(place, name)[-1]["edited_us"])


class TestEdits:
    """Two nodes since 2025, by a CronJob that fires on the first of January."""

    def test_a_new_count_changes_only_what_comes_after_the_next_fire(self, place: Place) -> None:
        """An earlier month is not even computed anew; the time up to now still counts two nodes; then there are five."""
        place.create(cron_job("scale", 2, EVERY_YEAR), current(), cost_report("june"))
        place.computed()
        june = place.computed("june")
        kept = place.version("CostReport", "june")
        place.annotate("CronJob", "scale", nodes="5")
        status = place.wait(lambda found: now_and_next(found)[1] == 5, "the edit is known")
        assert now_and_next(status) == (2, 5, "scale")
        assert shown(status) == hours_of((2, START, until(status)))
        assert june["summary"]["nodeHours"] == "1440"
        assert place.version("CostReport", "june") == kept

    def test_from_the_next_fire_on_the_new_count_is_billed(self, place: Place) -> None:
        """A CronJob that fires every second since its creation: 2 nodes from its first fire, 5 from the first after the
        edit; ``initialNodes`` before."""
        report = current()
        report["spec"]["nodePools"]["types"][0]["initialNodes"] = 1
        place.create(cron_job("tick", 2, "@every 1s", annotations={"gpucost.dev/valid-from": None}), report)
        created = place.get("CronJob", "tick")["metadata"]["creationTimestamp"]
        place.wait(lambda found: found and found["nodePools"], "the pool is known")
        place.cluster.wait_until(lambda: now_and_next(place.refreshed())[0] == 2, 5, "it fired", every=0.3)
        place.annotate("CronJob", "tick", nodes="5")
        place.wait(lambda found: (now_and_next(found)[1] or now_and_next(found)[0]) == 5, "the edit is known")
        place.cluster.wait_until(lambda: now_and_next(place.refreshed())[0] == 5, 5, "it fired", every=0.3)
        status = place.status()
        first_us = microseconds(created) + 1_000_000
        next_us = -(-edited_us(place, "tick") // 1_000_000) * 1_000_000
        assert shown(status) == hours_of((1, START, first_us), (2, first_us, next_us), (5, next_us, until(status)))

    def test_what_a_version_is_not_makes_no_version(self, place: Place) -> None:
        """Labels, the image, and history limits change no bill."""
        place.create(cron_job("scale", 2, EVERY_YEAR), current(), cron_job("other", 3, EVERY_YEAR, pool="b-l4"))
        place.computed()
        place.edit("CronJob", "scale", {"metadata": {"labels": {"team": "x"}}, "spec": {"failedJobsHistoryLimit": 7}})
        place.annotate("CronJob", "other", nodes="4")  # noticed after it
        place.wait(lambda found: "4" in str(found["nodePools"][0].get("nextChange")), "the edit of the other is known")
        assert [one["nodes"] for one in versions(place, "scale")] == [2]

    def test_valid_from_may_be_stated_later_and_fills_the_past(self, place: Place) -> None:
        """Without it nothing is known of the time before the CronJob's creation, and nothing is billed there."""
        place.create(cron_job("scale", 2, EVERY_YEAR, annotations={"gpucost.dev/valid-from": None}), cost_report())
        status = place.computed()
        assert condition(status, "SchedulesResolved")["reason"] == "Uncovered"
        assert status["quality"]["uncoveredSeconds"] == str(30 * 24 * 3600)
        assert status["summary"]["nodeHours"] == "0"
        place.annotate("CronJob", "scale", valid_from=SINCE)
        status = place.wait(lambda found: shown(found) != "0", "the past is stated")
        assert shown(status) == "1440"
        assert condition(status, "SchedulesResolved")["reason"] == "AllResolved"
        told = {one["field"]: one for one in status["restatements"]}
        assert told["summary.nodeHours"] == {
            "time": status["lastSuccessTime"],
            "field": "summary.nodeHours",
            "before": "0",
            "after": "1440",
            "why": f"CronJob {place.namespace}/scale changed",
        }


class TestSuspension:
    """Two nodes since 2025; a second CronJob, for five nodes at midnight, is suspended since."""

    @pytest.fixture
    def asleep(self, place: Place) -> Place:
        place.create(cron_job("two", 2, EVERY_YEAR), cron_job("five", 5, "0 0 * * *", suspend=True), current())
        status = place.computed()
        assert shown(status) == hours_of((2, START, until(status)))
        return place

    def test_un_suspended_kubernetes_catches_up_at_that_moment(self, asleep: Place) -> None:
        asleep.edit("CronJob", "five", {"spec": {"suspend": False}})
        status = asleep.wait(lambda found: now_and_next(found)[0] == 5, "five nodes")
        awake_us = edited_us(asleep, "five")
        assert shown(status) == hours_of((2, START, awake_us), (5, awake_us, until(status)))

    def test_as_the_real_controller_of_cronjobs_does_it(self, asleep: Place) -> None:
        """Its Job of the run that was missed is made at the moment at which the bill changes, to the second."""
        missed = (datetime.now(UTC) - timedelta(days=1, minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = f"/apis/batch/v1/namespaces/{asleep.namespace}"
        body = {"status": {"lastScheduleTime": missed}}
        assert asleep.cluster.request("PATCH", f"{path}/cronjobs/five/status", body).status == 200
        with asleep.cluster.controller_manager():
            asleep.edit("CronJob", "five", {"spec": {"suspend": False}})
            (job,) = asleep.cluster.wait_until(
                lambda: asleep.cluster.request("GET", f"{path}/jobs").json()["items"], 10, "a Job that catches up"
            )
        asleep.wait(lambda found: now_and_next(found)[0] == 5, "five nodes")
        scheduled = job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
        assert scheduled == datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
        made_us = microseconds(job["metadata"]["creationTimestamp"])
        assert abs(made_us - edited_us(asleep, "five")) < 2_000_000

    def test_without_a_catch_up_where_the_deadline_has_passed(self, asleep: Place) -> None:
        """startingDeadlineSeconds 0: nothing that was missed is started any more."""
        asleep.edit("CronJob", "five", {"spec": {"suspend": False, "startingDeadlineSeconds": 0}})
        status = asleep.wait(lambda found: now_and_next(found)[1] == 5, "it is awake")
        assert now_and_next(status) == (2, 5, "five")
        assert shown(status) == hours_of((2, START, until(status)))

    def test_suspended_again_the_value_stays(self, asleep: Place) -> None:
        asleep.edit("CronJob", "five", {"spec": {"suspend": False}})
        asleep.wait(lambda found: now_and_next(found)[0] == 5, "five nodes")
        awake_us = edited_us(asleep, "five")
        asleep.edit("CronJob", "five", {"spec": {"suspend": True}})
        status = asleep.wait(lambda found: now_and_next(found)[2] == "two", "it is suspended again")
        assert now_and_next(status) == (5, 2, "two")
        assert shown(status) == hours_of((2, START, awake_us), (5, awake_us, until(status)))


class TestDeletion:
    def test_the_value_stays_and_a_new_one_of_that_name_re_prices_nothing(self, place: Place) -> None:
        """The new CronJob states the same valid-from as the old one, but the ledger knows better."""
        place.create(cron_job("scale", 2, EVERY_YEAR), current(), cost_report("june"))
        assert now_and_next(place.computed()) == (2, None, None)  # it sets two nodes again
        place.computed("june")
        kept = place.version("CostReport", "june")
        place.delete("CronJob", "scale")
        place.cluster.wait_until(lambda: versions(place, "scale")[0]["ended_us"], 5, "the ledger knows of the deletion")
        gone = place.refreshed()
        assert now_and_next(gone) == (2, None, None)
        assert shown(gone) == hours_of((2, START, until(gone)))
        assert condition(gone, "SchedulesResolved")["status"] == "True"
        place.create(cron_job("scale", 7, EVERY_YEAR))
        again = place.wait(lambda found: now_and_next(found)[1] == 7, "the new one is known")
        assert now_and_next(again) == (2, 7, "scale")
        assert shown(again) == hours_of((2, START, until(again)))
        assert [one["nodes"] for one in versions(place, "scale")] == [2, 7]
        assert place.version("CostReport", "june") == kept

    def test_chosen_by_its_label_it_counts_when_it_is_gone_too(self, place: Place) -> None:
        """By the labels that it had last."""
        report = current()
        report["spec"]["nodePools"]["cronJobs"] = {"selector": {"matchLabels": {"app": "scaler"}}}
        chosen = cron_job("scale", 2, EVERY_YEAR)
        chosen["metadata"]["labels"] = {"app": "scaler"}
        place.create(chosen, cron_job("other", 5, EVERY_YEAR), report)
        status = place.computed()
        assert shown(status) == hours_of((2, START, until(status)))
        place.delete("CronJob", "scale")
        place.cluster.wait_until(lambda: versions(place, "scale")[0]["ended_us"], 5, "the ledger knows of the deletion")
        status = place.refreshed()
        assert shown(status) == hours_of((2, START, until(status)))

    def test_made_unreadable_it_is_named_and_its_value_stays(self, place: Place) -> None:
        place.create(cron_job("scale", 2, EVERY_YEAR), current())
        place.computed()
        place.annotate("CronJob", "scale", nodes="many")
        status = place.wait(lambda found: "UnreadableCronJob" in issues(found), "it is named")
        assert f"{place.namespace}/scale" in issues(status)["UnreadableCronJob"]
        assert shown(status) == hours_of((2, START, until(status)))
        place.annotate("CronJob", "scale", nodes="3")
        status = place.wait(lambda found: now_and_next(found)[1] == 3, "it is mended")
        assert "UnreadableCronJob" not in issues(status)
        assert shown(status) == hours_of((2, START, until(status)))


class TestWhileTheOperatorIsDown:
    """What ``metadata.managedFields`` proves counts from then; else it counts from when it was noticed, with an issue if
    nobody watched for longer than two minutes."""

    def test_for_an_hour(self, place: Place) -> None:
        """Every CronJob for five nodes wakes up and catches up, each in a way of its own."""
        for way in ("once", "twice", "gone"):
            place.create(cron_job(f"{way}-two", 2, EVERY_YEAR, pool=f"{way}-l4"))
            place.create(cron_job(f"{way}-five", 5, "0 0 * * *", pool=f"{way}-l4", suspend=True))
        place.create(current())
        place.computed()
        place.operator.stop()
        certain_us = age(place.operator, 60 * MINUTE)
        another_second(place)
        edit(place, "once-five", "first", AWAKE)
        edit(place, "twice-five", "first", AWAKE)
        edit(place, "twice-five", "second", LONG_DEADLINE)
        place.delete("CronJob", "gone-two")
        status = self.noticed(place, "UndatedEdit")
        hours = {pool["name"]: pool["nodeHours"] for pool in status["nodePools"]}

        proven = time_of(place, "once-five", "first")
        assert edited_us(place, "once-five") == microseconds(proven)
        assert hours["once-l4"] == hours_of((2, START, proven), (5, proven, until(status)))

        noticed_us = edited_us(place, "twice-five")
        assert noticed_us > microseconds(time_of(place, "twice-five", "second"))
        assert hours["twice-l4"] == hours_of((2, START, noticed_us), (5, noticed_us, until(status)))

        assert versions(place, "gone-two")[0]["ended_us"] == noticed_us
        assert hours["gone-l4"] == hours_of((2, START, until(status)))

        told = sorted(issue["message"] for issue in status["quality"]["issues"] if issue["reason"] == "UndatedEdit")
        between = f"at an unknown time between {instant_text(certain_us)} and {instant_text(noticed_us)}"
        assert [message.partition(", while")[0] for message in told] == [
            f"CronJob {place.namespace}/gone-two was deleted, or made unreadable, {between}",
            f"CronJob {place.namespace}/twice-five was edited {between}",
        ]

    def test_for_less_than_two_minutes(self, place: Place) -> None:
        place.create(cron_job("two", 2, EVERY_YEAR), cron_job("five", 5, "0 0 * * *", suspend=True), current())
        place.create(cron_job("gone", 1, EVERY_YEAR, pool="gone-l4"))
        place.computed()
        place.operator.stop()
        age(place.operator, 90)
        edit(place, "five", "first", AWAKE)
        edit(place, "five", "second", LONG_DEADLINE)
        place.delete("CronJob", "gone")
        status = self.noticed(place, "'nodesNow': 5")
        assert "UndatedEdit" not in issues(status)
        awake_us = edited_us(place, "five")
        (pool,) = [pool for pool in status["nodePools"] if pool["name"] == "gpu-l4"]
        assert pool["nodeHours"] == hours_of((2, START, awake_us), (5, awake_us, until(status)))
        assert versions(place, "gone")[0]["ended_us"] == awake_us

    def test_a_new_count_by_its_annotation(self, place: Place) -> None:
        """Annotations raise no generation. The entry of whoever made the CronJob owns its command line, which could state
        a count too: it must be older than the last certain moment, so that the other entry is the only one."""
        place.create(cron_job("scale", 2, EVERY_YEAR), current())
        place.computed()
        made_us = microseconds(place.get("CronJob", "scale")["metadata"]["creationTimestamp"])
        place.cluster.wait_until(lambda: confirmed_us(place) > made_us + 1_000_000, 10, "a list after the creation")
        place.operator.stop()
        another_second(place)
        edit(place, "scale", "first", {"metadata": {"annotations": {"gpucost.dev/nodes": "5"}}})
        status = self.noticed(place, "'nodes': 5")
        assert now_and_next(status) == (2, 5, "scale")
        assert shown(status) == hours_of((2, START, until(status)))
        assert edited_us(place, "scale") == microseconds(time_of(place, "scale", "first"))

    def test_deleted_and_made_again(self, place: Place) -> None:
        """The old one was gone by the creation of the new one; the past is not re-priced."""
        place.create(cron_job("scale", 2, EVERY_YEAR), current(), cost_report("june"))
        place.computed()
        place.computed("june")
        kept = place.version("CostReport", "june")
        place.operator.stop()
        place.delete("CronJob", "scale")
        place.create(cron_job("scale", 9, EVERY_YEAR))
        status = self.noticed(place, "'nodes': 9")
        assert now_and_next(status) == (2, 9, "scale")
        assert shown(status) == hours_of((2, START, until(status)))
        made_us = microseconds(place.get("CronJob", "scale")["metadata"]["creationTimestamp"])
        old, new = versions(place, "scale")
        assert old["ended_us"] == new["edited_us"]
        assert made_us < new["edited_us"] <= microseconds(until(status))
        assert place.version("CostReport", "june") == kept

    def noticed(self, place: Place, what: str) -> Status:
        """The first status after a start that says something."""
        place.operator.start()
        place.operator.wait_ready()
        return place.wait(lambda found: what in str(found), what)


def several(name: str, counts: str, schedule: str = EVERY_YEAR) -> Manifest:
    """A CronJob that states several pools."""
    stated = {"gpucost.dev/node-pool": None, "gpucost.dev/node-counts": counts}
    return cron_job(name, None, schedule, annotations=stated)


def hours_by_pool(status: Status) -> dict[str, str]:
    return {pool["name"]: pool["nodeHours"] for pool in status["nodePools"]}


class TestSeveralPools:
    def test_each_pool_of_a_cronjob_is_billed_and_a_dropped_one_stays_as_it_is(self, place: Place) -> None:
        place.create(several("scale", "a-l4=2, b-l4=4"), current())
        status = place.computed()
        assert hours_by_pool(status) == {
            pool: hours_of((nodes, START, until(status))) for pool, nodes in (("a-l4", 2), ("b-l4", 4))
        }
        place.annotate("CronJob", "scale", node_counts="a-l4=3")
        status = place.wait(lambda found: found["nodePools"][0].get("nextChange"), "the edit is known")
        a, b = status["nodePools"]
        assert (a["nodesNow"], a["nextChange"]["nodes"]) == (2, 3)
        assert (b["nodesNow"], b.get("nextChange")) == (4, None)
        found = [(one["number"], one["pool"], one["nodes"]) for one in versions(place, "scale")]
        assert found == [(0, "a-l4", 2), (0, "b-l4", 4), (1, "a-l4", 3)]

    def test_an_ignored_cronjob_is_named_and_resolved(self, place: Place) -> None:
        ignored = cron_job("other", 9, EVERY_YEAR, annotations={"gpucost.dev/ignore": "true"})
        place.create(several("scale", "a-l4=2"), ignored, current())
        status = place.wait(lambda found: found and "IgnoredCronJob" in issues(found), "it is named")
        assert condition(status, "SchedulesResolved")["status"] == "True"
        assert list(hours_by_pool(status)) == ["a-l4"]


AWAKE = {"spec": {"suspend": False}}
LONG_DEADLINE = {"spec": {"startingDeadlineSeconds": 400 * 24 * 60 * MINUTE}}


def edit(place: Place, name: str, manager: str, patch: Mapping[str, Any]) -> None:
    """Edit a CronJob as a manager of its fields (kubectl, a controller)."""
    path = f"/apis/batch/v1/namespaces/{place.namespace}/cronjobs/{name}?fieldManager={manager}"
    assert place.cluster.request("PATCH", path, patch).status == 200


def another_second(place: Place) -> None:
    """Wait for the clock's next whole second: managedFields tell no more of an edit."""
    second = int(time.time())
    place.cluster.wait_until(lambda: int(time.time()) > second, 2, "the next second")


def time_of(place: Place, name: str, manager: str) -> str:
    """When a manager last changed a CronJob: in whole seconds."""
    (entry,) = [e for e in place.get("CronJob", name)["metadata"]["managedFields"] if e["manager"] == manager]
    return str(entry["time"])
