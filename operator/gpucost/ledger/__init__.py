"""What must be remembered: versions of schedules, outcomes of Jobs, final reports and the last figures of each report."""
