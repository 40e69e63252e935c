"""Two tenants of one cluster: what ``ours`` tries to see of ``theirs`` and of the operator, and is refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from costreports import Place, condition, cost_report, cron_job, issues, secret

from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator
from postgres import Postgres

SCHEMA = (
    "CREATE TABLE task_history (task_id text, service_name text, status text, creation_ts timestamptz, "
    "node_id text, metainfo jsonb)"
)
THEIR_PASSWORD = "their-p4ssword"


@dataclass(frozen=True)
class Tenants:
    ours: Place
    theirs: Place
    server: Postgres

    def url(self, who: str) -> str:
        """Each tenant has a database and a role that may connect to no other."""
        return self.server.url_of(database=who, user=who, password=f"{who}-pw" if who == "ours" else THEIR_PASSWORD)

    def outcome(self, url: str | None = None, **tasks: Any) -> tuple[str, str]:
        """Reason and message of Ready of a report of ours with this URL and these tasks."""
        name = f"r-{secrets.token_hex(3)}"
        self.ours.create(secret(url or self.url("ours"), name))
        self.ours.create(cost_report(name, tasks={"databaseSecretRef": {"name": name}, **tasks}))
        status = self.ours.wait(
            lambda found: condition(found, "Ready")["status"] in ("True", "False"), "an end", name, 30
        )
        text = json.dumps([status, self.ours.events(name)])
        assert THEIR_PASSWORD not in text
        ready = condition(status, "Ready")
        return ready["reason"], ready["message"]


@pytest.fixture(scope="module")
def tenants(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Tenants]:
    for who, password in (("ours", "ours-pw"), ("theirs", THEIR_PASSWORD)):
        postgres.execute(
            postgres.url, f"CREATE ROLE {who} LOGIN PASSWORD '{password}'", f"CREATE DATABASE {who} OWNER {who}"
        )
        postgres.execute(postgres.url, f"REVOKE CONNECT ON DATABASE {who} FROM PUBLIC")
        postgres.execute(postgres.url_of(database=who, user=who, password=password), SCHEMA)
    folder = tmp_path_factory.mktemp("operator")
    spaces = [f"{who}-{secrets.token_hex(3)}" for who in ("ours", "theirs")]
    for space in spaces:
        cluster.create_namespace(space)
    data = folder / "data"
    data.mkdir()
    with Operator(cluster.kubeconfig_for(OPERATOR), folder, ["--resync=1", f"--data-folder={data}"]) as running:
        running.wait_ready()
        yield Tenants(*(Place(cluster, space, running) for space in spaces), postgres)
    for space in spaces:
        cluster.delete_namespace(space)


def test_schedules_of_another_namespace_are_read_only_if_it_shares_them(tenants: Tenants) -> None:
    tenants.theirs.create(cron_job("hidden", 7, "0 8 * * *", pool="their-l4-pool"))
    selection = {"cronJobs": {"namespaces": [tenants.theirs.namespace]}}
    tenants.ours.create(cost_report("spy", nodePools=selection))
    status = tenants.ours.computed("spy")
    resolved = condition(status, "SchedulesResolved")
    assert (resolved["status"], resolved["reason"]) == ("False", "NotShared")
    assert f"kubectl label namespace {tenants.theirs.namespace} gpucost.dev/share-schedules=true" in resolved["message"]
    assert "their-l4-pool" not in json.dumps(status)
    assert "hidden" not in json.dumps(status)

    tenants.theirs.cluster.kubectl("label", "namespace", tenants.theirs.namespace, "gpucost.dev/share-schedules=true")
    shared = tenants.ours.wait(lambda found: found.get("nodePools"), "they are read", "spy")
    assert [pool["name"] for pool in shared["nodePools"]] == ["their-l4-pool"]

    tenants.theirs.cluster.kubectl("label", "namespace", tenants.theirs.namespace, "gpucost.dev/share-schedules-")
    tenants.ours.wait(lambda found: not found.get("nodePools"), "they are not read any more", "spy")


def test_a_namespace_that_does_not_exist_is_refused_with_the_same_words(tenants: Tenants) -> None:
    """Else one could learn which namespaces there are."""
    told = []
    for number, name in enumerate((tenants.theirs.namespace, "nowhere")):
        tenants.ours.create(cost_report(f"guess-{number}", nodePools={"cronJobs": {"namespaces": [name]}}))
        message = issues(tenants.ours.computed(f"guess-{number}"))["SchedulesNotShared"]
        told.append(message.replace(name, "NAME"))
    assert told[0] == told[1]


def test_a_secret_of_another_namespace_can_t_be_named(tenants: Tenants) -> None:
    tenants.theirs.create(secret(tenants.url("theirs"), "their-db"))
    for name in ("their-db", f"{tenants.theirs.namespace}/their-db", f"../{tenants.theirs.namespace}/secrets/their-db"):
        report = cost_report(f"r-{secrets.token_hex(3)}", tasks={"databaseSecretRef": {"name": name}})
        answer = tenants.ours.cluster.request(
            "POST",
            f"/apis/gpucost.dev/v1alpha1/namespaces/{tenants.ours.namespace}/costreports",
            {**report, "metadata": {**report["metadata"], "namespace": tenants.ours.namespace}},
        )
        if answer.status == 201:
            told = tenants.ours.wait(
                lambda found: condition(found, "Ready")["status"] == "False",
                "it is refused",
                report["metadata"]["name"],
            )
            assert condition(told, "Ready")["reason"] in ("SecretUnreadable", "NotComputed", "InvalidSpec")
            assert f"Secret {tenants.ours.namespace}/" in condition(told, "Ready")["message"]


def test_a_message_names_the_secret_and_not_its_url(tenants: Tenants) -> None:
    """Of a database without the table: who reads the status learns neither server nor database."""
    tenants.server.execute(tenants.url("ours"), "ALTER TABLE task_history RENAME TO hidden")
    try:
        reason, message = tenants.outcome()
    finally:
        tenants.server.execute(tenants.url("ours"), "ALTER TABLE hidden RENAME TO task_history")
    assert reason == "TableMissing"
    assert message.startswith(f"the task database of Secret {tenants.ours.namespace}/r-")
    assert "://" not in message


def test_one_s_own_database_is_read(tenants: Tenants) -> None:
    assert tenants.outcome()[0] == "Computed"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM task_history; DROP TABLE task_history",
        "DELETE FROM task_history RETURNING *",
        "WITH gone AS (DELETE FROM task_history RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copied FROM task_history",
        "COPY task_history TO PROGRAM 'id'",
    ],
)
def test_a_query_is_one_select_that_reads(tenants: Tenants, query: str) -> None:
    reason, message = tenants.outcome(query=query)
    assert reason == "InvalidSpec"
    assert message.startswith("spec.tasks.query must ") or "can't be parsed" in message


@pytest.mark.parametrize(
    "query",
    [
        "SELECT pg_read_file('/etc/passwd') AS task_id",
        "SELECT * FROM dblink('dbname=theirs', 'select 1') AS t(task_id text)",
        "SELECT lo_import('/etc/passwd')::text AS task_id",
        "SELECT usename AS task_id, passwd AS service_name FROM pg_shadow",
        "SELECT set_config('transaction_read_only', 'off', false) AS task_id, nextval('no_sequence') AS status",
    ],
)
def test_a_query_runs_with_the_rights_of_the_tenant_s_own_role(tenants: Tenants, query: str) -> None:
    reason, _ = tenants.outcome(query=query)
    assert reason in ("TasksUnreadable", "AuthenticationFailed", "TableMissing")


def test_another_tenant_s_database_is_closed_to_one_s_own_role(tenants: Tenants) -> None:
    reason, _ = tenants.outcome(tenants.server.url_of(database="theirs", user="ours", password="ours-pw"))
    assert reason in ("AuthenticationFailed", "DatabaseUnreachable")


@pytest.mark.parametrize("place", ["ledger.db", "operator.log", "data/../ledger.db", "missing.db"])
@pytest.mark.parametrize("scheme", ["sqlite:///", "duckdb:///", ""])
def test_files_of_the_operator_are_refused_without_a_word_on_whether_they_exist(
    tenants: Tenants, scheme: str, place: str
) -> None:
    reason, message = tenants.outcome(f"{scheme}{tenants.ours.operator.folder / place}")
    assert reason == "TasksUnreadable"
    assert "names a file outside the folders that this operator may read" in message
    assert str(tenants.ours.operator.folder) not in message


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/proc/self/environ')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT getenv('HOME') AS task_id",
        "SELECT * FROM 'https://127.0.0.1:1/x.parquet'",
    ],
)
def test_a_query_of_duckdb_sees_its_folder_only(tenants: Tenants, query: str) -> None:
    """Beside a file that may be read."""
    data = tenants.ours.operator.folder / "data"
    (data / "tasks.csv").write_text("task_id,service_name,status,creation_ts,node_id,metainfo\n", encoding="utf-8")
    assert tenants.outcome(str(data / "tasks.csv"))[0] == "Computed"
    reason, message = tenants.outcome(str(data / "tasks.csv"), query=query)
    assert reason == "TasksUnreadable"
    assert "root:" not in message


@pytest.mark.parametrize(
    ("addition", "told"),
    [
        ("?passfile=/etc/passwd", "has the parameter passfile"),
        ("?service=x&servicefile=/etc/passwd", "has the parameter service"),
        ("?sslcert=/etc/passwd&sslkey=/etc/shadow", "has the parameter sslcert"),
        ("?sslrootcert=/etc/passwd", "must lie in /etc/ssl/certs/"),
        ("?sslrootcert=/etc/ssl/certs/../../passwd", "must lie in /etc/ssl/certs/"),
        ("?host=/var/run/postgresql", "has the parameter host"),
    ],
)
def test_a_url_has_the_driver_read_no_file(tenants: Tenants, addition: str, told: str) -> None:
    reason, message = tenants.outcome(tenants.url("ours") + addition)
    assert reason == "TasksUnreadable"
    assert told in message


def test_a_url_without_a_host_finds_no_socket(tenants: Tenants) -> None:
    for url in ("postgresql:///ours", "postgresql://%2Fvar%2Frun%2Fpostgresql/ours", "postgresql://u:p@%40name/ours"):
        reason, message = tenants.outcome(url)
        assert reason == "TasksUnreadable"
        assert "must name a host" in message


def test_reports_of_one_name_have_figures_of_their_own(tenants: Tenants) -> None:
    tenants.ours.create(cron_job("mine", 1, "0 8 * * *", pool="our-l4"), cost_report("same"))
    tenants.theirs.create(cron_job("theirs", 3, "0 8 * * *", pool="their-l4"), cost_report("same"))
    ours, theirs = tenants.ours.computed("same"), tenants.theirs.computed("same")
    assert {pool["name"] for pool in ours["nodePools"]} == {"our-l4"}
    assert "our-l4" not in {pool["name"] for pool in theirs["nodePools"]}
