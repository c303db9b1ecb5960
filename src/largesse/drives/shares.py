"""Parts of a whole, exact to the minor unit: largest remainder, ties by key."""

from collections.abc import Mapping


def shares_of(total_minor: int, weights: Mapping[str, int]) -> dict[str, int]:
    """
    Divide `total_minor` by weight; the shares sum to it exactly.

    Args:
        total_minor: zero or more.
        weights: what each may get a part for; zero or more, in minor units.

    Returns:
        The share of each key. While the total is at most the sum of the weights, no share is above its weight.
    """
    whole = sum(weights.values())
    if total_minor <= 0 or whole <= 0:
        return dict.fromkeys(weights, 0)
    shares = {key: total_minor * weight // whole for key, weight in weights.items()}
    rest = total_minor - sum(shares.values())
    by_remainder = sorted(weights, key=lambda key: (-(total_minor * weights[key] % whole), key))
    for key in by_remainder[:rest]:
        shares[key] += 1
    return shares
