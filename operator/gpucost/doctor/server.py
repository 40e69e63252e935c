"""Whether the API server answers, which version it is, and what its clock says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from gpucost.core.money import SECOND_US
from gpucost.doctor.clocks import Told, now_us
from gpucost.doctor.findings import Finding, ok, problem, warning
from gpucost.kube.client import ApiError, Cluster

CHECK: Final = "API server"
TESTED: Final = (1, 35)
"""The version of Kubernetes that gpucost is tested with; docs/operator.md says the same."""
PATIENCE: Final = aiohttp.ClientTimeout(total=15)


@dataclass(frozen=True, slots=True)
class Reached:
    """What the server answered."""

    version: str
    clock: Told | None
    """None where a proxy left the date out."""


async def reach(cluster: Cluster) -> Reached:
    """Ask the server for its version. Raises ApiError."""
    asked_us = now_us()
    try:
        async with cluster.session.get(f"{cluster.access.server}/version", timeout=PATIENCE) as response:
            answer = await response.json(content_type=None) if response.status == 200 else {}
            status, date = response.status, response.headers.get("Date")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ApiError(0, "Unreachable", f"{cluster.access.server} can't be reached: {said}") from None
    if status != 200 or not isinstance(answer, dict):
        raise ApiError(status, str(status), f"{cluster.access.server} answers {status}")
    return Reached(str(answer.get("gitVersion", "")), _clock(date, asked_us, now_us()))


def _clock(date: str | None, asked_us: int, answered_us: int) -> Told | None:
    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return Told(int(told.timestamp()) * SECOND_US, SECOND_US, asked_us, answered_us)


def judge_version(server: str, version: str) -> Finding:
    """Whether the server is one that gpucost is tested with."""
    what = f"{server} answers; Kubernetes {version or 'of an unknown version'}"
    tested = ".".join(map(str, TESTED))
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) >= TESTED:
        return ok(CHECK, what)
    return warning(CHECK, what, f"gpucost is tested with Kubernetes {tested}: upgrade the cluster, or try it out first")


def judge_failure(error: ApiError) -> Finding:
    """Why the server does not answer us, and what to do."""
    if error.status == 401:
        remedy = "log in anew, or name a kubeconfig or --context with valid credentials"
        return problem(CHECK, f"{error}: it does not know who you are", remedy)
    if error.status:
        return problem(CHECK, str(error), "see its log, and whether the kubeconfig names an API server")
    remedy = "check that it runs, that no firewall is between, and the server in the kubeconfig's context"
    return problem(CHECK, str(error), remedy)
