"""What a report says of attempts whose node, or its type, is in doubt (section 3): how many, which, and what to write."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Final

from gpucost.api.costreport import CostReportSpec
from gpucost.core import issues as why
from gpucost.core.issues import Issue, counted, show
from gpucost.engine.nodes import Doubt
from gpucost.engine.reduction import Doubted, Rollup, TwoNodes

_HOST_NAME: Final = re.compile(r"ip-\d+-\d+-\d+-\d+(\.|$)")
"""Names that EC2 gives its instances, and EKS its nodes."""
_NODE_TYPE: Final = "state the type in a column node_type of spec.tasks.query"


def doubts_of(rollup: Rollup, spec: CostReportSpec) -> Iterator[Issue]:
    """An issue for each kind of doubt, with counts of charged attempts that touch the period, and of tasks on two nodes."""
    listed = [rule.name for rule in spec.node_pools.types]
    for doubt, found in sorted(rollup.doubted.items()):
        reason = why.UNREADABLE_METAINFO if doubt is Doubt.UNREADABLE else why.UNKNOWN_NODE_TYPE
        yield Issue(reason, _sentence(doubt, found, listed), found.attempts)
    if rollup.two_nodes:
        yield Issue(why.TWO_NODES_AT_ONCE, _two_nodes(rollup.two_nodes), rollup.two_nodes.tasks)


def _sentence(doubt: Doubt, found: Doubted, listed: Sequence[str]) -> str:
    attempts, one = counted(found.attempts, "attempt"), found.attempts == 1
    match doubt:
        case Doubt.UNREADABLE:
            return (
                f"{attempts} {'has' if one else 'have'} metainfo that is no JSON object, such as {show(found.examples[0])}, "
                f'and so no node name; write it as JSON such as {{"node_name": "gpu-1"}}, or {_NODE_TYPE}'
            )
        case Doubt.NOT_LISTED:
            types = " and ".join(_unlisted(name, listed) for name in found.examples[:2])
            return (
                f"{attempts} {'states' if one else 'state'} a node_type that spec.nodePools.types does not list: {types}. "
                "Types are compared exactly, case included; list it there, or write it as there in spec.tasks.query"
            )
        case Doubt.NO_NODE:
            return (
                f"{attempts} {'names' if one else 'name'} no node: metainfo has no node_name, and node_id is empty; name it in "
                f"metainfo, or {_NODE_TYPE}"
            )
        case _:
            return f"{attempts} ran on {_unruled(found)}"


def _unruled(found: Doubted) -> str:
    """Nodes that no rule fits, and the rule to write. Where only an id is known there is nothing that a rule could fit."""
    names = [name for name in found.examples if not name.startswith("id ")]
    shown = " and ".join(show(name) for name in names[:2]) or " and ".join(found.examples[:2])
    told = f"{counted(found.nodes, 'node')} that no rule of spec.nodePools.types fits, such as {shown}"
    if not names:
        return f"{told}; an id tells no type: write node_name in metainfo, or {_NODE_TYPE}"
    told += f"; add a glob that matches such names to spec.nodePools.types[].match, or {_NODE_TYPE}"
    if any(_HOST_NAME.match(name) for name in names):
        told += "; a host name of EKS holds no pool, so list the hosts, or wait for observed nodes, which will tell their types"
    return told


def _unlisted(name: str, listed: Sequence[str]) -> str:
    """A stated type, with the listed one that may be meant: the same but for case, else one that is written nearly so."""
    lowered = {kind.lower(): kind for kind in listed}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.75)
    return f"{show(name)} (did you mean {lowered[close[0]]}?)" if close else show(name)


def _two_nodes(found: TwoNodes) -> str:
    tasks = "1 task reports" if found.tasks == 1 else f"{found.tasks:,} tasks report"
    return (
        f"{tasks} running on a second node while an attempt still runs, such as task {show(found.task_id)} on "
        f"{show(found.node)} and {show(found.other)}; an attempt is charged for the node that it started on. Where a task "
        "moved, an event of another status is missing between"
    )
