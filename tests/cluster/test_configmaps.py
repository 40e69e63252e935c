"""A CronJob that runs a script from a ConfigMap: named, or read by an operator that may get it, on the real API server."""

from __future__ import annotations

from collections.abc import Callable

from costreports import GOES_ON, Manifest, Place, condition, cost_report, cron_job, hours_of, issues, versions

from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator

START = "2025-06-01T00:00:00Z"
SCRIPT = "gcloud container clusters resize ml --zone z --node-pool gpu-l4 --num-nodes {} -q"


def scripts(nodes: int) -> Manifest:
    data = {"up.sh": SCRIPT.format(nodes)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "scripts"}, "data": data}


def scripted() -> Manifest:
    """A CronJob that runs /scripts/up.sh on the first of January, and states nothing itself."""
    job = cron_job("scale-up", None, "0 0 1 1 *", annotations={"gpucost.dev/node-pool": None})
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "scripts", "configMap": {"name": "scripts"}}]
    mounts = [{"name": "scripts", "mountPath": "/scripts"}]
    pod["containers"][0] |= {"command": ["sh", "/scripts/up.sh"], "volumeMounts": mounts}
    return job


def current() -> Manifest:
    """A report of what is going on."""
    return cost_report(period=GOES_ON)


def allow_config_maps(cluster: Cluster, namespace: str) -> None:
    """Let the operator get the ConfigMaps of a namespace, and no more."""
    root, name = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}", {"metadata": {"name": "config-maps"}}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "config-maps"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OPERATOR}
    assert cluster.request("POST", f"{root}/roles", name | {"rules": rules}).status == 201
    binding = name | {"roleRef": reference, "subjects": [subject]}
    assert cluster.request("POST", f"{root}/rolebindings", binding).status == 201


def test_without_the_setting_the_script_is_named(
    cluster: Cluster, namespace: str, start_operator: Callable[..., Operator]
) -> None:
    allow_config_maps(cluster, namespace)
    place = Place(cluster, namespace, start_operator("--resync=1"))
    place.operator.wait_ready()
    place.create(scripts(2), scripted(), current())
    status = place.computed()
    said = issues(status)["ScalerNotRead"]
    assert f"/scripts/up.sh from ConfigMap {namespace}/scripts, which was not read" in said
    assert condition(status, "SchedulesResolved")["reason"] == "SchedulesUnread"


def test_without_the_right_it_is_named_too(
    cluster: Cluster, namespace: str, start_operator: Callable[..., Operator]
) -> None:
    place = Place(cluster, namespace, start_operator("--resync=1", "--read-configmaps"))
    place.operator.wait_ready()
    place.create(scripts(2), scripted(), current())
    assert "which was not read" in issues(place.computed())["ScalerNotRead"]


def test_a_script_is_read_by_name_and_its_edit_counts_from_the_next_list(
    cluster: Cluster, namespace: str, start_operator: Callable[..., Operator]
) -> None:
    """The edit makes a version; the count stays until the next fire, and when the ConfigMap is gone."""
    allow_config_maps(cluster, namespace)
    place = Place(cluster, namespace, start_operator("--resync=1", "--read-configmaps"))
    place.operator.wait_ready()
    place.create(scripts(2), scripted(), current())
    status = place.computed()
    assert status["summary"]["nodeHours"] == hours_of((2, START, status["period"]["dataUntil"]))
    place.edit("ConfigMap", "scripts", {"data": scripts(5)["data"]})
    edited = place.wait(lambda found: found["nodePools"][0].get("nextChange"), "the edit is known")
    assert (edited["nodePools"][0]["nodesNow"], edited["nodePools"][0]["nextChange"]["nodes"]) == (2, 5)
    assert [one["nodes"] for one in versions(place, "scale-up")] == [2, 5]
    place.delete("ConfigMap", "scripts")
    gone = place.wait(lambda found: "ScalerNotRead" in issues(found), "it is gone")
    assert gone["nodePools"][0]["nodesNow"] == 2
