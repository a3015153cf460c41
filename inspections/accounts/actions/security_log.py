"""Writes events to the security log, in the transaction of the action they describe, and deletes expired ones."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from inspections.accounts.repository import AccountRepository
from inspections.accounts.security_log import RETENTION, Event, SecurityEvent, change_facts
from inspections.change import Change

T = TypeVar("T")
R = TypeVar("R", bound=AccountRepository)


class Caller(NamedTuple):
    """The username behind a request, "" if nobody is signed in, and the network address it came from."""

    by: str
    address: str


def with_security_event(
    action: Callable[[R], Change[T]],
    event: Event,
    caller: Caller,
    now: datetime,
    about: str = "",
    facts: Mapping[str, str] | None = None,
) -> Callable[[R], Change[T]]:
    """Wraps an action so that a security event is written with its change; no change means no event."""

    def run_and_log(repository: R) -> Change[T]:
        change = action(repository)
        if not (change.new or change.changed or change.removed):
            return change
        details = {**change_facts(change.changed, change.removed), **(facts or {})}
        return replace(change, new=(*change.new, *record_event(repository, event, caller, now, about, details).new))

    return run_and_log


def record_event(
    repository: AccountRepository,
    event: Event,
    caller: Caller,
    now: datetime,
    about: str = "",
    facts: Mapping[str, str] | None = None,
) -> Change[None]:
    """Records an event that changes nothing else, such as a failed sign-in or a viewed original."""
    line = SecurityEvent(repository.new_id(), now, event, caller.by, about, caller.address, dict(facts or {}))
    return Change(None, (line,))


def delete_expired_events(repository: AccountRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes at most `limit` events older than the retention period. Returns how many were deleted."""
    over = repository.old_events(now - RETENTION, limit)
    return Change(len(over), removed=tuple(over))
