"""One CronJob that sets several pools: annotations, variables of each container, scripts; and CronJobs left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.sources.cronjobs.manifests import CronJobInventory, read_cronjobs

Json = dict[str, Any]
COUNTS, POOL, NODES, IGNORE = (f"gpucost.dev/{name}" for name in ("node-counts", "node-pool", "nodes", "ignore"))
RESIZE = "gcloud container clusters resize ml --zone z --node-pool {} --num-nodes {} -q"


def cronjob(annotations: Json | None = None, *containers: Json) -> Json:
    """A CronJob ops/ml-up at 8:00."""
    pod = {"containers": list(containers) or [{"image": "example.com/scaler:1"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"namespace": "ops", "name": "ml-up", "annotations": annotations or {}},
        "spec": {"schedule": "0 8 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


def states(pool: str, nodes: object) -> Json:
    """A container that states a pool and its count by its variables."""
    named = {"NODE_POOL": pool, "NODES_COUNT": nodes}
    return {"image": "x", "env": [{"name": name, "value": value} for name, value in named.items() if value is not None]}


def runs(pool: str, nodes: int) -> Json:
    return {"image": "google/cloud-sdk", "command": ["sh", "-c", RESIZE.format(pool, nodes)]}


def counts(manifest: Json) -> dict[str, int]:
    """What the one CronJob sets, without any issue."""
    found = read_cronjobs([manifest])
    assert found.issues == ()
    return {count.pool: count.nodes for version in found.versions for count in version.counts}


def issue(manifest: Json) -> str:
    """Why the CronJob sets nothing."""
    found = read_cronjobs([manifest])
    assert found.versions == ()
    (only,) = found.issues
    return f"{only.reason}: {only.message}"


# The annotation of several pools


@pytest.mark.parametrize(
    ("text", "set_to"),
    [
        ("gpu-l4=2, gpu-t4=4", {"gpu-l4": 2, "gpu-t4": 4}),
        ("gpu-t4=4,gpu-l4=2", {"gpu-l4": 2, "gpu-t4": 4}),
        (" gpu-l4 = 2 ,\n gpu-t4 = 4 ", {"gpu-l4": 2, "gpu-t4": 4}),
        ("gpu-l4=0", {"gpu-l4": 0}),
    ],
)
def test_an_annotation_states_several_pools(text: str, set_to: dict[str, int]) -> None:
    assert counts(cronjob({COUNTS: text})) == set_to


def test_it_wins_over_variables_and_commands() -> None:
    assert counts(cronjob({COUNTS: "a=1, b=2"}, states("c", "3"), runs("d", 4))) == {"a": 1, "b": 2}


def test_pools_stand_in_the_order_of_their_bytes() -> None:
    (version,) = read_cronjobs([cronjob({COUNTS: "ä=1, z=2, a=3, B=4"})]).versions
    assert version.pools == ("B", "a", "z", "ä")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is ''"),
        (None, "is nothing"),
        (3, "is 3"),
        (["a=1"], "is a list"),
        ("gpu-l4", "has 'gpu-l4', which is no pool=count"),
        ("gpu-l4=2,", "has '', which is no pool=count"),
        ("gpu-l4: 2", "has 'gpu-l4: 2', which is no pool=count"),
        ("gpu-l4=2 gpu-t4=4", "'2 gpu-t4=4' is not a whole number of nodes"),
        ("gpu-l4=two", "'two' is not a whole number of nodes"),
        ("gpu-l4=-1", "'-1' is not a whole number of nodes"),
        ("=2", "'' is not a pool's name"),
        ("gpu l4=2", "'gpu l4' is not the name of one pool"),
        ("gpu-l4=2, gpu-l4=2", "names pool 'gpu-l4' twice"),
        (",".join(f"p{number}=1" for number in range(101)), "names 101 pools; at most 100 are read"),
    ],
)
def test_a_bad_form_is_said_with_the_form_that_is_expected(text: object, what: str) -> None:
    said = issue(cronjob({COUNTS: text}))
    assert said.startswith("UnreadableCronJob: CronJob ops/ml-up: annotation gpucost.dev/node-counts")
    assert what in said
    assert said.endswith(("at most 100 are read", 'node-counts: "gpu-l4=2, gpu-t4=4", each pool with its count'))


@pytest.mark.parametrize("others", [{POOL: "gpu-l4", NODES: "3"}, {POOL: "gpu-a100"}, {NODES: "7"}])
def test_the_annotations_of_one_pool_must_not_say_something_else(others: Json) -> None:
    said = issue(cronjob({COUNTS: "gpu-l4=2, gpu-t4=4", **others}))
    assert said.startswith("ContradictoryCronJob: CronJob ops/ml-up: gpucost.dev/node-counts and ")
    assert said.endswith("remove the latter two")


@pytest.mark.parametrize("others", [{POOL: "gpu-l4", NODES: "2"}, {POOL: "gpu-t4"}, {NODES: "4"}])
def test_they_may_repeat_a_part_of_it(others: Json) -> None:
    assert counts(cronjob({COUNTS: "gpu-l4=2, gpu-t4=4", **others})) == {"gpu-l4": 2, "gpu-t4": 4}


@pytest.mark.parametrize("pool", ["gpu-l4,gpu-t4", "gpu-l4, gpu-t4", "gpu-l4 gpu-t4", "gpu-l4,"])
def test_a_comma_or_a_blank_in_a_name_means_several_pools(pool: str) -> None:
    for manifest in (cronjob({POOL: pool, NODES: "3"}), cronjob({}, states(pool, "3"))):
        said = issue(manifest)
        assert "is not the name of one pool" in said
        assert 'gpucost.dev/node-counts for several pools ("gpu-l4=2, gpu-t4=4")' in said


def test_several_counts_in_one_annotation_propose_the_other_one() -> None:
    said = issue(cronjob({POOL: "gpu-l4", NODES: "2,4"}))
    assert "gpucost.dev/nodes: '2,4' is not the count of one pool; correct it, or state the annotations" in said
    assert "gpucost.dev/node-counts for several pools" in said


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), st.integers(0, 9), min_size=1, max_size=8)
)
def test_what_is_written_is_what_is_read(pools: dict[str, int]) -> None:
    assert counts(cronjob({COUNTS: ", ".join(f"{pool}={nodes}" for pool, nodes in pools.items())})) == pools


# Variables of any container


def test_variables_of_any_container_count() -> None:
    assert counts(cronjob({}, {"image": "sidecar"}, states("gpu-l4", "2"))) == {"gpu-l4": 2}
    assert counts(cronjob({}, states("gpu-l4", "2"), states("gpu-l4", "2"))) == {"gpu-l4": 2}


def test_containers_may_set_a_pool_each() -> None:
    assert counts(cronjob({}, states("gpu-l4", "2"), states("gpu-t4", "4"))) == {"gpu-l4": 2, "gpu-t4": 4}
    assert counts(cronjob({}, states("gpu-l4", "2"), runs("gpu-t4", 4))) == {"gpu-l4": 2, "gpu-t4": 4}
    assert counts(cronjob({}, runs("gpu-l4", 2), runs("gpu-t4", 4))) == {"gpu-l4": 2, "gpu-t4": 4}


def test_init_containers_count_too() -> None:
    manifest = cronjob({}, {"image": "pause"})
    manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["initContainers"] = [states("gpu-l4", "2")]
    assert counts(manifest) == {"gpu-l4": 2}


def test_one_pool_with_two_counts_is_contradictory() -> None:
    said = issue(cronjob({}, states("gpu-l4", "2"), states("gpu-l4", "4")))
    assert said.startswith(
        "ContradictoryCronJob: CronJob ops/ml-up: its containers set pool 'gpu-l4' to 2 and to 4; state the annotations"
    )
    assert "gpu-l4 to 2, gpu-l4 to 4" in issue(cronjob({}, states("gpu-l4", "2"), runs("gpu-l4", 4)))


def test_half_a_statement_must_repeat_what_a_container_sets() -> None:
    assert counts(cronjob({}, states("gpu-l4", None), runs("gpu-l4", 2), runs("gpu-t4", 4)))["gpu-l4"] == 2
    said = issue(cronjob({POOL: "gpu-l4"}, runs("gpu-l4", 2), runs("gpu-t4", 4)))
    assert "node-pool is 'gpu-l4', but the CronJob sets 'gpu-l4' to 2, 'gpu-t4' to 4" in said
    assert issue(cronjob({}, {"image": "x"}, states("gpu-l4", None))).startswith("IncompleteCronJob: ")


def test_who_began_to_state_it_is_told_what_is_missing() -> None:
    """Rather than that the tool isn't read, or that a ConfigMap is missing."""
    scaler = {"image": "registry.example/gpu-node-scaler:1"}
    assert issue(cronjob({}, scaler)).startswith("ScalerNotRead: ")
    for manifest in (cronjob({POOL: "gpu"}, scaler), cronjob({}, scaler | states("gpu", None) | scaler)):
        assert issue(manifest).startswith("IncompleteCronJob: ")
    from_config_map = {"image": "x", "envFrom": [{"configMapRef": {"name": "gpu-pools"}}]}
    assert "gpucost.dev/nodes is not; set both" in issue(cronjob({POOL: "gpu"}, from_config_map))


# CronJobs that are left out


@pytest.mark.parametrize("value", ["true", True])
def test_an_ignored_cronjob_sets_nothing_visibly(value: object) -> None:
    for manifest in (cronjob({IGNORE: value, POOL: "gpu", NODES: "2"}), cronjob({IGNORE: value}, runs("gpu", 2))):
        found = read_cronjobs([manifest])
        assert [(one.reason, one.message) for one in found.issues] == [
            ("IgnoredCronJob", "CronJob ops/ml-up: gpucost.dev/ignore says that it is to be left out")
        ]
        assert [(one.label, one.what) for one in found.passed_over] == [
            ("ops/ml-up", "gpucost.dev/ignore says that it is to be left out")
        ]
        assert found.versions == ()


def test_false_ignores_nothing() -> None:
    assert counts(cronjob({IGNORE: "false", POOL: "gpu", NODES: "2"})) == {"gpu": 2}
    assert read_cronjobs([cronjob({IGNORE: "false"}, {"image": "pg_dump"})]) == CronJobInventory((), ())


@pytest.mark.parametrize("value", ["yes", "True", "1", 1, 0, "", ["true"]])
def test_any_other_value_is_an_issue(value: object) -> None:
    said = issue(cronjob({IGNORE: value, POOL: "gpu", NODES: "2"}))
    assert said.startswith("UnreadableCronJob: CronJob ops/ml-up: annotation gpucost.dev/ignore is ")
    assert said.endswith('expected "true" or "false"; correct it')
