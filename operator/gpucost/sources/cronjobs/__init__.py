"""CronJobs that scale node pools: their manifests, the command lines in these, and the tools that such lines call."""
