"""The commands. Each one parses its options, calls one function, and prints; heavy imports wait until they are needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from gpucost.cli.doctor import doctor
from gpucost.cli.open import open_pages
from gpucost.cli.operator import operator

app = typer.Typer(
    name="gpucost",
    help="Tells you exactly what each generation, each failed second and each idle hour of scheduled GPU nodes costs.",
    epilog="Start: gpucost demo. Your own data: gpucost init --help",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
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


def examples(*lines: str) -> str:
    """The end of a command's help. A line of ``\\b`` keeps the lines after it as they are."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


FILE_HELP = "CostReport manifest; - is standard input."
File = Annotated[str, typer.Option("--file", "-f", metavar="FILE", help=FILE_HELP)]
OptionalFile = Annotated[str | None, typer.Option("--file", "-f", metavar="FILE", help=FILE_HELP)]
Name = Annotated[str | None, typer.Argument(metavar="NAME", help="A CostReport of the cluster, in place of --file.")]
CronJobs = Annotated[
    list[str] | None,
    typer.Option(
        "--cronjobs",
        metavar="FILE",
        help="CronJob manifests (YAML or JSON, a List, kubectl's -o json): a file, a folder, or a glob in quotes; several "
        "times; - is standard input.",
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="Task database: sqlite:///, duckdb:///, postgresql:// URL, or Parquet or CSV files (globs).",
    ),
]
Now = Annotated[
    str | None,
    typer.Option("--now", metavar="TIME", help="Compute as if it were this time (RFC 3339). Default: now."),
]
ClusterZone = Annotated[
    str,
    typer.Option(
        "--cluster-timezone", metavar="ZONE", help="Zone of CronJobs without spec.timeZone.", show_default=True
    ),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", min=0.001, max=1e6, help="Timeout of each query, in seconds."),
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="Memory limit for DuckDB, such as 512MB; the rest goes to disk."),
]

Port = Annotated[
    int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
]

Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig", metavar="FILE", help="Kubeconfig of the cluster; default: KUBECONFIG, ~/.kube/config."
    ),
]
Context = Annotated[
    str | None,
    typer.Option("--context", metavar="NAME", help="Context of the kubeconfig; default: the current one."),
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", metavar="NAME", help="Namespace of the CostReport; default: the context's."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback where something goes wrong.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of every command stand before or after its name."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(WRONG)


@app.command(
    short_help="What was spent, on what, and what to do.",
    epilog=examples(
        "gpucost report -f report.yaml --cronjobs manifests/ --db sqlite:///tasks.db",
        "kubectl get cronjobs -A -o json | gpucost report -f report.yaml --cronjobs - --out june",
    ),
)
def report(
    name: Name = None,
    file: OptionalFile = None,
    cronjobs: CronJobs = None,
    db: Database = None,
    now: Now = None,
    cluster_timezone: ClusterZone = "UTC",
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="WHAT",
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
            "--out",
            metavar="FOLDER",
            help="Folder for report.html, charts, report.json, every table, FOCUS rows, the CSV files.",
        ),
    ] = None,
    timeout: Timeout = 600.0,
    memory: Memory = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
) -> None:
    """What was spent, on what, how much was idle, and what to do: from files, without a cluster, or from what a cluster holds
    now."""
    from gpucost.cli import render
    from gpucost.cli.inputs import inputs_of
    from gpucost.cli.stages import show_stages
    from gpucost.cli.thresholds import crossed, parse_thresholds
    from gpucost.computing import compute
    from gpucost.sources.tasks import Limits

    thresholds = parse_thresholds(fail_on or [])
    manifest, jobs, url = inputs_of(name, file, cronjobs, db, (kubeconfig, context, namespace))
    wide = output is Output.WIDE
    with show_stages("computing the report") as tell:
        found = compute(
            manifest,
            jobs,
            url,
            now=now,
            cluster_timezone=cluster_timezone,
            details=bool(out or wide) and manifest.spec.tasks is not None,
            limits=Limits(timeout_seconds=timeout, memory=memory),
            progress=tell,
        )
    render.print_report(found, manifest.manifest, output)
    if out:
        from gpucost.cli.writing import write_all  # charts and workbook

        write_all(found, manifest.manifest, out)
    over = crossed(found, thresholds)
    for sentence in over:
        print(f"gpucost: {sentence}", file=sys.stderr)
    raise typer.Exit(CROSSED if over else DONE)


@app.command(
    short_help="Node counts over time, and which CronJob set them.",
    epilog=examples(
        "gpucost schedule -f report.yaml --cronjobs manifests/",
        "gpucost schedule -f report.yaml --cronjobs 'gpu/*.yaml' -o json",
    ),
)
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


@app.command(
    short_help="Where a figure comes from.",
    epilog=examples(
        "gpucost explain day 2025-06-02 -f report.yaml --cronjobs manifests/ --db sqlite:///tasks.db",
        "gpucost explain pool gpu-l4 -f report.yaml --cronjobs manifests/",
    ),
)
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
    from gpucost.cli.stages import show_stages
    from gpucost.computing import compute, read_report
    from gpucost.report.explain import explain as explain_figure
    from gpucost.sources.tasks import Limits

    one_stdin(file, cronjobs)
    manifest = read_report(file)
    attempts = kind is not Kind.POOL and manifest.spec.tasks is not None
    with show_stages("computing the report") as tell:
        found = compute(
            manifest,
            cronjobs,
            db,
            now=now,
            cluster_timezone=cluster_timezone,
            details=attempts,
            limits=Limits(timeout_seconds=timeout, memory=memory),
            progress=tell,
        )
    render.print_sections(explain_figure(found, str(kind), name), output)


@app.command(
    short_help="Draft a CostReport from what you have.",
    epilog=examples(
        "gpucost init --cronjobs manifests/ --db sqlite:///tasks.db > report.yaml",
        "kubectl get cronjobs -A -o json | gpucost init --cronjobs - --db postgresql://me@db/tasks",
    ),
)
def init(cronjobs: CronJobs = None, db: Database = None) -> None:
    """Draft a CostReport from the pools, node names, services and statuses that are found; prices are left to you."""
    from gpucost.cli.init import draft
    from gpucost.cli.stages import show_stages

    with show_stages("looking at what is there"):
        text = draft(cronjobs, db)
    print(text, end="")


@app.command(
    short_help="Show a report in the browser.",
    epilog=examples(
        "gpucost serve -f report.yaml --cronjobs manifests/ --db sqlite:///tasks.db",
        "gpucost serve june --namespace finops --context production",
    ),
)
def serve(
    name: Name = None,
    file: OptionalFile = None,
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
    """Show a report in the browser, on this machine only: charts, drill-down, comparison, downloads."""
    from functools import partial

    from gpucost.cli.inputs import inputs_of
    from gpucost.cli.serve import serve_report
    from gpucost.cli.stages import show_stages
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
    with show_stages("computing the report") as tell:
        found = again(manifest, progress=tell)
    serve_report(manifest, found, port, again)


@app.command(
    short_help="What changed since another period or report.",
    epilog=examples(
        "gpucost compare -f report.yaml --cronjobs manifests/ --db sqlite:///tasks.db",
        "gpucost compare before.yaml after.yaml --cronjobs manifests/",
    ),
)
def compare(
    manifests: Annotated[
        list[str] | None,
        typer.Argument(metavar="BEFORE AFTER", help="Two CostReport manifests, in place of --file and --against."),
    ] = None,
    file: OptionalFile = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="FILE", help="CostReport manifest of what was before.")
    ] = None,
    against_period: Annotated[
        str | None,
        typer.Option(
            "--against-period",
            metavar="START..END",
            help="Local dates of what was before, END not included, such as 2025-07-01..2025-08-01.",
        ),
    ] = None,
    previous: Annotated[
        bool,
        typer.Option(
            "--previous", help="Compare with the period just before, of the same length. This is the default."
        ),
    ] = False,
    cronjobs: CronJobs = None,
    against_cronjobs: Annotated[
        list[str] | None,
        typer.Option(
            "--against-cronjobs",
            metavar="FILE",
            help="CronJob manifests of what was before. Alone: the same report with these.",
        ),
    ] = None,
    db: Database = None,
    now: Now = None,
    cluster_timezone: ClusterZone = "UTC",
    output: Annotated[Plain, typer.Option("--output", "-o", help="table or json.")] = Plain.TABLE,
    timeout: Timeout = 600.0,
    memory: Memory = None,
) -> None:
    """What changed since another period or report, and why: in money, by volume, efficiency, schedule and price."""
    from functools import partial

    from gpucost.cli.compare import compare_sides, print_comparison, read_sides
    from gpucost.cli.stages import show_stages
    from gpucost.computing import compute, load_documents
    from gpucost.sources.tasks import Limits

    sides = read_sides(
        manifests or (), file, against, against_period, previous=previous, has_plan=bool(against_cronjobs)
    )
    jobs = load_documents(cronjobs)
    with show_stages("computing both reports") as tell:
        compute_side = partial(
            compute,
            db=db,
            now=now,
            cluster_timezone=cluster_timezone,
            details=False,
            limits=Limits(timeout_seconds=timeout, memory=memory),
            progress=tell,
        )
        before = partial(compute_side, cronjobs=load_documents(against_cronjobs) if against_cronjobs else jobs)
        found = compare_sides(sides, partial(compute_side, cronjobs=jobs), before)
    print_comparison(found, output)


@app.command(
    short_help="Try gpucost on sample data.", epilog=examples("gpucost demo", "gpucost demo --out demo-report --serve")
)
def demo(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Folder for the demo's inputs and the report's files."),
    ] = None,
    tasks: Annotated[
        int, typer.Option("--tasks", metavar="N", min=0, max=20_000_000, help="How many tasks to make.")
    ] = 200_000,
    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="FILE", help="A CSV file of requests in place of made data.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then show the report in the browser, to this machine only.")
    ] = False,
    port: Port = 8080,
) -> None:
    """Try gpucost on sample data: four weeks of tasks, schedules and prices."""
    from gpucost.cli.demo import run_demo

    run_demo(tasks, trace, out, port if serve else None)


@app.command(
    short_help="Print the CustomResourceDefinitions.",
    epilog=examples("gpucost crds | kubectl apply -f -", "gpucost crds > crds.yaml"),
)
def crds() -> None:
    """Print the CustomResourceDefinitions as YAML, for kubectl apply -f -."""
    from gpucost.cli.crds import crds_yaml

    print(crds_yaml(), end="")


app.command(
    short_help="Run the operator.",
    epilog=examples(
        "gpucost operator --ledger sqlite:////var/lib/gpucost/ledger.db",
        "gpucost operator --ledger postgresql://gpucost@db/ledger --watch-namespace finops",
    ),
)(operator)
app.command(
    short_help="What is reachable and allowed, and what to do.",
    epilog=examples(
        "gpucost doctor --as-operator gpucost/gpucost",
        "gpucost doctor --db sqlite:///tasks.db -f report.yaml",
    ),
)(doctor)
app.command(
    "open",
    short_help="Open the operator's pages in the browser.",
    epilog=examples("gpucost open", "gpucost open june --namespace finops"),
)(open_pages)


@app.command(
    short_help="Have the operator compute a report now.",
    epilog=examples("gpucost refresh june --namespace finops", "gpucost refresh june --timeout 300"),
)
def refresh(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A CostReport of the cluster.")],
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Seconds to wait for the operator.")
    ] = 60.0,
) -> None:
    """Have the operator compute a report now, and wait until it has."""
    from gpucost.cli.cluster import Place
    from gpucost.cli.cluster import refresh as ask

    print(ask(Place(kubeconfig, context, namespace), name, timeout))


@app.command(short_help="Print the version.", epilog=examples("gpucost version", "gpucost --version"))
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    print(f"gpucost {version_of('gpucost')}")


def run(arguments: Sequence[str]) -> int:
    """Run the command. Returns the exit code; raises what went wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows only ASCII, and a name that it doesn't
    try:
        code = app(arguments, prog_name=_program(), standalone_mode=False)
        sys.stdout.flush()  # else a closed pipe is noticed only after the end
        return code if isinstance(code, int) else DONE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def explain_error(error: Exception) -> int:
    """Say in one sentence on stderr what went wrong. Returns the exit code."""
    code, sentence = _explained(error)
    if sentence:
        print(f"gpucost: {sentence}", file=sys.stderr)
    return code


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
        return FAILED, f"{error.filename or 'a file'}: {error.strerror}" if error.strerror else text
    return FAILED, f"unexpected {type(error).__name__}: {text[:300]}; please report it, with --debug for the traceback"
