"""ConfigMaps: the scripts and variables that a CronJob's containers take from them.

They stand in the same input as the CronJobs, or an operator gets those that it may. Which one was not read is told, for
what a container does can't be known without it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gpucost.sources.cronjobs.fields import Fields, read_map, read_maps

DEFAULT_NAMESPACE: Final = "default"

Key = tuple[str, str]
"""Namespace and name."""
ConfigMaps = Mapping[Key, Mapping[str, str]]
"""What is in ConfigMaps, by their keys; those that were not read are left out."""


def collect_config_maps(documents: Iterable[object]) -> dict[Key, dict[str, str]]:
    """The texts of the ConfigMaps among parsed manifests; of two with one name the first stands. Never raises."""
    found: dict[Key, dict[str, str]] = {}
    for document in documents:
        if not isinstance(document, Mapping) or (document.get("apiVersion"), document.get("kind")) != (
            "v1",
            "ConfigMap",
        ):
            continue
        metadata, data = document.get("metadata"), document.get("data")
        fields = metadata if isinstance(metadata, Mapping) else {}
        name, namespace = fields.get("name"), fields.get("namespace") or DEFAULT_NAMESPACE
        if isinstance(name, str) and isinstance(namespace, str):
            found.setdefault((namespace, name), _texts(data))
    return found


def _texts(data: object) -> dict[str, str]:
    pairs = data.items() if isinstance(data, Mapping) else ()
    return {key: text for key, text in pairs if isinstance(key, str) and isinstance(text, str)}


@dataclass(frozen=True, slots=True)
class Mounts:
    """What a container finds in its file system from ConfigMaps."""

    files: Mapping[str, str]
    """Texts by their absolute path."""
    absent: tuple[tuple[str, Key], ...]
    """Paths at which ConfigMaps are mounted that were not read."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A ConfigMap in a volume: under which relative path each of its keys is, None: each under its own name."""

    key: Key
    items: Mapping[str, str] | None


def read_mounts(container: Fields, pod: Fields, namespace: str, config_maps: ConfigMaps) -> Mounts:
    """What is mounted into a container of a pod. Raises Refused.

    https://kubernetes.io/docs/concepts/storage/volumes/#configmap, and #projected
    """
    volumes = {volume.get("name"): list(_sources(volume, namespace)) for volume in read_maps(pod, "volumes", "volumes")}
    files: dict[str, str] = {}
    absent: list[tuple[str, Key]] = []
    for mount in read_maps(container, "volumeMounts", "a container's volumeMounts"):
        path, inner = mount.get("mountPath"), mount.get("subPath") or ""
        name = mount.get("name")
        if not isinstance(path, str) or not isinstance(inner, str) or not isinstance(name, str):
            continue  # the API refuses it
        for source in volumes.get(name, ()):
            if source.key in config_maps:
                files |= _mounted(source, config_maps[source.key], path, inner)
            else:
                absent.append((posixpath.normpath(path), source.key))
    return Mounts(files, tuple(absent))


def _sources(volume: Fields, namespace: str) -> Iterator[_Source]:
    """The ConfigMaps of a volume, by itself or among projected ones."""
    stated = [read_map(volume, "configMap", "a volume's configMap")]
    projected = read_map(volume, "projected", "a volume's projected")
    for source in read_maps(projected, "sources", "a projected volume's sources"):
        stated.append(read_map(source, "configMap", "a projected volume's configMap"))
    for config_map in stated:
        name = config_map.get("name")
        if isinstance(name, str):
            yield _Source((namespace, name), _items(config_map))


def _items(config_map: Fields) -> dict[str, str] | None:
    if config_map.get("items") is None:
        return None
    pairs = ((item.get("key"), item.get("path")) for item in read_maps(config_map, "items", "a volume's items"))
    return {key: path for key, path in pairs if isinstance(key, str) and isinstance(path, str)}


def _mounted(source: _Source, data: Mapping[str, str], path: str, inner: str) -> dict[str, str]:
    """The files of a source, by absolute path; ``inner`` is the part of the volume that is mounted, a file or a folder."""
    items = {key: key for key in data} if source.items is None else source.items
    files = {posixpath.normpath(relative): data[key] for key, relative in items.items() if key in data}
    part = posixpath.normpath(inner) if inner else ""
    found = {}
    for relative, text in files.items():
        if not part or relative == part or relative.startswith(f"{part}/"):
            rest = relative[len(part) :].lstrip("/")
            found[posixpath.normpath(f"{path}/{rest}")] = text
    return found
