"""kubectl port-forward as a child: a script that says what kubectl says stands in for it, for here no pod runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gpucost.kube.access import AccessError
from gpucost.kube.forwarding import Forward, Service, forward_command

SAYS = 'echo "Forwarding from 127.0.0.1:$((20000 + $(wc -l < starts))) -> 8080"'


def forwarded(script: str, use: Callable[[Forward], Awaitable[None]]) -> None:
    """Run a script in the place of kubectl while ``use`` asks for the way; ``starts`` has its process ids."""

    async def run() -> None:
        forward = Forward(["/bin/sh", "-c", f"echo $$ >> starts; {script}"])
        try:
            await use(forward)
        finally:
            await forward.close()

    asyncio.run(run())


def starts(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "starts").read_text().splitlines()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_child_serves_all_and_ends_with_the_block(folder: Path) -> None:
    async def use(forward: Forward) -> None:
        assert set(await asyncio.gather(*(forward.url() for _ in range(10)))) == {"http://127.0.0.1:20001"}

    forwarded(f"{SAYS}; exec sleep 600", use)
    (child,) = starts(folder)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_child_that_has_ended_is_started_again_and_may_have_another_port(folder: Path) -> None:
    """As kubectl ends when the pod is replaced."""

    async def use(forward: Forward) -> None:
        assert await forward.url() == "http://127.0.0.1:20001"
        os.kill(starts(folder)[0], signal.SIGKILL)
        async with asyncio.timeout(10):
            while await forward.url() == "http://127.0.0.1:20001":
                await asyncio.sleep(0.01)
        assert await forward.url() == "http://127.0.0.1:20002"

    forwarded(f"{SAYS}; exec sleep 600", use)


def test_what_it_says_on_and_on_does_not_hold_it_up(folder: Path) -> None:
    """kubectl says a line for each connection; where nobody read them it would stop when the pipe is full."""

    async def use(forward: Forward) -> None:
        await forward.url()
        async with asyncio.timeout(30):
            while not (folder / "done").exists():
                await asyncio.sleep(0.01)

    forwarded(f"{SAYS}; yes 'Handling connection for 20001' | head -100000; touch done; exec sleep 600", use)


def test_why_it_ended_is_said_in_its_own_words(folder: Path) -> None:
    async def use(forward: Forward) -> None:
        with pytest.raises(AccessError, match=r"^kubectl port-forward ended: error: pods is forbidden$"):
            await forward.url()

    forwarded("echo 'error: pods is forbidden' >&2; exit 1", use)


def test_silence_is_said_too(folder: Path) -> None:
    async def use(forward: Forward) -> None:
        for _ in range(2):
            with pytest.raises(AccessError, match=r"^kubectl port-forward ended: it said nothing$"):
                await forward.url()

    forwarded("exit 0", use)
    assert len(starts(folder)) == 2


def test_kubectl_is_told_the_same_cluster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "kubectl"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    words = ["port-forward", "--namespace=a", "--address=127.0.0.1", "--pod-running-timeout=20s", "service/b", ":8080"]
    assert forward_command(Service("a", "b", 8080), None, None) == [str(program), *words]
    options = ["--kubeconfig=/k", "--context=c"]
    assert forward_command(Service("a", "b", 8080), "/k", "c") == [str(program), *options, *words]
