"""Examples of the bodies that operations take, and of their answers with the problems that the tests have recorded."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

_ANSWERS = Path(__file__).with_name("answers.json")
_BODIES = Path(__file__).with_name("bodies.json")


class RecordedAnswers(Struct, frozen=True, forbid_unknown_fields=True):
    """The answers of an operation that the tests have seen: an example, and the codes of problems by status."""

    example: Any = None
    problems: dict[str, list[str]] = {}


@cache
def recorded_answers() -> dict[str, RecordedAnswers]:
    """`METHOD path` of each operation → what was recorded."""
    return msgspec.json.decode(_ANSWERS.read_bytes(), type=dict[str, RecordedAnswers])


@cache
def example_bodies() -> dict[str, dict[str, Any]]:
    """`METHOD path` of each operation with a JSON body → examples by name; of a step by the step's name."""
    return msgspec.json.decode(_BODIES.read_bytes())
