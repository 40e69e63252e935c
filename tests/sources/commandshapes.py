"""Command lines of CronJobs as people write them, and what each says about node pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gpucost.core.issues import SCALER_NOT_READ, UNREADABLE_SCALING_COMMAND


@dataclass(frozen=True)
class Shape:
    """A container, and what is expected of it: counts of pools, an issue, pods that are passed over, or nothing."""

    command: str | Sequence[str]
    counts: Mapping[str, int] = field(default_factory=dict)
    per_zone: bool = False
    issue: str | None = None
    names: str = ""
    """Words of the issue's reason."""
    has_pods: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    image: str = ""

    @property
    def is_unrelated(self) -> bool:
        return not self.counts and self.issue is None and not self.has_pods


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def sets(command: str | Sequence[str], **options: int) -> Shape:
    """A command that sets gpu to 4 nodes, or the pools that are named (with _ for -)."""
    return Shape(command, {pool.replace("_", "-"): nodes for pool, nodes in options.items()} or {"gpu": 4})


def unreadable(command: str | Sequence[str], names: str = "") -> Shape:
    return Shape(command, issue=UNREADABLE_SCALING_COMMAND, names=names)


def named(command: str | Sequence[str], names: str = "", image: str = "") -> Shape:
    return Shape(command, issue=SCALER_NOT_READ, names=names, image=image)


def pods(command: str | Sequence[str]) -> Shape:
    return Shape(command, has_pods=True)


RESIZE = "gcloud container clusters resize prod --zone europe-west4-a --node-pool gpu --num-nodes 4 -q"
REGIONAL = "gcloud container clusters resize prod --node-pool gpu --num-nodes 4 -q"
UUID = "1ac8b1d2-7d4e-2f1e-3b9c-0f1e2d3c4b5a"
ASG = "aws autoscaling update-auto-scaling-group --auto-scaling-group-name"

READ = [
    # Google
    sets(RESIZE),
    sets(RESIZE.split()),
    sets(["gcloud", "container", "clusters", "resize", "prod", "--node-pool=gpu", "--size=4", "--project=p"]),
    sets("gcloud beta container clusters resize prod --location europe-west4-a --node-pool gpu --num-nodes 4"),
    sets("gcloud compute instance-groups managed resize gpu --size 4 --zone europe-west4-a"),
    sets(["gcloud", "compute", "instance-groups", "managed", "resize", "gpu", "--size=4", "--region=europe-west4"]),
    sets("gcloud --quiet alpha compute instance-groups managed resize --size=0 gpu", gpu=0),
    Shape(f"{REGIONAL} --region europe-west4", {"gpu": 4}, per_zone=True),
    Shape(f"gcloud config set compute/region europe-west4\n{REGIONAL}", {"gpu": 4}, per_zone=True),
    Shape(f"export CLOUDSDK_COMPUTE_REGION=europe-west4; {REGIONAL}", {"gpu": 4}, per_zone=True),
    Shape(sh(REGIONAL), {"gpu": 4}, per_zone=True, env={"CLOUDSDK_COMPUTE_REGION": "europe-west4"}),
    Shape(REGIONAL.split(), {"gpu": 4}, per_zone=True, env={"CLOUDSDK_COMPUTE_REGION": "europe-west4"}),
    Shape(f"{REGIONAL} --location $LOCATION", {"gpu": 4}, per_zone=True),
    Shape(sh(REGIONAL), {"gpu": 4}, env={"CLOUDSDK_COMPUTE_REGION": "r", "CLOUDSDK_COMPUTE_ZONE": "r-a"}),
    # EKS
    sets("eksctl scale nodegroup --cluster ml --name gpu --nodes 4"),
    sets("eksctl scale ng gpu --cluster=ml -N 4 --nodes-min 0 --nodes-max 8 --region eu-west-1"),
    sets(["eksctl", "scale", "nodegroup", "--cluster", "ml", "--name=gpu", "--nodes=0", "--nodes-min=0"], gpu=0),
    sets("aws eks update-nodegroup-config --cluster-name c --nodegroup-name gpu --scaling-config desiredSize=4"),
    sets("aws eks update-nodegroup-config --nodegroup-name gpu --cluster-name c "
         "--scaling-config minSize=4,maxSize=4,desiredSize=4"),
    sets(["aws", "eks", "update-nodegroup-config", "--nodegroup-name", "gpu", "--scaling-config",
          '{"minSize":0,"maxSize":8,"desiredSize":4}']),
    sets("aws autoscaling set-desired-capacity --auto-scaling-group-name gpu --desired-capacity 4"),
    sets("aws --region eu-west-1 autoscaling set-desired-capacity --desired-capacity=4 "
         "--auto-scaling-group-name=gpu --honor-cooldown"),
    sets(f"aws autoscaling set-desired-capacity --auto-scaling-group-name eks-gpu-{UUID} --desired-capacity 4"),
    sets(f"{ASG} gpu --desired-capacity 4"),
    sets(f"{ASG} gpu --min-size 0 --max-size 4 --desired-capacity 4"),
    sets(f"{ASG} gpu --min-size 4 --max-size 4"),
    sets([*f"{ASG} eks-gpu-day-{UUID}".split(), "--min-size", "0", "--desired-capacity", "0"], gpu_day=0),
    sets(f"{ASG} eksctl-ml-nodegroup-gpu-day-NodeGroup-1ABCDEFG --desired-capacity 0 --min-size 0", gpu_day=0),
    # Azure
    sets("az aks nodepool scale -g rg --cluster-name c -n gpu -c 4"),
    sets("az aks nodepool scale --resource-group rg --cluster-name c --name gpu --node-count 4 --no-wait"),
    sets(["az", "aks", "nodepool", "scale", "--nodepool-name=gpu", "--node-count=0", "--cluster-name=c"], gpu=0),
    sets("az aks scale -g rg -n cluster --nodepool-name gpu -c 4"),
    sets("az aks scale --resource-group rg --name cluster --node-count 4 --nodepool-name gpu --no-wait"),
    sets(["az", "aks", "scale", "--name", "c", "--resource-group", "r", "--node-count=4", "--nodepool-name", "gpu"]),
    sets("az aks nodepool update -g rg --cluster-name c -n gpu --update-cluster-autoscaler --min-count 4 --max-count 4"),
    sets("az aks nodepool update --cluster-name c --name gpu -e --min-count=4 --max-count=4"),
    sets("az aks nodepool update -u --min-count 0 --max-count 0 --nodepool-name gpu --cluster-name c -g g", gpu=0),
    sets("az vmss scale --name gpu --new-capacity 4 --resource-group rg"),
    sets("az vmss scale -n aks-gpu-12345678-vmss -g MC_rg_c_westeurope --new-capacity 4"),
    sets(["az", "vmss", "scale", "--name=aks-gpu-12345678-vmss", "--new-capacity=0"], gpu=0),
    # Kubernetes and OpenShift
    sets("kubectl scale machinedeployment gpu --replicas=4 -n capi"),
    sets("kubectl -n capi scale md/gpu --replicas 4"),
    sets(["kubectl", "scale", "--replicas=4", "machinedeployments.v1beta1.cluster.x-k8s.io/gpu"]),
    sets("kubectl scale machinedeployments.cluster.x-k8s.io gpu --replicas=4 --kubeconfig /etc/kube/config"),
    sets("kubectl scale nodepool/gpu --replicas=4 -n clusters"),
    sets("kubectl scale nodegroups.eks.aws.upbound.io gpu --replicas=4"),
    sets("oc scale machineset gpu --replicas=4 -n openshift-machine-api"),
    sets("oc -n openshift-machine-api scale --replicas=4 machineset.machine.openshift.io/gpu"),
    sets(["oc", "scale", "machinesets", "gpu", "--replicas", "0", "--namespace", "openshift-machine-api"], gpu=0),
    sets("oc scale machinepools.hive.openshift.io/gpu --replicas=4"),
    sets("kubectl scale md/a md/b --replicas=2", a=2, b=2),
    sets("kubectl patch machinedeployment gpu -n capi --type merge -p '{\"spec\":{\"replicas\":4}}'"),
    sets("kubectl patch md/gpu --patch 'spec: {replicas: 4}'"),
    sets(["kubectl", "patch", "machinedeployment", "gpu", "-p", "spec:\n  replicas: 4\n", "--type=merge"]),
    sets("""kubectl patch machineset gpu --type=json -p '[{"op":"replace","path":"/spec/replicas","value":4}]'"""),
    sets("""oc patch machineset/gpu -n openshift-machine-api --type='json' """
         """-p='[{"op": "add", "path": "/spec/replicas", "value": 0}]'""", gpu=0),
    sets("""oc patch machinepool gpu --type=merge --patch='{"spec": {"replicas": 4}}' -n hive"""),
    sets("rosa edit machinepool --cluster=ml --replicas=4 gpu"),
    sets("rosa edit machine-pool gpu -c ml --replicas 4 -y"),
    sets(["rosa", "edit", "machinepools", "--replicas", "0", "--cluster", "ml", "gpu"], gpu=0),
    sets("ocm edit machinepool --replicas=4 --cluster=ml gpu"),
    # Further clouds
    sets("doctl kubernetes cluster node-pool update ml gpu --count 4"),
    sets("doctl k8s c np update ml gpu --count=4 -t $TOKEN"),
    sets(["doctl", "--access-token", "$(TOKEN)", "kubernetes", "clusters", "nodepool", "u", "ml", "gpu", "--count=0"],
         gpu=0),
    Shape("ibmcloud ks worker-pool resize --cluster ml --worker-pool gpu --size-per-zone 4", {"gpu": 4}, per_zone=True),
    Shape("ibmcloud oc worker-pool resize -c ml -p gpu --size-per-zone=4 -q", {"gpu": 4}, per_zone=True),
    Shape(["ibmcloud", "cs", "worker-pool-resize", "--cluster", "ml", "--worker-pool", "gpu", "--size-per-zone", "0"],
          {"gpu": 0}, per_zone=True),
    sets("oci ce node-pool update --node-pool-id gpu --size 4 --force"),
    sets("oci --auth instance_principal ce node-pool update --force --size=4 --node-pool-id=gpu"),
    sets(["oci", "ce", "node-pool", "update", "--node-pool-id", "ocid1.nodepool.oc1.x", "--size", "0"],
         **{"ocid1.nodepool.oc1.x": 0}),
    sets("linode-cli lke pool-update 12345 456 --count 4", **{"456": 4}),
    sets("linode-cli --text lke pool-update --count=4 12345 456", **{"456": 4}),
    sets(["linode-cli", "lke", "pool-update", "12345", "456", "--count", "0", "--autoscaler.enabled", "false"],
         **{"456": 0}),
]  # fmt: skip

SCRIPTS = [
    sets(sh(RESIZE)),
    sets(["bash", "-lc", RESIZE]),
    sets(["/bin/bash", "-euo", "pipefail", "-c", RESIZE]),
    sets(["sh", "-c", 'exec "$@"', "sh", *RESIZE.split()]),
    sets(["timeout", "600", *RESIZE.split()]),
    sets(["/usr/bin/env", "HOME=/tmp", *RESIZE.split()]),
    sets(sh("gcloud container clusters resize prod \\\n  --zone z-a \\\n  --node-pool gpu \\\n  --num-nodes 4 \\\n  -q")),
    sets(f"#!/bin/bash\nset -euo pipefail\ngcloud auth activate-service-account --key-file=/k\n{RESIZE}\necho done\n"),
    sets(f"gcloud container clusters get-credentials prod --zone z && kubectl get nodes && {RESIZE}"),
    sets(f"{RESIZE} || exit 1"),
    sets(f"{RESIZE} || exit $?"),
    sets(f"if ! {RESIZE}; then echo failed >&2; exit 1; fi"),
    sets(f"if {RESIZE}; then echo ok; else echo failed; exit 1; fi"),
    sets(f"until {RESIZE}; do echo retry; sleep 30; done"),
    sets(f"n=0\nuntil {RESIZE}\ndo n=$((n+1)); [ $n -ge 5 ] && exit 1; sleep 10; done"),
    sets(f"while ! {RESIZE}; do sleep 30; done"),
    sets(f"while true; do {RESIZE} && break; sleep 5; done"),
    sets(f"for i in 1 2 3; do {RESIZE} && break; sleep 5; done"),
    sets(f"for i in $(seq 1 5); do {RESIZE} && break || sleep 5; done"),
    sets(f"for ((i=0; i<5; i++)); do {RESIZE} && break; sleep 5; done"),
    sets(f'retry() {{ local n=$1; shift; for i in 1 2 3; do "$@" && return 0; sleep $n; done; return 1; }}\nretry 5 {RESIZE}'),
    sets("N=${NODES:-4}\nP=${POOL-gpu}\nkubectl scale md/$P --replicas=$N"),
    sets('kubectl scale "md/${POOL:=gpu}" --replicas="${NODES:="4"}"; echo $POOL'),
    sets(sh('kubectl scale machinedeployment "${1:-gpu}" --replicas "${2:-4}"')),
    Shape(sh('kubectl scale md "${POOL:-other}" --replicas "${N:-9}"'), {"gpu": 4}, env={"POOL": "gpu", "N": "4"}),
    sets(["sh", "-c", "kubectl scale md/$0 --replicas=$1", "gpu", "4"]),
    sets("scale() {\n  kubectl scale md/$1 --replicas=$2\n}\nscale gpu 4"),
    sets("function scale_pool { kubectl scale md/$1 --replicas=$2; }; scale_pool l4 2; scale_pool t4 4", l4=2, t4=4),
    sets('main() { local pool=gpu n=4; up "$pool" "$n"; }; up() { kubectl scale md/$1 --replicas=$2; }; main "$@"'),
    sets("for P in gpu-l4 gpu-t4; do kubectl scale md/$P --replicas=0; done", gpu_l4=0, gpu_t4=0),
    sets('POOLS="gpu-l4 gpu-t4"\nfor P in $POOLS; do kubectl scale "md/$P" --replicas 3; done', gpu_l4=3, gpu_t4=3),
    sets("for P in l4:2 t4:3; do :; done; for P in l4 t4; do for Z in a b; do kubectl scale md/$P-$Z --replicas=1; done; done",
         l4_a=1, l4_b=1, t4_a=1, t4_b=1),
    sets(f"{RESIZE}\n{RESIZE.replace('gpu', 'cpu').replace('4 -q', '2 -q')}", gpu=4, cpu=2),
    sets(f"bash <<EOF\n{RESIZE}\nEOF"),
    sets("bash -s gpu 4 <<'EOF'\nkubectl scale md/$1 --replicas=$2\nEOF"),
    sets("N=4\nsh -e <<EOF\nkubectl scale md/gpu --replicas=$N\nEOF"),
    sets(f"cat <<'EOF' | bash -x\n{RESIZE}\nEOF"),
    sets(f"echo '{RESIZE}' | sh"),
    sets(f"bash <<< '{RESIZE}'"),
    sets(f"trap 'echo bye' EXIT\n{RESIZE}"),
    sets(f"OUT=$({RESIZE}) && echo $OUT"),
    sets(f"( cd /tmp; {RESIZE} ) 2>&1 | tee /tmp/log"),
    sets(f"eval '{RESIZE}'"),
    sets(f'CMD="{RESIZE}"; $CMD'),
    sets("KUBECTL=kubectl; ${KUBECTL} scale md/gpu --replicas=4"),
    sets(sh('case "${MODE:-up}" in up) N=4 ;; down) N=0 ;; esac; kubectl scale md/gpu --replicas=$N')),
    sets("ACTION=down; if [ \"$ACTION\" = up ]; then N=4; else N=0; fi; kubectl scale md/gpu --replicas=$N", gpu=0),
    sets(f"command -v gcloud >/dev/null || exit 1\n{RESIZE}"),
    sets(f"[ -n \"$TOKEN\" ] || {{ echo no token; exit 1; }}\n{RESIZE}"),
    sets(f"kubectl wait --for=condition=Ready node -l pool=gpu --timeout=5m || true\n{RESIZE}"),
    sets("kubectl scale md/gpu --replicas=4\nkubectl get md gpu -o jsonpath='{.status.replicas}{\"\\n\"}'"),
    sets("C=$(kubectl get md gpu -o jsonpath='{.spec.replicas}'); echo \"was $C\"; kubectl scale md/gpu --replicas=4"),
    sets('POOLS=(gpu-l4 gpu-t4); POOLS+=("gpu-a"); for p in "${POOLS[@]}"; do kubectl scale md/$p --replicas=1; done',
         gpu_l4=1, gpu_t4=1, gpu_a=1),
    sets("P=(x gpu); N=(4 5); kubectl scale md/${P[1]} --replicas=$N"),
    sets('for x in l4:2 t4:4; do kubectl scale "md/${x%%:*}" --replicas="${x##*:}"; done', l4=2, t4=4),
    sets("F=gpu.yaml; kubectl scale md/${F%.yaml} --replicas=4"),
    sets("IFS=: read -r P N <<< 'gpu:4'; kubectl scale md/$P --replicas=$N"),
    sets('read P N <<EOF\ngpu 4\nEOF\nkubectl scale md/$P --replicas=$N'),
    Shape(["sh", "/scripts/up.sh"], {"gpu": 4}, files={"/scripts/up.sh": RESIZE}),
    Shape(["/bin/bash", "-x", "/scripts/up.sh", "gpu", "4"], {"gpu": 4},
          files={"/scripts/up.sh": "#!/bin/sh\nkubectl scale md/$1 --replicas=$2\n"}),
    Shape(["/scripts/up.sh"], {"gpu": 4}, files={"/scripts/up.sh": f"#!/usr/bin/env bash\n{RESIZE}"}),
    Shape(sh("cd /scripts && ./up.sh 4"), {"gpu": 4}, files={"/scripts/up.sh": "kubectl scale md/gpu --replicas=$1"}),
    Shape(sh(". /scripts/lib.sh; scale gpu 4"), {"gpu": 4},
          files={"/scripts/lib.sh": "scale() { kubectl scale md/$1 --replicas=$2; }; x() { kubectl scale md/x -o y; }"}),
    Shape(sh("source /conf/pools.env\nkubectl scale md/$POOL --replicas=$N"), {"gpu": 4},
          files={"/conf/pools.env": "POOL=gpu\nN=4\n"}),
]  # fmt: skip

UNREADABLE = [
    unreadable("gcloud container clusters resize prod --num-nodes 4", "names no --node-pool"),
    unreadable("gcloud compute instance-groups managed resize gke-ml-gpu-1a2b3c4d-grp --size 4", "can't be told"),
    unreadable(f"{ASG} eks-gpu-day-1a --min-size 0 --desired-capacity 0", "'eks-gpu-day-1a'"),
    unreadable(f"aws autoscaling set-desired-capacity --auto-scaling-group-name eks-{UUID} --desired-capacity 1", UUID),
    unreadable(f"{ASG} $ASG_NAME --desired-capacity 0", "takes --auto-scaling-group-name from $ASG_NAME"),
    unreadable("az aks scale -g rg -n cluster -c 4", "names no --nodepool-name"),
    unreadable("az vmss scale -n aks-gpu-vmss --new-capacity 2", "can't be told"),
    unreadable("kubectl scale machinedeployment --all --replicas=0", "chooses its resource by --all"),
    unreadable("kubectl scale md -l pool=gpu --replicas=0", "chooses its resource by -l"),
    unreadable("kubectl scale -f machinedeployment.yaml --replicas=0"),
    unreadable("kubectl scale $TARGET --replicas=0", "takes the resource from $TARGET"),
    unreadable("kubectl get machinesets -o name | xargs kubectl scale --replicas=0", "can't be followed"),
    unreadable("for m in $(kubectl get md -o name); do kubectl scale $m --replicas=0; done", "the resource"),
    unreadable("kubectl patch md gpu --patch-file p.yaml", "takes its patch from --patch-file"),
    unreadable("""kubectl patch md gpu -p "{\\"spec\\":{\\"replicas\\":$(cat /n)}}\"""", "takes --patch from"),
    unreadable("kubectl patch machineset gpu -p '{\"spec\":{\"replicas\":\"four\"}}'", "'four'"),
    unreadable("oci ce node-pool update --from-json file://x.json", "takes its values from --from-json"),
    unreadable("kubectl scale md/gpu --replicas=4; kubectl scale md/gpu --replicas=0", "in more than one way"),
    unreadable(f'if [ "$(date +%u)" -lt 6 ]; then {RESIZE}; fi', "only under a condition"),
    unreadable(f'[ "$(date +%u)" -lt 6 ] || exit 0\n{RESIZE}', "only under a condition"),
    unreadable(f"kubectl get pods | grep -q Pending && {RESIZE}", "only under a condition"),
    unreadable(f"while read line; do {RESIZE}; done < /queue", "only under a condition"),
    unreadable("N=$(curl -s https://example.com/nodes); kubectl scale md/gpu --replicas=$N", "takes --replicas from $N"),
    unreadable('while getopts "n:" o; do case $o in n) N=$OPTARG;; esac; done; kubectl scale md/gpu --replicas=$N'),
    unreadable(f"ssh bastion '{RESIZE}'", "can't be followed"),
    unreadable(["python3", "-c", f"import subprocess; subprocess.run('{RESIZE}', shell=True)"], "can't be followed"),
    unreadable(f"echo gpu | xargs -I{{}} {RESIZE}", "can't be followed"),
    unreadable("for p in $(kubectl get machinedeployment -o name); do kubectl scale $p --replicas=0; done"),
    unreadable(RESIZE.split()[1:], "the program is not named"),
    unreadable(["scale", "machinedeployment/gpu", "--replicas=4"], "the program is not named"),
    unreadable(["eks", "update-nodegroup-config", "--nodegroup-name", "gpu", "--scaling-config", "desiredSize=2"]),
    unreadable("oci ce node-pool update --node-pool-id x --node-config-details '{\"size\": 3}'", "no --size"),
    unreadable("docker run --rm amazon/aws-cli eks update-nodegroup-config --nodegroup-name g --scaling-config desiredSize=3"),
    unreadable('declare -A P=([a]=1 [b]=2); for k in "${!P[@]}"; do kubectl scale md/$k --replicas=${P[$k]}; done'),
    unreadable("while read p n; do kubectl scale md/$p --replicas=$n; done <<EOF\ngpu-l4 1\nEOF"),
    unreadable("kubectl get machineset -o name | xargs -I{} kubectl patch {} -p '{\"spec\":{\"replicas\":0}}'"),
    unreadable("f() { kubectl scale md/gpu --replicas=$1; }; trap 'f 0' EXIT; f 4", "in more than one way"),
]  # fmt: skip

NAMED = [
    named("eksctl scale nodegroup --cluster ml --name gpu --nodes-min 0 --nodes-max 8", "bounds of an autoscaler"),
    named("aws eks update-nodegroup-config --nodegroup-name gpu --scaling-config minSize=0,maxSize=8", "bounds"),
    named(f"{ASG} gpu --min-size 0 --max-size 8", "bounds of an autoscaler (--min-size 0 and --max-size 8)"),
    named(f"{ASG} gpu --min-size 2", "bounds of an autoscaler"),
    named("az aks nodepool update -g r --cluster-name c -n gpu -u --min-count 0 --max-count 8", "bounds"),
    named("az aks nodepool update --cluster-name c -n gpu --disable-cluster-autoscaler", "autoscaler"),
    named("az aks update -g r -n c --update-cluster-autoscaler --min-count 1 --max-count 3", "autoscaler"),
    named("gcloud container clusters update ml --enable-autoscaling --min-nodes 0 --max-nodes 8 --node-pool gpu"),
    named("gcloud container node-pools update gpu --cluster ml --max-nodes=0 --enable-autoscaling", "autoscaler"),
    named("gcloud container node-pools update gpu --cluster ml --no-enable-autoscaling", "autoscaler"),
    named("rosa edit machinepool gpu -c ml --enable-autoscaling --min-replicas=0 --max-replicas=4", "autoscaler"),
    named("doctl kubernetes cluster node-pool update ml gpu --auto-scale --min-nodes 1 --max-nodes 4", "autoscaler"),
    named("linode-cli lke pool-update 1 2 --autoscaler.enabled true --autoscaler.max 4 --autoscaler.min 1"),
    named("kubectl annotate machinedeployment gpu cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size=0 --overwrite"),
    named("""kubectl patch md gpu --type merge -p '{"metadata":{"annotations":{"x/min-size":"1"}}}'""", "limits or bounds"),
    # Karpenter, machines and nodes
    named("""kubectl patch nodepool gpu --type merge -p '{"spec":{"limits":{"cpu":"0"}}}'""", "limits or bounds"),
    named("""kubectl patch nodepools.karpenter.sh/gpu --type=json """
          """-p '[{"op":"replace","path":"/spec/limits/nvidia.com~1gpu","value":0}]'""", "limits"),
    named("kubectl delete nodepool gpu", "without a count"),
    named("kubectl delete nodeclaims -l karpenter.sh/nodepool=gpu", "without a count"),
    named("kubectl annotate nodepool gpu paused=true", "autoscaler"),
    named("kubectl apply -f /manifests/gpu-nodepool.yaml", "'/manifests/gpu-nodepool.yaml'"),
    named("kubectl apply -f - <<EOF\napiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: gpu}\nEOF", "NodePool"),
    named("cat <<EOF | kubectl apply -f -\nkind: MachineDeployment\nspec: {replicas: 4}\nEOF", "MachineDeployment"),
    named("kubectl delete machine gpu-1 -n openshift-machine-api", "without a count"),
    named("kubectl delete node gpu-1", "without a count"),
    named("kubectl drain gpu-1 --ignore-daemonsets --delete-emptydir-data", "out of use"),
    named("for n in $(kubectl get no -l pool=gpu -o name); do kubectl cordon $n; done", "out of use"),
    named("""kubectl patch node gpu-1 -p '{"spec":{"unschedulable":true}}'""", "nodes or machines themselves"),
    named("oc autoscale machineset gpu --min=0 --max=4", "without a count"),
    # Pools that come and go, and machines
    named("gcloud container node-pools create gpu --cluster ml --num-nodes 4 --accelerator type=nvidia-l4"),
    named("gcloud container node-pools delete gpu --cluster ml -q", "creates or deletes nodes"),
    named("gcloud container clusters delete ml -q", "creates or deletes nodes"),
    named("eksctl create nodegroup -f /etc/eksctl/gpu.yaml", "creates or deletes nodes"),
    named("eksctl delete nodegroup --cluster ml --name gpu", "creates or deletes nodes"),
    named("aws eks delete-nodegroup --cluster-name ml --nodegroup-name gpu", "creates or deletes nodes"),
    named("az aks nodepool add --cluster-name c -n gpu -c 4", "creates, deletes or stops nodes"),
    named("az aks nodepool stop --cluster-name c -n gpu -g rg"),
    named("az aks stop -g rg -n c", "stops nodes"),
    named("rosa delete machinepool -c ml gpu -y"),
    named("aws ec2 stop-instances --instance-ids i-0123", "starts or stops machines"),
    named("aws ec2 start-instances --instance-ids $(aws ec2 describe-instances --query x --output text)"),
    named("aws ec2 terminate-instances --instance-ids i-0123"),
    named("gcloud compute instances stop gpu-1 --zone z", "starts or stops machines"),
    named("az vmss deallocate -n gpu -g rg"),
    named("aws autoscaling put-scheduled-update-group-action --auto-scaling-group-name gpu --desired-capacity 0"),
    named("aws autoscaling suspend-processes --auto-scaling-group-name gpu"),
    named("gcloud compute instance-groups managed set-autoscaling gpu --max-num-replicas 4"),
    # Infrastructure from files
    named("terraform apply -auto-approve -var gpu_nodes=4", "infrastructure from files"),
    named("cd /infra && terraform init && terraform apply -auto-approve"),
    named(["terraform", "-chdir=/infra", "apply", "-auto-approve"]),
    named("tofu destroy -auto-approve"),
    named("pulumi up --yes --stack prod"),
    named("pulumi config set nodes 4 && pulumi up -y"),
    named("ansible-playbook scale-nodes.yml -e nodes=4", "playbook"),
    named("ansible-playbook site.yml -e gpu_node_count=0", "playbook"),
    named("kops edit ig gpu --set spec.minSize=4"),
    named("kops update cluster ml --yes"),
    named("kops rolling-update cluster ml --yes"),
    named("scw k8s pool update 1111 size=4"),
    # Requests
    named("curl -X POST -H \"Authorization: Bearer $T\" -d '{\"nodeCount\":4}' "
          "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c/nodePools/gpu:setSize"),
    named("curl -sX PUT --data @body.json 'https://management.azure.com/subscriptions/s/agentPools/gpu?api-version=1'"),
    named("wget --method=PUT --body-data='{\"count\":4}' https://api.digitalocean.com/v2/kubernetes/clusters/c/node_pools/p"),
    named("curl --request PATCH https://kubernetes.default.svc/apis/cluster.x-k8s.io/v1beta1/namespaces/x/machinedeployments/gpu"
          " -d '{\"spec\":{\"replicas\":4}}'"),
    named("curl -XPOST https://ops.example.com/hooks/scale-nodes"),
    named("curl -s https://example.com/scale-nodes.sh | bash", "scale-nodes.sh"),
    # Programs
    named(["python3", "-c", "import boto3; boto3.client('eks').update_nodegroup_config(clusterName='c')"],
          "update_nodegroup_config"),
    named(["python", "-c", "import boto3\nboto3.client('autoscaling').set_desired_capacity(AutoScalingGroupName='g')"]),
    named("python3 - <<'EOF'\nimport boto3\nasg = boto3.client('autoscaling')\n"
          "asg.update_auto_scaling_group(AutoScalingGroupName='gpu', MinSize=0)\nEOF", "update_auto_scaling_group"),
    named(["python3", "-c", "ContainerServiceClient(c, s).agent_pools.begin_create_or_update('g', 'c', 'gpu', p)"]),
    named(["python3", "-c", "cluster_manager.set_node_pool_size(request={'name': n, 'node_count': 4})"]),
    named(["python3", "-c",
           "api.patch_namespaced_custom_object('cluster.x-k8s.io', 'v1beta1', 'x', 'machinedeployments', 'gpu', b)"]),
    named(["node", "-e", "new EKS({}).updateNodegroupConfig({clusterName: 'c', nodegroupName: 'gpu'})"]),
    named(["node", "-e", "client.send(new SetDesiredCapacityCommand({AutoScalingGroupName: 'gpu'}))"]),
    named(["perl", "-e", "$asg->SetDesiredCapacity(AutoScalingGroupName => 'gpu')"]),
    named(["pwsh", "-c", "Update-AzAksNodePool -Name gpu -NodeCount 4"]),
    named(["python3", "-c", "boto3.client('ec2').stop_instances(InstanceIds=ids)"]),
    named(["python3", "/app/scale_nodes.py", "--pool", "gpu", "--nodes", "4"], "/app/scale_nodes.py"),
    named(["/usr/local/bin/node-scaler", "up"], "node-scaler"),
    named("sh /scripts/resize-nodepool.sh", "/scripts/resize-nodepool.sh"),
    named("/scripts/scale-up.sh", "/scripts/scale-up.sh"),
    named(". /lib.sh; resize_nodepool gpu 4", "resize_nodepool"),
    Shape(["python3", "/scripts/job.py"], issue=SCALER_NOT_READ, names="set_desired_capacity",
          files={"/scripts/job.py": "import boto3\nboto3.client('autoscaling').set_desired_capacity(x=1)\n"}),
    Shape(["/scripts/job"], issue=SCALER_NOT_READ, names="update_nodegroup_config",
          files={"/scripts/job": "#!/usr/bin/env python3\nboto3.client('eks').update_nodegroup_config()\n"}),
    named("aws lambda invoke --function-name scale-nodes out.json", "'scale-nodes'"),
    named("aws ssm start-automation-execution --document-name AWS-StopEC2Instance --parameters InstanceId=i-1"),
    named("gcloud scheduler jobs run scale-gpu-nodes --location l", "'scale-gpu-nodes'"),
    named("aws cloudformation update-stack --stack-name x --parameters ParameterKey=NodeGroupSize,ParameterValue=4"),
    named("az rest --method put --url https://management.azure.com/subscriptions/x/agentPools/gpu --body @b.json"),
    named("kubectl create job --from=cronjob/gpu-scale-up manual", "'cronjob/gpu-scale-up'"),
    named("kubectl get nodes -o name | xargs kubectl delete", "can't be followed"),
    named("for n in $(kubectl get nodes -o name); do kubectl delete $n; done", "without a count"),
    named("git clone $R infra && cd infra && sed -i 's/node_count = .*/node_count = 4/' main.tf && git commit -am up"),
    named(["make", "-C", "/infra", "scale-up"], "'scale-up'"),
    named(["npm", "run", "scale:nodes"], "'scale:nodes'"),
    named("python3 /opt/gke_scaler/main.py", "/opt/gke_scaler/main.py"),
    named("sh -c /scripts/gpu_up.sh", "/scripts/gpu_up.sh"),
    named("bash /opt/nodes-down.sh"),
    named("az resource update --ids /x/agentPools/gpu --set properties.count=3"),
    named("kubectl patch cluster ml --type merge -p "
          "'{\"spec\":{\"topology\":{\"workers\":{\"machineDeployments\":[{\"name\":\"gpu\",\"replicas\":4}]}}}}'"),
    named("kubectl get md gpu -o json | jq '.spec.replicas=4' | kubectl apply -f -"),
    named("curl -fsS http://node-scaler.ops.svc/up"),
    named("curl 'http://ops.example.com/scale-nodes?count=4'"),
    named("helm upgrade gpu ./chart --set nodePool.replicas=4"),
    named("argocd app set gpu-nodes -p replicas=3"),
    named("flux resume kustomization nodepools"),
    # Images
    named([], "node-scaler", image="registry.example.com/ops/node-scaler:1"),
    named([], "cluster-autoscaler", image="registry.k8s.io/autoscaling/cluster-autoscaler:v1.30.0"),
    named([], "karpenter", image="public.ecr.aws/karpenter/controller@sha256:0123"),
    named(["--pool=gpu", "--nodes=4"], "kube-node-scaler", image="kube-node-scaler"),
    named(["/run"], "nodepool-scaler", image="localhost:5000/nodepool-scaler"),
    named([], "asg-scaler", image="acme/asg-scaler:2.1"),
    named(["python", "main.py"], "gke-resize", image="eu.gcr.io/acme/gke-resize:latest"),
    named(["apply", "-auto-approve"], "terraform apply", image="hashicorp/terraform:1.9"),
]  # fmt: skip

PODS = [
    pods("kubectl scale deployment/web --replicas=3"),
    pods("kubectl scale deploy comfyui-a100 --replicas=8 -n ops"),
    pods(["kubectl", "scale", "sts", "db", "--replicas=0"]),
    pods("kubectl scale statefulset/db --replicas 1"),
    pods("kubectl scale rs/web --replicas=1"),
    pods("kubectl scale rc web --replicas=1"),
    pods("kubectl scale rayservice/llm --replicas=1"),
    pods("kubectl scale inferenceservice llm --replicas=1"),
    pods("kubectl scale widgets.example.com/x --replicas=1"),
    pods("oc scale dc/web --replicas=0"),
    pods("kubectl scale deploy --all --replicas=0 -n dev"),
    pods("kubectl scale deploy -l tier=web --replicas=0"),
    pods("kubectl scale deploy/web sts/db --replicas=0"),
    pods("kubectl scale deployment $NAME --replicas=$N"),
    pods("for d in web api; do kubectl scale deployment $d --replicas=0; done"),
    pods("for d in $(kubectl get deploy -o name); do kubectl scale $d --replicas=0; done"),
    pods("kubectl get deploy -n dev -o jsonpath='{.items[*].metadata.name}' | xargs -n1 echo; "
         "kubectl scale deployment --all --replicas=0"),
    pods('if [ "$(date +%u)" -lt 6 ]; then kubectl scale deployment/web --replicas=3; fi'),
    pods(["scale", "--replicas=0", "deployment/web"]),
    pods(["scale", "deploy", "web", "--replicas=2", "--namespace=prod"]),
    pods("""kubectl patch deployment web -p '{"spec":{"replicas":3}}'"""),
    pods("""kubectl patch sts/db --type=json -p '[{"op":"replace","path":"/spec/replicas","value":0}]'"""),
    Shape("kubectl scale deploy/web --replicas=3\nkubectl scale md/gpu --replicas=4", {"gpu": 4}, has_pods=True),
    Shape(f"{RESIZE}; kubectl scale deployment comfyui --replicas=8", {"gpu": 4}, has_pods=True),
    Shape(f"{RESIZE} && for d in a b; do kubectl scale deploy $d --replicas=1; done", {"gpu": 4}, has_pods=True),
    Shape("kubectl scale md/gpu deploy/web --replicas=4", {"gpu": 4}, has_pods=True),
]  # fmt: skip

UNRELATED = [
    Shape(command)
    for command in (
        "pg_dump db | gzip > /backup/$(date +%F).gz",
        "curl -fsS https://example.com/health",
        'curl -X POST -d \'{"text": "done"}\' https://hooks.slack.com/services/T/B/x',
        "curl -s https://container.googleapis.com/v1/projects/p/locations/-/clusters",
        "kubectl get nodes",
        "kubectl scale --help",
        "kubectl top nodes | mail -s report ops@example.com",
        "kubectl describe machinedeployment gpu",
        "kubectl delete pod --field-selector=status.phase=Failed -A",
        "kubectl delete job old && kubectl apply -f /manifests/app.yaml",
        "kubectl rollout restart deployment/web",
        "kubectl label node gpu-1 pool=gpu --overwrite",
        "kubectl exec db-0 -- pg_dumpall",
        "kubectl annotate deploy web touched=now",
        "aws s3 cp /backup s3://bucket/ --recursive",
        "aws eks update-kubeconfig --name ml",
        "aws eks describe-nodegroup --cluster-name ml --nodegroup-name gpu",
        "aws autoscaling describe-auto-scaling-groups",
        "aws ec2 describe-instances",
        "aws eks update-nodegroup-config --nodegroup-name gpu --labels addOrUpdateLabels={a=b}",
        "gcloud container clusters get-credentials ml --zone z",
        "gcloud container node-pools list --cluster ml",
        "gcloud container clusters update ml --update-labels team=ml",
        "gcloud sql export sql db gs://bucket/x",
        "az aks show -g rg -n c",
        "az aks get-credentials -g rg -n c",
        "az aks nodepool update --cluster-name c -n gpu --labels a=b",
        "aws lambda invoke --function-name send-report out.json",
        "gcloud run jobs execute thumbnails",
        "aws cloudformation deploy --stack-name web --template-file web.yaml",
        "kubectl create job --from=cronjob/backup manual",
        "sed -i 's/replicas: 1/replicas: 2/' web.yaml",
        "make -C /app test",
        "helm upgrade node-exporter ./chart",
        "curl -LO https://example.com/cluster-autoscaler.yaml",
        "curl -fsS http://backup.ops.svc/run",
        "az resource update --ids /x/storageAccounts/s --set tags.a=b",
        "terraform plan -detailed-exitcode",
        "ansible-playbook backup.yml",
        "pulumi preview",
        "kops get ig",
        "helm upgrade web ./chart --set replicaCount=3",
        "python3 -c \"import boto3; print(boto3.client('eks').describe_nodegroup(clusterName='c'))\"",
        "python3 -c 'print(1)'",
        "python manage.py clearsessions",
        "node /app/dist/jobs/send-mails.js",
        "/app/backup.sh --scale 2",
        "/scripts/cleanup.sh",
        "rake db:migrate",
        "redis-cli -h redis FLUSHALL",
        "echo kubectl scale md/gpu --replicas=4",
        "# kubectl scale md/gpu --replicas=4\ndate",
        "cat <<EOF > /tmp/x\nit's: $y\nEOF",
        "find /data -mtime +7 -delete; sleep 5; exit 0",
        "for f in *.csv; do gzip $f; done",
        "trap 'rm -f /tmp/lock' EXIT; rsync -a /a /b",
        "nvidia-smi --query-gpu=utilization.gpu --format=csv",
        "ffmpeg -i in.mp4 -vf scale=640:360 out.mp4",
        "",
    )
] + [
    Shape(["up"]),
    Shape(["--config", "/etc/app.yaml"]),
    Shape([], image="postgres:16"),
    Shape([], image="acme/train-on-gpu:1"),
    Shape(["npm", "start"], image="acme/node-startup:1"),
    Shape([], image="prom/node-exporter:1"),
    Shape([], image="acme/image-resizer:1"),
    Shape([], image="registry.k8s.io/autoscaling/vpa-recommender:1"),
    Shape(["apply"], image="acme/migrations:2"),
]

SHAPES = [*READ, *SCRIPTS, *UNREADABLE, *NAMED, *PODS, *UNRELATED]
