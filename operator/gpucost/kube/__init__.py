"""The Kubernetes API: who we are there, and the few requests that we make."""
