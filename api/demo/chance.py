"""What is invented is drawn by lot, the same at every run."""

import random


def drawn_by(seed: str) -> random.Random:
    """The lots of whatever has this `seed`. Nothing that is drawn here is a secret."""
    return random.Random(seed)  # noqa: S311  # no secret
