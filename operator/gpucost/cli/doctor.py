"""gpucost doctor: what is reachable and allowed, and what to do about what isn't."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gpucost.kube.access import SERVICE_ACCOUNT

if TYPE_CHECKING:
    from gpucost.api.costreport import CostReport
    from gpucost.doctor.findings import Finding

STYLES: Final = {"ok": "green", "warning": "yellow", "problem": "bold red", "skipped": "dim"}
SIGNS: Final = {"ok": "ok", "warning": "! warning", "problem": "X problem", "skipped": "- skipped"}
"""What a level looks like; colour is not needed to tell them apart."""


class Form(StrEnum):
    """What findings are printed as."""

    TABLE = "table"
    JSON = "json"


def doctor(
    kubeconfig: Annotated[
        str | None,
        typer.Option(
            "--kubeconfig", metavar="FILE", help="Kubeconfig; default: KUBECONFIG, the pod's own, ~/.kube/config."
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="NAME", help="Context of the kubeconfig; default: the current one."),
    ] = None,
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            envvar="GPUCOST_WATCH_NAMESPACE",
            metavar="NAME",
            help="Namespace that the operator watches; several times; default: all.",
        ),
    ] = None,
    shared_namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--share-namespace",
            envvar="GPUCOST_SHARE_NAMESPACE",
            metavar="NAME",
            help="Namespace whose CronJobs reports of others may read, as the operator's flag says.",
        ),
    ] = None,
    pages: Annotated[
        bool,
        typer.Option(
            "--pages/--no-pages", envvar="GPUCOST_PAGES", help="Whether the operator serves pages, as its flag says."
        ),
    ] = True,
    read_config_maps: Annotated[
        bool,
        typer.Option(
            "--read-configmaps/--no-read-configmaps",
            envvar="GPUCOST_READ_CONFIGMAPS",
            help="Whether the operator reads ConfigMaps of CronJobs, as its flag says.",
        ),
    ] = False,
    account: Annotated[
        str | None,
        typer.Option(
            "--as-operator",
            metavar="NAMESPACE/NAME",
            help="Look at the rights of the service account NAMESPACE/NAME; default: yours.",
        ),
    ] = None,
    db: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="Task database to look at as well: a URL, or files.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="CostReport manifest that says how --db is read; - is standard input."
        ),
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger", envvar="GPUCOST_LEDGER", metavar="URL", help="Ledger to look at as well, as the operator's."
        ),
    ] = None,
    data_folders: Annotated[
        list[str] | None,
        typer.Option(
            "--data-folder",
            envvar="GPUCOST_DATA_FOLDER",
            metavar="FOLDER",
            help="Folder whose files reports of the cluster may read, as the operator's flag says.",
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            envvar="GPUCOST_TIMEOUT",
            min=0.001,
            max=1e6,
            metavar="SECONDS",
            help="Timeout of each query, in seconds.",
        ),
    ] = 60.0,
    output: Annotated[Form, typer.Option("--output", "-o", help="table or json.")] = Form.TABLE,
) -> None:
    """Look at the cluster, its CostReports, their databases and the ledger, and say what to do about what is wrong. Nothing
    is changed; exit code 1 where there is a problem."""
    from gpucost.api.costreport import SpecError
    from gpucost.cli import render
    from gpucost.cli.stages import show_stages
    from gpucost.computing import read_report
    from gpucost.doctor.examine import Asked, examine
    from gpucost.doctor.findings import document, is_well
    from gpucost.sources.tasks import Limits

    if file is not None and db is None:
        raise SpecError("--file says how a database is read: name the database too, with --db")
    report: CostReport | None = None if file is None else read_report(file)
    asked = Asked(
        kubeconfig=kubeconfig,
        context=context,
        namespaces=tuple(namespaces or ()),
        pages=pages,
        reads_config_maps=read_config_maps,
        account=_account(account),
        shared=tuple(shared_namespaces or ()),
        needs_cluster=_is_named(kubeconfig, context, account) or (db is None and ledger is None),
        db=db,
        report=report,
        ledger=ledger,
        limits=Limits(timeout_seconds=timeout, folders=tuple(data_folders or ())),
    )
    with show_stages("looking"):
        findings = examine(asked)
    if output is Form.JSON:
        render.print_document(document(findings), "json")
    else:
        print_findings(findings)
    raise typer.Exit(0 if is_well(findings) else 1)


def _account(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    from gpucost.api.costreport import SpecError

    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name or ":" in text:
        raise SpecError(f"--as-operator must be NAMESPACE/SERVICEACCOUNT, not {text[:80]!r}")
    return namespace, name


def _is_named(*stated: str | None) -> bool:
    """Whether a cluster was meant: by an option, the environment, or because we run in its pod."""
    return any(stated) or bool(os.environ.get("KUBECONFIG")) or (SERVICE_ACCOUNT / "token").is_file()


def print_findings(findings: Sequence[Finding]) -> None:
    """Print findings for a person, with what to do below each."""
    from rich.text import Text

    from gpucost.cli import render
    from gpucost.cli.layout import Fit, Grid, Paragraph, printable

    rows = []
    for finding in findings:
        level = str(finding.level)
        said = Text(printable(finding.what))
        if finding.remedy:
            said.append(f"\nto do: {printable(finding.remedy)}", style="bold" if level == "problem" else "")
        rows.append((Text(SIGNS[level], style=STYLES[level]), Text(printable(finding.check)), said))
    columns = ("level", Fit.WHOLE), ("check", Fit.SENTENCE), ("found", Fit.SENTENCE)
    summary = Paragraph(Text(_summary(findings), style="bold"))
    render.print_parts([Grid(columns, tuple(rows), has_head=False), render.BLANK, summary])


def _summary(findings: Sequence[Finding]) -> str:
    count = Counter(str(finding.level) for finding in findings)
    named = (("problem", "problem", "problems"), ("warning", "warning", "warnings"), ("ok", "ok", "ok"))
    words = [f"{count[level]} {one if count[level] == 1 else many}" for level, one, many in named]
    return ", ".join([*words, *([f"{count['skipped']} skipped"] if count["skipped"] else [])])
