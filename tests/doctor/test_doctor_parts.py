"""Checks of gpucost doctor one by one: what was seen goes in, a finding with what to do comes out."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from command import manifest
from gpucost.api.costreport import parse_cost_report
from gpucost.api.crd import cost_report_crd
from gpucost.doctor.clocks import Told, judge_clock
from gpucost.doctor.crd import Kind, differences, judge_crd
from gpucost.doctor.findings import Finding, Level, document, from_sentence, is_well, ok, problem, skipped, warning
from gpucost.doctor.postgresql import SessionFacts, TableFacts, judge_index, judge_session, judge_writing, tables_of
from gpucost.doctor.reports import judge_ready
from gpucost.doctor.rights import Right, Subject, judge_right, rights_of_operator
from gpucost.doctor.schedules import judge_schedules
from gpucost.doctor.server import TESTED, judge_failure, judge_version
from gpucost.kube.client import COST_REPORTS, SECRETS, ApiError

PAGE = (Path(__file__).parents[2] / "docs" / "operator.md").read_text(encoding="utf-8")
S = 1_000_000
NOON = 1_750_000_000 * S


def test_a_sentence_is_divided_at_its_last_semicolon() -> None:
    assert from_sentence("x", "a; b; do c", "else") == Finding("x", Level.PROBLEM, "a; b", "do c")
    assert from_sentence("x", "a b", "else") == Finding("x", Level.PROBLEM, "a b", "else")


def test_warnings_are_no_problem() -> None:
    fine = [ok("a", "b"), warning("a", "b", "c"), skipped("a", "b")]
    assert is_well(fine)
    assert document([*fine, problem("a", "b", "c")])["ok"] is False
    assert document(fine[:1]) == {"findings": [{"check": "a", "level": "ok", "what": "b", "remedy": ""}], "ok": True}


# 17: the clock is wrong


@pytest.mark.parametrize(
    ("skew_s", "level", "words"),
    [
        (0, Level.OK, "agrees"),
        (2, Level.OK, "agrees"),
        (-2, Level.OK, "agrees"),
        (3, Level.WARNING, "3.0 s ahead of"),
        (-3, Level.WARNING, "3.0 s behind"),
        (30, Level.WARNING, "30.0 s ahead of"),
        (31, Level.PROBLEM, "31.0 s ahead of"),
        (-3600, Level.PROBLEM, "3600.0 s behind"),
    ],
)
def test_17_a_clock_is_wrong(skew_s: int, level: Level, words: str) -> None:
    found = judge_clock("x", Told(NOON + skew_s * S, 0, NOON, NOON))
    assert (found.check, found.level) == ("clock of x", level)
    assert words in found.what
    assert ("NTP" in found.remedy) is (level is not Level.OK)


def test_a_slow_answer_and_a_date_of_whole_seconds_are_no_skew() -> None:
    assert Told(NOON + 3 * S, 1, NOON, NOON + 5 * S).skew_us() == 0
    assert Told(NOON, S, NOON + 999_999, NOON + S).skew_us() == 0
    assert Told(NOON, S, NOON + 2 * S, NOON + 2 * S).skew_us() == -S
    assert Told(NOON + 7 * S, S, NOON, NOON + 5 * S).skew_us() == 2 * S


# The API server


def test_an_older_kubernetes_is_a_warning() -> None:
    major, minor = TESTED
    assert f"tested with Kubernetes {major}.{minor}." in PAGE
    assert judge_version("https://x", f"v{major}.{minor}.0").level is Level.OK
    assert judge_version("https://x", f"v{major}.{minor + 1}.2-gke.100").level is Level.OK
    old = judge_version("https://x", f"v{major}.{minor - 1}.9")
    assert (old.level, "tested with Kubernetes" in old.remedy) == (Level.WARNING, True)
    assert judge_version("https://x", "").level is Level.WARNING


def test_a_stranger_is_told_to_log_in() -> None:
    assert "log in anew" in judge_failure(ApiError(401, "Unauthorized", "https://x answers 401")).remedy


# The CRD


def installed(**status: str) -> dict[str, Any]:
    crd = copy.deepcopy(cost_report_crd())
    conditions = [{"type": kind, "status": state} for kind, state in ({"Established": "True"} | status).items()]
    return {**crd, "status": {"conditions": conditions}}


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found


def test_the_crd_is_current() -> None:
    assert judge_crd(installed()).level is Level.OK
    assert judge_crd(None).level is Level.PROBLEM
    assert "is not established" in judge_crd(installed(Established="False")).what


def test_a_version_that_is_not_served_is_a_problem() -> None:
    crd = installed()
    crd["spec"]["versions"][0]["served"] = False
    assert "not its version v1alpha1" in judge_crd(crd).what


def test_an_older_crd_lacks_or_changes_fields() -> None:
    crd = installed()
    schema = schema_of(crd)
    del schema["period"]["properties"]["rolling"]
    schema["nodePools"]["properties"]["types"]["items"]["properties"]["match"]["maxItems"] = 8
    found = judge_crd(crd)
    assert found.level is Level.PROBLEM
    assert "it lacks spec.period.rolling; changes spec.nodePools.types[].match.maxItems" in found.what


def test_a_newer_crd_is_a_warning() -> None:
    crd = installed()
    schema_of(crd)["priceRef"] = {"type": "string"}
    found = judge_crd(crd)
    assert (found.level, "adds spec.priceRef" in found.what) == (Level.WARNING, True)


def test_other_words_are_a_warning() -> None:
    crd = installed()
    schema_of(crd)["currency"]["description"] = "Money."
    assert (judge_crd(crd).level, "in words" in judge_crd(crd).what) == (Level.WARNING, True)


def test_many_differences_are_counted() -> None:
    crd = installed()
    schema_of(crd).clear()
    assert " more. What it lacks is dropped" in judge_crd(crd).what


def test_a_field_named_description_is_a_field() -> None:
    ours = {"properties": {"description": {"type": "string"}}}
    assert [(d.kind, d.path, d.is_text) for d in differences(ours, {"properties": {}})] == [
        (Kind.LACKS, "description", False)
    ]


# Schedules


def job(name: str, annotations: dict[str, str], image: str = "tools") -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": image}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": "finops", "annotations": annotations},
        "spec": {"schedule": "0 8 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


SEVERAL = job("both", {"gpucost.dev/node-counts": "gpu-l4=2, gpu-t4=4"})


def judged(*jobs: dict[str, Any]) -> list[tuple[Level, str]]:
    report = parse_cost_report(manifest())
    return [(found.level, found.what) for found in judge_schedules("schedules", report, list(jobs))]


def test_every_pool_of_a_cronjob_is_listed() -> None:
    assert judged(SEVERAL) == [(Level.OK, "1 scaling CronJob can be read: gpu-l4, gpu-t4")]


def test_a_scaler_that_is_not_read_is_a_problem_with_what_to_state() -> None:
    (found,) = judge_schedules("x", parse_cost_report(manifest()), [job("up", {}, "registry.example/gpu-node-scaler")])
    assert (found.level, found.what.split(":")[0]) == (Level.PROBLEM, "1 CronJob can't be read")
    assert "gpucost.dev/node-counts for several pools" in found.remedy


def test_an_ignored_cronjob_is_well_and_named() -> None:
    ignored = job("other", {"gpucost.dev/ignore": "true"})
    assert judged(SEVERAL, ignored)[0] == (
        Level.OK,
        "1 CronJob left out, as wanted: CronJob finops/other: gpucost.dev/ignore says that it is to be left out",
    )


# Rights


def test_the_rights_are_those_of_the_docs() -> None:
    every = rights_of_operator((), [("finops", "task-db"), ("finops", "task-db")], reads_config_maps=True)
    assert [right.kind for right in every] == [
        "costreports.gpucost.dev",
        "costreports.gpucost.dev/status",
        "cronjobs.batch",
        "jobs.batch",
        "events",
        "configmaps",
        "namespaces",
        "tokenreviews.authentication.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
        "secrets",
    ]
    table = PAGE.partition("## Rights")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:4]] for row in table.splitlines() if row.startswith("| ")][1:]
    documented = {(group, name): verbs for group, names, verbs in rows for name in names.split(", ")}
    assert documented.pop(("---", "---"), "---") == "---"
    assert documented == {
        (right.resource.group or "core", right.kind.replace(f".{right.resource.group}", "")): ", ".join(right.verbs)
        for right in every
    }
    some = rights_of_operator(("a", "b"), [], pages=False)
    assert [right.namespace for right in some] == ["a"] * 5 + ["b"] * 5
    assert "namespaces" not in {right.kind for right in some}, "a Role can't give it"
    assert "configmaps" not in {right.kind for right in some}, "the operator reads none by default"


def test_a_missing_right_comes_with_the_role_that_gives_it() -> None:
    account = Subject.of_account("gpucost", "operator")
    right = Right(SECRETS, ("get",), "the database URL", name="task-db", namespace="finops")
    assert judge_right(account, right, ["get"]).remedy == (
        "allow it: kubectl create role gpucost-secrets-task-db -n finops --verb=get --resource=secrets "
        "--resource-name=task-db && kubectl create rolebinding gpucost-secrets-task-db -n finops "
        "--role=gpucost-secrets-task-db --serviceaccount=gpucost:operator"
    )
    everywhere = judge_right(Subject("jane"), Right(COST_REPORTS, ("list", "get"), "x"), ["list", "get"])
    assert everywhere.what.startswith("user jane may not list, get costreports.gpucost.dev in all namespaces")
    assert (
        "kubectl create clusterrolebinding gpucost-costreports --clusterrole=gpucost-costreports" in everywhere.remedy
    )
    assert everywhere.remedy.endswith("--user=jane")


# CostReports


def body(reason: str, state: str = "True", **status: object) -> dict[str, Any]:
    ready = {"type": "Ready", "status": state, "reason": reason, "message": "told"}
    return {
        "metadata": {"namespace": "finops", "name": "june", "generation": 2},
        "status": {"observedGeneration": 2, "conditions": [ready], **status},
    }


@pytest.mark.parametrize(
    ("seen", "level", "words"),
    [
        (body("Computed", lastSuccessTime="T"), Level.OK, "computed at T"),
        (body("Computed", nextRefreshTime="2025-06-15T15:00:00Z"), Level.OK, "Ready"),
        (
            body("Computed", nextRefreshTime="2025-06-15T14:50:00Z"),
            Level.WARNING,
            "to be computed at 2025-06-15T14:50:00Z",
        ),
        (body("Computed", observedGeneration=1), Level.WARNING, "older spec"),
        (body("Suspended", "False"), Level.OK, "spec.suspend is true"),
        (body("Pending", "Unknown"), Level.OK, "first computation"),
        (body("SecretUnreadable", "False"), Level.PROBLEM, "SecretUnreadable: told"),
        ({**body(""), "status": {}}, Level.WARNING, "no operator has looked"),
    ],
)
def test_the_condition_of_a_report(seen: dict[str, Any], level: Level, words: str) -> None:
    found = judge_ready(seen, NOON)  # 2025-06-15T15:06:40Z
    assert found.level is level
    assert words in found.what
    assert bool(found.remedy) is (level is not Level.OK)


# PostgreSQL


def session(read_only: bool = True, superuser: bool = False) -> SessionFacts:
    return SessionFacts(read_only, '"Reader"', superuser, Told(NOON, 1, NOON, NOON))


def table(**changes: Any) -> TableFacts:
    facts = {"kind": "r", "rows": 5e6, "writable": False, "owned": False, "timed": True, "indexed": False}
    return TableFacts("task_history", **{**facts, **changes})


def test_a_session_that_a_pooler_made_writable() -> None:
    assert judge_session("x", session()).level is Level.OK
    found = judge_session("x", session(read_only=False))
    assert found.level is Level.WARNING
    assert 'ALTER ROLE "Reader" SET default_transaction_read_only = on' in found.remedy


def test_rights_to_write_are_to_be_taken_back() -> None:
    assert judge_writing("x", session(), table()).level is Level.OK
    assert judge_writing("x", session(), table(writable=True)).remedy.startswith("REVOKE INSERT")
    assert "owns task_history" in judge_writing("x", session(), table(owned=True)).what
    assert "is a superuser" in judge_writing("x", session(superuser=True), table()).what


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (table(), "CREATE INDEX CONCURRENTLY ON task_history USING brin (creation_ts)"),
        (table(kind="p"), "CREATE INDEX ON task_history"),
        (table(rows=999_999), None),
        (table(rows=-1), None),
        (table(indexed=True), None),
        (table(timed=False), None),
        (table(kind="v"), None),
    ],
)
def test_index_advice(facts: TableFacts, words: str | None) -> None:
    found = list(judge_index("x", facts))
    assert len(found) == (words is not None)
    assert all(finding.level is Level.WARNING and words in finding.remedy for finding in found if words)


def test_the_tables_of_a_query() -> None:
    assert tables_of(None) == ("task_history",)
    query = (
        """WITH own AS (SELECT * FROM a.events) SELECT * FROM own JOIN "Task's" t ON true, LATERAL (SELECT 1) AS x"""
    )
    assert tables_of(query) == ['"Task\'s"', "a.events"]
