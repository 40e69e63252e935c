"""Chains, pipelines, conditions and loops: which of their parts run, and how certainly."""

from __future__ import annotations

import re
from typing import Protocol

from gpucost.sources.cronjobs.options import UNKNOWN
from gpucost.sources.cronjobs.shell.conditions import match_pattern
from gpucost.sources.cronjobs.shell.flow import Flow, Status
from gpucost.sources.cronjobs.shell.scope import Scope
from gpucost.sources.cronjobs.shell.syntax import Case, Chain, Command, For, If, Node, Pipeline, While
from gpucost.sources.cronjobs.shell.work import MAX_ITERATIONS, TooMuchWork


class Runner(Protocol):
    """A shell process, as far as compound statements need it."""

    flow: Flow
    scope: Scope

    def run(self, node: Node) -> Status:
        """Run a statement."""

    def run_part(self, part: Node, given: str | None) -> Status:
        """Run a part of a pipeline, with the text that it reads, if that is known."""

    def find_output(self, part: Node, given: str | None) -> str | None:
        """What a part of a pipeline writes; None if it isn't known."""

    def fork(self) -> Runner:
        """A process of its own with what this one knows."""

    def run_exit_scripts(self) -> None:
        """Run what ``trap ... EXIT`` left to the end."""

    def expand(self, word: str) -> tuple[str, ...]:
        """A word's fields."""

    def expand_whole(self, text: str) -> str:
        """A word that is not split."""


def run_chain(shell: Runner, chain: Chain) -> Status:
    """Pipelines joined by ``&&`` and ``||``, and what runs in the background."""
    if chain.in_background:
        child = shell.fork()
        child.run(Chain(chain.first, chain.rest, in_background=False))
        child.run_exit_scripts()
        return Status.SUCCESS
    status = shell.run(chain.first)
    for joiner, node in chain.rest:
        status = _run_second(shell, status, joiner, node)
    return status


def _run_second(shell: Runner, first: Status, joiner: str, node: Node) -> Status:
    """The right side of ``&&`` or ``||``."""
    if first == (Status.FAILURE if joiner == "&&" else Status.SUCCESS):
        return first
    is_certain = first == Status.FAILURE if joiner == "||" else first in (Status.SUCCESS, Status.HOPED)
    before = shell.flow.is_after_failure
    shell.flow.is_after_failure = joiner == "||" and isinstance(node, Command)
    with shell.flow.doubt(not is_certain):
        second = shell.run(node)
    shell.flow.is_after_failure = before
    return second if is_certain else Status.OPEN if first == Status.OPEN else Status.HOPED


def run_pipeline(shell: Runner, pipeline: Pipeline) -> Status:
    """Each part in a process of its own, with what the one before it writes, if that is known."""
    status = Status.HOPED
    if len(pipeline.parts) == 1:
        status = shell.run(pipeline.parts[0])
    else:
        given: str | None = None
        for part in pipeline.parts:
            child = shell.fork()
            output = child.find_output(part, given)
            if output is None or UNKNOWN in output or part is pipeline.parts[-1]:
                status = child.run_part(part, given)
            child.run_exit_scripts()
            given = output
    if not pipeline.is_negated:
        return status
    return {Status.SUCCESS: Status.FAILURE, Status.FAILURE: Status.SUCCESS}.get(status, Status.OPEN)


def run_if(shell: Runner, node: If) -> Status:
    """The first branch whose condition is known to hold; all of them in doubt where it isn't known."""
    is_open = False
    status = Status.SUCCESS
    for condition, body in node.branches:
        with shell.flow.doubt(is_open):
            decided = shell.run(condition)
        if decided == Status.FAILURE:
            continue
        is_open |= decided != Status.SUCCESS
        with shell.flow.doubt(is_open):
            status = shell.run(body)
        if decided == Status.SUCCESS:
            return Status.HOPED if is_open else status
    if node.otherwise:
        with shell.flow.doubt(is_open):
            status = shell.run(node.otherwise)
    return Status.HOPED if is_open else status


def run_while(shell: Runner, node: While) -> Status:
    """A loop's condition runs; its body if it is known to. A second turn shows what a first may change."""
    status = shell.run(node.condition)
    if status == (Status.SUCCESS if node.is_until else Status.FAILURE):
        return Status.SUCCESS
    is_certain = status == (Status.FAILURE if node.is_until else Status.SUCCESS)
    with shell.flow.doubt(not is_certain):
        shell.run(node.body)
    shell.flow.end_turn()
    with shell.flow.doubt():
        shell.run(node.condition)
        shell.run(node.body)
    shell.flow.end_loop()
    return Status.SUCCESS


def run_for(shell: Runner, node: For) -> Status:
    """A turn for each word; where the words aren't known, two turns show what a first may change."""
    words = _list_words(shell, node)
    if words is None:
        is_certain = _has_turns(node)
        shell.scope.forget(node.name)
        with shell.flow.doubt(not is_certain):
            shell.run(node.body)
        with shell.flow.doubt():
            shell.run(node.body)
    elif len(words) > MAX_ITERATIONS:
        raise TooMuchWork
    else:
        for word in words:
            shell.scope.assign(node.name, word)
            shell.run(node.body)
            shell.flow.end_turn()
            if shell.flow.is_loop_over:
                break
    shell.flow.end_loop()
    return Status.SUCCESS


def _list_words(shell: Runner, node: For) -> list[str] | None:
    """A for loop's words; None where one isn't known."""
    if node.counter is not None:
        return None
    if node.words is None:
        return None if shell.scope.arguments is None else list(shell.scope.arguments)
    words = [text for word in node.words for text in shell.expand(word)]
    return None if any(UNKNOWN in word or re.search(r"[*?\[]", word) for word in words) else words


def run_case(shell: Runner, node: Case) -> Status:
    """The first branch whose pattern fits; in doubt where it isn't known."""
    subject = " ".join(shell.expand(node.subject))
    is_open = False
    for patterns, body in node.branches:
        fits = [match_pattern(subject, shell.expand_whole(pattern)) for pattern in patterns]
        if not any(fit is not False for fit in fits):
            continue
        is_sure = True in fits
        is_open |= not is_sure
        with shell.flow.doubt(is_open or UNKNOWN in subject):
            shell.run(body)
        if is_sure:
            break
    return Status.HOPED


def _has_turns(node: For) -> bool:
    """Whether a loop whose words aren't known runs at least once."""
    if node.counter is not None:
        bounds = re.search(r"=\s*([0-9]{1,9})\s*;\s*\w+\s*<=?\s*([0-9]{1,9})\s*;", node.counter)
        return bounds is not None and int(bounds[1]) < int(bounds[2])
    return any(
        re.match(r"\$\(seq |\{[0-9]+\.\.[0-9]+\}|`seq ", word) or re.fullmatch(r"[\w./-]+", word)
        for word in node.words or ()
    )
