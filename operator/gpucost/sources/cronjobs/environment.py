"""A container's environment variables, as far as the input holds their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gpucost.sources.cronjobs.commandline import ELSEWHERE, expand_references
from gpucost.sources.cronjobs.configmaps import ConfigMaps, Key
from gpucost.sources.cronjobs.fields import Fields, read_map, read_maps


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Stands for a value from a Secret, the pod, or a ConfigMap that was not read."""

    config_map: Key | None = None


@dataclass(slots=True)
class Environment:
    """The variables of a container."""

    values: dict[str, object] = field(default_factory=dict)
    """The last of each name; an Elsewhere for a value that the input doesn't hold."""
    literals: dict[str, str] = field(default_factory=dict)
    """Those whose values are known texts."""
    is_whole: bool = True
    """Whether no others can come from a Secret, or a ConfigMap that was not read."""
    absent: dict[Key, None] = field(default_factory=dict)
    """ConfigMaps that were not read, and that variables come from."""

    def texts(self) -> dict[str, str]:
        """All variables as a command line sees them."""
        return {name: self.literals.get(name, ELSEWHERE) for name in self.values}

    def set(self, name: str, value: object) -> None:
        """A variable, in place of an earlier one of that name."""
        self.values[name] = value
        self.literals.pop(name, None)
        if isinstance(value, str):
            self.literals[name] = value
        if isinstance(value, Elsewhere) and value.config_map:
            self.absent[value.config_map] = None


def read_environment(container: Fields, namespace: str, config_maps: ConfigMaps) -> Environment:
    """The variables from ``envFrom``, then those of ``env``, which win. Raises Refused.

    https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/
    """
    found = Environment()
    for source in read_maps(container, "envFrom", "a container's envFrom"):
        _add_all(found, source, namespace, config_maps)
    for entry in read_maps(container, "env", "a container's env"):
        name = entry.get("name")
        if isinstance(name, str):  # the API refuses anything else, and it isn't what we look for
            found.set(name, _value(entry, found.literals, namespace, config_maps))
    return found


def _add_all(found: Environment, source: Fields, namespace: str, config_maps: ConfigMaps) -> None:
    """Every variable of an entry of ``envFrom`` whose ConfigMap was read."""
    name = read_map(source, "configMapRef", "a configMapRef").get("name")
    prefix = source.get("prefix") or ""
    if not isinstance(name, str) or not isinstance(prefix, str):
        found.is_whole = False
        return
    data = config_maps.get((namespace, name))
    if data is None:
        found.is_whole = False
        found.absent[namespace, name] = None
        return
    for key, text in data.items():
        found.set(prefix + key, text)


def _value(entry: Fields, earlier: Mapping[str, str], namespace: str, config_maps: ConfigMaps) -> object:
    if entry.get("valueFrom") is not None:
        return _referred(read_map(entry, "valueFrom", "a variable's valueFrom"), namespace, config_maps)
    value = entry.get("value")
    if value is None:
        return ""
    return expand_references(value, earlier) if isinstance(value, str) else value


def _referred(source: Fields, namespace: str, config_maps: ConfigMaps) -> str | Elsewhere:
    reference = read_map(source, "configMapKeyRef", "a variable's configMapKeyRef")
    name, key = reference.get("name"), reference.get("key")
    if not isinstance(name, str) or not isinstance(key, str):
        return Elsewhere()
    data = config_maps.get((namespace, name))
    if data is None:
        return Elsewhere((namespace, name))
    return data.get(key, Elsewhere())
