"""gpucost doctor on a real API server and a real PostgreSQL: each broken set-up is found, with what to do about it."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from costreports import Place, cost_report, cron_job, secret

from command import Ran, gpucost, installed
from gpucost.ledger.ledger import Ledger
from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator
from postgres import PASSWORD, Postgres
from processes import free_ports

HERE: Final = Path(__file__).parent
CRDS: Final = HERE.parents[1] / "crds"
SQL: Final = HERE.parents[1] / "sql" / "task_history.postgresql.sql"
CRD: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/costreports.gpucost.dev"
READER: Final = "gpucost_doctor"
EVENT: Final = "INSERT INTO task_history (task_id, status, node_id, metainfo) VALUES (1, 'new', '', '{}')"
TASKS: Final = {"databaseSecretRef": {"name": "task-db"}}

Finding = dict[str, str]


@dataclass(frozen=True)
class Seen:
    """What doctor said."""

    ran: Ran

    @property
    def findings(self) -> list[Finding]:
        found: list[Finding] = json.loads(self.ran.out)["findings"]
        return found

    def only(self, level: str, check: str) -> Finding:
        """The one finding of a level about something."""
        (found,) = [f for f in self.findings if f["level"] == level and f["check"] == check] or [{"all": self.ran.out}]
        return found

    def problem(self, check: str, what: str, remedy: str) -> None:
        """There is this problem, in these words, and the exit code says that there is one."""
        found = self.only("problem", check)
        assert what in found["what"], found
        assert remedy in found["remedy"], found
        assert self.ran.code == 1
        assert json.loads(self.ran.out)["ok"] is False
        self.is_discreet()

    def warning(self, check: str, what: str, remedy: str) -> None:
        """There is this warning, in these words, and nothing worse."""
        (found,) = [f for f in self.findings if f["level"] == "warning" and what in f["what"]] or [
            {"all": self.ran.out}
        ]
        assert found["check"] == check, found
        assert remedy in found["remedy"], found
        assert self.ran.code == 0, self.ran.out
        self.is_discreet()

    def is_discreet(self) -> None:
        assert PASSWORD not in self.ran.out + self.ran.err
        assert self.ran.err == ""


def doctor(cluster: Cluster | Path, namespace: str, *words: str | Path) -> Seen:
    """Run it as an admin of a cluster, or with a kubeconfig."""
    kubeconfig = cluster.kubeconfig if isinstance(cluster, Cluster) else cluster
    return Seen(gpucost("doctor", "--kubeconfig", kubeconfig, "-n", namespace, "-o", "json", *words))


def create(cluster: Cluster, namespace: str, *manifests: Mapping[str, Any]) -> None:
    placed = [{**one, "metadata": {**one["metadata"], "namespace": namespace}} for one in manifests]
    cluster.apply(placed)


@pytest.fixture
def database(postgres: Postgres) -> str:
    """The URL of a task database for a user that may only read it."""
    postgres.execute(
        postgres.new_database(),
        f"DROP ROLE IF EXISTS {READER}",
        SQL.read_text(encoding="utf-8"),
        EVENT,
        f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT USAGE ON SCHEMA public TO {READER}",
        f"GRANT SELECT ON task_history TO {READER}",
    )
    return postgres.url_of(user=READER)


def database_with(postgres: Postgres, columns: str) -> str:
    """The URL of a task database whose table has these columns."""
    url = postgres.new_database()
    postgres.execute(url, f"CREATE TABLE task_history ({columns})")
    return url


# The API server and the CRD


def test_01_the_api_server_is_down(cluster: Cluster, tmp_path: Path) -> None:
    config = cluster.kubeconfig.read_text().replace(str(cluster.port), str(free_ports(1)[0]))
    (tmp_path / "config").write_text(config)
    doctor(tmp_path / "config", "default").problem("API server", "can't be reached", "check that it runs")


@contextmanager
def changed_crd(cluster: Cluster) -> Iterator[None]:
    """The CRD is as it was after the block, and served."""
    try:
        yield
    finally:
        cluster.kubectl("apply", "-f", str(CRDS))
        cluster.wait_for_lists()
        cluster.wait_until(lambda: doctor(cluster, "default").ran.code == 0, 10, "the CRD is as it was")


def test_02_the_crd_is_missing(cluster: Cluster, namespace: str) -> None:
    with changed_crd(cluster):
        cluster.kubectl("delete", "crd", "costreports.gpucost.dev")
        doctor(cluster, namespace).problem("CRD", "is not installed", "gpucost crds | kubectl apply -f -")
        weak = account(cluster, namespace, rules())
        doctor(weak, namespace).problem("CRD", "is not installed", "gpucost crds | kubectl apply -f -")


def test_03_the_crd_is_older(cluster: Cluster, namespace: str) -> None:
    path = (
        "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/recommendations/properties/nightReduceBelow"
    )
    patch = [{"op": "remove", "path": path}]
    with changed_crd(cluster):
        answer = cluster.request("PATCH", CRD, patch, content_type="application/json-patch+json")
        assert answer.status == 200, answer
        seen = doctor(cluster, namespace)
        seen.problem("CRD", "lacks spec.recommendations.nightReduceBelow", "gpucost crds | kubectl apply -f -")


# Rights


def rules(**without: str) -> list[dict[str, Any]]:
    """What rbac.yaml gives the operator, but for one verb of a resource (its slash as two underscores)."""
    ((role, _),) = [tuple(yaml.safe_load_all((HERE / "rbac.yaml").read_text()))]
    found = []
    for rule in role["rules"]:
        for resource in rule["resources"]:
            left_out = without.get(resource.replace("/", "__"))
            verbs = [verb for verb in rule["verbs"] if verb != left_out]
            found.append({"apiGroups": rule["apiGroups"], "resources": [resource], "verbs": verbs})
    return [rule for rule in found if rule["verbs"]]


def account(cluster: Cluster, namespace: str, allowed: Sequence[Mapping[str, Any]], name: str = "weak") -> Path:
    """A kubeconfig of a service account that may do only this in its namespace."""
    group = {"apiGroup": "rbac.authorization.k8s.io"}
    metadata = {"name": name, "namespace": namespace}
    cluster.apply(
        [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            {"apiVersion": f"{group['apiGroup']}/v1", "kind": "Role", "metadata": metadata, "rules": allowed},
            {
                "apiVersion": f"{group['apiGroup']}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": {**group, "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", **metadata}],
            },
        ]
    )
    token = cluster.kubectl("create", "token", name, "-n", namespace).stdout.strip()
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = cluster.folder / f"kubeconfig-{namespace}-{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_04_it_may_not_list_cronjobs(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, cost_report())
    weak = account(cluster, namespace, rules(cronjobs="list"))
    seen = doctor(weak, namespace)
    seen.problem("right to cronjobs.batch", "may not list cronjobs.batch", "--verb=list --resource=cronjobs.batch")
    assert "cronjobs.batch is forbidden" in seen.only("skipped", f"schedules of {namespace}/example")["what"]


def test_05_it_may_not_get_the_secret(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, secret("postgresql://r:x@h/d"), cost_report(tasks=TASKS))
    seen = doctor(account(cluster, namespace, rules(secrets="get")), namespace)
    check = f"right to secrets {namespace}/task-db"
    seen.problem(check, "may not get it", "--verb=get --resource=secrets --resource-name=task-db")
    assert "is not looked at" in seen.only("skipped", f"secret {namespace}/task-db")["what"]


def test_06_it_may_not_patch_the_status(cluster: Cluster, namespace: str) -> None:
    seen = doctor(account(cluster, namespace, rules(costreports__status="patch")), namespace)
    kind = "costreports.gpucost.dev/status"
    seen.problem(f"right to {kind}", f"may not patch {kind}", f"--verb=patch --resource={kind}")


def test_the_remedy_for_a_missing_right_works(cluster: Cluster, namespace: str) -> None:
    weak = account(cluster, namespace, rules(jobs="watch"))
    remedy = doctor(weak, namespace).only("problem", "right to jobs.batch")["remedy"]
    for command in remedy.removeprefix("allow it: ").split(" && "):
        cluster.kubectl(*command.split()[1:])
    cluster.wait_until(lambda: doctor(weak, namespace, "--no-pages").ran.code == 0, 10, "the right is there")


def test_the_right_to_ask_who_may_see_a_page_is_missing(cluster: Cluster, namespace: str) -> None:
    """A Role can't give it; an operator without pages doesn't need it."""
    weak = account(cluster, namespace, rules())
    found = doctor(weak, namespace)
    for kind, why in (
        ("tokenreviews.authentication.k8s.io", "who asks for a page"),
        ("subjectaccessreviews.authorization.k8s.io", "which pages he may see"),
    ):
        found.problem(f"right to {kind}", f"needed for {why}", "kubectl create clusterrole")
    assert doctor(weak, namespace, "--no-pages").ran.code == 0


def test_an_admin_asks_for_the_rights_of_the_operators_account(cluster: Cluster, namespace: str) -> None:
    account(cluster, namespace, rules(events="create"))
    seen = doctor(cluster, namespace, "--as-operator", f"{namespace}/weak")
    words = f"service account {namespace}/weak may not create events"
    seen.problem("right to events", words, f"--serviceaccount={namespace}:weak")
    nobody = doctor(account(cluster, namespace, rules(), "other"), namespace, "--as-operator", f"{namespace}/weak")
    assert "kubectl exec" in nobody.only("skipped", "rights")["remedy"]
    assert nobody.ran.code == 0
    gc.collect()  # a connection that is left open warns here, not in a later test


# CostReports, Secrets and CronJobs


def test_07_the_secret_is_missing(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, cost_report(tasks=TASKS))
    seen = doctor(cluster, namespace)
    seen.problem(f"secret {namespace}/task-db", "does not exist", "kubectl create secret generic task-db")


def test_08_the_key_is_missing(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, {**secret("x"), "stringData": {"uri": "x"}}, cost_report(tasks=TASKS))
    doctor(cluster, namespace).problem(f"secret {namespace}/task-db", "has no key url", "databaseSecretRef.key")


def test_18_a_spec_is_invalid(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, cost_report(timeZone="Europe/Atlantis"))
    seen = doctor(cluster, namespace)
    seen.problem(f"report {namespace}/example", "spec.timeZone", f"kubectl edit costreport -n {namespace} example")


def test_19_a_cronjob_is_unreadable(cluster: Cluster, namespace: str) -> None:
    jobs = cron_job("up", 4, "0 6 * * *"), cron_job("down", "few", "0 20 * * *")
    create(cluster, namespace, *jobs, cost_report())
    seen = doctor(cluster, namespace)
    check = f"schedules of {namespace}/example"
    seen.problem(
        check, f"1 CronJob can't be read: CronJob {namespace}/down", "state the annotations gpucost.dev/node-pool"
    )
    assert "1 scaling CronJob can be read: gpu-l4" in seen.only("ok", check)["what"]


def test_a_namespace_does_not_share_its_schedules(cluster: Cluster, namespace: str) -> None:
    pools = {**cost_report()["spec"]["nodePools"], "cronJobs": {"namespaces": ["default"]}}
    create(cluster, namespace, cost_report(nodePools=pools))
    check, everywhere = (
        f"schedules of {namespace}/example",
        ("doctor", "--kubeconfig", cluster.kubeconfig, "-o", "json"),
    )
    words = "--watch-namespace default and --share-namespace default"
    doctor(cluster, namespace).problem(check, "does not share", words)
    shared = doctor(cluster, namespace, "--share-namespace", "default")
    shared.warning(check, "no CronJob states a node pool", "annotations")
    label = "kubectl label namespace default gpucost.dev/share-schedules=true"
    Seen(gpucost(*everywhere)).problem(check, "does not share", label)
    cluster.kubectl(*label.split()[1:])
    labelled = Seen(gpucost(*everywhere)).only("warning", check)
    cluster.kubectl("label", "namespace", "default", "gpucost.dev/share-schedules-")
    assert "no CronJob states a node pool" in labelled["what"]


def test_a_failing_report_is_explained(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, cost_report())
    conditions = [
        {
            "type": "Ready",
            "status": "False",
            "reason": "DatabaseTimeout",
            "message": "too slow",
            "lastTransitionTime": "2025-06-01T00:00:00Z",
            "observedGeneration": 1,
        }
    ]
    path = f"/apis/gpucost.dev/v1alpha1/namespaces/{namespace}/costreports/example/status"
    assert cluster.request("PATCH", path, {"status": {"conditions": conditions}}).status == 200
    doctor(cluster, namespace).problem(f"report {namespace}/example", "DatabaseTimeout: too slow", "Shorten the period")


def test_no_operator_has_looked_at_a_report(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, cron_job("up", 4, "0 6 * * *"), cost_report())
    doctor(cluster, namespace).warning(f"report {namespace}/example", "no operator has looked", "gpucost operator runs")


# The task database

DB: Final = "database of --db"


def test_09_the_database_is_down(cluster: Cluster, namespace: str) -> None:
    url = f"postgresql://reader:{PASSWORD}@127.0.0.1:{free_ports(1)[0]}/tasks"
    doctor(cluster, namespace, "--db", url).problem(DB, "can't be reached", "check host and port")


def test_10_the_password_is_wrong(cluster: Cluster, namespace: str, postgres: Postgres) -> None:
    wrong = f"{PASSWORD}-of-yesterday"
    create(cluster, namespace, secret(postgres.url_of(password=wrong)), cost_report(tasks=TASKS))
    seen = doctor(cluster, namespace)
    seen.problem(f"database of {namespace}/example", "password authentication failed", "check user and password")


def test_11_the_table_is_missing(cluster: Cluster, namespace: str, postgres: Postgres) -> None:
    seen = doctor(cluster, namespace, "--db", postgres.new_database())
    seen.problem(DB, "has no table task_history", "spec.tasks.query")


def test_12_a_column_is_missing(cluster: Cluster, namespace: str, postgres: Postgres) -> None:
    url = database_with(postgres, "task_id int, service_name text, status text, creation_ts timestamptz, metainfo text")
    doctor(cluster, namespace, "--db", url).problem(
        DB, "has no column node_id", "Map your schema with spec.tasks.query"
    )


NUMBERS: Final = "task_id int, service_name text, status text, creation_ts bigint, node_id text, metainfo text"


def test_13_the_unit_of_times_is_not_said(cluster: Cluster, namespace: str, postgres: Postgres, tmp_path: Path) -> None:
    url = database_with(postgres, NUMBERS)
    doctor(cluster, namespace, "--db", url).problem(
        DB, "creation_ts is a number", "set spec.tasks.epochUnit to Seconds"
    )
    report = cost_report(tasks={"epochUnit": "Seconds"})
    (tmp_path / "report.yaml").write_text(yaml.safe_dump(report))
    assert doctor(cluster, namespace, "--db", url, "-f", tmp_path / "report.yaml").ran.code == 0


def test_14_the_user_may_write(cluster: Cluster, namespace: str, postgres: Postgres, database: str) -> None:
    postgres.execute(postgres.url, f"GRANT INSERT ON task_history TO {READER}")
    words = f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON task_history FROM {READER}"
    seen = doctor(cluster, namespace, "--db", database)
    seen.warning(DB, "may write to task_history", words)
    postgres.execute(postgres.url, seen_statement(seen))
    assert {f["level"] for f in doctor(cluster, namespace, "--db", database).findings} == {"ok"}
    superuser = doctor(cluster, namespace, "--db", postgres.url)
    superuser.warning(DB, "is a superuser", "GRANT SELECT ON task_history TO gpucost_reader")


def seen_statement(seen: Seen) -> str:
    (statement,) = [f["remedy"] for f in seen.findings if f["remedy"].startswith("REVOKE")]
    return statement


def test_the_user_may_not_read(cluster: Cluster, namespace: str, postgres: Postgres, database: str) -> None:
    postgres.execute(postgres.url, f"REVOKE SELECT ON task_history FROM {READER}")
    words = "GRANT SELECT ON task_history TO"
    doctor(cluster, namespace, "--db", database).problem(DB, "permission denied for table task_history", words)
    postgres.execute(postgres.url, f"REVOKE USAGE ON SCHEMA public FROM {READER}")
    doctor(cluster, namespace, "--db", database).only("problem", DB)


def test_a_large_table_has_no_index(cluster: Cluster, namespace: str, postgres: Postgres, database: str) -> None:
    assert {f["level"] for f in doctor(cluster, namespace, "--db", database).findings} == {"ok"}
    large = "UPDATE pg_class SET reltuples = 5000000 WHERE oid = 'task_history'::regclass"
    postgres.execute(postgres.url, "DROP INDEX task_history_creation_ts", large)
    seen = doctor(cluster, namespace, "--db", database)
    seen.warning(DB, "about 5,000,000 rows", "CREATE INDEX CONCURRENTLY ON task_history USING brin (creation_ts)")
    (advice,) = [f["remedy"] for f in seen.findings if "CREATE INDEX" in f["remedy"]]
    postgres.execute(postgres.url, advice[advice.index("CREATE") :], large)
    assert {f["level"] for f in doctor(cluster, namespace, "--db", database).findings} == {"ok"}


def test_a_secret_of_the_cluster_names_no_file_of_ours(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    create(cluster, namespace, secret(f"duckdb:///{tmp_path / 'x'}"), cost_report(tasks=TASKS))
    seen = doctor(cluster, namespace)
    seen.problem(f"database of {namespace}/example", "outside the folders", "--data-folder")


# The ledger


def test_15_the_ledger_can_not_be_written(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no ledger, and long enough to be none" * 99)
    seen = doctor(cluster, namespace, "--ledger", f"sqlite:///{tmp_path}/text.db")
    seen.problem("ledger", "file is not a database", "restore it from its backup")
    seen = doctor(cluster, namespace, "--ledger", f"sqlite:///{tmp_path}/text.db/ledger.db")
    seen.problem("ledger", "is no folder", "let the operator's user write to it")


def test_16_the_ledger_is_held(cluster: Cluster, namespace: str, postgres: Postgres, tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/ledger.db", postgres.new_database()):
        held = Ledger.open(url, "the operator of the tests")
        found = doctor(cluster, namespace, "--ledger", url).findings
        said = [f["what"] for f in found if f["check"] == "ledger" and f["level"] == "ok"]
        assert "is migrated" in said[0]
        assert said[1].startswith("held by the operator of the tests (process ")
        held.close()
        found = doctor(cluster, namespace, "--ledger", url).findings
        assert [f["level"] for f in found if f["check"] == "ledger"] == ["ok"]


def test_a_ledger_on_a_server_can_not_be_written(
    cluster: Cluster, namespace: str, database: str, postgres: Postgres
) -> None:
    seen = doctor(cluster, namespace, "--ledger", database)
    seen.problem("ledger", "can't be written by its user", "GRANT USAGE, CREATE ON SCHEMA")
    down = f"postgresql://gpucost:{PASSWORD}@127.0.0.1:{free_ports(1)[0]}/ledger"
    doctor(cluster, namespace, "--ledger", down).problem("ledger", "can't be used", "check that it can be reached")


# All together


def test_a_healthy_set_up(
    cluster: Cluster, namespace: str, database: str, start_operator: Callable[[], Operator]
) -> None:
    operator = start_operator()
    operator.wait_ready()
    place = Place(cluster, namespace, operator)
    place.create(secret(database), cron_job("up", 4, "0 6 * * *"), cost_report(tasks=TASKS))
    place.computed()
    before = place.version("CostReport", "example"), files(operator.folder)
    seen = doctor(cluster, namespace, "--ledger", operator.ledger, "--as-operator", f"{namespace}/operator")
    assert seen.ran.code == 1, "that account has no rights"
    seen = doctor(cluster, namespace, "--ledger", operator.ledger)
    assert seen.ran.code == 0
    assert [f for f in seen.findings if f["level"] != "ok" or f["remedy"]] == []
    assert len(seen.findings) >= 15
    own = Seen(gpucost("doctor", "--kubeconfig", cluster.kubeconfig_for(OPERATOR), "-n", namespace, "-o", "json"))
    assert own.ran.code == 0
    assert [f["check"] for f in own.findings if f["level"] != "ok"] == ["CRD"]
    operator.stop()
    after = doctor(cluster, namespace, "--ledger", operator.ledger)
    assert after.ran.code == 0
    assert place.version("CostReport", "example") == before[0]
    assert files(operator.folder).keys() <= before[1].keys()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_for_a_person(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, cost_report(tasks=TASKS))
    env = {"KUBECONFIG": str(cluster.kubeconfig), "GPUCOST_WATCH_NAMESPACE": namespace}
    ran = installed("doctor", env={**env, "HOME": os.devnull})
    assert ran.code == 1
    assert "ok         API server" in ran.out
    assert f"X problem  secret {namespace}/task-db" in ran.out
    assert "to do: create it: kubectl create secret generic task-db" in ran.out
    assert "1 problem, 2 warnings, " in ran.out
    assert "\x1b" not in ran.out
