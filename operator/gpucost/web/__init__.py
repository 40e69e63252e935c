"""The HTTP server: metrics, health, and later the pages."""
