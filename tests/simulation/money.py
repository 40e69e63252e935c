"""Exact rounding and splitting of nano-units."""

from decimal import Decimal


def round_ratio(numerator: int, denominator: int) -> int:
    """numerator / denominator, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def split(total: int, weights: list[int]) -> list[int]:
    """Split by cumulative rounding; without any weight there is nothing to give."""
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    shares = []
    seen = 0
    for weight in weights:
        shares.append(round_ratio(total * (seen + weight), whole) - round_ratio(total * seen, whole))
        seen += weight
    return shares


def nano_units(price: str | int) -> int:
    """A price as an integer number of nano-units; more than 9 decimals are an error."""
    scaled = Decimal(price).scaleb(9)
    if scaled != int(scaled):
        raise ValueError(f"more than 9 decimals: {price}")
    return int(scaled)
