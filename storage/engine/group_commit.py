"""Group commit: pending actions are joined into groups, and each group costs one commit."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from inspections.change import Change
from inspections.errors import Refusal
from storage.engine.unit_of_work import UnitOfWork

T = TypeVar("T")
Action = Callable[[Any], Change[T]]
"""A function from the repository (see `DatabaseDefinition`) to its Change."""

GROUP_LIMIT = 64


class PendingAction(NamedTuple):
    """An action that waits to be committed, and the future that its caller awaits."""

    action: Action[Any]
    future: asyncio.Future[Any]


class ActionResult(NamedTuple):
    """The result of one action: a committed answer or an error, and the future that receives it."""

    future: asyncio.Future[Any]
    answer: Any
    error: Exception | None

    def resolve(self) -> None:
        if self.future.done():  # the caller was cancelled
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.answer)


def pop_group(waiting: deque[PendingAction], places: int = 1) -> list[PendingAction]:
    """Removes the next group from the queue: an equal share of it, since `places` groups are written concurrently."""
    return [waiting.popleft() for _ in range(min(GROUP_LIMIT, -(-len(waiting) // places)))]


class NeedsOwnTransaction(Exception):
    """An action needs a transaction of its own, because it changes or locks existing rows."""


def run_action(repository: UnitOfWork, waiting: PendingAction, *, inserts_only: bool = False) -> ActionResult:
    """Runs one action and adds its change to the unit of work. A refusal does not affect the rest of the group.

    Raises NeedsOwnTransaction for an action that updates or deletes, if its group is `inserts_only`.
    """
    try:
        change = waiting.action(repository)
    except Refusal as refusal:
        return ActionResult(waiting.future, None, refusal)
    if inserts_only and (change.changed or change.removed):
        raise NeedsOwnTransaction
    repository.write(change)
    return ActionResult(waiting.future, change.answer, None)
