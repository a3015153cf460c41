"""Lines of the security log: written in the transaction of what they are about, forgotten when their time is over."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from inspections.accounts.repository import AccountRepository
from inspections.accounts.security_log import KEPT, Event, SecurityEvent, facts_of
from inspections.change import Change

T = TypeVar("T")
R = TypeVar("R", bound=AccountRepository)


class Caller(NamedTuple):
    """Who asks, "" where nobody is signed in, and from where."""

    by: str
    address: str


def noted(
    action: Callable[[R], Change[T]],
    event: Event,
    caller: Caller,
    now: datetime,
    about: str = "",
    facts: Mapping[str, str] | None = None,
) -> Callable[[R], Change[T]]:
    """The action, with a line about it where it changes anything: what was only asked for again leaves none."""

    def both(repository: R) -> Change[T]:
        change = action(repository)
        if not (change.new or change.changed or change.removed):
            return change
        said = {**facts_of(change.changed, change.removed), **(facts or {})}
        return replace(change, new=(*change.new, *note(repository, event, caller, now, about, said).new))

    return both


def note(
    repository: AccountRepository,
    event: Event,
    caller: Caller,
    now: datetime,
    about: str = "",
    facts: Mapping[str, str] | None = None,
) -> Change[None]:
    """A line about what changes nothing else: a failed sign-in, an original that was looked at."""
    line = SecurityEvent(repository.new_id(), now, event, caller.by, about, caller.address, dict(facts or {}))
    return Change(None, (line,))


def forget_events(repository: AccountRepository, now: datetime, limit: int) -> Change[int]:
    """At most `limit` lines whose time is over go; answers how many."""
    over = repository.old_events(now - KEPT, limit)
    return Change(len(over), removed=tuple(over))
