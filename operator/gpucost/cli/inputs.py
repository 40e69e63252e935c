"""Where a report's inputs come from: files, a cluster, or some of each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from gpucost.api.costreport import CostReport, SpecError
from gpucost.computing import read_report
from gpucost.sources.yamlfiles import STANDARD_INPUT

CronJobs = Sequence[str] | Sequence[Mapping[str, Any]]
"""Names of files, folders and globs, or the CronJobs of a cluster."""


def inputs_of(
    name: str | None,
    file: str | None,
    cronjobs: Sequence[str] | None,
    db: str | None,
    place: tuple[str | None, str | None, str | None],
) -> tuple[CostReport, CronJobs | None, str | None]:
    """The manifest, CronJobs and database of a report. A cluster is asked where it is named, or a report in it, and only for
    what the options leave out. ``place``: kubeconfig, context and namespace."""
    kubeconfig, context, namespace = place
    if name is not None and os.path.isfile(name):
        remedy = "with --file" if file is None else "with a --cronjobs of its own, or put the glob in quotes"
        raise SpecError(f"{name} is a file, not a CostReport of the cluster: name it {remedy}")
    if name is None and kubeconfig is None and context is None:
        if file is None:
            raise SpecError("name a manifest with --file, or a CostReport of the cluster; see gpucost report -h")
        one_stdin(file, cronjobs)
        return read_report(file), cronjobs, db
    from gpucost.cli.cluster import Place, find_inputs  # the Kubernetes client takes half a second to import

    one_stdin(file or "", cronjobs)
    found = find_inputs(Place(kubeconfig, context, namespace), name, file, cronjobs=not cronjobs, url=db is None)
    return found.report, cronjobs or found.cronjobs, db or found.url


def one_stdin(file: str, cronjobs: Sequence[str] | None) -> None:
    """Standard input can be read only once."""
    if file == STANDARD_INPUT and STANDARD_INPUT in (cronjobs or ()):
        raise SpecError("--file and --cronjobs can't both be standard input; write one of them to a file")
