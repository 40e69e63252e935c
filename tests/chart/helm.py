"""The real helm on charts/gpucost: what it renders, refuses, installs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from processes import CommandFailed, Missing

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "charts" / "gpucost"
BUILD: Final = ROOT / "tests" / "cluster" / "binaries" / "build.sh"
BUILD_SECONDS: Final = 1800.0
IMAGE: Final = {"image": {"repository": "registry.invalid/gpucost"}}
"""The one value that is required."""

Manifest = dict[str, Any]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Helm:
    """A program and, where a cluster is needed, its kubeconfig."""

    program: Path
    kubeconfig: Path | None = None
    home: Path = Path(tempfile.gettempdir())
    """Folder of its caches."""

    def run(self, *words: str | Path, values: Values | None = None, timeout: float = 60) -> str:
        """What a command prints, with values besides the required one. Raises CommandFailed with what it said."""
        stated = [] if values is None else ["--values=-"]
        cluster = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        done = subprocess.run(
            [self.program, *words, *stated, *cluster],
            input=None if values is None else json.dumps({**IMAGE, **values}),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig or os.devnull)},
        )
        if done.returncode:
            raise CommandFailed(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def render(self, *flags: str, **values: Any) -> list[Manifest]:
        """The objects of a release named gpucost in the namespace gpucost-system."""
        text = self.run("template", "gpucost", CHART, "--namespace=gpucost-system", *flags, values=values)
        return [found for found in yaml.load_all(text, Loader=yaml.CSafeLoader) if found]


@cache
def helm_program() -> Path:
    """helm 3, built first where it is not there. Raises Missing."""
    built = subprocess.run(
        ["/bin/sh", BUILD, "helm"], capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    if built.returncode:
        raise Missing(built.stderr.strip()[-1000:] or f"{BUILD.name} ended with {built.returncode}")
    return Path(built.stdout.strip()) / "helm"


@contextmanager
def changed_chart(changes: Mapping[str, tuple[str, str]]) -> Iterator[Path]:
    """A copy of the chart in which files have one text in place of another."""
    with tempfile.TemporaryDirectory(prefix="gpucost-chart-") as folder:
        for source in CHART.rglob("*"):
            if source.is_file():
                path = str(source.relative_to(CHART))
                text = source.read_text(encoding="utf-8")
                if path in changes:
                    old, new = changes[path]
                    assert text.count(old) == 1, (path, old)
                    text = text.replace(old, new)
                target = Path(folder, CHART.name, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
        yield Path(folder, CHART.name)


def named(manifests: Sequence[Manifest], kind: str, ends: str = "") -> Manifest:
    """The only object of a kind, or the only one whose name ends so."""
    (found,) = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"].endswith(ends)]
    return found


def container(manifests: Sequence[Manifest]) -> Manifest:
    """The operator's container in the Deployment."""
    (found,) = named(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def environment(manifests: Sequence[Manifest]) -> dict[str, str]:
    """The variables of the operator's container that have a value of their own."""
    return {one["name"]: one["value"] for one in container(manifests)["env"] if "value" in one}
