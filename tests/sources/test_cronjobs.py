"""Schedule versions from CronJob manifests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucost.core import issues
from gpucost.core.issues import SENTENCES, shorten, show
from gpucost.core.scaling import PoolCount, ScheduleVersion, order_counts, parse_node_count
from gpucost.sources.cronjobs.manifests import CronJobInventory, read_cronjobs
from gpucost.sources.yamlfiles import parse_documents

Json = dict[str, Any]
JUNE_US = 1_748_736_000_000_000  # 2025-06-01T00:00:00Z


def cronjob(*, annotations: Json | None = None, spec: Json | None = None, **container: Any) -> Json:
    """A CronJob scaling/gpu-up at 8:00."""
    pod = {"containers": [{"name": "scale", "image": "tools", **container}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"namespace": "scaling", "name": "gpu-up", "annotations": annotations or {}},
        "spec": {"schedule": "0 8 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}, **(spec or {})},
    }


def annotated(**spec: Any) -> Json:
    return cronjob(annotations={"gpucost.dev/node-pool": "gpu-a100", "gpucost.dev/nodes": "4"}, spec=spec)


def env(**values: Any) -> list[Json]:
    return [{"name": name, "value": value} for name, value in values.items()]


def states(*manifests: Json) -> tuple[str, int] | dict[str, int] | str | None:
    """(pool, nodes) of the one version (a dict for several pools), or the one issue as text, or None for neither."""
    inventory = read_cronjobs(manifests)
    assert len(inventory.versions) + len(inventory.issues) <= 1, inventory
    for version in inventory.versions:
        found = {count.pool: count.nodes for count in version.counts}
        return found if len(found) > 1 else next(iter(found.items()))
    for issue in inventory.issues:
        assert issue.reason in SENTENCES
        return f"{issue.reason}: {issue.message}"
    return None


def test_a_manifest_becomes_a_version() -> None:
    text = """
apiVersion: batch/v1
kind: CronJob
metadata:
  name: gpu-up
  namespace: scaling
  uid: 3b0c6a
  creationTimestamp: 2025-06-01T02:00:00+02:00
  annotations: {gpucost.dev/node-pool: gpu-a100, gpucost.dev/nodes: "4", gpucost.dev/valid-from: 2025-06-01T00:00:00.5Z}
spec: {schedule: 0 8 * * MON-FRI, timeZone: Europe/Berlin, suspend: true, startingDeadlineSeconds: 60}
"""
    version = ScheduleVersion(
        uid="3b0c6a",
        namespace="scaling",
        name="gpu-up",
        counts=order_counts({"gpu-a100": 4}),
        schedule="0 8 * * MON-FRI",
        time_zone="Europe/Berlin",
        suspended=True,
        starting_deadline_seconds=60,
        created_us=JUNE_US,
        valid_from_us=JUNE_US + 500_000,
    )
    assert read_cronjobs(parse_documents(text)) == CronJobInventory((version,), ())
    assert version.label == "scaling/gpu-up"


def test_what_a_file_may_leave_out() -> None:
    manifest = annotated()
    del manifest["metadata"]["namespace"]
    manifest["metadata"]["creationTimestamp"] = None
    (version,) = read_cronjobs([manifest | {"apiVersion": "batch/v1beta1"}]).versions
    assert (version.uid, version.label) == ("default/gpu-up", "default/gpu-up")
    assert (version.time_zone, version.suspended, version.starting_deadline_seconds) == (None, False, None)
    assert (version.created_us, version.valid_from_us) == (None, None)


# Rule: annotations, else the environment of a container, else the command line


def test_annotations_come_first() -> None:
    both = {"gpucost.dev/node-pool": "gpu-a100", "gpucost.dev/nodes": "4"}
    assert states(cronjob(annotations=both)) == ("gpu-a100", 4)
    assert states(cronjob(annotations=both, env=env(NODE_POOL="x", NODES_COUNT="y"), command=["?"])) == ("gpu-a100", 4)


def test_then_the_environment_of_a_container() -> None:
    command = ["kubectl", "scale", "--replicas=9", "md/other"]
    assert states(cronjob(env=env(NODE_POOL="gpu-l4", NODES_COUNT="2"), command=command)) == ("gpu-l4", 2)
    assert states(cronjob(env=env(N="2", NODE_POOL="gpu-$(T)", T="x", NODES_COUNT="$(N)"))) == ("gpu-$(T)", 2)


def test_then_the_command_line() -> None:
    command = ["gcloud", "container", "clusters", "resize", "prod"]
    args = ["--node-pool=gpu", "--num-nodes", "$(N)"]
    assert states(cronjob(command=command, args=args, env=env(N="3"))) == ("gpu", 3)
    assert states(cronjob(args=["kubectl scale --replicas=0 md/gpu"], command=["sh", "-c"])) == ("gpu", 0)


def test_any_container_may_scale_but_only_one_way() -> None:
    manifest = cronjob(command=["true"])
    pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod["initContainers"] = [{"command": ["kubectl", "scale", "--replicas=3", "md/gpu"]}]
    assert states(manifest) == ("gpu", 3)
    pod["containers"].append({"command": ["kubectl", "scale", "--replicas=4", "md/gpu"]})
    assert "in more than one way (gpu to 3, gpu to 4)" in str(states(manifest))


def test_what_states_nothing_is_none_of_ours() -> None:
    assert states(cronjob(command=["pg_dump"], env=env(A="1"))) is None
    assert states(cronjob(annotations={"gpucost.dev/valid-from": "x"}, command=["sh", "-c", "exit 0"])) is None
    assert states({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "bare"}}) is None


def test_numbers_without_quotes_are_counts() -> None:
    assert states(cronjob(annotations={"gpucost.dev/node-pool": "gpu", "gpucost.dev/nodes": 4})) == ("gpu", 4)
    assert states(cronjob(command=["kubectl", "scale", "--replicas", 4, "md/gpu"])) == ("gpu", 4)


# Rule: half a statement is never completed from elsewhere, only confirmed


def test_half_a_statement_alone_is_incomplete() -> None:
    for half, missing in (
        (cronjob(annotations={"gpucost.dev/node-pool": "gpu"}), "gpucost.dev/nodes is not; set both"),
        (cronjob(annotations={"gpucost.dev/nodes": "4"}), "gpucost.dev/node-pool is not; set both"),
        (cronjob(env=env(NODE_POOL="gpu")), "NODES_COUNT is not; set both"),
        (cronjob(annotations={"gpucost.dev/node-pool": "gpu"}, env=env(NODES_COUNT="4")), "gpucost.dev/nodes is not"),
    ):
        assert str(states(half)).startswith("IncompleteCronJob: CronJob scaling/gpu-up: ")
        assert missing in str(states(half))


def test_half_a_statement_that_agrees_is_fine() -> None:
    command = ["kubectl", "scale", "--replicas=4", "md/gpu"]
    assert states(cronjob(annotations={"gpucost.dev/node-pool": "gpu"}, command=command)) == ("gpu", 4)
    assert states(cronjob(annotations={"gpucost.dev/nodes": "4"}, env=env(NODE_POOL="g", NODES_COUNT="4"))) == ("g", 4)
    script = ["sh", "-c", "kubectl scale --replicas=4 md/$NODE_POOL"]
    assert states(cronjob(env=env(NODE_POOL="gpu"), command=script)) == ("gpu", 4)


def test_half_a_statement_that_disagrees_is_an_issue() -> None:
    command = ["kubectl", "scale", "--replicas=4", "md/gpu"]
    assert states(cronjob(annotations={"gpucost.dev/node-pool": "gpu-a100"}, command=command)) == (
        "ContradictoryCronJob: CronJob scaling/gpu-up: annotation gpucost.dev/node-pool is 'gpu-a100', but the CronJob "
        "sets 'gpu' to 4; state the annotations gpucost.dev/node-pool and gpucost.dev/nodes, or "
        'gpucost.dev/node-counts for several pools ("gpu-l4=2, gpu-t4=4")'
    )
    assert "NODES_COUNT is '5', but" in str(states(cronjob(env=env(NODES_COUNT="5"), command=command)))


# Rule: what can't be read is an issue that says what, where, and what to do


@pytest.mark.parametrize(
    "nodes", ["x", "", "-1", "4.5", "1e1", "٤", "100001", "9" * 5000, True, 4.0, None, [], {}, -1, 10**400]
)
def test_a_count_that_is_none(nodes: object) -> None:
    for manifest in (
        cronjob(annotations={"gpucost.dev/node-pool": "gpu", "gpucost.dev/nodes": nodes}),
        cronjob(env=env(NODE_POOL="gpu", NODES_COUNT=nodes)),
    ):
        message = str(states(manifest))
        assert message.startswith("UnreadableCronJob: CronJob scaling/gpu-up: ")
        assert "is not a whole number of nodes from 0 to 100000; correct it" in message
        assert len(message) < 400


@pytest.mark.parametrize("pool", ["", " ", "a\nb", "\ud800", "x" * 254, 7, None, ["gpu"]])
def test_a_pool_that_is_none(pool: object) -> None:
    manifest = cronjob(annotations={"gpucost.dev/node-pool": pool, "gpucost.dev/nodes": "4"})
    assert "is not a pool's name" in str(states(manifest))


def test_a_variable_from_a_secret_is_not_read() -> None:
    source = {"name": "NODES_COUNT", "valueFrom": {"secretKeyRef": {"name": "pools", "key": "gpu"}}}
    manifest = cronjob(env=[*env(NODE_POOL="gpu"), source])
    assert "environment variable NODES_COUNT takes its value from elsewhere" in str(states(manifest))


def test_a_command_that_cannot_be_read_is_an_issue() -> None:
    manifest = cronjob(command=["sh", "-c", "kubectl scale --replicas=$N md/gpu"])
    assert states(manifest) == (
        "UnreadableScalingCommand: CronJob scaling/gpu-up: 'kubectl scale' takes --replicas from $N, which is no "
        "literal value of the container's environment; state the annotations gpucost.dev/node-pool and "
        'gpucost.dev/nodes, or gpucost.dev/node-counts for several pools ("gpu-l4=2, gpu-t4=4")'
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spec": None}, "spec.schedule is nothing, expected a cron expression; correct the manifest"),
        ({"spec": "0 8 * * *"}, "spec is '0 8 * * *', expected a map"),
        ({"spec.schedule": None}, "spec.schedule is nothing"),
        ({"spec.schedule": " "}, "spec.schedule is ' ', expected a cron expression"),
        ({"spec.schedule": 5}, "spec.schedule is 5, expected text"),
        ({"spec.timeZone": 1}, "spec.timeZone is 1, expected text"),
        ({"spec.timeZone": ""}, "spec.timeZone is '', expected the name of a time zone"),
        ({"spec.suspend": "yes"}, "spec.suspend is 'yes', expected true or false"),
        ({"spec.startingDeadlineSeconds": -1}, "spec.startingDeadlineSeconds is -1, expected a whole number"),
        ({"spec.startingDeadlineSeconds": True}, "spec.startingDeadlineSeconds is true, expected"),
        ({"metadata.creationTimestamp": "2025-06-01"}, "expected an RFC 3339 instant, or none at all"),
        ({"metadata.uid": []}, "metadata.uid is a list, expected text"),
        ({"metadata.name": None}, "scaling/without a name: metadata.name is nothing"),
        ({"metadata.namespace": {"a": 1}}, "a map/gpu-up: metadata.namespace is a map"),
        ({"metadata.annotations": ["x"]}, "metadata.annotations is a list, expected a map"),
        ({"metadata": "x"}, "default/without a name: metadata is 'x', expected a map"),
        ({"apiVersion": None}, "apiVersion is nothing, expected batch/v1 or batch/v1beta1"),
        ({"apiVersion": "batch/v2alpha1"}, "apiVersion is 'batch/v2alpha1', expected"),
    ],
)
def test_a_malformed_field_is_an_issue(changes: Mapping[str, object], message: str) -> None:
    manifest = annotated()
    for path, value in changes.items():
        *parents, key = path.split(".")
        target = manifest
        for parent in parents:
            target = target[parent]
        target[key] = value
    assert message in str(states(manifest))
    assert str(states(manifest)).startswith("UnreadableCronJob: CronJob ")


def test_a_malformed_template_is_an_issue_unless_annotations_suffice() -> None:
    for template in (5, {"spec": {"template": {"spec": {"containers": "x"}}}}, {"spec": {"template": {"spec": [1]}}}):
        assert "jobTemplate" in str(states(cronjob(spec={"jobTemplate": template})))
        assert states(annotated(jobTemplate=template)) == ("gpu-a100", 4)
    assert "a container's command is 'kubectl', expected a list of words" in str(states(cronjob(command="kubectl")))
    assert "a container's env is a list" in str(states(cronjob(env=[1])))


def test_long_text_is_cut_in_messages() -> None:
    message = str(states(annotated(timeZone="", schedule="x" * 5000) | {"apiVersion": "batch/" + "v" * 5000}))
    assert len(message) < 300
    assert shorten("x" * 81) == "x" * 79 + "…"
    assert shorten("x" * 80) == "x" * 80
    assert shorten("a\nb") == "a\N{REPLACEMENT CHARACTER}b"
    values: list[object] = [None, True, 10**400, 1.5, {}, (), b""]
    assert [show(value) for value in values] == [
        "nothing", "true", "a huge number", "1.5", "a map", "a list", "a bytes",
    ]  # fmt: skip


# Rule: valid-from (section 2)


def test_a_valid_from_that_is_no_instant_leaves_the_creation_time() -> None:
    manifest = annotated()
    manifest["metadata"]["creationTimestamp"] = "2025-06-01T00:00:00Z"
    manifest["metadata"]["annotations"]["gpucost.dev/valid-from"] = "2025-05-01"
    inventory = read_cronjobs([manifest])
    (version,), (issue,) = inventory.versions, inventory.issues
    assert (version.created_us, version.valid_from_us) == (JUNE_US, None)
    assert issue.reason == "InvalidValidFrom"
    assert "gpucost.dev/valid-from is '2025-05-01', expected an RFC 3339 instant" in issue.message


def test_without_a_creation_time_it_is_left_out() -> None:
    """It would hold since ever, which is what valid-from was to prevent."""
    manifest = annotated()
    manifest["metadata"]["annotations"]["gpucost.dev/valid-from"] = "May"
    assert "the CronJob is left out" in str(states(manifest))


def test_a_regional_resize_is_read_with_an_issue() -> None:
    script = "gcloud container clusters resize prod --node-pool gpu --num-nodes 4 --region europe-west4"
    inventory = read_cronjobs([cronjob(command=["sh", "-c", script])])
    assert [version.counts for version in inventory.versions] == [(PoolCount("gpu", 4),)]
    assert [issue.reason for issue in inventory.issues] == ["NodesPerZone"]


# Rule: the same CronJob twice


def test_an_identical_copy_is_one_version() -> None:
    assert states(annotated(), {"kind": "List", "items": [annotated()]}) == ("gpu-a100", 4)


def test_of_two_different_ones_the_first_stands() -> None:
    inventory = read_cronjobs([annotated(), annotated(schedule="0 9 * * *")])
    assert [version.schedule for version in inventory.versions] == ["0 8 * * *"]
    assert [(issue.reason, issue.message) for issue in inventory.issues] == [
        ("DuplicateCronJob", "CronJob scaling/gpu-up: it is defined twice, differently; the first stands")
    ]


# Rule: which CronJobs are read


def test_other_kinds_are_passed_over() -> None:
    others = [
        {"apiVersion": "gpucost.dev/v1alpha1", "kind": "NodePrice"},
        {"apiVersion": "apps/v1", "kind": "Deployment"},
        {"apiVersion": "example.com/v1", "kind": "CronJob"},
        {},
    ]
    assert read_cronjobs([*others, "text", 5, None, [annotated()]]) == CronJobInventory((), ())


@dataclass(frozen=True)
class Expression:
    """A requirement, as the CostReport's type has it."""

    key: str
    operator: str
    values: Sequence[str] = ()


@dataclass(frozen=True)
class Selector:
    """A selector, as the CostReport's type has it."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: Sequence[Expression] = ()


def labelled(name: str, **labels: str) -> Json:
    manifest = annotated()
    manifest["metadata"] |= {"name": name, "labels": labels}
    return manifest


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        (Selector(), ["a", "b", "c"]),
        (Selector({"app": "x"}), ["a"]),
        (Selector({"app": "x", "team": "ml"}), []),
        (Selector({}, [Expression("app", "In", ["x", "y"])]), ["a", "b"]),
        (Selector({}, [Expression("app", "NotIn", ["x"])]), ["b", "c"]),
        (Selector({}, [Expression("app", "Exists")]), ["a", "b"]),
        (Selector({}, [Expression("app", "DoesNotExist")]), ["c"]),
        (Selector({"app": "y"}, [Expression("team", "Exists")]), ["b"]),
    ],
)
def test_a_selector_chooses_by_labels(selector: Selector, chosen: list[str]) -> None:
    manifests = [labelled("a", app="x"), labelled("b", app="y", team="ml"), labelled("c")]
    assert [version.name for version in read_cronjobs(manifests, selector=selector).versions] == chosen


def test_namespaces_choose_and_the_rest_raises_no_issue() -> None:
    broken = annotated(schedule=None)
    broken["metadata"]["namespace"] = "other"
    assert (
        states(annotated(), broken)
        if False
        else read_cronjobs([annotated(), broken], namespaces=["scaling"]).issues == ()
    )
    assert len(read_cronjobs([annotated(), broken], namespaces=["other"]).issues) == 1
    assert read_cronjobs([annotated()], namespaces=[]).versions == ()


def test_every_reason_has_its_sentence() -> None:
    reasons = {value for name, value in vars(issues).items() if name.isupper() and isinstance(value, str)}
    assert reasons == set(SENTENCES)
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", reason) for reason in reasons)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())


# Rule: no document at all can stop the reading of the others

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["4", "gpu"])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def spoiled(value: Any) -> st.SearchStrategy[Any]:
    """The value with any of its parts replaced by anything, or left out."""
    if isinstance(value, dict):
        parts = st.fixed_dictionaries({}, optional={key: spoiled(part) for key, part in value.items()})
        return st.one_of(parts, parts, parts, ANYTHING)
    if isinstance(value, list):
        return st.one_of(st.tuples(*(spoiled(part) for part in value)).map(list), ANYTHING)
    return st.one_of(st.just(value), st.just(value), st.just(value), ANYTHING)


WHOLE: Json = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {
        "name": "broken",
        "namespace": "scaling",
        "uid": "u",
        "creationTimestamp": "2025-06-01T00:00:00Z",
        "labels": {"app": "x"},
        "annotations": {
            "gpucost.dev/node-pool": "gpu",
            "gpucost.dev/nodes": "4",
            "gpucost.dev/valid-from": "2025-06-01T00:00:00Z",
        },
    },
    "spec": cronjob(
        spec={"timeZone": "UTC", "suspend": False, "startingDeadlineSeconds": 5},
        env=[*env(NODE_POOL="gpu", NODES_COUNT="4"), {"name": "X", "valueFrom": {"fieldRef": {}}}],
        command=["sh", "-c", "kubectl scale --replicas=4 md/gpu"],
        args=["x"],
    )["spec"],
}


@given(
    st.lists(spoiled(WHOLE) | spoiled({"kind": "CronJobList", "items": [WHOLE]}) | ANYTHING, max_size=3), st.booleans()
)
@settings(max_examples=300)
def test_any_documents_are_read(documents: list[object], is_selective: bool) -> None:
    selector = Selector({"app": "x"}) if is_selective else None
    inventory = read_cronjobs([*documents, labelled("sound", app="x")], selector=selector)
    assert "scaling/sound" in [version.label for version in inventory.versions]
    for version in inventory.versions:
        assert version.counts == order_counts({count.pool: count.nodes for count in version.counts})
        assert [count.nodes for count in version.counts] == [parse_node_count(count.nodes) for count in version.counts]
        assert version.label.encode()
    for issue in inventory.issues:
        assert issue.message.startswith("CronJob ")
        assert issue.message.encode()
        assert len(issue.message) < 700


def test_variables_that_name_each_other_twice_do_not_fill_the_memory() -> None:
    """Forty doublings would be a terabyte; the last ones are cut, and state no pool."""
    doubled = [{"name": f"A{n}", "value": f"$(A{n - 1})$(A{n - 1})"} for n in range(1, 41)]
    bomb = cronjob(env=[{"name": "A0", "value": "x"}, *doubled, *env(NODE_POOL="$(A40)", NODES_COUNT="4")])
    assert read_cronjobs([bomb]).versions == ()
    many = "$(A)" * 20_000
    assert read_cronjobs([cronjob(env=env(A="x" * 60_000, NODE_POOL=many, NODES_COUNT="4"))]).versions == ()


def test_many_variables_are_read_at_once() -> None:
    """Each may name those before it, without a copy of them for each."""
    names = [{"name": f"V{n}", "value": f"$(V{n - 1})"} for n in range(1, 20_001)]
    stated = cronjob(env=[{"name": "V0", "value": "gpu-a100"}, *names, *env(NODE_POOL="$(V20000)", NODES_COUNT="4")])
    assert states(stated) == ("gpu-a100", 4)
