"""The chart on a real API server by the real helm: what it installs, and that its ServiceAccount may do this and no more.

The operator runs with a token of that ServiceAccount. Nothing runs pods here: it runs beside, with the Deployment's settings.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from costreports import Manifest, Place, condition, cost_report, cron_job, ready, secret

import kubernetes_server
from chart.helm import CHART, ROOT, Helm, changed_chart, environment, helm_program
from command import installed
from kubernetes_server import START_SECONDS, Cluster
from operator_process import Operator
from processes import CommandFailed, Missing, Process, skip

SYSTEM: Final = "gpucost-system"
NAMESPACES: Final = ("finops", "research", "elsewhere", SYSTEM)
ACCOUNT: Final = "gpucost"
CRD: Final = "costreports.gpucost.dev"
LISTED: Final = {"databaseSecrets": [{"namespace": "finops", "name": "task-db"}]}
EXAMPLES: Final = ROOT / "examples" / "cluster"
AUDIT: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}],
}


RIGHTS: Final = {
    ("gpucost.dev", "costreports", "", "get list watch patch"),
    ("gpucost.dev", "costreports/status", "", "patch"),
    ("batch", "cronjobs", "", "get list watch"),
    ("batch", "jobs", "", "get list watch"),
    ("", "events", "", "create patch"),
}
NAMESPACE_RIGHT: Final = ("", "namespaces", "", "get list watch")
SECRET_RIGHT: Final = ("", "secrets", "task-db", "get")
ALL_RIGHTS: Final = {*RIGHTS, NAMESPACE_RIGHT, SECRET_RIGHT}


@contextmanager
def fresh_server() -> Iterator[Cluster]:
    """An API server with empty NAMESPACES."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(kubernetes_server.running())
        except Missing as why:
            skip("Kubernetes API server", why)
        for name in NAMESPACES:
            found.create_namespace(name)
        yield found


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server of this module's own, for the chart brings the CRDs, that notes what ServiceAccounts ask for."""
    with fresh_server() as found:
        (found.folder / "audit.yaml").write_text(yaml.safe_dump(AUDIT), encoding="utf-8")
        flags = [f"--audit-policy-file={found.folder / 'audit.yaml'}", f"--audit-log-path={found.folder / 'audit.log'}"]
        found.stop_api_server()
        found.api_server.command = [*found.api_server.command, *flags]
        found.start_api_server()
        yield found


def helm_on(server: Cluster) -> Helm:
    try:
        return Helm(helm_program(), server.kubeconfig, server.folder)
    except Missing as why:
        skip("helm", why)


@pytest.fixture(scope="module")
def helm(server: Cluster) -> Helm:
    return helm_on(server)


@pytest.fixture(scope="module")
def release(helm: Helm, server: Cluster) -> str:
    """The chart, installed for all namespaces with one database Secret; returns what helm says then."""
    said = helm.run("install", ACCOUNT, CHART, f"--namespace={SYSTEM}", values=LISTED)
    server.wait_for_lists()
    return said


def with_account(server: Cluster, name: str = ACCOUNT) -> Cluster:
    """The same server, whose ``kubectl`` and ``request`` know the ServiceAccount as a user; its token is asked for as a
    kubelet does it (TokenRequest)."""
    token = server.kubectl("create", "token", name, f"--namespace={SYSTEM}").stdout.strip()
    return replace(server, tokens={**server.tokens, name: token})


@pytest.fixture(scope="module")
def account(server: Cluster, release: str) -> Cluster:
    return with_account(server)


class Call(NamedTuple):
    """A request as the API server noted it; a resource with its subresource, a path where there is no resource."""

    account: str
    allowed: bool
    verb: str
    what: str
    namespace: str


def calls(server: Cluster, account: str = ACCOUNT) -> list[Call]:
    """What a ServiceAccount has asked for so far."""
    lines = (server.folder / "audit.log").read_text(encoding="utf-8").splitlines(keepends=True)
    noted = [json.loads(line) for line in lines if line.endswith("\n")]  # the server may be writing another one
    return [found for found in map(_call, noted) if found.account == f"system:serviceaccount:{SYSTEM}:{account}"]


def _call(event: Mapping[str, Any]) -> Call:
    about = event.get("objectRef", {})
    what = "/".join(filter(None, (about.get("resource"), about.get("subresource")))) or event["requestURI"]
    allowed = event["annotations"]["authorization.k8s.io/decision"] == "allow"
    return Call(event["user"]["username"], allowed, event["verb"], what, about.get("namespace", ""))


def denied(found: Iterable[Call]) -> list[tuple[str, str]]:
    return [(call.verb, call.what) for call in found if not call.allowed]


def settings_of(server: Cluster, name: str = ACCOUNT) -> dict[str, str]:
    """The settings that the Deployment gives the operator, but for folders that are only in a pod."""
    found = environment([server.get("deployment", name, SYSTEM)])
    del found["GPUCOST_SPILL_FOLDER"]
    return found


def task_database(folder: Path) -> str:
    """The URL of a database with an hour of one task in June 2025."""
    rows = [("t1", "video", "running", "2025-06-02 10:00:00"), ("t1", "video", "done", "2025-06-02 11:00:00")]
    node = '{"node_name": "l4-node-1"}'
    with closing(sqlite3.connect(folder / "tasks.db")) as con, con:
        con.execute("CREATE TABLE task_history (task_id, service_name, status, creation_ts, node_id, metainfo)")
        con.executemany(f"INSERT INTO task_history VALUES (?, ?, ?, ?, 'n1', '{node}')", rows)
    return f"sqlite:///{folder / 'tasks.db'}"


def schedule() -> list[Manifest]:
    return [cron_job("up", 6, "0 9 * * 1-5"), cron_job("down", 0, "0 15 * * *")]


def with_tasks() -> Manifest:
    return cost_report(tasks={"databaseSecretRef": {"name": "task-db", "key": "url"}})


# The operator with the chart's rights


def test_the_operator_computes_with_a_token_of_the_charts_account_and_is_denied_nothing(
    account: Cluster, tmp_path: Path
) -> None:
    env = {**settings_of(account), "GPUCOST_DATA_FOLDER": str(tmp_path)}
    earlier = len(calls(account))
    with Operator(account.kubeconfig_for(ACCOUNT), tmp_path / "operator", env=env) as operator:
        operator.wait_ready()
        place = Place(account, "finops", operator)
        place.create(secret(task_database(tmp_path)), *schedule(), with_tasks())
        status = place.computed()
        assert status["summary"]["executedHours"] == "1"
        assert condition(status, "TasksReadable")["status"] == "True"
        place.operator.process.wait_for(place.events, 10, "an Event on the report")
        place.refreshed()
        assert "forbidden" not in operator.log.lower()
    its_own = calls(account)[earlier:]
    assert denied(its_own) == []
    made = {(call.verb, call.what) for call in its_own if not call.what.startswith("/")}
    assert made <= {(verb, what) for _, what, _, verbs in ALL_RIGHTS for verb in verbs.split()}
    assert {("list", "cronjobs"), ("watch", "jobs"), ("get", "secrets"), ("patch", "costreports/status")} <= made


def test_a_secret_that_is_not_listed_is_a_condition_that_says_so(account: Cluster, tmp_path: Path) -> None:
    with Operator(account.kubeconfig_for(ACCOUNT), tmp_path, env=settings_of(account)) as operator:
        operator.wait_ready()
        place = Place(account, "research", operator)
        place.create(secret("postgresql://reader:PASSWORD@db.invalid/tasks"), *schedule(), with_tasks())
        status = place.wait(lambda status: ready(status)["reason"] == "SecretUnreadable", "its Secret can't be read")
        assert "research/task-db" in ready(status)["message"]
        assert "PASSWORD" not in operator.log + str(status)


NOT_ALLOWED: Final = (
    ("get", "secrets/other", "finops"),
    ("get", "secrets/task-db", "research"),
    ("list", "secrets", "finops"),
    ("watch", "secrets", "finops"),
    ("list", "secrets", ""),
    ("patch", "secrets/task-db", "finops"),
    ("create", "secrets", "finops"),
    ("delete", "secrets/task-db", "finops"),
    ("create", "cronjobs.batch", "finops"),
    ("patch", "cronjobs.batch/up", "finops"),
    ("delete", "cronjobs.batch/up", "finops"),
    ("create", "jobs.batch", "finops"),
    ("patch", "jobs.batch/any", "finops"),
    ("delete", "jobs.batch/any", "finops"),
    ("create", "costreports.gpucost.dev", "finops"),
    ("delete", "costreports.gpucost.dev/example", "finops"),
    ("deletecollection", "costreports.gpucost.dev", "finops"),
    ("list", "pods", "finops"),
    ("get", "configmaps/any", "finops"),
    ("list", "nodes", ""),
    ("create", "nodes", ""),
    ("patch", "nodes/any", ""),
    ("delete", "namespaces/finops", ""),
    ("patch", "namespaces/finops", ""),
    ("list", "customresourcedefinitions.apiextensions.k8s.io", ""),
    ("create", "serviceaccounts/gpucost/token", SYSTEM),
    ("patch", "clusterroles.rbac.authorization.k8s.io/admin", ""),
    ("list", "events", "finops"),
)
GROUPS: Final = {
    "batch": "/apis/batch/v1",
    "gpucost.dev": "/apis/gpucost.dev/v1alpha1",
    "rbac.authorization.k8s.io": "/apis/rbac.authorization.k8s.io/v1",
    "apiextensions.k8s.io": "/apis/apiextensions.k8s.io/v1",
}
METHODS: Final = {"create": "POST", "patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETE"}


@pytest.mark.parametrize(("verb", "what", "namespace"), NOT_ALLOWED)
def test_what_the_account_may_not_do(account: Cluster, verb: str, what: str, namespace: str) -> None:
    """Asked with kubectl, then tried."""
    kind, *rest = what.split("/")
    plural, _, group = kind.partition(".")
    words = [verb, "/".join([kind, *rest[:1]]), *(f"--subresource={one}" for one in rest[1:])]
    where = f"--namespace={namespace}" if namespace else "--all-namespaces"
    asked = account.kubectl("auth", "can-i", *words, where, check=False, user=ACCOUNT)
    assert asked.stdout.strip() == "no"
    inside = f"/namespaces/{namespace}" if namespace else ""
    path = "/".join([GROUPS.get(group, "/api/v1") + inside, plural, *rest]) + "?watch=1" * (verb == "watch")
    tried = account.request(METHODS.get(verb, "GET"), path, {} if verb in ("create", "patch") else None, user=ACCOUNT)
    assert tried.status == 403, tried


def resource_rules(server: Cluster, user: str, namespace: str) -> set[tuple[str, str, str, str]]:
    """All that a user may do in a namespace, as the server itself reckons: group, resource, names, verbs."""
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    found = server.request("POST", path, body, user=user).json()["status"]["resourceRules"]
    return {
        (group, resource, " ".join(rule.get("resourceNames", ())), " ".join(rule["verbs"]))
        for rule in found
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if not group.endswith(("authorization.k8s.io", "authentication.k8s.io"))  # whoever logs in may ask who he is
    }


def test_the_account_may_do_this_and_nothing_else(account: Cluster) -> None:
    assert resource_rules(account, ACCOUNT, "finops") == ALL_RIGHTS
    assert resource_rules(account, ACCOUNT, "elsewhere") == {*RIGHTS, NAMESPACE_RIGHT}


def test_the_account_may_ask_who_may_see_a_page(account: Cluster) -> None:
    for kind in ("tokenreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io"):
        assert account.kubectl("auth", "can-i", "create", kind, user=ACCOUNT).stdout.strip() == "yes"
        assert account.kubectl("auth", "can-i", "list", kind, check=False, user=ACCOUNT).stdout.strip() == "no"


def test_the_doctor_misses_no_right_of_the_charts_account(account: Cluster) -> None:
    found = installed("doctor", f"--kubeconfig={account.kubeconfig}", f"--as-operator={SYSTEM}/{ACCOUNT}", "-o", "json")
    rights = {one["check"]: one["level"] for one in json.loads(found.out)["findings"] if "right to" in one["check"]}
    kinds = (
        "costreports.gpucost.dev",
        "costreports.gpucost.dev/status",
        "cronjobs.batch",
        "jobs.batch",
        "events",
        "namespaces",
    )
    assert {f"right to {kind}": "ok" for kind in kinds}.items() <= rights.items()


# Scope, people, and other parts


def test_in_one_namespace_roles_suffice(helm: Helm, release: str, server: Cluster, tmp_path: Path) -> None:
    values = {
        "scope": {"namespaces": ["elsewhere"]},
        "databaseSecrets": [{"namespace": "elsewhere", "name": "task-db"}],
        "fullnameOverride": "tenant",
        "crds": {"install": False},
        "rbac": {"aggregate": False},
    }
    helm.run("install", "tenant", CHART, f"--namespace={SYSTEM}", values=values)
    account = with_account(server, "tenant")
    assert resource_rules(account, "tenant", "elsewhere") == {*RIGHTS, SECRET_RIGHT}
    assert resource_rules(account, "tenant", "finops") == set()
    env = {**settings_of(account, "tenant"), "GPUCOST_DATA_FOLDER": str(tmp_path)}
    assert env["GPUCOST_WATCH_NAMESPACE"] == "elsewhere"
    with Operator(account.kubeconfig_for("tenant"), tmp_path / "operator", env=env) as operator:
        operator.wait_ready()
        place = Place(account, "elsewhere", operator)
        place.create(secret(task_database(tmp_path)), *schedule(), with_tasks())
        assert place.computed()["summary"]["executedHours"] == "1"
    assert denied(calls(account, "tenant")) == []
    assert account.request("GET", "/apis/batch/v1/cronjobs", user="tenant").status == 403
    account.wait_until(lambda: denied(calls(account, "tenant")) == [("list", "cronjobs")], 10, "the denial in the log")


@pytest.fixture
def aggregation(server: Cluster) -> Iterator[Process]:
    """kube-controller-manager with the controller that adds ClusterRoles to view, edit and admin."""
    command = [
        str(server.binaries / "kube-controller-manager"),
        f"--kubeconfig={server.kubeconfig}",
        "--controllers=clusterrole-aggregation-controller",
        "--leader-elect=false",
        "--secure-port=0",
    ]
    manager = Process(command, server.folder / "aggregation.log")
    manager.start()
    yield manager
    manager.kill()


def test_who_may_view_a_namespace_sees_its_reports_and_who_may_edit_it_makes_them(
    release: str, server: Cluster, aggregation: Process
) -> None:
    for role, user in (("view", "vera"), ("edit", "edith"), ("admin", "ada")):
        server.kubectl("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}", "--namespace=research")

    def may(user: str, verb: str) -> bool:
        words = ("auth", "can-i", verb, "costreports.gpucost.dev", "--namespace=research", f"--as={user}")
        return server.kubectl(*words, check=False).stdout.strip() == "yes"

    aggregation.wait_for(lambda: may("vera", "list") and may("ada", "create"), START_SECONDS, "roles are aggregated")
    assert {verb: may("vera", verb) for verb in ("get", "watch", "create", "delete")} == {
        "get": True,
        "watch": True,
        "create": False,
        "delete": False,
    }
    assert all(may(user, verb) for user in ("edith", "ada") for verb in ("get", "create", "update", "patch", "delete"))
    report = yaml.safe_dump({**cost_report("by-edith"), "metadata": {"name": "by-edith", "namespace": "research"}})
    server.kubectl("create", "-f", "-", "--as=edith", stdin=report)
    seen = server.kubectl("get", "costreports", "--namespace=research", "--as=vera").stdout
    assert "by-edith" in seen
    with pytest.raises(CommandFailed, match="cannot delete resource"):
        server.kubectl("delete", "costreport", "by-edith", "--namespace=research", "--as=vera")


def test_notes_say_what_to_run_next(release: str) -> None:
    assert "kubectl rollout status deployment/gpucost -n gpucost-system" in release
    assert "kubectl apply -f examples/cluster" in release
    assert "WARNING" not in release


def test_the_server_accepts_every_part(helm: Helm, release: str) -> None:
    """Not only YAML: the server validates each field, and writes nothing."""
    values = {
        **LISTED,
        "networkPolicy": {
            "enabled": True,
            "databases": [{"to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "port": 5432}],
            "extraEgress": [{"to": [{"podSelector": {}}]}],
        },
        "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/ca/ca.pem"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        "tolerations": [{"operator": "Exists"}],
        "nodeSelector": {"disk": "ssd"},
        "priorityClassName": "system-cluster-critical",
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccount": {"annotations": {"a": "b"}},
        "ledger": {"persistence": {"storageClass": "fast", "annotations": {"a": "b"}}},
    }
    said = helm.run("upgrade", ACCOUNT, CHART, f"--namespace={SYSTEM}", "--dry-run=server", values=values)
    assert "kind: NetworkPolicy" in said


def test_the_pod_is_admitted_where_only_restricted_pods_are(release: str, server: Cluster) -> None:
    """Pod Security Standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    enforced = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    assert server.request("PATCH", f"/api/v1/namespaces/{SYSTEM}", enforced).status == 200
    template = server.get("deployment", ACCOUNT, SYSTEM)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": template["spec"]}
    path = f"/api/v1/namespaces/{SYSTEM}/pods?dryRun=All"
    assert server.request("POST", path, pod).status == 201
    bare = {**pod, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    assert "violates PodSecurity" in server.request("POST", path, bare).text


def test_without_the_prometheus_operator_helm_says_what_was_not_made(helm: Helm, release: str) -> None:
    values = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
    said = helm.run("upgrade", ACCOUNT, CHART, f"--namespace={SYSTEM}", "--dry-run=server", values=values)
    assert "WARNING: no ServiceMonitor was made: the cluster has no API monitoring.coreos.com/v1." in said
    assert "WARNING: no PrometheusRule was made" in said


# Its life: upgrade and uninstall


def versions_fields(server: Cluster) -> Mapping[str, Any]:
    """Fields of spec that the CRD in the server knows."""
    (version,) = server.get("crd", CRD)["spec"]["versions"]
    fields: Mapping[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return fields


@pytest.fixture
def empty() -> Iterator[Cluster]:
    """A server on which nothing was installed."""
    with fresh_server() as found:
        yield found


def test_an_upgrade_brings_the_new_crd_and_an_uninstall_keeps_reports_and_ledger(empty: Cluster) -> None:
    helm, inside = helm_on(empty), f"--namespace={SYSTEM}"
    crd = f"files/crds/{next((CHART / 'files' / 'crds').iterdir()).name}"
    with changed_chart({crd: ("\n                suspend:\n", "\n                paused:\n")}) as older:
        helm.run("install", ACCOUNT, older, inside, values=LISTED)
    empty.wait_for_lists()
    assert "suspend" not in versions_fields(empty)
    empty.apply({**cost_report(), "metadata": {"name": "kept", "namespace": "finops"}})

    helm.run("upgrade", ACCOUNT, CHART, inside, "--reset-then-reuse-values")
    assert {"suspend", "period", "nodePools"} <= set(versions_fields(empty))
    assert "paused" not in versions_fields(empty)
    empty.wait_until(lambda: suspended(empty, "kept"), 10, "the report takes the new field")

    helm.run("uninstall", ACCOUNT, inside)
    assert "suspend" in versions_fields(empty)
    assert empty.get("costreport", "kept", "finops")["spec"]["suspend"] is True
    assert empty.get("pvc", "gpucost-ledger", SYSTEM)["metadata"]["name"] == "gpucost-ledger"
    left = empty.kubectl("get", "deployment,service,serviceaccount,role,rolebinding", "-A", "-o", "name").stdout
    assert "gpucost" not in left

    helm.run("install", ACCOUNT, CHART, inside, values=LISTED)
    assert empty.get("costreport", "kept", "finops")["spec"]["suspend"] is True


def suspended(server: Cluster, name: str) -> bool:
    """Set spec.suspend; whether the server kept it, which it does once it has taken a changed CRD in."""
    path = f"/apis/gpucost.dev/v1alpha1/namespaces/finops/costreports/{name}"
    return server.request("PATCH", path, {"spec": {"suspend": True}}).json().get("spec", {}).get("suspend") is True


def test_crds_that_were_applied_by_hand_are_left_alone_or_taken_over(empty: Cluster) -> None:
    """As docs/install.md says: gpucost crds | kubectl apply -f - came first."""
    helm, inside = helm_on(empty), f"--namespace={SYSTEM}"
    empty.kubectl("apply", "-f", str(ROOT / "crds"))
    with pytest.raises(CommandFailed, match="invalid ownership metadata"):
        helm.run("install", ACCOUNT, CHART, inside, values={})
    helm.run("install", ACCOUNT, CHART, inside, values={"crds": {"install": False}})
    assert "annotations" not in placed_crd(empty) or "helm.sh/resource-policy" not in placed_crd(empty)["annotations"]
    helm.run("upgrade", ACCOUNT, CHART, inside, "--take-ownership", values={})
    assert placed_crd(empty)["annotations"]["helm.sh/resource-policy"] == "keep"


def placed_crd(server: Cluster) -> Mapping[str, Any]:
    """metadata of the CRD."""
    found: Mapping[str, Any] = server.get("crd", CRD)["metadata"]
    return found


MONITORING: Final = ("ServiceMonitor", "PrometheusRule")


def test_with_the_prometheus_operator_its_parts_are_made(empty: Cluster) -> None:
    for kind in MONITORING:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"kind": kind, "plural": f"{kind.lower()}s"}
        spec = {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]}
        body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
        empty.apply({**body, "metadata": {"name": f"{names['plural']}.monitoring.coreos.com"}})
    empty.wait_for_lists()
    values = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
    said = helm_on(empty).run("install", ACCOUNT, CHART, f"--namespace={SYSTEM}", values=values)
    assert "WARNING" not in said
    for kind in MONITORING:
        assert empty.get(kind, ACCOUNT, SYSTEM)["spec"]


def test_the_examples_apply_as_they_are(empty: Cluster, tmp_path: Path) -> None:
    helm_on(empty).run("install", ACCOUNT, CHART, f"--namespace={SYSTEM}", values=LISTED)
    empty.wait_for_lists()
    account = with_account(empty)
    with Operator(account.kubeconfig_for(ACCOUNT), tmp_path, env=settings_of(account)) as operator:
        operator.wait_ready()
        account.kubectl("apply", "-f", str(EXAMPLES))
        place = Place(account, "finops", operator)
        status = place.computed("gpu-cost")
        assert condition(status, "SchedulesResolved")["status"] == "True", status
        assert condition(status, "Priced")["status"] == "True"
        assert float(status["summary"]["nodeCost"]) > 0
        account.kubectl("apply", "-f", str(EXAMPLES / "tasks"))
        failing = place.wait(
            lambda status: ready(status)["reason"] == "DatabaseUnreachable", "it needs a URL", "gpu-tasks"
        )
        assert "PASSWORD" not in operator.log + str(failing)
