"""build_report() and what it gives: a typed Report, its tables, its status and its files."""
