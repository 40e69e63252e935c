"""The database URL out of a report's Secret. Secrets are never listed, watched or kept: the one named is got when needed."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from gpucost.api.costreport import CostReport, SpecError
from gpucost.kube.client import SECRETS, ApiError, Cluster


class SecretError(Exception):
    """The Secret or its key is missing, or may not be read."""


async def database_url(cluster: Cluster, report: CostReport) -> str | None:
    """The URL of the database that a report reads; None if it reads none.

    Raises SpecError where the spec names no Secret, SecretError, and ApiError where the API server can't be asked.
    """
    tasks = report.spec.tasks
    if tasks is None:
        if report.spec.node_pools.schedule_table.enabled:
            raise SpecError("spec.nodePools.scheduleTable needs spec.tasks.databaseSecretRef, whose database has it")
        return None
    ref = tasks.database_secret_ref
    if ref is None:
        raise SpecError("spec.tasks.databaseSecretRef is missing; name the Secret that holds the database URL")
    where = f"Secret {report.namespace}/{ref.name}"
    try:
        secret = await cluster.get(SECRETS, report.namespace, ref.name)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        what = "does not exist; create it" if error.not_found else _role(report.namespace, ref.name, str(error))
        raise SecretError(f"{where} {what}") from None
    return url_in(secret, ref.key, where)


def _role(namespace: str, name: str, refusal: str) -> str:
    """The right that is missing, as the commands that grant it to whom the API server's refusal names."""
    user = re.search(r'User "([^"]+)"', refusal)
    account = re.fullmatch(r"system:serviceaccount:([^:]+:[^:]+)", user[1]) if user else None
    who = (
        f"--serviceaccount={account[1]}"
        if account
        else f"--user={user[1]}"
        if user
        else "--serviceaccount=NAMESPACE:NAME"
    )
    role = f"gpucost-{name}"
    return (
        f"may not be read by the operator; allow it: kubectl create role {role} -n {namespace} --verb=get --resource=secrets "
        f"--resource-name={name} && kubectl create rolebinding {role} -n {namespace} --role={role} {who}"
    )


def url_in(secret: dict[str, Any], key: str, where: str) -> str:
    """The URL under a key of a Secret. ``where`` names the Secret in messages, which never show what it holds."""
    data = secret.get("data") or {}
    if key not in data:
        raise SecretError(f"{where} has no key {key}; add it, or name another in spec.tasks.databaseSecretRef.key")
    try:
        url = base64.b64decode(data[key], validate=True).decode().strip()
    except (binascii.Error, ValueError):
        url = ""
    if not url:
        raise SecretError(
            f"{where}: key {key} holds no text; it must be a URL such as postgresql://USER:PASSWORD@HOST/DB"
        )
    return url
