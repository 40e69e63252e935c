"""Who may see a page, as far as no cluster is needed for it: tokens, names of hosts, reviews' answers, and how long these
are used. What Kubernetes decides is tested on a real API server: tests/cluster/test_web_access.py."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from gpucost.web.access import (
    LOOPBACK,
    Answers,
    ClosedGuard,
    LocalGuard,
    Person,
    bearer_token,
    is_called,
    person_of,
    subject,
)
from web.guarded import Ask, guarded

# Tokens


@pytest.mark.parametrize(
    "header", ["Bearer abc.d-e_f~+/==", "bearer abc.d-e_f~+/==", "BEARER   abc.d-e_f~+/=="], ids=str
)
def test_a_bearer_token_is_taken_from_the_header(header: str) -> None:
    assert bearer_token([header]) == "abc.d-e_f~+/=="


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Bearerabc"],
        ["Basic dXNlcjpwYXNz"],
        ["abc"],
        ["Bearer two words"],
        ["Bearer a\tb"],
        ["Bearer a\x00b"],
        ["Bearer a\nb"],
        ["Bearer a\x7f"],
        ["Bearer töken"],
        ["Bearer " + "a" * 8193],
        ["Bearer one", "Bearer two"],
    ],
    ids=ascii,
)
def test_what_is_no_single_token_is_none(headers: list[str]) -> None:
    assert bearer_token(headers) is None


def test_a_token_may_have_8_kib() -> None:
    assert bearer_token(["Bearer " + "a" * 8192]) == "a" * 8192


# What a review says


def test_a_review_names_a_person_with_all_that_an_authorizer_looks_at() -> None:
    user = {
        "username": "vera",
        "uid": "u1",
        "groups": ["finance", "system:authenticated"],
        "extra": {"scopes": ["read"]},
    }
    vera = Person("vera", "u1", ("finance", "system:authenticated"), {"scopes": ["read"]})
    assert person_of({"authenticated": True, "user": user}) == vera
    assert subject(vera) == {
        "user": "vera",
        "uid": "u1",
        "groups": ["finance", "system:authenticated"],
        "extra": {"scopes": ["read"]},
    }


def test_what_a_review_leaves_out_is_left_out_of_the_next() -> None:
    assert subject(Person("vera", "", (), {})) == {"user": "vera"}


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"authenticated": False},
        {"error": "invalid bearer token"},
        {"authenticated": "true", "user": {"username": "vera"}},
        {"authenticated": True},
        {"authenticated": True, "user": {"username": ""}},
        {"authenticated": True, "user": None},
    ],
    ids=str,
)
def test_a_review_that_does_not_say_who_refuses(status: dict[str, Any]) -> None:
    assert person_of(status) is None


@pytest.mark.parametrize(
    ("confirmed", "taken"), [(["gpucost"], True), (["other", "gpucost"], True), (["other"], False), ([], False)]
)
def test_a_token_must_be_meant_for_an_audience_that_was_asked_for(confirmed: list[str], taken: bool) -> None:
    """A server that knows no audiences answers without any: then the token could be meant for somebody else."""
    status = {"authenticated": True, "user": {"username": "vera"}, "audiences": confirmed}
    assert (person_of(status, ["gpucost"]) is not None) is taken


# How long an answer is used


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Oracle:
    """Counts what it is asked, and waits until it may answer."""

    def __init__(self, answer: object = True) -> None:
        self.answer, self.asked = answer, 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self) -> object:
        self.asked += 1
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(("answer", "seconds"), [(True, 10.0), (False, 5.0), (None, 5.0)])
def test_a_yes_is_used_for_ten_seconds_and_a_no_for_five(answer: object, seconds: float) -> None:
    async def use() -> None:
        clock, oracle = Clock(), Oracle(answer)
        answers: Answers[str, object] = Answers(now=clock)
        for clock.seconds, asked in ((0.0, 1), (seconds - 0.001, 1), (seconds, 2), (2 * seconds, 3)):
            assert await answers.get("key", oracle) is answer
            assert oracle.asked == asked

    asyncio.run(use())


def test_the_seconds_count_from_the_question_not_from_a_late_answer() -> None:
    async def use() -> None:
        clock, oracle = Clock(), Oracle()
        answers: Answers[str, object] = Answers(now=clock)
        oracle.may_answer.clear()
        waiting = asyncio.create_task(answers.get("key", oracle))
        while not oracle.asked:
            await asyncio.sleep(0)
        clock.seconds = 4.0
        oracle.may_answer.set()
        await waiting
        clock.seconds = 10.0
        await answers.get("key", oracle)
        assert oracle.asked == 2

    asyncio.run(use())


def test_many_who_ask_the_same_at_once_ask_once() -> None:
    async def use() -> None:
        oracle = Oracle("vera")
        answers: Answers[str, object] = Answers()
        assert await asyncio.gather(*(answers.get("key", oracle) for _ in range(1000))) == ["vera"] * 1000
        assert oracle.asked == 1

    asyncio.run(use())


def test_one_who_gives_up_leaves_the_question_to_the_others() -> None:
    async def use() -> None:
        oracle = Oracle("vera")
        answers: Answers[str, object] = Answers()
        oracle.may_answer.clear()
        first, second = (asyncio.create_task(answers.get("key", oracle)) for _ in range(2))
        while not oracle.asked:
            await asyncio.sleep(0)
        first.cancel()
        oracle.may_answer.set()
        assert await second == "vera"
        assert (first.cancelled(), oracle.asked) == (True, 1)

    asyncio.run(use())


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    async def use() -> None:
        oracle = Oracle(OSError("no answer"))
        answers: Answers[str, object] = Answers()
        failed = await asyncio.gather(*(answers.get("key", oracle) for _ in range(3)), return_exceptions=True)
        assert [str(one) for one in failed] == ["no answer"] * 3
        oracle.answer = True
        assert await answers.get("key", oracle) is True
        assert oracle.asked == 2

    asyncio.run(use())


def test_answers_are_bounded_and_the_oldest_goes_first() -> None:
    async def use() -> None:
        oracle = Oracle()
        answers: Answers[int, object] = Answers(most=3)
        for key in range(5):
            await answers.get(key, oracle)
        assert len(answers) == 3
        await answers.get(4, oracle)
        assert oracle.asked == 5
        await answers.get(0, oracle)
        assert (oracle.asked, len(answers)) == (6, 3)

    asyncio.run(use())


def test_an_answer_that_is_renewed_is_not_the_oldest_any_more() -> None:
    async def use() -> None:
        clock, oracle = Clock(), Oracle()
        answers: Answers[str, object] = Answers(most=2, now=clock)
        await answers.get("a", oracle)
        await answers.get("b", oracle)
        clock.seconds = 10.0
        await answers.get("a", oracle)
        await answers.get("c", oracle)
        await answers.get("a", oracle)
        assert oracle.asked == 4

    asyncio.run(use())


# Names of hosts


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "LocalHost:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8080"]
)
def test_the_loopback_interface_has_these_names(host: str) -> None:
    assert is_called(LOOPBACK, [host])


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["evil.example"],
        ["evil.example:8080"],
        ["localhost.evil.example"],
        ["evil.example#localhost"],
        ["localhost:8080@evil.example"],
        ["localhost:"],
        ["localhost:80x"],
        ["127.0.0.1.evil.example"],
        ["127.0.0.2"],
        ["0.0.0.0"],
        ["::1"],
        ["[::1].evil.example"],
        ["localhost", "evil.example"],
        ["localhost."],
    ],
    ids=str,
)
def test_other_names_are_refused(hosts: list[str]) -> None:
    assert not is_called(LOOPBACK, hosts)


# Guards before a page


def test_on_one_s_own_machine_everybody_sees_all() -> None:
    async def use(ask: Ask) -> None:
        assert (await ask())[:2] == (200, "everybody all ['a', 'b']")
        assert (await ask("/reports/finops"))[0] == (await ask("/metrics"))[0] == 200
        assert (await ask(Host="localhost"))[0] == 200

    guarded(LocalGuard(), use, ["a", "b"])


def test_a_foreign_name_for_one_s_own_machine_is_misdirected() -> None:
    """As a web page asks that has its name resolved to 127.0.0.1 (DNS rebinding)."""

    async def use(ask: Ask) -> None:
        assert (await ask(Host="evil.example"))[:2] == (421, "ask for 127.0.0.1, [::1], localhost\n")

    guarded(LocalGuard(), use)


def test_a_server_may_have_a_name_of_its_own() -> None:
    async def use(ask: Ask) -> None:
        assert (await ask(Host="costs.example:8080"))[0] == 200
        assert (await ask(Host="evil.example"))[0] == 421

    guarded(LocalGuard(LOOPBACK | {"costs.example"}), use)


def test_before_the_api_server_can_be_asked_nobody_gets_in() -> None:
    async def use(ask: Ask) -> None:
        status, text, headers = await ask(Authorization="Bearer abc")
        assert (status, text) == (503, "the ledger is not open yet\n")
        assert headers["Retry-After"] == "5"

    guarded(ClosedGuard("the ledger is not open yet"), use)


@pytest.mark.parametrize(
    "rest", ["s3cret" * 2000, "s3cret\x00", "s3cret\x01", "s3cret\r\nX\x00: y"], ids=["long", "zero", "control", "name"]
)
def test_a_request_that_can_t_be_read_is_not_repeated_in_the_log(rest: str, caplog: pytest.LogCaptureFixture) -> None:
    async def use(ask: Ask) -> None:
        host = (await ask()).headers["X-Host"]
        raw = f"GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {rest}\r\n\r\n"
        assert (await sent(host, raw.encode())).startswith(b"HTTP/1.0 400 ")

    with caplog.at_level(logging.DEBUG):
        guarded(LocalGuard(), use)
    assert "Error handling request from 127.0.0.1: " in caplog.text
    assert "s3cret" not in caplog.text


async def sent(host: str, raw: bytes) -> bytes:
    """What a server answers to bytes, until it closes."""
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    try:
        writer.write(raw)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
