"""Bad input: exit code 2 or 1, one sentence that says what, where and what to do, no traceback; or a report that names it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from command import HEADER, NOW, PROGRAM, Ran, cron_job, gpucost, installed, manifest, write

EXAMPLES = Path(__file__).parents[2] / "examples" / "summer"
SUMMER = ("-f", EXAMPLES / "report.yaml", "--cronjobs", EXAMPLES / "cronjobs.yaml")


@pytest.fixture
def report(tmp_path: Path) -> Any:
    """Run a report of a spec with some CronJobs in this process."""

    def run(spec: dict[str, Any], *words: str | Path, jobs: Any = None, now: str = NOW) -> Ran:
        files = (
            "-f",
            write(tmp_path / "report.yaml", manifest(**spec)),
            "--cronjobs",
            write(tmp_path / "jobs.yaml", *([cron_job()] if jobs is None else jobs)),
        )
        return gpucost("report", *files, "--now", now, "-o", "json", *words)

    return run


def priced(price: object) -> dict[str, Any]:
    return {"nodePools": {"types": [{"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": price}]}]}}


def period(**fields: Any) -> dict[str, Any]:
    return {"period": fields}


def test_a_person_reads_one_sentence(tmp_path: Path) -> None:
    """The installed command itself; the other tests run the same in process."""
    ran = installed("report", "-f", write(tmp_path / "r.yaml", manifest(timeZone="Europe/Brelin")), "--now", NOW)
    assert ran.sentence(2) == "spec.timeZone: there is no time zone 'Europe/Brelin'; the nearest name is Europe/Berlin"


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    for words in (["--debug", "report"], ["report", "--debug"]):
        ran = installed(*words, "-f", write(tmp_path / "r.yaml", manifest(timeZone="Nowhere")))
        assert ran.code == 1
        assert "Traceback (most recent call last)" in ran.err
        assert "SpecError" in ran.err


class TestManifests:
    def test_unreadable_yaml_names_line_and_column(self, tmp_path: Path) -> None:
        path = tmp_path / "report.yaml"
        path.write_text("apiVersion: gpucost.dev/v1alpha1\nkind: CostReport\nspec: {period: [}\n", encoding="utf-8")
        said = gpucost("report", "-f", path).sentence(2)
        assert said.startswith(f"{path}, line 3, column 17: unreadable YAML: ")

    def test_unreadable_json_names_line_and_column(self, tmp_path: Path) -> None:
        path = tmp_path / "report.json"
        path.write_text('{"kind": "CostReport",\n "spec": "}', encoding="utf-8")
        assert f"{path}, line 2, column 10: unreadable JSON" in gpucost("report", "-f", path).sentence(2)

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"kind: \xe4"])
    def test_a_file_that_is_no_utf_8(self, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "report.yaml"
        path.write_bytes(content)
        assert "not UTF-8" in gpucost("report", "-f", path).sentence(2)
        assert "standard input: not UTF-8" in installed("report", "-f", "-", stdin=content).sentence(2)

    def test_a_file_that_is_missing_or_a_folder(self, tmp_path: Path) -> None:
        assert "No such file" in gpucost("report", "-f", tmp_path / "none.yaml").sentence(2)
        assert "directory" in gpucost("report", "-f", tmp_path).sentence(2)

    @pytest.mark.parametrize("count", [0, 2])
    def test_a_file_must_hold_one_report(self, count: int, tmp_path: Path) -> None:
        path = write(tmp_path / "r.yaml", cron_job(), *[manifest()] * count)
        assert f"must hold exactly one CostReport, not {count}" in gpucost("report", "-f", path).sentence(2)

    @pytest.mark.parametrize(
        ("spec", "said"),
        [
            ({"timezone": "UTC"}, "spec.timezone is not a field; did you mean timeZone?"),
            ({"nodePools": {"typs": []}}, "spec.nodePools.typs is not a field; did you mean types?"),
            ({"allocation": {"bukcet": "Day"}}, "spec.allocation.bukcet is not a field; did you mean bucket?"),
            (
                {"tasks": {"services": {"exlude": []}}},
                "spec.tasks.services.exlude is not a field; did you mean exclude?",
            ),
            ({"tasks": {"xyz": 1}}, "spec.tasks.xyz is not a field; the fields are"),
            (
                {"nodePools": {"types": [{"name": "a", "match": ["a"], "prices": [{"pricePerHours": "1"}]}]}},
                "spec.nodePools.types[0].prices[0].pricePerHours is not a field; did you mean pricePerHour?",
            ),
            ({"nodePools": None}, "spec.nodePools is missing"),
            ({"allocation": {"bucket": "Week"}}, "spec.allocation.bucket: "),
            ({"currency": "dollars"}, "spec.currency: "),
            (period(), "must hold exactly one of range, calendar and rolling, not none"),
            (period(range={"start": "2025-06-01", "end": "2025-06-02"}, rolling={"days": 3}), "not range and rolling"),
            (period(calendar={"unit": "Month"}, rolling={"days": 3}), "not calendar and rolling"),
            (period(calendar={"unit": "Fortnight"}), "spec.period.calendar.unit: "),
            (period(rolling={"days": 0}), "spec.period.rolling.days: "),
            (period(range={"start": "2025-06-02", "end": "2025-06-02"}), "end must be after start"),
            (period(range={"start": "2025-06-03", "end": "2025-06-02"}), "end must be after start"),
            (
                period(range={"start": "2025-06-02T00:00:00+02:00", "end": "2025-06-01T22:00:00Z"}),
                "end must be after start",
            ),
            (
                period(range={"start": "2025-06-02", "end": "2025-06-03T00:00:00Z"}),
                "both local dates, or both instants",
            ),
            (period(range={"start": "2025-06-02", "end": "2025-06-31"}), "spec.period.range.end: must be a date"),
            (period(range={"start": "2025-06-02T00:00:00", "end": "2025-06-04T00:00:00"}), "RFC 3339 instant"),
            ({"timeZone": "Europe/Brelin"}, "spec.timeZone: there is no time zone 'Europe/Brelin'"),
            ({"tasks": {"timeZone": "../etc/passwd"}}, "spec.tasks.timeZone: "),
            ({"tasks": {"staleAfter": "a day"}}, "spec.tasks.staleAfter: must be a duration"),
            ({"tasks": {"statuses": {"success": ["running"]}}}, "must name each status once; 'running' stands twice"),
            ({"recommendations": {"nightReduceBelow": "30%"}}, "spec.recommendations.nightReduceBelow: "),
        ],
    )
    def test_a_wrong_spec_is_refused_with_its_path(self, spec: dict[str, Any], said: str, report: Any) -> None:
        assert said in report(spec).sentence(2)

    @pytest.mark.parametrize(
        "price", ["0.1234567891", "-1", -1, "NaN", "nan", "1e3", "", "inf", "1,5", "ten", None, True, [], 1.5]
    )
    def test_a_price_that_is_none(self, price: object, report: Any) -> None:
        said = report(priced(price)).sentence(2)
        assert said.startswith("spec.nodePools.types[0].prices[0].pricePerHour: ")

    @pytest.mark.parametrize("price", [0, 12, "0", "0.123456789", "12.50", " 3 "])
    def test_a_price_that_is_one(self, price: object, report: Any) -> None:
        assert report(priced(price)).code == 0

    def test_another_kind_of_object(self, tmp_path: Path) -> None:
        path = write(tmp_path / "r.yaml", manifest() | {"apiVersion": "gpucost.dev/v2"})
        assert "must be of apiVersion gpucost.dev/v1alpha1" in gpucost("report", "-f", path).sentence(2)
        path = write(tmp_path / "r.yaml", manifest() | {"spec": None})
        assert "spec must be a map" in gpucost("report", "-f", path).sentence(2)
        path = write(tmp_path / "r.yaml", manifest() | {"metadata": None})
        assert "metadata.name must be a text" in gpucost("report", "-f", path).sentence(2)


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["report"], "name a manifest with --file, or a CostReport of the cluster"),
            (["report", "-f", "x", "--bogus"], "No such option: --bogus"),
            (["reprot"], "No such command 'reprot'"),
            (["report", "-f", "x", "-o", "xml"], "'xml' is not one of"),
            (["report", "-f", "x", "--timeout", "0"], "--timeout"),
            (["explain", "node", "x", "-f", "x"], "'node' is not one of"),
            (["demo", "--tasks", "-1"], "--tasks"),
        ],
    )
    def test_wrong_words_are_one_sentence_too(self, words: list[str], said: str) -> None:
        sentence = gpucost(*words).sentence(2)
        assert said in sentence
        assert sentence.endswith(" -h")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--now", "yesterday"], "now must be an RFC 3339 instant"),
            (["--now", "2025-06-10"], "now must be an RFC 3339 instant"),
            (["--cluster-timezone", "Mars/Base"], "Mars/Base"),
            (["--fail-on", "idle"], "must be one of uncovered, unpriced, skipped, conflicts"),
            (["--fail-on", "skipped=many"], "'many' must be a number"),
            (["--db", "sqlite:///x.db"], "the report has no spec.tasks; add it, or leave --db out"),
        ],
    )
    def test_wrong_values_are_refused(self, words: list[str], said: str) -> None:
        assert said in gpucost("report", *SUMMER, *words).sentence(2)

    def test_tasks_need_a_database(self, report: Any) -> None:
        assert "say where it is with --db" in report({"tasks": {}}).sentence(2)

    def test_memory_that_is_none(self, report: Any, tmp_path: Path) -> None:
        database = tmp_path / "tasks.csv"
        database.write_text(HEADER + "\n", encoding="utf-8")
        assert "memory_limit" in report({"tasks": {}}, "--db", database, "--memory", "lot's").sentence(2)

    def test_standard_input_can_be_read_once(self) -> None:
        assert "can't both be standard input" in gpucost("report", "-f", "-", "--cronjobs", "-").sentence(2)

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("", encoding="utf-8")
        ran = gpucost("report", *SUMMER, "--out", tmp_path / "file" / "out")
        assert ran.code == 1
        assert ran.err.startswith(f"gpucost: {tmp_path / 'file'}")
        assert "Traceback" not in ran.err

    @pytest.mark.parametrize(
        "words", [["explain", "pool", "nope"], ["explain", "day", "2025-07-32"], ["explain", "day", "2024-01-01"]]
    )
    def test_what_is_not_there_can_not_be_explained(self, words: list[str]) -> None:
        said = gpucost(*words, *SUMMER).sentence(1)
        assert words[2] in said


class TestSchedules:
    """What can't be read of schedules never stops a report: it stands in quality."""

    @pytest.mark.parametrize(
        ("schedule", "said"),
        [
            ("61 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of month"),
            ("* * * 13 *", "month"),
            ("* * * * 7", "day of week"),
            ("* * * *", "5"),
            ("@fortnightly", "@fortnightly"),
            ("TZ=UTC 0 0 * * *", "TZ="),
            ("0 0 * * L", "day of week"),
            ("", "schedule"),
        ],
    )
    def test_an_invalid_cron_names_cron_job_and_field(self, schedule: str, said: str, report: Any) -> None:
        jobs = [cron_job("scale-night", schedule), cron_job("scale-day", "0 8 * * *")]
        ran = report({}, jobs=jobs)
        message = next(i["message"] for i in ran.status()["quality"]["issues"] if "scale-night" in i["message"])
        assert said in message
        assert ran.status()["summary"]["nodeCost"] == "48.00"

    @pytest.mark.parametrize("nodes", ["many", "-1", "1.5", "", None, [], "1000000000000", "\u0663", True, "1e3"])
    def test_a_count_that_cannot_be_read(self, nodes: object, report: Any) -> None:
        ran = report({}, jobs=[cron_job("scale-night", nodes=nodes), cron_job("scale-day", "0 8 * * *")])
        messages = [issue["message"] for issue in ran.status()["quality"]["issues"]]
        assert any("scale-night" in message for message in messages), messages
        assert ran.status()["summary"]["nodeCost"] == "48.00"

    def test_a_zone_that_does_not_exist(self, report: Any) -> None:
        job = cron_job("scale-night")
        job["spec"]["timeZone"] = "Europe/Brelin"
        assert "scale-night" in report({}, jobs=[job]).issues()["InvalidSchedule"]

    @pytest.mark.parametrize(
        "document", ["text", 7, ["a"], {"kind": "CronJob"}, {"kind": "CronJob", "metadata": "x", "spec": 3}]
    )
    def test_documents_that_are_no_cron_jobs(self, document: object, report: Any) -> None:
        assert report({}, jobs=[document, cron_job()]).status()["summary"]["nodeCost"] == "48.00"

    def test_unreadable_cron_job_files_are_wrong_usage(self, tmp_path: Path) -> None:
        path = tmp_path / "jobs.yaml"
        path.write_text("a: b: c\n", encoding="utf-8")
        said = gpucost("report", "-f", EXAMPLES / "report.yaml", "--cronjobs", path).sentence(2)
        assert said.startswith(f"{path}, line 1, column 5: ")

    @pytest.mark.parametrize("jobs", [(), ({"apiVersion": "v1", "kind": "List", "items": []},)])
    def test_no_pools(self, jobs: Any, report: Any) -> None:
        ran = report({}, jobs=jobs)
        assert "NoNodePools" in ran.issues()
        assert ran.status()["summary"]["nodeCost"] == "0.00"
        assert ran.status()["nodeTypes"] == []

    def test_no_cron_jobs_at_all(self, tmp_path: Path) -> None:
        ran = gpucost("report", "-f", EXAMPLES / "report.yaml", "--now", NOW, "-o", "yaml")
        assert "NoNodePools" in ran.issues()

    def test_cron_jobs_of_another_namespace_are_named(self, report: Any) -> None:
        job = cron_job()
        job["metadata"]["namespace"] = "scaling"
        assert "in namespace scaling" in report({}, jobs=[job]).issues()["CronJobsElsewhere"]

    def test_conflicts_uncovered_and_unpriced_are_named(self, report: Any) -> None:
        created = cron_job("late", "0 12 * * *", pool="l4-new")
        created["metadata"]["creationTimestamp"] = "2025-06-02T00:00:00Z"
        jobs = [cron_job("a"), cron_job("b", nodes="3"), created, cron_job("h", pool="h100")]
        issues = report({}, jobs=jobs).issues()
        assert all(who in issues["ScheduleConflict"] for who in ("finops/a (1)", "finops/b (3)"))
        assert "pool l4-new is unknown for 12" in issues["UncoveredTime"]
        assert "48 node-hours of type unknown (pool h100) have no price" in issues["UnpricedNodes"]


class TestPeriods:
    def test_a_period_wholly_in_the_future(self, report: Any) -> None:
        ran = report({}, now="2025-01-01T00:00:00Z")
        status = ran.status()
        assert status["summary"]["nodeCost"] == "0.00"
        assert status["period"]["final"] is False
        assert "coverageRatio" not in status["summary"]

    @pytest.mark.parametrize("start", ["0001-01-01", "1969-12-30", "2101-01-01", "9999-12-29"])
    def test_days_far_away(self, start: str, report: Any) -> None:
        end = start[:-2] + f"{int(start[-2:]) + 2:02d}"
        ran = report(period(range={"start": start, "end": end}), now="9999-12-31T23:59:59Z")
        assert ran.code in (0, 1, 2)
        assert "Traceback" not in ran.err
        assert "unexpected" not in ran.err

    def test_a_microsecond(self, report: Any) -> None:
        ran = report(period(range={"start": "2025-06-02T00:00:00Z", "end": "2025-06-02T00:00:00.000001Z"}))
        assert ran.status()["summary"]["nodeHours"] == "0"


class TestOutput:
    def test_fail_on_exits_with_3_above_the_threshold(self, tmp_path: Path) -> None:
        jobs = write(tmp_path / "jobs.yaml", cron_job("a"), cron_job("b", nodes="3"), cron_job("h", pool="h100"))
        files = ("report", "-f", write(tmp_path / "r.yaml", manifest()), "--cronjobs", jobs, "--now", NOW)
        ran = gpucost(*files, "--fail-on", "conflicts", "--fail-on", "unpriced=47.5", "--fail-on", "uncovered")
        assert ran.code == 3
        assert ran.err.splitlines() == [
            "gpucost: --fail-on conflicts: 2 schedule conflicts, more than 0",
            "gpucost: --fail-on unpriced: 48 node-hours without a price, more than 47.5",
        ]
        assert "144.00" in ran.out  # the report is there all the same
        assert gpucost(*files, "--fail-on", "conflicts=2", "--fail-on", "unpriced=48").code == 0

    def test_fail_on_skipped(self, tmp_path: Path) -> None:
        database = tmp_path / "tasks.csv"
        database.write_text(f"{HEADER}\n1,1,s,running,2025-06-02T01:00:00Z,,\n", encoding="utf-8")
        files = ("report", "-f", write(tmp_path / "r.yaml", manifest(tasks={})), "--db", database, "--now", NOW)
        assert gpucost(*files, "--fail-on", "skipped").code == 3
        assert gpucost(*files, "--fail-on", "skipped=1").code == 0

    def test_json_and_yaml_are_the_same_object(self) -> None:
        json_ran, yaml_ran = (installed("report", *SUMMER, "--now", NOW, "-o", kind) for kind in ("json", "yaml"))
        assert (json_ran.code, json_ran.err) == (yaml_ran.code, yaml_ran.err) == (0, "")
        found = json.loads(json_ran.out)
        assert found == yaml.safe_load(yaml_ran.out)
        assert found["kind"] == "CostReport"
        assert found["spec"] == yaml.safe_load((EXAMPLES / "report.yaml").read_text(encoding="utf-8"))["spec"]

    def test_in_a_pipe_there_is_nothing_but_figures(self) -> None:
        ran = installed("report", *SUMMER, "--now", "2025-09-02T00:00:00Z")
        assert ran.code == 0
        assert ran.err == ""
        assert "\x1b" not in ran.out
        assert "75,012.00" in ran.out

    def test_no_color_is_respected_on_a_terminal(self) -> None:
        assert "\x1b[" in _on_terminal({"TERM": "xterm-256color"})
        assert "\x1b[3" not in _on_terminal({"TERM": "xterm-256color", "NO_COLOR": "1"})

    def test_a_pipe_that_closes_early_is_no_traceback(self) -> None:
        run = subprocess.Popen(
            [PROGRAM, "report", *SUMMER, "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert run.stdout
        assert run.stderr
        run.stdout.close()
        assert run.wait(60) == 1
        assert run.stderr.read() == b""
        run.stderr.close()

    def test_standard_input(self) -> None:
        report, jobs = EXAMPLES / "report.yaml", EXAMPLES / "cronjobs.yaml"
        whole = installed("report", *SUMMER, "--now", NOW, "-o", "json")
        piped = report.read_text(encoding="utf-8")
        assert installed("report", "-f", "-", "--cronjobs", jobs, "--now", NOW, "-o", "json", stdin=piped) == whole
        items = list(yaml.safe_load_all(jobs.read_text(encoding="utf-8")))
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
        assert installed("report", "-f", report, "--cronjobs", "-", "--now", NOW, "-o", "json", stdin=listed) == whole

    def test_one_file_may_hold_everything(self, tmp_path: Path) -> None:
        path = write(tmp_path / "all.yaml", manifest(), cron_job())
        assert gpucost("report", "-f", path, "--cronjobs", path, "--now", NOW, "-o", "json").status()["summary"][
            "nodeHours"
        ] == ("48")

    def test_a_terminal_that_knows_only_ascii(self) -> None:
        ran = installed("report", *SUMMER, "--now", NOW, env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
        assert ran.code == 0
        assert "Traceback" not in ran.err


def _on_terminal(env: dict[str, str]) -> str:
    """What the report prints where standard output is a terminal."""
    import pty

    leader, follower = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    with subprocess.Popen([PROGRAM, "report", *SUMMER], stdout=follower, stderr=follower, env=clean | env) as run:
        os.close(follower)
        text = b""
        try:
            while chunk := os.read(leader, 65536):
                text += chunk
        except OSError:  # the other end is closed
            pass
        run.wait(60)
    os.close(leader)
    return text.decode()
