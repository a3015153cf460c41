"""Actions that wait for their commit, joined into groups: a group costs one commit however many share it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from inspections.change import Change
from inspections.errors import Refusal
from storage.engine.unit_of_work import UnitOfWork

T = TypeVar("T")
Action = Callable[[Any], Change[T]]
"""Of the repository that is handed in; see Contents."""

GROUP_LIMIT = 64


class Waiting(NamedTuple):
    """An action that waits for its commit, and where its caller waits."""

    action: Action[Any]
    future: asyncio.Future[Any]


class Settled(NamedTuple):
    """What becomes of one caller: an answer that is committed, or an error."""

    future: asyncio.Future[Any]
    answer: Any
    error: Exception | None

    def tell(self) -> None:
        if self.future.done():  # whoever asked has gone away
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.answer)


def next_group(waiting: deque[Waiting], places: int = 1) -> list[Waiting]:
    """Its share of what waits, where several groups are written side by side."""
    return [waiting.popleft() for _ in range(min(GROUP_LIMIT, -(-len(waiting) // places)))]


class Alone(Exception):
    """An action needs a transaction of its own: it changes what is there already, or reads it in order to."""


def decided(repository: UnitOfWork, waiting: Waiting, *, inserts_only: bool = False) -> Settled:
    """Runs one action and takes note of what it writes. A refusal costs the others of its group nothing.

    Raises Alone for one that changes something, where its group `inserts_only`.
    """
    try:
        change = waiting.action(repository)
    except Refusal as refusal:
        return Settled(waiting.future, None, refusal)
    if inserts_only and (change.changed or change.removed):
        raise Alone
    repository.write(change)
    return Settled(waiting.future, change.answer, None)
