"""Shell scripts, followed without running anything: their syntax, what words become, and which commands run."""
