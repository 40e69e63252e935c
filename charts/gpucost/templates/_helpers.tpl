{{- define "gpucost.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* At most 52 characters: "-metrics" and its like follow. */}}
{{- define "gpucost.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- /* Of objects without a namespace: two releases may have the same name in different ones. */}}
{{- define "gpucost.clusterwide" -}}
{{ printf "%s-%s" .Release.Namespace (include "gpucost.fullname" .) }}
{{- end }}

{{- define "gpucost.selector" -}}
app.kubernetes.io/name: {{ include "gpucost.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gpucost.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "gpucost.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "gpucost.serviceAccount" -}}
{{- default (ternary (include "gpucost.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "gpucost.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "gpucost.serviceAccount" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "gpucost.image" -}}
{{- $image := .Values.image }}
{{- if not $image.repository }}
{{- fail "image.repository is required: build the image with the Dockerfile at the root of the gpucost repository, push it to a registry that your cluster can pull from, and install with --set image.repository=registry.example/gpucost" }}
{{- end }}
{{- $image.repository }}:{{ default .Chart.AppVersion $image.tag }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "gpucost.claim" -}}
{{- default (printf "%s-ledger" (include "gpucost.fullname" .)) .Values.ledger.persistence.existingClaim }}
{{- end }}

{{- /* "yes" where the ledger is a SQLite file. */}}
{{- define "gpucost.sqlite" -}}
{{- if not .Values.ledger.postgresql.secretName }}yes{{ end }}
{{- end }}

{{- /* "yes" where a part for the Prometheus operator is wanted and may be made. */}}
{{- define "gpucost.monitoring" -}}
{{- $there := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) }}
{{- if and .part.enabled (or $there .part.force) }}yes{{ end }}
{{- end }}

{{- /* What the operator does in each namespace that it watches. */}}
{{- define "gpucost.rules" -}}
- apiGroups: [gpucost.dev]
  resources: [costreports]
  verbs: [get, list, watch, patch]
- apiGroups: [gpucost.dev]
  resources: [costreports/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.readConfigMaps }}
- apiGroups: [""]
  resources: [configmaps] # by name: those that CronJobs take scripts or variables from
  verbs: [get]
{{- end }}
{{- end }}
