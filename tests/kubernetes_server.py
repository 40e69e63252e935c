"""A real Kubernetes API server on etcd for the tests, of their own and on the loopback interface, gone afterwards.

There are no nodes: pods are made but never run. kube-controller-manager fires CronJobs where a test starts it.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from processes import CommandFailed, Missing, NotInTime, Process, free_ports, open_url, program, wait_until

T = TypeVar("T")

BUILD: Final = Path(__file__).parent / "cluster" / "binaries" / "build.sh"
BUILD_SECONDS: Final = 3600.0
START_SECONDS: Final = 60.0
STARTED: Final = "Starting cronjob controller v2"  # in the log of kube-controller-manager
LOADING: Final = ("/api/v1/namespaces", "/api/v1/secrets", "/apis/batch/v1/cronjobs", "/apis/batch/v1/jobs")
"""Lists that a test asks for: they answer 429 while the server fills its caches, after /readyz has said yes."""

ADMIN: Final = "admin"
OPERATOR: Final = "operator"
GROUPS: Final = {ADMIN: "system:masters", OPERATOR: ""}  # the operator has what RBAC gives it, and nothing else
CONTENTS: Final = (
    "/apis/batch/v1/namespaces/{}/cronjobs",
    "/apis/batch/v1/namespaces/{}/jobs",
    "/api/v1/namespaces/{}/pods",
    "/api/v1/namespaces/{}/secrets",
    "/apis/gpucost.dev/v1alpha1/namespaces/{}/costreports",
)

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the server answered to a request."""

    status: int
    text: str

    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.text)
        return document


@dataclass
class Cluster:
    """A running API server and its etcd; ``running()`` makes one."""

    folder: Path
    binaries: Path
    port: int
    etcd_port: int
    tokens: Mapping[str, str]
    etcd: Process
    api_server: Process

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        """What a client trusts: the server's own certificate and its issuer's, made at the first start."""
        return self.folder / "certificates" / "apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        """Of the admin."""
        return self.kubeconfig_for(ADMIN)

    def kubeconfig_for(self, user: str) -> Path:
        """The path of a kubeconfig that logs a user of GROUPS in."""
        path = self.folder / f"kubeconfig-{user}.yaml"
        if not path.exists():
            authority = base64.b64encode(self.certificate.read_bytes()).decode()
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {"name": "tests", "cluster": {"server": self.url, "certificate-authority-data": authority}}
                ],
                "users": [{"name": user, "user": {"token": self.tokens[user]}}],
                "contexts": [{"name": user, "context": {"cluster": "tests", "user": user}}],
                "current-context": user,
            }
            path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    def kubectl(
        self, *args: str, stdin: str | None = None, check: bool = True, timeout: float = 30, user: str = ADMIN
    ) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl as a user. Raises CommandFailed unless check is off."""
        run = subprocess.run(
            [self.binaries / "kubectl", f"--kubeconfig={self.kubeconfig_for(user)}", *args],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "HOME": str(self.folder)},  # its cache of what the server offers
        )
        if check and run.returncode:
            raise CommandFailed(f"kubectl {' '.join(args)}: {run.stderr.strip() or run.stdout.strip()}")
        return run

    def apply(self, manifest: Manifest | Sequence[Manifest]) -> None:
        """kubectl apply of one object or of several."""
        items = [manifest] if isinstance(manifest, Mapping) else list(manifest)
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        """An object as the server has it. Raises CommandFailed where it is not there."""
        where = ["--namespace", namespace] if namespace else []
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, *where, "-o", "json").stdout)
        return found

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = ADMIN,
        timeout: float = 30,
        content_type: str | None = None,
    ) -> Answer:
        """A bare request, faster than kubectl. Raises OSError where the server can't be reached."""
        kind = content_type or ("application/merge-patch+json" if method == "PATCH" else "application/json")
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.tokens[user]}", "Content-Type": kind},
        )
        trust = ssl.create_default_context(cafile=str(self.certificate))
        try:
            with open_url(request, timeout, trust) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode())

    def wait_until(self, predicate: Callable[[], T], seconds: float, what: str, every: float = 0.05) -> T:
        """The first true answer of the predicate. Raises NotInTime, with its last answer, after so many seconds."""
        return wait_until(predicate, seconds, what, every)

    def start_api_server(self) -> None:
        """Start it, on the port and the data that it had before, and wait until it is ready and its lists answer."""
        self.api_server.start()
        self._wait_for("/readyz")
        self.wait_for_lists()

    def wait_for_lists(self) -> None:
        """Wait until the lists of LOADING, and of every custom kind, answer."""
        for path in (*LOADING, *self._custom_lists()):
            self._wait_for(path)

    def stop_api_server(self) -> None:
        """SIGKILL: on SIGTERM it would wait half a minute for those who watch."""
        self.api_server.kill()

    def pause_api_server(self) -> None:
        """SIGSTOP: connections stay open, and nothing comes over them."""
        self.api_server.send(signal.SIGSTOP)

    def resume_api_server(self) -> None:
        self.api_server.send(signal.SIGCONT)

    def recover(self) -> None:
        """Undo what a failed test may have left: resume a paused server, start a stopped one."""
        if self.api_server.running:
            self.resume_api_server()
        else:
            self.start_api_server()

    def compact_etcd(self) -> int:
        """Forget every revision before the present one in etcd; returns that one.

        The API server's own window of events stays: a watch from before gets 410 (Gone) once that server has restarted.
        """
        revision = int(self._etcd("range", {"key": base64.b64encode(b"/").decode()})["header"]["revision"])
        self._etcd("compaction", {"revision": str(revision), "physical": True})
        return revision

    @contextmanager
    def controller_manager(self) -> Iterator[Process]:
        """kube-controller-manager with the controllers of CronJobs, Jobs and garbage, until the block ends."""
        command = [
            str(self.binaries / "kube-controller-manager"),
            f"--kubeconfig={self.kubeconfig}",
            "--controllers=cronjob,job,garbagecollector",
            "--leader-elect=false",
            "--secure-port=0",
        ]
        manager = Process(command, self.folder / "kube-controller-manager.log")
        starts = manager.log.count(STARTED)
        manager.start()
        try:
            manager.wait_for(lambda: manager.log.count(STARTED) > starts, START_SECONDS, "the controller of CronJobs")
            yield manager
        finally:
            manager.kill()

    def create_namespace(self, name: str) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        answer = self.request("POST", "/api/v1/namespaces", body)
        assert answer.status == 201, answer

    def delete_namespace(self, name: str) -> None:
        """Delete it with what the tests put into it: here is no controller that would."""
        for contents in CONTENTS:
            path = contents.format(name)
            listed = self.request("DELETE", f"{path}?propagationPolicy=Background")
            for item in listed.json().get("items") or [] if listed.status == 200 else []:
                if item["metadata"].get("finalizers"):
                    self.request("PATCH", f"{path}/{item['metadata']['name']}", {"metadata": {"finalizers": None}})
        self.request("DELETE", f"/api/v1/namespaces/{name}")
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}}
        self.request("PUT", f"/api/v1/namespaces/{name}/finalize", body)

    def finish_pods(self, namespace: str, phase: str = "Succeeded") -> int:
        """Say, in the place of a kubelet, that every unfinished pod ended in a phase; returns how many those were."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        pods = [
            pod["metadata"]["name"]
            for pod in self.request("GET", path).json()["items"]
            if pod["status"].get("phase") not in ("Succeeded", "Failed")
        ]
        for pod in pods:
            self.request("PATCH", f"{path}/{pod}/status", {"status": {"phase": phase}})
        return len(pods)

    def _wait_for(self, path: str) -> None:
        try:
            self.api_server.wait_for(lambda: self._answers(path), START_SECONDS, f"the API server answers {path}")
        except AssertionError as error:
            raise NotInTime(f"{error}\n{self.etcd.tail()}") from None

    def _answers(self, path: str) -> bool:
        """Whether the server answers 200; a list is asked for one item."""
        assert self.etcd.running, "etcd ended"
        try:
            return self.request("GET", f"{path}?limit=1", timeout=5).status == 200
        except (OSError, ssl.SSLError):  # not there yet, or half a certificate
            return False

    def _custom_lists(self) -> list[str]:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self._wait_for(path)
        return [
            f"/apis/{item['spec']['group']}/{version['name']}/{item['spec']['names']['plural']}"
            for item in self.request("GET", path).json()["items"]
            for version in item["spec"]["versions"]
            if version["served"]
        ]

    def _etcd(self, call: str, body: Mapping[str, object]) -> dict[str, Any]:
        """A call of etcd's JSON gateway."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.etcd_port}/v3/kv/{call}", method="POST", data=json.dumps(body).encode()
        )
        with open_url(request, 30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def binaries() -> Path:
    """The folder of the programs, built first where they are not. Raises Missing."""
    built = subprocess.run(["/bin/sh", BUILD], capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if built.returncode:
        raise Missing(built.stderr.strip()[-1000:] or f"{BUILD.name} ended with {built.returncode}")
    return Path(built.stdout.strip())


@contextmanager
def running() -> Iterator[Cluster]:
    """A cluster of its own. Raises Missing where its programs can't be had."""
    programs, openssl = binaries(), program("openssl")
    folder = Path(tempfile.mkdtemp(prefix="gpucost-k8s-"))
    cluster = _cluster(folder, programs, openssl)
    try:
        cluster.etcd.start()
        cluster.start_api_server()
        yield cluster
    finally:
        cluster.api_server.kill()
        cluster.etcd.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _cluster(folder: Path, programs: Path, openssl: str) -> Cluster:
    """The two servers, not started yet, with fresh tokens and a fresh key for service accounts."""
    port, etcd_port, peer_port = free_ports(3)
    tokens = {user: secrets.token_urlsafe(24) for user in GROUPS}
    token_file, key = folder / "tokens.csv", folder / "service-accounts.key"
    token_file.write_text("".join(f'{tokens[user]},{user},{user},"{group}"\n' for user, group in GROUPS.items()))
    subprocess.run([openssl, "genrsa", "-out", key, "2048"], check=True, capture_output=True, timeout=30)
    etcd_url, peer_url = f"http://127.0.0.1:{etcd_port}", f"http://127.0.0.1:{peer_port}"
    etcd = [
        str(programs / "etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={etcd_url}",
        f"--advertise-client-urls={etcd_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
    ]
    api_server = [
        str(programs / "kube-apiserver"),
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",  # the reconciler refuses a loopback address
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",  # it signs its own at the first start
        f"--token-auth-file={token_file}",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",  # nobody makes the default account of a namespace
        "--service-account-issuer=https://tests.invalid",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.0.0.0/24",
    ]
    return Cluster(
        folder=folder,
        binaries=programs,
        port=port,
        etcd_port=etcd_port,
        tokens=tokens,
        etcd=Process(etcd, folder / "etcd.log"),
        api_server=Process(api_server, folder / "kube-apiserver.log"),
    )
