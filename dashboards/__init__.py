"""Grafana's dashboards as code: ``python -m dashboards`` writes their JSON into the Helm chart."""
