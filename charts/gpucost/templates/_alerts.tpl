{{- /*
Recording rules and alerts, as YAML lists. Every expression says by which labels it is: a new pod has a new label pod, and
else each restart of the operator would begin all alerts anew. Money keeps its currency and its report, for reports overlap.
*/}}

{{- define "gpucost.records" -}}
# Age of the data of reports whose period goes on, or ended less than two days ago. Alerts about money are of these only:
# what a period in the past cost can't be changed any more.
- record: namespace_report:gpucost_report_data_age_seconds:moving
  expr: time() - max by (namespace, report) (gpucost_report_data_until_timestamp_seconds) < 172800
- record: namespace_report_currency:gpucost_report_node_cost:sum
  expr: >-
    sum by (namespace, report, currency) (max by (namespace, report, currency, node_type) (gpucost_report_node_cost))
- record: namespace_report_currency:gpucost_report_idle_cost:sum
  expr: >-
    sum by (namespace, report, currency) (max by (namespace, report, currency, node_type) (gpucost_report_idle_cost))
- record: namespace_report_currency:gpucost_report_allocated_cost:sum
  expr: >-
    sum by (namespace, report, currency) (max by (namespace, report, currency, node_type) (gpucost_report_allocated_cost))
- record: namespace_report_currency:gpucost_report_idle:ratio
  expr: >-
    namespace_report_currency:gpucost_report_idle_cost:sum / (namespace_report_currency:gpucost_report_node_cost:sum > 0)
- record: namespace_report_currency:gpucost_report_coverage:ratio
  expr: >-
    namespace_report_currency:gpucost_report_allocated_cost:sum
    / (namespace_report_currency:gpucost_report_node_cost:sum > 0)
- record: namespace_report_node_pool:gpucost_node_pool_drift:node_hours
  expr: max by (namespace, report, node_pool) (gpucost_node_pool_drift_seconds) / 3600
- record: namespace_report_service:gpucost_service_successes:max
  expr: max by (namespace, report, service) (gpucost_service_attempts{outcome="Success"})
- record: namespace_report_service_currency:gpucost_cost_per_success:max
  expr: max by (namespace, report, service, currency) (gpucost_cost_per_success)
# Against the same weekday and time a week ago; 0.5 is half as dear again. A gap of an hour then does no harm.
- record: namespace_report_service_currency:gpucost_cost_per_success:rise_1w
  expr: >-
    namespace_report_service_currency:gpucost_cost_per_success:max
    / (last_over_time(namespace_report_service_currency:gpucost_cost_per_success:max[1h] offset 1w) > 0) - 1
    and on (namespace, report) namespace_report:gpucost_report_data_age_seconds:moving
{{- end }}

{{- define "gpucost.alerts" -}}
{{- $rule := .Values.prometheusRule }}
{{- $report := `{{ $labels.namespace }}/{{ $labels.report }}` }}
{{- $describe := `kubectl describe costreport {{ $labels.report }} -n {{ $labels.namespace }}` }}
{{- $deployment := printf "deployment %s in %s" (include "gpucost.fullname" .) .Release.Namespace }}
{{- $moving := "and on (namespace, report) namespace_report:gpucost_report_data_age_seconds:moving" }}
{{- $awake := `unless on (namespace, report) gpucost_report_ready_reason{reason="Suspended"}` }}
{{- /* What a sentence adds from another series of the same labels; "unknown" where there is none. */}}
{{- $reason := `{{ with printf "gpucost_report_ready_reason{namespace=%q,report=%q}" $labels.namespace $labels.report | query }}{{ . | first | label "reason" }}{{ else }}unknown{{ end }}` }}
{{- $figure := `{{ with printf "METRIC{namespace=%q,report=%q,currency=%q}" $labels.namespace $labels.report $labels.currency | query }}{{ . | first | value | printf "%.2f" }}{{ else }}unknown{{ end }}` }}
{{- $idle := $figure | replace "METRIC" "namespace_report_currency:gpucost_report_idle_cost:sum" }}
{{- $cost := $figure | replace "METRIC" "namespace_report_currency:gpucost_report_node_cost:sum" }}
{{- $perSuccess := `{{ with printf "namespace_report_service_currency:gpucost_cost_per_success:max{namespace=%q,report=%q,service=%q,currency=%q}" $labels.namespace $labels.report $labels.service $labels.currency | query }}{{ . | first | value | printf "%.6g" }}{{ else }}unknown{{ end }}` }}
- alert: GpucostReportFailing
  expr: max by (namespace, report) (gpucost_report_ready) == 0 {{ $awake }}
  for: {{ $rule.failingFor }}
  labels: {severity: warning}
  annotations:
    summary: >-
      CostReport {{ $report }} is not ready: {{ $reason }}.
    description: >-
      The last good figures stay. Its condition Ready says what to do: {{ $describe }}
- alert: GpucostFiguresStale
  expr: >-
    time() - max by (namespace, report) (gpucost_report_last_success_timestamp_seconds)
    > {{ $rule.staleAfterSeconds | int64 }} {{ $awake }}
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: >-
      The figures of CostReport {{ $report }} are {{ `{{ $value | humanizeDuration }}` }} old.
    description: >-
      They should be renewed at least once a day. Look at its condition Ready and spec.refresh: {{ $describe }}
- alert: GpucostWatchDeaf
  expr: >-
    time() - max by (namespace, job, resource) (gpucost_watch_last_event_timestamp_seconds)
    > {{ $rule.deafAfterSeconds | int64 }}
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: >-
      gpucost has not heard of {{ `{{ $labels.resource }} for {{ $value | humanizeDuration }}` }}.
    description: >-
      It lists them every {{ .Values.settings.resync }} s, so it can't reach the API server or may not list them; edits of
      schedules are missed meanwhile. Look at the log of {{ $deployment }}.
- alert: GpucostDatabaseFailing
  expr: >-
    sum by (namespace, job, reason) (increase(gpucost_database_errors_total[15m])) > {{ $rule.databaseErrors }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: >-
      Failed reads of task databases in 15 minutes: {{ `{{ $value | printf "%.0f" }} ({{ $labels.reason }})` }}.
    description: >-
      Reports that read them keep their last figures. gpucost doctor says which database it is and what to do.
- alert: GpucostLedgerFailing
  expr: sum by (namespace, job) (increase(gpucost_ledger_errors_total[15m])) > 0
  for: 15m
  labels: {severity: critical}
  annotations:
    summary: >-
      Failed reads and writes of gpucost's ledger in 15 minutes: {{ `{{ $value | printf "%.0f" }}` }}.
    description: >-
      Edits of schedules could be lost if {{ $deployment }} restarted now. Look whether the volume is full or the database gone.
- alert: GpucostScheduleConflict
  expr: max by (namespace, report) (gpucost_report_conflicts) > 0 {{ $moving }}
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: >-
      Conflicts of schedules in the period of CostReport {{ $report }}: {{ `{{ $value }}` }}.
    description: >-
      CronJobs of one node pool ask for different node counts at the same instant; the greatest is billed. quality.issues of the
      status names them: {{ $describe }}
- alert: GpucostUnpricedNodes
  expr: max by (namespace, report) (gpucost_report_unpriced_seconds) / 3600 > 0
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: >-
      {{ `{{ $value | printf "%.1f" }}` }} node-hours of CostReport {{ $report }} have no price.
    description: >-
      Their cost is missing in all its figures. quality.issues of the status names the node type: {{ $describe }}
- alert: GpucostIdleShareHigh
  # A day long, for the first night of a month that has just begun is idle.
  expr: >-
    namespace_report_currency:gpucost_report_idle:ratio > {{ $rule.idleRatio }}
    and min_over_time(namespace_report_currency:gpucost_report_idle:ratio[1d]) > {{ $rule.idleRatio }} {{ $moving }}
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: >-
      {{ `{{ $value | humanizePercentage }}` }} of what the nodes of CostReport {{ $report }} cost was idle:
      {{ $idle }} of {{ $cost }} {{ `{{ $labels.currency }}` }}.
    description: >-
      More than prometheusRule.idleRatio ({{ $rule.idleRatio }}) of its period so far. Its recommendations say which hours to shut
      down: {{ $describe }}
{{- with $rule.idleCost }}
- alert: GpucostIdleSpendHigh
  expr: >-
    (
    {{- range $place, $currency := keys . | sortAlpha }}
    {{- if $place }} or {{ end }}
    namespace_report_currency:gpucost_report_idle_cost:sum{currency="{{ $currency }}"} > {{ get $rule.idleCost $currency }}
    {{- end }}
    ) {{ $moving }}
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: >-
      Idle nodes of CostReport {{ $report }} cost {{ `{{ $value | printf "%.2f" }} {{ $labels.currency }}` }} in its period so far.
    description: >-
      More than prometheusRule.idleCost allows. Its recommendations say which hours to shut down: {{ $describe }}
{{- end }}
- alert: GpucostCoverageLow
  expr: >-
    namespace_report_currency:gpucost_report_coverage:ratio < {{ $rule.coverageRatio }}
    and max_over_time(namespace_report_currency:gpucost_report_coverage:ratio[1d]) < {{ $rule.coverageRatio }} {{ $moving }}
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: >-
      Only {{ `{{ $value | humanizePercentage }}` }} of what the nodes of CostReport {{ $report }} cost is charged to tasks.
    description: >-
      Less than prometheusRule.coverageRatio ({{ $rule.coverageRatio }}). Either nodes were idle, or tasks are not found on them:
      {{ $describe }}
- alert: GpucostCostPerSuccessJumped
  expr: >-
    namespace_report_service_currency:gpucost_cost_per_success:rise_1w > {{ $rule.costPerSuccessRise }}
    and on (namespace, report, service) namespace_report_service:gpucost_service_successes:max >= {{ $rule.minSuccesses }}
    and on (namespace, report, service)
    last_over_time(namespace_report_service:gpucost_service_successes:max[1h] offset 1w) >= {{ $rule.minSuccesses }}
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: >-
      A success of {{ `{{ $labels.service }} in CostReport ` }}{{ $report }} costs {{ `{{ $value | humanizePercentage }}` }} more than
      a week ago: {{ $perSuccess }} {{ `{{ $labels.currency }}` }}.
    description: >-
      The same weekday and time are compared, each over the report's period. Fewer successes on the same nodes, more failures, or
      a new price or schedule make this: {{ $describe }}
- alert: GpucostDrift
  expr: >-
    (namespace_report_node_pool:gpucost_node_pool_drift:node_hours > {{ $rule.driftNodeHours }}
    or namespace_report_node_pool:gpucost_node_pool_drift:node_hours < -{{ $rule.driftNodeHours }}) {{ $moving }}
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: >-
      Node pool {{ `{{ $labels.node_pool }}` }} of CostReport {{ $report }} is
      {{ `{{ $value | printf "%+.1f" }}` }} node-hours off its schedule.
    description: >-
      Jobs of its CronJobs failed, were late or were started by hand. More nodes than scheduled are positive. kubectl get jobs -n
      the namespace of the CronJobs shows them.
- alert: GpucostSeriesDropped
  expr: sum by (namespace, job) (gpucost_dropped_series) > 0
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: >-
      gpucost leaves out {{ `{{ $value }}` }} series.
    description: >-
      All reports together have more than settings.maxSeries ({{ .Values.settings.maxSeries | int64 }}). Raise it, or let
      reports have fewer services.
- alert: GpucostDown
  expr: absent(gpucost_build_info)
  for: 15m
  labels: {severity: critical}
  annotations:
    summary: >-
      No gpucost is scraped.
    description: >-
      Look at {{ $deployment }}, and whether Prometheus scrapes it.
{{- end }}
