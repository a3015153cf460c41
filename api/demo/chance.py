"""What is invented is drawn at random, and the same at every run."""

import random


def random_of(seed: str) -> random.Random:
    """The same numbers for the same `seed`. Nothing that is drawn here is a secret."""
    return random.Random(seed)  # noqa: S311  # no secret
