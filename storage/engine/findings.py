"""The result type of consistency checks."""

from typing import NamedTuple


class Finding(NamedTuple):
    """An inconsistency: `what` is wrong and `where`, in words for the operator."""

    what: str
    where: str
