"""Random numbers that are the same in every run."""

import random


def seeded_random(seed: str) -> random.Random:
    """A generator of the same numbers for the same `seed`; nothing secret is derived from it."""
    return random.Random(seed)  # noqa: S311  # no secret
