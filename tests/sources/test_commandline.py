"""Which pool a command line sets to how many nodes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gpucost.sources.cronjobs.commandline import ScalingCommand, expand_references, read_scaling_commands

RESIZE = "gcloud container clusters resize prod --node-pool gpu --num-nodes 4"
SCALE = "kubectl scale --replicas=4 md/gpu"


def reads_all(command: str | Sequence[str], **env: str) -> dict[str, int] | str:
    """The nodes of each pool, or the reason why they can't be read."""
    reading = read_scaling_commands(command, env)
    return reading.unread.reason if reading.unread else {command.pool: command.nodes for command in reading.commands}


def reads(command: str | Sequence[str], **env: str) -> tuple[str, int] | str | None:
    """(pool, nodes), or the reason why it can't be read, or None."""
    found = reads_all(command, **env)
    assert isinstance(found, str) or len(found) < 2
    return found if isinstance(found, str) else next(iter(found.items()), None)


# Rule: the five commands, in the spellings that the tools take


@pytest.mark.parametrize(
    "command",
    [
        "gcloud container clusters resize prod --node-pool gpu --num-nodes 4",
        "gcloud container clusters resize prod --node-pool=gpu --num-nodes=4 --quiet",
        "gcloud container clusters resize prod --size 4 --node-pool gpu --zone europe-west4-a --async",
        "gcloud --project p -q beta container clusters resize --num-nodes 4 --node-pool gpu -z europe-west4-a prod",
        "/usr/bin/gcloud alpha container clusters resize prod --node-pool gpu --num-nodes 4 --num-nodes 4",
        "eksctl scale nodegroup --cluster prod --name gpu --nodes 4",
        "eksctl scale nodegroup --cluster=prod -n gpu -N 4 -M 8 -m 0 --wait",
        "eksctl scale ng gpu --cluster prod --nodes=4 -r eu-west-1",
        "eksctl scale nodegroup gpu --name gpu -N4",
        "aws eks update-nodegroup-config --cluster-name c --nodegroup-name gpu --scaling-config desiredSize=4",
        "aws --region eu-west-1 eks update-nodegroup-config --nodegroup-name=gpu --cluster-name c "
        "--scaling-config minSize=0,maxSize=9,desiredSize=4 --no-cli-pager",
        """aws eks update-nodegroup-config --nodegroup-name gpu --scaling-config '{"minSize": 0, "desiredSize": 4}'""",
        "az aks nodepool scale --resource-group rg --cluster-name c --name gpu --node-count 4",
        "az aks nodepool scale -g rg --cluster-name c -n gpu -c 4 --no-wait",
        "az aks nodepool scale --nodepool-name gpu -c4 --only-show-errors",
        "kubectl scale --replicas=4 machinedeployment/gpu",
        "kubectl scale machineset gpu --replicas 4",
        "kubectl -n scaling --context prod scale machinedeployment gpu --replicas=4 --timeout=5m",
        "kubectl scale --replicas=4 machinedeployments.cluster.x-k8s.io/gpu -nscaling -v=6 --dry-run=none",
        "kubectl scale --record --replicas=4 --current-replicas=-1 -- md/gpu",
    ],
)
def test_each_command_sets_gpu_to_4(command: str) -> None:
    assert reads(command) == ("gpu", 4)
    assert reads(["sh", "-c", command]) == ("gpu", 4)


def test_zero_is_a_count() -> None:
    assert reads("kubectl scale --replicas=0 md/gpu") == ("gpu", 0)


def test_a_regional_gke_cluster_counts_per_zone() -> None:
    assert read_scaling_commands(f"{RESIZE} --region europe-west4").commands == (
        ScalingCommand("gpu", 4, per_zone=True),
    )
    assert read_scaling_commands(f"{RESIZE} --location=europe-west4").commands == (
        ScalingCommand("gpu", 4, per_zone=True),
    )
    assert read_scaling_commands(f"{RESIZE} --location europe-west4-a").commands == (ScalingCommand("gpu", 4),)
    assert read_scaling_commands(RESIZE).commands == (ScalingCommand("gpu", 4),)


# Rule: nothing that is not certain is read; the reason says what


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("gcloud container clusters resize prod --num-nodes 4", "names no --node-pool"),
        ("gcloud container clusters resize prod --node-pool gpu", "states no --num-nodes"),
        (f"{RESIZE} --size 5", "gives --num-nodes more than one value"),
        ("gcloud container clusters resize prod --node-pool gpu --num-nodes", "gives --num-nodes no value"),
        ("eksctl scale nodegroup a --name b -N 4", "names 2 node groups"),
        ("eksctl scale nodegroup --config-file=c.yaml", "names no --name"),
        ("aws eks update-nodegroup-config --nodegroup-name gpu --scaling-config maxSize=4", "bounds of an autoscaler"),
        ("aws eks update-nodegroup-config --nodegroup-name gpu --scaling-config file://x", "states no desiredSize"),
        (
            "aws eks update-nodegroup-config --nodegroup-name gpu --scaling-config '{]'",
            "neither key=value pairs nor JSON",
        ),
        ("aws eks update-nodegroup-config --cli-input-json file://x", "takes its values from --cli-input-json"),
        ("az aks nodepool scale -n gpu", "states no --node-count"),  # az itself would take 3
        ("kubectl scale --replicas=4 md a,b", "names 'a,b', which is not the name of one pool"),
        ("kubectl scale --replicas=4 md", "names no resource"),
        ("kubectl scale --replicas=4 -f pool.yaml", "chooses its resource by -f"),
        ("kubectl scale --replicas=4 md -l app=gpu", "chooses its resource by -l"),
        ("kubectl scale --replicas=4 md --all", "chooses its resource by --all"),
        ("kubectl scale --replicas=4 md/gpu --dry-run=client", "is a dry run"),
        ("kubectl scale --replicas=4 --current-replicas=2 md/gpu", "only under a precondition"),
        ("kubectl scale --replicas=four md/gpu", "'four' is not a whole number of nodes from 0 to 100000"),
        ("kubectl scale --replicas=-1 md/gpu", "'-1' is not a whole number"),
        ("kubectl scale --replicas=4.0 md/gpu", "'4.0' is not a whole number"),
        ("kubectl scale --replicas=100001 md/gpu", "'100001' is not a whole number"),
        ("kubectl scale --replicas={{.Values.nodes}} md/gpu", "takes --replicas from {{"),
    ],
)
def test_a_scaling_command_that_cannot_be_read_says_why(command: str, reason: str) -> None:
    assert reason in str(reads(command))
    assert str(reads(command)).startswith("'")


@pytest.mark.parametrize(
    "command",
    [
        "kubectl get pods",
        "kubectl -n scale delete pod --all",
        "gcloud sql export sql db gs://bucket/x",
        "aws eks update-nodegroup-config --cluster-name c --nodegroup-name gpu --labels addOrUpdateLabels={a=b}",
        "pg_dump db | gzip > /backup/$(date +%F).gz",
        "echo kubectl scale --replicas=4 md/gpu",
        "# kubectl scale --replicas=4 md/gpu\ntrue",
        "echo 'unbalanced",
        "",
        "sh /scripts/job.sh",
        "echo scale --help",
    ],
)
def test_other_commands_are_none_of_ours(command: str) -> None:
    assert reads(command) is None


# Rule: scripts


@pytest.mark.parametrize(
    "script",
    [
        f"set -euo pipefail\n# wake up\n{SCALE}   # four\necho done",
        f"gcloud auth login --cred-file=/x && {SCALE}",
        f"echo \"now $(date '+%F %T'); 'x\"; {SCALE} >/dev/null 2>&1 || exit 1",
        "kubectl scale \\\n  --replicas=4 \\\n  md/gpu",
        f"KUBECONFIG=/x A='b c' {SCALE}",
        'N=4; export P=gpu\nkubectl scale --replicas="$N" md/${P}',
        "ARGS='--replicas=4 md/gpu'; kubectl scale $ARGS",
        f"for i in 1 2 3; do {SCALE} && break; sleep 5; done",
        f"until {SCALE}; do sleep 5; done",
        f"if ! {SCALE}; then echo failed; exit 1; fi",
        f"{SCALE} || {SCALE}",
        f'[ -n "$TOKEN" ] || exit 1; {SCALE}',
        f"(cd /tmp && {SCALE}) | tee log &",
        f"main() {{\n{SCALE}\n}}\nmain",
        f"cat <<EOF > /tmp/config\nit's: $x\nEOF\n{SCALE}",
        f"timeout -k 5 60 {SCALE}",
        f"exec env -i A=b /usr/local/bin/{SCALE}",
        f"bash -ec '{SCALE}'",
    ],
)
def test_a_script_with_one_plain_command(script: str) -> None:
    assert reads(script) == ("gpu", 4)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"{SCALE} && {RESIZE.replace('4', '2')}", "in more than one way (gpu to 2, gpu to 4)"),
        (f"if [ $(date +%u) -lt 6 ]; then {SCALE}; fi", "only under a condition"),
        (f"[ $(date +%u) -lt 6 ] && {SCALE}", "only under a condition"),
        (f"kubectl get md/gpu || {SCALE}", "only under a condition"),
        (f"[ $(date +%u) -gt 5 ] && exit 0\n{SCALE}", "only under a condition"),
        (f"[ -e /x ] && {{ true; {SCALE}; }}", "only under a condition"),
        (f"kubectl get md/gpu || (cd /tmp; {SCALE})", "only under a condition"),
        (f"exit 0; {SCALE}", "only under a condition"),
        (f"case $DAY in Mon) {SCALE};; esac", "only under a condition"),
        (f"while [ -e /x ]; do {SCALE}; done", "only under a condition"),
        ("for p in $(cat /pools); do kubectl scale --replicas=4 md/$p; done", "takes the resource from $p"),
        ("kubectl scale --replicas=$(cat /nodes) md/gpu", "takes --replicas from $(cat /nodes)"),
        ("kubectl scale --replicas=`cat /nodes` md/gpu", "takes --replicas from `cat /nodes`"),
        ("read M; kubectl scale --replicas=${M:-4} md/gpu", "takes --replicas from ${M:-4}"),
        ("read N; kubectl scale --replicas=$N md/gpu", "takes --replicas from $N"),
        ("[ -e /x ] && N=2; kubectl scale --replicas=$N md/gpu", "takes --replicas from $N"),
        (". /env.sh; kubectl scale --replicas=$N md/gpu", "takes --replicas from $N"),
        ("f() { kubectl scale --replicas=$1 md/gpu; }; f $(cat /nodes)", "takes --replicas from $1"),
        (f"f() {{ {SCALE}; }}", "only under a condition"),
        (f"echo gpu | xargs {SCALE}", "called in a way that can't be followed"),
        (f"kubectl exec tools -- {SCALE}", "called in a way that can't be followed"),
        (f"ssh bastion <<EOF\n{SCALE}\nEOF", "called in a way that can't be followed"),
        (f"{SCALE} 'open", "the script can't be read: quotes don't match"),
        (f"{SCALE}\n" + "#" * 10_000, "too long"),
        ("$KUBECTL scale --replicas=4 md/gpu", "the program is not named"),
    ],
)
def test_a_script_that_is_not_certain_says_why(script: str, reason: str) -> None:
    assert reason in str(reads(script, N="3", **{"1": "3"}))


# Rule: variables come from the container's literal environment only


def test_a_shell_resolves_its_own_references() -> None:
    for reference in ("$N", "${N}", '"$N"', "${N:-9}", "$(N)"):
        assert reads(["bash", "-c", f"kubectl scale --replicas={reference} md/gpu"], N="4") == ("gpu", 4)
    assert "takes --replicas from $N," in str(reads("kubectl scale --replicas='$N' md/gpu", N="4"))


def test_without_a_shell_only_kubernetes_resolves() -> None:
    assert reads(["kubectl", "scale", "--replicas=$(N)", "md/$(P)"], N="4", P="gpu") == ("gpu", 4)
    assert "takes --replicas from $N," in str(reads(["kubectl", "scale", "--replicas=$N", "md/gpu"], N="4"))
    assert "takes --replicas from $(N)," in str(reads(["kubectl", "scale", "--replicas=$(N)", "md/gpu"]))


def test_arguments_of_a_script() -> None:
    assert reads(["sh", "-c", 'kubectl scale --replicas="$1" md/$2', "job", "4", "gpu"]) == ("gpu", 4)
    assert reads(["bash", "-euo", "pipefail", "-c", "--", SCALE]) == ("gpu", 4)
    assert reads(["sh", "-c", '"$@"', "job", *SCALE.split()]) == ("gpu", 4)


def test_an_entry_point_that_the_manifest_does_not_name() -> None:
    assert "'kubectl scale', but the program is not named" in str(reads(["scale", "--replicas=4", "md/gpu"]))
    assert "'gcloud container clusters resize', but" in str(reads(RESIZE.split()[1:]))


@pytest.mark.parametrize(
    ("text", "env", "expanded"),
    [
        ("$(A)-$(B)", {"A": "1"}, "1-$(B)"),
        ("$$(A) $A ${A}", {"A": "1"}, "$(A) $A ${A}"),
        ("$$$(A)", {"A": "$(B)", "B": "2"}, "$$(B)"),
        ("$(A", {"A": "1"}, "$(A"),
    ],
)
def test_references_expand_as_in_kubernetes(text: str, env: Mapping[str, str], expanded: str) -> None:
    assert expand_references(text, env) == expanded


# Rule: any text at all is read, refused or ignored, in bounded time

SYNTAX = "sh -c if then fi do done for case esac && || ; ' \" $( ) ` ${ } $N <<EOF EOF \\ # { N=1 exit env -- - = > &"
FRAGMENTS = st.sampled_from([*SCALE.split(), *RESIZE.split(), *SYNTAX.split(), "\n"])


@given(st.lists(FRAGMENTS | st.text(max_size=3), max_size=25), st.sampled_from(["", " "]))
@settings(max_examples=300)
def test_any_script_has_an_outcome(fragments: list[str], between: str) -> None:
    for command in (between.join(fragments), fragments, ["sh", "-c", between.join(fragments)]):
        read_scaling_commands(command, {"N": "4"})


@given(
    st.lists(st.sampled_from(["true", "echo x", "export A=1", "sleep 1 # kubectl", "cd /tmp"])), st.integers(0, 100_000)
)
def test_harmless_statements_around_a_command_change_nothing(others: list[str], nodes: int) -> None:
    for at in range(len(others) + 1):
        script = "\n".join([*others[:at], f"kubectl scale --replicas={nodes} md/gpu", *others[at:]])
        assert reads(script) == ("gpu", nodes)


@pytest.mark.parametrize(
    "fragment", ["$(", '"$((', "<<a ", "'\"", "${", "`", "a=b ", "if ", "sh -c '", f"{RESIZE} ", "()", ">"]
)
def test_hostile_scripts_take_no_time(fragment: str) -> None:
    begin = time.perf_counter()
    read_scaling_commands(fragment * (9_999 // len(fragment)))
    assert time.perf_counter() - begin < 5


# Rule: what is read is what a real shell does

STATEMENTS = st.sampled_from([
    "kubectl scale --replicas=$N md/gpu", 'kubectl scale --replicas="${N:-7}" md/$P >/dev/null 2>&1 # x; y',
    "kubectl scale --replicas=4 md/g'p'u", 'kubectl scale --replicas=$1 "md/${P}"', "kubectl scale md/$P --replicas 2",
    "kubectl scale --replicas='$N' $R", "kubectl scale --replicas=${M:-3} md/a-$P", "OUT=$(kubectl scale --replicas=1 md/o)",
    "N=3", "N=5 M=6", "export N=2", "R='md/gpu'", "N=${N:-1}", "unset N", "N=$(echo 9)", "shift", "P=other true",
    "${M:=8} 2>/dev/null || true", "M=; N=${M-5}", "set -- 2 x", "local N=7 2>/dev/null",
    "true", "false", "[ 1 = 1 ]", "[ 1 = 2 ]", "[ -z '' ]", '[ "$N" = 4 ]', '[ "$1" -gt 5 ]', "[[ $N == 4 && $P == gpu ]]",
    "! true", "exit 0", "exit 1", "set -e", "kubectl get x", "break", "continue", "return 0", "return 1", "f 3", "f",
    "kubectl get x || exit", "(( N > 3 ))", "trap 'kubectl scale --replicas=1 md/t' EXIT",
    "L=(gpu b)", "L+=(c)", "kubectl scale md/${L[0]} --replicas=6",
    'for q in "${L[@]}"; do kubectl scale md/$q --replicas 2; done',
    "Q=a:6", "kubectl scale md/${Q%%:*} --replicas=${Q##*:}", "IFS=: read -r P M <<< 'p:5'", "Q=${P#g}:$N",
    'echo "it\'s; $N"', "cd /tmp",
    "echo kubectl scale --replicas=1 md/x", "cat <<EOF\nit's $N\nEOF",
])  # fmt: skip


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    shapes = st.sampled_from([
        "if {}\nthen {}\nelse {}\nfi", "{} && {}", "{} || {}", "{} | cat", "( {}\n)", "{{ {}\n}}",
        "for i in 1 2; do {}\ndone", "for P in a b; do {}\n{}\ndone", "for N; do {}\ndone",
        "for N in 1 2; do {}\ndone", "case x in x) {}\n;; esac", "until true; do {}\ndone",
        "case $P in a) {}\n;; g*|b) {}\n;; *) {}\n;; esac", "until {}\ndo exit 1\ndone",
        "while true; do for i in 1; do {}\ndone; break; done", "f() {{ {}\n}}; f 3", "f() {{ {}\n{}\n}}",
        "function f {{ {}\n}}\nf 2 || {}",
        "{}\n{}", "{} &\nwait", "X=$({}\n)", "! {{ {}\n}}", "bash <<'END'\n{}\nEND", "bash -s 2 <<END\n{}\nEND",
        "elif=1; if [ 1 = 2 ]; then {}\nelif {}\nthen {}\nfi",
    ])  # fmt: skip
    return (
        st.builds(lambda shape, *parts: shape.format(*parts), shapes, inner, inner, inner)
        | inner.map(lambda script: f"sh -c {shlex.quote(script)}")
        | inner.map(lambda script: f"eval {shlex.quote(script)}")
    )


@pytest.fixture(scope="module")
def bin_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubectl that writes down how it was called."""
    directory = tmp_path_factory.mktemp("bin")
    (directory / "kubectl").write_text('#!/bin/sh\n[ "$1" != scale ] || echo "$@" >> "$(dirname "$0")/calls"\n')
    (directory / "kubectl").chmod(0o755)
    return directory


def read_call(words: Sequence[str]) -> tuple[str, int]:
    """Pool and nodes of ``scale --replicas=4 md/gpu``, in any order."""
    numbers = [int(found[0]) for word in words if (found := re.search(r"[0-9]+$", word)) and "/" not in word]
    return next(word.removeprefix("md/") for word in words if "/" in word), numbers[0]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@given(script=st.recursive(STATEMENTS, compound, max_leaves=5))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_read_is_what_bash_does(bin_directory: Path, script: str) -> None:
    argv, env = ["bash", "-c", script, "job", "6"], {"N": "4", "P": "gpu"}
    read = reads_all(argv, **env)
    assume(not isinstance(read, str))
    assert not isinstance(read, str)
    calls = bin_directory / "calls"
    calls.unlink(missing_ok=True)
    path = f"{bin_directory}:{os.environ['PATH']}"
    done = subprocess.run(
        argv, env={**env, "PATH": path}, capture_output=True, timeout=20, stdin=subprocess.DEVNULL, check=False
    )
    called = [call.split() for call in calls.read_text().splitlines()] if calls.exists() else []
    did = set(map(read_call, called))
    wanted = set(read.items())
    assert did == wanted or (did < wanted and done.returncode != 0)  # a failed Job sets nothing for certain
