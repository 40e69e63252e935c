"""What helm makes of the chart's values, and which values it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from chart.helm import CHART, IMAGE, ROOT, Helm, Manifest, container, environment, named
from processes import CommandFailed

TENANTS = {"scope": {"namespaces": ["team-a", "team-b"]}}
SECRETS = {
    "databaseSecrets": [{"namespace": ns, "name": name} for ns, name in (("a", "one"), ("b", "two"), ("a", "x"))]
}
MONITORING = {"serviceMonitor": {"enabled": True, "force": True}, "prometheusRule": {"enabled": True, "force": True}}
PERMISSIONS = ROOT / "docs" / "install.md"


def rules(role: Manifest) -> list[tuple[str, str, str]]:
    """API group, resources, verbs of a role, as the table of docs/install.md has them."""
    return [
        (rule["apiGroups"][0] or "core", ", ".join(rule["resources"]), ", ".join(rule["verbs"]))
        for rule in role["rules"]
    ]


def test_helm_lint_finds_nothing(helm: Helm) -> None:
    said = helm.run("lint", CHART, "--strict", values={})
    assert "WARNING" not in said
    assert "1 chart(s) linted, 0 chart(s) failed" in said


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image": {}}, "image.repository is required: build the image with the Dockerfile"),
        ({"image": {"repository": "x", "digest": "sha256:1"}}, "/image/digest"),
        ({"scope": {"namespaces": "finops"}}, "/scope/namespaces': got string, want array"),
        ({"scope": {"namespaces": ["Fin Ops"]}}, "/scope/namespaces/0"),
        ({"databaseSecrets": [{"name": "task-db"}]}, "missing property 'namespace'"),
        ({"databaseSecrets": ["task-db"]}, "got string, want object"),
        ({"replicas": 2}, "'replicas' not allowed"),
        ({"settings": {"refesh": 60}}, "'refesh' not allowed"),
        ({"settings": {"refresh": "5m"}}, "/settings/refresh': got string, want number"),
        ({"settings": {"refresh": 1}}, "/settings/refresh"),
        ({"settings": {"logLevel": "loud"}}, "/settings/logLevel"),
        ({"settings": {"dataFolder": ["data"]}}, "/settings/dataFolder/0"),
        ({"ledger": {"persistence": {"size": "much"}}}, "/ledger/persistence/size"),
        ({"resources": {"limits": {"memory": "1 GiB"}}}, "/resources/limits/memory"),
        ({"networkPolicy": {"enabled": True, "databases": [{"port": 5432}]}}, "missing property 'to'"),
        ({"extraEnv": {"A": "b"}}, "/extraEnv': got object, want array"),
    ],
)
def test_values_that_are_refused(helm: Helm, values: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        helm.render(**values)
    assert message in str(refused.value)


def test_the_pod_may_do_nothing_that_it_needs_not(helm: Helm) -> None:
    rendered = helm.render()
    deployment = named(rendered, "Deployment")["spec"]
    pod = deployment["template"]["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(rendered)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not [one for one in rendered if one["kind"] == "PodDisruptionBudget"]


def test_what_the_operator_writes_is_on_a_volume(helm: Helm) -> None:
    rendered = helm.render()
    mounted = {one["mountPath"]: one["name"] for one in container(rendered)["volumeMounts"]}
    volumes = {one["name"]: one for one in named(rendered, "Deployment")["spec"]["template"]["spec"]["volumes"]}
    assert mounted == {"/tmp": "tmp", "/var/cache/gpucost": "spill", "/var/lib/gpucost": "ledger"}
    assert environment(rendered)["GPUCOST_SPILL_FOLDER"] == "/var/cache/gpucost"
    assert environment(rendered)["GPUCOST_LEDGER"] == "sqlite:////var/lib/gpucost/ledger.db"
    assert volumes["ledger"]["persistentVolumeClaim"]["claimName"] == "gpucost-ledger"
    claim = named(rendered, "PersistentVolumeClaim", "gpucost-ledger")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_kept_files_lie_beside_the_ledger_or_where_it_has_no_volume_on_that_for_spilling(helm: Helm) -> None:
    folder = "GPUCOST_ARTIFACTS_FOLDER"
    assert environment(helm.render())[folder] == "/var/lib/gpucost/artifacts"
    on_postgresql = helm.render(ledger={"postgresql": {"secretName": "ledger"}})
    assert environment(on_postgresql)[folder] == "/var/cache/gpucost/artifacts"
    assert folder not in environment(helm.render(artifacts={"enabled": False}))


def test_probes_ask_what_the_operator_answers(helm: Helm) -> None:
    found = container(helm.render())
    paths = [found[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")]
    assert paths == ["/healthz", "/healthz", "/readyz"]
    assert found["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    assert environment(helm.render())["GPUCOST_LISTEN"] == "0.0.0.0:8080"


def test_a_ledger_on_postgresql_comes_from_a_secret_and_claims_no_volume(helm: Helm) -> None:
    rendered = helm.render(ledger={"postgresql": {"secretName": "ledger-db"}})
    (ledger,) = [one for one in container(rendered)["env"] if one["name"] == "GPUCOST_LEDGER"]
    assert ledger["valueFrom"] == {"secretKeyRef": {"name": "ledger-db", "key": "url"}}
    assert "/var/lib/gpucost" not in str(container(rendered)["volumeMounts"])
    assert "PersistentVolumeClaim" not in {one["kind"] for one in rendered}


@pytest.mark.parametrize(
    ("persistence", "volume"),
    [
        ({"existingClaim": "mine"}, {"persistentVolumeClaim": {"claimName": "mine"}}),
        ({"enabled": False}, {"emptyDir": {}}),
    ],
)
def test_a_ledger_on_another_volume(helm: Helm, persistence: dict[str, Any], volume: dict[str, Any]) -> None:
    rendered = helm.render(ledger={"persistence": persistence})
    assert {"name": "ledger", **volume} in named(rendered, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert "PersistentVolumeClaim" not in {one["kind"] for one in rendered}


def test_settings_become_environment_variables(helm: Helm) -> None:
    settings = {
        "clusterTimezone": "Asia/Kolkata",
        "maxSeries": 20_000_000,
        "debounce": 0.05,
        "dataFolder": ["/a", "/b"],
    }
    found = environment(helm.render(settings=settings, **TENANTS))
    assert found["GPUCOST_CLUSTER_TIMEZONE"] == "Asia/Kolkata"
    assert found["GPUCOST_MAX_SERIES"] == "20000000"
    assert found["GPUCOST_DEBOUNCE"] == "0.05"
    assert found["GPUCOST_DATA_FOLDER"] == "/a /b"
    assert found["GPUCOST_WATCH_NAMESPACE"] == "team-a team-b"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ({"repository": "r.example/g"}, "r.example/g:0.3.0"),
        ({"repository": "r.example:5000/g", "tag": "test"}, "r.example:5000/g:test"),
        ({"repository": "r/g", "digest": "sha256:" + "a" * 64}, "r/g:0.3.0@sha256:" + "a" * 64),
    ],
)
def test_the_image_is_that_of_the_chart_unless_stated(helm: Helm, image: dict[str, str], found: str) -> None:
    assert container(helm.render(image=image))["image"] == found


def test_extra_parts_reach_the_pod(helm: Helm) -> None:
    rendered = helm.render(
        extraEnv=[{"name": "SSL_CERT_FILE", "value": "/ca/ca.pem"}],
        extraArgs=["--log-level=debug"],
        extraVolumes=[{"name": "ca", "configMap": {"name": "ca"}}],
        extraVolumeMounts=[{"name": "ca", "mountPath": "/ca"}],
        imagePullSecrets=[{"name": "registry"}],
        tolerations=[{"operator": "Exists"}],
        podAnnotations={"a": "b"},
    )
    pod = named(rendered, "Deployment")["spec"]["template"]
    assert container(rendered)["args"] == ["operator", "--log-level=debug"]
    assert environment(rendered)["SSL_CERT_FILE"] == "/ca/ca.pem"
    assert {"name": "ca", "mountPath": "/ca"} in container(rendered)["volumeMounts"]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["spec"]["tolerations"] == [{"operator": "Exists"}]
    assert pod["metadata"]["annotations"] == {"a": "b"}


def test_in_namespaces_there_are_roles_and_no_cluster_role_for_the_operator(helm: Helm) -> None:
    """But to ask who may see a page, where there are pages."""
    rendered = helm.render(**TENANTS, web={"enabled": False})
    roles = [one for one in rendered if one["kind"] == "Role"]
    bound = [one["metadata"]["namespace"] for one in rendered if one["kind"] == "RoleBinding"]
    assert [one["metadata"]["namespace"] for one in roles] == bound == ["team-a", "team-b"]
    assert all(("core", "namespaces", "get, list, watch") not in rules(role) for role in roles)
    assert not [one for one in rendered if one["kind"] == "ClusterRoleBinding"]


REVIEWS = [
    ("authentication.k8s.io", "tokenreviews", "create"),
    ("authorization.k8s.io", "subjectaccessreviews", "create"),
]


@pytest.mark.parametrize("scope", [{}, TENANTS])
@pytest.mark.parametrize(
    ("web", "asks"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"enabled": False, "protectMetrics": True}, True),
    ],
)
def test_who_may_see_a_page_is_asked_where_somebody_needs_to_know(
    helm: Helm, scope: dict[str, Any], web: dict[str, bool], asks: bool
) -> None:
    rendered = helm.render(**scope, web=web)
    made = [one for one in rendered if one["metadata"]["name"].endswith("-reviews")]
    assert [one["kind"] for one in made] == ["ClusterRole", "ClusterRoleBinding"] * asks
    assert not asks or rules(made[0]) == REVIEWS
    every = [rule for one in rendered if one["kind"].endswith("Role") for rule in rules(one)]
    assert [rule for rule in every if rule[0] in dict.fromkeys(group for group, _, _ in REVIEWS)] == REVIEWS * asks
    bound = [one["metadata"]["name"] for one in rendered if one["kind"] == "ClusterRoleBinding"]
    assert len(bound) == asks + (scope == {})


def test_pages_are_there_and_metrics_open_unless_stated(helm: Helm) -> None:
    flags = ("GPUCOST_PAGES", "GPUCOST_PROTECT_METRICS")
    for web, expected in (({}, ["true", "false"]), ({"enabled": False, "protectMetrics": True}, ["false", "true"])):
        found = environment(helm.render(web=web))
        assert [found[flag] for flag in flags] == expected


def test_prometheus_sends_its_token_where_metrics_are_protected(helm: Helm) -> None:
    for protected in (False, True):
        rendered = helm.render(**MONITORING, web={"protectMetrics": protected})
        (endpoint,) = named(rendered, "ServiceMonitor")["spec"]["endpoints"]
        token = "/var/run/secrets/kubernetes.io/serviceaccount/token" if protected else None
        assert endpoint.get("bearerTokenFile") == token


def test_secrets_are_got_by_name_only(helm: Helm) -> None:
    """No rule of the whole chart names secrets without resourceNames, whatever the scope."""
    for scope in ({}, TENANTS):
        rendered = helm.render(**SECRETS, **scope)
        found = [
            (one["metadata"]["namespace"], rule["resourceNames"], rule["verbs"])
            for one in rendered
            if one["kind"] in ("Role", "ClusterRole")
            for rule in one["rules"]
            if "secrets" in rule["resources"]
        ]
        assert found == [("a", ["one", "x"], ["get"]), ("b", ["two"], ["get"])]


@pytest.mark.parametrize("scope", [{}, TENANTS])
@pytest.mark.parametrize("read", [False, True])
def test_config_maps_may_be_got_exactly_where_they_are_read(helm: Helm, scope: dict[str, Any], read: bool) -> None:
    rendered = helm.render(**scope, readConfigMaps=read)
    assert environment(rendered)["GPUCOST_READ_CONFIGMAPS"] == str(read).lower()
    found = [
        (one["kind"], rule) for one in rendered if "rules" in one for rule in rules(one) if "configmaps" in rule[1]
    ]
    roles = ["Role", "Role"] if scope else ["ClusterRole"]
    assert found == [(kind, ("core", "configmaps", "get")) for kind in roles] * read


def test_config_maps_are_not_read_unless_stated(helm: Helm) -> None:
    assert "configmaps" not in str([one["rules"] for one in helm.render() if "rules" in one])


def test_no_rule_has_a_wildcard(helm: Helm) -> None:
    assert "'*'" not in str([one["rules"] for one in helm.render() if one["kind"].endswith("Role")])


def test_the_permissions_in_the_docs_are_those_of_the_chart(helm: Helm) -> None:
    wide = rules(named(helm.render(readConfigMaps=True), "ClusterRole", "-gpucost"))
    (secrets,) = [one for one in helm.render(**SECRETS, **TENANTS) if one["metadata"].get("namespace") == "b"][:1]
    table = PERMISSIONS.read_text(encoding="utf-8").partition("## Permissions")[2].partition("\n## ")[0]
    rows = [
        tuple(cell.strip() for cell in line.split("|")[1:4]) for line in table.splitlines() if line.startswith("| ")
    ]
    reviews = rules(named(helm.render(), "ClusterRole", "-reviews"))
    assert rows[2:] == [*wide, *rules(secrets), *reviews]


def test_crds_are_the_projects_with_a_note_to_keep_them(helm: Helm) -> None:
    (file,) = (ROOT / "crds").glob("*.yaml")
    expected = yaml.safe_load(file.read_text(encoding="utf-8"))
    expected["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    assert named(helm.render(), "CustomResourceDefinition") == expected
    assert not [one for one in helm.render(crds={"install": False}) if one["kind"] == "CustomResourceDefinition"]


def test_a_network_policy_lets_in_and_out_what_is_stated(helm: Helm) -> None:
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    database = {"to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "port": 5432}
    policy = {
        "enabled": True,
        "ingressFrom": [monitoring],
        "databases": [database],
        "apiServer": {"cidrs": ["10.0.0.1/32"]},
    }
    spec = named(helm.render(networkPolicy=policy), "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == [{"from": [monitoring], "ports": [{"port": "http", "protocol": "TCP"}]}]
    dns, server, tasks = spec["egress"]
    assert {one["port"] for one in dns["ports"]} == {53}
    assert server["to"] == [{"ipBlock": {"cidr": "10.0.0.1/32"}}]
    assert tasks == {"ports": [{"port": 5432, "protocol": "TCP"}], "to": database["to"]}


def test_parts_of_the_prometheus_operator_are_made_where_its_api_is(helm: Helm) -> None:
    enabled = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
    kinds = ("ServiceMonitor", "PrometheusRule")
    there = [f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in kinds]

    def made(*flags: str, **values: Any) -> list[str]:
        return [one["kind"] for kind in kinds for one in helm.render(*flags, **values) if one["kind"] == kind]

    assert made(*there) == []
    assert made(**enabled) == []
    assert made(*there, **enabled) == made(**MONITORING) == [*kinds]


def test_a_scrape_keeps_the_labels_of_reports(helm: Helm) -> None:
    rendered = helm.render(**MONITORING)
    monitor, service = named(rendered, "ServiceMonitor")["spec"], named(rendered, "Service")
    (endpoint,) = monitor["endpoints"]
    assert endpoint["honorLabels"] is True
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    pod = named(rendered, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= pod.items()


def test_two_releases_of_one_name_have_cluster_roles_of_their_own(helm: Helm) -> None:
    def cluster_roles(namespace: str) -> set[str]:
        rendered = helm.run("template", "gpucost", CHART, f"--namespace={namespace}", values=IMAGE)
        found = [one for one in yaml.load_all(rendered, Loader=yaml.CSafeLoader) if one]
        return {one["metadata"]["name"] for one in found if one["kind"] == "ClusterRole"}

    assert len(cluster_roles("a")) == 4
    assert not cluster_roles("a") & cluster_roles("b")
