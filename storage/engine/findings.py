"""What a check has to say."""

from typing import NamedTuple


class Finding(NamedTuple):
    """Something that is not as it should be, named so that a person finds it."""

    what: str
    where: str
