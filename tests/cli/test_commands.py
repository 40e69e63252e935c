"""What a person types: help with examples, --version, manifests in folders, two reports compared."""

from __future__ import annotations

import json
import os
import re
import socket
from contextlib import closing
from pathlib import Path

import pytest
import typer.main

from command import HEADER, NOW, Ran, cron_job, gpucost, installed, manifest, write
from gpucost.cli.commands import app
from gpucost.cli.stages import stage_text
from gpucost.core.progress import Stage
from terminal import on_terminal

SUMMER = Path(__file__).parents[2] / "examples" / "summer"
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


class TestHelp:
    def test_it_says_where_to_begin(self) -> None:
        assert "Start: gpucost demo. Your own data: gpucost init --help" in gpucost("--help").out
        assert gpucost().out == gpucost("--help").out

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_two_examples(self, command: str) -> None:
        """Each is on a line of its own, can be copied, and has options that there are."""
        text = gpucost(command, "--help").out
        examples = [line.strip() for line in text.partition("Examples:\n")[2].splitlines() if line.strip()]
        assert len(examples) == 2
        for example in examples:
            part = next(part for part in example.split(" | ") if part.startswith("gpucost"))
            assert part.split()[1] == command or part == "gpucost --version"
            assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", part)) <= set(re.findall(r"--?[a-z][a-z-]*", text)) | {
                "--version"
            }

    @pytest.mark.parametrize("command", COMMANDS)
    def test_no_column_is_filled_with_types(self, command: str) -> None:
        options = gpucost(command, "--help").out.partition("Options:")[2]
        assert not re.search(r"<(str|bool|int|float|path|list)", options)

    def test_it_fits_a_terminal(self) -> None:
        for command in COMMANDS:
            text = gpucost(command, "--help").out.partition("\n\n  Examples:")[0]
            assert max(map(len, text.splitlines())) <= 120
            assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_version_as_an_option_and_as_a_command() -> None:
    assert gpucost("--version") == gpucost("version")
    assert re.fullmatch(r"gpucost \d+\.\d+\.\d+\n", gpucost("--version").out)


def test_the_version_needs_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    for library in ("duckdb", "numpy", "pandas", "pyarrow", "pydantic", "kubernetes", "rich"):
        (tmp_path / f"{library}.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    assert installed("--version", env={"PYTHONPATH": path}).code == 0


class TestCronJobs:
    """One node of gpu-l4 for 48 hours, however its CronJob is named."""

    def node_hours(self, *words: str | Path, stdin: str = "") -> str:
        ran = gpucost("report", *words, "--now", NOW, "-o", "json", stdin=stdin)
        return str(ran.status()["summary"]["nodeHours"])

    def test_files_folders_and_globs_several_times(self, tmp_path: Path) -> None:
        report = write(tmp_path / "report.yaml", manifest())
        (tmp_path / "jobs" / "more").mkdir(parents=True)
        one = write(tmp_path / "jobs" / "one.yaml", cron_job())
        write(tmp_path / "jobs" / "more" / "two.yml", cron_job("two", pool="gpu-l4-b"))
        assert self.node_hours("-f", report, "--cronjobs", one) == "48"
        assert self.node_hours("-f", report, "--cronjobs", tmp_path / "jobs") == "96"
        assert self.node_hours("-f", report, "--cronjobs", tmp_path / "jobs" / "*.yaml") == "48"
        assert self.node_hours("-f", report, "--cronjobs", one, "--cronjobs", tmp_path / "jobs" / "more") == "96"
        typed = json.dumps(cron_job("three", pool="gpu-l4-c"))
        assert self.node_hours("-f", report, "--cronjobs", one, "--cronjobs", "-", stdin=typed) == "96"

    @pytest.mark.parametrize("command", ["report", "schedule", "explain pool gpu-l4", "compare"])
    def test_every_command_takes_a_folder(self, command: str, tmp_path: Path) -> None:
        report = write(tmp_path / "report.yaml", manifest())
        (tmp_path / "jobs").mkdir()
        write(tmp_path / "jobs" / "a.yaml", cron_job())
        assert gpucost(*command.split(), "-f", report, "--cronjobs", tmp_path / "jobs", "--now", NOW).code == 0
        assert "gpu-l4" in gpucost("init", "--cronjobs", tmp_path / "jobs").out

    def test_an_empty_folder_and_a_glob_without_files(self, tmp_path: Path) -> None:
        report = write(tmp_path / "report.yaml", manifest())
        (tmp_path / "jobs").mkdir()
        said = gpucost("report", "-f", report, "--cronjobs", tmp_path / "jobs").sentence(2)
        assert said == f"{tmp_path}/jobs: holds no file that ends in .yaml, .yml, .json, nor does a folder in it"
        said = gpucost("report", "-f", report, "--cronjobs", tmp_path / "jobs" / "*.yaml").sentence(2)
        assert said == f"{tmp_path}/jobs/*.yaml: no file matches this glob"

    def test_a_glob_that_the_shell_expanded(self, tmp_path: Path) -> None:
        report, jobs = (
            write(tmp_path / "report.yaml", manifest()),
            [write(tmp_path / f"{i}.yaml", cron_job()) for i in "ab"],
        )
        said = gpucost("report", "-f", report, "--cronjobs", *jobs).sentence(2)
        what = f"{jobs[1]} is a file, not a CostReport of the cluster: name it with"
        assert said == f"{what} a --cronjobs of its own, or put the glob in quotes"
        assert gpucost("report", jobs[1]).sentence(2) == f"{what} --file"


class TestCompare:
    """A node of 1 USD an hour: 24.00 a day; with a second one from noon 36.00."""

    def compared(self, *words: str | Path, now: str = NOW) -> Ran:
        return gpucost("compare", *words, "--now", now)

    @pytest.fixture
    def files(self, tmp_path: Path) -> list[str | Path]:
        period = {"range": {"start": "2025-06-03", "end": "2025-06-04"}}
        report = write(tmp_path / "report.yaml", manifest(period=period))
        later = cron_job("more", "0 12 3 6 *", nodes="2")
        return ["-f", report, "--cronjobs", write(tmp_path / "jobs.yaml", cron_job("off", "0 0 * * *"), later)]

    def test_with_the_period_just_before(self, files: list[str | Path]) -> None:
        ran = self.compared(*files)
        assert ran.code == 0
        assert "june, 2025-06-02  ->  june, 2025-06-03" in ran.out
        assert "12.00 USD more than before (50.0 %): +12.00 from more node-hours." in ran.out
        assert self.compared(*files, "--previous") == ran
        assert self.compared(*files, "--against-period", "2025-06-02..2025-06-03") == ran

    def test_as_json_with_exact_texts(self, files: list[str | Path]) -> None:
        found = json.loads(self.compared(*files, "-o", "json").out)
        assert list(found) == ["currency", "sentence", "notes", "totals", "node_types", "services"]
        assert [row["node_cost"] for row in found["totals"]] == ["24.000000000", "36.000000000", "12.000000000"]
        assert found["node_types"][0]["schedule_effect"] == "12.000000000"
        assert found["services"] == []

    def test_two_manifests_and_two_plans(self, files: list[str | Path], tmp_path: Path) -> None:
        prices = [{"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "2"}]}]
        period = {"range": {"start": "2025-06-03", "end": "2025-06-04"}}
        dearer = write(tmp_path / "dearer.yaml", manifest(period=period, nodePools={"types": prices}))
        by_name = self.compared(files[1], dearer, *files[2:])
        assert "36.00 USD more than before (100.0 %): +36.00 from higher prices." in by_name.out
        assert self.compared("-f", dearer, "--against", files[1], *files[2:]) == by_name
        plan = write(tmp_path / "plan.yaml", cron_job("off", "0 0 * * *"))
        planned = self.compared(*files[:2], "--cronjobs", plan, "--against-cronjobs", files[3])
        assert "12.00 USD less than before (33.3 %): -12.00 from fewer node-hours." in planned.out

    def test_a_month_is_compared_with_the_month_before(self, files: list[str | Path], tmp_path: Path) -> None:
        report = write(tmp_path / "month.yaml", manifest(period={"calendar": {"unit": "Month", "offset": -1}}))
        ran = self.compared("-f", report, *files[2:], now="2025-07-10T00:00:00Z")
        assert "june, 2025-05-01..05-31  ->  june, 2025-06-01..06-30" in ran.out

    def test_with_tasks_services_are_compared(self, files: list[str | Path], tmp_path: Path) -> None:
        report = write(
            tmp_path / "tasks.yaml", manifest(period={"range": {"start": "2025-06-03", "end": "2025-06-04"}}, tasks={})
        )
        rows = [
            '1,1,draw,running,2025-06-03T10:00:00Z,,"{""node_name"": ""l4-0""}"',
            "2,1,draw,done,2025-06-03T11:00:00Z,,",
        ]
        database = tmp_path / "tasks.csv"
        database.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
        ran = self.compared("-f", report, *files[2:], "--db", database)
        assert "Allocated cost by service" in ran.out
        assert "draw" in ran.out

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], "name a manifest with --file, or two of them: gpucost compare BEFORE AFTER"),
            (["a.yaml"], "name two manifests, before and after, and nothing else"),
            (["a.yaml", "b.yaml", "-f", "c.yaml"], "name two manifests, before and after, and nothing else"),
            (["-f", "a.yaml", "--against", "b.yaml", "--previous"], "use one of them"),
            (
                ["-f", "a.yaml", "--against-period", "2025-06"],
                "must be START..END such as 2025-07-01..2025-08-01",
            ),
            (["-", "-"], "only one manifest can be standard input"),
        ],
    )
    def test_wrong_usage(self, words: list[str], said: str) -> None:
        assert said in gpucost("compare", *words).sentence(2)

    def test_currencies_must_be_one(self, files: list[str | Path], tmp_path: Path) -> None:
        euros = write(tmp_path / "euros.yaml", manifest(currency="EUR"))
        assert "can't be compared; give both one currency" in self.compared(euros, files[1], *files[2:]).sentence(2)


def test_a_port_in_use() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = ["serve", "-f", SUMMER / "report.yaml", "--cronjobs", SUMMER / "cronjobs.yaml", "--port", str(port)]
        assert gpucost(*words).sentence(1) == f"port {port} is in use; choose another with --port"


def test_ctrl_c_ends_what_is_served() -> None:
    words = ["serve", "-f", SUMMER / "report.yaml", "--cronjobs", SUMMER / "cronjobs.yaml", "--port", "0"]
    with on_terminal(*words) as terminal:
        terminal.wait_for("Ctrl-C ends it")
        before = terminal.shown.rstrip()
        assert terminal.interrupt() == 130
        assert terminal.shown.rstrip() == before


def test_a_stage_and_its_share() -> None:
    assert stage_text(Stage.READING, 4_100_000, 9_800_000) == "reading 4.1 of 9.8 M events"
    assert stage_text(Stage.READING, 500, 12_000) == "reading 500 of 12,000 events"
    assert stage_text(Stage.WRITING, 12, 88) == "writing files 12 of 88"
    assert stage_text(Stage.SHARING, 0, 0) == "sharing cost"


def test_stages_are_shown_on_a_terminal_and_not_in_a_pipe(tmp_path: Path) -> None:
    """The demo's tasks, computed, and written with its report."""
    with on_terminal("demo", "--tasks", "500", "--out", tmp_path / "out") as terminal:
        assert terminal.finish() == 0
    stages = ["making task events", "reading 0 of", "finding attempts", "sharing cost", "writing files 1 of"]
    places = [terminal.shown.find(stage) for stage in stages]
    assert -1 not in places
    assert places == sorted(places)
    assert gpucost("demo", "--tasks", "500").err == ""
