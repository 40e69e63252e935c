"""What of a request says in which form its answer may come."""

from __future__ import annotations

from typing import Final

from prometheus_client.exposition import choose_encoder

REFUSED: Final = frozenset({"0", "0.", "0.0", "0.00", "0.000"})
"""Weights of a content coding that a client won't have."""


def takes_openmetrics(accept: str) -> bool:
    """Whether an Accept header asks for OpenMetrics 1.0 rather than the text format, as prometheus_client reads it."""
    try:
        _, chosen = choose_encoder(accept)
    except TypeError:  # it compares a version that is no number, such as 1.x
        return False
    return chosen.startswith("application/openmetrics-text")


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3)."""
    weights: dict[str, str] = {}
    for choice in accept_encoding.lower().split(","):
        coding, _, weight = choice.partition(";")
        weights[coding.strip()] = weight.strip().removeprefix("q=").strip()
    told = weights.get("gzip", weights.get("*"))
    return told is not None and told not in REFUSED
