"""How the cluster is reached: a kubeconfig, or the service account of the pod that we run in."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts it: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/"""
DEFAULT_KUBECONFIG: Final = "~/.kube/config"


class AccessError(Exception):
    """The cluster can't be reached or refuses us; one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Access:
    """A server, and a configuration of the Kubernetes client that knows how to prove who we are.

    The client library reads kubeconfigs with all their ways to log in (tokens that expire, plugins, certificates); the
    requests themselves are made by ``client.Cluster``.
    """

    server: str
    namespace: str
    """Of the current context or the pod: what a command means that names none."""
    configuration: Any

    def headers(self) -> Mapping[str, str]:
        """The Authorization header; renews a token that has expired, which may take a while."""
        token = self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            return {"Authorization": str(token)}
        basic = self.configuration.get_basic_auth_token() if self.configuration.username else None
        return {"Authorization": str(basic)} if basic else {}

    def tls(self) -> ssl.SSLContext | bool:
        """How the server's certificate is checked, and ours shown."""
        stated = self.configuration
        context = ssl.create_default_context(cafile=stated.ssl_ca_cert or None)
        if not stated.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if stated.cert_file:
            context.load_cert_chain(stated.cert_file, stated.key_file)
        return context


def find_access(kubeconfig: str | None = None, context: str | None = None) -> Access:
    """The access that a kubeconfig gives: the one named, that of KUBECONFIG, the pod's own, or the default one.

    Raises AccessError.
    """
    stated = kubeconfig or os.environ.get("KUBECONFIG")
    if not stated and context is None and (SERVICE_ACCOUNT / "token").is_file():
        return _from_service_account()
    return _from_kubeconfig(stated or os.path.expanduser(DEFAULT_KUBECONFIG), context)


def _from_service_account() -> Access:
    from kubernetes import client, config

    stated = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=stated)
        namespace = (SERVICE_ACCOUNT / "namespace").read_text("utf-8").strip()
    except (config.ConfigException, OSError) as error:
        raise AccessError(f"the pod's service account can't be used: {error}") from None
    return Access(stated.host, namespace or "default", stated)


def _from_kubeconfig(path: str, context: str | None) -> Access:
    from kubernetes import client, config

    stated = client.Configuration()
    try:
        config.load_kube_config(path, context, client_configuration=stated, persist_config=False)
        contexts, current = config.list_kube_config_contexts(path)
    except (config.ConfigException, OSError, ValueError, TypeError, KeyError) as error:
        said = " ".join(str(error).split())[:300].rstrip(".")
        raise AccessError(
            f"the kubeconfig {path} can't be used: {said}; name another with --kubeconfig, or repair its current context"
        ) from None
    chosen = next((c for c in contexts if c["name"] == context), current)
    return Access(stated.host.rstrip("/"), chosen["context"].get("namespace") or "default", stated)
