"""Where inputs come from: CronJob manifests, the schedule table, task databases."""
