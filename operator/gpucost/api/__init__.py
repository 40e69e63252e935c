"""The manifests: typed once, parsed once at the edge (docs/cli.md, docs/method.md)."""
