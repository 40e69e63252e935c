"""Which errors a user can mend, and where."""

from __future__ import annotations

from gpucost.api.costreport import SpecError
from gpucost.core.zones import ZoneError
from gpucost.demo import TraceError
from gpucost.engine.source import SourceError
from gpucost.kube.access import AccessError
from gpucost.report.attempttables import NoDetails
from gpucost.report.explain import NotFound
from gpucost.sources.yamlfiles import ManifestError


def is_about_usage(error: Exception) -> bool:
    """Wrong usage or an invalid manifest."""
    return isinstance(error, SpecError | ManifestError | ZoneError)


def is_about_computing(error: Exception) -> bool:
    """The report could not be computed: the task database, the cluster, or figures beyond 64 bits."""
    return isinstance(error, SourceError | AccessError | OverflowError | NotFound | NoDetails | TraceError)
