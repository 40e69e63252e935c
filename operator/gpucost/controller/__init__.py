"""The operator: what the cluster says becomes the status of CostReports. ``running`` shows how it is put together."""
