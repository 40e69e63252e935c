"""Pages of reports: HTML from a Report, the same for a file that is mailed and for the web server. No I/O but templates."""
