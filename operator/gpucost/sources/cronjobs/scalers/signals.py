"""Signs of node scaling where no command line is: programs' texts, requests to cloud APIs, names of images and scripts.

None of these is ever read: a sign makes an UnreadCommand (ScalerNotRead) with what was recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from gpucost.core.issues import shorten, show
from gpucost.sources.cronjobs.options import UNKNOWN

_CALLS: Final = re.compile(
    r"""(?<![A-Za-z])(?P<call>
      update_?nodegroup_?config | create_?nodegroup | delete_?nodegroup | set_?desired_?capacity
    | update_?auto_?scaling_?group | put_?scheduled_?update_?group_?action | terminate_?instance_?in_?auto_?scaling_?group
    | set_?node_?pool_?size | set_?node_?pool_?autoscaling | (?:update|create|delete|resize|scale)_?node_?pool
    | (?:update|create|delete|resize|scale)_?node_?group | (?:scale|resize|set)_?(?:asg|vmss|nodes|nodepools?|nodegroups?)
    | (?:start|stop|terminate|run)_instances | (?:start|stop|terminate|run)instances(?:command)?(?=\s*\()
    | agent_?pools\s*\.\s*(?:begin_?)?(?:create_?or_?update|delete)\w*
    | virtual_?machine_?scale_?sets?\w*\s*\.\s*(?:begin_?)?(?:update|create|start|deallocate|delete)\w*
    | instance_?group_?managers?\w*(?:\(\))?\s*\.\s*(?:resize|set_?size)
    | (?:update|set)-az(?:aks|vmss)\w* | (?:update|set)-as\w*(?:group|capacity)
    | worker_?pools?_?(?:resize|patch)
    )(?:_?(?:command|request|async|input|with_\w+))?(?![A-Za-z])""",
    re.IGNORECASE | re.VERBOSE,
)
"""Calls of clouds' libraries that change node counts: boto3's, Google's, Azure's, PowerShell's, in any spelling."""
_CUSTOM_OBJECT_CALL: Final = re.compile(
    r"(?:patch|replace|create|delete)_?(?:namespaced|cluster)_?custom_?object\w*", re.IGNORECASE
)
_NODE_OBJECTS: Final = re.compile(
    r"machine-?deployments?|machine-?sets?|machine-?pools?|node-?pools?|node-?groups?|node-?claims?|provisioners?",
    re.IGNORECASE,
)
_NODE_CALL: Final = re.compile(r"(?<![a-z_])(?:patch|delete|create)_?(?:core_v1_)?node(?![a-z_])", re.IGNORECASE)
_SET_SIZE: Final = re.compile(r"\bsetSize\b")
_MANIFEST: Final = re.compile(
    r"""["']?kind["']?:\s*["']?(?P<kind>NodePool|NodeClaim|NodeGroup|Provisioner|MachineDeployment|MachineSet
    |\w*MachinePool|MachineAutoscaler|ClusterAutoscaler|\w*NodeGroupClass)\b""",
    re.VERBOSE,
)
_AUTOSCALER_SETTING: Final = re.compile(
    r"cluster-api-autoscaler-node-group-m(?:in|ax)-size|workerPoolsConfig|k8s\.io/cluster-autoscaler/"
)


def find_node_call(text: str) -> str | None:
    """What in a program's text scales nodes: ``"calls 'set_desired_capacity'"``. Reading alone is no sign."""
    call = _CALLS.search(text)
    if call:
        return f"calls {show(''.join(call['call'].split()))}, which changes nodes"
    custom = _CUSTOM_OBJECT_CALL.search(text)
    objects = _NODE_OBJECTS.search(text)
    if custom and objects:
        return f"calls {show(custom[0])} on {show(objects[0])}"
    node = _NODE_CALL.search(text)
    if node:
        return f"calls {show(node[0])}"
    if _SET_SIZE.search(text):
        return "calls 'setSize'"
    return None


def find_manifest(text: str) -> str | None:
    """What a manifest in a script, for ``kubectl apply``, says about nodes."""
    kind = _MANIFEST.search(text)
    if kind:
        return f"applies a manifest of kind {kind['kind']}"
    setting = _AUTOSCALER_SETTING.search(text)
    return f"sets {show(setting[0])} of an autoscaler" if setting else None


# Requests to a cloud's API

REQUESTERS: Final = frozenset({"curl", "wget", "http", "https", "xh"})
_WRITES: Final = re.compile(
    r"(?i:(?:^|\s)(?:-X\s*|--request[ =]|--method[ =]|-m )?(?:POST|PUT|PATCH|DELETE)(?:\s|$))"
    r"|(?:^|\s)(?:-d\S*|--data\S*|--json|-F|--form|-T|--upload-file|--post-data|--post-file|--body-data)(?:[ =]|$)"
)
_NODE_ADDRESS: Final = re.compile(
    r"setSize|agent-?pools|node-?_?pools|node-?_?groups|machine-?_?(?:deployments|sets|pools)|worker-?pools"
    r"|virtualMachineScaleSets|virtualMachines/|instanceGroupManagers|autoscaling\.|/nodes\b|/machines\b"
    r"|container\.googleapis\.com|managedClusters|//eks\.|/kubernetes/clusters|lke/clusters|/nodeclaims"
    r"|SetDesiredCapacity|/instances/[^ ]*/(?:start|stop)",
    re.IGNORECASE,
)


def find_request(words: Sequence[str]) -> str | None:
    """A request of ``curl``, ``wget`` or the like that changes nodes; one that only reads is none."""
    text = " ".join(words[1:])
    found = _NODE_ADDRESS.search(text) if _WRITES.search(text) else None
    if found:
        return f"sends a request to an API of nodes ({shorten(found[0])})"
    is_write = _WRITES.search(text) is not None
    address = next((word for word in words[1:] if _is_scaling_address(word, is_write=is_write)), None)
    return f"sends a request to {show(address)}, which looks like node scaling" if address else None


_POD_SCALE: Final = re.compile(r"/((?:deployments|statefulsets|replicasets|replicationcontrollers)/[^/\s?]+)/scale\b")


def find_pod_request(words: Sequence[str]) -> str | None:
    """What scales pods through the Kubernetes API: ``deployments/web``, whose replicas are no nodes."""
    text = " ".join(words[1:])
    found = _POD_SCALE.search(text) if _WRITES.search(text) and not _NODE_ADDRESS.search(text) else None
    return shorten(found[1].replace(UNKNOWN, "")) if found else None


def _is_scaling_address(word: str, *, is_write: bool) -> bool:
    """Whether a service, or what it is asked for, is called after node scaling; a file that is fetched is no sign.

    What a request starts may stand inside of its path: ``/job/scale-gpu-nodes/build``.
    """
    found = re.match(r"(?:https?://)?([\w-]+)[\w.:-]*((?:/[^?#]*)?)", word)
    if not found or "/" not in word or word.startswith("-"):
        return False
    *folders, last = found[2].rstrip("/").split("/")
    if is_write and any(looks_like_scaler(folder, is_program=False) for folder in folders):
        return True
    return looks_like_scaler(found[1]) or ("." not in last and looks_like_scaler(last))


# Names

_SCALE_WORD: Final = r"(?:auto)?scal(?:er?s?|ing)|rescale|scale(?:up|down)|resiz(?:er?|ing)"
_NODE_WORD: Final = (
    r"nodes?|node-?pools?|node-?groups?|machines?|machine-?(?:sets?|pools?|deployments?)|asgs?|vmss|migs?|gke|eks|aks"
    r"|oke|lke|gpus?|workers?|clusters?|pools?|kube|k8s|instances?|vms?|capacity|ec2|nodepool|nodegroup"
)
_SWITCH_WORD: Final = r"start(?:up|er)?|stop(?:per)?|shutdown|wake(?:up)?|sleep|hibernat\w+|up|down"
_MANY_NODES_WORD: Final = (
    r"nodes|node-?(?:pools?|groups?)|machine-?(?:sets?|pools?)|asgs?|vmss|instances?|vms?|ec|gpus?"
)
"""Not ``node`` alone, which most often is a JavaScript runtime."""
_POOL_MANAGER: Final = re.compile(
    r"\b(?:node ?(?:pool|group)s?|machine ?(?:set|pool)s?|asgs?|vmss|gpu pools?) (?:\w+ )?(?:schedul|manag|hibernat|toggle)"
    r"|\b(?:schedul\w+|manag\w+|toggle) (?:\w+ )?(?:node ?(?:pool|group)s?|machine ?(?:set|pool)s?|asgs?|vmss)\b"
    r"|\b(?:nodes?|clusters?) (?:hibernat\w+|sleep|sleeper)\b"
)
"""``nodepool-scheduler``, ``asg-manager``, ``node-hibernate``: programs and images that look after pools by the clock."""
_DRAIN_WORD: Final = r"drain(?:er)?|cordon|terminat\w+"
_ELSEWHERE_WORDS: Final = re.compile(
    r"images?|img|videos?|photos?|thumb(?:nail)?s?|pods?|hpa|vpa|keda|deployments?|replicas?|proportional|volumes?|pvcs?"
    r"|disks?|storage|db|databases?|tables?|redis|postgres"
)
"""Words of names that scale something else."""
_WHOLE_NAMES: Final = frozenset(
    {
        "scaler",
        "autoscaler",
        "scale",
        "resize",
        "scaling",
        "up",
        "down",
        "in",
        "out",
        "to",
        "zero",
        "sh",
        "bash",
        "py",
        "js",
        "ts",
        "rb",
        "jar",
    }
)


def looks_like_scaler(name: str, *, is_program: bool = True) -> bool:
    """Whether a name, such as ``gke-resize`` or ``/scripts/scale_nodes.sh``, is that of something that scales nodes.

    Of a program's mere argument more is asked: ``scale`` alone may mean anything.
    """
    words = list(_split_name(name))
    if any(_ELSEWHERE_WORDS.fullmatch(word) for word in words):
        return False
    if "karpenter" in words or "autospotting" in words or {"cluster", "turndown"} <= set(words):
        return True
    scales = any(re.fullmatch(_SCALE_WORD, word) for word in words)
    nodes = any(re.fullmatch(_NODE_WORD, word) for word in words)
    if scales and (nodes or (is_program and _WHOLE_NAMES.issuperset(words))):
        return True
    switches = any(re.fullmatch(_SWITCH_WORD, word) for word in words)
    if is_program and _POOL_MANAGER.search(" ".join(words)):
        return True
    drains = any(re.fullmatch(_DRAIN_WORD, word) for word in words)
    many = any(re.fullmatch(_MANY_NODES_WORD, word) for word in words)
    return (switches and many) or (drains and (many or "node" in words))


def _split_name(name: str) -> Iterator[str]:
    """The words of a name: of its last part, split at punctuation, digits and capitals."""
    last = re.sub(r"[?#].*", "", name.replace(UNKNOWN, "")).rstrip("/").rpartition("/")[2][-200:]
    for part in re.split(r"[^A-Za-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "-", re.sub(r"k8s", "kube", last))):
        word = part.lower()
        joined = re.fullmatch(rf"({_NODE_WORD})({_SCALE_WORD})", word)
        yield from joined.groups() if joined else (word,) if word else ()


def find_scaler_image(image: str) -> str | None:
    """What a container's image is, if it is named after a tool that scales nodes."""
    name = re.sub(r"@.*|:[^/]*$", "", image)
    is_scaler = looks_like_scaler(name) or "karpenter" in name.split("/")
    return f"runs the image {show(name)}, which is named after a scaler of nodes" if is_scaler else None
