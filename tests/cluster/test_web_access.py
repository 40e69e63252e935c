"""Who may see a page, decided by a real API server: service accounts with tokens as a kubelet gets them, and RBAC.

Behind the guard stands the small application of web/guarded.py.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpucost.kube.access import find_access
from gpucost.kube.client import Cluster as Connection
from gpucost.web.access import REVIEWS, Answers, ClusterGuard
from kubernetes_server import ADMIN, OPERATOR, Cluster
from web.guarded import Answer, Ask, asked

RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass
class Clock:
    """Seconds that pass when told, so that nobody waits for an answer to expire."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Site:
    """A cluster with two fresh namespaces, and a way to ask a guard in front of it."""

    cluster: Cluster
    ours: str
    theirs: str
    clock: Clock = field(default_factory=Clock)

    def account(self, name: str, namespace: str | None = None) -> str:
        """Make a service account, of ``ours`` by default; returns its name as a user."""
        space = namespace or self.ours
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        answer = self.cluster.request("POST", f"/api/v1/namespaces/{space}/serviceaccounts", body)
        assert answer.status == 201, answer
        return f"system:serviceaccount:{space}:{name}"

    def token(self, name: str, *flags: str) -> str:
        """A token of an account of ``ours``."""
        return self.cluster.kubectl("create", "token", name, f"--namespace={self.ours}", *flags).stdout.strip()

    def viewer(self, name: str, *namespaces: str) -> str:
        """Make an account of ``ours`` that may get CostReports of the namespaces; returns a token of it."""
        user = self.account(name)
        for namespace in namespaces:
            self.allow({"kind": "User", "name": user}, namespace, name)
        return self.token(name)

    def allow(self, subject: dict[str, str], namespace: str, name: str) -> None:
        """Let a user or a group get CostReports of a namespace."""
        rule = {"apiGroups": ["gpucost.dev"], "resources": ["costreports"], "verbs": ["get"]}
        self._make(f"{RBAC}/namespaces/{namespace}/roles", "Role", name, rules=[rule])
        bound = [{"apiGroup": "rbac.authorization.k8s.io", **subject}]
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        self._make(f"{RBAC}/namespaces/{namespace}/rolebindings", "RoleBinding", name, subjects=bound, roleRef=role)
        words = ("auth", "can-i", "get", "costreports.gpucost.dev", f"--namespace={namespace}", *_as(subject))
        self.cluster.wait_until(
            lambda: self.cluster.kubectl(*words, check=False).stdout.strip() == "yes", 10, "the role is known"
        )

    def revoke(self, namespace: str, name: str) -> None:
        answer = self.cluster.request("DELETE", f"{RBAC}/namespaces/{namespace}/rolebindings/{name}")
        assert answer.status == 200, answer

    def _make(self, path: str, kind: str, name: str, **fields: Any) -> None:
        body = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, **fields}
        answer = self.cluster.request("POST", path, body)
        assert answer.status == 201, answer

    def reviews(self) -> dict[str, int]:
        """How many of each kind the server has made so far, by its own count."""
        text = self.cluster.request("GET", "/metrics").text
        found = {"tokenreviews": 0, "subjectaccessreviews": 0}
        for labels, count in re.findall(r"^apiserver_request_total\{(.*)\} (\S+)$", text, re.M):
            resource = dict(re.findall(r'(\w+)="([^"]*)"', labels))["resource"]
            if resource in found:
                found[resource] += int(float(count))
        return found

    def guard(self, kubeconfig: Path | None = None, audiences: tuple[str, ...] = ()) -> ClusterGuard:
        """By default with the operator's rights of rbac.yaml; in a running event loop."""
        access = find_access(str(kubeconfig or self.cluster.kubeconfig_for(OPERATOR)))
        return ClusterGuard(Connection(access), audiences, Answers(now=self.clock), Answers(now=self.clock))

    def ask(
        self,
        use: Callable[[Ask], Awaitable[None]],
        *,
        kubeconfig: Path | None = None,
        audiences: tuple[str, ...] = (),
        among: Collection[str] = (),
    ) -> None:
        async def run() -> None:
            guard = self.guard(kubeconfig, audiences)
            try:
                await asked(guard, use, among)
            finally:
                await guard.cluster.close()

        asyncio.run(run())


def _as(subject: dict[str, str]) -> tuple[str, ...]:
    if subject["kind"] == "User":
        return (f"--as={subject['name']}",)
    return ("--as=somebody", f"--as-group={subject['name']}")


@pytest.fixture
def site(cluster: Cluster, namespace: str) -> Iterator[Site]:
    theirs = f"theirs-{secrets.token_hex(4)}"
    cluster.create_namespace(theirs)
    yield Site(cluster, namespace, theirs)
    cluster.recover()
    cluster.delete_namespace(theirs)


# Rights


def test_a_report_is_for_those_who_may_get_reports_in_its_namespace(site: Site) -> None:
    token = site.viewer("vera", site.ours)

    async def use(ask: Ask) -> None:
        assert (await ask(f"/reports/{site.ours}", token))[:2] == (200, "report")
        for other in (site.theirs, "nowhere", "", "*", ".hidden", "A", "a" * 64, f"{site.ours}%2F", f"{site.ours}%00"):
            assert (await ask(f"/reports/{other}", token)).status == 403, other

    site.ask(use)


def test_who_may_read_all_namespaces_is_asked_about_once(site: Site) -> None:
    spaces = [f"space-{number}" for number in range(100)]

    async def use(ask: Ask) -> None:
        before = await asyncio.to_thread(site.reviews)
        answer = await ask("/", site.cluster.tokens[ADMIN])
        assert answer.text == f"admin all {sorted(spaces)}"
        after = await asyncio.to_thread(site.reviews)
        assert after["subjectaccessreviews"] - before["subjectaccessreviews"] == 1

    site.ask(use, among=spaces)


def test_a_list_has_the_namespaces_that_one_may_read(site: Site) -> None:
    token = site.viewer("vera", site.ours, site.theirs)

    async def use(ask: Ask) -> None:
        answer = await ask("/", token)
        mine = sorted([site.ours, site.theirs])
        assert answer.text == f"system:serviceaccount:{site.ours}:vera some {mine}"

    site.ask(use, among=[*(f"space-{number}" for number in range(20)), site.theirs, site.ours])


def test_a_right_of_a_group_counts(site: Site) -> None:
    """Here that of all service accounts of a namespace: the groups that a token has go into the question."""
    token = site.viewer("vera")
    site.allow({"kind": "Group", "name": f"system:serviceaccounts:{site.ours}"}, site.theirs, "neighbours")

    async def use(ask: Ask) -> None:
        assert (await ask(f"/reports/{site.theirs}", token)).status == 200

    site.ask(use)


def test_metrics_are_for_those_who_may_get_this_path(site: Site) -> None:
    """As kube-rbac-proxy and the cluster's own components have it: a ClusterRole with nonResourceURLs."""
    scraper, other = site.viewer("prometheus"), site.viewer("vera", site.ours)
    name = f"metrics-{site.ours}"
    site.cluster.kubectl("create", "clusterrole", name, "--verb=get", "--non-resource-url=/metrics")
    account = f"--serviceaccount={site.ours}:prometheus"
    site.cluster.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", account)

    async def use(ask: Ask) -> None:
        async def scrape() -> bool:
            site.clock.seconds += 10
            return (await ask("/metrics", scraper))[:2] == (200, "metrics")

        await until(scrape)
        assert (await ask("/metrics", other)).status == 403
        assert (await ask("/metrics")).status == 401
        assert (await ask(f"/reports/{site.ours}", scraper)).status == 403

    try:
        site.ask(use)
    finally:
        site.cluster.kubectl("delete", "clusterrole,clusterrolebinding", name)


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait until something that is asked again and again is so."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.05)


# Tokens


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer not-a-token"},
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": "Bearer " + "a" * 8000},
        {"Cookie": "token=admin"},
        {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"},
        {"Impersonate-User": "admin"},
    ],
    ids=lambda headers: str(headers)[:50],
)
def test_without_a_token_that_kubernetes_knows_nobody_gets_in(site: Site, headers: dict[str, str]) -> None:
    async def use(ask: Ask) -> None:
        for path in ("/", f"/reports/{site.ours}", "/metrics"):
            answer = await ask(path, **headers)
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="gpucost"')

    site.ask(use)


def test_a_token_counts_in_the_header_only(site: Site) -> None:
    token = site.viewer("vera", site.ours)

    async def use(ask: Ask) -> None:
        page = f"/reports/{site.ours}"
        assert (await ask(f"{page}?access_token={token}&token={token}")).status == 401
        assert (await ask(page, Cookie=f"token={token}")).status == 401
        assert (await ask(page, Authorization=f"Token {token}")).status == 401
        assert (await ask(page, Authorization=f"bearer {token}")).status == 200

    site.ask(use)


def test_a_token_for_others_is_refused_and_one_for_us_is_taken_where_we_ask_for_it(site: Site) -> None:
    ordinary = site.viewer("vera", site.ours)
    ours, others = (site.token("vera", f"--audience={audience}") for audience in ("gpucost", "vault"))
    page = f"/reports/{site.ours}"

    async def by_default(ask: Ask) -> None:
        assert [(await ask(page, token)).status for token in (ordinary, ours, others)] == [200, 401, 401]

    async def bound(ask: Ask) -> None:
        assert [(await ask(page, token)).status for token in (ordinary, ours, others)] == [401, 200, 401]

    site.ask(by_default)
    site.ask(bound, audiences=("gpucost",))


# For how long


def test_a_right_that_is_taken_away_ends_when_the_answer_is_old(site: Site) -> None:
    token = site.viewer("vera", site.ours)
    page = f"/reports/{site.ours}"

    async def use(ask: Ask) -> None:
        assert (await ask(page, token)).status == 200
        await asyncio.to_thread(site.revoke, site.ours, "vera")
        site.clock.seconds += 9.9
        assert (await ask(page, token)).status == 200

        async def refused() -> bool:
            site.clock.seconds += 10
            return (await ask(page, token)).status == 403

        await until(refused)

    site.ask(use)


def test_the_token_of_a_deleted_account_is_refused(site: Site) -> None:
    """The API server itself takes such a token for up to ten seconds more."""
    token = site.viewer("vera", site.ours)
    page = f"/reports/{site.ours}"

    async def use(ask: Ask) -> None:
        assert (await ask(page, token)).status == 200
        path = f"/api/v1/namespaces/{site.ours}/serviceaccounts/vera"
        deleted = await asyncio.to_thread(site.cluster.request, "DELETE", path)
        assert deleted.status == 200

        async def refused() -> bool:
            site.clock.seconds += 10
            return (await ask(page, token)).status == 401

        await until(refused)

    site.ask(use)


def test_many_requests_at_once_make_one_review_of_each_kind(site: Site) -> None:
    token = site.viewer("vera", site.ours)

    async def use(ask: Ask) -> None:
        before = await asyncio.to_thread(site.reviews)
        for _ in range(2):
            answers = await asyncio.gather(*(ask(f"/reports/{site.ours}", token) for _ in range(100)))
            assert {answer.status for answer in answers} == {200}
        after = await asyncio.to_thread(site.reviews)
        assert {kind: after[kind] - before[kind] for kind in after} == {"tokenreviews": 1, "subjectaccessreviews": 1}

    site.ask(use)


def test_many_wrong_tokens_at_once_are_all_refused(site: Site) -> None:
    """More than reviews may be under way."""

    async def use(ask: Ask) -> None:
        answers = await asyncio.gather(*(ask("/", f"wrong-{number}") for number in range(5 * REVIEWS)))
        assert {answer.status for answer in answers} == {401}

    site.ask(use)


# Without the API server


def unavailable(answer: Answer) -> bool:
    return answer.status == 503 and answer.headers["Retry-After"] == "5"


def test_without_the_api_server_a_kept_answer_is_used_until_it_is_old_and_then_nobody_gets_in(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    token = site.viewer("vera", site.ours)
    page = f"/reports/{site.ours}"

    async def use(ask: Ask) -> None:
        assert (await ask(page, token)).status == 200
        await asyncio.to_thread(site.cluster.stop_api_server)
        site.clock.seconds += 9.9
        assert (await ask(page, token)).status == 200
        assert unavailable(await ask(f"/reports/{site.theirs}", token))
        assert unavailable(await ask(page, "another"))
        site.clock.seconds += 0.1
        assert unavailable(await ask(page, token))
        assert (await ask(page)).status == 401
        site.cluster.start_api_server()  # not in a thread, with whose end the server would end
        assert (await ask(page, token)).status == 200

    with caplog.at_level(logging.WARNING, "gpucost"):
        site.ask(use)
    (told,) = [record.getMessage() for record in caplog.records if record.name == "gpucost.access"]
    assert told.startswith(f"pages answer 503: the API server {site.cluster.url} can't be reached: ")
    assert token not in caplog.text


def test_an_api_server_that_does_not_answer_holds_nobody_for_long(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    token = site.viewer("vera", site.ours)

    async def use(ask: Ask) -> None:
        await asyncio.to_thread(site.cluster.pause_api_server)
        answers = await asyncio.gather(*(ask("/", token if number else f"t{number}") for number in range(3 * REVIEWS)))
        assert all(map(unavailable, answers))

    with caplog.at_level(logging.WARNING, "gpucost"):
        site.ask(use)
    assert "pages answer 503: the API server does not answer within 5 s" in caplog.text


def test_an_operator_that_may_not_ask_lets_nobody_in_and_says_which_right_it_needs(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = site.viewer("vera", site.ours)
    config = yaml.safe_load(site.cluster.kubeconfig_for(OPERATOR).read_text(encoding="utf-8"))
    config["users"][0]["user"]["token"] = site.viewer("nobody")
    (tmp_path / "nobody.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    async def use(ask: Ask) -> None:
        answer = await ask(f"/reports/{site.ours}", token)
        assert unavailable(answer)
        assert answer.text == "the API server can't be asked who may see this; try again soon\n"

    with caplog.at_level(logging.WARNING, "gpucost"):
        site.ask(use, kubeconfig=tmp_path / "nobody.yaml")
    assert "the operator needs the right to create tokenreviews.authentication.k8s.io" in caplog.text


def test_a_token_is_in_no_log_and_no_answer(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Nor a header that is too long for the server, which answers 400 before anybody is asked."""
    good, wrong, huge = site.viewer("vera", site.ours), "wr0ng" * 20, "hug3" * 4000

    async def use(ask: Ask) -> None:
        statuses = []
        for token in (good, wrong, huge):
            for path in ("/", f"/reports/{site.ours}", f"/reports/{site.theirs}", "/metrics"):
                answer = await ask(path, token)
                statuses.append(answer.status)
                assert token[:20] not in answer.text + str(answer.headers) or token == huge  # it's told to its owner
        assert statuses == [200, 200, 403, 403, *[401] * 4, *[400] * 4]

    with caplog.at_level(logging.DEBUG):
        site.ask(use)
    for token in (good, wrong, huge):
        assert token[:20] not in caplog.text
