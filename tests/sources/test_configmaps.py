"""Scripts and variables from ConfigMaps: where they are mounted, and what is said of those that are not there."""

from __future__ import annotations

from typing import Any

import pytest

from gpucost.sources.cronjobs.configmaps import Mounts, collect_config_maps, read_mounts
from gpucost.sources.cronjobs.manifests import CronJobInventory, find_config_maps, read_cronjobs
from gpucost.sources.yamlfiles import parse_documents

Json = dict[str, Any]
UP = "gcloud container clusters resize ml --zone z --node-pool gpu-l4 --num-nodes 2 -q"
KEY = ("ops", "scripts")


def config_map(name: str = "scripts", **data: Any) -> Json:
    """A ConfigMap of ops; ``up_sh`` is short for the key up.sh."""
    texts = {key.replace("_", "."): text for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "ops", "name": name}, "data": texts}


def cronjob(container: Json, *volumes: Json, name: str = "nightly", annotations: Json | None = None) -> Json:
    """A CronJob of ops at 8:00 of one container."""
    pod = {"containers": [{"image": "google/cloud-sdk:slim", **container}], "volumes": list(volumes)}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"namespace": "ops", "name": name, "annotations": annotations or {}},
        "spec": {"schedule": "0 8 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


def volume(**config_map: Any) -> Json:
    return {"name": "v", "configMap": {"name": "scripts", **config_map}}


def projected(*config_maps: Json) -> Json:
    return {
        "name": "v",
        "projected": {"sources": [{"secret": {"name": "s"}}, *({"configMap": c} for c in config_maps)]},
    }


def mounted(path: str, **mount: Any) -> Json:
    return {"volumeMounts": [{"name": "v", "mountPath": path, **mount}]}


def files_of(container: Json, *volumes: Json, **data: str) -> dict[str, str]:
    """What the container finds of ConfigMap ops/scripts."""
    found = read_mounts(
        container, {"volumes": list(volumes)}, "ops", {KEY: {k.replace("_", "."): t for k, t in data.items()}}
    )
    assert found.absent == ()
    return dict(found.files)


def counts(*documents: Json) -> dict[str, int]:
    """What the CronJobs set, without any issue."""
    found = read_cronjobs(documents)
    assert found.issues == ()
    return {count.pool: count.nodes for version in found.versions for count in version.counts}


def issue(*documents: Json) -> str:
    found = read_cronjobs(documents)
    assert found.versions == ()
    (only,) = found.issues
    return f"{only.reason}: {only.message}"


# Where files are


def test_every_key_is_a_file_of_the_folder() -> None:
    found = files_of(mounted("/scripts"), volume(defaultMode=0o755), up_sh="a", down_sh="b")
    assert found == {"/scripts/up.sh": "a", "/scripts/down.sh": "b"}
    assert files_of(mounted("/scripts/"), volume(), up_sh="a") == {"/scripts/up.sh": "a"}


def test_items_choose_and_rename() -> None:
    items = [{"key": "up.sh", "path": "bin/scale-up"}, {"key": "missing", "path": "x"}]
    assert files_of(mounted("/opt"), volume(items=items), up_sh="a", down_sh="b") == {"/opt/bin/scale-up": "a"}
    assert files_of(mounted("/opt"), volume(items=[]), up_sh="a") == {}


def test_a_sub_path_is_a_file_or_a_folder_of_the_volume() -> None:
    assert files_of(mounted("/usr/bin/up", subPath="up.sh"), volume(), up_sh="a", down_sh="b") == {"/usr/bin/up": "a"}
    items = [{"key": "up.sh", "path": "bin/up"}, {"key": "down.sh", "path": "binary"}]
    found = files_of(mounted("/opt", subPath="bin"), volume(items=items), up_sh="a", down_sh="b")
    assert found == {"/opt/up": "a"}


def test_projected_volumes_hold_several() -> None:
    found = files_of(mounted("/s"), projected({"name": "scripts", "items": [{"key": "up.sh", "path": "u"}]}), up_sh="a")
    assert found == {"/s/u": "a"}


def test_other_volumes_and_mounts_hold_nothing() -> None:
    assert files_of(mounted("/s"), {"name": "v", "emptyDir": {}}) == {}
    assert files_of({"volumeMounts": [{"name": "other", "mountPath": "/s"}]}, volume(), up_sh="a") == {}
    assert files_of(mounted("/s"), volume(), {"name": "v", "emptyDir": {}}) == {}


def test_a_config_map_that_is_not_there_is_absent_at_its_mount() -> None:
    assert read_mounts(mounted("/s/"), {"volumes": [volume()]}, "ops", {}) == Mounts({}, (("/s", KEY),))


def test_config_maps_are_found_among_documents() -> None:
    text = """
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "1", n: 2}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "2"}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: ops}, binaryData: {x: AA==}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: 3}}
- {apiVersion: v1, kind: ConfigMap, metadata: none}
- {apiVersion: other/v1, kind: ConfigMap, metadata: {name: c}, data: {x: "1"}}
- text
"""
    (documents,) = parse_documents(text)
    assert isinstance(documents, list)
    assert collect_config_maps(documents) == {("default", "a"): {"x": "1"}, ("ops", "b"): {}}


# What scripts of the same input set


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["/scripts/up.sh"]},
        {"command": ["sh", "/scripts/up.sh"]},
        {"command": ["/bin/bash", "-eu", "/scripts/up.sh"]},
        {"command": ["sh", "-c", "set -e; /scripts/up.sh"]},
        {"command": ["sh", "-c", ". /scripts/up.sh"]},
        {"command": ["sh"], "args": ["/scripts/up.sh"]},
        {"command": ["sh", "up.sh"], "workingDir": "/scripts"},
        {"command": ["./up.sh"], "workingDir": "/scripts"},
    ],
)
def test_a_script_of_the_same_input_is_read(container: Json) -> None:
    manifest = cronjob({**container, **mounted("/scripts")}, volume(defaultMode=0o755))
    for documents in ([manifest, config_map(up_sh=UP)], [config_map(up_sh=UP), manifest]):
        assert counts({"kind": "List", "items": documents}) == {"gpu-l4": 2}


def test_a_script_has_the_variables_of_its_container() -> None:
    script = UP.replace("gpu-l4", "$POOL").replace(" 2 ", " $N ")
    env = [{"name": "POOL", "value": "gpu-t4"}, {"name": "N", "value": "4"}]
    manifest = cronjob({"command": ["sh", "/s/up.sh"], "env": env, **mounted("/s")}, volume())
    assert counts(manifest, config_map(up_sh=script)) == {"gpu-t4": 4}


def test_a_script_that_does_not_scale_is_none_of_ours() -> None:
    manifest = cronjob({"command": ["sh", "/s/up.sh"], **mounted("/s")}, volume(), name="gpu-report")
    assert read_cronjobs([manifest, config_map(up_sh="pg_dump tasks")]) == CronJobInventory((), ())


def test_a_config_map_of_another_namespace_is_another_one() -> None:
    manifest = cronjob({"command": ["sh", "/s/up.sh"], **mounted("/s")}, volume(), name="scale-up")
    other = config_map(up_sh=UP)
    other["metadata"]["namespace"] = "elsewhere"
    assert issue(manifest, other).startswith("ScalerNotRead: ")


# Variables from ConfigMaps


@pytest.mark.parametrize(
    "container",
    [
        {"envFrom": [{"configMapRef": {"name": "scripts"}}]},
        {"envFrom": [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "scripts"}}]},
        {
            "env": [
                {"name": name, "valueFrom": {"configMapKeyRef": {"name": "scripts", "key": name}}}
                for name in ("NODE_POOL", "NODES_COUNT")
            ]
        },
    ],
)
def test_pool_and_count_may_come_from_a_config_map(container: Json) -> None:
    data = {"NODE_POOL": "gpu-l4", "NODES_COUNT": "2"}
    assert counts(cronjob(container), config_map() | {"data": data}) == {"gpu-l4": 2}


def test_a_prefix_and_later_variables_count() -> None:
    source = {"prefix": "NODE", "configMapRef": {"name": "scripts"}}
    data = {"_POOL": "gpu-l4", "S_COUNT": "2", "X": "3"}
    assert counts(cronjob({"envFrom": [source]}), config_map() | {"data": data}) == {"gpu-l4": 2}
    later = {"envFrom": [source], "env": [{"name": "NODES_COUNT", "value": "$(NODEX)"}]}
    assert counts(cronjob(later), config_map() | {"data": data}) == {"gpu-l4": 3}


def test_a_command_takes_a_variable_of_a_config_map() -> None:
    command = ["sh", "-c", UP.replace(" 2 ", " $COUNT ")]
    source = {"envFrom": [{"configMapRef": {"name": "scripts"}}], "command": command}
    assert counts(cronjob(source), config_map() | {"data": {"COUNT": "7"}}) == {"gpu-l4": 7}


# ConfigMaps that are not there


def script(path: str = "/scripts/run.sh") -> Json:
    return {"command": ["sh", path], **mounted("/scripts")}


@pytest.mark.parametrize(
    "manifest",
    [
        cronjob(script("/scripts/up.sh"), volume()),
        cronjob(script("/scripts/scale_nodes.sh"), volume()),
        cronjob(script(), volume(), name="gpu-morning"),
        cronjob(script(), volume(), name="resizePool"),
        cronjob(script(), volume(name="nodepool-scripts")),
        cronjob({**script(), "image": "registry.example/tools/node-scaler:2"}, volume()),
        cronjob({**script(), "env": [{"name": "TARGET_NODES", "value": "4"}]}, volume()),
        cronjob({**script(), "env": [{"name": "TARGET", "value": "gpu-a100"}]}, volume()),
        cronjob({"command": ["sh", "-c", "/scripts/down.sh 0"], **mounted("/scripts")}, projected({"name": "scripts"})),
        cronjob({"envFrom": [{"configMapRef": {"name": "pools"}}]}, name="scale-down"),
        cronjob({"envFrom": [{"configMapRef": {"name": "x"}}], "env": [{"name": "NODE_POOL", "value": "gpu"}]}),
    ],
)
def test_what_may_scale_nodes_is_named(manifest: Json) -> None:
    said = issue(manifest)
    assert said.startswith("ScalerNotRead: CronJob ops/")
    assert (
        "which was not read: add it to the input (kubectl get cronjobs,configmaps -A -o json), let the operator" in said
    )
    assert "gpucost.dev/node-counts for several pools" in said
    assert "spec.nodePools.source: Observed" in said


def test_the_message_names_script_and_config_map() -> None:
    said = issue(cronjob(script("/scripts/scale-up.sh"), volume()))
    assert "it uses /scripts/scale-up.sh from ConfigMap ops/scripts, which was not read" in said
    taken = issue(cronjob({"envFrom": [{"configMapRef": {"name": "gpu-pools"}}]}))
    assert "it takes variables from ConfigMap ops/gpu-pools, which was not read" in taken


def test_a_variable_of_one_names_it() -> None:
    reference = {"configMapKeyRef": {"name": "pools", "key": "gpu"}}
    env = [{"name": "NODE_POOL", "value": "gpu"}, {"name": "NODES_COUNT", "valueFrom": reference}]
    said = issue(cronjob({"env": env}))
    assert "NODES_COUNT takes its value from ConfigMap ops/pools, which was not read: add it to the input" in said
    here = config_map("pools") | {"data": {"other": "4"}}
    assert "takes its value from elsewhere" in issue(cronjob({"env": env}), here)


@pytest.mark.parametrize(
    "manifest",
    [
        cronjob(script(), volume()),
        cronjob(
            {**script(), "image": "node:22-alpine", "env": [{"name": "NODE_ENV", "value": "production"}]}, volume()
        ),
        cronjob(script("/scripts/cleanup.sh"), volume(), name="backup"),
        cronjob({**script(), "env": [{"name": "DB_POOL_SIZE", "value": "5"}]}, volume()),
        cronjob({"command": ["pg_dump"], "envFrom": [{"configMapRef": {"name": "db"}}]}),
    ],
)
def test_what_nothing_says_it_scales_is_passed_over_visibly(manifest: Json) -> None:
    found = read_cronjobs([manifest])
    assert (found.versions, found.issues) == ((), ())
    (passed,) = found.passed_over
    assert passed.label == f"ops/{manifest['metadata']['name']}"
    assert passed.what.endswith("which was not read, and nothing tells that it scales nodes")


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["python", "-m", "app", "--config", "/scripts/gpu.yaml"], **mounted("/scripts")},
        {"command": ["app", "--config=/scripts/gpu"], **mounted("/scripts")},
        {"command": ["app", "/scripts2/report.sh"], **mounted("/scripts")},
        {"command": ["app"], **mounted("/scripts")},
    ],
)
def test_a_mounted_file_that_is_not_run_is_no_script(container: Json) -> None:
    assert read_cronjobs([cronjob({**container, "image": "x"}, volume())]) == CronJobInventory((), ())


def test_annotations_need_no_config_map() -> None:
    stated = {"gpucost.dev/node-pool": "gpu-l4", "gpucost.dev/nodes": "2"}
    assert counts(cronjob(script("/scripts/up.sh"), volume(), annotations=stated)) == {"gpu-l4": 2}


def test_malformed_volumes_are_an_issue() -> None:
    for container, broken in ((script(), {"name": "v", "configMap": 5}), ({"volumeMounts": 5}, volume())):
        assert "UnreadableCronJob" in issue(cronjob({**script(), **container}, broken))


# Which ones an operator gets


def test_an_operator_gets_those_that_matter() -> None:
    assert find_config_maps(cronjob(script(), volume())) == {KEY}
    assert find_config_maps(cronjob({"envFrom": [{"configMapRef": {"name": "a"}}]})) == {("ops", "a")}
    reference = {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "b", "key": "x"}}}
    assert find_config_maps(cronjob({"env": [reference]})) == {("ops", "b")}


def test_it_gets_none_that_do_not() -> None:
    stated = {"gpucost.dev/node-pool": "gpu-l4", "gpucost.dev/nodes": "2"}
    assert find_config_maps(cronjob(script(), volume(), annotations=stated)) == frozenset()
    assert find_config_maps(cronjob(script(), volume(), annotations={"gpucost.dev/ignore": "true"})) == frozenset()
    assert find_config_maps(cronjob({"command": ["app"], **mounted("/etc/app")}, volume())) == frozenset()
    assert find_config_maps(cronjob({"command": 5})) == frozenset()
    assert find_config_maps(config_map()) == find_config_maps("text") == frozenset()
