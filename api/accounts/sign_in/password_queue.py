"""Compares and hashes passwords on one thread: those of known people first, those of strangers in fair turns.

Hashing is slow on purpose. With a thread of its own it delays no other request, and with two queues a crowd of
strangers cannot keep the people of the office out.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from inspections.errors import TooManyRequests

T = TypeVar("T")

MAX_WAITING = 20
"""The most requests that wait in each queue."""
_LONGEST_DELAY = 60
"""The longest `Retry-After` of a refused stranger, in seconds."""


class Applicant(NamedTuple):
    """The person who waits. `known`: signed in, or on a known device of the account. `network`: that of a stranger."""

    known: bool
    network: str = ""


KNOWN = Applicant(known=True)


class _Turn(NamedTuple):
    network: str
    begun: asyncio.Future[None]


class PasswordQueue:
    """One thread and two queues. A full queue of strangers gives up one of the network that has most in it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "anxun-hash")
        self._known: list[_Turn] = []
        self._strangers: list[_Turn] = []
        self._busy = False
        self._refused = 0

    def check_room(self, applicant: Applicant) -> None:
        """Raises TooManyRequests if the queue is full and the applicant could take nobody's place in it."""
        waiting = self._known if applicant.known else self._strangers
        if len(waiting) >= MAX_WAITING and (applicant.known or self._crowding_turn(applicant.network) is None):
            raise self._refusal()

    async def run(self, work: Callable[[], T], applicant: Applicant) -> T:
        """Runs a hashing function in its turn. Raises TooManyRequests."""
        self.check_room(applicant)
        if self._busy:
            await self._wait_for_turn(applicant)
        self._busy = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._begin_turn()

    async def _wait_for_turn(self, applicant: Applicant) -> None:
        waiting = self._known if applicant.known else self._strangers
        if len(waiting) >= MAX_WAITING and (displaced := self._crowding_turn(applicant.network)):
            self._strangers.remove(displaced)
            if not displaced.begun.done():
                displaced.begun.set_exception(self._refusal())
        turn = _Turn(applicant.network, asyncio.get_running_loop().create_future())
        waiting.append(turn)
        try:
            await turn.begun
        except asyncio.CancelledError:
            if not turn.begun.cancelled() and turn.begun.exception() is None:
                self._begin_turn()  # its turn had begun
            raise
        finally:
            if turn in waiting:
                waiting.remove(turn)

    def _begin_turn(self) -> None:
        """Begins the next turn; the thread stays busy for it, so that nobody comes in between."""
        if not self._strangers:
            self._refused = 0
        for waiting in (self._known, self._strangers):
            while waiting:
                turn = waiting.pop(0)
                if not turn.begun.done():  # else its request was given up
                    turn.begun.set_result(None)
                    return
        self._busy = False

    def _crowding_turn(self, network: str) -> _Turn | None:
        """Returns the last turn of the network that has most waiting, if it would still have as many as `network`."""
        crowd = Counter(turn.network for turn in self._strangers)
        most, count = max(crowd.items(), key=lambda item: item[1])
        if count <= crowd[network] + 1:
            return None
        return next(turn for turn in reversed(self._strangers) if turn.network == most)

    def _refusal(self) -> TooManyRequests:
        """Builds a refusal; its delay doubles with each queue of strangers that was refused in a row."""
        self._refused += 1
        return TooManyRequests(retry_after=min(2 ** (self._refused // MAX_WAITING), _LONGEST_DELAY))
