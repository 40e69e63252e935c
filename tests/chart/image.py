"""The steps of the Dockerfile without a container engine: bubblewrap gives each stage a root of its own.

The base image is this machine's own Python and system libraries, read-only; pip's cache is this user's. All else is as the
Dockerfile says: what is copied, in which order, the very commands, the environment, the user.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from chart.helm import ROOT

DOCKERFILE: Final = ROOT / "Dockerfile"
IGNORED: Final = shutil.ignore_patterns("__pycache__", "*.egg-info")
"""As in .dockerignore."""
BASE: Final = Path(sys.base_prefix)
SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc")
"""What the base image has."""
PATH: Final = f"{BASE / 'bin'}:/usr/local/bin:/usr/bin:/bin"


class Step(NamedTuple):
    """An instruction of a Dockerfile."""

    word: str
    text: str


@dataclass
class Stage:
    """What follows a FROM."""

    steps: list[Step] = field(default_factory=list)

    def texts(self, word: str) -> list[str]:
        """What stands after each instruction of a kind."""
        return [step.text for step in self.steps if step.word == word]

    def environment(self) -> dict[str, str]:
        """ENV, over that of the base image."""
        found = {"PATH": PATH}
        for text in self.texts("ENV"):
            for name, value in (pair.split("=", 1) for pair in text.split()):
                found[name] = value.replace("$PATH", found["PATH"])
        return found

    def command(self) -> list[str]:
        """ENTRYPOINT and CMD."""
        (entry,), (arguments,) = self.texts("ENTRYPOINT"), self.texts("CMD")
        return [*json.loads(entry), *json.loads(arguments)]


def stages() -> list[Stage]:
    """The stages of the Dockerfile, in their order."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    found: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        step = Step(*line.split(maxsplit=1))
        if step.word == "FROM":
            found.append(Stage())
        if found:
            found[-1].steps.append(step)
    return found


def root(*, writable: Mapping[str, Path], readable: Mapping[str, Path], env: Mapping[str, str]) -> list[str]:
    """The words before a command that give it a root of its own: read-only but for ``writable`` and an empty /tmp."""
    words = ["bwrap", "--die-with-parent", "--new-session", "--unshare-user", "--unshare-pid", "--clearenv"]
    for place in SYSTEM:
        if os.path.islink(place):
            words += ["--symlink", os.readlink(place), place]
        elif os.path.isdir(place):
            words += ["--ro-bind", place, place]
    words += ["--ro-bind", str(BASE), str(BASE), "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for option, places in (("--bind", writable), ("--ro-bind", readable)):
        for inside, outside in places.items():
            words += [option, str(outside), inside]
    for name, value in env.items():
        words += ["--setenv", name, value]
    return [*words, "--remount-ro", "/"]


def as_user(user: str) -> list[str]:
    """More words of ``root``: USER of the Dockerfile."""
    uid, gid = user.split(":")
    return ["--uid", uid, "--gid", gid]


def copy(words: Sequence[str], context: Path, target: Path) -> None:
    """COPY of files and folders of the context into a folder."""
    *sources, last = words
    for source in sources:
        if (context / source).is_dir():
            shutil.copytree(context / source, target / last, ignore=IGNORED)
        else:
            shutil.copy(context / source, target / last)
