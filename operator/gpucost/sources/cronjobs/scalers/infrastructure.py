"""Tools that make a cluster what files say, and command lines of further clouds: named, never read.

A count may stand in a variable or a file, but what becomes of it stands in files that are not at hand.
"""

from __future__ import annotations

import re
from typing import Final

from gpucost.core.issues import SCALER_NOT_READ
from gpucost.sources.cronjobs.options import Unreadable
from gpucost.sources.cronjobs.readings import Reading
from gpucost.sources.cronjobs.scalers.base import COMMON_SWITCHES, Call, Form, name_form

_APPLIES: Final = "applies infrastructure from files, which may change nodes"
_TERRAFORM: Final = COMMON_SWITCHES | {"-auto-approve", "-no-color", "-input"}
_NODE_WORDS: Final = re.compile(
    r"(?<![a-z])(?:nodes?|node[-_]?(?:pool|group)s?|scal\w+|machines?|asg|autoscaling|capacity)(?![a-z])",
    re.IGNORECASE,
)


def _read_ansible(call: Call) -> Reading:
    """A playbook's name and variables are all that can be judged of it."""
    words = " ".join([*call.names, *(value or "" for _, value in call.line.options)]).replace("_", "-")
    if _NODE_WORDS.search(words):
        raise Unreadable("runs a playbook that looks like node scaling", SCALER_NOT_READ)
    return Reading()


def _read_stack(call: Call) -> Reading:
    """A stack's parameters are all that can be judged of it."""
    words = " ".join([*call.names, *(value or "" for _, value in call.line.options)])
    if re.search(r"node|capacity|autoscal|agentpool|asg|worker", words, re.IGNORECASE):
        raise Unreadable("changes a stack that looks like nodes", SCALER_NOT_READ)
    return Reading()


def _read_release(call: Call) -> Reading:
    """A chart's or application's name and values are all that can be judged of it."""
    words = " ".join([*call.names, *(value or "" for _, value in call.line.options)])
    if re.search(
        r"node-?_?(?:pool|group)|machine-?(?:deployment|set|pool)|karpenter|(?<![a-z])nodes(?![a-z])", words, re.I
    ):
        raise Unreadable("changes a release that looks like nodes", SCALER_NOT_READ)
    return Reading()


FORMS: Final = (
    Form("helm upgrade|install|rollback|uninstall", _read_release, kind=SCALER_NOT_READ),
    Form("argocd app set|sync", _read_release, kind=SCALER_NOT_READ),
    Form("flux resume|suspend|reconcile", _read_release, kind=SCALER_NOT_READ),
    Form("aws cloudformation deploy|update-stack|create-stack|delete-stack|execute-change-set", _read_stack,
         kind=SCALER_NOT_READ),
    Form("az deployment group|sub create", _read_stack, kind=SCALER_NOT_READ),
    name_form("terraform|tofu|terragrunt apply|destroy|run-all", _APPLIES, switches=_TERRAFORM),
    name_form("pulumi up|update|destroy", _APPLIES),
    name_form("cdk deploy|destroy", _APPLIES),
    Form("ansible-playbook|ansible|ansible-runner", _read_ansible, kind=SCALER_NOT_READ),
    name_form("kops edit|replace|create|delete|scale ig|instancegroup|instancegroups|instancegroup", "changes nodes"),
    name_form("kops update|rolling-update|delete cluster|ig|instancegroup", "changes nodes"),
    name_form("kops replace|create", "changes nodes", ("-f", "--filename")),
    name_form("ovhcloud cloud kube nodepool edit|create|delete", "changes nodes"),
    name_form("tccli tke ModifyClusterNodePool|ModifyNodePoolDesiredCapacityAboutAsg", "changes nodes"),
    name_form("clusterctl generate|move|delete", "changes machines"),
    name_form("scw k8s pool update|create|delete", "changes nodes"),
    name_form("vultr-cli kubernetes|k node-pool|n update|u|create|c|delete|d", "changes nodes"),
    name_form("exo compute sks nodepool|np scale|update|add|delete|evict", "changes nodes"),
    name_form("civo kubernetes|k8s|k3s node-pool|nodepool scale|create|delete|recycle", "changes nodes"),
    name_form("aliyun cs ScaleClusterNodePool|ModifyClusterNodePool|ScaleOutCluster|RemoveNodePoolNodes",
              "changes nodes"),
    name_form("aliyun ess ModifyScalingGroup|ExecuteScalingRule|ScaleWithAdjustment|EnableScalingGroup|DisableScalingGroup",
              "changes nodes"),
    name_form("tanzu cluster node-pool set|create|delete", "changes nodes"),
    name_form("tanzu cluster scale", "changes nodes"),
    name_form("ibmcloud|ic ks|oc cluster autoscale", "changes the bounds of an autoscaler"),
    name_form("talosctl shutdown|reboot|reset", "starts or stops machines"),
    name_form("yc managed-kubernetes|k8s node-group|node-groups update|create|delete", "changes nodes"),
    name_form("openstack coe nodegroup update|create|delete", "changes nodes"),
    name_form("openstack coe cluster resize", "changes nodes"),
    name_form("hcloud server poweron|poweroff|shutdown|create|delete", "starts or stops machines"),
    name_form("virtctl start|stop", "starts or stops machines"),
)  # fmt: skip
