"""gpucost open on a real cluster: from a kubeconfig's token through the proxy to the pages of a real operator.

Pods never run here, so nothing can be forwarded to them: in place of kubectl stands a script that says what kubectl says,
and forwards to where the operator runs. What the real kubectl says when it can't forward is tested too.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
import yaml
from costreports import Place, cost_report, cron_job

from command import PROGRAM, Ran, installed
from kubernetes_server import ADMIN, Cluster
from operator_process import Operator
from processes import Process, wait_until

START_SECONDS = 30.0
LINK = re.compile(r"^http://127\.0\.0\.1:[0-9]+/open/\S+$", re.M)
KUBECTL = """#!/bin/sh
echo "$@" >> {calls}
echo "Forwarding from 127.0.0.1:{port} -> 8080"
exec sleep 600
"""


@dataclass(frozen=True)
class Desk:
    """Where somebody sits who has a kubeconfig: of a service account that may read the reports of a namespace."""

    place: Place
    folder: Path
    kubeconfig: Path

    @contextmanager
    def opened(self, *words: str, env: dict[str, str] | None = None) -> Iterator[Process]:
        """gpucost open, until the block ends."""
        command = [str(PROGRAM), "open", *words, f"--kubeconfig={self.kubeconfig}"]
        process = Process(command, self.folder / "open.log", {"PATH": "/usr/bin:/bin", **(env or {})})
        process.start()
        try:
            yield process
        finally:
            process.kill()

    def link(self, process: Process) -> str:
        found = process.wait_for(lambda: LINK.search(process.log), START_SECONDS, "the link")
        assert found
        return found[0]

    def refused(self, *words: str, env: dict[str, str] | None = None) -> str:
        """The sentence of gpucost open that ends at once."""
        return open_with(self.kubeconfig, *words, env=env).sentence(1)


def open_with(kubeconfig: Path, *words: str, env: dict[str, str] | None = None) -> Ran:
    return installed("open", "--no-browser", f"--kubeconfig={kubeconfig}", *words, env=env or {})


def kubeconfig_of(cluster: Cluster, folder: Path, namespace: str, **user: str) -> Path:
    """A kubeconfig that logs in in another way than the admin's, in a namespace."""
    config = yaml.safe_load(cluster.kubeconfig_for(ADMIN).read_text(encoding="utf-8"))
    config["users"][0]["user"] = user
    config["contexts"][0]["context"]["namespace"] = namespace
    path = folder / f"kubeconfig-{'-'.join(user)}.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture
def desk(cluster: Cluster, namespace: str, start_operator: Callable[[], Operator], tmp_path: Path) -> Desk:
    """Vera's, who may read the reports of the namespace; there is one, which is computed."""
    place = Place(cluster, namespace, start_operator())
    place.operator.wait_ready()
    place.create(cron_job("up", 6, "0 9 * * 1-5"), cost_report("june"))
    place.computed("june")
    cluster.kubectl("create", "serviceaccount", "vera", f"--namespace={namespace}")
    cluster.kubectl("create", "role", "reader", "--verb=get", "--resource=costreports.gpucost.dev", f"-n={namespace}")
    account = f"--serviceaccount={namespace}:vera"
    cluster.kubectl("create", "rolebinding", "reader", "--role=reader", account, f"--namespace={namespace}")
    token = cluster.kubectl("create", "token", "vera", f"--namespace={namespace}").stdout.strip()
    return Desk(place, tmp_path, kubeconfig_of(cluster, tmp_path, namespace, token=token))


MakeService = Callable[..., None]


@pytest.fixture
def make_service(cluster: Cluster, namespace: str) -> Iterator[MakeService]:
    """Makes Services of the namespace, with two ports; gone after the test."""
    path = f"/api/v1/namespaces/{namespace}/services"

    def make(service: str, /, **labels: str) -> None:
        ports = [{"name": "other", "port": 9000}, {"name": "http", "port": 8081}]
        metadata = {"name": service, "labels": {f"app.kubernetes.io/{key}": value for key, value in labels.items()}}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
        answer = cluster.request("POST", path, body)
        assert answer.status == 201, answer

    yield make
    for item in cluster.request("GET", path).json()["items"]:
        cluster.request("DELETE", f"{path}/{item['metadata']['name']}")


Get = Callable[..., Awaitable[tuple[int, str]]]


def browse(link: str, use: Callable[[Get, str], Awaitable[None]]) -> None:
    """Follow the link as a browser does; ``use`` gets a function that asks for paths, and the first page."""

    async def run() -> None:
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address too, as browsers have them
        async with aiohttp.ClientSession(cookie_jar=jar) as session, session.get(link) as first:
            assert first.status == 200, await first.text()
            here = first.url

            async def get(path: str, method: str = "GET") -> tuple[int, str]:
                async with session.request(method, here.join(here.with_path(here.path + path))) as answer:
                    return answer.status, await answer.text()

            await use(get, await first.text())

    asyncio.run(run())


def test_the_page_of_a_report_is_seen_with_one_s_own_rights(desk: Desk) -> None:
    with desk.opened("june", f"--operator-url={desk.place.operator.url}", "--no-browser") as process:

        async def use(get: Get, first: str) -> None:
            assert "june" in first
            assert (await get("schedule"))[0] == 200
            assert (await get("schedule", "POST"))[0] == 405
            assert (await get("../../elsewhere/june/"))[0] == 403

        browse(desk.link(process), use)
        process.send(signal.SIGINT)
        assert process.stop() == 0
    assert "Traceback" not in process.log
    token = yaml.safe_load(desk.kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]["token"]
    assert token not in process.log


def test_the_browser_is_opened_with_the_link(desk: Desk) -> None:
    seen = desk.folder / "seen"
    browser = script(desk.folder / "browser", f'#!/bin/sh\necho "$1" > {seen}\n')
    url = f"--operator-url={desk.place.operator.url}"
    with desk.opened(url, env={"BROWSER": f"{browser} %s"}) as process:
        link = desk.link(process)
        process.wait_for(lambda: seen.exists() and seen.read_text().strip() == link, 10, "the browser")


def test_without_a_url_kubectl_forwards_to_the_service_that_has_the_chart_s_label(
    desk: Desk, make_service: MakeService
) -> None:
    calls = desk.folder / "calls"
    program = KUBECTL.format(calls=calls, port=desk.place.operator.port)
    folder = script(desk.folder / "bin" / "kubectl", program).parent
    namespace = desk.place.namespace
    make_service("costs", name="gpucost")
    make_service("others", name="other")
    with (
        may_list_services(desk),
        desk.opened("june", "--no-browser", env={"PATH": f"{folder}:/usr/bin:/bin"}) as process,
    ):

        async def use(get: Get, first: str) -> None:
            assert "june" in first

        browse(desk.link(process), use)
        assert f"gpucost: Service {namespace}/costs gets your token; Ctrl-C ends it" in process.log
    assert calls.read_text().split() == [
        f"--kubeconfig={desk.kubeconfig}",
        "port-forward",
        f"--namespace={namespace}",
        "--address=127.0.0.1",
        "--pod-running-timeout=20s",
        "service/costs",
        ":8081",
    ]


@contextmanager
def may_list_services(desk: Desk) -> Iterator[None]:
    """As the cluster's role view has it."""
    kubectl, name = desk.place.cluster.kubectl, f"services-{desk.place.namespace}"
    kubectl("create", "clusterrole", name, "--verb=list", "--resource=services")
    account = f"--serviceaccount={desk.place.namespace}:vera"
    kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", account)
    try:
        may = ("auth", "can-i", "list", "services", "-A", f"--as=system:serviceaccount:{desk.place.namespace}:vera")
        wait_until(lambda: kubectl(*may, check=False).stdout.strip() == "yes", 10, "the role is known")
        yield
    finally:
        kubectl("delete", "clusterrole,clusterrolebinding", name)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


# What can't be is one sentence


def test_who_may_not_list_services_names_the_operator_s(desk: Desk) -> None:
    told = desk.refused()
    assert told == "you may not list Services; name the operator's with --service NAMESPACE/NAME"


def test_a_cluster_has_to_have_one_operator_or_it_is_named(
    cluster: Cluster, namespace: str, make_service: MakeService
) -> None:
    admin = cluster.kubeconfig_for(ADMIN)
    assert "there is none; name it with --service NAMESPACE/NAME" in open_with(admin).sentence(1)
    for name in ("one", "two"):
        make_service(name, name="gpucost")
    told = open_with(admin).sentence(1)
    assert f"there are several: {namespace}/one, {namespace}/two; name it with --service" in told


def test_what_kubectl_says_is_said(cluster: Cluster, namespace: str, make_service: MakeService) -> None:
    make_service("bare")
    admin, env = cluster.kubeconfig_for(ADMIN), {"PATH": f"{cluster.binaries}:/usr/bin:/bin"}
    told = open_with(admin, f"--service={namespace}/bare", env=env).sentence(1)
    assert told.startswith("kubectl port-forward ended: ")
    assert "Service is defined without a selector" in told
    assert 'services "gone" not found' in open_with(admin, f"--service={namespace}/gone", env=env).sentence(1)


def test_without_kubectl_there_is_another_way(
    cluster: Cluster, namespace: str, make_service: MakeService, tmp_path: Path
) -> None:
    make_service("bare")
    admin, env = cluster.kubeconfig_for(ADMIN), {"PATH": str(tmp_path)}
    told = open_with(admin, f"--service={namespace}/bare", env=env).sentence(1)
    assert told == "kubectl is not in PATH; install it, or say where the operator is reached with --operator-url"


@pytest.mark.parametrize(
    ("user", "has"),
    [
        ({"client-certificate": "/nowhere/a.crt", "client-key": "/nowhere/a.key"}, "a client certificate"),
        ({"username": "vera", "password": "secret"}, "no bearer token"),
        ({}, "no bearer token"),
    ],
)
def test_a_kubeconfig_without_a_token_needs_one_from_a_file(
    cluster: Cluster, tmp_path: Path, user: dict[str, str], has: str
) -> None:
    if "client-certificate" in user:
        user = {name: str(tmp_path / Path(value).name) for name, value in user.items()}
        for value in user.values():
            Path(value).write_text("not looked at", encoding="utf-8")
    told = open_with(kubeconfig_of(cluster, tmp_path, "default", **user), "--operator-url=http://localhost:1").sentence(
        1
    )
    assert told == (
        f"a page needs a bearer token, and the kubeconfig has {has}: "
        "kubectl create token ACCOUNT -n NAMESPACE > FILE, and gpucost open --token-file FILE"
    )
    assert "secret" not in told


def test_a_token_from_a_file_will_do(desk: Desk) -> None:
    token = yaml.safe_load(desk.kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]["token"]
    file = desk.folder / "token"
    file.write_text(f"{token}\n", encoding="utf-8")
    bare = replace(desk, kubeconfig=kubeconfig_of(desk.place.cluster, desk.folder, desk.place.namespace))
    url = f"--operator-url={desk.place.operator.url}"
    with bare.opened("june", url, "--no-browser", f"--token-file={file}") as process:

        async def use(get: Get, first: str) -> None:
            assert "june" in first

        browse(bare.link(process), use)


@pytest.mark.parametrize(
    ("content", "told"), [("", "must hold a bearer token"), ("two words", "must hold a bearer token")]
)
def test_a_file_without_a_token_is_said(cluster: Cluster, tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "token"
    file.write_text(content, encoding="utf-8")
    admin = cluster.kubeconfig_for(ADMIN)
    assert told in open_with(admin, "--operator-url=http://localhost:1", f"--token-file={file}").sentence(1)
    file.unlink()
    assert "can't be read: No such file" in open_with(admin, f"--token-file={file}").sentence(1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--operator-url=http://gpucost.example"], "your token must not travel in the clear"),
        (["--operator-url=http://127.0.0.1.example"], "your token must not travel in the clear"),
        (["--operator-url=gpucost.example"], "--operator-url must be such as https://gpucost.example"),
        (["--operator-url=https://user:pw@gpucost.example"], "--operator-url must be such as"),
        (["--operator-url=https://gpucost.example?a=b"], "--operator-url must be such as"),
        (["--operator-url=https://a.example", "--service=a/b"], "either the operator's Service or its URL"),
        (["--service=costs"], "--service must be NAMESPACE/NAME"),
        (["--service=a/b/c"], "--service must be NAMESPACE/NAME"),
    ],
    ids=str,
)
def test_wrong_usage(cluster: Cluster, words: list[str], told: str) -> None:
    assert told in open_with(cluster.kubeconfig_for(ADMIN), *words).sentence(2)
