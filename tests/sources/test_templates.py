"""What is no manifest yet: Helm templates and kustomizations are refused, with the command that makes manifests of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import cron_job, gpucost, manifest, write
from gpucost.sources.yamlfiles import ManifestError, load_manifests, parse_documents

JOB = """apiVersion: batch/v1
kind: CronJob
metadata:
  name: up
spec:
  schedule: "0 8 * * *"
"""


def refusal(text: str) -> str:
    with pytest.raises(ManifestError) as raised:
        parse_documents(text, "cron.yaml")
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("{{- range $p := .Values.pools }}\n---\n" + JOB + "{{- end }}\n", 1, "{{- range $p := .Values.pools }}"),
        (JOB + '{{- include "x.spec" . | nindent 2 }}\n', 7, '{{- include "x.spec" . | nindent 2 }}'),
        (JOB.replace("name: up", "name: {{ .Release.Name }}-up"), 4, "name: {{ .Release.Name }}-up"),
        (JOB.replace('"0 8 * * *"', "{{ $.Values.schedule | quote }}"), 6, "schedule: {{ $.Values.schedule | quote }}"),
        (JOB.replace('"0 8 * * *"', '"{{ .Values.schedule }}"'), 6, 'schedule: "{{ .Values.schedule }}"'),
        (JOB.replace("name: up", 'name: "{{ $p.name }}-up"'), 4, 'name: "{{ $p.name }}-up"'),
        (
            JOB.replace("  name: up", "  {{- with .Values.labels }}\n  labels: {{ toYaml . }}\n  {{- end }}"),
            4,
            "{{- with",
        ),
        ("{{/* no yaml at all */}}\n{{ fail }", 1, "{{/* no yaml at all */}}"),
        ("{% for pool in pools %}\n" + JOB + "{% endfor %}\n", 1, "{% for pool in pools %}"),
        (JOB.replace("name: up", "name: {{ pool }}-up"), 4, "name: {{ pool }}-up"),
    ],
)
def test_a_template_is_called_one_with_file_and_line(text: str, line: int, shown: str) -> None:
    said = refusal(text)
    assert said.startswith(f"cron.yaml, line {line}: this is a template ({shown}")
    assert said.endswith("not a manifest; render it first: helm template ... | gpucost schedule --cronjobs -")


@pytest.mark.parametrize(
    "command",
    [
        "kubectl get nodes -o go-template='{{range .items}}{{.metadata.name}}{{end}}'",
        "docker ps --format '{{.ID}}'",
        "echo {{ }}",
    ],
)
def test_a_script_with_braces_is_no_template(command: str) -> None:
    text = JOB + f'  jobTemplate:\n    args:\n      - "{command}"\n      - |\n        {command}\n'
    assert len(parse_documents(text)) == 1


def test_broken_yaml_that_is_no_template_is_told_as_before() -> None:
    assert refusal("a: [").startswith("cron.yaml, line 2, column 1: unreadable YAML")
    assert refusal('{"a": {"b": 1}').startswith("cron.yaml, line 1, column 15: unreadable JSON")
    assert "stands twice" in refusal("a: 1\na: 2\nb: '{{ x }}'")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("overlay.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [cron.yaml]\n"),
        ("part.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: []\n"),
        ("kustomization.yaml", "resources: [cron.yaml]\n"),
        ("kustomization.yml", "resources: [cron.yaml]\n"),
        ("Kustomization", "resources:\n- cron.yaml\n"),
        ("several.yaml", JOB + "---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"),
    ],
)
def test_a_kustomization_is_called_one_with_its_folder(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError) as raised:
        load_manifests(str(path))
    said = str(raised.value)
    assert said.startswith(f"{path}: this is a kustomization, not a manifest; build it first: kustomize build ")
    assert "| gpucost schedule --cronjobs - (or kubectl kustomize " in said


def test_a_kustomization_of_another_api_is_another_kind(tmp_path: Path) -> None:
    """Flux has a kind of that name, which says what to deploy."""
    path = tmp_path / "flux.yaml"
    path.write_text("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n", encoding="utf-8")
    assert len(load_manifests(str(path))) == 1


@pytest.mark.parametrize("command", ["report", "schedule", "init"])
def test_the_commands_end_with_2(command: str, tmp_path: Path) -> None:
    template, kustomization = tmp_path / "cron.yaml", tmp_path / "kustomization.yaml"
    template.write_text("{{- if .Values.on }}\n" + JOB + "{{- end }}\n", encoding="utf-8")
    kustomization.write_text("resources: [cron.yaml]\n", encoding="utf-8")
    report = () if command == "init" else ("-f", write(tmp_path / "report.yaml", manifest()))
    said = gpucost(command, *report, "--cronjobs", template).sentence(2)
    assert said.startswith(f"{template}, line 1: this is a template")
    assert "this is a kustomization" in gpucost(command, *report, "--cronjobs", kustomization).sentence(2)
    assert "standard input: this is a kustomization" in gpucost(
        command, *report, "--cronjobs", "-", stdin="apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    ).sentence(2)


def test_rendered_manifests_are_read(tmp_path: Path) -> None:
    files = ("-f", write(tmp_path / "report.yaml", manifest()), "--cronjobs", write(tmp_path / "cron.yaml", cron_job()))
    assert gpucost("schedule", *files).code == 0
