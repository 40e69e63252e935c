"""The commands. Each one parses its options, calls one function, and prints; heavy imports wait until they are needed."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gpucost.cli.doctor import doctor
from gpucost.cli.open import open_pages
from gpucost.cli.operator import operator

app = typer.Typer(
    name="gpucost",
    help="What every generation, every failed second and every idle hour of scheduled GPU node pools cost: exactly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DONE, FAILED, WRONG, CROSSED = 0, 1, 2, 3
"""Exit codes: done; not computed; wrong usage or manifest; computed, but a threshold of --fail-on was crossed."""


class Output(StrEnum):
    """What a report is printed as."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


class Plain(StrEnum):
    """What other answers are printed as."""

    TABLE = "table"
    JSON = "json"


class Listing(StrEnum):
    """What node counts are printed as."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"


class Kind(StrEnum):
    """What can be explained."""

    TASK = "task"
    SERVICE = "service"
    DAY = "day"
    POOL = "pool"


File = Annotated[str, typer.Option("--file", "-f", help="CostReport manifest; - is standard input.")]
CronJobs = Annotated[
    str | None,
    typer.Option(
        "--cronjobs", help="CronJob manifests (YAML or JSON, a List, kubectl's -o json); - is standard input."
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--db", help="Task database: sqlite:///, duckdb:///, postgresql:// URL, or Parquet or CSV files (globs)."
    ),
]
Now = Annotated[str | None, typer.Option("--now", help="RFC 3339 instant taken as the present; default: the clock.")]
ClusterZone = Annotated[
    str, typer.Option("--cluster-timezone", help="Zone of CronJobs without spec.timeZone.", show_default=True)
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", min=0.001, max=1e6, help="Seconds that a statement on the task database may take."),
]
Memory = Annotated[
    str | None, typer.Option("--memory", help="Memory that DuckDB may take, such as 512MB; more spills.")
]

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")]

Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", help="Kubeconfig of the cluster; default: KUBECONFIG, ~/.kube/config.")
]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig; default: the current one.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace of the CostReport; default: the context's.")
]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback where something goes wrong.")] = False,
) -> None:
    """Options of every command stand before or after its name."""


@app.command()
def report(
    name: Annotated[str | None, typer.Argument(help="A CostReport of the cluster, in place of --file.")] = None,
    file: Annotated[str | None, typer.Option("--file", "-f", help="CostReport manifest; - is standard input.")] = None,
    cronjobs: CronJobs = None,
    db: Database = None,
    now: Now = None,
    cluster_timezone: ClusterZone = "UTC",
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            help="Exit 3 above any, uncovered, unpriced, skipped, conflicts, unusable, unknown-status, unknown-node, "
            "off-schedule, never-ran or unread-scaler; each also with =N or =P%.",
        ),
    ] = None,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="Print tables, or the CostReport object.")
    ] = Output.TABLE,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for report.html, charts, report.json, every table, FOCUS rows, the CSV files."
        ),
    ] = None,
    timeout: Timeout = 600.0,
    memory: Memory = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
) -> None:
    """Compute a report from files, with no cluster, or from what a cluster holds now: what was spent, on what, how much was
    idle, and what to do."""
    from gpucost.cli import render
    from gpucost.cli.inputs import inputs_of
    from gpucost.cli.thresholds import crossed, parse_thresholds
    from gpucost.computing import compute
    from gpucost.sources.tasks import Limits

    thresholds = parse_thresholds(fail_on or [])
    manifest, jobs, url = inputs_of(name, file, cronjobs, db, (kubeconfig, context, namespace))
    wide = output is Output.WIDE
    with render.progress("Computing the report"):
        found = compute(
            manifest,
            jobs,
            url,
            now=now,
            cluster_timezone=cluster_timezone,
            details=bool(out or wide) and manifest.spec.tasks is not None,
            limits=Limits(timeout_seconds=timeout, memory=memory),
        )
    render.print_report(found, manifest.manifest, output)
    if out:
        render.write_all(found, manifest.manifest, out)
    over = crossed(found, thresholds)
    for sentence in over:
        print(f"gpucost: {sentence}", file=sys.stderr)
    raise typer.Exit(CROSSED if over else DONE)


@app.command()
def schedule(
    file: File,
    cronjobs: CronJobs = None,
    db: Database = None,
    now: Now = None,
    cluster_timezone: ClusterZone = "UTC",
    output: Annotated[
        Listing, typer.Option("--output", "-o", help="table, wide (with what was passed over) or json.")
    ] = Listing.TABLE,
) -> None:
    """Node counts over time: every change with the CronJob that made it, conflicts, gaps, and what could not be read."""
    from gpucost.cli import render
    from gpucost.cli.inputs import one_stdin
    from gpucost.computing import compute, read_report, without_tasks

    one_stdin(file, cronjobs)
    manifest = without_tasks(read_report(file))
    if not manifest.spec.node_pools.schedule_table.enabled:
        db = None
    found = compute(manifest, cronjobs, db, now=now, cluster_timezone=cluster_timezone, details=False)
    render.print_schedule(found, output)


@app.command()
def explain(
    kind: Annotated[Kind, typer.Argument(help="task, service, day or pool.")],
    name: Annotated[str, typer.Argument(help="Task id, service name, date such as 2025-06-02, or pool name.")],
    file: File,
    cronjobs: CronJobs = None,
    db: Database = None,
    now: Now = None,
    cluster_timezone: ClusterZone = "UTC",
    output: Annotated[Plain, typer.Option("--output", "-o", help="table or json.")] = Plain.TABLE,
    timeout: Timeout = 600.0,
    memory: Memory = None,
) -> None:
    """Where a figure comes from, down to CronJob, price and attempts."""
    from gpucost.cli import render
    from gpucost.cli.inputs import one_stdin
    from gpucost.computing import compute, read_report
    from gpucost.report.explain import explain as explain_figure
    from gpucost.sources.tasks import Limits

    one_stdin(file, cronjobs)
    manifest = read_report(file)
    attempts = kind is not Kind.POOL and manifest.spec.tasks is not None
    with render.progress("Computing the report"):
        found = compute(
            manifest,
            cronjobs,
            db,
            now=now,
            cluster_timezone=cluster_timezone,
            details=attempts,
            limits=Limits(timeout_seconds=timeout, memory=memory),
        )
    render.print_sections(explain_figure(found, str(kind), name), output)


@app.command()
def init(cronjobs: CronJobs = None, db: Database = None) -> None:
    """Print a CostReport made from the pools, node names, services and statuses that are found; prices are left to you."""
    from gpucost.cli.init import draft

    print(draft(cronjobs, db), end="")


@app.command()
def serve(
    name: Annotated[str | None, typer.Argument(help="A CostReport of the cluster, in place of --file.")] = None,
    file: Annotated[str | None, typer.Option("--file", "-f", help="CostReport manifest; - is standard input.")] = None,
    cronjobs: CronJobs = None,
    db: Database = None,
    now: Now = None,
    cluster_timezone: ClusterZone = "UTC",
    port: Port = 8080,
    timeout: Timeout = 600.0,
    memory: Memory = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
) -> None:
    """Compute a report and show its pages in the browser, to this machine only: charts, drill-down, comparison, downloads."""
    from functools import partial

    from gpucost.cli import render
    from gpucost.cli.inputs import inputs_of
    from gpucost.cli.serve import serve_report
    from gpucost.computing import compute
    from gpucost.sources.tasks import Limits

    manifest, jobs, url = inputs_of(name, file, cronjobs, db, (kubeconfig, context, namespace))
    again = partial(
        compute,
        cronjobs=jobs,
        db=url,
        now=now,
        cluster_timezone=cluster_timezone,
        limits=Limits(timeout_seconds=timeout, memory=memory),
    )
    with render.progress("Computing the report"):
        found = again(manifest)
    serve_report(manifest, found, port, again)


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the demo's inputs and the report's files.")
    ] = None,
    tasks: Annotated[int, typer.Option("--tasks", min=0, max=20_000_000, help="How many tasks to make.")] = 200_000,
    trace: Annotated[Path | None, typer.Option("--trace", help="A CSV file of requests in place of made data.")] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then show the report in the browser, to this machine only.")
    ] = False,
    port: Port = 8080,
) -> None:
    """A report of an embedded task database with schedules and prices: see what gpucost answers."""
    from gpucost.cli.demo import run_demo

    run_demo(tasks, trace, out, port if serve else None)


@app.command()
def crds() -> None:
    """Print the CustomResourceDefinitions as YAML, for kubectl apply -f -."""
    from gpucost.cli.crds import crds_yaml

    print(crds_yaml(), end="")


app.command()(operator)
app.command()(doctor)
app.command("open")(open_pages)


@app.command()
def refresh(
    name: Annotated[str, typer.Argument(help="A CostReport of the cluster.")],
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait for the operator.")] = 60.0,
) -> None:
    """Have the operator compute a report now, and wait until it has."""
    from gpucost.cli.cluster import Place
    from gpucost.cli.cluster import refresh as ask

    print(ask(Place(kubeconfig, context, namespace), name, timeout))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    print(f"gpucost {version_of('gpucost')}")


def main() -> None:
    """Run the command. Errors are one sentence on stderr; a traceback only with --debug."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        code = app([word for word in arguments if word != "--debug"], prog_name=_program(), standalone_mode=False)
        sys.stdout.flush()  # else a closed pipe is noticed only after the end
        sys.exit(code if isinstance(code, int) else DONE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        code, sentence = _explained(error)
        if sentence:
            print(f"gpucost: {sentence}", file=sys.stderr)
        sys.exit(code)


def _program() -> str:
    return "kubectl gpucost" if Path(sys.argv[0]).name.startswith("kubectl-") else "gpucost"


def _explained(error: Exception) -> tuple[int, str]:
    """Exit code and sentence of an error."""
    from gpucost.cli.errors import is_about_computing, is_about_usage

    if hasattr(error, "format_message"):  # typer's own, whose classes moved between its versions
        command = getattr(getattr(error, "ctx", None), "command_path", _program())
        said = " ".join(error.format_message().split()).rstrip(".")
        return WRONG, f"{said}; see {command} -h" if said else ""  # nothing said: the help was printed
    text = " ".join(str(error).split()) or type(error).__name__
    if is_about_usage(error):
        return WRONG, text
    if is_about_computing(error):
        return FAILED, text
    if isinstance(error, OSError):
        return FAILED, f"{error.filename or 'a file'}: {error.strerror or error}"
    return FAILED, f"unexpected {type(error).__name__}: {text[:300]}; please report it, with --debug for the traceback"
