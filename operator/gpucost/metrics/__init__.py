"""Prometheus metrics: series of reports and of the operator itself, encoded once per change."""
