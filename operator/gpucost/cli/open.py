"""gpucost open: the operator's pages in the browser."""

from __future__ import annotations

from typing import Annotated

import typer


def open_pages(
    name: Annotated[str | None, typer.Argument(help="A CostReport of the cluster; default: the list of them.")] = None,
    kubeconfig: Annotated[
        str | None,
        typer.Option(
            "--kubeconfig", metavar="FILE", help="Kubeconfig of the cluster; default: KUBECONFIG, ~/.kube/config."
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="NAME", help="Context of the kubeconfig; default: the current one."),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", metavar="NAME", help="Namespace of the CostReport; default: the context's."),
    ] = None,
    operator_url: Annotated[
        str | None,
        typer.Option(
            "--operator-url",
            metavar="URL",
            help="Where the operator is reached, by https; default: kubectl port-forward.",
        ),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(
            "--service",
            metavar="NAMESPACE/NAME",
            help="The operator's Service, NAMESPACE/NAME; default: the only one labelled app.kubernetes.io/name=gpucost.",
        ),
    ] = None,
    token_file: Annotated[
        str | None,
        typer.Option(
            "--token-file", metavar="FILE", help="File with your bearer token; default: that of the kubeconfig."
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65535, metavar="PORT", help="Port of the loopback interface; 0 takes a free one."
        ),
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser; else only print the link.")] = True,
) -> None:
    """Open the operator's pages in the browser, with your own rights, until Ctrl-C. The link works once, and only on this
    machine."""
    from gpucost.cli.opening import Wanted, show

    wanted = Wanted(name, kubeconfig, context, namespace, operator_url, service, token_file, port, browser)
    show(wanted)
