"""The fixtures of the tests on a real API server: one cluster a process, a namespace a test, operators on demand.

Under xdist every process has a cluster of its own, and runs whole files (``make cluster``): what a file installs is there
once, and a test may stop the server.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

import kubernetes_server
from kubernetes_server import OPERATOR, Cluster
from operator_process import Operator
from processes import Missing, skip
from prometheus import start_prometheus  # noqa: F401  (a fixture)

HERE: Final = Path(__file__).parent
CRDS: Final = HERE.parents[1] / "crds"


class StartOperator(Protocol):
    """Starts an operator, by default as the user that has only the rights of rbac.yaml, and does not wait for it."""

    def __call__(self, *flags: str, user: str = OPERATOR, **settings: Any) -> Operator: ...


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The API server with the CRDs of crds/ and the operator's rights, started at its first use."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(kubernetes_server.running())
        except Missing as why:
            skip("Kubernetes API server", why)
        found.kubectl("apply", "-f", str(HERE / "rbac.yaml"))
        if any(CRDS.glob("*.yaml")):
            found.kubectl("apply", "-f", str(CRDS))
            found.wait_for_lists()  # kubectl wait fails on a CRD that is a moment old and has no conditions yet
        yield found


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """The name of a fresh namespace, gone with all that is in it after the test."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.create_namespace(name)
    yield name
    cluster.recover()
    cluster.delete_namespace(name)


@pytest.fixture
def start_operator(cluster: Cluster, tmp_path: Path) -> Iterator[StartOperator]:
    """Starts operators, each with a folder of its own; those still running are killed after the test."""
    with ExitStack() as stack:
        count = 0

        def start(*flags: str, user: str = OPERATOR, **settings: Any) -> Operator:
            nonlocal count
            count += 1
            folder = settings.pop("folder", tmp_path / f"operator-{count}")
            return stack.enter_context(Operator(cluster.kubeconfig_for(user), folder, flags, **settings))

        yield start
