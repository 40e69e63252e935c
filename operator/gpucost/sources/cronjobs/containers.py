"""What the containers of a CronJob's pod set, each by its variables or else by its command line."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gpucost.core.issues import CONTRADICTORY_CRON_JOB, SCALER_NOT_READ, shorten, show
from gpucost.core.scaling import PoolCount
from gpucost.sources.cronjobs.commandline import Reading, ScalingCommand, combine, read_scaling_commands
from gpucost.sources.cronjobs.configmaps import ConfigMaps, Key, Mounts, read_mounts
from gpucost.sources.cronjobs.environment import Environment, read_environment
from gpucost.sources.cronjobs.fields import Fields, Refused, read_map, read_maps, read_words
from gpucost.sources.cronjobs.statements import (
    NODES_VARIABLE,
    POOL_VARIABLE,
    REMEDY,
    REMEDY_OF_SCALER,
    TO_READ_IT,
    Half,
    check_half,
    read_pair,
)

_DATA_FILES: Final = (".yaml", ".yml", ".json", ".toml", ".ini", ".conf", ".cfg", ".properties", ".xml", ".pem", ".crt")
"""Ends of files that a container reads but does not run."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A ConfigMap that was not read, and what a container takes from it."""

    config_map: Key
    what: str
    """``uses /scripts/up.sh``, or ``takes variables``."""

    def __str__(self) -> str:
        return f"it {self.what} from ConfigMap {'/'.join(map(shorten, self.config_map))}, which was not read"


@dataclass(frozen=True, slots=True)
class Said:
    """What one container says."""

    half: Half | None
    """Its variables, where they state only a pool or only a count."""
    counts: tuple[PoolCount, ...]
    """What its variables state, where they state both."""
    reading: Reading
    """What its command line sets; not looked at where its variables state both."""
    absences: tuple[Absence, ...]
    suspicious: bool
    """Whether a name says that it may scale nodes."""


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod of a CronJob, and the ConfigMaps that were read."""

    namespace: str
    name: str
    """Of the CronJob."""
    fields: Fields
    containers: Sequence[Fields]
    """The ordinary ones first; none where a manifest leaves the template out."""
    config_maps: ConfigMaps


def find_pod(manifest: Fields, namespace: str, name: str, config_maps: ConfigMaps) -> Pod:
    """The pod that a CronJob's manifest describes. Raises Refused."""
    fields, path = manifest, ""
    for key in ("spec", "jobTemplate", "spec", "template", "spec"):
        path = f"{path}.{key}".removeprefix(".")
        fields = read_map(fields, key, path)
    listed = [read_maps(fields, key, f"{path}.{key}") for key in ("containers", "initContainers")]
    return Pod(namespace, name, fields, [container for some in listed for container in some], config_maps)


def find_absences(pod: Pod) -> list[Absence]:
    """ConfigMaps that were not read, and that containers take scripts or variables from. Raises Refused."""
    found: list[Absence] = []
    for container in pod.containers:
        found += _absences(_words(container), _mounts(pod, container), _environment(pod, container))
    return found


def _absences(words: Sequence[str], mounts: Mounts, environment: Environment) -> Iterator[Absence]:
    yield from _used_files(words, mounts.absent)
    for config_map in environment.absent:
        yield Absence(config_map, "takes variables")


def _environment(pod: Pod, container: Fields) -> Environment:
    return read_environment(container, pod.namespace, pod.config_maps)


def _mounts(pod: Pod, container: Fields) -> Mounts:
    return read_mounts(container, pod.fields, pod.namespace, pod.config_maps)


def _words(container: Fields) -> list[str]:
    return [*read_words(container, "command"), *read_words(container, "args")]


def _placed(words: Sequence[str], folder: object, files: Mapping[str, str]) -> list[str]:
    """The words, with paths of mounted files that are relative to the container's working folder made absolute."""
    if not isinstance(folder, str):
        return list(words)
    paths = [posixpath.normpath(posixpath.join(folder, word)) for word in words]
    return [path if path in files else word for word, path in zip(words, paths, strict=True)]


def read_containers(pod: Pod) -> list[Said]:
    """What each container says. Raises Refused."""
    return [_read_container(pod, container) for container in pod.containers]


def _read_container(pod: Pod, container: Fields) -> Said:
    environment = _environment(pod, container)
    pair = read_pair(environment.values, POOL_VARIABLE, NODES_VARIABLE, "environment variable")
    if isinstance(pair, PoolCount):
        return Said(None, (pair,), Reading(), (), suspicious=False)
    words, mounts = _words(container), _mounts(pod, container)
    stated = container.get("image")
    image = stated if isinstance(stated, str) else ""
    absences = tuple(_absences(words, mounts, environment))
    placed = _placed(words, container.get("workingDir"), mounts.files)
    return Said(
        half=pair,
        counts=(),
        reading=read_scaling_commands(
            placed, environment.texts(), mounts.files, image, is_env_whole=environment.is_whole
        ),
        absences=absences,
        suspicious=bool(absences) and _is_suspicious([pod.name, *_names_of(absences)], image, environment),
    )


def settle(said: Sequence[Said], noted: Half | None) -> Reading:
    """What all containers set together, and what of them was passed over. Raises Refused where that is not certain.

    ``noted``: half a statement by annotations. Whoever began to state the count is told what is missing of it, rather than
    that the tool isn't read.
    """
    stated: dict[str, int] = {}
    for count in (count for one in said for count in one.counts):
        if stated.setdefault(count.pool, count.nodes) != count.nodes:
            what = f"its containers set pool {show(count.pool)} to {stated[count.pool]} and to {count.nodes}"
            raise Refused(CONTRADICTORY_CRON_JOB, f"{what}; {REMEDY}")
    commands = tuple(ScalingCommand(pool, nodes) for pool, nodes in stated.items())
    whole = combine((Reading(commands), *(one.reading for one in said)))
    if whole.unread and whole.unread.kind != SCALER_NOT_READ:
        raise Refused(whole.unread.kind, f"{whole.unread.reason}; {REMEDY}")
    absent = next((one.absences[0] for one in said if _may_hide_scaling(one)), None)
    begun = noted or (None if absent else next((one.half for one in said if one.half), None))
    if begun and (absent or whole.unread):
        check_half(begun, ())
    if absent:
        raise Refused(SCALER_NOT_READ, f"{absent}: {TO_READ_IT}, or {REMEDY_OF_SCALER}")
    if whole.unread:
        raise Refused(SCALER_NOT_READ, f"{whole.unread.reason}; {REMEDY_OF_SCALER}")
    left = (f"{absence}, and nothing tells that it scales nodes" for one in said for absence in one.absences)
    pods = (f"{what}: pods, no nodes" for what in whole.passed_over)
    return Reading(whole.commands, None, (*pods, *left))


def _may_hide_scaling(one: Said) -> bool:
    """Whether a ConfigMap that was not read may be what scales nodes."""
    return bool(one.absences) and not one.reading.commands and (one.suspicious or one.half is not None)


def _used_files(words: Sequence[str], absent: Iterable[tuple[str, Key]]) -> Iterator[Absence]:
    """Files of ConfigMaps that were not read, and that a command line names."""
    text = "\n".join(words)
    for mount, config_map in absent:
        # The path as a word of its own, with what follows in the folder.
        found = re.search(
            rf"(?:^|(?<=[\s;&|(\"'`])){re.escape(mount.rstrip('/'))}(?:/[\w./-]*)?(?=$|[\s;&|)\"'`])", text
        )
        if found and not found[0].endswith(_DATA_FILES):
            yield Absence(config_map, f"uses {shorten(found[0])}")


# Whether names look like scaling


_OF_NAMES: Final = re.compile(r"(?:auto)?scal|resiz|node|pool|gpu|machine(?:set|deployment|pool)|(?:up|down)$")
"""Words that make one look twice at a name of a CronJob, a script or a ConfigMap."""
_OF_OTHERS: Final = re.compile(
    r"(?:auto)?scal|resiz|gpu|nodes$|node_?-?(?:pool|group|count)|machine(?:set|deployment|pool)"
)
"""The same for images and variables, where node is most often a JavaScript runtime, and a pool one of connections."""


def _names_of(absences: Iterable[Absence]) -> Iterator[str]:
    for absence in absences:
        yield absence.config_map[1]
        yield posixpath.basename(absence.what)


def _is_suspicious(names: Iterable[object], image: str, environment: Environment) -> bool:
    words = [word for name in names if isinstance(name, str) for word in _words_in(name)]
    others = [*image.rpartition("/")[2:], *environment.values, *environment.literals.values()]
    return any(map(_OF_NAMES.match, words)) or any(_OF_OTHERS.search(other.lower()) for other in others)


def _words_in(name: str) -> list[str]:
    """``scaleUp-gpu2`` as scale, up, gpu."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
