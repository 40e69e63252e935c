"""Who may see a page. In a cluster Kubernetes decides, by the bearer token of each request; on one's own machine everybody.

A TokenReview says who the token belongs to, SubjectAccessReviews what he may see: ``get costreports`` in the namespace of a
report. Answers are used for seconds, so a right that is taken away ends that soon; without an answer nothing is shown.

Only the header Authorization counts. A browser never sends it by itself, and pages answer GET and HEAD alone, so there is
nothing that a foreign web page could have a browser do in its user's name (CSRF).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from gpucost.kube.client import COST_REPORTS, ApiError, Cluster, Resource

LOG: Final = logging.getLogger("gpucost.access")

TOKEN_REVIEWS: Final = Resource("authentication.k8s.io", "v1", "tokenreviews")
ACCESS_REVIEWS: Final = Resource("authorization.k8s.io", "v1", "subjectaccessreviews")

ALLOWED_SECONDS: Final = 10.0
"""How long a yes is used: as long as the API server itself uses what it knows of a token."""
REFUSED_SECONDS: Final = 5.0
"""How long a no is used: a right that was just granted should show soon."""
ANSWERS: Final = 10_000
"""Answers of each kind that are kept; then the oldest go."""
REVIEWS: Final = 8
"""Reviews under way: fewer than the connections to the API server, which the operator needs too."""
LISTED_AT_ONCE: Final = 4
"""Reviews under way for one list of namespaces, so that one person's list leaves room for others."""
REVIEW_SECONDS: Final = 5.0
"""How long a request waits for a review, its turn included."""
RETRY_SECONDS: Final = 5
"""What a client is told to wait where the API server can't be asked."""

BEARER: Final = re.compile(r"bearer +([!-~]{1,8192})", re.IGNORECASE)
"""Visible ASCII only. Kubernetes' own tokens have one or two thousand characters."""
NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(:[0-9]+)?", re.IGNORECASE)
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Names under which a browser reaches its own machine."""

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
Fields = dict[str, Any]


class Viewer(Protocol):
    """The one who asks for a page. Every question raises HTTPServiceUnavailable where nobody can answer it."""

    @property
    def name(self) -> str:
        """What Kubernetes calls him: for messages to himself, and to be escaped in a page."""
        ...

    async def may_read(self, namespace: str) -> bool:
        """Whether he may get CostReports of a namespace; never of what can't be one. It need not exist: who may not read
        a namespace is told the same, whatever is in it."""
        ...

    async def may_read_all(self) -> bool:
        """Whether he may get CostReports of all namespaces."""
        ...

    async def readable(self, namespaces: Collection[str]) -> frozenset[str]:
        """Those of the namespaces whose CostReports he may get."""
        ...

    async def may_get_path(self, path: str) -> bool:
        """Whether he may get a path that is no resource, such as /metrics: ``nonResourceURLs`` of a ClusterRole."""
        ...


class Guard(Protocol):
    """Stands before the pages."""

    async def viewer(self, request: web.Request) -> Viewer:
        """Who asks. Raises HTTPUnauthorized, HTTPMisdirectedRequest or HTTPServiceUnavailable."""
        ...


# Where the API server is not asked


@dataclass(frozen=True, slots=True)
class _Everybody:
    """A viewer who may see all."""

    name: str = "everybody"

    async def may_read(self, namespace: str) -> bool:
        return NAMESPACE.fullmatch(namespace) is not None

    async def may_read_all(self) -> bool:
        return True

    async def readable(self, namespaces: Collection[str]) -> frozenset[str]:
        return frozenset(namespaces)

    async def may_get_path(self, path: str) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class LocalGuard:
    """For pages on one's own machine: lets everybody in who calls the server by one of its names.

    A web page elsewhere can have its own name resolved to 127.0.0.1, and so read what is served there (DNS rebinding);
    it can't change the header Host.
    """

    names: frozenset[str] = LOOPBACK

    async def viewer(self, request: web.Request) -> Viewer:
        """Everybody. Raises HTTPMisdirectedRequest where the request asks for another name."""
        if not is_called(self.names, request.headers.getall(hdrs.HOST, [])):
            raise web.HTTPMisdirectedRequest(text=f"ask for {', '.join(sorted(self.names))}\n")
        return _Everybody()


@dataclass(frozen=True, slots=True)
class ClosedGuard:
    """Lets nobody in: for the time in which the API server can't be asked yet."""

    why: str

    async def viewer(self, request: web.Request) -> Viewer:
        """Raises HTTPServiceUnavailable."""
        raise _unavailable(self.why)


def is_called(names: frozenset[str], hosts: Sequence[str]) -> bool:
    """Whether the headers Host of a request are one, and it holds one of the names (lower case, IPv6 in brackets)."""
    found = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    return found is not None and found[1].lower() in names


def _unavailable(why: str) -> web.HTTPServiceUnavailable:
    return web.HTTPServiceUnavailable(text=f"{why}\n", headers={hdrs.RETRY_AFTER: str(RETRY_SECONDS)})


# In a cluster


class NotReviewed(Exception):
    """The API server could not be asked; one sentence that says why, without a token."""


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Answer]):
    answer: Answer
    until: float


class Answers(Generic[Key, Answer]):
    """Answers by key for as long as they may be used, with one question under way for each key.

    A true answer is used for ``allowed`` seconds from the moment it was asked for, a false one for ``refused``.
    ``now`` is a clock in seconds that only goes forward.
    """

    def __init__(
        self,
        allowed: float = ALLOWED_SECONDS,
        refused: float = REFUSED_SECONDS,
        most: int = ANSWERS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed, self._refused, self._most, self._now = allowed, refused, most, now
        self._kept: dict[Key, _Kept[Answer]] = {}
        self._asked: dict[Key, asyncio.Task[Answer]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer that is kept or under way, else that of ``ask``. What ``ask`` raises is raised, and not kept."""
        kept = self._kept.get(key)
        if kept is not None and self._now() < kept.until:
            return kept.answer
        if key not in self._asked:
            self._asked[key] = task = asyncio.create_task(self._ask(key, ask))
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(self._asked[key])  # others wait for it too

    async def _ask(self, key: Key, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        asked = self._now()
        answer = await ask()
        self._kept.pop(key, None)  # else it kept its place among the oldest
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = _Kept(answer, asked + (self._allowed if answer else self._refused))
        return answer

    def _end(self, key: Key, done: asyncio.Task[Answer]) -> None:
        del self._asked[key]
        if not done.cancelled():
            done.exception()  # it counts as seen, even where all who waited have gone


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a token belongs to, as a TokenReview has it."""

    username: str
    uid: str
    groups: tuple[str, ...]
    extra: Mapping[str, Sequence[str]]


Digest = bytes
"""The SHA-256 of a token: tokens themselves are not kept."""


@dataclass(slots=True)
class ClusterGuard:
    """Asks the API server, over the connections of ``cluster``, whose account needs ``create`` on both kinds of review.

    ``audiences``: what tokens must be meant for; none: for the API server, as those of kubectl are.
    """

    cluster: Cluster
    audiences: tuple[str, ...] = ()
    people: Answers[Digest, Person | None] = field(default_factory=Answers)
    rights: Answers[tuple[Digest, str], bool] = field(default_factory=Answers)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REVIEWS))
    _trouble: str | None = None

    async def viewer(self, request: web.Request) -> Viewer:
        """Whom the token belongs to. Raises HTTPUnauthorized or HTTPServiceUnavailable."""
        token = bearer_token(request.headers.getall(hdrs.AUTHORIZATION, []))
        if token is None:
            raise _unauthorized("a page needs a Kubernetes bearer token in the header Authorization")
        digest = hashlib.sha256(token.encode()).digest()
        person = await self._answer(self.people.get(digest, lambda: self._person(token)))
        if person is None:
            raise _unauthorized("the API server does not know this token, or it has expired")
        return _ClusterViewer(self, digest, person)

    async def allows(self, digest: Digest, person: Person, attributes: Fields) -> bool:
        """Whether a person may do what the attributes of a SubjectAccessReview say. Raises HTTPServiceUnavailable."""
        key = (digest, json.dumps(attributes))
        return await self._answer(self.rights.get(key, lambda: self._allowed(person, attributes)))

    async def _answer(self, asked: Awaitable[Answer]) -> Answer:
        try:
            return await asked
        except NotReviewed:
            raise _unavailable("the API server can't be asked who may see this; try again soon") from None

    async def _person(self, token: str) -> Person | None:
        spec = {"token": token, **({"audiences": list(self.audiences)} if self.audiences else {})}
        return person_of(await self._review(TOKEN_REVIEWS, "TokenReview", spec), self.audiences)

    async def _allowed(self, person: Person, attributes: Fields) -> bool:
        status = await self._review(ACCESS_REVIEWS, "SubjectAccessReview", subject(person) | attributes)
        return status.get("allowed") is True

    async def _review(self, resource: Resource, kind: str, spec: Fields) -> Fields:
        """The status of a review. Raises NotReviewed, and says why in the log when that is new."""
        body = {"apiVersion": f"{resource.group}/{resource.version}", "kind": kind, "spec": spec}
        try:
            async with asyncio.timeout(REVIEW_SECONDS), self._turn:
                answer = await self.cluster.request("POST", resource.path(), body=body)
        except (ApiError, TimeoutError) as error:
            self._tell(_trouble(resource, error))
            raise NotReviewed from None
        self._tell(None)
        return dict(answer.get("status") or {})

    def _tell(self, trouble: str | None) -> None:
        if trouble != self._trouble and trouble is not None:
            LOG.warning("pages answer 503: %s", trouble)
        self._trouble = trouble


@dataclass(frozen=True, slots=True)
class _ClusterViewer:
    guard: ClusterGuard
    digest: Digest
    person: Person

    @property
    def name(self) -> str:
        return self.person.username

    async def may_read(self, namespace: str) -> bool:
        # The empty namespace would be the question for all of them.
        return NAMESPACE.fullmatch(namespace) is not None and await self._may_get_reports({"namespace": namespace})

    async def may_read_all(self) -> bool:
        return await self._may_get_reports({})

    async def readable(self, namespaces: Collection[str]) -> frozenset[str]:
        if await self.may_read_all():
            return frozenset(namespaces)
        found: set[str] = set()
        ordered = sorted(set(namespaces))
        for start in range(0, len(ordered), LISTED_AT_ONCE):
            some = ordered[start : start + LISTED_AT_ONCE]
            answers = await asyncio.gather(*map(self.may_read, some))
            found.update(name for name, may in zip(some, answers, strict=True) if may)
        return frozenset(found)

    async def may_get_path(self, path: str) -> bool:
        return await self.guard.allows(
            self.digest, self.person, {"nonResourceAttributes": {"path": path, "verb": "get"}}
        )

    async def _may_get_reports(self, where: Fields) -> bool:
        what = {"verb": "get", "group": COST_REPORTS.group, "resource": COST_REPORTS.plural, **where}
        return await self.guard.allows(self.digest, self.person, {"resourceAttributes": what})


def bearer_token(authorization: Sequence[str]) -> str | None:
    """The token of a request's headers Authorization; None unless there is one header, and it holds what can be a token."""
    found = BEARER.fullmatch(authorization[0]) if len(authorization) == 1 else None
    return found[1] if found else None


def person_of(status: Fields, audiences: Sequence[str] = ()) -> Person | None:
    """Whom the status of a TokenReview names; None where it refuses the token.

    A server that does not know audiences ignores the question for them, so its answer must hold one of those asked for:
    https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
    """
    user = status.get("user") or {}
    if status.get("authenticated") is not True or not user.get("username"):
        return None
    if audiences and not set(audiences) & set(status.get("audiences") or ()):
        return None
    return Person(
        user["username"], user.get("uid") or "", tuple(user.get("groups") or ()), dict(user.get("extra") or {})
    )


def subject(person: Person) -> Fields:
    """The fields of a SubjectAccessReview that say who. Authorizers other than RBAC look at uid and extra too."""
    fields = {"user": person.username, "uid": person.uid, "groups": list(person.groups), "extra": dict(person.extra)}
    return {name: value for name, value in fields.items() if value}


def _unauthorized(why: str) -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(text=f"{why}\n", headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="gpucost"'})


def _trouble(resource: Resource, error: ApiError | TimeoutError) -> str:
    """Why a review failed. The server's message is left out: it could repeat what it was sent, and that is a token."""
    if not isinstance(error, ApiError):
        return f"the API server does not answer within {REVIEW_SECONDS:g} s"
    if error.status == 0:
        return str(error)
    name = f"{resource.plural}.{resource.group}"
    if error.status == 403:
        return f"the operator needs the right to create {name}"
    return f"the API server refuses to create {name}: {error.status} {error.reason}"


# What is told of requests


class _Unread(logging.Filter):
    """Takes the request out of what is logged of one that can't be read: aiohttp quotes the header, which may be a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.msg, record.exc_info = f"{record.msg}: {type(error).__name__}", None
        return True


def server_log() -> logging.Logger:
    """The log for an aiohttp server whose requests carry tokens: ``web.AppRunner(app, logger=server_log())``."""
    log = logging.getLogger("gpucost.http")
    if not log.filters:
        log.addFilter(_Unread())
    return log
