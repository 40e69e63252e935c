"""A first CostReport from what is there: CronJobs, and a task database of whatever schema."""
