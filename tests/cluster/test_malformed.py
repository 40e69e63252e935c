"""Whatever the API server lets in, the operator lives, and says of each report what is right or wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from live import Place, condition, cost_report, cron_job, operator, place

import postgres
from api.manifests import SPECS, mended
from kubernetes_server import Cluster
from metrics.pages import series
from operator_process import Operator
from processes import Missing, skip, wait_until
from prometheus import promtool

T = TypeVar("T")

REPORTS: Final = 100
CRON_JOBS: Final = 100

Fields = dict[str, Any]


def drawn(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """So many examples, always the same: they are applied together, for a second API server would be too slow."""
    found: list[T] = []

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def draw(example: T) -> None:
        found.append(example)

    draw()
    return found


HOSTILE: Final = (
    "", " ", "0", "-1", "1", "007", "+3", "1e3", "3.0", "4,", "١٢", "½", "NaN", "inf", "9" * 20, "100000", "100001",
    "9223372036854775807", "2147483648", "true", "null", "{}", "[2]", "$(reboot)", "${NODES}", "%s%s%n", "../../etc/passwd",
    "a\nb", "tab\there", "\u0000", "a\u0000b", "\u202e dlrow", "\ufeff4", "💥", "ü" * 300, "x" * 5000,
    "'; DROP TABLE gpucost_versions; --", '"', "\\", "\\n", "gpu-a100", "GPU-A100", "*", "**", "[a-", "[!a]*", "?", "(.*)+$",
    "(?P<n", "unknown", "other", "Node pool/1",
)  # fmt: skip
"""Texts that break a parser, a table, a label or a log line somewhere."""


def mostly(right: st.SearchStrategy[T], wrong: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """So that an object with many fields has a chance to be let in."""
    return st.integers(0, 9).flatmap(lambda chance: wrong if chance == 7 else right)


_TEXT = st.sampled_from(HOSTILE) | st.text(max_size=20)
_INSTANT = st.sampled_from(
    ["2025-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2025-02-30T00:00:00Z", "-1", "yesterday",
     "2025-01-01", "9999-12-31T23:59:59-23:59", "2525-01-01T00:00:00Z", "2025-01-01T00:00:00+14:00"]
)  # fmt: skip
_SCHEDULES = mostly(
    st.sampled_from(
        ["0 0 * * *", "* * * * *", "*/1 * * * *", "0 0 31 2 *", "0 0 29 2 *", "59 23 31 12 6", "@every 1h", "@yearly",
         "0 0 * * 1-5", "0-59/59 0-23/23 1-31/30 1-12/11 0-6/6", "@every 99999h", "? ? ? ? ?", "0 0 1-7 * 1", "@every 1ns",
         "  5   4  * * *  ", "1,2,3,4,5,6,7,8,9 * * * *", "0 0 * JAN MON"]
    ),
    st.sampled_from(["@reboot", "@every 0s", "0 0 L * *", "@every -5m", "60 0 * * *", "59 23 31 12 7", ""]),
)  # fmt: skip
_NAMES = st.sampled_from(["NODE_POOL", "NODES_COUNT", "node_pool", "OTHER"])
_ENV = st.fixed_dictionaries({"name": _NAMES, "value": _TEXT}) | st.fixed_dictionaries(
    {
        "name": _NAMES,
        "valueFrom": st.sampled_from(
            [
                {"fieldRef": {"fieldPath": "metadata.name"}},
                {"configMapKeyRef": {"name": "absent", "key": "nodes"}},
                {"secretKeyRef": {"name": "absent", "key": "nodes", "optional": True}},
            ]
        ),
    }
)
_WORDS = st.sampled_from(
    ["gcloud", "container", "clusters", "resize", "eksctl", "scale", "nodegroup", "kubectl", "--num-nodes", "--num-nodes=3",
     "--nodes", "--node-pool=gpu-a100", "--node-pool", "-c", "sh", "bash", "&&", ";", "|", "$(", "`", "'", '"', "<<EOF",
     "deployment/x", "--replicas=2"]
) | _TEXT  # fmt: skip
_CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.just("scale"), "image": st.just("scaler.invalid/scale:1")},
        optional={
            "env": st.lists(_ENV, max_size=3, unique_by=lambda entry: entry["name"]),
            "command": st.lists(_WORDS, max_size=8),
            "args": st.lists(_WORDS, max_size=8),
        },
    ),
    max_size=2,
)
_ANNOTATIONS = st.fixed_dictionaries(
    {},
    optional={
        "gpucost.dev/node-pool": _TEXT | st.sampled_from(["gpu-a100", "gpu-l4"]),
        "gpucost.dev/nodes": _TEXT | st.integers(0, 9).map(str),
        "gpucost.dev/valid-from": _INSTANT | _TEXT,
        "gpucost.dev/unheard-of": _TEXT,
    },
)
CRON_JOB_SPECS: Final = st.fixed_dictionaries(
    {"schedule": _SCHEDULES},
    optional={
        "timeZone": mostly(
            st.sampled_from(["UTC", "Europe/Berlin", "Etc/GMT+12", "America/Port-au-Prince"]),
            st.sampled_from(["Local", "Mars/Base", ""]),
        ),
        "suspend": st.booleans(),
        "startingDeadlineSeconds": mostly(st.sampled_from([0, 1, 200, 2**31, 2**63 - 1]), st.just(-1)),
        "concurrencyPolicy": mostly(st.sampled_from(["Allow", "Forbid", "Replace"]), st.just("Never")),
    },
)


@st.composite
def cron_jobs(draw: st.DrawFn) -> Fields:
    made = cron_job("", **draw(CRON_JOB_SPECS))
    made["metadata"]["annotations"] = draw(_ANNOTATIONS)
    made["metadata"]["labels"] = draw(
        st.dictionaries(st.sampled_from(["app", "a.b/c"]), st.sampled_from(["", "x", "X_y.z"]))
    )
    containers = draw(_CONTAINERS)
    pod = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod["containers"] = [{**one, "name": f"c-{at}"} for at, one in enumerate(containers)] or pod["containers"]
    if draw(st.integers(0, 19)) == 13:
        del made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return made


_MOST: Final = "999999999.999999999"
_ODD: Final[tuple[Fields, ...]] = (
    {"period": {"range": {"start": "9999-01-01", "end": "9999-12-31"}}},
    {"period": {"range": {"start": "0001-01-01", "end": "0001-01-02"}}},
    {"period": {"range": {"start": "0001-01-01", "end": "9999-12-31"}}},
    {"period": {"range": {"start": "9999-12-30T00:00:00Z", "end": "9999-12-31T23:59:59.999999999Z"}}},
    {"period": {"range": {"start": "2025-06-01T00:00:00.000001Z", "end": "2025-06-01T00:00:00.000002Z"}}},
    {"period": {"rolling": {"days": 3660}}, "allocation": {"bucket": "Hour"}},
    {"period": {"calendar": {"unit": "Year", "offset": -1000}}},
    {"period": {"calendar": {"unit": "Quarter", "offset": -1000}}},
    {"timeZone": "Pacific/Kiritimati"},
    {"timeZone": "Etc/GMT-14", "period": {"range": {"start": "0001-01-01", "end": "0001-01-03"}}},
    {"timeZone": "posixrules"},
    {"timeZone": "localtime"},
    {"timeZone": "Mars/Olympus_Mons"},
    {"refresh": {"schedule": "@every 1ns"}},
    {"refresh": {"schedule": "0 0 31 2 *"}},
    {"refresh": {"schedule": "@reboot"}},
    {"refresh": {"every": "1us"}},
    {"refresh": {"every": "99999999999999999999h"}},
    {"currency": "XXX"},
    {"nodePools": {"source": "Observed"}},
    {"nodePools": {"cronJobs": {"namespaces": []}}},
    {"nodePools": {"cronJobs": {"namespaces": ["", "*", "no-such", "🦄"]}}},
    {"nodePools": {"cronJobs": {"selector": {"matchLabels": {"": ""}}}}},
    {"nodePools": {"cronJobs": {"selector": {"matchExpressions": [{"key": "app", "operator": "In"}]}}}},
    {"nodePools": {"assumeSchedulesFrom": "9999-12-31T23:59:59Z"}},
    {"nodePools": {"assumeSchedulesFrom": "0001-01-01T00:00:00+14:00"}},
    {"nodePools": {"scheduleTable": {"enabled": True}}},
    {"nodePools": {"types": [{"name": "a", "match": ["(.*)+$", "[a-", "**", "[!", "\\", "*" * 200]}]}},
    {"nodePools": {"types": [{"name": "*a100*", "match": ["*"], "prices": [{"pricePerHour": 999_999_999}]}]}},
    {"nodePools": {"types": [{"name": "x", "match": ["*"], "initialNodes": 100_000, "prices": [{"pricePerHour": _MOST}]}]},
     "period": {"rolling": {"days": 3660}}},
    {"nodePools": {"types": [{"name": "other", "match": ["*"]}, {"name": "total", "match": ["gpu*"]}]}},
    {"tasks": {}},
    {"tasks": {"databaseSecretRef": {"name": "../../etc"}}},
    {"tasks": {"databaseSecretRef": {"name": "a/b/c?watch=1#", "key": "../url"}}},
    {"tasks": {"databaseSecretRef": {"name": ".."}}},
    {"tasks": {"databaseSecretRef": {"name": "%2e%2e%2fconfigmaps%2fx"}}},
    {"tasks": {"databaseSecretRef": {"name": "absent"}, "query": "SELECT 1; DROP TABLE x"}},
    {"suspend": True},
    {"suspend": True, "timeZone": "Mars/Base"},
)  # fmt: skip
"""Specs at the edge, of which the server lets most in."""

_REPORTS = st.sampled_from(_ODD) | SPECS | SPECS.map(mended)


@pytest.fixture(scope="module")
def here(cluster: Cluster) -> Iterator[Place]:
    with place(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def live(here: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """With a ledger in PostgreSQL, which is stricter than SQLite about texts and numbers."""
    with ExitStack() as stack:
        try:
            ledger = stack.enter_context(postgres.running()).url
        except Missing as why:
            skip("PostgreSQL", why)
        flags = "--timeout=2", "--log-level=debug"
        yield stack.enter_context(operator(here, tmp_path_factory.mktemp("operator"), *flags, ledger=ledger))


def let_in(here: Place, manifests: list[Fields]) -> dict[str, Fields]:
    """Those that the API server takes, by name; others it refuses with a message that is no failure of its own."""
    taken = {}
    for manifest in manifests:
        answer = here.cluster.request("POST", here.path(manifest["kind"]), manifest)
        assert answer.status in (201, 400, 409, 422), (answer, manifest)
        if answer.status == 201:
            taken[manifest["metadata"]["name"]] = manifest
    return taken


def unanswered(here: Place) -> dict[str, Any]:
    """Reports whose Ready is not of their spec, or not True and without a word."""
    found = {}
    for item in here.list("CostReport"):
        ready, generation = condition(item.get("status") or {}), item["metadata"]["generation"]
        told = ready.get("status") == "True" or (ready.get("status") == "False" and ready.get("message"))
        if not told or ready.get("observedGeneration") != generation:
            found[item["metadata"]["name"]] = (ready, item["spec"])
    return found


def check_alive(live: Operator, pid: int) -> None:
    """The same process, which serves its pages and found nothing unexpected."""
    assert live.process.running
    assert live.process.pid == pid
    assert live.page("/healthz").status == 200
    assert live.page("/readyz").text == "ok\n"
    assert series(live.metrics().encode())
    promtool("check", "metrics", stdin=live.metrics())
    odd = [line for line in live.log.splitlines() if "unexpected" in line or "Traceback" in line or "traceback" in line]
    assert odd == [], "\n".join(odd)[:5000]


def named(kind: str, manifests: list[Fields]) -> list[Fields]:
    return [{**m, "metadata": {**m["metadata"], "name": f"{kind}-{number}"}} for number, m in enumerate(manifests)]


def test_odd_cronjobs_and_reports(here: Place, live: Operator) -> None:
    """All of them at once; then each is edited into another, and deleted."""
    pid = live.process.pid
    specs = [*_ODD, *drawn(_REPORTS, REPORTS)]
    jobs = let_in(here, named("job", drawn(cron_jobs(), CRON_JOBS)))
    reports = let_in(here, named("report", [cost_report("", **spec) for spec in specs]))
    assert len(jobs) > CRON_JOBS // 2
    assert len(reports) > REPORTS // 4
    assert live.page("/healthz").status == 200
    wait_until(lambda: not unanswered(here), 60, "every report has an answer")
    check_alive(live, pid)
    reasons = {condition(item["status"])["reason"] for item in here.list("CostReport")}
    assert {"Computed", "InvalidSpec", "SecretUnreadable", "Suspended"} <= reasons
    assert "NotComputed" not in reasons

    shuffled = random.Random(7).sample(sorted(reports), len(reports))
    for name, other in zip(sorted(reports), shuffled, strict=True):
        body = here.get("CostReport", name)
        answer = here.cluster.request("PUT", here.path("CostReport", name), {**body, "spec": reports[other]["spec"]})
        assert answer.status in (200, 409, 422), answer
    for name in sorted(jobs)[::2]:
        here.delete("CronJob", name)
    wait_until(lambda: not unanswered(here), 60, "every edited report has an answer")
    check_alive(live, pid)

    for name in reports:
        here.delete("CostReport", name)
    wait_until(lambda: 'report="report-' not in live.metrics(), 10, "no series of deleted reports")
    check_alive(live, pid)


def test_a_restart_reads_them_again(here: Place, live: Operator, tmp_path: Path) -> None:
    """What a list brings is as odd as what a watch does."""
    reports = let_in(here, named("again", [cost_report("", **spec) for spec in _ODD]))
    assert live.stop() == 0
    live.start()
    live.wait_ready()
    wait_until(lambda: not unanswered(here), 30, "every report has an answer")
    check_alive(live, live.process.pid)
    for name in reports:
        here.delete("CostReport", name)


STRANGE: Final[tuple[tuple[str, Fields], ...]] = (
    ("CronJob", {"annotations": {"gpucost.dev/nodes": "\u0000"}}),
    ("CronJob", {"annotations": {"gpucost.dev/node-pool": "x" * 200_000}}),
    ("CronJob", {"annotations": None, "labels": None}),
    ("CronJob", {"finalizers": ["tests.invalid/stay"]}),
    ("CronJob", {"annotations": {"gpucost.dev/valid-from": "9999-12-31T23:59:59Z"}}),
    ("CostReport", {"annotations": {"gpucost.dev/refresh": "💥\u0000" * 1000}}),
    ("CostReport", {"finalizers": ["tests.invalid/stay"]}),
)


def test_strange_metadata(here: Place, live: Operator) -> None:
    pid = live.process.pid
    here.create(cron_job("strange"), cost_report("strange"))
    for kind, metadata in STRANGE:
        answer = here.cluster.request("PATCH", here.path(kind, "strange"), {"metadata": metadata})
        assert answer.status in (200, 422), answer
    here.wait_for("strange")
    for kind in ("CronJob", "CostReport"):
        here.delete(kind, "strange")
    wait_until(lambda: here.get("CostReport", "strange")["metadata"].get("deletionTimestamp"), 5, "a report that stays")
    check_alive(live, pid)
    for kind in ("CronJob", "CostReport"):
        here.patch(kind, "strange", {"metadata": {"finalizers": None}})
    wait_until(lambda: 'report="strange"' not in live.metrics(), 5, "no series of the report")
    check_alive(live, pid)


def test_odd_jobs(here: Place, live: Operator) -> None:
    """Jobs are remembered for a later bill by what ran: their annotations are whatever somebody wrote."""
    pid = live.process.pid
    template = cron_job("")["spec"]["jobTemplate"]["spec"]["template"]
    taken = 0
    for number, text in enumerate(
        (*HOSTILE, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2025-02-30T00:00:00Z")
    ):
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": f"owner-{number}", "uid": text[:100] or "none"}
        metadata = {
            "name": f"odd-{number}",
            "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": text},
            "ownerReferences": [owner],
        }
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
        answer = here.cluster.request("POST", here.path("Job"), body)
        assert answer.status in (201, 422), answer
        taken += answer.status == 201
    assert taken > len(HOSTILE) // 2
    here.create(cost_report("after-jobs"))
    here.wait_for("after-jobs")
    check_alive(live, pid)


def test_a_status_that_somebody_else_wrote(here: Place, live: Operator) -> None:
    """Nonsense in it does no harm, and is replaced when the report is computed."""
    pid = live.process.pid
    here.create(cron_job("up"), cost_report("overwritten"))
    right = here.wait_for("overwritten")
    path = here.path("CostReport", "overwritten") + "/status"
    foreign: tuple[Fields, ...] = (
        {"lastSuccessTime": "9999-12-31T23:59:59Z", "nextRefreshTime": "0001-01-01T00:00:00Z"},
        {"conditions": None},
        {"summary": {"nodeCost": "1.00"}, "conditions": [], "nodePools": None, "observedGeneration": 99},
        {"lastSuccessTime": None, "nextRefreshTime": None, "period": None},
    )
    for status in foreign:
        answer = here.cluster.request("PATCH", path, {"status": status})
        assert answer.status in (200, 422), answer
        here.refresh("overwritten")
        wait_until(lambda: condition(here.status("overwritten")).get("reason") == "Computed", 10, "Ready")
    here.refresh("overwritten")
    after = wait_until(
        lambda: (s := here.status("overwritten")).get("lastSuccessTime", "") > right["lastSuccessTime"] and s,
        10,
        "figures",
    )
    assert after["summary"]["nodeCost"] != "1.00"
    assert after["observedGeneration"] == 1
    check_alive(live, pid)
    here.delete("CostReport", "overwritten")
    here.delete("CronJob", "up")
